//! From a session to a stream: reads for it, sends what it gives, sleeps when there is nothing to do.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use p2p::{Body, BodySender};
use tokio::sync::watch;
use wire::id::PeerId;
use wire::stream::{Playback, SessionName};

use super::session::{Step, Turn};
use super::tape::{Found, Tape, TapeError, Which};
use super::{Place, Playbacks, TooMany};
use crate::defaults::{BODY_TAGS, FORGET_AFTER};

/// How often a playback that follows the recording looks whether its end has come.
const TICK: Duration = Duration::from_secs(1);

/// A playback that has begun: its first keyframe is found.
#[derive(Debug)]
pub struct Playing {
    /// Its name.
    pub name: SessionName,
    /// Unix milliseconds of its first keyframe.
    pub start_ms: i64,
    /// The stream. Dropping it ends the playback.
    pub body: Body,
}

/// Why there is no playback.
#[derive(Debug, thiserror::Error)]
pub enum NoPlayback {
    /// Too many run.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Nothing was recorded there.
    #[error("nothing was recorded there")]
    Nothing,
    /// The card cannot be read.
    #[error(transparent)]
    Card(#[from] TapeError),
}

impl Playbacks {
    /// Starts a playback: finds its first keyframe, and goes on in a task of its own until the stream is dropped.
    ///
    /// * `changes` - changes when the recording has grown.
    ///
    /// # Errors
    /// See [`NoPlayback`].
    pub async fn start(
        self: &Arc<Self>,
        viewer: &PeerId,
        wanted: &Playback,
        tape: impl Tape,
        changes: watch::Receiver<u64>,
    ) -> Result<Playing, NoPlayback> {
        let place = self.enter(viewer, wanted)?;
        let (sender, body) = Body::channel(BODY_TAGS);
        let mut feed = Feed {
            acted: place.control.acted.subscribe(),
            place,
            tape: Some(tape),
            changes,
            sender,
        };
        let start_ms = feed.first().await?;
        let name = feed.place.name.clone();
        tokio::spawn(feed.run());
        Ok(Playing {
            name,
            start_ms,
            body,
        })
    }
}

struct Feed<T> {
    place: Place,
    /// Away while it is reading.
    tape: Option<T>,
    acted: watch::Receiver<()>,
    changes: watch::Receiver<u64>,
    sender: BodySender,
}

impl<T: Tape> Feed<T> {
    /// Looks up the first keyframe.
    async fn first(&mut self) -> Result<i64, NoPlayback> {
        let step = self.place.control.session().poll();
        if let Ok(Step::Find(which, turn)) = step {
            self.find(which, turn).await?;
        }
        let first = self.place.control.session().key_ms();
        first.ok_or(NoPlayback::Nothing)
    }

    async fn run(mut self) {
        loop {
            self.acted.borrow_and_update();
            let step = self.place.control.session().poll();
            let goes_on = match step {
                Ok(Step::Find(which, turn)) => match self.find(which, turn).await {
                    Ok(()) => true,
                    Err(error) => return self.fail(&error),
                },
                Ok(Step::Send(tags)) => self.send(tags).await,
                Ok(Step::Wait) => self.wait().await,
                Ok(Step::Follow) => self.follow().await,
                Ok(Step::End) => false,
                Err(error) => return self.fail(&error),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// The stream ends as broken, so that the viewer does not take it for the end of the recording.
    fn fail(self, error: &dyn std::error::Error) {
        tracing::warn!(playback = %self.place.name, %error, "playback failed");
        self.sender.abort();
    }

    /// Reads on a thread that may block, when it is this playback's turn.
    async fn find(&mut self, which: Which, turn: Turn) -> Result<(), TapeError> {
        // What changes while it is being read is looked at again.
        self.changes.borrow_and_update();
        let found = self.read(which).await?;
        let now_ms = now_ms();
        self.place.control.session().found(turn, found, now_ms);
        Ok(())
    }

    async fn read(&mut self, which: Which) -> Result<Found, TapeError> {
        let stopped = || TapeError("the camera is going off".into());
        let mut tape = self.tape.take().ok_or_else(stopped)?;
        let turn = Arc::clone(&self.place.playbacks.reads)
            .acquire_owned()
            .await;
        let turn = turn.map_err(|_| stopped())?;
        let (tape, found) = tokio::task::spawn_blocking(move || {
            let found = tape.find(which);
            drop(turn);
            (tape, found)
        })
        .await
        .map_err(|error| TapeError(format!("reading the card: {error}")))?;
        self.tape = Some(tape);
        found
    }

    /// Hands over tags. A viewer that does not take them for a while costs no more than that.
    async fn send(&mut self, tags: Vec<u8>) -> bool {
        let session = &self.place.control;
        let sending = self.sender.send(tags);
        tokio::pin!(sending);
        let mut idle = false;
        loop {
            tokio::select! {
                sent = &mut sending => return sent.is_ok(),
                changed = self.acted.changed() => {
                    if changed.is_err() || session.session().is_over() {
                        return false;
                    }
                }
                () = tokio::time::sleep(FORGET_AFTER), if !idle => {
                    idle = true;
                    session.session().forget();
                }
            }
        }
    }

    /// Until there is a command.
    async fn wait(&mut self) -> bool {
        self.place.control.session().forget();
        tokio::select! {
            changed = self.acted.changed() => changed.is_ok(),
            () = self.sender.closed() => false,
        }
    }

    /// Until the recording has grown, there is a command, or a second has passed.
    async fn follow(&mut self) -> bool {
        tokio::select! {
            changed = self.acted.changed() => changed.is_ok(),
            changed = self.changes.changed() => {
                if changed.is_err() {
                    tokio::time::sleep(TICK).await;
                }
                true
            }
            () = tokio::time::sleep(TICK) => true,
            () = self.sender.closed() => false,
        }
    }
}

/// Unix milliseconds.
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
