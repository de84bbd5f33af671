//! Who writes first when a connection's send window is full.
//!
//! QUIC sends the buffered bytes of the most urgent stream first, but all streams share one window, and a file that
//! fills it keeps a command's reply from even being buffered. So a stream that finds the window full says so here, and
//! less urgent streams hold their next write back until it got through, for [`defaults::YIELD`] at most: the more
//! urgent one may be waiting for its reader, not for the window.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use crate::defaults;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    waiting: [AtomicUsize; 4],
    held: Mutex<Vec<Waker>>,
}

impl Gate {
    fn blocks(&self, level: usize) -> bool {
        self.waiting[..level]
            .iter()
            .any(|count| count.load(Ordering::Acquire) > 0)
    }

    fn enter(&self, level: usize) {
        self.waiting[level].fetch_add(1, Ordering::AcqRel);
    }

    fn leave(&self, level: usize) {
        self.waiting[level].fetch_sub(1, Ordering::AcqRel);
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        held.into_iter().for_each(Waker::wake);
    }

    fn hold(&self, waker: &Waker) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.iter().any(|other| other.will_wake(waker)) {
            held.push(waker.clone());
        }
    }
}

/// One stream's place at the gate.
#[derive(Debug)]
pub(crate) struct Turn {
    gate: Arc<Gate>,
    level: usize,
    /// This stream wrote and found no room.
    waiting: bool,
    /// This stream lets others go first until then.
    yielding: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

impl Turn {
    pub(crate) fn new(gate: Arc<Gate>, level: usize) -> Self {
        Self {
            gate,
            level,
            waiting: false,
            yielding: None,
        }
    }

    pub(crate) fn set_level(&mut self, level: usize) {
        if level != self.level {
            self.wrote();
            self.level = level;
        }
    }

    /// Whether this stream may write now; if not, the task is woken when it may.
    pub(crate) fn may_write(&mut self, cx: &mut std::task::Context<'_>) -> bool {
        if self.waiting || !self.gate.blocks(self.level) {
            self.yielding = None;
            return true;
        }
        self.gate.hold(cx.waker());
        // A stream that left between the two lines above has not woken this one.
        if !self.gate.blocks(self.level) {
            self.yielding = None;
            return true;
        }
        let limit = self
            .yielding
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(defaults::YIELD)));
        if limit.as_mut().poll(cx).is_ready() {
            self.yielding = None;
            return true;
        }
        false
    }

    /// The window was full.
    pub(crate) fn blocked(&mut self) {
        if !self.waiting {
            self.waiting = true;
            self.gate.enter(self.level);
        }
    }

    /// The write got through, or nobody will try again.
    pub(crate) fn wrote(&mut self) {
        if self.waiting {
            self.waiting = false;
            self.gate.leave(self.level);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.wrote();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;
    use std::time::Duration;

    async fn allowed(turn: &mut Turn) {
        poll_fn(|cx| {
            if turn.may_write(cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn less_urgent_streams_wait_until_the_urgent_one_got_through() {
        let gate = Arc::new(Gate::default());
        let mut urgent = Turn::new(gate.clone(), 0);
        let mut file = Turn::new(gate.clone(), 3);
        urgent.blocked();
        let start = tokio::time::Instant::now();
        let (_, waited) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                urgent.wrote();
            },
            async {
                allowed(&mut file).await;
                start.elapsed()
            }
        );
        assert_eq!(waited, Duration::from_millis(10));
        file.blocked();
        allowed(&mut urgent).await;
        assert_eq!(
            start.elapsed(),
            Duration::from_millis(10),
            "the urgent one never waits for the file"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_limit_and_a_dropped_stream_frees_the_others() {
        let gate = Arc::new(Gate::default());
        let mut video = Turn::new(gate.clone(), 2);
        let mut file = Turn::new(gate.clone(), 3);
        video.blocked();
        let start = tokio::time::Instant::now();
        allowed(&mut file).await;
        assert!(start.elapsed() >= defaults::YIELD);
        assert!(start.elapsed() < defaults::YIELD * 2);
        drop(video);
        let start = tokio::time::Instant::now();
        allowed(&mut file).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
