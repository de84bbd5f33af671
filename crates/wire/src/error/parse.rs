//! The error of every reader: which message, which field of it, what was there and what was expected.

use thiserror::Error;

use super::Code;

/// Why a text or a datagram is not the message it should be.
///
/// `message` names the kind of message ("stream URL"), `field` the part of it ("start_time"). `got` is shortened to
/// 64 characters with control characters escaped, and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// A part that must be there is not.
    #[error("{message}: {field} is missing, expected {expected}")]
    Missing {
        /// Kind of message.
        message: &'static str,
        /// Part of it.
        field: &'static str,
        /// What should have been there.
        expected: &'static str,
    },
    /// A part is there, but does not say what it must say.
    #[error("{message}: {field} is \"{got}\", expected {expected}")]
    Invalid {
        /// Kind of message.
        message: &'static str,
        /// Part of it.
        field: &'static str,
        /// What is there, shortened.
        got: String,
        /// What should have been there.
        expected: &'static str,
    },
    /// A part is understood, but this version does not serve it (MJPEG, an unknown command).
    #[error("{message}: {field} \"{got}\" is not supported, expected {expected}")]
    Unsupported {
        /// Kind of message.
        message: &'static str,
        /// Part of it.
        field: &'static str,
        /// What is there, shortened.
        got: String,
        /// What is served.
        expected: &'static str,
    },
    /// A part is given more than once.
    #[error("{message}: {field} is given twice, expected once")]
    Repeated {
        /// Kind of message.
        message: &'static str,
        /// Part of it.
        field: String,
    },
    /// A part is longer than its limit; nothing of it was read.
    #[error("{message}: {field} is {got} long, expected at most {limit}")]
    TooLong {
        /// Kind of message.
        message: &'static str,
        /// Part of it.
        field: &'static str,
        /// Its length: bytes of a text, entries of a list.
        got: usize,
        /// The longest that is read, in the same unit.
        limit: usize,
    },
}

impl ParseError {
    /// Kind of message that was read, for example "stream URL" or "link".
    pub fn message(&self) -> &'static str {
        match self {
            Self::Missing { message, .. }
            | Self::Invalid { message, .. }
            | Self::Unsupported { message, .. }
            | Self::Repeated { message, .. }
            | Self::TooLong { message, .. } => message,
        }
    }

    /// Part of the message that is wrong, for example "start_time".
    pub fn field(&self) -> &str {
        match self {
            Self::Missing { field, .. }
            | Self::Invalid { field, .. }
            | Self::Unsupported { field, .. }
            | Self::TooLong { field, .. } => field,
            Self::Repeated { field, .. } => field,
        }
    }

    /// What was found there, shortened; `None` if there was nothing to show.
    pub fn got(&self) -> Option<&str> {
        match self {
            Self::Invalid { got, .. } | Self::Unsupported { got, .. } => Some(got),
            Self::Missing { .. } | Self::Repeated { .. } | Self::TooLong { .. } => None,
        }
    }

    /// What should have been there, in English; `None` where a number or a count says it.
    pub fn expected(&self) -> Option<&'static str> {
        match self {
            Self::Missing { expected, .. }
            | Self::Invalid { expected, .. }
            | Self::Unsupported { expected, .. } => Some(expected),
            Self::Repeated { .. } | Self::TooLong { .. } => None,
        }
    }

    /// The documents' code for this error: -2004 for what is not supported, -2001 for an xp2pInfo, else -2000.
    pub fn code(&self) -> Code {
        match self {
            Self::Unsupported { .. } => Code::UnsupportedOperation,
            _ if self.message() == crate::xp2p_info::MESSAGE => Code::BadXp2pInfo,
            _ => Code::BadParameter,
        }
    }

    pub(crate) fn missing(
        message: &'static str,
        field: &'static str,
        expected: &'static str,
    ) -> Self {
        Self::Missing {
            message,
            field,
            expected,
        }
    }

    pub(crate) fn invalid(
        message: &'static str,
        field: &'static str,
        got: &str,
        expected: &'static str,
    ) -> Self {
        Self::Invalid {
            message,
            field,
            got: crate::text::clip(got),
            expected,
        }
    }

    pub(crate) fn unsupported(
        message: &'static str,
        field: &'static str,
        got: &str,
        expected: &'static str,
    ) -> Self {
        Self::Unsupported {
            message,
            field,
            got: crate::text::clip(got),
            expected,
        }
    }

    /// An invalid part that must not be shown: only its length is told.
    pub(crate) fn secret(
        message: &'static str,
        field: &'static str,
        got: &str,
        expected: &'static str,
    ) -> Self {
        Self::Invalid {
            message,
            field,
            got: format!("*** ({} characters)", got.chars().count()),
            expected,
        }
    }

    /// `Err(TooLong)` if `got` passes `limit`.
    pub(crate) fn limit(
        message: &'static str,
        field: &'static str,
        got: usize,
        limit: usize,
    ) -> Result<(), Self> {
        if got > limit {
            return Err(Self::TooLong {
                message,
                field,
                got,
                limit,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_message_field_got_and_expected() {
        let error = ParseError::invalid("link", "addr", "1.2.3", "ip:port");
        assert_eq!(
            error.to_string(),
            "link: addr is \"1.2.3\", expected ip:port"
        );
        assert_eq!(
            (
                error.message(),
                error.field(),
                error.got(),
                error.expected()
            ),
            ("link", "addr", Some("1.2.3"), Some("ip:port"))
        );
        let error = ParseError::missing("link", "id", "64 hex characters");
        assert_eq!(
            error.to_string(),
            "link: id is missing, expected 64 hex characters"
        );
        assert_eq!(error.got(), None);
    }

    #[test]
    fn shows_a_long_or_dirty_value_shortened_and_escaped() {
        let error = ParseError::invalid("link", "addr", &"\n".repeat(500), "ip:port");
        let got = error.got().unwrap();
        assert!(got.len() < 140 && !got.contains('\n'), "{got}");
    }

    #[test]
    fn maps_to_the_documents_codes() {
        assert_eq!(
            ParseError::unsupported("command", "cmd", "x", "y").code(),
            Code::UnsupportedOperation
        );
        assert_eq!(
            ParseError::invalid("xp2pInfo", "prefix", "x", "y").code(),
            Code::BadXp2pInfo
        );
        assert_eq!(
            ParseError::invalid("command", "cmd", "x", "y").code(),
            Code::BadParameter
        );
    }

    #[test]
    fn limit_is_inclusive() {
        assert!(ParseError::limit("link", "text", 4096, 4096).is_ok());
        assert_eq!(
            ParseError::limit("link", "text", 4097, 4096),
            Err(ParseError::TooLong {
                message: "link",
                field: "text",
                got: 4097,
                limit: 4096
            })
        );
    }
}
