//! Playing what a camera has recorded.
//!
//! A playback is a view: its frames come through the same channel in the same form as those of a live view, and
//! [`super::Call::Ack`], [`super::Call::SetSink`], [`super::Call::Snapshot`] and [`super::Call::CloseView`] work on it.
//! The core paces: a frame is to be drawn when it comes. A frame's `pts` is time on the screen, which rises whatever is
//! played; which moment is on the screen is said by [`super::Event::Playback`].

use super::{CameraKey, Failure, Sink, ViewId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Plays recordings. Part of [`super::Call`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "call",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum PlaybackCall {
    /// Opens a playback; frames flow through the channel passed beside the call. Answer: [`super::Reply::Done`].
    OpenPlayback {
        /// Chosen by the UI, unused at the moment; a view of that number is closed.
        view: ViewId,
        /// Which camera.
        camera: CameraKey,
        /// Which moment, unix ms. In a gap: what comes after it.
        #[ts(type = "number")]
        at_ms: i64,
        /// What the channel carries.
        sink: Sink,
        /// Widest picture wanted from [`Sink::Pictures`], in pixels.
        max_width: u32,
        /// Whether this view plays sound.
        audio: bool,
    },
    /// Does something with an open playback. Answer: [`super::Reply::Done`].
    Playback {
        /// Which view.
        view: ViewId,
        /// What.
        action: PlaybackAction,
    },
}

/// What can be done with a playback.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum PlaybackAction {
    /// Stops at the picture on the screen.
    Pause,
    /// Goes on.
    Resume,
    /// Goes elsewhere; stays paused if it is paused.
    Seek {
        /// Unix ms. In a gap: what comes after it.
        #[ts(type = "number")]
        at_ms: i64,
    },
    /// Changes the speed.
    Speed {
        /// -16, -8, -4, 0.5, 1, 1.5, 2, 4, 8 or 16.
        speed: f32,
    },
    /// Pauses, and shows the next or the previous picture.
    Step {
        /// The previous one.
        back: bool,
    },
}

/// How a playback is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum PlaybackState {
    /// No picture of the moment asked for yet.
    Opening,
    /// It plays.
    Playing,
    /// It stands.
    Paused,
    /// It waits for the camera, by itself; `failure` says why if it was lost.
    Buffering,
    /// There is nothing more in this direction.
    Ended,
    /// It cannot go on without the user.
    Failed,
}

/// A playback: where it is and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Playback {
    /// Which view.
    pub view: ViewId,
    /// How it is.
    pub state: PlaybackState,
    /// The moment on the screen, or asked for while there is none, unix ms.
    #[ts(type = "number")]
    pub at_ms: i64,
    /// As set.
    pub speed: f32,
    /// How many seeks it has taken: what comes with fewer than were asked for tells of where it was before.
    pub seeks: u32,
    /// Whether it has reached what is being recorded now, and follows it.
    pub at_live_edge: bool,
    /// Why it buffers or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub failure: Option<Failure>,
}
