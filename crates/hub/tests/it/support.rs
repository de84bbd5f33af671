//! A hub of its own for each test, and a camera that speaks to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hub::client::{Client, Invitation, pinned_config};
use hub::config::{Limits, Mqtt};
use hub::{Config, Desk, Device, Hub, Keeper, TokenState, Viewer};
use hyper_util::rt::TokioIo;
use provision::credentials::{self, DeviceSecret, ProductSecret};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::hub::HubAddress;
use wire::id::{CameraId, PeerId};
use wire::login::{Method, NEVER, Username};
use wire::register::{EXPLORER_PATH, Response};
use wire::thing::{Body, Direction, Message, Topic};
use wire::token::Token;

/// A loaded machine may take this long for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PRODUCT: &str = "PORTHOLE01";

/// Waits for what has to come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing came in {PATIENCE:?}"),
    }
}

/// Asks again until it is so.
pub(crate) async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A hub on loopback with its folder.
pub(crate) struct Rig {
    /// Deleted with everything in it when the test is over.
    _dir: tempfile::TempDir,
    pub(crate) config: Config,
    pub(crate) hub: Hub,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With the configuration changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::embedded(dir.path());
        config.http = "127.0.0.1:0".parse().unwrap();
        config.mqtt = Mqtt::Embedded("127.0.0.1:0".parse().unwrap());
        config.host = Some("127.0.0.1".into());
        // Tests knock often; what they do not test shall not be in their way.
        config.limits = Limits {
            tokens_per_minute: 1000,
            wrong_per_minute: 1000,
            requests_per_minute: 100_000,
            ..Limits::default()
        };
        change(&mut config);
        let hub = Hub::start(config.clone()).await.unwrap();
        Self {
            _dir: dir,
            config,
            hub,
        }
    }

    /// Ends the hub and starts it again with the same folder.
    pub(crate) async fn restart(&mut self) {
        self.hub.stop().await;
        self.hub = Hub::start(self.config.clone()).await.unwrap();
    }

    pub(crate) fn address(&self) -> HubAddress {
        self.hub.address()
    }

    /// Another owner and its desk over HTTPS.
    pub(crate) async fn owner(&self, name: &str) -> (Client, Invitation) {
        let keeper = Keeper::open(&self.config).await.unwrap();
        let invitation = keeper.add_owner(name).await.unwrap();
        keeper.close().await;
        (Client::new(invitation.clone()).unwrap(), invitation)
    }
}

/// A viewer whose key is this byte 32 times.
pub(crate) fn viewer(byte: u8) -> Viewer {
    Viewer {
        key: PeerId([byte; 32]),
        name: format!("viewer {byte}"),
    }
}

/// A camera with credentials.
#[derive(Clone)]
pub(crate) struct Camera {
    pub(crate) hub: HubAddress,
    pub(crate) device: Device,
    pub(crate) key: CameraId,
    pub(crate) secret: DeviceSecret,
}

impl Camera {
    /// Registers with the token of its attempt, as a camera fresh from its box does.
    pub(crate) async fn register(hub: &HubAddress, name: &str, token: &Token) -> Self {
        let key = PeerId([name.bytes().last().unwrap(); 32]);
        let secret = ProductSecret::from(token);
        let secret = register(hub, name, Some(key), &secret).await.unwrap();
        Self {
            hub: hub.clone(),
            device: device(name),
            key,
            secret,
        }
    }

    /// Connects and subscribes.
    pub(crate) async fn connect(&self) -> Online {
        let client_id = self.device.client_id();
        let username = Username {
            device: self.device.clone(),
            sdk_app_id: wire::login::SDK_APP_ID,
            conn_id: "a1B2c".into(),
            expiry: NEVER,
        };
        let password = credentials::password(&self.secret, &username, Method::HmacSha256);
        let mut options = MqttOptions::new(client_id, &self.hub.host, self.hub.mqtt_port);
        options.set_credentials(username.to_string(), password.to_text());
        options.set_keep_alive(Duration::from_secs(30));
        options.set_max_packet_size(70_000, 70_000);
        let tls = TlsConfiguration::Rustls(pinned_config(&self.hub.pin).unwrap());
        options.set_transport(Transport::Tls(tls));
        let (client, mut events) = AsyncClient::new(options, 64);
        let (sender, messages) = mpsc::unbounded_channel();
        let (ready, subscribed) = tokio::sync::oneshot::channel();
        let mut ready = Some(ready);
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        ready.take().map(|ready| ready.send(Ok(())));
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let _ = sender.send((publish.topic, publish.payload));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        ready.take().map(|ready| ready.send(Err(error.to_string())));
                        return;
                    }
                }
            }
        });
        let filter = format!("$thing/down/+/{}", self.device);
        client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        let online = Online {
            camera: self.clone(),
            client,
            messages,
            task,
        };
        soon("subscribed", subscribed).await.unwrap().unwrap();
        online
    }
}

