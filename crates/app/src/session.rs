//! One saved camera's session: warm while it is wanted, its state told as events, its addresses remembered.

use crate::api::{
    Camera, CameraKey, CameraState, Event, Failure, FailureCode, PathInfo, PathKind, Quality,
};
use crate::book::{Book, Saved, now_ms};
use crate::fail;
use p2p::{Error, Request, State};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use wire::address::Address;
use wire::command::reply::DeviceStatus;
use wire::command::{Command, Inner, StatusOf};

/// Largest reply to a command that is read: lists of recordings are longer than the documents' 16 KB.
const MAX_REPLY: usize = wire::command::reply::MAX_READ_BYTES;
/// How long a command may take (documents, app-level default: 7500 ms).
pub const COMMAND_TIME: Duration = Duration::from_millis(7500);
/// How often path and viewer count are looked at while connected.
const LOOK: Duration = Duration::from_secs(2);

/// What all parts of the app share.
pub struct Core {
    /// What is saved.
    pub book: Book,
    /// To the UI.
    pub events: broadcast::Sender<Event>,
}

impl Core {
    /// Tells the UI, if it listens.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// A session with one saved camera.
pub struct Session {
    key: CameraKey,
    core: Arc<Core>,
    p2p: RwLock<p2p::Session>,
    uses: AtomicUsize,
    seen: Mutex<Seen>,
    follower: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone, PartialEq)]
struct Seen {
    state: CameraState,
    path: Option<PathInfo>,
    viewers: Option<u32>,
}

/// Keeps a session warm while it lives.
pub struct Hold(Arc<Session>);

impl Drop for Hold {
    fn drop(&mut self) {
        if self.0.uses.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.p2p().keep_warm(false);
        }
    }
}

impl Session {
    /// For a saved camera, over this transport session.
    pub fn new(key: CameraKey, core: Arc<Core>, p2p: p2p::Session) -> Arc<Self> {
        let session = Arc::new(Self {
            key,
            core,
            p2p: RwLock::new(p2p),
            uses: AtomicUsize::new(0),
            seen: Mutex::new(Seen {
                state: CameraState::Idle,
                path: None,
                viewers: None,
            }),
            follower: Mutex::new(None),
        });
        session.follow();
        tokio::spawn(Self::count_viewers_now_and_then(Arc::downgrade(&session)));
        session
    }

    /// Goes on over another transport session, after the endpoint was made anew.
    pub fn replace(self: &Arc<Self>, p2p: p2p::Session) {
        p2p.keep_warm(self.uses.load(Ordering::Acquire) > 0);
        let before = std::mem::replace(
            &mut *self.p2p.write().unwrap_or_else(PoisonError::into_inner),
            p2p,
        );
        before.close();
        self.follow();
    }

