//! One writer at a time for a data folder, among all programs of this machine.

use super::not_written;
use crate::api::Failure;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// The lock's file inside the data folder. Not the store itself: that is replaced at every change.
const FILE: &str = "store.lock";
/// How long another writer is waited for: a change takes milliseconds, and a stopped program is none to wait for.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// The right to change what is saved in a folder, until it is dropped or its program ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the other writers of this folder, at most 5 s. A file system without locks gives one that excludes nobody.
    ///
    /// # Errors
    /// [`FileNotWritten`](crate::api::FailureCode::FileNotWritten) if the file cannot be opened or stays taken.
    pub fn take(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .map_err(|error| not_written(&path, &error))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(not_written(&path, &"another Porthole program holds it"));
                }
                Err(TryLockError::Error(error)) => {
                    tracing::debug!(path = %path.display(), %error, "no locks here");
                    break;
                }
            }
        }
        Ok(Self { _file: file })
    }
}
