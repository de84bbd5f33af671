//! How a relay is named: in links and addresses by its URL and, where no public authority vouches for it, by its key; at a
//! hub (`GET /relay`) with its certificate.
//!
//! ```text
//! https://relay.example:8444/#key=<43 base64url>&quic=7843
//! {"url":"https://192.168.1.20:8444","quic":7842,"ca":"-----BEGIN CERTIFICATE-----…"}
//! ```

use std::fmt;
use std::str::FromStr;

use crate::address::read_relay;
use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::hub::Pin;
use crate::json::Object;

/// Where a hub answers about its relay (`GET`, 404 without one).
pub const PATH: &str = "/relay";
/// Longest answer of a hub about its relay, in bytes.
pub const MAX_ADDRESS_BYTES: usize = 16 << 10;

const MESSAGE: &str = "relay";

/// A relay as links and addresses name it. The text is at most
/// [`MAX_RELAY_BYTES`](crate::address::MAX_RELAY_BYTES) long.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Relay {
    /// `https://…`, without what follows `#`.
    pub url: String,
    /// SHA-256 of the SubjectPublicKeyInfo of the relay's certificate, or of an authority whose certificate the relay
    /// sends along. Whoever knows it needs no public authority.
    pub key: Option<Pin>,
    /// UDP port of address discovery, if it is not the usual one.
    pub quic_port: Option<u16>,
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        let mut sign = '#';
        if let Some(key) = &self.key {
            write!(f, "{sign}key={key}")?;
            sign = '&';
        }
        match self.quic_port {
            Some(port) => write!(f, "{sign}quic={port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Relay {
    type Err = ParseError;

    /// Reads a relay; unknown words behind the `#` are tolerated, a damaged key is not.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = read_relay(MESSAGE, text.trim())?;
        let (url, more) = text.split_once('#').unwrap_or((&text, ""));
        let mut relay = Self {
            url: read_relay(MESSAGE, url)?,
            key: None,
            quic_port: None,
        };
        for pair in more.split('&') {
            match pair.split_once('=') {
                Some(("key", key)) => {
                    let bad =
                        |_| ParseError::invalid(MESSAGE, "key", key, "43 base64url characters");
                    relay.key = Some(key.parse().map_err(bad)?);
                }
                Some(("quic", port)) => relay.quic_port = Some(read_port(port)?),
                _ => {}
            }
        }
        Ok(relay)
    }
}

fn read_port(text: &str) -> Result<u16, ParseError> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err(ParseError::invalid(MESSAGE, "quic", text, "a port")),
    }
}

/// Whether two texts name the same relay, whatever they say about its key.
pub fn is_same(a: &str, b: &str) -> bool {
    let place = |text: &str| {
        let url = text.split_once('#').map_or(text, |(url, _)| url);
        url.trim_end_matches('/').to_ascii_lowercase()
    };
    place(a) == place(b)
}

/// Adds relays to a list of at most `most`. What is new about a relay that is known replaces what was known.
/// Returns whether the list changed.
pub fn merge(known: &mut Vec<String>, news: &[String], most: usize) -> bool {
    let mut changed = false;
    for relay in news {
        let has_room = known.len() < most;
        let place = known.iter().position(|known| is_same(known, relay));
        match place.and_then(|place| known.get_mut(place)) {
            Some(same) if same == relay => {}
            Some(same) => {
                same.clone_from(relay);
                changed = true;
            }
            None if has_room => {
                known.push(relay.clone());
                changed = true;
            }
            None => {}
        }
    }
    changed
}

/// A hub's relay as the hub tells it to who knows the hub by its pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayAddress {
    /// `https://host:port`.
    pub url: String,
    /// UDP port of address discovery.
    pub quic_port: u16,
    /// The certificate to trust, PEM.
    pub ca: String,
}

impl RelayAddress {
    /// The JSON object.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("url", &self.url)
            .json("quic", &self.quic_port.to_string())
            .field("ca", &self.ca)
            .end()
    }

    /// Reads the JSON object.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, MAX_ADDRESS_BYTES)?;
        let quic_port = match object.required_number("quic")? {
            0 => return Err(ParseError::invalid(MESSAGE, "quic", "0", "a port")),
            port => port,
        };
        Ok(Self {
            url: read_relay(MESSAGE, &object.required_text("url")?)?,
            quic_port,
            ca: object.required_text("ca")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s";

    #[test]
    fn a_relay_is_read_back_with_and_without_its_key() {
        let plain = "https://relay.example:8444/";
        for (text, key, quic_port) in [
            (plain.to_owned(), None, None),
            (format!("{plain}#key={KEY}"), Some(Pin([0xab; 32])), None),
            (
                format!("{plain}#key={KEY}&quic=7843"),
                Some(Pin([0xab; 32])),
                Some(7843),
            ),
            (format!("{plain}#quic=7843"), None, Some(7843)),
        ] {
            let relay: Relay = text.parse().unwrap();
            assert_eq!(relay.url, plain);
            assert_eq!((relay.key, relay.quic_port), (key, quic_port));
            assert_eq!(relay.to_string(), text);
        }
        let wordy: Relay = format!(" {plain}#new=1&x&key={KEY}=").parse().unwrap();
        assert_eq!(wordy.key, Some(Pin([0xab; 32])));
        for (bad, field) in [
            ("relay.example", "relay"),
            ("https://", "relay"),
            ("https://r/#key=abc", "key"),
            ("https://r/#quic=0", "quic"),
            ("https://r/#quic=70000", "quic"),
        ] {
            assert_eq!(bad.parse::<Relay>().unwrap_err().field(), field, "{bad}");
        }
    }

    #[test]
    fn what_is_new_about_a_known_relay_replaces_it() {
        let text = |text: &str| text.to_owned();
        let mut known = vec![text("https://a/"), text("https://b:1")];
        assert!(!merge(&mut known, &[text("https://a/")], 3));
        assert!(merge(&mut known, &[text("https://A#key=x")], 3));
        assert!(merge(
            &mut known,
            &[text("https://c/"), text("https://d/")],
            3
        ));
        assert_eq!(known, ["https://A#key=x", "https://b:1", "https://c/"]);
    }

    #[test]
    fn a_hub_says_where_its_relay_is() {
        let relay = RelayAddress {
            url: "https://192.168.1.20:8444".into(),
            quic_port: 7842,
            ca: "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n".into(),
        };
        assert_eq!(RelayAddress::decode(relay.encode().as_bytes()), Ok(relay));
        for (bad, field) in [
            (r#"{"quic":1,"ca":""}"#, "url"),
            (r#"{"url":"ftp://x","quic":1,"ca":""}"#, "relay"),
            (r#"{"url":"https://x","quic":0,"ca":""}"#, "quic"),
            (r#"{"url":"https://x","quic":1}"#, "ca"),
        ] {
            let error = RelayAddress::decode(bad.as_bytes()).unwrap_err();
            assert_eq!(error.field(), field, "{bad}");
        }
    }
}
