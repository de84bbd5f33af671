//! The broker inside this process: rmqtt on a runtime of its own.
//!
//! The runtime is its own because rmqtt leaves background tasks behind that only end with their runtime, and the
//! desktop app starts and stops a hub as its user pleases.

use super::guard::{Guard, Patience, SWEEP};
use super::hooks::{Hooks, Online, Rates};
use super::{Broker, Device, Error, Event, MAX_PACKET, Rules};
use async_trait::async_trait;
use bytes::Bytes;
use rmqtt::codec::types::QoS;
use rmqtt::context::ServerContext;
use rmqtt::hook::Register;
use rmqtt::net::{Builder, Listener};
use rmqtt::server::MqttServer;
use rmqtt::session::SessionState;
use rmqtt::types::{CodecPublish, From, Id};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

mod pem;

pub use pem::Pem;

/// This hub in rmqtt's words; there is only ever one.
const NODE: u64 = 1;
/// Keep-alive that devices may ask for, seconds. Documents: 0 to 900, C-SDK 240 (at most 690); 0 would mean for ever.
const KEEP_ALIVE: std::ops::RangeInclusive<u16> = 5..=1200;
/// How long what was pushed waits for a device that keeps a session (clean session 0) and went away.
const SESSION_LIFE: Duration = Duration::from_secs(600);
/// Messages that wait for one device; more are dropped.
const QUEUE: usize = 100;
/// Subscriptions of one device: 4 classes, `+`, the time, and room to grow.
const SUBSCRIPTIONS: usize = 16;
/// Messages under way to one device before it acknowledges.
const INFLIGHT: u16 = 16;
/// Levels of a topic; ours have 5.
const LEVELS: usize = 8;
/// Longest client id: product id and device name.
const CLIENT_ID: usize = 58;
/// How long a connection that rmqtt writes to may take nothing.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// Every how many sweeps of the guard sessions are looked for that ended without a word.
const LOST_EVERY: u64 = 5;
/// How long stopping waits for sessions that do not end.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What an embedded broker is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses and ports to listen on; port 0 is any.
    pub listen: Vec<SocketAddr>,
    /// TLS with this certificate; `None` is plain MQTT, for tests and measurements.
    pub tls: Option<Pem>,
    /// Devices that may be connected at the same time.
    pub devices: u32,
    /// How long a peer may take from connecting to a whole CONNECT.
    pub patience: Duration,
    /// Connections without a login that one address (IPv6: one /64) may have.
    pub silent_per_address: usize,
}

impl Config {
    /// On `listen` with TLS; 20,000 devices, 15 s and 32 connections before the login.
    #[must_use]
    pub fn new(listen: Vec<SocketAddr>, tls: Option<Pem>) -> Self {
        Self {
            listen,
            tls,
            devices: 20_000,
            patience: Duration::from_secs(15),
            silent_per_address: 32,
        }
    }
}

/// Connections without a login, from all addresses together.
const SILENT_TOTAL: usize = 2_000;

/// A running embedded broker.
pub struct Embedded {
    addresses: Vec<SocketAddr>,
    context: ServerContext,
    hooks: Arc<Hooks>,
    running: Mutex<Option<Running>>,
}

/// What has to be ended.
struct Running {
    runtime: Runtime,
    server: JoinHandle<()>,
    guard: JoinHandle<()>,
    hooks: Box<dyn Register>,
}

