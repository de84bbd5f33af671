//! Why something did not work, told apart as far as the radio tells it.

use std::time::Duration;

use wire::wifi::Ssid;

/// Why a radio did not do what it was asked. No variant carries a passphrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The access point refused the passphrase.
    #[error(
        "the passphrase of {} is wrong: check it, also its capital letters",
        shown(ssid)
    )]
    WrongPassphrase {
        /// The network.
        ssid: Ssid,
    },
    /// No access point with this name answers.
    #[error(
        "{} is not in range: check the name and go nearer to the router",
        shown(ssid)
    )]
    NotFound {
        /// The network.
        ssid: Ssid,
    },
    /// The link is up, but no DHCP server gave an address.
    #[error("{} gives no address: check the router's DHCP server", shown(ssid))]
    NoLease {
        /// The network.
        ssid: Ssid,
    },
    /// The time given was over before the outcome was known.
    #[error("{doing} took longer than {limit:?}: try again nearer to the access point")]
    Timeout {
        /// What was under way.
        doing: &'static str,
        /// The time given.
        limit: Duration,
    },
    /// The radio is doing something else, for us or for another program.
    #[error("the radio is busy with {with}: wait until that is done")]
    Busy {
        /// With what.
        with: &'static str,
    },
    /// The operating system forbids it. The user may still do it by hand.
    #[error("not allowed to {doing}: {allow}")]
    NotAllowed {
        /// What was asked.
        doing: &'static str,
        /// How to allow it.
        allow: String,
    },
    /// There is no radio, or nobody who drives it.
    #[error("no Wi-Fi radio: looked for {looked_for}")]
    NoRadio {
        /// Where a radio was looked for.
        looked_for: String,
    },
    /// This radio cannot do it at all.
    #[error("this radio cannot {what}")]
    Unsupported {
        /// What it cannot do.
        what: &'static str,
    },
    /// Whoever drives the radio failed, or said something that is not understood.
    #[error("{backend} failed to {doing}: {detail}")]
    Backend {
        /// `NetworkManager`, `wpa_supplicant`, a program's name, `the simulated radio` or `the phone`.
        backend: &'static str,
        /// What was asked.
        doing: &'static str,
        /// What it said.
        detail: String,
    },
}

impl Error {
    /// A [`Error::Backend`] with the text of another error.
    pub(crate) fn backend(
        backend: &'static str,
        doing: &'static str,
        detail: impl std::fmt::Display,
    ) -> Self {
        Self::Backend {
            backend,
            doing,
            detail: detail.to_string(),
        }
    }
}

/// A name in quotes with its control characters escaped: whoever sets up an access point chooses its name.
fn shown(ssid: &Ssid) -> String {
    format!("{:?}", ssid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_forge_a_line_of_a_log() {
        let ssid = Ssid::from_bytes(*b"a\n[ERROR] \x1b[2J").unwrap();
        let text = Error::NotFound { ssid }.to_string();
        assert!(!text.chars().any(char::is_control), "{text}");
    }
}
