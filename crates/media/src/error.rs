//! What can go wrong, with what was being done.

use std::path::PathBuf;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a media operation failed. `doing` always reads after "while", e.g. "opening the encoder".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// FFmpeg refused.
    #[error("{doing}: {text}")]
    Ffmpeg {
        /// What was being done.
        doing: &'static str,
        /// FFmpeg's own text.
        text: String,
    },
    /// The bytes or values given are not what the call takes; whoever made them is to blame.
    #[error("{doing}: got {got}, expected {expected}")]
    Input {
        /// What was being done.
        doing: &'static str,
        /// What came.
        got: String,
        /// What should have come.
        expected: &'static str,
    },
    /// This build or this FFmpeg lacks what is needed.
    #[error("{doing}: {what} is not available in this build")]
    Unsupported {
        /// What was being done.
        doing: &'static str,
        /// The codec, format or feature that is missing.
        what: String,
    },
    /// A file could not be read or written.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// There is no such sound device, or none at all. The caller goes on without sound.
    #[error("no sound device{}: {text}", .wanted.as_ref().map(|w| format!(" {w:?}")).unwrap_or_default())]
    NoDevice {
        /// The device asked for; `None` for the default one.
        wanted: Option<String>,
        /// What the sound system said.
        text: String,
    },
    /// The sound device went away while it was in use (unplugged, sound server stopped).
    #[error("the sound device {device:?} was lost: {text}")]
    DeviceLost {
        /// The device that was open.
        device: String,
        /// What the sound system said.
        text: String,
    },
}

impl Error {
    /// Bad input from the caller or from the wire.
    pub(crate) fn input(
        doing: &'static str,
        got: impl Into<String>,
        expected: &'static str,
    ) -> Self {
        Self::Input {
            doing,
            got: got.into(),
            expected,
        }
    }
}
