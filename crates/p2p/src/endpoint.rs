//! One end of the system on the network.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use iroh::Watcher;
use iroh::endpoint::{BindOpts, IdleTimeout, QuicTransportConfig, VarInt, presets};
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use wire::address::Address;
use wire::event::NatEvent;
use wire::id::PeerId;

use crate::lan::{Announcement, Neighbours};
use crate::relay::{self, Relays};
use crate::session::Handle;
use crate::{
    Access, Error, Events, Identity, RelayChoice, RelayState, RelayUrl, Server, Service, Session,
    Watch, defaults,
};

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Waits to be dialled; small receive windows.
    Camera,
    /// Dials.
    Viewer,
}

/// How an endpoint is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The key it is known by.
    pub identity: Identity,
    /// What people call it: a camera's name is announced on the LAN.
    pub name: String,
    /// Which end this is.
    pub role: Role,
    /// Relays to be at.
    pub relays: RelayChoice,
    /// Whether a camera is announced by mDNS, or a viewer listens for announcements.
    pub lan: bool,
    /// UDP port; 0 for any.
    pub bind_port: u16,
}

impl Options {
    /// An endpoint without relays, found on the LAN, on any port.
    pub fn new(identity: Identity, role: Role) -> Self {
        Self {
            identity,
            name: String::new(),
            role,
            relays: RelayChoice::None,
            lan: true,
            bind_port: 0,
        }
    }
}

/// One end of the system on the network. Clones are the same endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: iroh::Endpoint,
    options: Options,
    neighbours: Neighbours,
    sessions: Sessions,
    relays: Arc<Relays>,
    relays_changed: Arc<Notify>,
    relay: watch::Sender<RelayState>,
    nat: broadcast::Sender<NatEvent>,
    closing: CancellationToken,
}

type Sessions = Arc<Mutex<HashMap<PeerId, Weak<Handle>>>>;

