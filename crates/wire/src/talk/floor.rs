//! Who holds the floor. One viewer talks at a time; another may ask for the floor, or take it.
//!
//! ```text
//! > {"topic":"talk_floor","data":{"cmd":"watch","version":"7"}}      answered when the version is another, or after 5 s
//! > {"topic":"talk_floor","data":{"cmd":"ask"}}                      the talker is told; who asked gets the floor next
//! > {"topic":"talk_floor","data":{"cmd":"take"}}                     ends the talk; the floor is kept for the taker 5 s
//! < {"result":"0","version":"8","talker":"<64 hex>","talker_name":"Anna","asker":"<64 hex>","asker_name":"Ben"}
//! ```

use crate::command::reply::{MAX_READ_BYTES, UserReply};
use crate::command::{MESSAGE, Topic};
use crate::error::ParseError;
use crate::id::PeerId;
use crate::json::{Json, Object};

const REPLY: &str = "talk_floor reply";

/// What is asked about the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloorAsk {
    /// How it is, once it is no longer as it was at this version. 0 is answered at once.
    Watch {
        /// The version last seen.
        version: u64,
    },
    /// Tell the talker that this viewer wants to talk; it gets the floor when the talk ends.
    Ask,
    /// End the talk and keep the floor for this viewer.
    Take,
}

impl FloorAsk {
    /// The topic's data.
    pub(crate) fn to_json(self) -> Json {
        match self {
            Self::Watch { version } => {
                Json::object([("cmd", "watch"), ("version", version.to_string().as_str())])
            }
            Self::Ask => Json::object([("cmd", "ask")]),
            Self::Take => Json::object([("cmd", "take")]),
        }
    }

    pub(crate) fn read(topic: &Topic) -> Result<Self, ParseError> {
        const EXPECTED: &str = "watch, ask or take";
        let data = topic.data.as_ref();
        match data.and_then(|data| data.text("cmd")) {
            Some("watch") => Ok(Self::Watch {
                version: data
                    .and_then(|data| data.number("version"))
                    .and_then(|version| u64::try_from(version).ok())
                    .unwrap_or(0),
            }),
            Some("ask") => Ok(Self::Ask),
            Some("take") => Ok(Self::Take),
            Some(other) => Err(ParseError::invalid(MESSAGE, "data.cmd", other, EXPECTED)),
            None => Err(ParseError::missing(MESSAGE, "data.cmd", EXPECTED)),
        }
    }
}

/// A viewer, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its public key.
    pub id: PeerId,
    /// What the camera calls it; may be empty.
    pub name: String,
}

/// Who holds the floor, and who would like to. Shown to every viewer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor {
    /// Grows with every change, from 1.
    pub version: u64,
    /// Who talks, or for whom the floor is kept.
    pub talker: Option<Person>,
    /// Who asked last.
    pub asker: Option<Person>,
}

impl Floor {
    /// The reply to every [`FloorAsk`].
    pub fn to_reply(&self) -> UserReply {
        let version = self.version.to_string();
        let (talker, asker) = (self.talker.as_ref(), self.asker.as_ref());
        let id = |person: Option<&Person>| person.map(|person| person.id.to_string());
        let (talker_id, asker_id) = (id(talker), id(asker));
        let mut fields = vec![("version", version.as_str())];
        for (name, value) in [
            ("talker", talker_id.as_deref()),
            ("talker_name", talker.map(|person| person.name.as_str())),
            ("asker", asker_id.as_deref()),
            ("asker_name", asker.map(|person| person.name.as_str())),
        ] {
            fields.extend(value.map(|value| (name, value)));
        }
        UserReply::with(0, fields)
    }

    /// Reads the reply of a camera that did not refuse.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(REPLY, bytes, MAX_READ_BYTES)?;
        let person = |id: &'static str, name: &'static str| -> Result<_, ParseError> {
            let Some(key) = object.text(id)?.filter(|key| !key.is_empty()) else {
                return Ok(None);
            };
            let id = key.parse()?;
            let name = object.text(name)?.unwrap_or_default();
            Ok(Some(Person { id, name }))
        };
        Ok(Self {
            version: object.required_number("version")?,
            talker: person("talker", "talker_name")?,
            asker: person("asker", "asker_name")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_reads_back_with_and_without_people() {
        let anna = Person {
            id: PeerId([1; 32]),
            name: "Anna's phone".into(),
        };
        for (talker, asker) in [
            (None, None),
            (Some(anna.clone()), None),
            (Some(anna.clone()), Some(anna)),
        ] {
            let floor = Floor {
                version: 3,
                talker,
                asker,
            };
            assert_eq!(
                Floor::decode(floor.to_reply().encode().as_bytes()),
                Ok(floor)
            );
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("{}", "version"),
            (r#"{"version":"1","talker":"zz"}"#, "id"),
        ] {
            assert_eq!(Floor::decode(text.as_bytes()).unwrap_err().field(), field);
        }
        let topic = Topic::new(Topic::TALK_FLOOR);
        assert_eq!(FloorAsk::read(&topic).unwrap_err().field(), "data.cmd");
    }
}
