//! The UI contract: every command, reply and event between the app's core and whatever shows it.
//!
//! Declared once here; TypeScript is generated from it by `cargo test -p app export_bindings` into
//! `ui/src/bindings/` and committed (the test fails when it had to change something, so a stale file is seen). The shell carries [`Call`] and [`Reply`] through its one command,
//! [`Event`] through one event name, and [`frame`]s through one binary channel a view. Nothing here
//! knows Tauri.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[cfg(test)]
mod bindings;
mod download;
pub mod failure;
pub mod frame;
mod model;
mod pairing;
mod playback;
mod recorded;
mod secret;
mod shown;
mod talk;

pub use download::*;
pub use failure::{Failure, FailureCode};
pub use model::*;
pub use pairing::*;
pub use playback::*;
pub use recorded::*;
pub use secret::Secret;
pub use talk::*;

/// A camera's key inside this app: short, stable, safe in URLs and file names (`front-door`).
pub type CameraKey = String;

/// A view's number, chosen by the UI: one picture on the screen.
pub type ViewId = u32;

/// The three qualities of the documents: 640x360, 1280x720, 1920x1080.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum Quality {
    /// 640x360.
    Standard,
    /// 1280x720.
    High,
    /// 1920x1080.
    Super,
}

/// How encoded video leaves the core for a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum Sink {
    /// Encoded access units, Annex B, decoded by WebCodecs in the web view.
    AccessUnits,
    /// Pictures decoded by the core, I420, no wider than asked; drawn by WebGL.
    Pictures,
}

/// Where a PTZ press goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum Direction {
    /// Tilt up.
    Up,
    /// Tilt down.
    Down,
    /// Pan left.
    Left,
    /// Pan right.
    Right,
}

