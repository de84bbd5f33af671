//! The camera's one clock: wall time for the frame grid, media time for the timestamps.
//!
//! Wall time runs on the monotonic clock and is pulled towards the system's clock by at most 1 ms a call, so that it
//! never runs backward in a running stream. A step of the system's clock (NTP at boot, a suspended machine) is taken
//! over at once: forward it shows as a gap, backward the epoch moves along and media time goes on.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A larger difference to the system's clock is a step, microseconds.
const STEP_US: i64 = 50_000;
/// The largest correction of one call, microseconds.
const SLEW_US: i64 = 1_000;
/// Media time when the camera starts: room for the audio encoder's negative first timestamp.
const START_US: i64 = 1_000_000;

/// See the module's text.
#[derive(Debug)]
pub struct Clock(Mutex<Anchor>);

#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: Instant,
    wall_us: i64,
    epoch_us: i64,
}

impl Anchor {
    fn new(now: Instant, system_us: i64) -> Self {
        Self {
            at: now,
            wall_us: system_us,
            epoch_us: system_us - START_US,
        }
    }

    fn wall_us(&self, now: Instant) -> i64 {
        self.wall_us + micros(now.saturating_duration_since(self.at))
    }

    fn instant_of(&self, wall_us: i64) -> Instant {
        self.at + Duration::from_micros(u64::try_from(wall_us - self.wall_us).unwrap_or(0))
    }

    fn follow(&mut self, now: Instant, system_us: i64) {
        let wall = self.wall_us(now);
        let behind = system_us - wall;
        let change = if behind.abs() > STEP_US {
            behind
        } else {
            behind.clamp(-SLEW_US, SLEW_US)
        };
        if change < -SLEW_US {
            self.epoch_us += change;
        }
        // Slewing backward must not repeat a time that was given out already.
        let change = if (-SLEW_US..0).contains(&change)
            && micros(now.saturating_duration_since(self.at)) < -change
        {
            0
        } else {
            change
        };
        (self.at, self.wall_us) = (now, wall + change);
    }
}

impl Clock {
    /// A clock that shows the system's time.
    pub fn start() -> Self {
        Self(Mutex::new(Anchor::new(Instant::now(), system_us())))
    }

    /// Wall time, microseconds since 1970.
    pub fn wall_us(&self) -> i64 {
        self.anchor().wall_us(Instant::now())
    }

    /// Media time of a wall time, microseconds; about 1 s when the camera starts.
    pub fn media_us(&self, wall_us: i64) -> i64 {
        wall_us - self.anchor().epoch_us
    }

    /// When a wall time is reached on the monotonic clock; a time long past gives a time past.
    pub fn instant_of(&self, wall_us: i64) -> Instant {
        self.anchor().instant_of(wall_us)
    }

    /// Pulls wall time towards the system's clock. Called about once a second.
    pub fn follow_system(&self) {
        let mut anchor = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        anchor.follow(Instant::now(), system_us());
    }

    fn anchor(&self) -> Anchor {
        *self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The system's clock, microseconds since 1970.
pub(crate) fn system_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, micros)
}

/// The system's clock, seconds since 1970.
pub(crate) fn system_seconds() -> u64 {
    u64::try_from(system_us() / 1_000_000).unwrap_or(0)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_800_000_000_000_000;

    #[test]
    fn small_differences_are_slewed_and_never_run_backward() {
        let start = Instant::now();
        let mut anchor = Anchor::new(start, T);
        let mut last = 0;
        for second in 1..20 {
            let now = start + Duration::from_secs(second);
            // The system's clock is 10 ms behind.
            anchor.follow(now, T + second as i64 * 1_000_000 - 10_000);
            let media = anchor.wall_us(now) - anchor.epoch_us;
            assert!(media > last);
            last = media;
        }
        let now = start + Duration::from_secs(19);
        assert_eq!(anchor.wall_us(now), T + 19_000_000 - 10_000);
    }

    #[test]
    fn a_step_backward_keeps_media_time_and_a_step_forward_jumps() {
        let start = Instant::now();
        let mut anchor = Anchor::new(start, T);
        let now = start + Duration::from_secs(5);
        anchor.follow(now, T - 3_600_000_000);
        assert_eq!(anchor.wall_us(now), T - 3_600_000_000);
        assert_eq!(anchor.wall_us(now) - anchor.epoch_us, 6_000_000);
        anchor.follow(now, T);
        assert_eq!(anchor.wall_us(now), T);
        assert_eq!(anchor.wall_us(now) - anchor.epoch_us, 3_606_000_000);
    }

    #[test]
    fn a_wall_time_maps_to_the_moment_it_is_reached() {
        let clock = Clock::start();
        let soon = clock.wall_us() + 20_000;
        let wait = clock
            .instant_of(soon)
            .saturating_duration_since(Instant::now());
        assert!(wait <= Duration::from_millis(20) && wait > Duration::from_millis(5));
        assert!(clock.instant_of(0) <= Instant::now());
    }
}
