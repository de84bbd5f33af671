//! Pairing: how a camera gets network and token, what is asked for that, how far it is, why it failed.
//!
//! One pairing runs at a time. [`super::Call::StartPairing`] begins it; from then on [`super::Event::Pairing`] tells the
//! whole state at every change and once a second. It ends as [`PairingState::Done`], [`PairingState::Failed`] (then
//! [`super::Call::RetryPairing`] goes on with what was typed before) or [`PairingState::Stopped`].

use super::{CameraKey, Failure, Secret};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A network and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct WifiLogin {
    /// The network's name, 1 to 32 bytes.
    pub ssid: String,
    /// Its password, 8 to 63 bytes or 64 hex digits; absent = an open network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub passphrase: Option<Secret>,
    /// Whether it does not announce its name.
    #[serde(default)]
    pub hidden: bool,
}

/// How a camera gets the network and the token of a pairing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum PairingWay {
    /// This machine joins the camera's own network and tells it there.
    Hotspot {
        /// The camera's own network.
        hotspot: WifiLogin,
        /// The network the camera shall join.
        network: WifiLogin,
    },
    /// The camera reads it with its own lens from the code of [`super::Call::PairingCode`].
    Code {
        /// The network the camera shall join.
        network: WifiLogin,
    },
    /// The camera is on this network already and gets the token alone.
    OnNetwork {
        /// Its IPv4 address, `ip` or `ip:port`; absent = it is looked for by [`PairingRequest::camera`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        address: Option<String>,
    },
}

/// What a pairing needs to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct PairingRequest {
    /// How the camera is told.
    pub way: PairingWay,
    /// The camera's public key, 64 hex digits, when it is known: another camera that answers is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub camera: Option<String>,
    /// What to call it; by default as its hotspot or the start of its key. Can be changed later by [`super::Call::EditCamera`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// The room, may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room: Option<String>,
}

/// Which [`PairingWay`] a pairing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum WayKind {
    /// See [`PairingWay::Hotspot`].
    Hotspot,
    /// See [`PairingWay::Code`].
    Code,
    /// See [`PairingWay::OnNetwork`].
    OnNetwork,
}

/// A code for the camera's lens. It holds the network's password and the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct LensCode {
    /// What the code says.
    pub text: Secret,
    /// The code as an SVG document, dark on light with its quiet zone.
    pub qr_svg: Secret,
}

/// The steps of a pairing, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum PairingStep {
    /// The hub makes the token of this attempt.
    Token,
    /// This machine joins the camera's hotspot.
    JoinHotspot,
    /// The camera is looked for on this network.
    FindCamera,
    /// The code is on the screen, until the hub hears of its token.
    ShowCode,
    /// The camera gets network, password and token; on this network already, the token alone.
    SendCredentials,
    /// The camera joins the network; it tells how that goes as far as it can.
    CameraJoins,
    /// This machine goes back to the network it was on.
    RejoinHome,
    /// The hub hears the camera's token, or the camera is seen on the LAN.
    WaitForCamera,
    /// The hub makes this viewer the camera's owner.
    Bind,
    /// The camera is saved; its first picture comes.
    FirstPicture,
}

impl PairingStep {
    /// All of them, in order. No way of pairing takes every one.
    pub const ALL: [Self; 10] = [
        Self::Token,
        Self::JoinHotspot,
        Self::FindCamera,
        Self::ShowCode,
        Self::SendCredentials,
        Self::CameraJoins,
        Self::RejoinHome,
        Self::WaitForCamera,
        Self::Bind,
        Self::FirstPicture,
    ];
}

/// Something only the user can do now; the pairing goes on by itself as soon as it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum ByHand {
    /// Join the camera's hotspot in the system's own Wi-Fi settings.
    JoinHotspot {
        /// Its name.
        ssid: String,
        /// Why the app cannot.
        why: Failure,
    },
    /// Go back to the network this machine was on.
    RejoinHome {
        /// Its name, when known.
        ssid: Option<String>,
        /// Why the app cannot.
        why: Failure,
    },
}

/// A step that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct StepTime {
    /// Which.
    pub step: PairingStep,
    /// How long it took, or takes so far, ms.
    #[ts(type = "number")]
    pub ms: u64,
}

/// How a pairing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum PairingState {
    /// It goes on.
    Running {
        /// What only the user can do now, if anything.
        by_hand: Option<ByHand>,
    },
    /// The camera is paired, saved, and has shown a picture.
    Done {
        /// Its key in this app.
        camera: CameraKey,
    },
    /// It ended; [`super::Call::RetryPairing`] tries again.
    Failed {
        /// Why and what to do.
        failure: Failure,
    },
    /// The user stopped it.
    Stopped,
}

/// A pairing: how far it is, how long it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Pairing {
    /// How the camera is told.
    pub way: WayKind,
    /// What the camera is known by so far: its hotspot's name, or what it was called when the pairing began.
    pub name: Option<String>,
    /// The network the camera shall join, by name; absent = it is on one already.
    pub network: Option<String>,
    /// How it is.
    pub state: PairingState,
    /// The step it is at, or ended at.
    pub step: PairingStep,
    /// Every step that was begun, the current one last. A step left out was not needed.
    pub steps: Vec<StepTime>,
    /// Since the start, ms.
    #[ts(type = "number")]
    pub elapsed_ms: u64,
    /// Something worth knowing that does not end it: an earlier error the camera reported.
    pub notice: Option<Failure>,
    /// Whether this machine is still on its way back to its own network (after an end).
    pub restoring: bool,
    /// Whether the camera's log was fetched and can be saved by [`super::Call::SavePairingLog`].
    pub has_log: bool,
}

/// How a network is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum WifiSecurity {
    /// No password.
    Open,
    /// A password.
    Password,
    /// A user name, a certificate or something else a camera cannot do.
    Other,
}

/// A Wi-Fi network in range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct WifiNetwork {
    /// Its name. The same name comes once, with its strongest signal.
    pub ssid: String,
    /// 0 to 100.
    pub signal_percent: u8,
    /// Its channel's frequency, MHz; cameras often know 2.4 GHz only.
    pub frequency_mhz: u32,
    /// How it is secured.
    pub security: WifiSecurity,
    /// Whether this system remembers it.
    pub known: bool,
    /// Whether this machine is on it now.
    pub current: bool,
    /// Whether it looks like a camera's own hotspot.
    pub camera: bool,
}

/// Whether this machine's Wi-Fi does what the app asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum RadioState {
    /// It joins networks for us.
    Ready,
    /// The user joins networks; names are typed or read from the label.
    ByHand {
        /// Why.
        failure: Failure,
    },
}

/// Which hub pairs cameras.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum HubChoice {
    /// The one inside this app; it runs while the app does.
    Embedded,
    /// A `porthole-hub` elsewhere.
    External {
        /// What `porthole-hub owner add` printed.
        invitation: Secret,
    },
}