/// A command from the UI.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "call",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum Call {
    /// First call: who is there and how is it set. Answer: [`Reply::Hello`].
    Hello,
    /// Reads a pairing link without any network. Answer: [`Reply::Link`].
    CheckLink {
        /// The text the user pasted or scanned.
        link: String,
    },
    /// Pairs with the camera of a link (if it holds a secret) and saves it. Answer: [`Reply::Camera`].
    AddCamera {
        /// The pairing link.
        link: String,
        /// The name to save; the camera's own when absent.
        name: Option<String>,
        /// The room, free text, may be empty.
        room: Option<String>,
    },
    /// Renames a camera. Answer: [`Reply::Camera`].
    EditCamera {
        /// Which.
        camera: CameraKey,
        /// New name, not empty.
        name: String,
        /// New room, may be empty.
        room: String,
    },
    /// Forgets a camera here, and asks the camera to forget this viewer. Answer: [`Reply::Done`].
    RemoveCamera {
        /// Which.
        camera: CameraKey,
    },
    /// Asks the camera for a fresh one-time link for another viewer. Answer: [`Reply::Share`].
    ShareCamera {
        /// Which.
        camera: CameraKey,
    },
    /// Starts or stops looking for cameras on the LAN; found ones come as [`Event::Lan`]. Answer: [`Reply::Done`].
    Discover {
        /// Whether to look.
        on: bool,
    },
    /// Which cameras are on the screen: their sessions are kept warm. Answer: [`Reply::Done`].
    KeepWarm {
        /// All of them, replacing the set before.
        cameras: Vec<CameraKey>,
    },
    /// Opens a live view; frames flow through the channel passed beside the call. Answer: [`Reply::Done`].
    OpenView {
        /// Chosen by the UI, unused at the moment.
        view: ViewId,
        /// Which camera.
        camera: CameraKey,
        /// Which quality.
        quality: Quality,
        /// What the channel carries.
        sink: Sink,
        /// Widest picture wanted from [`Sink::Pictures`], in pixels.
        max_width: u32,
        /// Whether this view plays sound.
        audio: bool,
    },
    /// Changes a view's quality; the old stream goes on until the new one's first picture. Answer: [`Reply::Done`].
    SetQuality {
        /// Which view.
        view: ViewId,
        /// The new quality.
        quality: Quality,
    },
    /// Changes a view's sink, after a decoder error. Answer: [`Reply::Done`].
    SetSink {
        /// Which view.
        view: ViewId,
        /// The new sink.
        sink: Sink,
        /// Widest picture wanted from [`Sink::Pictures`], in pixels.
        max_width: u32,
        /// Why, for the statistics and the log.
        reason: String,
    },
    /// What the UI has drawn. At least every fourth frame; the core drops to the next keyframe when more
    /// than a few are outstanding. Answer: [`Reply::Done`].
    Ack {
        /// Which view.
        view: ViewId,
        /// The `seq` of the newest frame taken from the channel.
        seq: u32,
        /// Media time of the newest picture drawn, µs, and how long ago that was, ms.
        drawn: Option<Drawn>,
        /// Mean decode time since the last acknowledgement, ms.
        decode_ms: Option<f32>,
        /// Mean draw time since the last acknowledgement, ms.
        draw_ms: Option<f32>,
    },
    /// Closes a view. Answer: [`Reply::Done`].
    CloseView {
        /// Which view.
        view: ViewId,
    },
    /// Sound of all views. Answer: [`Reply::Done`].
    SetAudio {
        /// 0 to 1.
        volume: f32,
        /// Silence without losing the volume.
        muted: bool,
    },
    /// Saves the view's current picture as JPEG. Answer: [`Reply::File`].
    Snapshot {
        /// Which view.
        view: ViewId,
    },
    /// Starts saving what the view receives as MP4. Answer: [`Reply::File`].
    StartRecording {
        /// Which view.
        view: ViewId,
    },
    /// Finishes the file. Answer: [`Reply::File`].
    StopRecording {
        /// Which view.
        view: ViewId,
    },
    /// Presses (repeat at least every 400 ms while held) or releases the PTZ pad. Answer: [`Reply::Ptz`].
    Ptz {
        /// Which camera.
        camera: CameraKey,
        /// The direction pressed; absent = released.
        direction: Option<Direction>,
    },
    /// Sends a raw command (`action=…`). Answer: [`Reply::Text`].
    Command {
        /// Which camera.
        camera: CameraKey,
        /// The command text.
        query: String,
    },
    /// The last picture seen, for the home grid. Answer: [`Reply::Thumbnail`].
    Thumbnail {
        /// Which camera.
        camera: CameraKey,
    },
    /// Replaces the settings. Answer: [`Reply::Settings`].
    SetSettings {
        /// All of them.
        settings: Settings,
    },
    /// The local gateway's state and URLs. Answer: [`Reply::Gateway`].
    Gateway,
    /// Try again now instead of at the next back-off. Answer: [`Reply::Done`].
    Retry {
        /// Which camera.
        camera: CameraKey,
    },
    /// Which Wi-Fi networks are in range; takes some seconds. Answer: [`Reply::Wifi`].
    ScanWifi,
    /// Reads what is printed on a camera (its QR code's text) without any network. Answer: [`Reply::Label`].
    ReadLabel {
        /// The text.
        label: Secret,
    },
    /// Looks for QR codes in a picture: web views that can read them by themselves are rare. Answer: [`Reply::Codes`].
    ReadCodes {
        /// Pixels in a row.
        width: u32,
        /// Brightness of the pixels, one byte each, row after row, as base64. At most 4 MiB of bytes.
        luma: Secret,
    },
    /// Pairs with a camera; how it goes comes as [`Event::Pairing`]. Answer: [`Reply::Done`].
    StartPairing {
        /// What is needed.
        request: PairingRequest,
    },
    /// Tries the pairing that failed again, with what was typed before but for what is given here. Answer: [`Reply::Done`].
    RetryPairing {
        /// Another hotspot or another passphrase.
        hotspot: Option<WifiLogin>,
        /// Another network or another password.
        network: Option<WifiLogin>,
    },
    /// Stops the pairing and puts this machine's network back; forgets what was typed if it has ended. Answer: [`Reply::Done`].
    StopPairing,
    /// How the pairing is, for a UI that has just begun. Answer: [`Reply::Pairing`].
    PairingState,
    /// The code that the camera is to read, at [`PairingStep::ShowCode`]. Each attempt has its own. Answer:
    /// [`Reply::PairingCode`].
    PairingCode,
    /// Saves the camera's log of a pairing that failed, without its secrets. Answer: [`Reply::File`].
    SavePairingLog,
    /// Begins to talk to a camera; how it goes comes as [`Event::Talk`]. Ends a talk that runs. Answer: [`Reply::Done`].
    StartTalk {
        /// To which.
        camera: CameraKey,
        /// The microphone, from [`Call::TalkDevices`]; absent = that of the settings.
        device: Option<String>,
    },
    /// Ends the talk; what was said is still heard. Answer: [`Reply::Done`].
    StopTalk,
    /// Mutes the microphone of the talk that runs. Answer: [`Reply::Done`].
    MuteTalk {
        /// Whether it is.
        muted: bool,
    },
    /// Tells who talks to a camera that this viewer would like to, or takes the floor at once. Answer: [`Reply::Floor`].
    AskFloor {
        /// Of which camera.
        camera: CameraKey,
        /// Whether to end the other's talk.
        take: bool,
    },
    /// Which sound devices there are. Answer: [`Reply::TalkDevices`].
    TalkDevices,
    /// Plays a tone of a second. Answer, when it is over: [`Reply::Done`].
    TestTone {
        /// On this speaker; absent = the system's choice.
        speaker: Option<String>,
    },
    /// Plays a short noise and listens for it. Answer: [`Reply::Loopback`].
    TestLoopback {
        /// With this microphone; absent = the system's choice.
        microphone: Option<String>,
        /// On this speaker; absent = the system's choice.
        speaker: Option<String>,
    },
    /// Reads a hub's invitation and asks that hub whether it is there. Answer: [`Reply::Hub`].
    CheckHub {
        /// What `porthole-hub owner add` printed.
        invitation: Secret,
    },
    /// What is on a camera's card.
    #[serde(untagged)]
    Recorded(RecordedCall),
    /// Plays it.
    #[serde(untagged)]
    Playback(PlaybackCall),
    /// Keeps it.
    #[serde(untagged)]
    Download(DownloadCall),
}

