//! Pairing: what a viewer sends on a `porthole/pair/1` stream, and what the camera answers. One JSON line each.
//!
//! ```text
//! > {"secret":"gaytemzugu3doobzmfrggzdfmy","name":"Anna's laptop"}
//! < {"result":"0","name":"Front door"}
//! < {"result":"1","error":"refused"}
//! ```

use crate::MAX_NAME_BYTES;
use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::id::Secret;
use crate::json::Object;
use crate::text::bounded;

/// Longest line, in bytes, its end included.
pub const MAX_LINE_BYTES: usize = 1024;

/// A viewer asks to be let in. Its key is the connection's; the line holds only what the key does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// From the link.
    pub secret: Secret,
    /// What the camera's list of viewers shall say; written shortened to [`MAX_NAME_BYTES`].
    pub viewer_name: String,
}

impl Request {
    /// The line, `\n` at its end.
    pub fn encode(&self) -> String {
        let name = bounded(&self.viewer_name, MAX_NAME_BYTES);
        let line = Writer::new()
            .field("secret", self.secret.to_text())
            .field("name", name);
        line.end() + "\n"
    }

    /// Reads the line, with or without its end.
    ///
    /// # Errors
    /// Which field is wrong, without showing the secret.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        const MESSAGE: &str = "pair request";
        let object = Object::decode_secret(MESSAGE, bytes, MAX_LINE_BYTES)?;
        let Some(secret) = object.value("secret").and_then(|value| value.as_str()) else {
            return Err(ParseError::missing(
                MESSAGE,
                "secret",
                "26 base32 characters",
            ));
        };
        let secret = secret.parse().map_err(|error: ParseError| {
            ParseError::invalid(
                MESSAGE,
                "secret",
                error.got().unwrap_or_default(),
                error.expected().unwrap_or_default(),
            )
        })?;
        let viewer_name = object.text("name")?.unwrap_or_default();
        ParseError::limit(MESSAGE, "name", viewer_name.len(), MAX_NAME_BYTES)?;
        Ok(Self {
            secret,
            viewer_name,
        })
    }
}

/// The camera's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The viewer's key is now on the camera's list; the secret is used up.
    Accepted {
        /// The camera's name; written shortened to [`MAX_NAME_BYTES`].
        name: Option<String>,
    },
    /// Nothing more is said: a wrong secret, a used-up one and a full list look the same.
    Refused,
}

impl Reply {
    /// The line, `\n` at its end.
    pub fn encode(&self) -> String {
        let line = match self {
            Self::Accepted { name } => {
                let name = name.as_deref().map(|name| bounded(name, MAX_NAME_BYTES));
                Writer::new().field("result", 0).optional("name", name)
            }
            Self::Refused => Writer::new().field("result", 1).field("error", "refused"),
        };
        line.end() + "\n"
    }

    /// Reads the line, with or without its end.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        const MESSAGE: &str = "pair reply";
        let object = Object::decode(MESSAGE, bytes, MAX_LINE_BYTES)?;
        if object.required_number::<i32>("result")? != 0 {
            return Ok(Self::Refused);
        }
        let name = object.text("name")?;
        ParseError::limit(
            MESSAGE,
            "name",
            name.as_ref().map_or(0, String::len),
            MAX_NAME_BYTES,
        )?;
        Ok(Self::Accepted { name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            secret: Secret::from_bytes(*b"0123456789abcdef"),
            viewer_name: "Anna's \"laptop\"".into(),
        }
    }

    #[test]
    fn a_request_is_one_line_and_round_trips() {
        let line = request().encode();
        assert_eq!(
            line,
            "{\"secret\":\"gaytemzugu3doobzmfrggzdfmy\",\"name\":\"Anna's \\\"laptop\\\"\"}\n"
        );
        assert_eq!(Request::decode(line.as_bytes()), Ok(request()));
    }

    #[test]
    fn the_worst_name_still_fits_the_line() {
        let mut wordy = request();
        wordy.viewer_name = "\u{1}".repeat(500);
        let line = wordy.encode();
        assert!(line.len() <= MAX_LINE_BYTES);
        assert_eq!(
            Request::decode(line.as_bytes()).unwrap().viewer_name.len(),
            128
        );
        let reply = Reply::Accepted {
            name: Some("\u{1}".repeat(500)),
        };
        assert!(reply.encode().len() <= MAX_LINE_BYTES);
    }

    #[test]
    fn request_errors_name_the_field_and_never_show_the_secret() {
        let secret = "gaytemzugu3doobzmfrggzdfm1";
        for (text, field) in [
            (String::new(), "text"),
            (format!("\"{secret}\""), "text"),
            (format!("{{{secret}"), "text"),
            ("{}".into(), "secret"),
            ("{\"secret\":5}".into(), "secret"),
            (format!("{{\"secret\":\"{secret}\"}}"), "secret"),
            (
                format!(
                    "{{\"secret\":\"gaytemzugu3doobzmfrggzdfmy\",\"name\":\"{}\"}}",
                    "n".repeat(129)
                ),
                "name",
            ),
            (" ".repeat(1025), "text"),
        ] {
            let error = Request::decode(text.as_bytes()).unwrap_err();
            assert_eq!(error.field(), field, "{text}");
            assert!(!error.to_string().contains(secret));
        }
    }

    #[test]
    fn replies_round_trip() {
        for (reply, line) in [
            (
                Reply::Accepted {
                    name: Some("Front door".into()),
                },
                "{\"result\":\"0\",\"name\":\"Front door\"}\n",
            ),
            (Reply::Accepted { name: None }, "{\"result\":\"0\"}\n"),
            (Reply::Refused, "{\"result\":\"1\",\"error\":\"refused\"}\n"),
        ] {
            assert_eq!(reply.encode(), line);
            assert_eq!(Reply::decode(line.as_bytes()), Ok(reply));
        }
        assert_eq!(Reply::decode(b"{\"result\":-2000}"), Ok(Reply::Refused));
        assert_eq!(Reply::decode(b"{}").unwrap_err().field(), "result");
    }
}
