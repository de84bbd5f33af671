//! Why an attempt failed, as the rest of the system says it, and as a fault of the documents' table.

use super::{ErrorId, Fault, SubId};

/// IEEE 802.11 reason codes and the driver codes of the reference firmware, which number on from 200.
mod reason {
    pub(super) const MIC_FAILURE: i32 = 14;
    pub(super) const FOUR_WAY_HANDSHAKE_TIMEOUT: i32 = 15;
    pub(super) const NO_AP_FOUND: i32 = 201;
    pub(super) const AUTH_FAIL: i32 = 202;
    pub(super) const HANDSHAKE_TIMEOUT: i32 = 204;
}

/// Codes that an MQTT server's CONNACK refuses with (MQTT 3.1.1, 3.2.2.3).
const CONNACK_REFUSALS: std::ops::RangeInclusive<i32> = 1..=5;

/// Why an attempt failed. `Display` is a short English sentence; the app has its own texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Cause {
    /// The network refuses the passphrase.
    #[error("the Wi-Fi password is wrong")]
    WrongPassword,
    /// No network of that name is in range.
    #[error("the network is not in range")]
    NetworkNotFound,
    /// Joined, but no DHCP server gave an address.
    #[error("the network gave no address")]
    NoLease,
    /// The join took too long.
    #[error("joining the network took too long")]
    JoinTimeout,
    /// The join failed for another reason; the 802.11 reason or the driver's code.
    #[error("joining the network failed (reason {0})")]
    JoinFailed(i32),
    /// The network was lost during the attempt; the 802.11 reason or the driver's code.
    #[error("the network was lost (reason {0})")]
    NetworkLost(i32),
    /// No connection to the hub.
    #[error("the hub cannot be reached")]
    HubUnreachable,
    /// The hub's key is not the one that the viewer named.
    #[error("the hub's key is not the expected one")]
    HubNotTrusted,
    /// The hub refuses the login; its CONNACK code, 1 to 5.
    #[error("the hub refused the login (code {0})")]
    HubRefused(i32),
    /// The hub does not register this camera; its code.
    #[error("the hub refused to register the camera (code {0})")]
    RegistrationRefused(i32),
    /// The hub refuses the token; its code, see [`crate::thing::code`].
    #[error("the hub refused the token (code {0})")]
    TokenRefused(i32),
    /// The hub did not answer the token report.
    #[error("the hub did not answer the token report")]
    TokenUnanswered,
    /// No token came from the viewer.
    #[error("no token was received")]
    NoToken,
    /// The viewer's region is not the camera's.
    #[error("the token is of another region")]
    WrongRegion,
    /// The attempt took longer than the session may.
    #[error("the attempt took too long")]
    Timeout,
    /// A person stopped it.
    #[error("stopped by the user")]
    Stopped,
    /// Another viewer is setting this camera up.
    #[error("another viewer is setting this camera up")]
    Busy,
    /// The viewer's datagram cannot be read.
    #[error("the request cannot be read")]
    BadRequest,
    /// The viewer's datagram lacks the network or the token, or they are wrong.
    #[error("the request lacks the network or the token")]
    MissingField,
    /// The hotspot could not be opened; the driver's code.
    #[error("the camera's hotspot failed (code {0})")]
    HotspotFailed(i32),
    /// The radio could not be started; the driver's code.
    #[error("the camera's radio failed (code {0})")]
    RadioFailed(i32),
    /// Another error of the table, or one that is not in it.
    #[error("the camera reports: {0}")]
    Other(Fault),
}

