//! Who may read the card for a download, and when: live goes first.
//!
//! Two downloads read at a time, a piece each. While a viewer of live lags behind, a piece has to wait until it has caught
//! up, or for [`DOWNLOAD_PATIENCE`]: a viewer on a bad line of its own must not stop all downloads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::defaults::{DOWNLOAD_PATIENCE, DOWNLOAD_READS, LIVE_LAG_MS};
use crate::live::Live;

/// How often it is looked whether live has caught up.
const LOOK: Duration = Duration::from_millis(20);

/// See the module's text.
pub struct Share {
    live: Arc<Live>,
    reads: Arc<Semaphore>,
}

impl Share {
    /// All downloads of a camera, beside this live.
    pub fn new(live: Arc<Live>) -> Arc<Self> {
        Arc::new(Self {
            live,
            reads: Arc::new(Semaphore::new(DOWNLOAD_READS)),
        })
    }

    /// Waits until a piece may be read. The permit is dropped when it is.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let patience = Instant::now() + DOWNLOAD_PATIENCE;
        while self.live.lag_ms() > LIVE_LAG_MS && Instant::now() < patience {
            tokio::time::sleep(LOOK).await;
        }
        Arc::clone(&self.reads).acquire_owned().await.ok()
    }
}
