//! Talking to a camera: the talk as it goes, the floor, sound devices and their test.
//!
//! One talk runs at a time in this app. [`super::Call::StartTalk`] begins it; from then on [`super::Event::Talk`] tells the
//! whole state at every change and four times a second, until it is [`TalkPhase::Ended`].

use super::{CameraKey, Failure};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What happens to the camera's sound while this viewer talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum TalkMode {
    /// It stays: both speak at once, the echo is cancelled.
    FullDuplex,
    /// It is turned down: for a loudspeaker that even the canceller cannot tame.
    Ducking,
}

/// How far a talk is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum TalkPhase {
    /// The camera is asked, the microphone opened.
    Starting,
    /// The camera takes the voice; it is heard as soon as [`Talk::delay_ms`] is known.
    Talking,
    /// It is over.
    Ended {
        /// Why, if this viewer did not end it.
        failure: Option<Failure>,
    },
}

/// The echo canceller of this end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct EchoHealth {
    /// How much of the echo the filter alone takes away, dB; 0 = not known yet.
    pub loss_db: f32,
    /// From the speaker to the microphone, ms, when found.
    pub delay_ms: Option<f32>,
    /// Whether the camera is heard in the microphone and the filter does not cope.
    pub poor: bool,
}

/// A talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Talk {
    /// With which camera.
    pub camera: CameraKey,
    /// How far it is.
    pub phase: TalkPhase,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// Loudest sample of the last moments, dB of full scale (-99 to 0), after echo cancellation.
    pub level_db: f32,
    /// Whether the microphone was overdriven in the last second.
    pub clipping: bool,
    /// From the mouth here to the camera's speaker, ms, when known.
    pub delay_ms: Option<f32>,
    /// How the canceller does; absent without a speaker.
    pub echo: Option<EchoHealth>,
    /// What is sent, `aac/16000`; empty until the camera was asked.
    pub format: String,
    /// The microphone in use; empty for none.
    pub device: String,
}

/// A viewer that talks or would like to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct FloorPerson {
    /// What the camera calls it.
    pub name: String,
    /// Whether it is this viewer.
    pub me: bool,
}

/// Who holds a camera's floor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct TalkFloor {
    /// Who talks, or for whom the floor is kept.
    pub talker: Option<FloorPerson>,
    /// Who asked for it.
    pub asker: Option<FloorPerson>,
}

/// A sound device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct SoundDevice {
    /// What [`super::Call::StartTalk`] and the tests take.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// The system's own choice.
    pub default: bool,
}
