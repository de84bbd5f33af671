//! One MQTT connection: rumqttc's event loop in a task of its own, because polling it must not be cut short.

use provision::credentials;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, EventLoop, MqttOptions, NetworkOptions,
    Packet, QoS, SubscribeFilter, TlsConfiguration, TlsError, Transport,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::login::{self, Method, Username};
use wire::soft_ap::Cause;

use super::session::Output;
use super::{Failure, tls};
use crate::defaults::{HUB_CONNECT, HUB_KEEP_ALIVE, HUB_PACKET};
use crate::setup::saved::Account;

/// Requests and messages that wait at a time.
const QUEUE: usize = 32;

/// What comes.
pub(super) enum Incoming {
    /// The subscription was answered.
    Subscribed,
    /// A message.
    Message {
        /// Where.
        topic: String,
        /// What.
        payload: Vec<u8>,
    },
}

/// See the module's text. Dropping it closes the socket.
pub(super) struct Connection {
    client: AsyncClient,
    incoming: mpsc::Receiver<Result<Incoming, Failure>>,
    task: JoinHandle<()>,
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn open(account: &Account) -> Result<Self, Failure> {
        let (client, mut events) = AsyncClient::new(options(account)?, QUEUE);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(HUB_CONNECT.as_secs());
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        // The first event is the answer to the login.
        events.poll().await.map_err(|error| failure(&error))?;
        let (sender, incoming) = mpsc::channel(QUEUE);
        Ok(Self {
            client,
            incoming,
            task: tokio::spawn(poll(events, sender)),
        })
    }

    /// Waits for what comes. May be dropped at any time.
    pub(super) async fn next(&mut self) -> Result<Incoming, Failure> {
        match self.incoming.recv().await {
            Some(incoming) => incoming,
            None => Err(Failure::unreachable("the connection has ended")),
        }
    }

    /// Queues what is to be sent. A full queue means that nothing goes out any more.
    pub(super) fn send(&self, output: Output) -> Result<(), Failure> {
        let sent = match output {
            Output::Subscribe(topics) => {
                let filter = |topic| SubscribeFilter::new(topic, QoS::AtLeastOnce);
                self.client
                    .try_subscribe_many(topics.into_iter().map(filter))
            }
            Output::Publish {
                topic,
                payload,
                at_least_once,
            } => {
                let qos = if at_least_once {
                    QoS::AtLeastOnce
                } else {
                    QoS::AtMostOnce
                };
                self.client.try_publish(topic, qos, false, payload.0)
            }
            Output::Event(_) => Ok(()),
        };
        sent.map_err(|_| Failure::unreachable("nothing goes out to the hub any more"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn poll(mut events: EventLoop, sender: mpsc::Sender<Result<Incoming, Failure>>) {
    loop {
        let incoming = match events.poll().await {
            Ok(rumqttc::Event::Incoming(Packet::Publish(publish))) => Ok(Incoming::Message {
                topic: publish.topic,
                payload: publish.payload.into(),
            }),
            Ok(rumqttc::Event::Incoming(Packet::SubAck(_))) => Ok(Incoming::Subscribed),
            Ok(_) => continue,
            Err(error) => Err(failure(&error)),
        };
        let over = incoming.is_err();
        if sender.send(incoming).await.is_err() || over {
            return;
        }
    }
}

fn options(account: &Account) -> Result<MqttOptions, Failure> {
    let username = Username {
        device: account.device.clone(),
        sdk_app_id: login::SDK_APP_ID,
        conn_id: conn_id()?,
        // A camera's clock may be wrong; the hub ends the login by taking the secret away.
        expiry: login::NEVER,
    };
    let password = credentials::password(&account.secret, &username, Method::HmacSha256);
    let hub = &account.hub;
    let mut options = MqttOptions::new(account.device.client_id(), &hub.host, hub.mqtt_port);
    options
        .set_credentials(username.to_string(), password.to_text())
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            tls::config(hub.pin),
        )))
        .set_keep_alive(HUB_KEEP_ALIVE)
        .set_max_packet_size(HUB_PACKET, HUB_PACKET);
    Ok(options)
}

/// Five random letters and digits.
fn conn_id() -> Result<String, Failure> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 5];
    getrandom::fill(&mut bytes).map_err(|error| Failure::unreachable(error.to_string()))?;
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(bytes.into_iter().map(letter).collect())
}

/// What went wrong, as far as it is told. rumqttc's own words hold no password.
fn failure(error: &ConnectionError) -> Failure {
    match error {
        ConnectionError::ConnectionRefused(code) => Failure {
            cause: Cause::HubRefused(connack(*code)),
            detail: format!("{code:?}"),
        },
        ConnectionError::Tls(TlsError::Io(error)) | ConnectionError::Io(error) => {
            Failure::connection(error)
        }
        other => Failure::unreachable(other.to_string()),
    }
}

/// MQTT 3.1.1, 3.2.2.3.
fn connack(code: ConnectReturnCode) -> i32 {
    match code {
        ConnectReturnCode::Success => 0,
        ConnectReturnCode::RefusedProtocolVersion => 1,
        ConnectReturnCode::BadClientId => 2,
        ConnectReturnCode::ServiceUnavailable => 3,
        ConnectReturnCode::BadUserNamePassword => 4,
        ConnectReturnCode::NotAuthorized => 5,
    }
}
