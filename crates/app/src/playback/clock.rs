//! The clock that a playback is paced by.
//!
//! It counts *played* time, ms: recorded time without the gaps, in the order of play. It stands while the playback is
//! paused, starved or held up, and goes on from where it stood.

use std::time::{Duration, Instant};

/// Maps played time to moments of this machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// What was played at a moment; the moment is absent while the clock stands.
    played: f64,
    since: Option<Instant>,
    rate: f64,
}

impl Clock {
    /// Stands at `played`.
    pub(crate) fn new(played: f64, rate: f64) -> Self {
        Self {
            played,
            since: None,
            rate,
        }
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.since.is_some()
    }

    /// Played time at `now`, ms.
    pub(crate) fn played(&self, now: Instant) -> f64 {
        let passed = self.since.map_or(0.0, |since| {
            now.saturating_duration_since(since).as_secs_f64()
        });
        self.played + passed * 1000.0 * self.rate
    }

    /// When `due` (played time, ms) comes; `None` while the clock stands.
    pub(crate) fn when(&self, due: f64) -> Option<Instant> {
        let wait = ((due - self.played) / self.rate / 1000.0).clamp(0.0, 86_400.0);
        Some(self.since? + Duration::from_secs_f64(wait))
    }

    /// Goes on from `played`.
    pub(crate) fn run_from(&mut self, played: f64, now: Instant) {
        (self.played, self.since) = (played, Some(now));
    }

    /// Stands where it is.
    pub(crate) fn stop(&mut self, now: Instant) {
        (self.played, self.since) = (self.played(now), None);
    }

    /// Runs or stands as before, at another rate.
    pub(crate) fn change_rate(&mut self, rate: f64, now: Instant) {
        self.played = self.played(now);
        self.since = self.since.map(|_| now);
        self.rate = rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_at_its_rate_and_stands_where_it_was_stopped() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut clock = Clock::new(1000.0, 1.0);
        assert_eq!((clock.played(at(500)), clock.when(2000.0)), (1000.0, None));
        clock.run_from(1000.0, at(0));
        assert_eq!(clock.played(at(500)), 1500.0);
        clock.change_rate(2.0, at(500));
        assert_eq!(clock.played(at(500)), 1500.0, "no jump");
        assert_eq!(clock.played(at(1000)), 2500.0);
        assert_eq!(clock.when(2500.0), Some(at(1000)));
        assert_eq!(clock.when(0.0), Some(at(500)), "never before it began");
        clock.stop(at(1000));
        assert_eq!(
            (clock.played(at(9000)), clock.is_running()),
            (2500.0, false)
        );
    }
}
