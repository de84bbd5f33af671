//! A device's states and the reasons for them (NetworkManager's D-Bus types, `NMDeviceState`, `NMDeviceStateReason`).

use wire::wifi::Ssid;

use super::BACKEND;
use crate::Error;

/// How far a device is. The values in between are steps on the way.
pub(super) mod state {
    pub(in super::super) const UNMANAGED: u32 = 10;
    pub(in super::super) const UNAVAILABLE: u32 = 20;
    pub(in super::super) const DISCONNECTED: u32 = 30;
    pub(in super::super) const PREPARE: u32 = 40;
    pub(in super::super) const NEED_AUTH: u32 = 60;
    pub(in super::super) const IP_CONFIG: u32 = 70;
    pub(in super::super) const ACTIVATED: u32 = 100;
    pub(in super::super) const DEACTIVATING: u32 = 110;
    pub(in super::super) const FAILED: u32 = 120;
}

mod reason {
    pub(super) const IP_CONFIG_UNAVAILABLE: u32 = 5;
    pub(super) const IP_CONFIG_EXPIRED: u32 = 6;
    pub(super) const NO_SECRETS: u32 = 7;
    pub(super) const SUPPLICANT_DISCONNECT: u32 = 8;
    pub(super) const SUPPLICANT_CONFIG_FAILED: u32 = 9;
    pub(super) const SUPPLICANT_FAILED: u32 = 10;
    pub(super) const SUPPLICANT_TIMEOUT: u32 = 11;
    pub(super) const DHCP_START_FAILED: u32 = 15;
    pub(super) const DHCP_ERROR: u32 = 16;
    pub(super) const DHCP_FAILED: u32 = 17;
    pub(super) const SHARED_START_FAILED: u32 = 18;
    pub(super) const SHARED_FAILED: u32 = 19;
    pub(super) const REMOVED: u32 = 36;
    pub(super) const SLEEPING: u32 = 37;
    pub(super) const CONNECTION_REMOVED: u32 = 38;
    pub(super) const USER_REQUESTED: u32 = 39;
    pub(super) const SSID_NOT_FOUND: u32 = 53;
    pub(super) const NEW_ACTIVATION: u32 = 60;
}

/// A `StateChanged` signal: new state, old state, reason.
pub(super) type Change = (u32, u32, u32);

/// Follows a device from the moment its activation was asked for.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The last state that belongs to our activation; before the first one the device lets go of another network.
    reached: Option<u32>,
}

impl Progress {
    /// The outcome, once there is one.
    pub(super) fn follow(&mut self, change: Change, ssid: &Ssid) -> Option<Result<(), Error>> {
        let (new, old, reason) = change;
        let is_under_way = (state::PREPARE..=state::ACTIVATED).contains(&new);
        if self.reached.is_none() && !is_under_way {
            return None;
        }
        if is_under_way {
            self.reached = Some(new);
        }
        match new {
            state::ACTIVATED => Some(Ok(())),
            // Asking for another passphrase: before an agent shows the user a window of its own.
            state::NEED_AUTH if reason == reason::SUPPLICANT_DISCONNECT => {
                Some(Err(Error::WrongPassphrase { ssid: ssid.clone() }))
            }
            state::FAILED => Some(Err(failure(reason, old, ssid))),
            // Without a failure before it: somebody ended it.
            state::DISCONNECTED | state::DEACTIVATING | state::UNAVAILABLE | state::UNMANAGED => {
                Some(Err(failure(reason, old, ssid)))
            }
            _ => None,
        }
    }

    /// What it was waiting for when the time was over; `timeout` when that tells nothing.
    pub(super) fn late(&self, ssid: &Ssid, timeout: Error) -> Error {
        let waits_for_address =
            (state::IP_CONFIG..state::ACTIVATED).contains(&self.reached.unwrap_or(0));
        if waits_for_address {
            return Error::NoLease { ssid: ssid.clone() };
        }
        timeout
    }
}