/// The answer to a [`Call`].
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "reply",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum Reply {
    /// Nothing to add.
    Done,
    /// To [`Call::Hello`].
    Hello {
        /// This program's version.
        version: String,
        /// This viewer's public key, 64 hex digits.
        viewer: String,
        /// All saved cameras.
        cameras: Vec<Camera>,
        /// The settings in force.
        settings: Settings,
        /// How it stands with the relay.
        relay: RelayState,
        /// Where snapshots and recordings go.
        media_dir: String,
        /// The version of the FFmpeg library and its licence, for the about box.
        ffmpeg: String,
        /// Something the user should know about the start: damaged data that was put aside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        notice: Option<Failure>,
    },
    /// To [`Call::CheckLink`].
    Link {
        /// The camera's public key, 64 hex digits.
        id: String,
        /// The camera's name, if the link tells it.
        name: Option<String>,
        /// Whether the link can add a viewer (holds a one-time secret).
        can_pair: bool,
        /// The key under which that camera is saved already.
        saved_as: Option<CameraKey>,
    },
    /// A camera, as saved.
    Camera {
        /// It.
        camera: Camera,
    },
    /// To [`Call::ShareCamera`].
    Share {
        /// The link.
        link: String,
        /// The same as a QR code, an SVG document.
        qr_svg: String,
        /// Seconds until it expires.
        #[ts(type = "number")]
        expires_in: u64,
    },
    /// A file was begun or finished.
    File {
        /// Absolute path.
        path: String,
        /// Bytes so far.
        #[ts(type = "number")]
        bytes: u64,
        /// Media time so far, ms.
        #[ts(type = "number")]
        duration_ms: u64,
    },
    /// To [`Call::Ptz`].
    Ptz {
        /// Whether the motor has reached its end.
        apex: bool,
    },
    /// A reply as the camera wrote it.
    Text {
        /// The text.
        text: String,
    },
    /// To [`Call::Thumbnail`] and [`RecordedCall::RecordedThumbnail`].
    Thumbnail {
        /// JPEG as base64; absent when none was ever seen.
        jpeg: Option<String>,
        /// When it was taken, unix ms.
        #[ts(type = "number")]
        taken: u64,
    },
    /// The settings now in force.
    Settings {
        /// All of them.
        settings: Settings,
    },
    /// To [`Call::Gateway`].
    Gateway {
        /// Whether it listens.
        on: bool,
        /// One URL a camera.
        urls: Vec<GatewayUrl>,
    },
    /// To [`Call::ScanWifi`].
    Wifi {
        /// Whether this machine's Wi-Fi does what we ask.
        radio: RadioState,
        /// What is in range, the strongest first; empty if it cannot be known.
        networks: Vec<WifiNetwork>,
        /// The network this machine is on, when it can be known.
        current: Option<String>,
    },
    /// To [`Call::ReadLabel`].
    Label {
        /// The camera's hotspot.
        hotspot: WifiLogin,
        /// The camera's public key, 64 hex digits, if the label tells it.
        camera: Option<String>,
        /// The key under which that camera is saved already.
        saved_as: Option<CameraKey>,
    },
    /// To [`Call::ReadCodes`].
    Codes {
        /// What they say; none = none reads.
        texts: Vec<Secret>,
    },
    /// To [`Call::PairingState`].
    Pairing {
        /// Absent = none was begun, or it was forgotten.
        pairing: Option<Pairing>,
    },
    /// To [`Call::AskFloor`].
    Floor {
        /// Who holds it now.
        floor: TalkFloor,
    },
    /// To [`Call::TalkDevices`].
    TalkDevices {
        /// What can be talked into.
        microphones: Vec<SoundDevice>,
        /// What can be heard from.
        speakers: Vec<SoundDevice>,
    },
    /// To [`Call::TestLoopback`].
    Loopback {
        /// From speaker to microphone, ms; absent = the noise was not heard.
        delay_ms: Option<f32>,
        /// Loudest sample that the microphone gave, dB of full scale.
        level_db: f32,
    },
    /// To [`Call::PairingCode`].
    PairingCode {
        /// With the hub in it: for our own cameras.
        code: LensCode,
        /// The documents' shorter form, for cameras that know their hub; absent = it cannot say the network's name.
        short: Option<LensCode>,
    },
    /// To [`Call::CheckHub`].
    Hub {
        /// Where it is, `host:port`.
        address: String,
    },
    /// To [`Call::Recorded`].
    #[serde(untagged)]
    Recorded(RecordedReply),
    /// To [`Call::Download`].
    #[serde(untagged)]
    Download(DownloadReply),
}

