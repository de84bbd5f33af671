//! What a camera has on its card: days, stretches, events, files, and the card itself.

use super::CameraKey;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Asks about a camera's recordings. Part of [`super::Call`]. Times are unix ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "call",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum RecordedCall {
    /// The days of a month that have recordings, in the viewer's time zone. Answer: [`RecordedReply::Days`].
    RecordedDays {
        /// Which camera.
        camera: CameraKey,
        /// 1970 to 9999.
        year: u16,
        /// 1 to 12.
        month: u8,
        /// The viewer's time minus UTC, minutes.
        utc_offset_min: i32,
    },
    /// What was recorded in a span of at most 62 days. Answer: [`RecordedReply::Recordings`].
    Recordings {
        /// Which camera.
        camera: CameraKey,
        /// From.
        #[ts(type = "number")]
        from_ms: i64,
        /// To.
        #[ts(type = "number")]
        to_ms: i64,
    },
    /// Files on the card. Answer: [`RecordedReply::Files`].
    RecordedFiles {
        /// Which camera.
        camera: CameraKey,
        /// From.
        #[ts(type = "number")]
        from_ms: i64,
        /// To.
        #[ts(type = "number")]
        to_ms: i64,
        /// Pictures instead of video.
        pictures: bool,
    },
    /// A small picture of a moment. Answer: [`super::Reply::Thumbnail`].
    RecordedThumbnail {
        /// Which camera.
        camera: CameraKey,
        /// Which moment; the picture is that of the keyframe at or before it.
        #[ts(type = "number")]
        at_ms: i64,
        /// Pixels, 16 to 1280.
        width: u32,
    },
    /// How the card is. Answer: [`RecordedReply::Card`].
    CardStatus {
        /// Which camera.
        camera: CameraKey,
    },
    /// Erases everything on the card; ask the user first. Answer: [`super::Reply::Done`].
    FormatCard {
        /// Which camera.
        camera: CameraKey,
    },
}

/// The answer to a [`RecordedCall`]. Part of [`super::Reply`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "reply",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum RecordedReply {
    /// To [`RecordedCall::RecordedDays`].
    Days {
        /// 1 to 31, in order.
        days: Vec<u8>,
    },
    /// To [`RecordedCall::Recordings`].
    Recordings {
        /// What was recorded, in order of time.
        stretches: Vec<Stretch>,
        /// What happened, in order of time.
        events: Vec<RecordedEvent>,
    },
    /// To [`RecordedCall::RecordedFiles`].
    Files {
        /// In order of time.
        files: Vec<RecordedFile>,
    },
    /// To [`RecordedCall::CardStatus`].
    Card {
        /// It.
        card: Card,
    },
}

/// Why something was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum RecordKind {
    /// Always.
    Continuous,
    /// It was the time for it.
    Scheduled,
    /// Something moved.
    Event,
    /// A kind of the maker's own.
    Other,
}

/// A stretch of time that was recorded without a break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Stretch {
    /// Why.
    pub kind: RecordKind,
    /// From, unix ms.
    #[ts(type = "number")]
    pub start_ms: i64,
    /// To, unix ms.
    #[ts(type = "number")]
    pub end_ms: i64,
}

/// Something that happened while the camera recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct RecordedEvent {
    /// The camera's word for it: `motion`.
    pub kind: String,
    /// From, unix ms.
    #[ts(type = "number")]
    pub start_ms: i64,
    /// To, unix ms.
    #[ts(type = "number")]
    pub end_ms: i64,
}

/// A file on a camera's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct RecordedFile {
    /// Its name on the card.
    pub name: String,
    /// Why it was recorded.
    pub kind: RecordKind,
    /// From, unix ms.
    #[ts(type = "number")]
    pub start_ms: i64,
    /// To, unix ms.
    #[ts(type = "number")]
    pub end_ms: i64,
    /// Its size.
    #[ts(type = "number")]
    pub bytes: u64,
}

/// How a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum CardState {
    /// Well.
    Ok,
    /// The camera was started without one.
    None,
    /// No room, and nothing that may be deleted.
    Full,
    /// Too slow for the stream.
    Slow,
    /// It cannot be written.
    ReadOnly,
    /// It was pulled out.
    Missing,
    /// Its file system is damaged.
    Corrupt,
}

/// A camera's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Card {
    /// How it is.
    pub state: CardState,
    /// Bytes that recordings may take.
    #[ts(type = "number")]
    pub total: u64,
    /// Bytes that recordings take.
    #[ts(type = "number")]
    pub used: u64,
    /// The oldest moment recorded, unix ms; 0 = nothing is.
    #[ts(type = "number")]
    pub oldest_ms: i64,
    /// The newest moment recorded, unix ms; 0 = nothing is.
    #[ts(type = "number")]
    pub newest_ms: i64,
    /// Whether it is being written now.
    pub recording: bool,
    /// When it is written: `continuous`, `schedule`, `events`, `off`.
    pub mode: String,
    /// Whether the camera knows what time it is.
    pub clock_known: bool,
}
