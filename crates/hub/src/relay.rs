//! The hub's relay: where two ends meet that find no direct path, and what tells them their public addresses.
//!
//! It is iroh's own relay as a library, with TLS and QUIC address discovery (without it nothing is punched). It carries packets
//! that it cannot read, and only for keys that the hub has bound: both ends of a session, camera and viewer.

use async_trait::async_trait;
use iroh_relay::server::{
    Access, AccessControl, CertConfig, ClientRateLimit, ClientRequest, QuicConfig, RelayConfig,
    Server, ServerConfig, TlsConfig,
};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use wire::id::PeerId;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// UDP port of address discovery unless told otherwise (iroh's default).
pub const QUIC_PORT: u16 = 7842;
/// What one end may send through the relay, bytes a second: a 4K stream and room for a retransmission.
const RATE: u32 = 4 << 20;

/// Whose packets the relay carries.
#[async_trait]
pub trait Guests: Send + Sync + 'static {
    /// Whether this key belongs to a bound camera or to a viewer that one is bound to.
    /// The relay has already made the peer prove that it owns the key.
    async fn knows(&self, key: &PeerId) -> bool;
}

/// What a relay is told.
pub struct Config {
    /// TCP address of the relay itself; port 0 is any.
    pub https: SocketAddr,
    /// UDP address of address discovery; port 0 is any.
    pub quic: SocketAddr,
    /// Names and addresses by which ends reach it, for the certificate; at least one.
    pub names: Vec<String>,
    /// The secret key of the certificate, PKCS #8 PEM: the hub's own.
    pub key_pem: String,
}

impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Config")
            .field("https", &self.https)
            .field("quic", &self.quic)
            .field("names", &self.names)
            .field("key_pem", &"***")
            .finish()
    }
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No certificate can be made of this key and these names.
    #[error("the relay's certificate for {names:?} cannot be made: {reason}")]
    Certificate {
        /// The names that it should have.
        names: Vec<String>,
        /// What is wrong.
        reason: String,
    },
    /// The ports are taken or may not be used.
    #[error(
        "the relay does not start on {https} (TCP) and {quic} (UDP): {reason}. Choose other ports or end the program that has them."
    )]
    Start {
        /// Where the relay should be.
        https: SocketAddr,
        /// Where address discovery should be.
        quic: SocketAddr,
        /// What is wrong.
        reason: String,
    },
}

/// A running relay. Dropping it ends it without waiting.
pub struct Relay {
    server: Server,
    door: Arc<Door>,
    https: SocketAddr,
    quic: SocketAddr,
    ca: String,
}

impl Relay {
    /// Starts a relay that admits whom `guests` know.
    ///
    /// # Errors
    /// [`Error`]; nothing stays running then.
    pub async fn start(config: Config, guests: Arc<dyn Guests>) -> Result<Self, Error> {
        let (ca, tls) = certificate(&config)?;
        let door = Arc::new(Door {
            guests,
            inside: Mutex::default(),
        });
        // The plain page that tells a captive portal apart; nothing of ours asks for it, so nobody outside reaches it.
        let mut relay = RelayConfig::new((Ipv4Addr::LOCALHOST, 0));
        relay.tls = Some(TlsConfig::new(
            config.https,
            CertConfig::Manual {
                server_config: tls.clone(),
            },
        ));
        relay.limits.client_rx = NonZeroU32::new(RATE).map(ClientRateLimit::new);
        relay.access = Arc::new(AtTheDoor(Arc::clone(&door)));
        let mut quic = QuicConfig::new(config.quic);
        quic.server_config = Some(tls);
        let mut all = ServerConfig::default();
        all.relay = Some(relay);
        all.quic = Some(quic);

        let failed = |reason: String| Error::Start {
            https: config.https,
            quic: config.quic,
            reason,
        };
        let server = Server::spawn(all)
            .await
            .map_err(|error| failed(causes(&error)))?;
        let (Some(https), Some(quic)) = (server.https_addr(), server.quic_addr()) else {
            return Err(failed("it has no address".into()));
        };
        Ok(Self {
            server,
            door,
            https,
            quic,
            ca,
        })
    }

    /// TCP address of the relay.
    #[must_use]
    pub fn https(&self) -> SocketAddr {
        self.https
    }

    /// UDP address of address discovery.
    #[must_use]
    pub fn quic(&self) -> SocketAddr {
        self.quic
    }

    /// The certificate that ends have to trust, PEM; it is its own authority.
    #[must_use]
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// Ends this key's connections, after it was unbound. `false`: it had none.
    pub fn dismiss(&self, key: &PeerId) -> bool {
        let known = self.door.inside().remove(key);
        match (known, self.server.relay_service()) {
            (Some(request), Some(service)) => {
                service.clients().disconnect(request.endpoint_id(), None)
            }
            _ => false,
        }
    }

    /// Ends every connection and gives the ports back.
    pub async fn stop(self) {
        if let Err(error) = self.server.shutdown().await {
            tracing::warn!("the relay ended with an error: {}", causes(&error));
        }
    }
}

/// The certificate for the relay's names, as PEM and as what a server needs.
fn certificate(config: &Config) -> Result<(String, rustls::ServerConfig), Error> {
    let failed = |reason: String| Error::Certificate {
        names: config.names.clone(),
        reason,
    };
    let key = KeyPair::from_pem(&config.key_pem).map_err(|error| failed(error.to_string()))?;
    let mut params =
        CertificateParams::new(config.names.clone()).map_err(|error| failed(error.to_string()))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "porthole-hub relay");
    let made = params
        .self_signed(&key)
        .map_err(|error| failed(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key: PrivateKeyDer<'static> = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![made.der().clone()], key)
        })
        .map_err(|error| failed(error.to_string()))?;
    Ok((made.pem(), tls))
}

/// An error and what caused it, in one line: iroh's outer errors do not repeat the inner ones.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Who is let in, and who was.
struct Door {
    guests: Arc<dyn Guests>,
    /// The last request of every key that was admitted: as many as there are bound keys.
    inside: Mutex<HashMap<PeerId, ClientRequest>>,
}

impl Door {
    fn inside(&self) -> std::sync::MutexGuard<'_, HashMap<PeerId, ClientRequest>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct AtTheDoor(Arc<Door>);

impl fmt::Debug for AtTheDoor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AtTheDoor")
    }
}

impl AccessControl for AtTheDoor {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        let key = PeerId(*request.endpoint_id().as_bytes());
        if !self.0.guests.knows(&key).await {
            return Access::Deny {
                reason: Some("this key is not bound at this hub".into()),
            };
        }
        self.0.inside().insert(key, request.clone());
        Access::Allow
    }
}

/// The names for [`Config::names`] when the relay has no name of its own: its address, or this machine when it listens on all.
#[must_use]
pub fn names(host: Option<&str>, listen: IpAddr) -> Vec<String> {
    match host {
        Some(host) => vec![host.to_owned()],
        None if listen.is_unspecified() => vec!["localhost".into(), "127.0.0.1".into()],
        None => vec![listen.to_string()],
    }
}