impl Inner {
    /// Tells of addresses and relays until the endpoint is closed.
    fn follow(&self) {
        let events = self.nat.clone();
        let addresses =
            follow_addresses(self.endpoint.clone(), events.clone(), self.sessions.clone());
        let relay = relay::follow(
            self.endpoint.clone(),
            self.relays.clone(),
            self.relays_changed.clone(),
            self.relay.clone(),
            move || {
                let _ = events.send(NatEvent::NatError);
            },
        );
        tokio::spawn(self.closing.clone().run_until_cancelled_owned(addresses));
        tokio::spawn(self.closing.clone().run_until_cancelled_owned(relay));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl Endpoint {
    /// Opens the sockets and connects to the relays in the background.
    ///
    /// [`Error::Bind`] if the port is taken, [`Error::Invalid`] for a relay that is not one. A network without
    /// multicast costs LAN discovery only, with a warning in the log.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let relays = Relays::new(&options.relays)?;
        let builder = sockets(builder(&options, &relays), options.bind_port)?;
        Self::open(builder, relays, options).await
    }

    /// An endpoint that sends everything through its relays: for networks whose addresses no peer shall learn, and to
    /// try what relayed feels like. [`Options::bind_port`] does not count.
    pub async fn bind_relayed(options: Options) -> Result<Self, Error> {
        let relays = Relays::new(&options.relays)?;
        Self::open(builder(&options, &relays), relays, options).await
    }

    async fn open(
        builder: iroh::endpoint::Builder,
        relays: Relays,
        options: Options,
    ) -> Result<Self, Error> {
        let endpoint = builder.bind().await.map_err(|error| Error::Bind {
            what: format!("UDP port {}", options.bind_port),
            detail: chain(&error),
        })?;
        let sessions = Sessions::default();
        let listen = options.lan && options.role == Role::Viewer;
        let neighbours = if listen {
            let sessions = sessions.clone();
            Neighbours::listen(move |id| {
                if let Some(session) = find(&sessions, id) {
                    session.0.0.kick();
                }
            })
        } else {
            Neighbours::default()
        };
        let inner = Inner {
            endpoint,
            options,
            neighbours,
            sessions,
            relays: Arc::new(relays),
            relays_changed: Arc::default(),
            relay: watch::Sender::default(),
            nat: broadcast::Sender::new(64),
            closing: CancellationToken::new(),
        };
        inner.follow();
        Ok(Self(Arc::new(inner)))
    }

    /// Goes to one more relay while running; one with the same URL is replaced.
    ///
    /// [`Error::Invalid`] for a relay that is not one. Whether it lets this endpoint in, [`Endpoint::relay`] tells.
    pub async fn add_relay(&self, relay: &RelayUrl) -> Result<(), Error> {
        let config = self.0.relays.trusted(relay)?;
        self.0
            .endpoint
            .insert_relay(config.url.clone(), Arc::new(config))
            .await;
        self.0.relays_changed.notify_one();
        Ok(())
    }

    /// Stops using and naming a relay. The last one may stay connected until the endpoint is closed.
    pub async fn remove_relay(&self, url: &str) {
        if let Some(url) = relay::place(url) {
            self.0.endpoint.remove_relay(&url).await;
            self.0.relays_changed.notify_one();
        }
    }

    /// How it stands with the relay that this endpoint is at, and its changes.
    pub fn relay(&self) -> Watch<RelayState> {
        Watch::new(self.0.relay.subscribe())
    }

    /// This endpoint's id: the public half of its identity.
    pub fn id(&self) -> PeerId {
        self.0.options.identity.id()
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    /// How it can be reached, as far as it is known now: own addresses and relays.
    pub fn address(&self) -> Address {
        self.0.relays.address(&self.0.endpoint.addr())
    }

    /// Waits until a relay is connected, and with it an address that works from everywhere. Never returns without
    /// relays or while none answers: bound it with a timeout.
    pub async fn online(&self) {
        self.0.endpoint.online().await;
    }

    /// UDP ports in use, one for each address family.
    pub fn ports(&self) -> Vec<SocketAddr> {
        self.0.endpoint.bound_sockets()
    }

    /// Tells that the network changed, on systems that do not say so themselves (Android, iOS), and dials what waits.
    pub async fn network_changed(&self) {
        self.0.endpoint.network_change().await;
        retry_all(&self.0.sessions);
    }

    /// What becomes known about this endpoint's addresses from now on.
    pub fn nat_events(&self) -> Events<NatEvent> {
        Events::new(self.0.nat.subscribe())
    }

    /// Opens the door for viewers. A camera with [`Options::lan`] is announced on the LAN from now on.
    pub fn serve(&self, access: Arc<dyn Access>, service: Arc<dyn Service>) -> Server {
        let inner = &self.0;
        let announcement = inner.options.lan.then(|| {
            Announcement::start(
                &inner.options.name,
                &self.id(),
                &inner.endpoint.bound_sockets(),
            )
        });
        let announcement = announcement.and_then(|started| {
            started
                .inspect_err(|error| tracing::warn!(%error, "not announced on the LAN"))
                .ok()
        });
        Server::start(
            inner.endpoint.clone(),
            inner.options.name.clone(),
            access,
            service,
            announcement,
        )
    }

    /// The session with a camera: the one that exists, which learns the addresses, or a new one.
    pub fn session(&self, address: Address) -> Session {
        let mut sessions = lock(&self.0.sessions);
        if let Some(handle) = sessions.get(&address.id).and_then(Weak::upgrade) {
            let session = Session(handle);
            if !session.is_closed() {
                session.learn(&address);
                return session;
            }
        }
        sessions.retain(|_, handle| handle.strong_count() > 0);
        let id = address.id;
        let session = Session::start(
            self.0.endpoint.clone(),
            self.0.relays.clone(),
            address,
            self.0.neighbours.clone(),
        );
        sessions.insert(id, Arc::downgrade(&session.0));
        session
    }

    /// Ends all sessions and connections and frees the sockets.
    pub async fn close(&self) {
        self.0.closing.cancel();
        for session in all(&self.0.sessions) {
            session.close();
        }
        self.0.endpoint.close().await;
    }
}

/// Everything but the sockets.
fn builder(options: &Options, relays: &Relays) -> iroh::endpoint::Builder {
    iroh::Endpoint::builder(presets::Minimal)
        .secret_key(options.identity.secret())
        .relay_mode(relays.mode())
        .ca_tls_config(relays.tls())
        .transport_config(transport(options.role))
        .clear_ip_transports()
}

/// One socket for each address family; a machine without IPv6 does with one.
fn sockets(builder: iroh::endpoint::Builder, port: u16) -> Result<iroh::endpoint::Builder, Error> {
    let failed = |error| Error::Bind {
        what: format!("UDP port {port}"),
        detail: format!("{error}"),
    };
    let optional = BindOpts::default().set_is_required(false);
    builder
        .bind_addr((Ipv4Addr::UNSPECIFIED, port))
        .map_err(failed)?
        .bind_addr_with_opts((Ipv6Addr::UNSPECIFIED, port), optional)
        .map_err(failed)
}

fn transport(role: Role) -> QuicTransportConfig {
    let (stream, all) = match role {
        Role::Camera => (defaults::CAMERA_STREAM_WINDOW, defaults::CAMERA_WINDOW),
        Role::Viewer => (defaults::VIEWER_STREAM_WINDOW, defaults::VIEWER_WINDOW),
    };
    let idle = VarInt::from_u32(defaults::CONNECTION_IDLE.as_millis() as u32);
    QuicTransportConfig::builder()
        .congestion_controller_factory(Arc::new(noq_proto::congestion::Bbr3Config::default()))
        .default_path_max_idle_timeout(defaults::PATH_IDLE)
        .default_path_keep_alive_interval(defaults::PATH_KEEP_ALIVE)
        .max_idle_timeout(Some(IdleTimeout::from(idle)))
        .initial_rtt(defaults::INITIAL_RTT)
        .max_concurrent_bidi_streams(VarInt::from_u32(defaults::MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .send_window(defaults::SEND_WINDOW)
        .stream_receive_window(VarInt::from_u32(stream))
        .receive_window(VarInt::from_u32(all))
        .datagram_receive_buffer_size(None)
        .build()
}

/// Reports new addresses, and lets waiting sessions dial when the network is another one.
async fn follow_addresses(
    endpoint: iroh::Endpoint,
    events: broadcast::Sender<NatEvent>,
    sessions: Sessions,
) {
    let mut addresses = endpoint.watch_addr();
    while addresses.updated().await.is_ok() {
        let _ = events.send(NatEvent::NatChanged);
        retry_all(&sessions);
    }
}

fn lock(sessions: &Sessions) -> MutexGuard<'_, HashMap<PeerId, Weak<Handle>>> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}

fn all(sessions: &Sessions) -> Vec<Session> {
    lock(sessions)
        .values()
        .filter_map(Weak::upgrade)
        .map(Session)
        .collect()
}

fn find(sessions: &Sessions, id: &PeerId) -> Option<Session> {
    lock(sessions).get(id).and_then(Weak::upgrade).map(Session)
}

fn retry_all(sessions: &Sessions) {
    all(sessions).iter().for_each(|session| session.0.0.kick());
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
