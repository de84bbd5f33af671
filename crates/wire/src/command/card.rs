//! The topics about the card: `file_hash`, `card_status`, `sd_format`, `record_mode`, `events`. All but `sd_format` are
//! Porthole's own; the documents name that one and leave its data open.

use crate::error::ParseError;
use crate::json::{Json, Object};
use crate::stream::{MAX_FILE_NAME_BYTES, Source};

use super::topic::Topic;

const MESSAGE: &str = "topic";

/// What the camera records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordMode {
    /// `continuous`: around the clock.
    Continuous,
    /// `schedule`: at the times of its plan.
    Schedule,
    /// `events`: when something moves.
    Events,
    /// `off`: nothing.
    Off,
}

impl RecordMode {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Continuous, Self::Schedule, Self::Events, Self::Off];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Schedule => "schedule",
            Self::Events => "events",
            Self::Off => "off",
        }
    }

    /// The mode of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// The word that must stand in `sd_format`, so that no slip of a finger erases a card.
const ERASE: &str = "erase";

impl Topic {
    /// The SHA-256 of what a download would give.
    pub const FILE_HASH: &str = "file_hash";
    /// How the card is.
    pub const CARD_STATUS: &str = "card_status";
    /// Erases the card.
    pub const SD_FORMAT: &str = "sd_format";
    /// What the camera records from now on.
    pub const RECORD_MODE: &str = "record_mode";
    /// What happened between two moments.
    pub const EVENTS: &str = "events";

    /// `{"topic":"file_hash","data":{"file_name":"…"}}` or `{…,"data":{"end_time":"…","start_time":"…"}}`
    pub fn file_hash(source: &Source) -> Self {
        match source {
            Source::File(name) => Self::with(
                Self::FILE_HASH,
                Json::object([("file_name", name.as_str())]),
            ),
            Source::Range {
                start_time,
                end_time,
            } => Self::with(Self::FILE_HASH, times(*start_time, *end_time)),
        }
    }

    /// `{"topic":"card_status"}`
    pub fn card_status() -> Self {
        Self::new(Self::CARD_STATUS)
    }

    /// `{"topic":"sd_format","data":{"confirm":"erase"}}`
    pub fn sd_format() -> Self {
        Self::with(Self::SD_FORMAT, Json::object([("confirm", ERASE)]))
    }

    /// `{"topic":"record_mode","data":{"mode":"continuous"}}`
    pub fn record_mode(mode: RecordMode) -> Self {
        Self::with(Self::RECORD_MODE, Json::object([("mode", mode.name())]))
    }

    /// `{"topic":"events","data":{"end_time":"…","start_time":"…"}}`
    pub fn events(start_time: u64, end_time: u64) -> Self {
        Self::with(Self::EVENTS, times(start_time, end_time))
    }

    fn with(topic: &str, data: Json) -> Self {
        Self {
            data: Some(data),
            ..Self::new(topic)
        }
    }

    fn data(&self) -> Result<Object, ParseError> {
        match &self.data {
            None => Object::decode(MESSAGE, b"{}", 2),
            Some(data) => {
                let text = data.to_string();
                Object::decode(MESSAGE, text.as_bytes(), text.len())
                    .map_err(|_| ParseError::invalid(MESSAGE, "data", &text, "a JSON object"))
            }
        }
    }
}

fn times(start_time: u64, end_time: u64) -> Json {
    let (start, end) = (start_time.to_string(), end_time.to_string());
    Json::object([("start_time", start.as_str()), ("end_time", &end)])
}

/// The data of `file_hash`; a name wins over times.
pub(super) fn read_source(topic: &Topic) -> Result<Source, ParseError> {
    let data = topic.data()?;
    if let Some(name) = data.text("file_name")?.filter(|name| !name.is_empty()) {
        ParseError::limit(MESSAGE, "file_name", name.len(), MAX_FILE_NAME_BYTES)?;
        return Ok(Source::File(name));
    }
    if data.value("start_time").is_none() && data.value("end_time").is_none() {
        return Err(ParseError::missing(
            MESSAGE,
            "file_name",
            "a file name, or start_time and end_time",
        ));
    }
    let (start_time, end_time) = read_times(&data)?;
    Ok(Source::Range {
        start_time,
        end_time,
    })
}

