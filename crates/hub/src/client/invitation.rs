//! The invitation that a hub's keeper hands to an owner: where the hub is, its key, and the access token.
//!
//! ```text
//! porthole-hub:hub.example:8443?mqtt=8883&pin=<43 base64url>&access=<43 base64url>
//! ```

use std::fmt;
use std::str::FromStr;

use wire::hub::{HTTP_PORT, HubAddress, MQTT_PORT};

use crate::Error;

/// The scheme in front.
pub const SCHEME: &str = "porthole-hub:";

/// Longest invitation that is read, in bytes.
const MAX_BYTES: usize = 1024;

/// What speaks for an owner over HTTPS. `Debug` and `Display` print `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// A fresh token of 256 random bits.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
        Ok(Self(data_encoding::BASE64URL_NOPAD.encode(&bytes)))
    }

    /// The text. A secret: it belongs into no log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessToken {
    type Err = Error;

    /// Reads 16 to 128 letters, digits, `-` and `_`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(16..=128).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(invalid(
                "access token",
                "***",
                "the text that `owner add` printed",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where an owner's hub is and what speaks for the owner there. `Debug` hides the access token; [`Invitation::to_text`] does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The hub.
    pub hub: HubAddress,
    /// The owner's access token.
    pub access: AccessToken,
}

impl Invitation {
    /// The text to hand over. A secret.
    pub fn to_text(&self) -> String {
        let hub = &self.hub;
        format!(
            "{SCHEME}{}?mqtt={}&pin={}&access={}",
            hub.http_authority(),
            hub.mqtt_port,
            hub.pin,
            self.access.as_str()
        )
    }
}

impl FromStr for Invitation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        const SHAPE: &str = "the whole text that `porthole-hub owner add` printed";
        let wrong = || invalid("invitation", "***", SHAPE);
        let rest = text
            .trim()
            .strip_prefix(SCHEME)
            .filter(|_| text.len() <= MAX_BYTES)
            .ok_or_else(wrong)?;
        let (place, query) = rest.split_once('?').ok_or_else(wrong)?;
        let (host, port) = split_authority(place).ok_or_else(wrong)?;
        let (mut mqtt_port, mut pin, mut access) = (MQTT_PORT, None, None);
        for pair in query.split('&') {
            match pair.split_once('=').ok_or_else(wrong)? {
                ("mqtt", value) => mqtt_port = value.parse().map_err(|_| wrong())?,
                ("pin", value) => pin = Some(value.parse().map_err(|_| wrong())?),
                ("access", value) => access = Some(value.parse()?),
                // What a later hub adds.
                _ => {}
            }
        }
        Ok(Self {
            hub: HubAddress {
                host,
                mqtt_port,
                http_port: port,
                pin: pin.ok_or_else(wrong)?,
            },
            access: access.ok_or_else(wrong)?,
        })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
fn split_authority(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_host = !host.is_empty()
        && host.len() <= wire::hub::MAX_HOST_BYTES
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => HTTP_PORT,
    };
    is_host.then(|| (host.to_owned(), port))
}

fn invalid(field: &str, got: &str, expected: &'static str) -> Error {
    Error::Config {
        field: field.into(),
        got: got.into(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::hub::Pin;

    fn invitation(host: &str) -> Invitation {
        Invitation {
            hub: HubAddress {
                host: host.into(),
                mqtt_port: 18883,
                http_port: 18443,
                pin: Pin([7; 32]),
            },
            access: AccessToken::random().unwrap(),
        }
    }

    #[test]
    fn an_invitation_reads_back_and_hides_its_secret() {
        for host in ["hub.example", "192.168.1.20", "2001:db8::1"] {
            let invitation = invitation(host);
            let text = invitation.to_text();
            assert_eq!(text.parse::<Invitation>().unwrap(), invitation);
            assert_eq!(
                format!("  {text}&later=1\n").parse::<Invitation>().unwrap(),
                invitation
            );
            assert!(!format!("{invitation:?}").contains(invitation.access.as_str()));
        }
        let pin = Pin([7; 32]);
        let short = format!("porthole-hub:hub.example?pin={pin}&access=0123456789abcdef");
        let hub = short.parse::<Invitation>().unwrap().hub;
        assert_eq!((hub.http_port, hub.mqtt_port), (8443, 8883));
    }

    #[test]
    fn what_is_wrong_is_refused_without_being_shown() {
        let good = invitation("h").to_text();
        for text in [
            "",
            "porthole-hub:",
            "porthole-hub:?",
            "https://hub.example",
            &good.replace("pin=", "pin=x"),
            &good.replace("access=", "acc="),
            &good.replace("access=", "access=%"),
            &good.replace(":18443", ":0"),
            &good.replace(":18443", ":99999"),
            &good.replace("porthole-hub:h", "porthole-hub:h h"),
            &format!("{good}&x={}", "y".repeat(1024)),
        ] {
            let error = text.parse::<Invitation>().unwrap_err().to_string();
            let secret = good.rsplit('=').next().unwrap();
            assert!(!error.contains(secret), "{error}");
        }
    }
}
