//! A pan and tilt motor as arithmetic: position is a function of the last command and of `now`.
//!
//! ```text
//!  position
//!    │        ______ release, or 500 ms after the last press (dead man)
//!    │      /
//!    │    /  speed
//!    │__/________________ time
//!      press   press again moves the dead man's limit
//! ```

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::defaults::{DEAD_MAN, MOTOR_MAX, MOTOR_SPEED, MOTOR_STEP};

/// A way to turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Tilt towards 0.
    Up,
    /// Tilt towards the maximum.
    Down,
    /// Pan towards 0.
    Left,
    /// Pan towards the maximum.
    Right,
}

/// How fast and how far a motor goes. Positions are 0..=max on both axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Positions a second.
    pub speed: f64,
    /// Positions of one step.
    pub step: u16,
    /// The last position, at most 4095 (what the marks in the picture can carry).
    pub max: u16,
    /// How long a press lasts without another one.
    pub dead_man: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            speed: MOTOR_SPEED,
            step: MOTOR_STEP,
            max: MOTOR_MAX,
            dead_man: DEAD_MAN,
        }
    }
}

/// Where the camera looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// 0 = leftmost.
    pub pan: u16,
    /// 0 = uppermost.
    pub tilt: u16,
}

/// See the module's text.
#[derive(Debug)]
pub struct Motor {
    limits: Limits,
    pan: f64,
    tilt: f64,
    /// Position is as of this moment.
    at: Instant,
    moving: Option<Moving>,
}

#[derive(Clone, Copy, Debug)]
struct Moving {
    turn: Turn,
    until: Instant,
}

impl Motor {
    /// A motor in the middle of both axes.
    pub fn new(limits: Limits, now: Instant) -> Self {
        let limits = Limits {
            max: limits.max.min(MOTOR_MAX),
            ..limits
        };
        let middle = f64::from(limits.max / 2);
        Self {
            limits,
            pan: middle,
            tilt: middle,
            at: now,
            moving: None,
        }
    }

    /// Turns until [`Motor::release`], the end of the way, or the dead man's limit. Pressing again goes on.
    pub fn press(&mut self, turn: Turn, now: Instant) {
        self.settle(now);
        self.moving = Some(Moving {
            turn,
            until: now + self.limits.dead_man,
        });
    }

    /// Stops.
    pub fn release(&mut self, now: Instant) {
        self.settle(now);
        self.moving = None;
    }

    /// Turns by one step and stops there.
    pub fn step(&mut self, turn: Turn, now: Instant) {
        let time = f64::from(self.limits.step) / self.limits.speed;
        self.settle(now);
        self.moving = Some(Moving {
            turn,
            until: now + Duration::from_secs_f64(time),
        });
    }

    /// Where it is.
    pub fn position(&self, now: Instant) -> Position {
        let (pan, tilt) = self.at_time(now);
        Position {
            pan: pan.round() as u16,
            tilt: tilt.round() as u16,
        }
    }

    /// Whether a turn cannot go any further, or has reached the end of its way.
    pub fn at_apex(&self, turn: Turn, now: Instant) -> bool {
        let Position { pan, tilt } = self.position(now);
        match turn {
            Turn::Up => tilt == 0,
            Turn::Down => tilt == self.limits.max,
            Turn::Left => pan == 0,
            Turn::Right => pan == self.limits.max,
        }
    }

    /// Whether it moves.
    pub fn is_moving(&self, now: Instant) -> bool {
        self.moving
            .is_some_and(|moving| now < moving.until && !self.at_apex(moving.turn, now))
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn settle(&mut self, now: Instant) {
        (self.pan, self.tilt) = self.at_time(now);
        self.at = self.at.max(now);
        if self.moving.is_some_and(|moving| now >= moving.until) {
            self.moving = None;
        }
    }

    fn at_time(&self, now: Instant) -> (f64, f64) {
        let Some(moving) = self.moving else {
            return (self.pan, self.tilt);
        };
        let time = now.min(moving.until).saturating_duration_since(self.at);
        let way = time.as_secs_f64() * self.limits.speed;
        let max = f64::from(self.limits.max);
        match moving.turn {
            Turn::Up => (self.pan, (self.tilt - way).max(0.0)),
            Turn::Down => (self.pan, (self.tilt + way).min(max)),
            Turn::Left => ((self.pan - way).max(0.0), self.tilt),
            Turn::Right => ((self.pan + way).min(max), self.tilt),
        }
    }
}

/// Where a shared motor is now.
pub fn position(motor: &Mutex<Motor>) -> Position {
    lock(motor).position(Instant::now())
}

/// A shared motor. A panic elsewhere does not stop it: its state is whole between calls.
pub fn lock(motor: &Mutex<Motor>) -> MutexGuard<'_, Motor> {
    motor
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn motor() -> (Motor, Instant) {
        let start = Instant::now();
        (
            Motor::new(
                Limits {
                    speed: 1_000.0,
                    ..Limits::default()
                },
                start,
            ),
            start,
        )
    }

    #[test]
    fn a_press_turns_until_it_is_released() {
        let (mut motor, start) = motor();
        motor.press(Turn::Left, start);
        assert_eq!(
            motor.position(start + 200 * MS),
            Position {
                pan: 1847,
                tilt: 2047
            }
        );
        assert!(motor.is_moving(start + 200 * MS));
        motor.release(start + 300 * MS);
        assert_eq!(motor.position(start + 900 * MS).pan, 1747);
        assert!(!motor.is_moving(start + 301 * MS));
    }

    #[test]
    fn the_dead_man_stops_500_ms_after_the_last_press() {
        let (mut motor, start) = motor();
        motor.press(Turn::Up, start);
        motor.press(Turn::Up, start + 400 * MS);
        assert!(motor.is_moving(start + 899 * MS));
        assert!(!motor.is_moving(start + 900 * MS));
        assert_eq!(motor.position(start + 5_000 * MS).tilt, 2047 - 900);
        // A late release changes nothing.
        motor.release(start + 6_000 * MS);
        assert_eq!(motor.position(start + 7_000 * MS).tilt, 2047 - 900);
    }

    #[test]
    fn it_stops_at_its_limits_and_says_so() {
        let (mut motor, start) = motor();
        for i in 0..20 {
            motor.press(Turn::Right, start + i * 200 * MS);
        }
        let end = start + 9_000 * MS;
        assert_eq!(motor.position(end).pan, MOTOR_MAX);
        assert!(motor.at_apex(Turn::Right, end) && !motor.at_apex(Turn::Left, end));
        motor.press(Turn::Right, end);
        assert!(!motor.is_moving(end + MS));
    }

    #[test]
    fn a_step_goes_its_way_alone_and_a_turn_replaces_another() {
        let (mut motor, start) = motor();
        motor.step(Turn::Down, start);
        assert_eq!(motor.position(start + 2_000 * MS).tilt, 2047 + MOTOR_STEP);
        motor.press(Turn::Left, start + 2_000 * MS);
        motor.press(Turn::Up, start + 2_100 * MS);
        assert_eq!(
            motor.position(start + 2_200 * MS),
            Position {
                pan: 1947,
                tilt: 2107
            }
        );
    }

    #[test]
    fn a_moment_before_the_last_command_does_not_turn_it_back() {
        let (mut motor, start) = motor();
        motor.press(Turn::Left, start + 100 * MS);
        assert_eq!(motor.position(start).pan, 2047);
    }
}
