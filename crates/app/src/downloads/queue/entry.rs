//! One download on the list.

use super::{Count, Paths, Record, Task};
use crate::api::{Download, DownloadState, Failure};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::watch;

/// Weight of the newest measurement in how fast a download is.
const NEWEST: f64 = 0.3;

/// A download that is not done.
pub(super) struct Entry {
    pub(super) paths: Paths,
    pub(super) record: Record,
    pub(super) state: DownloadState,
    pub(super) failure: Option<Failure>,
    pub(super) count: Arc<Count>,
    /// Bytes a second.
    pub(super) rate: f64,
    pub(super) stop: watch::Sender<bool>,
    pub(super) task: Option<Task>,
}

impl Entry {
    pub(super) fn new(paths: Paths, record: Record) -> Self {
        let state = match () {
            () if record.paused => DownloadState::Paused,
            () if record.failure.is_some() => DownloadState::Failed,
            () => DownloadState::Waiting,
        };
        let count = Count::default();
        count.received.store(paths.received(), Ordering::Relaxed);
        count.total.store(record.total, Ordering::Relaxed);
        Self {
            paths,
            state,
            failure: record.failure.clone(),
            record,
            count: Arc::new(count),
            rate: 0.0,
            stop: watch::Sender::new(false),
            task: None,
        }
    }

    /// Tells its task to end.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether it goes on only when the user says so.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.state, DownloadState::Paused | DownloadState::Failed)
    }

    /// Whether its figures change by themselves.
    pub(super) fn is_moving(&self) -> bool {
        self.state == DownloadState::Running
    }

    pub(super) fn become_state(&mut self, state: DownloadState, failure: Option<Failure>) {
        (self.state, self.failure) = (state, failure);
    }

    /// As the UI gets it.
    pub(super) fn shown(&self) -> Download {
        let received = self.count.received.load(Ordering::Relaxed);
        let total = self.count.total.load(Ordering::Relaxed);
        let known = self.is_moving() && total > 0 && self.rate >= 1.0;
        let left = total.saturating_sub(received) as f64;
        Download {
            id: self.record.id,
            camera: self.record.camera.clone(),
            name: self.paths.name(),
            from_ms: self.record.from_ms,
            to_ms: self.record.to_ms,
            state: self.state,
            received,
            total,
            bytes_per_second: self.rate,
            remaining_ms: known.then(|| (left / self.rate * 1000.0) as u64),
            path: None,
            failure: self.failure.clone(),
        }
    }
}

/// How fast a download is.
#[derive(Debug, Default)]
pub(super) struct Rate {
    last: Option<(Instant, u64)>,
    bytes_per_second: Option<f64>,
}

impl Rate {
    /// Bytes a second at `now`; 0 while it does not run.
    pub(super) fn measure(&mut self, entry: &Entry, now: Instant) -> f64 {
        if !entry.is_moving() {
            *self = Self::default();
            return 0.0;
        }
        self.count(entry.count.received.load(Ordering::Relaxed), now)
    }

    fn count(&mut self, received: u64, now: Instant) -> f64 {
        let Some((at, before)) = self.last else {
            self.last = Some((now, received));
            return 0.0;
        };
        let passed = now.saturating_duration_since(at).as_secs_f64();
        if passed < 0.1 {
            return self.bytes_per_second.unwrap_or(0.0);
        }
        self.last = Some((now, received));
        let rate = received.saturating_sub(before) as f64 / passed;
        let mean = self
            .bytes_per_second
            .map_or(rate, |before| before + (rate - before) * NEWEST);
        self.bytes_per_second = Some(mean);
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_rate_is_smooth_and_follows() {
        let start = Instant::now();
        let mut rate = Rate::default();
        assert_eq!(rate.count(5_000_000, start), 0.0, "what was there before");
        let mut shown = 0.0;
        for n in 1..=20 {
            let at = start + Duration::from_millis(250 * n);
            shown = rate.count(5_000_000 + 250_000 * n, at);
        }
        assert!((shown - 1_000_000.0).abs() < 1.0, "{shown}");
        let at = start + Duration::from_millis(250 * 21);
        let slower = rate.count(5_000_000 + 250_000 * 20, at);
        assert_eq!(slower, 700_000.0, "a pause is not the end");
    }
}
