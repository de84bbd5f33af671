//! A client that sends whatever it is told, byte for byte.

use std::net::SocketAddr;

use bytes::BytesMut;
use rumqttc::QoS;
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::v4::{Connect, Packet, PubAck, Publish, Subscribe, SubscribeReasonCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PRODUCT, password, within};

const LARGE: usize = 8 << 20;

/// CONNECT of a device that may come in.
pub(crate) fn login(name: &str) -> Connect {
    let client_id = format!("{PRODUCT}{name}");
    let mut connect = Connect::new(client_id.clone());
    connect.keep_alive = 60;
    let username = format!("{client_id};12010126;a1B2c;4102444800");
    connect.set_login(username, password(name));
    connect
}

/// One connection.
pub(crate) struct Raw {
    stream: TcpStream,
    read: BytesMut,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: within(TcpStream::connect(address)).await.unwrap(),
            read: BytesMut::new(),
        }
    }

    /// Sends bytes; a broker that has closed already is not an error here.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        let _ = within(self.stream.write_all(bytes)).await;
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, LARGE).unwrap();
        self.bytes(&bytes).await;
    }

    /// The next packet; `None` when the broker has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.read, LARGE) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("not MQTT: {error}"),
            }
            match within(self.stream.read_buf(&mut self.read)).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Waits for the end of the connection.
    pub(crate) async fn closed(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Waits for the end of the connection, however long it takes.
    pub(crate) async fn closed_some_time(&mut self) {
        let _ = self.stream.read(&mut [0; 16]).await;
    }

    /// Whether the broker leaves the connection open and answers.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.send(Packet::PingReq).await;
        matches!(self.next().await, Some(Packet::PingResp))
    }

    /// Sends CONNECT; the return code of CONNACK, `None` when the broker closed without one.
    pub(crate) async fn login(&mut self, connect: Connect) -> Option<u8> {
        self.send(Packet::Connect(connect)).await;
        match self.next().await {
            Some(Packet::ConnAck(ack)) => Some(ack.code as u8),
            Some(other) => panic!("instead of CONNACK: {other:?}"),
            None => None,
        }
    }

    /// Sends CONNECT and tears the connection down without reading the answer.
    pub(crate) async fn hang_up_after(mut self, connect: Connect) {
        self.send(Packet::Connect(connect)).await;
        // With this the system sends RST instead of waiting for what is under way.
        self.stream.set_zero_linger().unwrap();
    }

    /// Subscribes to one filter; whether it was granted.
    pub(crate) async fn subscribe(&mut self, filter: &str) -> bool {
        let mut subscribe = Subscribe::new(filter, QoS::AtLeastOnce);
        subscribe.pkid = 7;
        self.send(Packet::Subscribe(subscribe)).await;
        match self.next().await {
            Some(Packet::SubAck(ack)) => match ack.return_codes[..] {
                [SubscribeReasonCode::Success(_)] => true,
                [SubscribeReasonCode::Failure] => false,
                _ => panic!("one filter, one code"),
            },
            other => panic!("instead of SUBACK: {other:?}"),
        }
    }

    /// Publishes with QoS 1 and waits for PUBACK.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str) {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = 9;
        self.send(Packet::Publish(publish)).await;
        assert_eq!(self.next().await, Some(Packet::PubAck(PubAck::new(9))));
    }

    /// The next message, acknowledged.
    pub(crate) async fn message(&mut self) -> Publish {
        match self.next().await {
            Some(Packet::Publish(publish)) => {
                self.send(Packet::PubAck(PubAck::new(publish.pkid))).await;
                publish
            }
            other => panic!("instead of a message: {other:?}"),
        }
    }
}
