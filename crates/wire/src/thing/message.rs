//! One payload of a thing-model topic.

use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::json::Object;

use super::{Body, Direction, Kind, MAX_CLIENT_TOKEN_BYTES, MAX_PAYLOAD_BYTES};

const MESSAGE: &str = "MQTT payload";

/// A message: what it says, and the word by which an answer finds its question.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// `clientToken`: comes back in the answer. Devices write `<deviceName>-<ms>`.
    pub client_token: String,
    /// What it says.
    pub body: Body,
}

impl Message {
    /// A message.
    pub fn new(client_token: impl Into<String>, body: Body) -> Self {
        Self {
            client_token: client_token.into(),
            body,
        }
    }

    /// Where this message is said.
    pub fn place(&self) -> (Direction, Kind) {
        // Every method of a body is in the table; a test holds them together.
        Body::place(self.body.method()).unwrap_or((Direction::Up, Kind::Service))
    }

    /// The payload.
    pub fn encode(&self) -> String {
        let writer = Writer::new()
            .field("method", self.body.method())
            .field("clientToken", &self.client_token);
        self.body.write(writer).end()
    }

    /// Reads the payload of a topic that goes this way and is about this. A method that belongs elsewhere is refused: a
    /// device cannot bind itself.
    ///
    /// # Errors
    /// Which field is wrong, without showing a token.
    pub fn decode(direction: Direction, kind: Kind, payload: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode_secret(MESSAGE, payload, MAX_PAYLOAD_BYTES)?;
        let method = object.required_text("method")?;
        let unsupported = |expected| ParseError::unsupported(MESSAGE, "method", &method, expected);
        if Body::place(&method).is_some_and(|place| place != (direction, kind)) {
            return Err(unsupported("a method of this topic"));
        }
        let client_token = object.text("clientToken")?.unwrap_or_default();
        ParseError::limit(
            MESSAGE,
            "clientToken",
            client_token.len(),
            MAX_CLIENT_TOKEN_BYTES,
        )?;
        let body = Body::read(&method, &object)?;
        Ok(Self {
            client_token,
            body: body.ok_or_else(|| unsupported("a method of the thing model"))?,
        })
    }
}
