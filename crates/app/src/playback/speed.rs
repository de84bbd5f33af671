//! How fast, which way, and what the camera has to send for it.

use crate::api::{Failure, FailureCode};
use wire::stream::{Direction, FastForward};

/// Speeds that exist.
const SPEEDS: [f32; 10] = [-16.0, -8.0, -4.0, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0];

/// A speed that exists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(f32);

/// What the camera sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pictures {
    /// Which of them.
    pub step: FastForward,
    /// Which way.
    pub direction: Direction,
}

impl Speed {
    /// As recorded.
    pub const NORMAL: Self = Self(1.0);

    /// One of -16, -8, -4, 0.5, 1, 1.5, 2, 4, 8, 16.
    ///
    /// # Errors
    /// [`FailureCode::SettingInvalid`].
    pub fn new(speed: f32) -> Result<Self, Failure> {
        if SPEEDS.contains(&speed) {
            return Ok(Self(speed));
        }
        Err(Failure::new(FailureCode::SettingInvalid)
            .with("setting", "speed")
            .with("reason", format!("{speed}: expected one of {SPEEDS:?}")))
    }

    /// The number, negative = backward.
    pub fn number(self) -> f32 {
        self.0
    }

    /// Recorded time that passes in one second of a clock, not negative.
    pub fn rate(self) -> f64 {
        f64::from(self.0.abs())
    }

    /// Whether time runs backward.
    pub fn is_backward(self) -> bool {
        self.0 < 0.0
    }

    /// Whether every picture and the sound are played.
    pub fn is_whole(self) -> bool {
        self.pictures().step == FastForward::Normal
    }

    /// What the camera sends for it: above double speed keyframes are enough for the eye, and sound is for none.
    pub fn pictures(self) -> Pictures {
        let step = match self.0.abs() {
            fast if fast > 8.0 => FastForward::EverySecond,
            fast if fast > 2.0 => FastForward::Keyframes,
            _ => FastForward::Normal,
        };
        let direction = if self.is_backward() {
            Direction::Backward
        } else {
            Direction::Forward
        };
        Pictures { step, direction }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_speeds_on_the_list_exist() {
        for speed in SPEEDS {
            assert_eq!(Speed::new(speed).unwrap().number(), speed);
        }
        for speed in [0.0, -1.0, 3.0, 1e9, f32::NAN, f32::INFINITY] {
            assert!(Speed::new(speed).is_err(), "{speed}");
        }
    }

    #[test]
    fn fast_and_backward_are_played_from_keyframes() {
        let of = |speed| Speed::new(speed).unwrap();
        assert!(
            [0.5, 1.0, 1.5, 2.0]
                .iter()
                .all(|speed| of(*speed).is_whole())
        );
        assert_eq!(of(4.0).pictures().step, FastForward::Keyframes);
        assert_eq!(of(16.0).pictures().step, FastForward::EverySecond);
        assert_eq!(of(-8.0).pictures().direction, Direction::Backward);
        assert!(!of(-4.0).is_whole());
    }
}
