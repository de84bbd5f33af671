//! A viewer's standing relation to one camera: dials when needed, redials by itself.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use wire::address::Address;
use wire::event::SessionEvent;
use wire::id::PeerId;

use crate::lan::Neighbours;
use crate::relay::Relays;
use crate::{Error, Events, Path, Request, Response, Stats, Watch, defaults, http, pairing, path};

mod dial;
pub(crate) mod link;
mod live;

pub(crate) use dial::dial;
use link::Link;

/// A session with one camera. Clones are the same session; it ends when the last clone is dropped.
///
/// One connection carries all requests. It is made when the first request needs it, or at once and always after
/// [`Session::keep_warm`]; when it breaks or falls silent it is made again without being asked.
#[derive(Clone, Debug)]
pub struct Session(pub(crate) Arc<Handle>);

/// What a session is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nobody needs a connection.
    Idle,
    /// Dialling.
    Connecting,
    /// The camera serves this viewer.
    Connected {
        /// Since when.
        since: Instant,
        /// The way that is used; [`Session::path`] has figures of now.
        path: Path,
    },
    /// The camera does not answer; dialling goes on.
    Waiting {
        /// Time between two attempts.
        retry_in: Duration,
        /// Why the last one failed.
        why: Error,
    },
    /// The camera does not know this viewer's key. Dialling rests until the next request, pairing or
    /// [`Session::retry`].
    Refused,
}

/// Ends the session with the last [`Session`].
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.closed.cancel();
    }
}

/// What the callers and the task of a session share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) endpoint: iroh::Endpoint,
    pub(crate) relays: Arc<Relays>,
    pub(crate) id: PeerId,
    address: Mutex<Address>,
    neighbours: Neighbours,
    state: watch::Sender<State>,
    link: watch::Sender<Option<Arc<Link>>>,
    events: broadcast::Sender<SessionEvent>,
    /// Somebody wants a connection.
    wanted: Notify,
    /// There are new addresses or a new network: worth an attempt at once.
    kick: Notify,
    waiting: AtomicUsize,
    warm: AtomicBool,
    closed: CancellationToken,
    stats: Mutex<Stats>,
    name: Mutex<Option<String>>,
}

impl Session {
    pub(crate) fn start(
        endpoint: iroh::Endpoint,
        relays: Arc<Relays>,
        address: Address,
        neighbours: Neighbours,
    ) -> Self {
        let shared = Arc::new(Shared {
            endpoint,
            relays,
            id: address.id,
            address: Mutex::new(address),
            neighbours,
            state: watch::Sender::new(State::Idle),
            link: watch::Sender::new(None),
            events: broadcast::Sender::new(64),
            wanted: Notify::new(),
            kick: Notify::new(),
            waiting: AtomicUsize::new(0),
            warm: AtomicBool::new(false),
            closed: CancellationToken::new(),
            stats: Mutex::default(),
            name: Mutex::default(),
        });
        tokio::spawn(live::run(shared.clone()));
        Self(Arc::new(Handle(shared)))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// The camera's id.
    pub fn id(&self) -> PeerId {
        self.shared().id
    }

    /// Sends a request and waits for the head of its response, connecting first if need be
    /// (for [`defaults::CONNECT`] at most; [`Error::Refused`] at once when the camera says so).
    ///
    /// Dropping the future or the response's body gives the exchange up on both sides. A request is never sent twice:
    /// after an error the caller decides whether to ask again.
    pub async fn request(&self, request: Request) -> Result<Response, Error> {
        let link = self.shared().connected().await?;
        http::exchange(&link, request).await
    }

    /// Shows the one-time secret of a pairing link. `Ok` means that the camera now serves this viewer.
    pub async fn pair(&self, request: wire::pair::Request) -> Result<(), Error> {
        let shared = self.shared();
        let name = pairing::ask(shared, &request).await?;
        *shared.name.lock().unwrap_or_else(PoisonError::into_inner) = name;
        shared.kick.notify_one();
        Ok(())
    }

    /// What the camera called itself when this session paired with it.
    pub fn camera_name(&self) -> Option<String> {
        self.shared()
            .name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether to be connected also when there is no request, as while the camera is on screen.
    pub fn keep_warm(&self, warm: bool) {
        self.shared().warm.store(warm, Ordering::Release);
        self.shared().wanted.notify_one();
    }

    /// Dials now instead of at the end of the wait; also after [`State::Refused`].
    pub fn retry(&self) {
        self.shared().kick.notify_one();
    }

    /// Takes the connection for dead and makes a new one, for a caller who knows better than the watchdog.
    pub fn redial(&self) {
        if let Some(link) = &*self.shared().link.borrow() {
            link.silent();
        }
        self.retry();
    }

    /// The state, and its changes.
    pub fn state(&self) -> Watch<State> {
        Watch::new(self.shared().state.subscribe())
    }

    /// What happens on this session from now on.
    pub fn events(&self) -> Events<SessionEvent> {
        Events::new(self.shared().events.subscribe())
    }

    /// The way that is used, with figures of now; `None` without a connection.
    pub fn path(&self) -> Option<Path> {
        self.shared().path()
    }

    /// Figures of now.
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let mut stats = shared.stats().clone();
        if let Some(link) = shared.link.borrow().as_deref() {
            path::fill(&mut stats, link.connection(), &shared.here());
        }
        stats
    }

    /// All that is known about reaching the camera, what worked last first. Worth remembering.
    pub fn address(&self) -> Address {
        self.shared().address()
    }

    /// Adds ways to reach the camera.
    pub fn learn(&self, address: &Address) {
        self.shared().learn(address);
    }

    /// Ends the session for all its clones; requests fail with [`Error::ClosedHere`].
    pub fn close(&self) {
        self.shared().closed.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared().closed.is_cancelled()
    }
}

impl Shared {
    /// The connection, once there is one.
    async fn connected(&self) -> Result<Arc<Link>, Error> {
        let mut links = self.link.subscribe();
        let alive = |link: &Option<Arc<Link>>| link.as_ref().is_some_and(|link| link.is_alive());
        let ready = links.borrow_and_update().clone();
        if alive(&ready)
            && let Some(link) = ready
        {
            return Ok(link);
        }
        // Only what is said from now on counts: an old refusal is asked about again.
        let mut states = self.state.subscribe();
        states.mark_unchanged();
        let _waiting = Waiting::new(self);
        let connected = tokio::time::timeout(defaults::CONNECT, links.wait_for(alive));
        let timed_out = tokio::select! {
            () = self.closed.cancelled() => return Err(Error::ClosedHere),
            why = hopeless(&mut states) => return Err(why),
            result = connected => match result {
                Ok(Ok(link)) => match &*link {
                    Some(link) => return Ok(link.clone()),
                    None => false,
                },
                Ok(Err(_)) => return Err(Error::ClosedHere),
                Err(_) => true,
            },
        };
        match &*self.state.borrow() {
            State::Waiting { why, .. } => Err(why.clone()),
            State::Refused => Err(Error::Refused),
            _ if timed_out => Err(Error::Timeout {
                what: "connection",
                after: defaults::CONNECT,
            }),
            _ => Err(Error::ClosedHere),
        }
    }

