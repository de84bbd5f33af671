//! What the contract's commands and events carry: cameras, views, settings.

use super::{CameraKey, Failure, HubChoice, Quality, Sink, TalkMode};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A saved camera and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Camera {
    /// Its key in this app.
    pub key: CameraKey,
    /// Its public key, 64 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its room, may be empty.
    pub room: String,
    /// How it is.
    pub state: CameraState,
    /// How it is reached, while connected.
    pub path: Option<PathInfo>,
    /// Viewers it serves now, ourselves among them, when known.
    pub viewers: Option<u32>,
    /// When it was last seen, unix ms; 0 = never.
    #[ts(type = "number")]
    pub last_seen: u64,
}

/// How a camera is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum CameraState {
    /// Nobody looks at it; not connected.
    Idle,
    /// Connecting for the first time.
    Connecting,
    /// Connected.
    Online,
    /// Not reached; trying again.
    Offline {
        /// Since when, unix ms.
        #[ts(type = "number")]
        since: u64,
        /// Why.
        failure: Failure,
    },
    /// It does not know this viewer any more.
    Refused {
        /// Why and what to do.
        failure: Failure,
    },
}

/// The kind of road to the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum PathKind {
    /// Same network (or this machine).
    Lan,
    /// Across the internet, hole punched.
    Direct,
    /// Through a relay, still end to end encrypted.
    Relayed,
}

/// How a camera is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct PathInfo {
    /// The kind.
    pub kind: PathKind,
    /// Round trip, ms.
    pub rtt_ms: f32,
    /// Packets lost of those sent and received lately, 0 to 1.
    pub loss: f32,
    /// The far address, as text.
    pub remote: String,
}

/// A camera seen on the LAN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct LanCamera {
    /// Its public key, 64 hex digits.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Its addresses, as text.
    pub addresses: Vec<String>,
    /// The key under which it is saved already.
    pub saved_as: Option<CameraKey>,
}

/// How a view is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum ViewState {
    /// No picture yet.
    Starting,
    /// Pictures flow.
    Live {
        /// The quality now shown.
        quality: Quality,
    },
    /// Pictures stopped; coming back without being asked. The last picture stays on screen, marked frozen.
    Reconnecting {
        /// Since when, unix ms.
        #[ts(type = "number")]
        since: u64,
        /// Why.
        failure: Failure,
    },
    /// It cannot go on without the user.
    Failed {
        /// Why and what to do.
        failure: Failure,
    },
}

/// What a view measured. Times in ms; absent = not yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct ViewStats {
    /// Dialling until connected; 0 on a warm session.
    pub connect_ms: Option<f32>,
    /// Request until the first byte of the body.
    pub first_byte_ms: Option<f32>,
    /// Request until the first keyframe.
    pub first_keyframe_ms: Option<f32>,
    /// Request until the first picture was drawn.
    pub first_picture_ms: Option<f32>,
    /// Mean decode time.
    pub decode_ms: Option<f32>,
    /// Mean draw time.
    pub draw_ms: Option<f32>,
    /// Estimated age of what is on screen (arrival to drawn).
    pub latency_ms: Option<f32>,
    /// Pictures a second drawn.
    pub fps: f32,
    /// Media bits a second received.
    pub bit_rate: f64,
    /// Width and height of the video.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Video codec by FFmpeg's name (`h264`, `hevc`).
    pub video_codec: String,
    /// Audio codec by FFmpeg's name (`aac`, `pcm_alaw` …), empty = none.
    pub audio_codec: String,
    /// What the channel carries.
    pub sink: Option<Sink>,
    /// Why the sink is not the preferred one, if it is not.
    pub fallback: Option<String>,
    /// Access units dropped because the view fell behind.
    #[ts(type = "number")]
    pub dropped: u64,
    /// Times the stream was lost and came back.
    #[ts(type = "number")]
    pub reconnects: u64,
    /// Sound ahead (+) or behind (-) the picture.
    pub lip_sync_ms: Option<f32>,
    /// Sound waiting to be played.
    pub audio_buffer_ms: Option<f32>,
    /// How the camera is reached.
    pub path: Option<PathInfo>,
    /// Viewers the camera serves now.
    pub viewers: Option<u32>,
}

/// What the app remembers of its user's wishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Settings {
    /// The UI's language.
    pub language: Language,
    /// The UI's colours.
    pub theme: Theme,
    /// Which relay carries the stream when no direct road is found.
    pub relay: Relay,
    /// Whether the local gateway listens.
    pub gateway: bool,
    /// Volume, 0 to 1.
    pub volume: f32,
    /// Silence.
    pub muted: bool,
    /// The microphone to talk with; absent = the system's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub microphone: Option<String>,
    /// The speaker that plays cameras; absent = the system's choice, which also plays while this one is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub speaker: Option<String>,
    /// What happens to the camera's sound while this viewer talks.
    pub talk_mode: TalkMode,
    /// Quality a view opens with.
    pub quality: Quality,
    /// Which hub pairs cameras.
    pub hub: HubChoice,
    /// This machine's Wi-Fi: `auto`, `nm`, `nm:wlan0`, `wpa:wlan0`, `sim:DIR`.
    pub radio: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            theme: Theme::System,
            relay: Relay::None,
            gateway: false,
            volume: 0.8,
            muted: false,
            microphone: None,
            speaker: None,
            talk_mode: TalkMode::FullDuplex,
            quality: Quality::High,
            hub: HubChoice::Embedded,
            radio: "auto".into(),
        }
    }
}

/// The UI's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum Language {
    /// What the system says.
    System,
    /// English.
    En,
    /// Chinese.
    Zh,
}

/// The UI's colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum Theme {
    /// What the system says.
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// Which relay to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum Relay {
    /// None but the hub's, and for each camera those its link names.
    None,
    /// One's own, by URL.
    Own {
        /// `https://…`
        url: String,
    },
    /// The public relays of the iroh project: they see who talks to whom, not what.
    Public,
}

/// How it stands with the relay that this app is at: that of the settings, or of the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum RelayState {
    /// It is at none; cameras' own relays are used for them all the same.
    None,
    /// It connects.
    Connecting,
    /// The way through the relay is open.
    Works {
        /// `https://…`
        url: String,
    },
    /// The relay does not let this app in.
    Refused {
        /// [`FailureCode::RelayRefused`](super::FailureCode::RelayRefused).
        failure: Failure,
    },
    /// No relay answers.
    Unreachable {
        /// [`FailureCode::RelayUnreachable`](super::FailureCode::RelayUnreachable).
        failure: Failure,
    },
}

/// One camera's URL on the local gateway.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct GatewayUrl {
    /// Which camera.
    pub camera: CameraKey,
    /// `http://127.0.0.1:…` for VLC, mpv, ffmpeg, Frigate, Home Assistant.
    pub url: String,
}

/// A picture on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Drawn {
    /// Its media time, µs.
    #[ts(type = "number")]
    pub pts: i64,
    /// How long ago it was drawn when the acknowledgement was sent, ms.
    pub ago_ms: f32,
    /// Pictures drawn since the last acknowledgement.
    pub count: u32,
}
