//! The MQTT broker as the rest of the hub sees it.
//!
//! Two backends stand behind [`Broker`]: [`embedded`] runs inside this process, [`external`] is a client of a cluster
//! reached by URL. Both take what a device may do from [`Rules`] and hand what devices say to the hub as [`Event`]s.
//!
//! ```text
//!   device ──CONNECT──> Rules::login          ──> CONNACK 0, 4 or 5
//!   device ──PUBLISH──> Rules::may_publish    ──> Event::Up(..)      or dropped
//!   device ──SUBSCRIBE> Rules::may_subscribe  ──> Event::Subscribed  or SUBACK 0x80
//!   hub    ──push────────────────────────────────> device
//! ```

pub mod embedded;
pub mod external;
mod guard;
mod hooks;
pub mod rules;

use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
pub use wire::device::Device;

/// What a device sent in CONNECT, before anything of it is believed.
#[derive(Clone)]
pub struct Login {
    /// Should be product id and device name.
    pub client_id: String,
    /// `{clientId};{sdkappid};{connid};{expiry}`; empty when the device sent none.
    pub username: String,
    /// `{hex};hmacsha256` or `{hex};hmacsha1`; a secret, printed as `***`.
    pub password: Bytes,
    /// Where the device connected from.
    pub peer: IpAddr,
}

impl fmt::Debug for Login {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Login")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &"***")
            .field("peer", &self.peer)
            .finish()
    }
}

/// The answer to a [`Login`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let it in as this device. The device's client id must be the one that it sent.
    Admit(Device),
    /// CONNACK 4: no such device, a wrong password, or a login that has expired.
    WrongCredentials,
    /// CONNACK 5: the credentials are good, but this device is not wanted here.
    NotAuthorized,
    /// The hub cannot decide now (its store does not answer); the device shall come again. CONNACK 5 as well: rmqtt lets
    /// nobody else say 3.
    Unavailable,
}

/// Who may come in and what they may do there. Called from the broker's own runtime, many at once.
#[async_trait]
pub trait Rules: Send + Sync + 'static {
    /// Checks a login. Bounded by the broker: an answer later than its handshake limit counts as [`Decision::Unavailable`].
    async fn login(&self, login: &Login) -> Decision;

    /// Whether `device` may publish to `topic`: its own up topics only.
    fn may_publish(&self, device: &Device, topic: &str) -> bool {
        rules::may_publish(device, topic)
    }

    /// Whether `device` may subscribe to `filter`: its own down topics only.
    fn may_subscribe(&self, device: &Device, filter: &str) -> bool {
        rules::may_subscribe(device, filter)
    }
}

/// One message from a device that [`Rules::may_publish`] let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// Who said it; never taken from the topic's text alone.
    pub device: Device,
    /// The whole topic, `$thing/up/…/{product}/{device}`.
    pub topic: String,
    /// At most [`MAX_PACKET`] bytes; nothing is known about its content.
    pub payload: Bytes,
}

/// A device came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Which device.
    pub device: Device,
    /// Whether it is connected now. When the same device connects again while it is connected, `true` comes again; `false` may come
    /// before it, never after it.
    pub online: bool,
    /// Where it connected from, when the backend knows.
    pub peer: Option<IpAddr>,
}

/// What a broker tells the hub, in the order in which it happened for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A device came or went.
    Presence(Presence),
    /// A device may be reached from now on at the topics of this filter. With an external broker this is not known:
    /// there a device that wants to know something asks.
    Subscribed {
        /// Which device.
        device: Device,
        /// The filter as it sent it.
        filter: String,
    },
    /// A device said something.
    Up(Up),
}

/// Largest packet either way, bytes. Documents' limit (IoT Hub, usage limits): 64 KiB of payload, and topic and header beside it.
pub const MAX_PACKET: u32 = 66 * 1024;

/// A broker that runs or is connected. Dropping it stops it, without waiting.
///
/// The hub must keep taking events while it pushes or kicks: a device's next message waits until there is room for it.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Where devices connect; empty for an external broker.
    fn addresses(&self) -> Vec<SocketAddr>;

    /// Devices that are connected now, as far as this backend knows.
    fn connected(&self) -> usize;

    /// Sends `payload` to whoever subscribed to `topic`, QoS 1, not retained. A device that is away does not get it:
    /// push again when it comes back.
    ///
    /// # Errors
    /// [`Error::Stopped`], [`Error::TooLarge`], or [`Error::Unreachable`] when an external broker does not take it.
    async fn push(&self, topic: &str, payload: Bytes) -> Result<(), Error>;

    /// Ends the device's connection; it may come back at once unless [`Rules::login`] refuses it. `false`: it was not connected,
    /// or the backend cannot do it (external).
    ///
    /// # Errors
    /// [`Error::Stopped`].
    async fn kick(&self, device: &Device) -> Result<bool, Error>;

    /// Closes every connection and gives the port back; when it returns the port is free. Calling it again does nothing.
    async fn stop(&self);
}

/// Why a broker cannot do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken or may not be used.
    #[error(
        "cannot listen on {address} for devices: {source}. Choose another port or end the program that has it."
    )]
    Listen {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The broker's runtime or inner listener does not start.
    #[error("the broker does not start: {reason}")]
    Start {
        /// What went wrong.
        reason: String,
    },
    /// The URL of an external broker is wrong.
    #[error(
        "broker URL {what}; expected mqtts://user:password@host[:8883][/group], or mqtt://… on a private network"
    )]
    Url {
        /// What is wrong with it; never the URL itself, which holds a password.
        what: String,
    },
    /// The external broker is away or refuses the hub.
    #[error("the external broker at {host} does not answer: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the connection says.
        reason: String,
    },
    /// The message does not fit a packet.
    #[error("message of {size} bytes for {topic}: at most {MAX_PACKET} fit one packet")]
    TooLarge {
        /// For whom.
        topic: String,
        /// Bytes.
        size: usize,
    },
    /// The broker was stopped.
    #[error("the broker was stopped")]
    Stopped,
}

/// Refuses what would not fit a packet, before a device is disconnected for it.
fn check_size(topic: &str, payload: &Bytes) -> Result<(), Error> {
    let size = topic.len() + payload.len();
    // The header and the lengths beside them take less.
    if size + 16 > MAX_PACKET as usize {
        let topic = topic.to_owned();
        return Err(Error::TooLarge { topic, size });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_never_prints_its_password() {
        let login = Login {
            client_id: "ABCDE12345cam_01".into(),
            username: "ABCDE12345cam_01;12010126;a1B2c;1700000000".into(),
            password: Bytes::from_static(b"66dbf46a;hmacsha256"),
            peer: IpAddr::from([127, 0, 0, 1]),
        };
        let printed = format!("{login:?}");
        assert!(!printed.contains("66dbf46a") && printed.contains("***"));
    }
}