    /// Whether somebody wants a connection.
    fn is_wanted(&self) -> bool {
        self.warm.load(Ordering::Acquire) || self.waiting.load(Ordering::Acquire) > 0
    }

    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Address> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This machine's own addresses.
    fn here(&self) -> Vec<IpAddr> {
        self.endpoint
            .addr()
            .ip_addrs()
            .map(|addr| addr.ip())
            .collect()
    }

    fn path(&self) -> Option<Path> {
        path::selected(self.link.borrow().as_deref()?.connection(), &self.here())
    }

    pub(crate) fn address(&self) -> Address {
        let mut address = self.known().clone();
        if let Some(Path {
            remote: Some(remote),
            ..
        }) = self.path()
        {
            address.addrs.retain(|addr| *addr != remote);
            address.addrs.insert(0, remote);
        }
        for addr in self.neighbours.addresses(&self.id) {
            if address.addrs.len() >= 2 * MAX_ADDRESSES {
                break;
            }
            if !address.addrs.contains(&addr) {
                address.addrs.push(addr);
            }
        }
        address
    }

    pub(crate) fn learn(&self, more: &Address) {
        let mut known = self.known();
        let mut news = false;
        // Anyone may say where a camera is: what worked last stays first.
        let place = known.addrs.len().min(1);
        for addr in more.addrs.iter().take(MAX_ADDRESSES - 1).rev() {
            if !known.addrs.contains(addr) {
                known.addrs.insert(place, *addr);
                news = true;
            }
        }
        known.addrs.truncate(MAX_ADDRESSES);
        news |= wire::relay::merge(&mut known.relays, &more.relays, MAX_ADDRESSES);
        drop(known);
        if news {
            self.kick.notify_one();
        }
    }

    pub(crate) fn kick(&self) {
        self.kick.notify_one();
    }
}

/// Addresses that a session remembers at most; as many again may be announced on the LAN.
const MAX_ADDRESSES: usize = 16;

/// Resolves when the session says that dialling is in vain, with the reason.
async fn hopeless(states: &mut watch::Receiver<State>) -> Error {
    loop {
        if states.changed().await.is_err() {
            return Error::ClosedHere;
        }
        match &*states.borrow_and_update() {
            State::Refused => return Error::Refused,
            State::Waiting {
                why: why @ Error::Invalid { .. },
                ..
            } => return why.clone(),
            _ => {}
        }
    }
}

/// A request that waits for a connection.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::AcqRel);
        shared.wanted.notify_one();
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
