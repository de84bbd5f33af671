//! The JSON of a user-defined command: `{"topic":…,"message_id":…,"data":…,"user":…}`.

use serde_json::Value;

use crate::error::ParseError;
use crate::json::{Json, Object};
use crate::talk::FloorAsk;

use super::MESSAGE;
use super::ptz::Ptz;

/// Longest topic name, in bytes.
pub const MAX_TOPIC_BYTES: usize = 128;

/// A user-defined command by topic. Keys other than the four are skipped when read.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// What it is about, for example `ptz`; at most 128 bytes.
    pub topic: String,
    /// The sender's number or text for this message.
    pub message_id: Option<Json>,
    /// What the topic needs.
    pub data: Option<Json>,
    /// Who asks, in the panel's words.
    pub user: Option<Json>,
}

impl Topic {
    /// The topic that moves the camera.
    pub const PTZ: &str = "ptz";
    /// Porthole's own: asks for a fresh one-time link for another viewer.
    pub const SHARE: &str = "share";
    /// Porthole's own: asks the camera to forget the viewer that asks.
    pub const FORGET_ME: &str = "forget_me";
    /// Porthole's own: who talks, and asking for the floor.
    pub const TALK_FLOOR: &str = "talk_floor";

    /// A topic without data.
    pub fn new(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            message_id: None,
            data: None,
            user: None,
        }
    }

    /// `{"topic":"ptz","data":{"cmd":"ptz_left_press"}}`
    pub fn ptz(ptz: Ptz) -> Self {
        Self {
            data: Some(Json::object([("cmd", ptz.name())])),
            ..Self::new(Self::PTZ)
        }
    }

    /// `{"topic":"share"}`
    pub fn share() -> Self {
        Self::new(Self::SHARE)
    }

    /// `{"topic":"forget_me"}`
    pub fn forget_me() -> Self {
        Self::new(Self::FORGET_ME)
    }

    /// `{"topic":"talk_floor","data":{"cmd":"ask"}}`
    pub fn talk_floor(ask: FloorAsk) -> Self {
        Self {
            data: Some(ask.to_json()),
            ..Self::new(Self::TALK_FLOOR)
        }
    }

    /// Compact JSON in the documents' key order.
    pub fn to_json(&self) -> String {
        let mut text = format!("{{\"topic\":{}", Value::from(self.topic.as_str()));
        for (key, value) in [
            ("message_id", &self.message_id),
            ("data", &self.data),
            ("user", &self.user),
        ] {
            if let Some(value) = value {
                text.push_str(&format!(",\"{key}\":{value}"));
            }
        }
        text.push('}');
        text
    }

    /// Reads the topic of an object; gives the object back if it has none.
    pub(super) fn read(mut object: Object) -> Result<Result<Self, Object>, ParseError> {
        const NAME: &str = "a topic's name as text";
        let topic = match object.value("topic") {
            None => return Ok(Err(object)),
            Some(Value::String(topic)) if topic.is_empty() => {
                return Err(ParseError::missing(MESSAGE, "cmd.topic", NAME));
            }
            Some(Value::String(topic)) => topic.clone(),
            Some(other) => {
                return Err(ParseError::invalid(
                    MESSAGE,
                    "cmd.topic",
                    &other.to_string(),
                    NAME,
                ));
            }
        };
        ParseError::limit(MESSAGE, "cmd.topic", topic.len(), MAX_TOPIC_BYTES)?;
        Ok(Ok(Self {
            topic,
            message_id: object.take("message_id").map(Json),
            data: object.take("data").map(Json),
            user: object.take("user").map(Json),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::ptz::Direction;

    fn read(text: &str) -> Result<Result<Topic, Object>, ParseError> {
        Topic::read(Object::decode(MESSAGE, text.as_bytes(), 1000)?)
    }

    #[test]
    fn writes_the_documents_order() {
        let topic = Topic {
            topic: "ptz".into(),
            message_id: Some(Json::parse("7").unwrap()),
            data: Some(Json::object([("cmd", "ptz_up_press")])),
            user: Some(Json::parse(r#"{"role":"owner"}"#).unwrap()),
        };
        let text = r#"{"topic":"ptz","message_id":7,"data":{"cmd":"ptz_up_press"},"user":{"role":"owner"}}"#;
        assert_eq!(topic.to_json(), text);
        assert_eq!(read(text).unwrap().ok(), Some(topic));
        assert_eq!(
            Topic::ptz(Ptz::Press(Direction::Left)).to_json(),
            r#"{"topic":"ptz","data":{"cmd":"ptz_left_press"}}"#
        );
        assert_eq!(Topic::share().to_json(), r#"{"topic":"share"}"#);
        assert_eq!(Topic::forget_me().to_json(), r#"{"topic":"forget_me"}"#);
    }

    #[test]
    fn refuses_a_topic_that_is_no_name_and_leaves_objects_without_one() {
        for bad in [r#"{"topic":1}"#, r#"{"topic":""}"#, r#"{"topic":{}}"#] {
            assert_eq!(read(bad).err().unwrap().field(), "cmd.topic", "{bad}");
        }
        let long = format!(r#"{{"topic":"{}"}}"#, "t".repeat(129));
        assert!(matches!(read(&long), Err(ParseError::TooLong { .. })));
        assert!(read(r#"{"cmd":"x"}"#).unwrap().is_err());
        assert!(read(r#"{"topic":null}"#).unwrap().is_err());
    }
}