/// A camera that is connected.
pub(crate) struct Online {
    pub(crate) camera: Camera,
    pub(crate) client: AsyncClient,
    pub(crate) messages: mpsc::UnboundedReceiver<(String, Bytes)>,
    task: JoinHandle<()>,
}

impl Online {
    pub(crate) async fn say(&self, client_token: &str, body: Body) {
        let message = Message::new(client_token, body);
        let (_, kind) = message.place();
        let topic = Topic::up(kind, &self.camera.device).to_string();
        self.say_raw(&topic, message.encode()).await;
    }

    pub(crate) async fn say_raw(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        let sent = self.client.publish(topic, QoS::AtLeastOnce, false, payload);
        sent.await.unwrap();
    }

    /// The next message of the thing model.
    pub(crate) async fn hear(&mut self) -> Message {
        let (topic, payload) = soon("a message", self.messages.recv()).await.unwrap();
        let topic: Topic = topic.parse().unwrap();
        assert_eq!(topic.device, self.camera.device);
        Message::decode(Direction::Down, topic.kind, &payload).unwrap()
    }

    /// The next message that is wanted; others are skipped.
    pub(crate) async fn hear_one(&mut self, mut is_wanted: impl FnMut(&Body) -> bool) -> Message {
        loop {
            let message = self.hear().await;
            if is_wanted(&message.body) {
                return message;
            }
        }
    }

    /// Reports a token and returns the code of the answer.
    pub(crate) async fn report_token(&mut self, token: &Token) -> i32 {
        let body = Body::AppBindToken {
            token: token.clone(),
        };
        self.say("cam-1", body).await;
        loop {
            let message = self.hear().await;
            if let Body::AppBindTokenReply(answer) = message.body {
                assert_eq!(message.client_token, "cam-1");
                return answer.code;
            }
        }
    }

    /// Cuts the connection without a word.
    pub(crate) async fn vanish(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Online {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn device(name: &str) -> Device {
    Device::new(PRODUCT, name).unwrap()
}

pub(crate) fn unix_seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Registers in the IoT Explorer form; the refusal's code otherwise.
pub(crate) async fn register(
    hub: &HubAddress,
    name: &str,
    key: Option<CameraId>,
    secret: &ProductSecret,
) -> Result<DeviceSecret, i32> {
    let nonce = u64::from(rand());
    let mut request = credentials::sign_registration(secret, &device(name), nonce, unix_seconds());
    request.camera = key;
    let (status, body) = post(hub, EXPLORER_PATH, &[], request.encode()).await;
    assert_eq!(status, 200);
    match Response::decode(&body).unwrap() {
        Response::Registered { payload, .. } => Ok(credentials::open(secret, &payload).unwrap()),
        Response::Refused { code, .. } => Err(code),
    }
}

fn rand() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

/// A TLS connection to the hub's HTTPS port.
pub(crate) async fn tls(hub: &HubAddress) -> TlsStream<TcpStream> {
    let socket = TcpStream::connect((hub.host.as_str(), hub.http_port))
        .await
        .unwrap();
    let name = ServerName::try_from("porthole-hub").unwrap();
    TlsConnector::from(pinned_config(&hub.pin).unwrap())
        .connect(name, socket)
        .await
        .unwrap()
}

/// One request with a body: status and body of the answer.
pub(crate) async fn post(
    hub: &HubAddress,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (u16, Bytes) {
    let mut request = hyper::Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    exchange(hub, request.body(Full::new(body.into())).unwrap()).await
}

/// One request without a body.
pub(crate) async fn get(hub: &HubAddress, path: &str) -> (u16, String) {
    let request = hyper::Request::get(path).body(Full::default()).unwrap();
    let (status, body) = exchange(hub, request).await;
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn exchange(hub: &HubAddress, mut request: hyper::Request<Full<Bytes>>) -> (u16, Bytes) {
    let stream = TokioIo::new(tls(hub).await);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    if !request.headers().contains_key("host") {
        let host = hub.http_authority().parse().unwrap();
        request.headers_mut().insert("host", host);
    }
    let response = soon("an answer", sender.send_request(request))
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, body)
}

/// A camera that registered and reported a token of this desk, online.
pub(crate) async fn reported(
    rig: &Rig,
    desk: &Arc<dyn Desk>,
    name: &str,
    who: u8,
) -> (Online, Token) {
    let token = desk.create_token(&viewer(who)).await.unwrap().token;
    let camera = Camera::register(&rig.address(), name, &token).await;
    let mut online = camera.connect().await;
    assert_eq!(online.report_token(&token).await, 0);
    assert_eq!(
        desk.token_state(&token).await.unwrap(),
        TokenState::Reported(device(name))
    );
    (online, token)
}