    /// Ends the session for good.
    pub fn close(&self) {
        if let Some(task) = self
            .follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            task.abort();
        }
        self.p2p().close();
    }

    /// The camera's key in this app.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The camera's name, for texts.
    pub fn name(&self) -> String {
        self.core
            .book
            .camera(&self.key)
            .map_or_else(|| self.key.clone(), |saved| saved.name)
    }

    /// The transport session.
    pub fn p2p(&self) -> p2p::Session {
        self.p2p
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps it connected until the answer is dropped.
    pub fn hold(self: &Arc<Self>) -> Hold {
        self.uses.fetch_add(1, Ordering::AcqRel);
        self.p2p().keep_warm(true);
        Hold(self.clone())
    }

    /// Whether it is connected now.
    pub fn is_connected(&self) -> bool {
        matches!(self.p2p().state().get(), State::Connected { .. })
    }

    /// How long the last connection took to make.
    pub fn connect_time(&self) -> Option<Duration> {
        self.p2p().stats().connect_time
    }

    /// How the camera is, and the failure if it is not well.
    pub fn state(&self) -> CameraState {
        self.seen().state.clone()
    }

    /// How it is reached now.
    pub fn path(&self) -> Option<PathInfo> {
        self.p2p().path().as_ref().map(path_info)
    }

    /// Viewers it serves, when known.
    pub fn viewers(&self) -> Option<u32> {
        self.seen().viewers
    }

    /// The camera as the UI gets it.
    pub fn camera(&self, saved: &Saved) -> Camera {
        let seen = self.seen().clone();
        Camera {
            key: saved.key.clone(),
            id: saved.id.clone(),
            name: saved.name.clone(),
            room: saved.room.clone(),
            state: seen.state,
            path: seen.path,
            viewers: seen.viewers,
            last_seen: saved.last_seen,
        }
    }

    /// Sends a command and reads its reply, without the NUL that old firmware appends.
    ///
    /// # Errors
    /// [`FailureCode::CommandMalformed`] before anything is sent; then what the transport and the camera say.
    pub async fn command(&self, query: &str) -> Result<String, Failure> {
        let command = Command::parse(query).map_err(|error| {
            Failure::new(FailureCode::CommandMalformed)
                .with("reason", &error)
                .detail(&error)
        })?;
        self.send(&command).await
    }

    /// Sends a command that is known to be well formed.
    ///
    /// # Errors
    /// What the transport and the camera say.
    pub async fn send(&self, command: &Command) -> Result<String, Failure> {
        self.send_within(command, COMMAND_TIME).await
    }

    /// The same for a command that takes long.
    ///
    /// # Errors
    /// What the transport and the camera say.
    pub async fn send_within(&self, command: &Command, time: Duration) -> Result<String, Failure> {
        let name = self.name();
        let asked = tokio::time::timeout(time, async {
            let response = self
                .p2p()
                .request(Request::get(command.path()))
                .await
                .map_err(|error| fail::transport(&error, &name))?;
            if response.status != 200 {
                return Err(fail::command_status(response, &name).await);
            }
            response
                .body
                .read_to_end(MAX_REPLY)
                .await
                .map_err(|error| fail::transport(&error, &name))
        });
        let reply = asked.await.unwrap_or_else(|_| {
            Err(Failure::new(FailureCode::CommandTimeout)
                .with("camera", &name)
                .with("seconds", time.as_secs_f32()))
        })?;
        Ok(String::from_utf8_lossy(&reply)
            .trim_end_matches('\0')
            .to_owned())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the transport session that is now in use.
    fn follow(self: &Arc<Self>) {
        let session = Arc::downgrade(self);
        let p2p = self.p2p();
        let mut states = p2p.state();
        let task = tokio::spawn(async move {
            let mut look = tokio::time::interval(LOOK);
            let mut state = states.get();
            loop {
                let Some(session) = session.upgrade() else {
                    return;
                };
                session.see(&state);
                drop(session);
                tokio::select! {
                    changed = states.changed() => match changed {
                        Some(changed) => state = changed,
                        None => return,
                    },
                    _ = look.tick() => {}
                }
            }
        });
        let mut follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = follower.replace(task) {
            before.abort();
        }
    }

    /// Asks now and then how many watch, while the camera is on screen.
    async fn count_viewers_now_and_then(session: Weak<Self>) {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            let Some(session) = session.upgrade() else {
                return;
            };
            if session.uses.load(Ordering::Acquire) > 0 && session.is_connected() {
                session.count_viewers().await;
            }
        }
    }

    /// Notes a state, learns from it, and tells the UI what changed.
    fn see(&self, state: &State) {
        let path = match state {
            State::Connected { .. } => self.path(),
            _ => None,
        };
        let mut seen = self.seen();
        let before = seen.clone();
        let connected_now =
            matches!(state, State::Connected { .. }) && before.state != CameraState::Online;
        seen.state = match (state, &before.state) {
            (State::Idle, _) => CameraState::Idle,
            (State::Connected { .. }, _) => CameraState::Online,
            (State::Connecting, CameraState::Idle | CameraState::Connecting) => {
                CameraState::Connecting
            }
            (State::Connecting, CameraState::Online) => CameraState::Offline {
                since: now_ms(),
                failure: Failure::new(FailureCode::ConnectionLost).with("camera", self.name()),
            },
            (State::Connecting, other) => other.clone(),
            (State::Waiting { why, .. }, before) => {
                let since = match before {
                    CameraState::Offline { since, .. } => *since,
                    _ => now_ms(),
                };
                CameraState::Offline {
                    since,
                    failure: fail::transport(why, &self.name()),
                }
            }
            (State::Refused, _) => CameraState::Refused {
                failure: fail::transport(&Error::Refused, &self.name()),
            },
        };
        let path_changed = !matches!((&before.path, &path), (Some(was), Some(is)) if alike(was, is))
            && before.path != path;
        if path_changed {
            seen.path = path;
        }
        if seen.state != CameraState::Online {
            seen.viewers = None;
        }
        let changed = *seen != before;
        drop(seen);
        if connected_now || (path_changed && matches!(state, State::Connected { .. })) {
            let Address { addrs, relays, .. } = self.p2p().address();
            self.core.book.learn(&self.key, &addrs, &relays);
        }
        if connected_now {
            let _ = self.core.book.change(&self.key, |saved| {
                saved.last_seen = now_ms();
                true
            });
        }
        if changed {
            self.tell();
        }
    }

    async fn count_viewers(&self) {
        let cmd = Inner::GetDeviceSt {
            kind: StatusOf::Live,
            quality: Some(wire::stream::Quality::Standard),
        };
        let Ok(reply) = self.send(&Command::Inner { channel: 0, cmd }).await else {
            return;
        };
        let Ok(status) = DeviceStatus::decode(reply.as_bytes()) else {
            return;
        };
        let mut seen = self.seen();
        let changed = seen.viewers != status.app_connect_num;
        seen.viewers = status.app_connect_num;
        drop(seen);
        if changed {
            self.tell();
        }
    }

    fn tell(&self) {
        if let Some(saved) = self.core.book.camera(&self.key) {
            self.core.tell(Event::Camera {
                camera: self.camera(&saved),
            });
        }
    }
}

/// Whether two looks at a path need not be told apart.
fn alike(a: &PathInfo, b: &PathInfo) -> bool {
    a.kind == b.kind
        && a.remote == b.remote
        && (a.rtt_ms - b.rtt_ms).abs() <= 5.0_f32.max(a.rtt_ms * 0.25)
        && (a.loss - b.loss).abs() < 0.01
}

/// A path as the UI gets it.
pub fn path_info(path: &p2p::Path) -> PathInfo {
    PathInfo {
        kind: match path.kind {
            p2p::PathKind::Lan => PathKind::Lan,
            p2p::PathKind::Direct => PathKind::Direct,
            p2p::PathKind::Relayed => PathKind::Relayed,
        },
        rtt_ms: path.rtt.as_secs_f32() * 1000.0,
        loss: path.loss,
        remote: match (&path.remote, &path.relay) {
            (Some(remote), _) => remote.to_string(),
            (None, Some(relay)) => relay.clone(),
            (None, None) => String::new(),
        },
    }
}

impl From<Quality> for wire::stream::Quality {
    fn from(quality: Quality) -> Self {
        match quality {
            Quality::Standard => Self::Standard,
            Quality::High => Self::High,
            Quality::Super => Self::Super,
        }
    }
}
