//! Reply to `card_status`:
//! `{"result":"0","state":"ok","total":"…","used":"…","oldest":"s","newest":"s","recording":"1","mode":"continuous",
//! "clock":"ok","text":"…"}`.

use crate::command::RecordMode;
use crate::error::ParseError;
use crate::json::Object;

use super::{MAX_READ_BYTES, Writer, done};

const MESSAGE: &str = "card_status reply";

/// How a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardState {
    /// It records, or could.
    Ok,
    /// The camera has none.
    None,
    /// No space, and nothing that may be deleted.
    Full,
    /// It writes slower than the camera records; pictures are lost.
    Slow,
    /// It can only be read.
    ReadOnly,
    /// It was pulled out.
    Missing,
    /// What stands on it cannot be read.
    Corrupt,
}

impl CardState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::None,
        Self::Full,
        Self::Slow,
        Self::ReadOnly,
        Self::Missing,
        Self::Corrupt,
    ];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::None => "none",
            Self::Full => "full",
            Self::Slow => "slow",
            Self::ReadOnly => "read_only",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }

    /// The state of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Reply to `card_status`. A refusal is read as a [`UserReply`](super::UserReply).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardStatus {
    /// How the card is.
    pub state: CardState,
    /// Bytes that recordings may take.
    pub total: u64,
    /// Bytes that they take.
    pub used: u64,
    /// Start of the oldest recording, unix seconds; none if there is no recording.
    pub oldest: Option<u64>,
    /// End of the newest recording, unix seconds.
    pub newest: Option<u64>,
    /// Whether it records at this moment.
    pub recording: bool,
    /// What it records.
    pub mode: RecordMode,
    /// Whether the camera knows the time. Recordings made while it does not stand at a wrong time.
    pub clock_known: bool,
    /// What the system said about the state, for logs; may be empty.
    pub text: String,
}

impl CardStatus {
    /// Reads the reply.
    ///
    /// # Errors
    /// Which field is wrong; `result` if the camera refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        done(&object)?;
        Ok(Self {
            state: word(
                &object,
                "state",
                CardState::from_name,
                "ok, none, full, slow, read_only, missing or corrupt",
            )?,
            total: object.number("total")?.unwrap_or(0),
            used: object.number("used")?.unwrap_or(0),
            oldest: object.number("oldest")?,
            newest: object.number("newest")?,
            recording: object.number("recording")? == Some(1),
            mode: word(
                &object,
                "mode",
                RecordMode::from_name,
                "continuous, schedule, events or off",
            )?,
            clock_known: word(
                &object,
                "clock",
                |name| match name {
                    "ok" => Some(true),
                    "unknown" => Some(false),
                    _ => None,
                },
                "ok or unknown",
            )?,
            text: object.text("text")?.unwrap_or_default(),
        })
    }

    /// One JSON object.
    pub fn encode(&self) -> String {
        let clock = if self.clock_known { "ok" } else { "unknown" };
        Writer::new()
            .field("result", 0)
            .field("state", self.state.name())
            .field("total", self.total)
            .field("used", self.used)
            .optional("oldest", self.oldest)
            .optional("newest", self.newest)
            .field("recording", u8::from(self.recording))
            .field("mode", self.mode.name())
            .field("clock", clock)
            .field("text", &self.text)
            .end()
    }
}

/// The word at `field`, which must be one that `known` knows.
fn word<T>(
    object: &Object,
    field: &'static str,
    known: impl Fn(&str) -> Option<T>,
    expected: &'static str,
) -> Result<T, ParseError> {
    let text = object.required_text(field)?;
    known(&text).ok_or_else(|| ParseError::invalid(MESSAGE, field, &text, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_its_form_and_reads_it_back() {
        for text in [
            r#"{"result":"0","state":"ok","total":"128000000000","used":"77000000000","oldest":"1783000000","newest":"1783440600","recording":"1","mode":"continuous","clock":"ok","text":""}"#,
            r#"{"result":"0","state":"none","total":"0","used":"0","recording":"0","mode":"off","clock":"unknown","text":"no card"}"#,
        ] {
            assert_eq!(CardStatus::decode(text.as_bytes()).unwrap().encode(), text);
        }
        for state in CardState::ALL {
            assert_eq!(CardState::from_name(state.name()), Some(state));
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            (r#"{"result":"-2004"}"#, "result"),
            (r#"{"result":"0"}"#, "state"),
            (r#"{"result":"0","state":"sad"}"#, "state"),
            (r#"{"result":"0","state":"ok"}"#, "mode"),
            (r#"{"result":"0","state":"ok","mode":"off"}"#, "clock"),
            (
                r#"{"result":"0","state":"ok","mode":"off","clock":"ok","used":-1}"#,
                "used",
            ),
        ] {
            assert_eq!(
                CardStatus::decode(text.as_bytes()).unwrap_err().field(),
                field
            );
        }
    }
}
