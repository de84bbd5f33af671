//! What the camera says while and when a talk ends: one JSON line each in the body of the answer to `POST …/voice`.

use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::json::Object;

const MESSAGE: &str = "voice event";
/// Longest line that is read, bytes.
const MAX_BYTES: usize = 4096;

/// How the talk is heard at the camera.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// From the earliest possible arrival to the speaker, milliseconds.
    pub delay_ms: u32,
    /// Spread of arrivals, milliseconds.
    pub jitter_ms: u32,
    /// Loudest sample played since the last line, dB below full scale (0 to 99).
    pub level_db: u32,
    /// Times that the sound ran out.
    pub underruns: u32,
    /// Time stamp of the FLV that is audible now, milliseconds.
    pub heard_ms: Option<i64>,
}

/// The documents' callbacks of a voice stream as one type. All but the first two are its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceEvent {
    /// The floor is the viewer's, and its sound is being played.
    Success,
    /// Some times a second. **own**
    Progress(Progress),
    /// The camera ended the talk: `taken_over`, `silent`, `going`.
    Stop {
        /// A word that stays the same.
        error: String,
        /// Who took over.
        by: Option<String>,
    },
    /// What was sent cannot be played: `codec_refused`, `malformed`, `too_fast`.
    Failure {
        /// A word that stays the same.
        error: String,
        /// In English, for the log.
        detail: String,
    },
    /// The camera's speaker failed: `device_error`.
    Error {
        /// A word that stays the same.
        error: String,
        /// In English, for the log.
        detail: String,
    },
    /// The viewer ended the talk, and everything was played.
    Complete {
        /// How much sound was played, milliseconds.
        played_ms: u64,
    },
}

impl VoiceEvent {
    /// `error` of [`Stop`](Self::Stop): another viewer took the floor.
    pub const TAKEN_OVER: &str = "taken_over";
    /// `error` of [`Stop`](Self::Stop): nothing was heard of the viewer for too long.
    pub const SILENT: &str = "silent";
    /// `error` of [`Stop`](Self::Stop): the camera goes off.
    pub const GOING: &str = "going";
    /// `error` of [`Failure`](Self::Failure): a codec or rate that the camera does not play.
    pub const CODEC_REFUSED: &str = "codec_refused";
    /// `error` of [`Failure`](Self::Failure): no FLV, or one with more faults than a talk can have.
    pub const MALFORMED: &str = "malformed";
    /// `error` of [`Failure`](Self::Failure): far more sound than time has passed.
    pub const TOO_FAST: &str = "too_fast";
    /// `error` of [`Error`](Self::Error).
    pub const DEVICE_ERROR: &str = "device_error";

    /// Whether nothing follows.
    pub fn is_end(&self) -> bool {
        !matches!(self, Self::Success | Self::Progress(_))
    }

    /// The value of `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Progress(_) => "progress",
            Self::Stop { .. } => "stop",
            Self::Failure { .. } => "failure",
            Self::Error { .. } => "error",
            Self::Complete { .. } => "complete",
        }
    }

    /// Compact JSON, without the newline.
    pub fn encode(&self) -> String {
        let line = Writer::new().field("type", self.kind());
        match self {
            Self::Success => line,
            Self::Progress(progress) => line
                .field("delay_ms", progress.delay_ms)
                .field("jitter_ms", progress.jitter_ms)
                .field("level_db", progress.level_db)
                .field("underruns", progress.underruns)
                .optional("heard_ms", progress.heard_ms),
            Self::Stop { error, by } => line.field("error", error).optional("by", by.as_ref()),
            Self::Failure { error, detail } | Self::Error { error, detail } => {
                line.field("error", error).field("detail", detail)
            }
            Self::Complete { played_ms } => line.field("played_ms", played_ms),
        }
        .end()
    }

    /// Reads one line.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, MAX_BYTES)?;
        let text = |field| Ok(object.text(field)?.unwrap_or_default());
        match object.required_text("type")?.as_str() {
            "success" => Ok(Self::Success),
            "progress" => {
                let number = |field| Ok(object.number(field)?.unwrap_or(0));
                Ok(Self::Progress(Progress {
                    delay_ms: number("delay_ms")?,
                    jitter_ms: number("jitter_ms")?,
                    level_db: number("level_db")?,
                    underruns: number("underruns")?,
                    heard_ms: object.number("heard_ms")?,
                }))
            }
            "stop" => Ok(Self::Stop {
                error: text("error")?,
                by: object.text("by")?,
            }),
            "failure" => Ok(Self::Failure {
                error: text("error")?,
                detail: text("detail")?,
            }),
            "error" => Ok(Self::Error {
                error: text("error")?,
                detail: text("detail")?,
            }),
            "complete" => Ok(Self::Complete {
                played_ms: object.number("played_ms")?.unwrap_or(0),
            }),
            other => Err(ParseError::invalid(
                MESSAGE,
                "type",
                other,
                "success, progress, stop, failure, error or complete",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("{}", "type"),
            (r#"{"type":"maybe"}"#, "type"),
            (r#"{"type":"progress","delay_ms":"-1"}"#, "delay_ms"),
        ] {
            assert_eq!(
                VoiceEvent::decode(text.as_bytes()).unwrap_err().field(),
                field
            );
        }
    }

    #[test]
    fn only_success_and_progress_go_on() {
        let progress = VoiceEvent::Progress(Progress {
            heard_ms: Some(-64),
            ..Progress::default()
        });
        assert!(!VoiceEvent::Success.is_end() && !progress.is_end());
        assert!(VoiceEvent::Complete { played_ms: 1 }.is_end());
        assert_eq!(
            VoiceEvent::decode(progress.encode().as_bytes()),
            Ok(progress)
        );
    }
}
