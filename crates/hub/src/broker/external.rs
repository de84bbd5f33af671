//! A broker or cluster that others run: the hub is one of its clients.
//!
//! ```text
//!   devices ──> broker ──$thing/up/#────────────────> the hub
//!                      ──$share/{group}/$thing/up/#──> one of the hubs of a group
//!   devices <── broker <──$thing/down/…────────────── any hub
//! ```
//!
//! A group needs a broker that shares topics which begin with `$`: by their documents EMQX and rmqttd do; mosquitto 2.0.11
//! accepts the subscription and then delivers nothing (tried), so there a hub has to be alone and without a group.
//!
//! Who may log in and which topics belong to whom is then the broker's to enforce; the hub's account must be the only one that may
//! subscribe to `$thing/up/#` and publish to `$thing/down/#`. Presence comes from `$SYS/brokers/+/clients/+/connected` and
//! `…/disconnected`, which EMQX and rmqttd publish; with any other broker a device is online from its first message on.

use super::{Broker, Device, Error, Event, MAX_PACKET, Presence, Rules, Up};
use async_trait::async_trait;
use bytes::Bytes;
use rumqttc::mqttbytes::v4::{Packet, Publish, SubAck, SubscribeFilter, SubscribeReasonCode};
use rumqttc::{AsyncClient, EventLoop, MqttOptions, QoS, TlsConfiguration, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use wire::thing::{Direction, Topic};

mod url;

pub use url::Url;

/// What is wrong when the broker refuses the first of the filters.
const DEAF: &str = "its account may not read $thing/up/#: allow it";
/// What devices say.
const UP: [&str; 2] = ["$thing/up/#", "$sys/operation/+/+"];
/// Who came and who went, from brokers that tell.
const PRESENCE: [&str; 2] = [
    "$SYS/brokers/+/clients/+/connected",
    "$SYS/brokers/+/clients/+/disconnected",
];
/// Keep-alive of the hub's own connection.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long the first connection may take, and how long a message may wait to be taken.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a message from a device waits for a hub that takes no events.
const EVENT_LIMIT: Duration = Duration::from_secs(10);
/// Pause before connecting again: doubles from the first to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Largest packet that is read at all, bytes: larger than what a device may say, so that one that says too much at a broker
/// with a higher limit does not end the hub's connection.
const LARGEST: usize = 1 << 20;
/// Messages that may be on their way to the broker.
const QUEUE: usize = 1024;

/// What an external broker needs to be told.
#[derive(Clone)]
pub struct Config {
    /// Where it is and the hub's account there.
    pub url: Url,
    /// Certificate authority of the broker besides those that the system trusts, PEM.
    pub ca: Option<String>,
    /// Name of this hub at the broker; no two hubs may share one.
    pub client_id: String,
}

impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Config")
            .field("url", &self.url)
            .field("ca", &self.ca.is_some())
            .field("client_id", &self.client_id)
            .finish()
    }
}

/// A connection to an external broker, which is made again whenever it is lost.
pub struct External {
    client: AsyncClient,
    host: String,
    connected: watch::Receiver<bool>,
    online: Arc<Mutex<HashSet<Device>>>,
    polling: Mutex<Option<JoinHandle<()>>>,
}