/// Something happened in the core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum Event {
    /// A camera was added or changed (name, state, path, viewers).
    Camera {
        /// Its state now.
        camera: Camera,
    },
    /// A camera was removed.
    CameraRemoved {
        /// Which.
        camera: CameraKey,
    },
    /// Cameras on the LAN, all of them, each time one comes or goes.
    Lan {
        /// What is there now.
        cameras: Vec<LanCamera>,
    },
    /// A view changed state.
    View {
        /// Which.
        view: ViewId,
        /// Its state now.
        state: ViewState,
    },
    /// A view's statistics, twice a second.
    Stats {
        /// Which.
        view: ViewId,
        /// The figures.
        stats: ViewStats,
    },
    /// A recording grows, once a second, or ended by itself.
    Recording {
        /// Which view.
        view: ViewId,
        /// Absolute path.
        path: String,
        /// Bytes so far.
        #[ts(type = "number")]
        bytes: u64,
        /// Media time so far, ms.
        #[ts(type = "number")]
        duration_ms: u64,
        /// Why it ended, if it did.
        ended: Option<Failure>,
    },
    /// A new last picture was saved.
    Thumbnail {
        /// Whose.
        camera: CameraKey,
    },
    /// Settings changed.
    Settings {
        /// All of them.
        settings: Settings,
    },
    /// It stands otherwise with the relay.
    Relay {
        /// How.
        relay: RelayState,
    },
    /// The sound device went away or came back.
    Audio {
        /// Why there is no sound; absent = there is.
        failure: Option<Failure>,
    },
    /// A talk went on, or a quarter of a second passed.
    Talk {
        /// How it is.
        talk: Talk,
    },
    /// Somebody began or ended to talk to a camera that is on the screen.
    Floor {
        /// Which camera.
        camera: CameraKey,
        /// Who holds its floor now.
        floor: TalkFloor,
    },
    /// A pairing went on, or a second passed.
    Pairing {
        /// How it is.
        pairing: Pairing,
    },
    /// A playback changed state, or its position moved: at most ten times a second while it plays.
    Playback {
        /// How it is.
        playback: Playback,
    },
    /// Downloads changed or went on: at most four times a second.
    Downloads {
        /// All of them, the newest first.
        downloads: Vec<Download>,
    },
}
