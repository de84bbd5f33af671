//! How long to wait before asking again.

use std::time::Duration;

/// Counts attempts since the last live picture.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
    troubles: u32,
}

impl Backoff {
    /// A live picture came, or the user asked.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Attempts in a row that reached the camera and found its stream wrong.
    pub(crate) fn troubles(&self) -> u32 {
        self.troubles
    }

    /// The wait before the next attempt. The first comes at once: most losses are a connection that died, and the
    /// session redials by itself while the request waits.
    pub(crate) fn next(&mut self, trouble: bool) -> Duration {
        self.troubles += u32::from(trouble);
        let wait = match self.attempts {
            0 => 0,
            1 => 100,
            2 => 250,
            3..30 => 500,
            _ => 1000,
        };
        self.attempts += 1;
        Duration::from_millis(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_is_at_once_and_none_is_later_than_a_second() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(false), Duration::ZERO);
        assert!((0..1000).all(|_| backoff.next(false) <= Duration::from_secs(1)));
        backoff.next(true);
        assert_eq!(backoff.troubles(), 1);
        backoff.reset();
        assert_eq!(
            (backoff.next(false), backoff.troubles()),
            (Duration::ZERO, 0)
        );
    }
}
