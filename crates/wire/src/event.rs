//! What a session and the network around it tell, in the documents' words.
//!
//! ```text
//! {"event":"notify","subtype":"parsed","detail":{"status":200,"headers":{"content-type":"video/x-flv"}}}
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::error::ParseError;
use crate::json::Object;

/// Longest event text that is read, in bytes.
pub const MAX_EVENT_BYTES: usize = 64 << 10;

const MESSAGE: &str = "session event";

/// What happens to a session: the documents' `notify` subtypes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// The session stands.
    Connected,
    /// A request is sent.
    Request,
    /// The response's head is read.
    Parsed {
        /// HTTP status.
        status: u16,
        /// Header names in lower case with their values, in the order received; in text form sorted, the last of a
        /// name counts.
        headers: Vec<(String, String)>,
    },
    /// This end closed the stream.
    Close,
    /// The stream ended.
    Eof,
    /// The session is lost.
    Disconnect,
}

impl SessionEvent {
    /// The documents' word for it.
    pub fn subtype(&self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Request => "request",
            Self::Parsed { .. } => "parsed",
            Self::Close => "close",
            Self::Eof => "eof",
            Self::Disconnect => "disconnect",
        }
    }

    /// The JSON form.
    pub fn encode(&self) -> String {
        match self {
            Self::Parsed { status, headers } => {
                let headers: BTreeMap<&str, &str> = headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                format!(
                    "{{\"event\":\"notify\",\"subtype\":\"parsed\",\"detail\":{{\"status\":{status},\"headers\":{}}}}}",
                    json!(headers)
                )
            }
            other => format!(
                "{{\"event\":\"notify\",\"subtype\":\"{}\"}}",
                other.subtype()
            ),
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut object = Object::decode(MESSAGE, bytes, MAX_EVENT_BYTES)?;
        let event = object.required_text("event")?;
        if event != "notify" {
            return Err(ParseError::unsupported(MESSAGE, "event", &event, "notify"));
        }
        match object.required_text("subtype")?.as_str() {
            "connected" => Ok(Self::Connected),
            "request" => Ok(Self::Request),
            "parsed" => read_parsed(&mut object),
            "close" => Ok(Self::Close),
            "eof" => Ok(Self::Eof),
            "disconnect" => Ok(Self::Disconnect),
            other => Err(ParseError::unsupported(
                MESSAGE,
                "subtype",
                other,
                "connected, request, parsed, close, eof or disconnect",
            )),
        }
    }
}

fn read_parsed(object: &mut Object) -> Result<SessionEvent, ParseError> {
    const DETAIL: &str = "an object with status and headers";
    let mut detail = match object.take("detail") {
        Some(Value::Object(map)) => Object {
            message: MESSAGE,
            map,
        },
        Some(other) => return Err(object.invalid("detail", &other, DETAIL)),
        None => return Err(ParseError::missing(MESSAGE, "detail", DETAIL)),
    };
    let status = detail.required_number("status")?;
    let headers = match detail.take("headers") {
        None => Vec::new(),
        Some(Value::Object(headers)) => headers
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(value) => (name, value),
                other => (name, other.to_string()),
            })
            .collect(),
        Some(other) => return Err(detail.invalid("headers", &other, "an object of texts")),
    };
    Ok(SessionEvent::Parsed { status, headers })
}

/// What happens to this machine's own network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NatEvent {
    /// `natChanged`: addresses or routes are others than before.
    NatChanged,
    /// `natError`: it could not be found out how this machine is seen from outside.
    NatError,
}

impl NatEvent {
    /// The documents' word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NatChanged => "natChanged",
            Self::NatError => "natError",
        }
    }
}

impl fmt::Display for NatEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NatEvent {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "natChanged" => Ok(Self::NatChanged),
            "natError" => Ok(Self::NatError),
            other => Err(ParseError::unsupported(
                "NAT event",
                "event",
                other,
                "natChanged or natError",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_six_round_trip() {
        for event in [
            SessionEvent::Connected,
            SessionEvent::Request,
            SessionEvent::Parsed {
                status: 200,
                headers: vec![
                    ("content-type".into(), "video/x-flv".into()),
                    ("x".into(), "\"1\"".into()),
                ],
            },
            SessionEvent::Close,
            SessionEvent::Eof,
            SessionEvent::Disconnect,
        ] {
            let text = event.encode();
            assert!(text.contains(event.subtype()));
            assert_eq!(SessionEvent::decode(text.as_bytes()), Ok(event));
        }
    }

    #[test]
    fn events_this_version_does_not_know_are_told_by_type() {
        for (text, field) in [
            ("{}", "event"),
            (r#"{"event":"log","subtype":"warn"}"#, "event"),
            (r#"{"event":"notify"}"#, "subtype"),
            (r#"{"event":"notify","subtype":"fail"}"#, "subtype"),
            (r#"{"event":"notify","subtype":"parsed"}"#, "detail"),
            (
                r#"{"event":"notify","subtype":"parsed","detail":3}"#,
                "detail",
            ),
            (
                r#"{"event":"notify","subtype":"parsed","detail":{}}"#,
                "status",
            ),
            (
                r#"{"event":"notify","subtype":"parsed","detail":{"status":1,"headers":[]}}"#,
                "headers",
            ),
        ] {
            assert_eq!(
                SessionEvent::decode(text.as_bytes()).unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }

    #[test]
    fn nat_events_round_trip() {
        for event in [NatEvent::NatChanged, NatEvent::NatError] {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert!("natLost".parse::<NatEvent>().is_err());
    }
}
