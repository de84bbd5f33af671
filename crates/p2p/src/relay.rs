//! Relays: where packets go when no direct path exists, and what finds the direct path.

use std::fmt;

use iroh::{RelayConfig, RelayMap, RelayMode};

use crate::{Error, defaults};

/// Which relays an endpoint uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RelayChoice {
    /// None: the LAN and known addresses only. Nothing is punched through NATs.
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
    /// `https://relay.example`.
    pub url: String,
    /// Bearer token that the relay asks for.
    pub token: Option<String>,
    /// Certificate authority of the relay, PEM, if it is not a public one.
    pub ca: Option<String>,
    /// UDP port of the relay's address discovery; [`defaults::RELAY_QUIC_PORT`] by default.
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

impl RelayChoice {
    pub(crate) fn mode(&self) -> Result<RelayMode, Error> {
        Ok(match self {
            RelayChoice::None => RelayMode::Disabled,
            RelayChoice::Public => RelayMode::Default,
            RelayChoice::Urls(relays) => {
                let configs = relays.iter().map(config).collect::<Result<Vec<_>, _>>()?;
                RelayMode::Custom(RelayMap::from_iter(configs))
            }
        })
    }

    /// Certificates, DER, that are trusted for relays besides the public ones.
    pub(crate) fn authorities(&self) -> Result<Vec<Vec<u8>>, Error> {
        let RelayChoice::Urls(relays) = self else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        for pem in relays.iter().filter_map(|relay| relay.ca.as_deref()) {
            all.extend(certificates(pem)?);
        }
        Ok(all)
    }
}

fn config(relay: &RelayUrl) -> Result<RelayConfig, Error> {
    let invalid = || Error::Invalid {
        what: "relay",
        expected: "an https:// or http:// URL",
        got: relay.url.clone(),
    };
    let url: iroh::RelayUrl = relay.url.parse().map_err(|_| invalid())?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(invalid());
    }
    let mut config = RelayConfig::from(url);
    if let Some(quic) = &mut config.quic {
        quic.port = relay.quic_port.unwrap_or(defaults::RELAY_QUIC_PORT);
    }
    Ok(match &relay.token {
        Some(token) => config.with_auth_token(token.clone()),
        None => config,
    })
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

    #[test]
    fn a_relay_url_is_checked_when_the_endpoint_is_made() {
        assert!(
            RelayChoice::Urls(vec![RelayUrl::new("https://relay.example:8443")])
                .mode()
                .is_ok()
        );
        for bad in ["", "relay.example", "ftp://relay.example", "https://"] {
            let choice = RelayChoice::Urls(vec![RelayUrl::new(bad)]);
            assert!(
                matches!(choice.mode(), Err(Error::Invalid { what: "relay", .. })),
                "{bad}"
            );
        }
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
