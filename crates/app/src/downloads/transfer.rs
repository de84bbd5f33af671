//! One download from its first byte to the finished file.

use super::fetch::{self, Count, Fetched};
use super::record::{Paths, Record};
use crate::api::{DownloadState, DownloadWhat, Failure, FailureCode};
use crate::book::now_ms;
use crate::session::Session;
use crate::{fail, recorded};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wire::Sha256;
use wire::command::Topic;
use wire::command::reply::FileHash;

/// A camera may have to read the whole recording to hash it.
const HASH_TIME: Duration = Duration::from_secs(600);
/// How often bytes that differ from the camera's are fetched again.
const TRIES: u32 = 2;
/// A recording that changes while it is fetched is fetched anew this often.
const CHANGES: u32 = 5;
/// What the camera has just recorded still grows, ms.
const FRESH_MS: i64 = 5_000;

/// How a download ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The file is there.
    Done {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
        /// Where it ends short of what was wanted, unix ms: what follows, if anything, is coded otherwise and is a further
        /// file.
        rest: Option<i64>,
    },
    /// It was stopped; it can go on.
    Stopped,
}

/// A download that runs.
pub struct Transfer {
    /// The camera.
    pub session: Arc<Session>,
    /// Where its parts are.
    pub paths: Paths,
    /// What is remembered of it.
    pub record: Record,
    /// How far it is.
    pub count: Arc<Count>,
    /// Turns true when it shall stop.
    pub stop: watch::Receiver<bool>,
}

impl Transfer {
    /// Runs to the end; `told` hears what it does.
    ///
    /// # Errors
    /// What went wrong. What came stays, and another run goes on from there.
    pub async fn run(
        &mut self,
        told: &mut (dyn FnMut(DownloadState) + Send),
    ) -> Result<Ended, Failure> {
        let _hold = self.session.hold();
        self.settle_range().await;
        self.paths.write(&self.record)?;
        let (mut damaged, mut changed) = (0, 0);
        loop {
            told(DownloadState::Running);
            let fetched = fetch::fetch(
                &self.session,
                &mut self.record,
                &self.paths,
                &self.count,
                &mut self.stop,
            );
            let hash = match fetched.await? {
                Fetched::Stopped => return Ok(Ended::Stopped),
                Fetched::Changed => {
                    changed += 1;
                    if changed > CHANGES {
                        return Err(self.damaged());
                    }
                    self.begin_anew()?;
                    continue;
                }
                Fetched::Whole(hash) => hash,
            };
            told(DownloadState::Checking);
            let mut stop = self.stop.clone();
            let same = tokio::select! {
                same = self.is_same(hash) => same?,
                () = fetch::stopped(&mut stop) => return Ok(Ended::Stopped),
            };
            if same {
                break;
            }
            damaged += 1;
            self.begin_anew()?;
            if damaged >= TRIES {
                return Err(self.damaged());
            }
        }
        told(DownloadState::Converting);
        self.finish().await
    }

    /// The range that is left after one that ended at `rest`.
    pub fn rest(record: &Record, rest: i64) -> Option<DownloadWhat> {
        let DownloadWhat::Range { to_ms, .. } = &record.what else {
            return None;
        };
        let from_ms = rest.saturating_add(999) / 1000 * 1000;
        (from_ms < *to_ms).then_some(DownloadWhat::Range {
            from_ms,
            to_ms: *to_ms,
        })
    }

    /// A range that reaches into what is being recorded would grow while it is fetched.
    async fn settle_range(&mut self) {
        let DownloadWhat::Range { from_ms, to_ms } = &mut self.record.what else {
            return;
        };
        if self.paths.received() > 0 || *to_ms < now_ms() as i64 - 60_000 {
            return;
        }
        let newest = match recorded::card(&self.session).await {
            Ok(card) if card.newest_ms > 0 => card.newest_ms - 1000,
            _ => now_ms() as i64 - FRESH_MS,
        };
        *to_ms = (*to_ms).min(newest).max(*from_ms + 1000);
    }

    fn begin_anew(&mut self) -> Result<(), Failure> {
        self.record.forget_bytes();
        std::fs::remove_file(&self.paths.part)
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .map_err(|error| fetch::disk(&self.paths.part, &error))?;
        self.paths.write(&self.record)
    }

    fn damaged(&self) -> Failure {
        Failure::new(FailureCode::DownloadDamaged).with("file", self.paths.name())
    }

    /// Whether what came is what the camera has. A camera that cannot say is believed.
    async fn is_same(&self, hash: [u8; 32]) -> Result<bool, Failure> {
        let told = self
            .record
            .sha256
            .as_deref()
            .and_then(|hex| hex.parse().ok());
        if let Some(Sha256(told)) = told {
            return Ok(told == hash);
        }
        let topic = Topic::file_hash(&fetch::source(&self.record.what));
        let reply = self
            .session
            .send_within(&recorded::topic(topic), HASH_TIME)
            .await?;
        Ok(match FileHash::decode(reply.as_bytes()) {
            Ok(said) => said.sha256.0 == hash && said.size == self.paths.received(),
            Err(error) => {
                tracing::info!(%error, file = self.paths.name(), "not compared: no hash");
                true
            }
        })
    }

    /// Makes the file.
    async fn finish(&mut self) -> Result<Ended, Failure> {
        let (paths, picture, stop) = (
            self.paths.clone(),
            self.record.is_picture(),
            self.stop.clone(),
        );
        let made = tokio::task::spawn_blocking(move || make(&paths, picture, &stop));
        let bytes = match made.await.map_err(fail::internal)? {
            Ok(bytes) => bytes,
            Err(_) if *self.stop.borrow() => return Ok(Ended::Stopped),
            Err(failure) => return Err(failure),
        };
        self.paths.clear();
        let rest = match &self.record.what {
            DownloadWhat::Range { to_ms: last, .. } => {
                let end = self.record.to_ms;
                (end > 0 && end + 1000 < *last).then_some(end)
            }
            DownloadWhat::File { .. } => None,
        };
        Ok(Ended::Done {
            file: self.paths.file.clone(),
            bytes,
            rest,
        })
    }
}

/// Makes the finished file of the camera's bytes; its size.
fn make(paths: &Paths, picture: bool, stop: &watch::Receiver<bool>) -> Result<u64, Failure> {
    let disk = |error: &std::io::Error| fetch::disk(&paths.file, error);
    if picture {
        std::fs::rename(&paths.part, &paths.file).map_err(|error| disk(&error))?;
        let made = std::fs::metadata(&paths.file).map_err(|error| disk(&error))?;
        return Ok(made.len());
    }
    media::mp4::convert(&paths.part, &paths.file, &mut |_| !*stop.borrow())
        .map(|summary| summary.bytes)
        .map_err(|error| match error {
            media::Error::Io { source, .. } => disk(&source),
            error if error.to_string().contains("No space left") => {
                disk(&std::io::ErrorKind::StorageFull.into())
            }
            error => Failure::new(FailureCode::NotConverted)
                .with("file", paths.name())
                .with("reason", &error)
                .detail(&error),
        })
}
