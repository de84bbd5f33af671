//! What can go wrong, by cause.

use std::path::PathBuf;
use std::time::Duration;

/// Why something between two endpoints did not work.
///
/// A status 4xx or 5xx is not an error of this crate: it is [`crate::Response::status`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The camera does not know this viewer's key, or the pairing secret was wrong or used up.
    #[error("refused by the camera")]
    Refused,
    /// The camera has refused too many attempts lately; try again in a minute.
    #[error("too many attempts; wait a minute")]
    TooManyAttempts,
    /// No address of the camera answers.
    #[error("camera {camera} does not answer at {}", if tried.is_empty() { "any address".to_string() } else { tried.join(", ") })]
    Unreachable {
        /// The camera's id, hex.
        camera: String,
        /// Addresses and relays that were tried; empty if none is known.
        tried: Vec<String>,
    },
    /// The peer took too long.
    #[error("no {what} within {} ms", after.as_millis())]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        after: Duration,
    },
    /// A live body was silent for [`crate::defaults::SILENCE`]; the session is redialling: request again.
    #[error("the stream fell silent")]
    Silent,
    /// The connection ended: closed by the peer, or lost.
    #[error("connection closed: {reason}")]
    Closed {
        /// What the transport or the peer gave as the reason.
        reason: String,
    },
    /// This session or endpoint was closed by its owner.
    #[error("closed here")]
    ClosedHere,
    /// The peer stopped reading or gave up its own body before the end.
    #[error("the peer aborted the stream")]
    Aborted,
    /// The body ended before its announced end.
    #[error("the body was cut short")]
    Truncated,
    /// More bytes than the caller allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit, bytes.
        limit: usize,
    },
    /// The peer does not speak the protocol.
    #[error("protocol error: {detail}")]
    Protocol {
        /// What was not understood.
        detail: String,
    },
    /// A value given to this crate cannot be used.
    #[error("{what}: expected {expected}, got {got}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What it should have been.
        expected: &'static str,
        /// What it was.
        got: String,
    },
    /// A port is taken, or may not be used.
    #[error("cannot bind {what}: {detail}")]
    Bind {
        /// The socket or service.
        what: String,
        /// The system's words.
        detail: String,
    },
    /// Another failure of the system.
    #[error("{what}: {detail}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The system's words.
        detail: String,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, error: impl std::fmt::Display) -> Self {
        Error::Io {
            what,
            detail: error.to_string(),
        }
    }

    pub(crate) fn protocol(detail: impl std::fmt::Display) -> Self {
        Error::Protocol {
            detail: detail.to_string(),
        }
    }
}

/// Why an identity file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Others on this machine could read the key.
    #[error(
        "{} may be read by others (mode {mode:04o}); run: chmod 600 {}",
        path.display(), path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key.
    #[error("{} is not an identity: expected 64 hexadecimal digits, got {got}; restore it from a backup, or delete it to get a new identity (every pairing is lost)", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it holds instead, without its contents.
        got: String,
    },
    /// The file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The system has no randomness to give.
    #[error("no randomness from the system: {0}")]
    Random(String),
}
