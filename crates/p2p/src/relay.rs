//! Relays: where packets go when no direct path exists, and what finds the direct path.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use iroh::tls::CaTlsConfig;
use iroh::{EndpointAddr, RelayConfig, RelayMap, RelayMode, TransportAddr};
use wire::address::Address;
use wire::relay::Relay;

use crate::{Error, convert, defaults};

mod state;
mod trust;

pub use state::RelayState;
pub(crate) use state::follow;
use trust::Trust;

/// Which relays an endpoint is at: it stays connected to one of them, learns its public address there and can be reached
/// through it. Relays that only a peer's address names are used for that peer, whatever is chosen here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RelayChoice {
    /// None. Nothing is punched through NATs.
    #[default]
    None,
    /// Own relays.
    Urls(Vec<RelayUrl>),
    /// The public relays of number 0. They see who talks to whom, never what. Only if the user chose them.
    Public,
}

/// An own relay. It needs TLS, and QUIC address discovery for hole punching. `Debug` does not show the token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RelayUrl {
    /// `https://relay.example`, with its key if it has one, as a [`Relay`] is written.
    pub url: String,
    /// Bearer token that the relay asks for.
    pub token: Option<String>,
    /// Certificate authority of the relay, PEM, if it is not a public one; it may be the relay's own certificate.
    pub ca: Option<String>,
    /// UDP port of the relay's address discovery; that of the URL, or [`defaults::RELAY_QUIC_PORT`], by default.
    pub quic_port: Option<u16>,
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayUrl")
            .field("url", &self.url)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("ca", &self.ca.is_some())
            .field("quic_port", &self.quic_port)
            .finish()
    }
}

impl RelayUrl {
    /// A relay that needs no token and has a public certificate.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }
}

/// The relays of one endpoint: those it is at, and whom it believes to be a relay.
#[derive(Debug)]
pub(crate) struct Relays {
    /// Shared with the transport.
    map: RelayMap,
    /// How those of [`RelayChoice::Urls`] and later ones are named to others.
    named: RwLock<BTreeMap<iroh::RelayUrl, Relay>>,
    trust: Arc<Trust>,
}

impl Relays {
    pub(crate) fn new(choice: &RelayChoice) -> Result<Self, Error> {
        let mut relays = Self {
            map: RelayMap::empty(),
            named: RwLock::default(),
            trust: Arc::default(),
        };
        match choice {
            RelayChoice::None => {}
            RelayChoice::Public => relays.map = RelayMode::Default.relay_map(),
            RelayChoice::Urls(urls) => {
                for url in urls {
                    let config = relays.trusted(url)?;
                    relays.map.insert(config.url.clone(), Arc::new(config));
                }
            }
        }
        Ok(relays)
    }

    /// Never `Disabled`, also without relays: others may name theirs, and more may be added.
    pub(crate) fn mode(&self) -> RelayMode {
        RelayMode::Custom(self.map.clone())
    }

    /// How relays prove who they are.
    pub(crate) fn tls(&self) -> CaTlsConfig {
        self.trust.clone().tls()
    }

    /// Whether this endpoint is at any.
    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Trusts a relay and remembers what it is called; the answer is what the transport has to be told.
    pub(crate) fn trusted(&self, relay: &RelayUrl) -> Result<RelayConfig, Error> {
        let invalid = || Error::Invalid {
            what: "relay",
            expected: "an https URL",
            got: relay.url.clone(),
        };
        let mut named: Relay = relay.url.parse().map_err(|_| invalid())?;
        let url: iroh::RelayUrl = named.url.parse().map_err(|_| invalid())?;
        let Some(host) = url.host_str() else {
            return Err(invalid());
        };
        let mut keys: Vec<_> = named.key.into_iter().collect();
        if let Some(pem) = relay.ca.as_deref() {
            for certificate in certificates(pem)? {
                keys.extend(trust::key_of(&certificate.as_slice().into()));
                self.trust.add_authority(host, certificate.into());
            }
        }
        self.trust.add_own(host, &keys);
        let port = relay.quic_port.or(named.quic_port);
        named = Relay {
            url: url.to_string(),
            key: keys.first().copied(),
            quic_port: port.filter(|port| *port != defaults::RELAY_QUIC_PORT),
        };
        let mut config = RelayConfig::from(url.clone());
        if let Some(quic) = &mut config.quic {
            quic.port = port.unwrap_or(defaults::RELAY_QUIC_PORT);
        }
        let mut names = self.named.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(url, named);
        Ok(match &relay.token {
            Some(token) => config.with_auth_token(token.clone()),
            None => config,
        })
    }