impl Cause {
    /// A word for it that stays the same.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong_password",
            Self::NetworkNotFound => "network_not_found",
            Self::NoLease => "no_lease",
            Self::JoinTimeout => "join_timeout",
            Self::JoinFailed(_) => "join_failed",
            Self::NetworkLost(_) => "network_lost",
            Self::HubUnreachable => "hub_unreachable",
            Self::HubNotTrusted => "hub_not_trusted",
            Self::HubRefused(_) => "hub_refused",
            Self::RegistrationRefused(_) => "registration_refused",
            Self::TokenRefused(_) => "token_refused",
            Self::TokenUnanswered => "token_unanswered",
            Self::NoToken => "no_token",
            Self::WrongRegion => "wrong_region",
            Self::Timeout => "timeout",
            Self::Stopped => "stopped",
            Self::Busy => "busy",
            Self::BadRequest => "bad_request",
            Self::MissingField => "missing_field",
            Self::HotspotFailed(_) => "hotspot_failed",
            Self::RadioFailed(_) => "radio_failed",
            Self::Other(_) => "other",
        }
    }

    /// The fault that says it on the wire.
    pub fn to_fault(self) -> Fault {
        let (id, sub) = match self {
            Self::WrongPassword => (ErrorId::WifiConnect, reason::FOUR_WAY_HANDSHAKE_TIMEOUT),
            Self::NetworkNotFound => (ErrorId::WifiConnect, reason::NO_AP_FOUND),
            Self::NoLease => (ErrorId::WifiConnect, SubId::NoLease.number()),
            Self::JoinTimeout => (ErrorId::WifiConnect, SubId::JoinTimeout.number()),
            Self::JoinFailed(code) => (ErrorId::WifiConnect, code),
            Self::NetworkLost(code) => (ErrorId::WifiDisconnect, code),
            Self::HubUnreachable => (ErrorId::MqttConnect, SubId::HubUnreachable.number()),
            Self::HubNotTrusted => (ErrorId::MqttConnect, SubId::HubNotTrusted.number()),
            Self::HubRefused(code) => (ErrorId::MqttConnect, code),
            Self::RegistrationRefused(code) => (ErrorId::DeviceInfo, code),
            Self::TokenRefused(code) => (ErrorId::TokenReply, code),
            Self::TokenUnanswered => (ErrorId::TokenSend, SubId::NoAnswer.number()),
            Self::NoToken => (ErrorId::TokenTimeout, 0),
            Self::WrongRegion => (ErrorId::ProductRegion, 0),
            Self::Timeout => (ErrorId::BoardingStop, SubId::SessionTimeout.number()),
            Self::Stopped => (ErrorId::BoardingStop, SubId::Stopped.number()),
            Self::Busy => (ErrorId::AppCommand, SubId::Busy.number()),
            Self::BadRequest => (ErrorId::AppCommand, SubId::BadCommand.number()),
            Self::MissingField => (ErrorId::AppCommand, SubId::MissingField.number()),
            Self::HotspotFailed(code) => (ErrorId::ApInit, code),
            Self::RadioFailed(code) => (ErrorId::WifiStart, code),
            Self::Other(fault) => return fault,
        };
        Fault {
            id: id.number(),
            sub,
        }
    }

    /// What a fault means. Several faults may mean the same: a wrong passphrase shows in four ways.
    pub fn from_fault(fault: Fault) -> Self {
        let Some(id) = ErrorId::from_number(fault.id) else {
            return Self::Other(fault);
        };
        match (id, SubId::from_number(fault.sub)) {
            (ErrorId::WifiConnect, Some(SubId::NoLease)) => Self::NoLease,
            (ErrorId::WifiConnect, Some(SubId::JoinTimeout)) => Self::JoinTimeout,
            (ErrorId::WifiConnect, _) => Self::from_reason(fault.sub),
            (ErrorId::WifiDisconnect, _) => Self::NetworkLost(fault.sub),
            (ErrorId::MqttConnect, Some(SubId::HubNotTrusted)) => Self::HubNotTrusted,
            (ErrorId::MqttConnect, _) if CONNACK_REFUSALS.contains(&fault.sub) => {
                Self::HubRefused(fault.sub)
            }
            (ErrorId::MqttConnect, _) => Self::HubUnreachable,
            (ErrorId::DeviceInfo, _) => Self::RegistrationRefused(fault.sub),
            (ErrorId::TokenReply, _) => Self::TokenRefused(fault.sub),
            (ErrorId::TokenSend, _) => Self::TokenUnanswered,
            (ErrorId::TokenTimeout, _) => Self::NoToken,
            (ErrorId::ProductRegion, _) => Self::WrongRegion,
            (ErrorId::BoardingStop, Some(SubId::SessionTimeout)) => Self::Timeout,
            (ErrorId::BoardingStop, _) => Self::Stopped,
            (ErrorId::AppCommand, Some(SubId::Busy)) => Self::Busy,
            (ErrorId::AppCommand, Some(SubId::MissingField)) => Self::MissingField,
            (ErrorId::AppCommand, _) => Self::BadRequest,
            (ErrorId::ApInit | ErrorId::ApSta, _) => Self::HotspotFailed(fault.sub),
            (ErrorId::StaInit | ErrorId::WifiStart | ErrorId::WifiConfig, _) => {
                Self::RadioFailed(fault.sub)
            }
            _ => Self::Other(fault),
        }
    }

    /// What a join means that ended with this 802.11 reason or driver code.
    pub fn from_reason(code: i32) -> Self {
        match code {
            reason::MIC_FAILURE
            | reason::FOUR_WAY_HANDSHAKE_TIMEOUT
            | reason::AUTH_FAIL
            | reason::HANDSHAKE_TIMEOUT => Self::WrongPassword,
            reason::NO_AP_FOUND => Self::NetworkNotFound,
            code => Self::JoinFailed(code),
        }
    }
}