/// Whether the data of `sd_format` confirms it.
pub(super) fn read_confirmed(topic: &Topic) -> Result<bool, ParseError> {
    Ok(topic.data()?.text("confirm")?.as_deref() == Some(ERASE))
}

/// The data of `record_mode`.
pub(super) fn read_mode(topic: &Topic) -> Result<RecordMode, ParseError> {
    let name = topic.data()?.required_text("mode")?;
    RecordMode::from_name(&name).ok_or_else(|| {
        ParseError::invalid(
            MESSAGE,
            "mode",
            &name,
            "continuous, schedule, events or off",
        )
    })
}

/// The data of `events`: from and to.
pub(super) fn read_span(topic: &Topic) -> Result<(u64, u64), ParseError> {
    read_times(&topic.data()?)
}

fn read_times(data: &Object) -> Result<(u64, u64), ParseError> {
    let (start, end) = (
        data.required_number("start_time")?,
        data.required_number("end_time")?,
    );
    if end < start {
        let got = u64::to_string(&end);
        return Err(ParseError::invalid(
            MESSAGE,
            "end_time",
            &got,
            "no less than start_time",
        ));
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Ask, User};

    fn ask(topic: Topic) -> Result<Ask, ParseError> {
        User::Topic(topic).ask()
    }

    fn topic(name: &str, data: &str) -> Topic {
        Topic::with(name, Json::parse(data).unwrap())
    }

    #[test]
    fn every_topic_is_asked_as_it_was_made() {
        let file = Source::File("20261130T143000Z-000123.mp4".into());
        let range = Source::Range {
            start_time: 5,
            end_time: 9,
        };
        for source in [file, range] {
            assert_eq!(ask(Topic::file_hash(&source)), Ok(Ask::FileHash(source)));
        }
        assert_eq!(ask(Topic::card_status()), Ok(Ask::CardStatus));
        assert_eq!(
            ask(Topic::sd_format()),
            Ok(Ask::SdFormat { confirmed: true })
        );
        for mode in RecordMode::ALL {
            assert_eq!(ask(Topic::record_mode(mode)), Ok(Ask::RecordMode(mode)));
        }
        assert_eq!(
            ask(Topic::events(5, 9)),
            Ok(Ask::Events {
                start_time: 5,
                end_time: 9
            })
        );
    }

    #[test]
    fn a_card_is_only_erased_by_the_word() {
        let not = Ok(Ask::SdFormat { confirmed: false });
        assert_eq!(ask(Topic::new(Topic::SD_FORMAT)), not);
        for data in [
            r#"{"confirm":"yes"}"#,
            r#"{"confirm":true}"#,
            r#"{"why":"erase"}"#,
        ] {
            assert_eq!(ask(topic(Topic::SD_FORMAT, data)), not, "{data}");
        }
    }

    #[test]
    fn numbers_are_read_as_numbers_and_as_text() {
        let wanted = Ok(Ask::Events {
            start_time: 5,
            end_time: 9,
        });
        for data in [
            r#"{"start_time":5,"end_time":9}"#,
            r#"{"start_time":"5","end_time":" 9 "}"#,
        ] {
            assert_eq!(ask(topic(Topic::EVENTS, data)), wanted, "{data}");
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (name, data, field) in [
            (Topic::FILE_HASH, "{}", "file_name"),
            (Topic::FILE_HASH, r#"{"start_time":1}"#, "end_time"),
            (Topic::FILE_HASH, "7", "data"),
            (Topic::FILE_HASH, r#"{"file_name":[]}"#, "file_name"),
            (Topic::RECORD_MODE, "{}", "mode"),
            (Topic::RECORD_MODE, r#"{"mode":"loud"}"#, "mode"),
            (Topic::EVENTS, "{}", "start_time"),
            (
                Topic::EVENTS,
                r#"{"start_time":2,"end_time":1}"#,
                "end_time",
            ),
            (Topic::SD_FORMAT, r#"{"confirm":{}}"#, "confirm"),
        ] {
            assert_eq!(
                ask(topic(name, data)).unwrap_err().field(),
                field,
                "{name} {data}"
            );
        }
        let long = format!(r#"{{"file_name":"{}"}}"#, "n".repeat(129));
        assert_eq!(
            ask(topic(Topic::FILE_HASH, &long)).unwrap_err().field(),
            "file_name"
        );
    }
}