impl Embedded {
    /// Starts listening. `rules` are asked on the runtime that calls this; `events` takes what devices do.
    ///
    /// # Errors
    /// [`Error::Listen`] when a port is taken, [`Error::Start`] for anything else; nothing is left running.
    pub async fn start(
        config: Config,
        rules: Arc<dyn Rules>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, Error> {
        raise_descriptor_limit();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("broker")
            .enable_all()
            .build()
            .map_err(|error| start_error(&error))?;
        let guard = Arc::new(Guard::new(Patience {
            limit: config.patience,
            per_address: config.silent_per_address,
            total: SILENT_TOTAL,
        }));
        let hooks = Arc::new(Hooks {
            rules,
            hub: tokio::runtime::Handle::current(),
            events,
            guard: Arc::clone(&guard),
            rates: Rates::default(),
            online: Online::default(),
        });
        let started = runtime.spawn(serve(config, Arc::clone(&hooks), guard));
        let started = started.await.map_err(|error| start_error(&error));
        match started.and_then(|started| started) {
            Ok((addresses, context, parts)) => Ok(Self {
                addresses,
                context,
                hooks,
                running: Mutex::new(Some(Running {
                    runtime,
                    server: parts.0,
                    guard: parts.1,
                    hooks: parts.2,
                })),
            }),
            Err(error) => {
                // A runtime may not be dropped, which waits, inside another.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Runs `work` on the broker's runtime.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let task = match &*self.running() {
            Some(running) => running.runtime.spawn(work),
            None => return Err(Error::Stopped),
        };
        task.await.map_err(|_| Error::Stopped)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Parts = (JoinHandle<()>, JoinHandle<()>, Box<dyn Register>);

/// Builds everything; runs on the broker's runtime.
async fn serve(
    config: Config,
    hooks: Arc<Hooks>,
    guard: Arc<Guard>,
) -> Result<(Vec<SocketAddr>, ServerContext, Parts), Error> {
    // The busy check refuses logins when the machine has other work; a desktop that compiles would lock its cameras out.
    let sessions = isize::try_from(config.devices).unwrap_or(isize::MAX);
    let context = ServerContext::new()
        .node_id(NODE)
        .mqtt_max_sessions(sessions)
        .busy_check_enable(false)
        .build()
        .await;
    let mut addresses = Vec::new();
    let mut server = MqttServer::new(context.clone());
    for (ordinal, address) in (1..).zip(&config.listen) {
        let listener = listen(*address, &config)?;
        let bound = listener
            .local_addr()
            .map_err(|error| start_error(&*error))?;
        addresses.push(bound);
        server = server.listener_by_id(listener, ordinal);
    }
    let register = context.extends.hook_mgr().register();
    hooks.register(&*register).await;

    // Not `start()`: that one ends the process when something fails.
    let server = server.build();
    let server = tokio::spawn(async move {
        if let Err(error) = server.run().await {
            tracing::error!("the broker ended: {error}");
        }
    });
    let ports: BTreeSet<u16> = addresses.iter().map(SocketAddr::port).collect();
    let watched = context.clone();
    let guard = tokio::spawn(async move {
        for turn in 0u64.. {
            tokio::time::sleep(SWEEP).await;
            let closed = guard.sweep(&ports);
            if closed > 0 {
                tracing::debug!(closed, "peers that never logged in were disconnected");
            }
            if turn.is_multiple_of(LOST_EVERY) {
                hooks.find_lost(&watched).await;
            }
        }
    });
    Ok((addresses, context, (server, guard, register)))
}

fn listen(address: SocketAddr, config: &Config) -> Result<Listener, Error> {
    let inflight = NonZeroU16::new(INFLIGHT).unwrap_or(NonZeroU16::MIN);
    let builder = Builder::new()
        .name("devices")
        .laddr(address)
        .backlog(1024)
        // Without it a port that was just given back cannot be had again; on Windows it would let others take a used one.
        .reuseaddr(cfg!(unix).then_some(true))
        .nodelay(true)
        // rmqtt's own default is to let everybody in who gives no name.
        .allow_anonymous(false)
        .max_packet_size(MAX_PACKET)
        .max_clientid_len(CLIENT_ID)
        .min_keepalive(*KEEP_ALIVE.start())
        .max_keepalive(*KEEP_ALIVE.end())
        .allow_zero_keepalive(false)
        .keepalive_backoff(0.75)
        .max_subscriptions(SUBSCRIPTIONS)
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_inflight(inflight)
        .max_mqueue_len(QUEUE)
        .max_topic_levels(LEVELS)
        .session_expiry_interval(SESSION_LIFE)
        .max_session_expiry_interval(SESSION_LIFE)
        .message_expiry_interval(SESSION_LIFE)
        .handshake_timeout(config.patience)
        .send_timeout(SEND_LIMIT);
    let files = match &config.tls {
        None => None,
        Some(pem) => Some(pem.on_disk().map_err(|error| start_error(&error))?),
    };
    let builder = match &files {
        None => builder,
        Some(files) => builder
            .tls_cert(Some(files.certificate()))
            .tls_key(Some(files.key())),
    };
    let listener = builder
        .bind()
        .map_err(|error| listen_error(address, error))?;
    let listener = match &files {
        None => listener.tcp(),
        // Reads both files, which are gone when this function returns.
        Some(_) => listener.tls(),
    };
    listener.map_err(|error| start_error(&*error))
}

/// Takes as many descriptors as the system allows: each device is one, and the usual limit is 1024.
fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: both calls only read or write the struct, which outlives them.
        unsafe {
            if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
                limit.rlim_cur = limit.rlim_max;
                // Refused (macOS has a lower limit of its own): then the usual limit has to do.
                libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
            }
        }
    }
}

fn start_error(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::Start {
        reason: error.to_string(),
    }
}

fn listen_error(address: SocketAddr, error: rmqtt::Error) -> Error {
    match error.downcast::<std::io::Error>() {
        Ok(source) => Error::Listen { address, source },
        Err(error) => start_error(&*error),
    }
}

#[async_trait]
impl Broker for Embedded {
    fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    fn connected(&self) -> usize {
        self.hooks.online.count()
    }

