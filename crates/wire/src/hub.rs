//! Where a hub is and how it proves who it is: the own field `hub` of the softAP and QR messages.
//!
//! ```text
//! {"host":"192.168.1.20","mqtt":8883,"http":8443,"pin":"<43 base64url>"}
//! ```

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;

use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::json::Object;

/// MQTT over TLS, if the message says nothing.
pub const MQTT_PORT: u16 = 8883;
/// HTTPS of the hub, if the message says nothing.
pub const HTTP_PORT: u16 = 8443;
/// Longest host, in bytes.
pub const MAX_HOST_BYTES: usize = 253;

const MESSAGE: &str = "hub";

/// SHA-256 of the SubjectPublicKeyInfo of the hub's certificate. Written as 43 base64url characters without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin(pub [u8; 32]);

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl FromStr for Pin {
    type Err = ParseError;

    /// Reads 43 base64url characters, padding tolerated.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        BASE64URL_NOPAD
            .decode(text.trim_end_matches('=').as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| ParseError::invalid(MESSAGE, "pin", text, "43 base64url characters"))
    }
}

/// A hub: where it is, and the key that its certificate must have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubAddress {
    /// DNS name or IP address without brackets.
    pub host: String,
    /// TCP port of MQTT over TLS.
    pub mqtt_port: u16,
    /// TCP port of HTTPS.
    pub http_port: u16,
    /// The key of its certificate.
    pub pin: Pin,
}

impl HubAddress {
    /// `host:port` of MQTT, an IPv6 address in brackets.
    pub fn mqtt_authority(&self) -> String {
        self.authority(self.mqtt_port)
    }

    /// `host:port` of HTTPS, an IPv6 address in brackets.
    pub fn http_authority(&self) -> String {
        self.authority(self.http_port)
    }

    fn authority(&self, port: u16) -> String {
        if self.host.contains(':') {
            format!("[{}]:{port}", self.host)
        } else {
            format!("{}:{port}", self.host)
        }
    }

    /// The JSON object.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("host", &self.host)
            .json("mqtt", &self.mqtt_port.to_string())
            .json("http", &self.http_port.to_string())
            .field("pin", self.pin)
            .end()
    }

    /// Reads the JSON object.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        Self::read(&Object::decode(MESSAGE, bytes, 1024)?)
    }

    /// The hub in the field `hub` of a message; `None` if it is not there.
    pub(crate) fn of(object: &mut Object) -> Result<Option<Self>, ParseError> {
        let Some(value) = object.take("hub") else {
            return Ok(None);
        };
        let mut objects = Object::list(MESSAGE, "hub", value)?;
        match (objects.len(), objects.pop()) {
            (1, Some(hub)) => Self::read(&hub).map(Some),
            _ => Err(ParseError::missing(MESSAGE, "hub", "one JSON object")),
        }
    }

    fn read(object: &Object) -> Result<Self, ParseError> {
        const HOST: &str = "a DNS name or an IP address";
        let host = object.required_text("host")?;
        let is_host = (1..=MAX_HOST_BYTES).contains(&host.len())
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
        if !is_host {
            return Err(ParseError::invalid(MESSAGE, "host", &host, HOST));
        }
        Ok(Self {
            host,
            mqtt_port: port(object, "mqtt", MQTT_PORT)?,
            http_port: port(object, "http", HTTP_PORT)?,
            pin: object.required_text("pin")?.parse()?,
        })
    }
}

fn port(object: &Object, field: &'static str, missing: u16) -> Result<u16, ParseError> {
    match object.number::<u16>(field)? {
        Some(0) => Err(ParseError::invalid(MESSAGE, field, "0", "a port")),
        Some(port) => Ok(port),
        None => Ok(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> HubAddress {
        HubAddress {
            host: "192.168.1.20".into(),
            mqtt_port: 8883,
            http_port: 8443,
            pin: Pin([0xab; 32]),
        }
    }

    #[test]
    fn reads_back_and_fills_in_the_usual_ports() {
        let text = hub().encode();
        assert_eq!(
            text,
            r#"{"host":"192.168.1.20","mqtt":8883,"http":8443,"pin":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}"#
        );
        assert_eq!(HubAddress::decode(text.as_bytes()), Ok(hub()));
        let short =
            r#"{"host":"192.168.1.20","pin":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=","x":1}"#;
        assert_eq!(HubAddress::decode(short.as_bytes()), Ok(hub()));
    }

    #[test]
    fn an_ipv6_host_gets_brackets_before_a_port() {
        let mut hub = hub();
        assert_eq!(hub.mqtt_authority(), "192.168.1.20:8883");
        hub.host = "2001:db8::1".into();
        assert_eq!(hub.http_authority(), "[2001:db8::1]:8443");
        assert_eq!(HubAddress::decode(hub.encode().as_bytes()), Ok(hub));
    }

    #[test]
    fn errors_name_the_field() {
        let pin = hub().pin;
        for (text, field) in [
            ("[]".into(), "text"),
            ("{}".into(), "host"),
            (r#"{"host":""}"#.into(), "host"),
            (r#"{"host":"a b"}"#.into(), "host"),
            (format!(r#"{{"host":"{}"}}"#, "h".repeat(254)), "host"),
            (r#"{"host":"h","mqtt":0}"#.into(), "mqtt"),
            (r#"{"host":"h","http":65536}"#.into(), "http"),
            (r#"{"host":"h"}"#.into(), "pin"),
            (r#"{"host":"h","pin":"short"}"#.into(), "pin"),
            (format!(r#"{{"host":"h","pin":"{pin}A"}}"#), "pin"),
        ] {
            let error = HubAddress::decode(text.as_bytes()).unwrap_err();
            assert_eq!(error.field(), field, "{text}");
        }
    }
}
