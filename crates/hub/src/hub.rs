//! The hub as one value: everything started in the right order, and stopped again.

pub(crate) mod core;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use wire::hub::HubAddress;
use wire::relay::RelayAddress;

use crate::broker::embedded::{self, Embedded, Pem};
use crate::broker::external::{self, External};
use crate::broker::{self, Broker};
use crate::config::Mqtt;
use crate::desk::Local;
use crate::gate::Gate;
use crate::http::Server;
use crate::hub::core::{Bound, Core, Ports};
use crate::relay::{self, Relay};
use crate::store::{Store, now_ms};
use crate::tls::Identity;
use crate::{Config, Desk, Error, HubEvent, Result, courier, http, things};

/// The owner who runs the hub: there from the start, without an access token.
pub const HOME: &str = "home";

/// Events of the broker that wait for the hub.
const QUEUE: usize = 1024;
/// How often what is old is forgotten.
const TIDY: Duration = Duration::from_secs(600);
/// Settings that keep the ports of a hub that takes any.
pub(crate) const MQTT_PORT: &str = "mqtt_port";
pub(crate) const HTTP_PORT: &str = "http_port";

/// A running hub. Dropping it ends it without waiting for what is under way; [`Hub::stop`] is the orderly end.
pub struct Hub {
    core: Arc<Core>,
    broker: Arc<dyn Broker>,
    owns_broker: bool,
    running: Mutex<Option<Running>>,
}

/// What has to be ended.
struct Running {
    server: Server,
    tasks: JoinSet<()>,
}

impl Hub {
    /// Opens the database (and brings it up to date), loads or makes the TLS identity, and starts the broker and HTTPS.
    ///
    /// # Errors
    /// Whatever of these fails first; nothing stays running then.
    pub async fn start(config: Config) -> Result<Self> {
        let identity = Identity::load_or_create(&config.dir)?;
        let store = Store::open(&config.database, &config.dir).await?;
        store.put_owner(HOME, None, now_ms()).await?;
        let core = Arc::new(Core::new(
            store,
            config.limits.clone(),
            config.host.clone(),
            *identity.pin(),
        ));
        let started = Self::start_parts(&config, &identity, core.clone()).await;
        if started.is_err() {
            core.store.close().await;
        }
        started
    }

    async fn start_parts(config: &Config, identity: &Identity, core: Arc<Core>) -> Result<Self> {
        let (events, up) = mpsc::channel(QUEUE);
        let (broker, mqtt_port) = start_broker(config, identity, &core, events).await?;
        // Set before anything can be said through it.
        let _ = core.broker.set(Arc::downgrade(&broker));
        let server = match start_https(config, identity, &core).await {
            Ok(server) => server,
            Err(error) => {
                broker.stop().await;
                return Err(error);
            }
        };
        if let Err(error) = start_relay(config, identity, &core).await {
            broker.stop().await;
            return Err(error);
        }
        let http_port = server.address().port();
        core.set_ports(Ports {
            mqtt: mqtt_port,
            http: http_port,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(things::run(core.clone(), up));
        tasks.spawn(courier::run(core.clone()));
        tasks.spawn(tidy(core.clone()));
        tracing::info!(mqtt_port, http_port, pin = %identity.pin(), "the hub runs");
        Ok(Self {
            core,
            broker,
            owns_broker: matches!(config.mqtt, Mqtt::Embedded(_)),
            running: Mutex::new(Some(Running { server, tasks })),
        })
    }

    /// Where cameras and apps reach this hub now; the host follows this machine's address unless the configuration names one.
    pub fn address(&self) -> HubAddress {
        self.core.address()
    }

    /// Where the relay is, if the configuration asks for one.
    pub fn relay(&self) -> Option<RelayAddress> {
        self.core.relay_address()
    }

    /// The desk of the owner who runs this hub.
    pub fn desk(&self) -> Arc<dyn Desk> {
        Arc::new(Local::new(self.core.clone(), HOME))
    }

    /// What happens from now on. A receiver that lags loses the oldest.
    pub fn events(&self) -> broadcast::Receiver<HubEvent> {
        self.core.events()
    }

    /// Ends every connection and gives the ports back. Calls to desks fail from then on. Calling it again does nothing.
    pub async fn stop(&self) {
        let running = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.take()
        };
        let Some(mut running) = running else {
            return;
        };
        running.server.stop().await;
        let relay = self.core.relay().take();
        if let Some(relay) = relay {
            relay.stop().await;
        }
        // The broker's last events still have takers.
        self.broker.stop().await;
        running.tasks.shutdown().await;
        // Who was connected to the own broker is not any more, whatever of it was still on its way.
        if self.owns_broker
            && let Err(error) = self.core.store.all_offline().await
        {
            tracing::warn!(%error, "who is online was not noted");
        }
        self.core.store.close().await;
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.core.relay().take());
    }
}

