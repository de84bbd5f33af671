//! Replies to the playback commands: `{"status":"0"}`, and `{"status":"0","progress":"<ms>"}` for
//! `playback_progress`.

use crate::error::ParseError;
use crate::json::Object;

use super::{MAX_READ_BYTES, Status, Writer};

/// Reply to pause, resume, seek, speed, fast forward and rewind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaybackStatus {
    /// Whether it was done.
    pub status: Status,
}

impl PlaybackStatus {
    /// Reads the reply.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode("playback reply", bytes, MAX_READ_BYTES)?;
        Ok(Self {
            status: Status::read(&object)?,
        })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        Writer::new().field("status", self.status.number()).end()
    }
}

/// Reply to `playback_progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Whether there is a playback.
    pub status: Status,
    /// Milliseconds from the start of the playback; none if there is no playback.
    pub progress_ms: Option<u64>,
}

impl Progress {
    /// Reads the reply.
    ///
    /// # Errors
    /// Which field is wrong; a progress must be there if the status is 0.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode("playback_progress reply", bytes, MAX_READ_BYTES)?;
        let status = Status::read(&object)?;
        let progress_ms = match status {
            Status::Accept => Some(object.required_number("progress")?),
            _ => object.number("progress")?,
        };
        Ok(Self {
            status,
            progress_ms,
        })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("status", self.status.number())
            .optional("progress", self.progress_ms)
            .end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        let text = r#"{"status":"0"}"#;
        assert_eq!(
            PlaybackStatus::decode(text.as_bytes()).unwrap().encode(),
            text
        );
        let text = r#"{"status":"0","progress":"15040"}"#;
        let progress = Progress::decode(text.as_bytes()).unwrap();
        assert_eq!(progress.progress_ms, Some(15040));
        assert_eq!(progress.encode(), text);
    }

    #[test]
    fn reads_numbers_and_arrays() {
        assert_eq!(
            PlaybackStatus::decode(b"[{\"status\":1}]\0")
                .unwrap()
                .status,
            Status::Refuse
        );
        assert_eq!(
            Progress::decode(br#"{"status":404}"#),
            Ok(Progress {
                status: Status::BadRequest,
                progress_ms: None
            })
        );
    }

    #[test]
    fn errors_name_the_field() {
        assert_eq!(PlaybackStatus::decode(b"{}").unwrap_err().field(), "status");
        assert_eq!(
            Progress::decode(br#"{"status":"0"}"#).unwrap_err().field(),
            "progress"
        );
    }
}
