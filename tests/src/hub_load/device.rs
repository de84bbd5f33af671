//! One device of the crowd: MQTT 3.1.1 by hand, because ten thousand whole clients would measure themselves.

use super::server::{PRODUCT, secret};
use anyhow::{Context as _, Result, bail};
use bytes::BytesMut;
use provision::credentials;
use rumqttc::QoS;
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Packet, Publish, Subscribe};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use wire::device::Device;
use wire::login::{Method, NEVER, SDK_APP_ID, Username};
use wire::thing::{Body, Kind, Message, Topic};
use wire::token::Token;

/// Nothing here is larger.
const LARGEST: usize = 64 << 10;
/// Longer than the bench; the documents' largest.
const KEEP_ALIVE: u16 = 900;

/// What a socket or a TLS stream is to a device.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connected device.
pub(super) struct Mqtt {
    stream: Box<dyn Stream>,
    read: BytesMut,
    device: Device,
}

impl Mqtt {
    /// Logs in by the documents' rule and subscribes to the answers.
    pub(super) async fn login(stream: Box<dyn Stream>, name: &str) -> Result<Self> {
        let device = Device::new(PRODUCT, name)?;
        let username = Username {
            device: device.clone(),
            sdk_app_id: SDK_APP_ID,
            conn_id: "a1B2c".into(),
            expiry: NEVER,
        };
        let password = credentials::password(&secret(name), &username, Method::HmacSha256);
        let mut connect = Connect::new(device.client_id());
        connect.keep_alive = KEEP_ALIVE;
        connect.set_login(username.to_string(), password.to_text());
        let mut this = Self {
            stream,
            read: BytesMut::new(),
            device,
        };
        this.send(Packet::Connect(connect)).await?;
        match this.next().await? {
            Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success => {}
            other => bail!("instead of a welcome: {other:?}"),
        }
        let answers = Topic::down(Kind::Service, &this.device).to_string();
        let mut subscribe = Subscribe::new(answers, QoS::AtMostOnce);
        subscribe.pkid = 1;
        this.send(Packet::Subscribe(subscribe)).await?;
        match this.next().await? {
            Packet::SubAck(_) => Ok(this),
            other => bail!("instead of SUBACK: {other:?}"),
        }
    }

    /// Reports a token whenever it is told to, and says after how long the answer came. Ends when the connection does.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<(Instant, Token)>,
        answers: mpsc::UnboundedSender<Duration>,
    ) -> Result<()> {
        let topic = Topic::up(Kind::Service, &self.device).to_string();
        let mut asked = None;
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some((due, token)) = order else { return Ok(()) };
                    let message = Message::new("bench-1", Body::AppBindToken { token });
                    let mut publish = Publish::new(&topic, QoS::AtLeastOnce, message.encode());
                    publish.pkid = 2;
                    asked = Some(due);
                    self.send(Packet::Publish(publish)).await?;
                }
                packet = self.next() => {
                    if let (Packet::Publish(_), Some(due)) = (packet?, asked) {
                        asked = None;
                        let _ = answers.send(due.elapsed());
                    }
                }
            }
        }
    }

    async fn send(&mut self, packet: Packet) -> Result<()> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, LARGEST)?;
        self.stream.write_all(&bytes).await?;
        Ok(())
    }

    /// The next packet; may be given up while it waits.
    async fn next(&mut self) -> Result<Packet> {
        loop {
            match Packet::read(&mut self.read, LARGEST) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let read = self.stream.read_buf(&mut self.read).await;
            if read.context("reading")? == 0 {
                bail!("the server has hung up");
            }
        }
    }
}
