//! Waiting longer and longer between tries, for ever.

use std::time::Duration;

/// Doubles from `first` to `most`, with up to a quarter more, so that many cameras behind one router that came back do
/// not all knock at the same instant.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// A fresh one.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            next: first,
        }
    }

    /// How long to wait now. `random` is 0..=255: the caller brings the randomness.
    pub fn next(&mut self, random: u8) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        wait + wait * u32::from(random) / 1024
    }

    /// It worked: the next failure waits the shortest time again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A random byte for [`Backoff::next`]; without randomness everybody waits the same, which does no harm.
pub fn jitter() -> u8 {
    let mut byte = [0];
    match getrandom::fill(&mut byte) {
        Ok(()) => byte[0],
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let waits: Vec<_> = (0..9).map(|_| backoff.next(0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        backoff.reset();
        let longest = backoff.next(255);
        assert!(longest > Duration::from_secs(1) && longest < Duration::from_millis(1_250));
    }
}
