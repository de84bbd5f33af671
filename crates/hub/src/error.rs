//! What can go wrong: in the hub itself, and what a desk refuses.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the hub, or a call to it, failed. The text says what was done, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The desk said no, with the documents' error name.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The hub cannot be reached, or does not answer in time (client only).
    #[error(
        "the hub at {address} cannot be reached: {reason}; check that it runs and that this network lets it through"
    )]
    Unreachable {
        /// `host:port`.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// Who answers has another key than the pinned one (client only): never the hub of the invitation.
    #[error(
        "who answers at {address} has another key than this hub's: do not go on; ask for a new invitation if the hub was set up anew"
    )]
    WrongKey {
        /// `host:port`.
        address: String,
    },
    /// The answer is not the documents' form (client only).
    #[error("the answer of the hub at {address} is not understood: {reason}")]
    BadAnswer {
        /// `host:port`.
        address: String,
        /// What was expected, and what came.
        reason: String,
    },
    /// The database failed.
    #[error("the hub's database failed to {doing}: {reason}")]
    Store {
        /// What was asked of it.
        doing: &'static str,
        /// What it said.
        reason: String,
    },
    /// A file or folder of the hub.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, `create`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A port is not to be had.
    #[error(
        "cannot listen for {what} on {address}: {reason}; choose another port in the configuration"
    )]
    Listen {
        /// `HTTPS`, `MQTT`, `relay`.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The configuration cannot be used.
    #[error("the configuration's {field} is {got}, but expected is {expected}")]
    Config {
        /// The setting.
        field: String,
        /// What it is; `***` for a secret.
        got: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The TLS key or certificate.
    #[error("the hub's TLS identity: {0}")]
    Tls(String),
    /// The broker, embedded or external.
    #[error("the MQTT broker: {0}")]
    Broker(String),
    /// The relay.
    #[error("the relay: {0}")]
    Relay(String),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

impl Error {
    /// The refusal, if the desk said no.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Error::Refused(refusal) => Some(*refusal),
            _ => None,
        }
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// What a desk refuses, by the documents' error names (application API, protocol.md section 2.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* $name,)+ }

        impl Refusal {
            /// Every refusal.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)+];

            /// The documents' error name, `InvalidParameterValue.TokenNotExist`.
            pub fn code(self) -> &'static str {
                match self { $(Refusal::$name => $code,)+ }
            }

            /// One sentence for people: what is wrong and what to do.
            pub fn text(self) -> &'static str {
                match self { $(Refusal::$name => $text,)+ }
            }
        }
    };
}

refusals! {
    /// No such token, or not this owner's.
    TokenNotExist = "InvalidParameterValue.TokenNotExist",
        "this pairing token does not exist; start the pairing again";
    /// More than ten minutes old.
    TokenIsExpire = "InvalidParameterValue.TokenIsExpire",
        "this pairing token has expired; start the pairing again";
    /// The camera has not reported the token yet.
    TokenNotBind = "InvalidParameterValue.TokenNotBind",
        "the camera has not reported this pairing token yet; wait for state 2";
    /// A token binds one camera once.
    TokenUsed = "InvalidParameterValue.ReadTokenInfoError",
        "this pairing token was used for another camera; start the pairing again";
    /// The owner's access token is wrong.
    InvalidAccessToken = "InvalidParameterValue.InvalidAccessToken",
        "the access token is not valid; ask the hub's keeper for a new invitation";
    /// A field is missing or has a wrong form.
    InvalidParameter = "InvalidParameter",
        "a field is missing or malformed";
    /// A field's value cannot be used.
    InvalidParameterValue = "InvalidParameterValue",
        "a field's value cannot be used";
    /// The `Action` is none of the documents' that the hub knows.
    InvalidAction = "InvalidAction",
        "the hub does not know this Action";
    /// No such camera, or not this owner's.
    DeviceNotExist = "ResourceNotFound.DeviceNotExist",
        "the hub does not know this camera, or it belongs to someone else";
    /// No such family: every owner has one, `default`.
    FamilyNotExist = "ResourceNotFound.StudioFamilyNotExist",
        "the hub does not know this family; the only one is \"default\"";
    /// The camera belongs to another owner, who has to remove it first.
    BoundToAnother = "UnauthorizedOperation.NoPermissionToFamily",
        "this camera belongs to another owner, who has to remove it first; or reset the camera";
    /// The owner has as many cameras as the hub allows.
    TooManyDevices = "LimitExceeded.FamilyDeviceExceedLimit",
        "this owner has as many cameras as the hub allows";
    /// Too many calls in a short time.
    TooMany = "RequestLimitExceeded",
        "too many requests; wait a minute";
    /// The camera is not connected.
    DeviceOffline = "FailedOperation.DeviceOffline",
        "the camera is not connected to the hub now";
    /// The hub itself failed.
    InternalError = "InternalError",
        "the hub failed; its log says why";
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.code())
    }
}

impl std::error::Error for Refusal {}

impl FromStr for Refusal {
    type Err = UnknownRefusal;

    fn from_str(code: &str) -> Result<Self, UnknownRefusal> {
        let found = Self::ALL.iter().find(|refusal| refusal.code() == code);
        found
            .copied()
            .ok_or_else(|| UnknownRefusal(code.to_owned()))
    }
}

/// An error name that is none of [`Refusal`]'s.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no error name of the hub")]
pub struct UnknownRefusal(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_refusal_has_its_own_name_and_is_read_back() {
        let mut names = HashSet::new();
        for refusal in Refusal::ALL {
            assert!(names.insert(refusal.code()), "{refusal:?}");
            assert_eq!(refusal.code().parse(), Ok(*refusal));
            assert!(!refusal.text().is_empty());
        }
        assert!("NoSuch".parse::<Refusal>().is_err());
    }
}
