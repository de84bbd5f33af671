//! Between this crate's types and the transport's.

use iroh::PublicKey;
use wire::id::PeerId;

use crate::Error;

/// Application close codes of a connection.
pub(crate) mod code {
    pub(crate) const DONE: u32 = 0;
    pub(crate) const REFUSED: u32 = 0x403;
    pub(crate) const SILENT: u32 = 0x408;
    pub(crate) const TOO_MANY: u32 = 0x429;
    pub(crate) const GOING: u32 = 0x503;
    /// Of a stream: given up before its end.
    pub(crate) const ABORTED: u32 = 1;
}

pub(crate) fn peer_id(key: PublicKey) -> PeerId {
    PeerId(*key.as_bytes())
}

pub(crate) fn public_key(id: &PeerId) -> Result<PublicKey, Error> {
    PublicKey::from_bytes(&id.0).map_err(|_| Error::Invalid {
        what: "camera id",
        expected: "an Ed25519 public key",
        got: id.to_string(),
    })
}

/// Why a connection ended.
pub(crate) fn closed(error: &iroh::endpoint::ConnectionError) -> Error {
    use iroh::endpoint::ConnectionError;
    match error {
        ConnectionError::ApplicationClosed(close) => {
            match u32::try_from(u64::from(close.error_code)) {
                Ok(code::REFUSED) => Error::Refused,
                Ok(code::TOO_MANY) => Error::TooManyAttempts,
                Ok(code::GOING) => Error::Closed {
                    reason: "the camera is shutting down".into(),
                },
                // Not `Silent`: that is this end's own finding, after which it redials without a pause.
                Ok(code::SILENT) => Error::Closed {
                    reason: "the peer found this end silent".into(),
                },
                _ => Error::Closed {
                    reason: "ended by the peer".into(),
                },
            }
        }
        ConnectionError::LocallyClosed => Error::Closed {
            reason: "ended here".into(),
        },
        ConnectionError::TimedOut => Error::Closed {
            reason: "the peer is silent".into(),
        },
        other => Error::Closed {
            reason: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::endpoint::{ApplicationClose, ConnectionError, VarInt};

    /// A session redials without a pause after its own `Silent`: a peer must not be able to cause that.
    #[test]
    fn a_peer_cannot_close_a_connection_as_silent() {
        let close = ConnectionError::ApplicationClosed(ApplicationClose {
            error_code: VarInt::from_u32(code::SILENT),
            reason: Default::default(),
        });
        assert!(matches!(closed(&close), Error::Closed { .. }));
    }
}
