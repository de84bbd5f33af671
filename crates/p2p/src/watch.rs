//! Values and events that a caller follows.

use tokio::sync::{broadcast, watch};

/// A value that changes; the reader sees the latest one.
#[derive(Clone, Debug)]
pub struct Watch<T>(watch::Receiver<T>);

impl<T: Clone> Watch<T> {
    pub(crate) fn new(receiver: watch::Receiver<T>) -> Self {
        Self(receiver)
    }

    /// The value now.
    pub fn get(&self) -> T {
        self.0.borrow().clone()
    }

    /// Waits for a value that this reader has not seen. `None` once the owner is gone.
    pub async fn changed(&mut self) -> Option<T> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }

    /// Waits until `wanted` holds, beginning with the value now. `None` once the owner is gone.
    pub async fn until(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Option<T> {
        self.0
            .wait_for(|value| wanted(value))
            .await
            .ok()
            .map(|value| value.clone())
    }
}

/// Events from the moment of subscription on. A reader that falls more than 64 behind misses the oldest.
#[derive(Debug)]
pub struct Events<T>(broadcast::Receiver<T>);

impl<T: Clone> Events<T> {
    pub(crate) fn new(receiver: broadcast::Receiver<T>) -> Self {
        Self(receiver)
    }

    /// The next event; `None` once the owner is gone.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