fn failure(reason: u32, old: u32, ssid: &Ssid) -> Error {
    let ssid = ssid.clone();
    match reason {
        reason::NO_SECRETS => Error::WrongPassphrase { ssid },
        reason::SSID_NOT_FOUND => Error::NotFound { ssid },
        reason::IP_CONFIG_UNAVAILABLE
        | reason::IP_CONFIG_EXPIRED
        | reason::DHCP_START_FAILED
        | reason::DHCP_ERROR
        | reason::DHCP_FAILED => Error::NoLease { ssid },
        reason::CONNECTION_REMOVED | reason::USER_REQUESTED | reason::NEW_ACTIVATION => {
            Error::Busy {
                with: "what another program asked of it",
            }
        }
        reason::REMOVED => Error::NoRadio {
            looked_for: "the Wi-Fi device, which was removed".to_owned(),
        },
        reason => Error::backend(BACKEND, "activate", detail(reason, old)),
    }
}

fn detail(reason: u32, old: u32) -> String {
    let words = match reason {
        reason::SUPPLICANT_DISCONNECT | reason::SUPPLICANT_TIMEOUT => {
            "the access point stopped answering"
        }
        reason::SUPPLICANT_CONFIG_FAILED | reason::SUPPLICANT_FAILED => {
            "wpa_supplicant refused the settings"
        }
        reason::SHARED_START_FAILED | reason::SHARED_FAILED => {
            "sharing did not start: is dnsmasq installed (package dnsmasq-base)?"
        }
        reason::SLEEPING => "the machine goes to sleep",
        _ => "see the system's log",
    };
    format!("{words} (device state reason {reason}, after state {old})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssid() -> Ssid {
        "Home".parse().unwrap()
    }

    /// The outcome of these changes, one after the other.
    fn outcome(changes: &[Change]) -> Option<Result<(), Error>> {
        let mut progress = Progress::default();
        changes
            .iter()
            .find_map(|change| progress.follow(*change, &ssid()))
    }

    #[test]
    fn leaving_the_network_of_before_is_no_failure() {
        let changes = [
            (110, 100, 60),
            (30, 110, 60),
            (40, 30, 0),
            (50, 40, 0),
            (70, 50, 0),
        ];
        assert_eq!(outcome(&changes), None);
        let whole: Vec<_> = changes
            .into_iter()
            .chain([(80, 70, 0), (90, 80, 0), (100, 90, 0)])
            .collect();
        assert_eq!(outcome(&whole), Some(Ok(())));
    }

    #[test]
    fn reasons_are_told_apart() {
        let wrong = Some(Err(Error::WrongPassphrase { ssid: ssid() }));
        assert_eq!(outcome(&[(40, 30, 0), (50, 40, 0), (60, 50, 8)]), wrong);
        assert_eq!(outcome(&[(40, 30, 0), (60, 50, 0), (120, 60, 7)]), wrong);
        let not_found = Some(Err(Error::NotFound { ssid: ssid() }));
        assert_eq!(outcome(&[(50, 40, 0), (120, 50, 53)]), not_found);
        let no_lease = Some(Err(Error::NoLease { ssid: ssid() }));
        assert_eq!(outcome(&[(50, 40, 0), (70, 50, 0), (120, 70, 5)]), no_lease);
        let ended = outcome(&[(50, 40, 0), (110, 50, 39)]).unwrap();
        assert!(matches!(ended, Err(Error::Busy { .. })));
        let other = outcome(&[(50, 40, 0), (120, 50, 11)]).unwrap();
        assert!(matches!(other, Err(Error::Backend { .. })));
    }

    #[test]
    fn no_time_left_while_waiting_for_an_address_is_no_lease() {
        let timeout = Error::NoRadio {
            looked_for: String::new(),
        };
        let mut progress = Progress::default();
        assert_eq!(progress.late(&ssid(), timeout.clone()), timeout);
        progress.follow((50, 40, 0), &ssid());
        assert_eq!(progress.late(&ssid(), timeout.clone()), timeout);
        progress.follow((70, 50, 0), &ssid());
        assert_eq!(
            progress.late(&ssid(), timeout),
            Error::NoLease { ssid: ssid() }
        );
    }
}
