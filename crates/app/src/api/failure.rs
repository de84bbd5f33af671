//! Everything that can go wrong in front of the user: a stable code, and its texts as data.
//!
//! The texts live in `crates/app/texts/failures.json` (English and Chinese: what happened, why, what to do).
//! The command-line tool prints them; the UI gets the same file through the generated bindings. A test holds
//! the table complete.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;
use ts_rs::TS;

/// A stable name for each failure a user can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum FailureCode {
    /// The text is no pairing link.
    LinkMalformed,
    /// The camera refused: the link was used, has expired, or is for another camera.
    LinkRefused,
    /// The link has no secret and this viewer is not known to the camera.
    LinkWithoutSecret,
    /// The camera has refused too many attempts to pair lately.
    TooManyAttempts,
    /// That camera is saved already.
    CameraAlreadyAdded,
    /// No saved camera has that name.
    CameraUnknown,
    /// No address of the camera answers.
    CameraUnreachable,
    /// It answered before, and stopped.
    ConnectionLost,
    /// The camera does not know this viewer.
    CameraRefused,
    /// It serves as many viewers as it can.
    CameraFull,
    /// It has no such stream (HTTP 404).
    StreamNotFound,
    /// It said an error status (HTTP 4xx, 5xx).
    CameraError,
    /// Its stream cannot be read.
    StreamMalformed,
    /// Its codec is not one we can decode.
    CodecUnsupported,
    /// The decoder failed.
    DecoderFailed,
    /// The camera did not answer a command in time.
    CommandTimeout,
    /// The camera does not know the command.
    CommandRefused,
    /// The command's text is wrong.
    CommandMalformed,
    /// There is nothing to play sound with.
    NoAudioDevice,
    /// The sound device failed.
    AudioDeviceLost,
    /// There is no microphone, or none that may be used.
    NoMicrophone,
    /// The microphone went away while it was talked into.
    MicrophoneLost,
    /// Somebody else talks to the camera.
    TalkBusy,
    /// Another viewer took the floor.
    TalkTaken,
    /// The camera cannot be talked to.
    TalkUnsupported,
    /// The camera plays none of what this program sends.
    TalkCodecRefused,
    /// The camera ended the talk for another reason.
    TalkEnded,
    /// A file to talk with cannot be read.
    VoiceUnreadable,
    /// No picture has arrived yet.
    NoPictureYet,
    /// A file cannot be written.
    FileNotWritten,
    /// A saved file cannot be opened.
    FileNotOpened,
    /// A saved file cannot be put on the clipboard.
    FileNotCopied,
    /// The saved data cannot be read.
    DataUnreadable,
    /// The data folder is in use or its identity has wrong permissions.
    IdentityUnusable,
    /// The gateway's port cannot be opened.
    GatewayUnavailable,
    /// The LAN cannot be searched.
    DiscoveryUnavailable,
    /// The view is not open.
    ViewUnknown,
    /// The setting's value is wrong.
    SettingInvalid,
    /// This machine's Wi-Fi cannot be used from here.
    WifiUnavailable,
    /// The system does not let us change the Wi-Fi.
    WifiNotAllowed,
    /// This machine's Wi-Fi failed.
    WifiFailed,
    /// A network's name or password has the wrong form.
    WifiInputInvalid,
    /// The text is no camera's label.
    LabelMalformed,
    /// The camera's hotspot is not in range.
    HotspotNotFound,
    /// The hotspot refused its passphrase.
    HotspotWrongPassphrase,
    /// The hotspot could not be joined for another reason.
    HotspotNotJoined,
    /// The hotspot went away before the camera answered.
    HotspotLost,
    /// Nothing on the hotspot answers.
    CameraSilent,
    /// Another camera than the label's answered.
    AnotherCamera,
    /// Nothing answers where the camera is on this network.
    CameraNotOpen,
    /// The camera was not found on this network.
    CameraNotFound,
    /// Nothing was heard of a camera that was to read the code.
    CodeNotRead,
    /// There is no code to show.
    NoPairingCode,
    /// The camera could not join: wrong password.
    NetworkWrongPassword,
    /// The camera could not join: no such network.
    NetworkNotFound,
    /// The camera joined and got no address.
    NetworkNoAddress,
    /// The camera could not join for another reason.
    NetworkNotJoined,
    /// The camera is on the network and does not reach the hub.
    CameraNoHub,
    /// The hub refused the camera's registration or login.
    CameraHubRefused,
    /// The hub refused the camera's token.
    TokenRefused,
    /// The token expired before the camera reported it.
    TokenExpired,
    /// The camera reported an error of the documents' table.
    CameraSetupFailed,
    /// The camera left its setup.
    CameraSetupStopped,
    /// Nothing was heard of the camera after it got everything.
    CameraNotHeard,
    /// This machine could not go back to its own network.
    HomeNotRejoined,
    /// The hub does not start or does not answer.
    HubUnavailable,
    /// The text is no hub's invitation.
    HubInvitationInvalid,
    /// The hub refused the invitation's access.
    HubAccessRefused,
    /// The hub has another owner for the camera.
    CameraOwned,
    /// The hub could not bind for another reason.
    BindFailed,
    /// The whole pairing took too long.
    PairingTimeout,
    /// A pairing runs already.
    PairingRunning,
    /// The user stopped the pairing.
    PairingStopped,
    /// There is no pairing to try again.
    NoPairing,
    /// There is no log of a camera.
    NoPairingLog,
    /// Nothing was recorded at that time.
    NoRecording,
    /// The camera has no card.
    NoCard,
    /// The card holds no file of that name.
    NoSuchFile,
    /// This device has not enough room.
    DiskFull,
    /// What came differs from what the camera has.
    DownloadDamaged,
    /// No download has that number.
    DownloadUnknown,
    /// What came cannot be made into a plain MP4.
    NotConverted,
    /// A live view was asked for what a playback does, or the other way round.
    WrongView,
    /// The relay does not let this app in.
    RelayRefused,
    /// No relay answers.
    RelayUnreachable,
    /// A defect of ours.
    Internal,
}

/// A failure as the UI gets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Failure {
    /// Which.
    pub code: FailureCode,
    /// Values for the text's `{placeholders}`.
    pub params: BTreeMap<String, String>,
    /// For the log and the expert: the chain of causes, in English.
    pub detail: String,
}

impl Failure {
    /// A failure without values yet.
    pub fn new(code: FailureCode) -> Self {
        Self {
            code,
            params: BTreeMap::new(),
            detail: String::new(),
        }
    }

    /// The same with the value of one placeholder.
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }

    /// The same with a detail for the log.
    pub fn detail(mut self, detail: impl Display) -> Self {
        self.detail = detail.to_string();
        self
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}: {}", self.code, self.params, self.detail)
    }
}

impl std::error::Error for Failure {}