async fn start_broker(
    config: &Config,
    identity: &Identity,
    core: &Arc<Core>,
    events: mpsc::Sender<broker::Event>,
) -> Result<(Arc<dyn Broker>, u16)> {
    let gate = Arc::new(Gate::new(
        core.store.clone(),
        core.metrics.clone(),
        core.limits.wrong_per_minute,
    ));
    match &config.mqtt {
        Mqtt::Embedded(address) => {
            core.store.all_offline().await?;
            let pem = Pem {
                certificate: identity.certificate_pem(),
                key: identity.key_pem(),
            };
            let start = |address: SocketAddr| {
                let mut config = embedded::Config::new(vec![address], Some(pem.clone()));
                config.devices = core.limits.connections;
                Embedded::start(config, gate.clone(), events.clone())
            };
            let remembered = remembered(&core.store, MQTT_PORT, *address).await?;
            let broker = match start(remembered).await {
                Err(_) if remembered != *address => start(*address).await,
                other => other,
            }
            .map_err(|error| Error::Broker(error.to_string()))?;
            let port = broker.addresses().first().map_or(0, SocketAddr::port);
            remember(&core.store, MQTT_PORT, *address, port).await?;
            Ok((Arc::new(broker), port))
        }
        Mqtt::External(url) => {
            let failed = |error: broker::Error| Error::Broker(error.to_string());
            let url: external::Url = url.parse().map_err(failed)?;
            let port = url.port();
            let config = external::Config {
                url,
                ca: read_ca(config.mqtt_ca.as_deref())?,
                client_id: client_id()?,
            };
            let broker = External::connect(config, gate, events).await;
            Ok((Arc::new(broker.map_err(failed)?), port))
        }
    }
}

/// The authority that signed an external broker's certificate, PEM, if it is not a public one.
fn read_ca(path: Option<&Path>) -> Result<Option<String>> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| Error::Io {
            doing: "read",
            path: path.to_path_buf(),
            source,
        })
    };
    path.map(read).transpose()
}

/// A name that no other hub at the same broker has.
fn client_id() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(format!(
        "porthole-hub-{}",
        data_encoding::HEXLOWER.encode(&bytes)
    ))
}

async fn start_https(config: &Config, identity: &Identity, core: &Arc<Core>) -> Result<Server> {
    let tls = identity.server_config()?;
    let start = |address| Server::start(address, tls.clone(), http::router(core.clone()));
    let remembered = remembered(&core.store, HTTP_PORT, config.http).await?;
    let server = match start(remembered).await {
        Err(_) if remembered != config.http => start(config.http).await?,
        other => other?,
    };
    let port = server.address().port();
    remember(&core.store, HTTP_PORT, config.http, port).await?;
    Ok(server)
}

async fn start_relay(config: &Config, identity: &Identity, core: &Core) -> Result<()> {
    let Some(wanted) = config.relay else {
        return Ok(());
    };
    let relay = relay::Config {
        https: wanted.https,
        quic: wanted.quic,
        names: vec![core.address().host],
        key_pem: identity.key_pem(),
    };
    let guests = Arc::new(Bound(core.store.clone()));
    let relay = Relay::start(relay, guests).await;
    let relay = relay.map_err(|error| Error::Relay(error.to_string()))?;
    *core.relay() = Some(relay);
    Ok(())
}

/// The address to listen on: for port 0 with the port of last time, so that cameras find the hub again.
async fn remembered(store: &Store, name: &str, wanted: SocketAddr) -> Result<SocketAddr> {
    if wanted.port() != 0 {
        return Ok(wanted);
    }
    let port = store
        .setting(name)
        .await?
        .and_then(|text| text.parse().ok());
    Ok(SocketAddr::new(wanted.ip(), port.unwrap_or(0)))
}

async fn remember(store: &Store, name: &str, wanted: SocketAddr, port: u16) -> Result<()> {
    if wanted.port() == 0 {
        store.set_setting(name, &port.to_string()).await?;
    }
    Ok(())
}

async fn tidy(core: Arc<Core>) {
    loop {
        if let Err(error) = core.store.tidy(now_ms()).await {
            tracing::warn!(%error, "what is old was not forgotten");
        }
        tokio::time::sleep(TIDY).await;
    }
}
