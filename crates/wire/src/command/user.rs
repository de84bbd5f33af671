//! `action=user_define`: PTZ words, topics, and whatever else a maker defines.

use crate::error::ParseError;
use crate::json::{Json, Object};
use crate::query::Query;
use crate::stream::Source;
use crate::talk::FloorAsk;
use crate::text::{escape, unescape};

use super::card::{self, RecordMode};
use super::ptz::Ptz;
use super::{MAX_COMMAND_BYTES, MESSAGE, Topic};

/// A user-defined command as it was written.
#[derive(Debug, Clone, PartialEq)]
pub enum User {
    /// Simple dialect: `cmd=ptz_left`.
    Ptz(Ptz),
    /// Topic dialect: `cmd={"topic":"ptz",…}`.
    Topic(Topic),
    /// Any other word, or JSON without a topic (kept as compact JSON).
    Other(String),
}

/// What a user-defined command asks for, whichever dialect it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Move the camera.
    Ptz(Ptz),
    /// A fresh one-time link for another viewer. Reply: [`UserReply::share`](super::reply::UserReply::share).
    Share,
    /// Forget the viewer that asks. Reply: [`UserReply::done`](super::reply::UserReply::done).
    ForgetMe,
    /// The hash of what a download would give. Reply: [`FileHash`](super::reply::FileHash).
    FileHash(Source),
    /// How the card is. Reply: [`CardStatus`](super::reply::CardStatus).
    CardStatus,
    /// Erase the card. Reply: [`UserReply::done`](super::reply::UserReply::done), or
    /// [`UserReply::CONFIRMATION_NEEDED`](super::reply::UserReply::CONFIRMATION_NEEDED).
    SdFormat {
        /// Whether the data holds the word that confirms it.
        confirmed: bool,
    },
    /// What to record from now on. Reply: [`UserReply::done`](super::reply::UserReply::done).
    RecordMode(RecordMode),
    /// What the camera noticed. Reply: [`Events`](super::reply::Events).
    Events {
        /// From, unix seconds.
        start_time: u64,
        /// To, unix seconds, not before `start_time`.
        end_time: u64,
    },
    /// Who holds the floor, or to get it. Reply: [`Floor::to_reply`](crate::talk::Floor::to_reply).
    TalkFloor(FloorAsk),
    /// A topic or word this version does not know.
    /// Reply: [`UserReply::unknown_topic`](super::reply::UserReply::unknown_topic).
    Unknown(String),
}

impl User {
    /// What is asked for.
    ///
    /// # Errors
    /// A known topic whose data is wrong, for example `ptz` without a `cmd`.
    pub fn ask(&self) -> Result<Ask, ParseError> {
        let topic = match self {
            Self::Ptz(ptz) => return Ok(Ask::Ptz(*ptz)),
            Self::Other(word) => return Ok(Ask::Unknown(word.clone())),
            Self::Topic(topic) => topic,
        };
        match topic.topic.as_str() {
            Topic::PTZ => Ptz::read(topic).map(Ask::Ptz),
            Topic::SHARE => Ok(Ask::Share),
            Topic::FORGET_ME => Ok(Ask::ForgetMe),
            Topic::FILE_HASH => card::read_source(topic).map(Ask::FileHash),
            Topic::CARD_STATUS => Ok(Ask::CardStatus),
            Topic::SD_FORMAT => {
                card::read_confirmed(topic).map(|confirmed| Ask::SdFormat { confirmed })
            }
            Topic::RECORD_MODE => card::read_mode(topic).map(Ask::RecordMode),
            Topic::EVENTS => card::read_span(topic).map(|(start_time, end_time)| Ask::Events {
                start_time,
                end_time,
            }),
            Topic::TALK_FLOOR => FloorAsk::read(topic).map(Ask::TalkFloor),
            other => Ok(Ask::Unknown(other.to_owned())),
        }
    }

    /// Raw JSON is taken as it is; anything else is percent-decoded first and may then be JSON.
    pub(super) fn read(query: &Query<'_>) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a command word or a JSON object";
        let raw = query
            .raw("cmd")
            .ok_or_else(|| ParseError::missing(MESSAGE, "cmd", EXPECTED))?;
        let object = |text: &str| {
            Object::decode(MESSAGE, text.as_bytes(), MAX_COMMAND_BYTES)
                .map_err(|_| ParseError::invalid(MESSAGE, "cmd", raw, EXPECTED))
        };
        let object = if raw.starts_with('{')
            && let Ok(object) = object(raw)
        {
            object
        } else {
            let text = unescape(raw)
                .ok_or_else(|| ParseError::invalid(MESSAGE, "cmd", raw, "percent-encoded UTF-8"))?;
            if !text.starts_with('{') {
                return Ok(match Ptz::from_name(&text) {
                    Some(ptz) => Self::Ptz(ptz),
                    None => Self::Other(text),
                });
            }
            object(&text)?
        };
        Ok(match Topic::read(object)? {
            Ok(topic) => Self::Topic(topic),
            Err(object) => Self::Other(Json(object.map.into()).to_string()),
        })
    }