impl External {
    /// Connects and subscribes. `rules` only judge whether a topic is a device's own; the broker has let the device in.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the first connection fails, [`Error::Start`] when there is no TLS.
    pub async fn connect(
        config: Config,
        rules: Arc<dyn Rules>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, Error> {
        let host = config.url.to_string();
        let (client, mut connection) = AsyncClient::new(options(&config)?, QUEUE);
        let unreachable = |reason: String| Error::Unreachable {
            host: host.clone(),
            reason,
        };
        let begin = begin(&client, &mut connection, config.url.group());
        let early = tokio::time::timeout(LIMIT, begin)
            .await
            .map_err(|_| unreachable(format!("nothing for {} s", LIMIT.as_secs())))?
            .map_err(unreachable)?;
        let (up, connected) = watch::channel(true);
        let online = Arc::default();
        let listener = Listener {
            rules,
            events,
            online: Arc::clone(&online),
            client: client.clone(),
            group: config.url.group().map(str::to_owned),
            host: host.clone(),
        };
        let polling = tokio::spawn(listener.run(early, connection, up));
        Ok(Self {
            client,
            host,
            connected,
            online,
            polling: Mutex::new(Some(polling)),
        })
    }

    fn polling(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.polling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unreachable(&self, reason: impl Into<String>) -> Error {
        Error::Unreachable {
            host: self.host.clone(),
            reason: reason.into(),
        }
    }
}

fn options(config: &Config) -> Result<MqttOptions, Error> {
    let url = &config.url;
    let mut options = MqttOptions::new(&config.client_id, url.host(), url.port());
    if let Some((user, password)) = url.account() {
        options.set_credentials(user, password);
    }
    if url.is_tls() {
        let tls = tls(config.ca.as_deref())?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
    }
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_max_packet_size(LARGEST, MAX_PACKET as usize);
    Ok(options)
}

/// Trusts whom the system trusts, and `ca`.
fn tls(ca: Option<&str>) -> Result<Arc<rustls::ClientConfig>, Error> {
    let failed = |reason: String| Error::Start { reason };
    let mut roots = rustls::RootCertStore::empty();
    // Certificates of the system that rustls cannot read are none that it would need.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default().as_bytes()) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        added.map_err(|error| failed(format!("the broker's certificate authority: {error}")))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Connects and subscribes; returns what devices said before the broker had confirmed it.
async fn begin(
    client: &AsyncClient,
    connection: &mut EventLoop,
    group: Option<&str>,
) -> Result<Vec<Publish>, String> {
    let mut early = Vec::new();
    loop {
        match connection.poll().await.map_err(|error| error.to_string())? {
            rumqttc::Event::Incoming(Packet::ConnAck(_)) => {
                subscribe(client, group).map_err(|error| error.to_string())?;
            }
            rumqttc::Event::Incoming(Packet::Publish(message)) => early.push(message),
            rumqttc::Event::Incoming(Packet::SubAck(ack)) if may_hear(&ack) => return Ok(early),
            rumqttc::Event::Incoming(Packet::SubAck(_)) => return Err(DEAF.into()),
            _ => {}
        }
    }
}

/// Whether the broker lets the hub hear its devices: the first filter.
fn may_hear(ack: &SubAck) -> bool {
    let code = ack.return_codes.first();
    code.is_some_and(|code| *code != SubscribeReasonCode::Failure)
}

/// Queues the subscriptions; after a reconnection the broker has forgotten them.
fn subscribe(client: &AsyncClient, group: Option<&str>) -> Result<(), rumqttc::ClientError> {
    let filters = filters(group).into_iter();
    client.try_subscribe_many(filters.map(|path| SubscribeFilter::new(path, QoS::AtLeastOnce)))
}

/// What the hub listens to. Every hub hears who came and went: each answers to its own owners.
fn filters(group: Option<&str>) -> Vec<String> {
    let up = UP.into_iter().map(|filter| match group {
        Some(group) => format!("$share/{group}/{filter}"),
        None => filter.to_owned(),
    });
    up.chain(PRESENCE.map(str::to_owned)).collect()
}

/// Takes what the broker sends.
struct Listener {
    rules: Arc<dyn Rules>,
    events: mpsc::Sender<Event>,
    online: Arc<Mutex<HashSet<Device>>>,
    client: AsyncClient,
    group: Option<String>,
    host: String,
}

impl Listener {
    async fn run(self, early: Vec<Publish>, mut connection: EventLoop, up: watch::Sender<bool>) {
        for message in early {
            self.take(message).await;
        }
        let mut pause = BACK_OFF.0;
        loop {
            match connection.poll().await {
                Ok(rumqttc::Event::Incoming(Packet::Publish(message))) => {
                    self.take(message).await;
                }
                Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => {
                    pause = BACK_OFF.0;
                    // The queue was just emptied into the new connection; should it be full, the next connection tries again.
                    if let Err(error) = subscribe(&self.client, self.group.as_deref()) {
                        tracing::warn!(host = self.host, "cannot subscribe: {error}");
                    }
                    up.send_replace(true);
                }
                Ok(rumqttc::Event::Incoming(Packet::SubAck(ack))) if !may_hear(&ack) => {
                    tracing::error!(host = self.host, DEAF);
                }
                Ok(_) => {}
                Err(error) => {
                    if up.send_replace(false) {
                        tracing::warn!(host = self.host, "the broker is away: {error}");
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF.1);
                }
            }
        }
    }

    async fn take(&self, message: Publish) {
        if let Some((device, online)) = system_presence(&message.topic) {
            self.presence(device, online).await;
            return;
        }
        let Some(device) = sender(&message.topic) else {
            return;
        };
        if message.payload.len() > MAX_PACKET as usize
            || !self.rules.may_publish(&device, &message.topic)
        {
            return;
        }
        self.presence(device.clone(), true).await;
        let up = Up {
            device,
            topic: message.topic,
            payload: message.payload,
        };
        self.tell(Event::Up(up)).await;
    }

    /// Tells what has changed.
    async fn presence(&self, device: Device, online: bool) {
        let changed = {
            let mut all = self.online.lock().unwrap_or_else(PoisonError::into_inner);
            if online {
                all.insert(device.clone())
            } else {
                all.remove(&device)
            }
        };
        if changed {
            let peer = None;
            self.tell(Event::Presence(Presence {
                device,
                online,
                peer,
            }))
            .await;
        }
    }

    async fn tell(&self, event: Event) {
        if let Err(error) = self.events.send_timeout(event, EVENT_LIMIT).await {
            tracing::warn!("the hub does not take events from its broker: {error}");
        }
    }
}

/// Whose up topic this is.
fn sender(topic: &str) -> Option<Device> {
    if let Some(names) = topic.strip_prefix("$sys/operation/") {
        return names.parse().ok();
    }
    let topic: Topic = topic.parse().ok()?;
    (topic.direction == Direction::Up).then_some(topic.device)
}

/// Reads `$SYS/brokers/{node}/clients/{clientId}/connected` and `…/disconnected`.
fn system_presence(topic: &str) -> Option<(Device, bool)> {
    let rest = topic.strip_prefix("$SYS/brokers/")?;
    let (_node, rest) = rest.split_once("/clients/")?;
    let (client_id, what) = rest.rsplit_once('/')?;
    let online = match what {
        "connected" => true,
        "disconnected" => false,
        _ => return None,
    };
    Some((Device::from_client_id(client_id).ok()?, online))
}

#[async_trait]
impl Broker for External {
    fn addresses(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    fn connected(&self) -> usize {
        let online = self.online.lock();
        online.unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn push(&self, topic: &str, payload: Bytes) -> Result<(), Error> {
        super::check_size(topic, &payload)?;
        if self.polling().is_none() {
            return Err(Error::Stopped);
        }
        if !*self.connected.borrow() {
            return Err(self.unreachable("the connection is lost and being made again"));
        }
        let publishing = self
            .client
            .publish_bytes(topic, QoS::AtLeastOnce, false, payload);
        match tokio::time::timeout(LIMIT, publishing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Stopped),
            Err(_) => Err(self.unreachable("it does not take messages")),
        }
    }

    async fn kick(&self, _device: &Device) -> Result<bool, Error> {
        if self.polling().is_none() {
            return Err(Error::Stopped);
        }
        Ok(false)
    }

    async fn stop(&self) {
        let Some(polling) = self.polling().take() else {
            return;
        };
        // Says good-bye, if there is somebody to say it to; the task that sends it ends with an error then.
        let _ = self.client.try_disconnect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        polling.abort();
        let _ = polling.await;
    }
}

impl Drop for External {
    fn drop(&mut self) {
        if let Some(polling) = self.polling().take() {
            polling.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_is_in_the_topic() {
        let cam = Device::new("ABCDE12345", "cam_01").unwrap();
        for topic in [
            "$thing/up/property/ABCDE12345/cam_01",
            "$sys/operation/ABCDE12345/cam_01",
        ] {
            assert_eq!(sender(topic), Some(cam.clone()), "{topic}");
        }
        for topic in [
            "$thing/down/property/ABCDE12345/cam_01",
            "$thing/up/property/ABCDE12345",
            "$thing/up/property/ABCDE12345/a/b",
            "$sys/operation/result/ABCDE12345/cam_01",
            "",
        ] {
            assert_eq!(sender(topic), None, "{topic}");
        }
    }

    #[test]
    fn only_what_devices_say_is_shared() {
        assert_eq!(filters(None)[0], "$thing/up/#");
        let shared = filters(Some("hubs"));
        assert_eq!(shared[0], "$share/hubs/$thing/up/#");
        assert_eq!(shared[1], "$share/hubs/$sys/operation/+/+");
        assert_eq!(shared[2..], PRESENCE);
    }

    #[test]
    fn presence_is_read_from_the_brokers_own_topics() {
        let cam = Device::new("ABCDE12345", "cam_01").unwrap();
        let read = |what: &str| {
            system_presence(&format!(
                "$SYS/brokers/emqx@127.0.0.1/clients/ABCDE12345cam_01/{what}"
            ))
        };
        assert_eq!(read("connected"), Some((cam.clone(), true)));
        assert_eq!(read("disconnected"), Some((cam, false)));
        assert_eq!(read("subscribed"), None);
        assert_eq!(
            system_presence("$SYS/brokers/n/clients/hub-1/connected"),
            None
        );
    }
}