    async fn push(&self, topic: &str, payload: Bytes) -> Result<(), Error> {
        super::check_size(topic, &payload)?;
        let message = CodecPublish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: topic.into(),
            packet_id: None,
            payload,
            properties: None,
        };
        let context = self.context.clone();
        let pushed = self.run(async move {
            let hub = From::from_system(Id::from(NODE, "hub".into()));
            SessionState::forwards(&context, hub, message.into(), false, None).await
        });
        pushed.await?.map_err(|error| start_error(&*error))
    }

    async fn kick(&self, device: &Device) -> Result<bool, Error> {
        let id = Id::from(NODE, device.client_id().into());
        let context = self.context.clone();
        self.run(async move { kick(&context, id).await }).await
    }

    async fn stop(&self) {
        let Some(running) = self.running().take() else {
            return;
        };
        let Running {
            runtime,
            server,
            guard,
            hooks,
        } = running;
        let context = self.context.clone();
        let ending = runtime.spawn(async move {
            guard.abort();
            server.abort();
            // Waiting for it is what gives the port back.
            let _ = server.await;
            end_sessions(&context).await;
            hooks.stop().await;
        });
        let _ = ending.await;
        // What is left are peers without a login and rmqtt's own tasks; both end with the runtime.
        let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(STOP_LIMIT)).await;
        self.hooks.online.clear();
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(running) = self.running().take() {
            running.runtime.shutdown_background();
        }
    }
}

async fn kick(context: &ServerContext, id: Id) -> bool {
    let entry = context.extends.shared().await.entry(id);
    if !entry.is_connected().await {
        return false;
    }
    match entry.try_lock().await {
        Ok(mut entry) => entry.kick(true, true, true).await.is_ok(),
        // A login or another kick has it in hand: either way the old connection ends.
        Err(_) => true,
    }
}

async fn end_sessions(context: &ServerContext) {
    // Collected first: kicking while walking the list would wait for itself.
    let all: Vec<Id> = {
        let shared = context.extends.shared().await;
        shared.iter().map(|entry| entry.id()).collect()
    };
    let kicks = async {
        for id in all {
            kick(context, id).await;
        }
        while context.connections.count() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Who cannot be reached ends with the runtime.
    let _ = tokio::time::timeout(STOP_LIMIT, kicks).await;
}