    /// The value of `cmd`, percent-encoded.
    pub(super) fn to_value(&self) -> String {
        match self {
            Self::Ptz(ptz) => ptz.name().to_owned(),
            Self::Topic(topic) => escape(&topic.to_json()),
            Self::Other(text) => escape(text),
        }
    }

    /// The value of `cmd`, JSON as it is.
    pub(super) fn to_raw(&self) -> String {
        match self {
            Self::Topic(topic) => topic.to_json(),
            Self::Other(text) if text.starts_with('{') => text.clone(),
            Self::Ptz(_) | Self::Other(_) => self.to_value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::command::ptz::Direction;

    fn user(cmd: &str) -> Result<User, ParseError> {
        match Command::parse(&format!("action=user_define&channel=0&cmd={cmd}"))? {
            Command::User { cmd, .. } => Ok(cmd),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ptz_is_understood_in_both_dialects() {
        let left = Ask::Ptz(Ptz::Press(Direction::Left));
        for cmd in [
            "ptz_left_press",
            r#"{"topic":"ptz","data":{"cmd":"ptz_left_press"}}"#,
            r#"%7B%22topic%22:%22ptz%22,%22data%22:%7B%22cmd%22:%22ptz_left_press%22%7D%7D"#,
            // What a browser's URL class makes of it: quotes escaped, braces not.
            r#"{%22topic%22:%22ptz%22,%22data%22:{%22cmd%22:%22ptz_left_press%22}}"#,
        ] {
            assert_eq!(user(cmd).unwrap().ask().as_ref(), Ok(&left), "{cmd}");
        }
        assert_eq!(user("ptz_left"), Ok(User::Ptz(Ptz::Step(Direction::Left))));
    }

    #[test]
    fn json_round_trips_escaped_and_unescaped() {
        let raw = r#"{"topic":"note","data":{"text":"1&2=3 {\"} 100% %7B 客厅"}}"#;
        let command = Command::parse(&format!("action=user_define&channel=0&cmd={raw}")).unwrap();
        assert!(command.to_text().ends_with(raw));
        assert!(command.to_query().is_ascii());
        assert_eq!(Command::parse(&command.to_query()), Ok(command.clone()));
        assert_eq!(Command::parse(&command.to_text()), Ok(command));
    }

    #[test]
    fn known_topics_are_asked_by_type_and_others_are_unknown() {
        assert_eq!(user(r#"{"topic":"share"}"#).unwrap().ask(), Ok(Ask::Share));
        assert_eq!(
            user(r#"{"topic":"forget_me"}"#).unwrap().ask(),
            Ok(Ask::ForgetMe)
        );
        assert_eq!(
            user(r#"{"topic":"bind_status"}"#).unwrap().ask(),
            Ok(Ask::Unknown("bind_status".into()))
        );
        assert_eq!(
            user("wx_call_start").unwrap().ask(),
            Ok(Ask::Unknown("wx_call_start".into()))
        );
    }

    #[test]
    fn ptz_with_wrong_data_is_an_error_not_an_unknown_topic() {
        for cmd in [
            r#"{"topic":"ptz"}"#,
            r#"{"topic":"ptz","data":{}}"#,
            r#"{"topic":"ptz","data":{"cmd":"ptz_sideways"}}"#,
        ] {
            assert_eq!(
                user(cmd).unwrap().ask().unwrap_err().field(),
                "data.cmd",
                "{cmd}"
            );
        }
    }

    #[test]
    fn json_without_a_topic_and_other_words_are_kept() {
        let other = user(r#"{ "iv_private_cmd" : "call_answer" }"#).unwrap();
        assert_eq!(
            other,
            User::Other(r#"{"iv_private_cmd":"call_answer"}"#.into())
        );
        for cmd in [other, User::Other("a b&c=客".into())] {
            let command = Command::User { channel: 1, cmd };
            assert_eq!(Command::parse(&command.to_query()), Ok(command.clone()));
            assert_eq!(Command::parse(&command.to_text()), Ok(command));
        }
    }
}
