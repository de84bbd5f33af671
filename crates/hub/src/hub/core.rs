//! What every part of a running hub shares.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Notify, broadcast};
use wire::hub::{HubAddress, Pin};
use wire::id::PeerId;
use wire::relay::RelayAddress;
use wire::thing::{Message, Topic};

use crate::broker::Broker;
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::relay::{Guests, Relay};
use crate::store::Store;
use crate::{Device, HubEvent, Result};

/// Events that a slow receiver may be behind.
const EVENTS: usize = 1024;

/// The hub's parts: whoever has this can read and write the store, reach cameras and tell what happened.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    /// Weak, so that a desk that is still held does not keep the broker of a dropped hub running.
    pub(crate) broker: OnceLock<Weak<dyn Broker>>,
    /// Wakes the courier: somebody has to be told something, or has come to be told.
    pub(crate) wake: Notify,
    /// The relay while it runs.
    relay: Mutex<Option<Relay>>,
    events: broadcast::Sender<HubEvent>,
    host: Option<String>,
    pin: Pin,
    ports: OnceLock<Ports>,
}

/// Where the hub listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) mqtt: u16,
    pub(crate) http: u16,
}

impl Core {
    pub(crate) fn new(store: Store, limits: Limits, host: Option<String>, pin: Pin) -> Self {
        Self {
            store,
            limits,
            metrics: Arc::default(),
            broker: OnceLock::new(),
            wake: Notify::new(),
            relay: Mutex::default(),
            events: broadcast::channel(EVENTS).0,
            host,
            pin,
            ports: OnceLock::new(),
        }
    }

    pub(crate) fn set_ports(&self, ports: Ports) {
        let _ = self.ports.set(ports);
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<HubEvent> {
        self.events.subscribe()
    }

    pub(crate) fn tell(&self, event: HubEvent) {
        // Nobody listening is no error.
        let _ = self.events.send(event);
    }

    /// Where cameras reach the hub, as far as it is known now.
    pub(crate) fn address(&self) -> HubAddress {
        let ports = self.ports.get().copied();
        HubAddress {
            host: self
                .host
                .clone()
                .unwrap_or_else(|| local_address().to_string()),
            mqtt_port: ports.map_or(wire::hub::MQTT_PORT, |ports| ports.mqtt),
            http_port: ports.map_or(wire::hub::HTTP_PORT, |ports| ports.http),
            pin: self.pin,
        }
    }

    /// Says a message of the thing model to a camera. A camera that is away does not hear it.
    pub(crate) async fn say(&self, device: &Device, message: &Message) {
        let (_, kind) = message.place();
        let topic = Topic::down(kind, device).to_string();
        self.push(&topic, message.encode()).await;
    }

    /// Sends a payload to a topic.
    pub(crate) async fn push(&self, topic: &str, payload: String) {
        let Some(broker) = self.broker() else {
            return;
        };
        if let Err(error) = broker.push(topic, Bytes::from(payload)).await {
            tracing::warn!(topic, %error, "a message for a camera was not sent");
        }
    }

    /// Where the relay is, if there is one.
    pub(crate) fn relay_address(&self) -> Option<RelayAddress> {
        let relay = self.relay();
        let relay = relay.as_ref()?;
        let hub = HubAddress {
            http_port: relay.https().port(),
            ..self.address()
        };
        Some(RelayAddress {
            url: format!("https://{}", hub.http_authority()),
            quic_port: relay.quic().port(),
            ca: relay.ca().to_owned(),
        })
    }

    /// The relay's place.
    pub(crate) fn relay(&self) -> MutexGuard<'_, Option<Relay>> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the relay's connections of this camera and its viewers, as far as they are bound to nothing else.
    pub(crate) async fn dismiss(&self, device: &Device) -> Result<()> {
        if self.relay().is_none() {
            return Ok(());
        }
        for key in self.store.keys_of(device).await? {
            let Ok(id) = key.parse() else {
                continue;
            };
            let is_bound = self.store.is_bound_key(&key).await?;
            if let Some(relay) = self.relay().as_ref().filter(|_| !is_bound) {
                relay.dismiss(&id);
            }
        }
        Ok(())
    }

    /// Connections that the broker holds.
    pub(crate) fn connected(&self) -> usize {
        self.broker().map_or(0, |broker| broker.connected())
    }

    fn broker(&self) -> Option<Arc<dyn Broker>> {
        self.broker.get().and_then(Weak::upgrade)
    }
}

/// Whom the relay lets in.
pub(crate) struct Bound(pub(crate) Store);

#[async_trait]
impl Guests for Bound {
    async fn knows(&self, key: &PeerId) -> bool {
        match self.0.is_bound_key(&key.to_string()).await {
            Ok(is_bound) => is_bound,
            Err(error) => {
                tracing::error!(%error, "the relay cannot ask who is bound");
                false
            }
        }
    }
}

/// This machine's address in its own network: the one from which it would call others. Nothing is sent.
pub(crate) fn local_address() -> IpAddr {
    let outward = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        // An address set aside for documentation (RFC 5737): routed like any other far one.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        socket.local_addr().ok()
    };
    match outward() {
        Some(address) if !address.ip().is_unspecified() => address.ip(),
        // No route out: a network without a router, or none at all.
        _ => first_address().unwrap_or(Ipv4Addr::LOCALHOST.into()),
    }
}

/// The first address of an interface that is not the machine's own loop.
fn first_address() -> Option<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    let mut addresses = interfaces.into_iter().map(|interface| interface.ip());
    addresses.find(|address| address.is_ipv4() && !address.is_loopback())
}