    /// What to dial; relays whose text is none are left out. The keys that the address gives its relays are believed
    /// from now on.
    pub(crate) fn reach(&self, address: &Address) -> Result<EndpointAddr, Error> {
        let mut places = Vec::new();
        for text in &address.relays {
            let Ok(relay) = text.parse::<Relay>() else {
                continue;
            };
            let Ok(url) = relay.url.parse::<iroh::RelayUrl>() else {
                continue;
            };
            if let (Some(host), Some(key)) = (url.host_str(), relay.key) {
                self.trust.learn(host, key);
            }
            places.push(TransportAddr::Relay(url));
        }
        let direct = address.addrs.iter().copied().map(TransportAddr::Ip);
        let id = convert::public_key(&address.id)?;
        Ok(EndpointAddr::new(id).with_addrs(places.into_iter().chain(direct)))
    }

    /// This endpoint's own address as others have to know it. A relay that was removed is not named, even if the
    /// transport has not left it yet.
    pub(crate) fn address(&self, addr: &EndpointAddr) -> Address {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        let relays = addr.relay_urls().filter(|url| self.map.contains(url));
        let name = |url: &iroh::RelayUrl| match named.get(url) {
            Some(relay) => relay.to_string(),
            None => url.to_string(),
        };
        Address {
            id: convert::peer_id(addr.id),
            relays: relays.map(name).collect(),
            addrs: addr.ip_addrs().copied().collect(),
        }
    }
}

/// The URL of a relay as the transport knows it.
pub(crate) fn place(text: &str) -> Option<iroh::RelayUrl> {
    text.parse::<Relay>().ok()?.url.parse().ok()
}

fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, Error> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let invalid = |got: &str| Error::Invalid {
        what: "relay CA",
        expected: "a certificate in PEM",
        got: got.to_string(),
    };
    let mut all = Vec::new();
    for block in pem.split(BEGIN).skip(1) {
        let (text, _) = block
            .split_once(END)
            .ok_or_else(|| invalid("a certificate without its end"))?;
        let text: Vec<u8> = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        all.push(
            data_encoding::BASE64
                .decode(&text)
                .map_err(|_| invalid("broken base64"))?,
        );
    }
    if all.is_empty() {
        return Err(invalid("no certificate"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::id::PeerId;

    const KEY: &str = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s";

    #[test]
    fn a_relay_url_is_checked_when_the_endpoint_is_made() {
        let good = RelayUrl::new("https://relay.example:8443");
        assert!(Relays::new(&RelayChoice::Urls(vec![good])).is_ok());
        for bad in [
            "",
            "relay.example",
            "ftp://relay.example",
            "https://",
            "https://relay.example/#key=short",
        ] {
            let choice = RelayChoice::Urls(vec![RelayUrl::new(bad)]);
            let error = Relays::new(&choice).unwrap_err();
            assert!(
                matches!(error, Error::Invalid { what: "relay", .. }),
                "{bad}"
            );
        }
    }

    #[test]
    fn own_relays_are_named_with_their_keys_and_strange_ones_are_not() {
        let own = RelayUrl {
            quic_port: Some(7843),
            ..RelayUrl::new(format!("https://Relay.example#key={KEY}"))
        };
        let relays = Relays::new(&RelayChoice::Urls(vec![own])).unwrap();
        let id = convert::public_key(&PeerId([0; 32])).unwrap();
        let addr = EndpointAddr::new(id)
            .with_relay_url("https://relay.example/".parse().unwrap())
            .with_relay_url("https://left.example/".parse().unwrap());
        let named = relays.address(&addr).relays;
        assert_eq!(
            named,
            [format!("https://relay.example/#key={KEY}&quic=7843")]
        );
    }

    #[test]
    fn what_an_address_says_of_its_relays_is_dialled_without_their_keys() {
        let relays = Relays::new(&RelayChoice::None).unwrap();
        let address = Address {
            relays: vec![
                format!("https://relay.example:8444/#key={KEY}"),
                "https://damaged.example/#key=1".into(),
                "no relay".into(),
            ],
            ..Address::new(PeerId([0; 32]))
        };
        let addr = relays.reach(&address).unwrap();
        let urls: Vec<String> = addr.relay_urls().map(ToString::to_string).collect();
        assert_eq!(urls, ["https://relay.example:8444/"]);
        assert!(relays.is_empty(), "the endpoint is at none");
    }

    #[test]
    fn the_token_is_not_shown() {
        let relay = RelayUrl {
            token: Some("open-sesame".into()),
            ..RelayUrl::new("https://relay.example")
        };
        let shown = format!("{:?}", RelayChoice::Urls(vec![relay]));
        assert!(
            shown.contains("relay.example") && !shown.contains("sesame"),
            "{shown}"
        );
    }

    #[test]
    fn authorities_are_read_from_pem() {
        let pem = "x\n-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n";
        assert_eq!(
            certificates(&format!("{pem}{pem}")).unwrap(),
            vec![vec![1, 2, 3, 4]; 2]
        );
        for bad in [
            "",
            "-----BEGIN CERTIFICATE-----\nAQ",
            "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----",
        ] {
            assert!(
                matches!(
                    certificates(bad),
                    Err(Error::Invalid {
                        what: "relay CA",
                        ..
                    })
                ),
                "{bad}"
            );
        }
    }
}
