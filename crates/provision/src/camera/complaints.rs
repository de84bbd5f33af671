//! Bounds what is said about datagrams that are none.

use std::time::{Duration, Instant};

use crate::defaults::MAX_COMPLAINTS;

/// Bounds how many unreadable datagrams are answered.
#[derive(Debug)]
pub(super) struct Complaints {
    since: Instant,
    count: u32,
}

impl Complaints {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            count: 0,
        }
    }

    pub(super) fn allow(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.count += 1;
        self.count <= MAX_COMPLAINTS
    }
}
