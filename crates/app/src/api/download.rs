//! Keeping what a camera has recorded.

use super::{CameraKey, Failure};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A download's number: stays the same while the app is closed.
pub type DownloadId = u32;

/// Downloads. Part of [`super::Call`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "call",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum DownloadCall {
    /// Begins a download, or puts it behind those that run. Answer: [`DownloadReply::DownloadStarted`].
    StartDownload {
        /// Which camera.
        camera: CameraKey,
        /// What.
        what: DownloadWhat,
    },
    /// Stops a download so that it can go on. Answer: [`super::Reply::Done`].
    PauseDownload {
        /// Which.
        id: DownloadId,
    },
    /// Goes on with a paused download, or tries a failed one again. Answer: [`super::Reply::Done`].
    ResumeDownload {
        /// Which.
        id: DownloadId,
    },
    /// Stops a download and deletes what came so far. Answer: [`super::Reply::Done`].
    CancelDownload {
        /// Which.
        id: DownloadId,
    },
    /// Takes a finished download off the list; its file stays. Answer: [`super::Reply::Done`].
    ForgetDownload {
        /// Which.
        id: DownloadId,
    },
    /// All of them. Answer: [`DownloadReply::Downloads`].
    Downloads,
}

/// The answer to a [`DownloadCall`]. Part of [`super::Reply`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "reply",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum DownloadReply {
    /// To [`DownloadCall::StartDownload`].
    DownloadStarted {
        /// Its number.
        id: DownloadId,
    },
    /// To [`DownloadCall::Downloads`].
    Downloads {
        /// The newest first.
        downloads: Vec<Download>,
    },
}

/// What is downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(export_to = "api.ts")]
pub enum DownloadWhat {
    /// A file of the card.
    File {
        /// Its name there.
        name: String,
    },
    /// A span of time, cut at keyframes without coding anew.
    Range {
        /// From, unix ms.
        #[ts(type = "number")]
        from_ms: i64,
        /// To, unix ms.
        #[ts(type = "number")]
        to_ms: i64,
    },
}

/// How a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "api.ts")]
pub enum DownloadState {
    /// Others run first, or the camera is not reached.
    Waiting,
    /// Bytes come.
    Running,
    /// The user stopped it.
    Paused,
    /// What came is compared with what the camera has.
    Checking,
    /// It is made into a plain MP4.
    Converting,
    /// The file is there.
    Done,
    /// It cannot go on without the user.
    Failed,
}

/// A download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Download {
    /// Its number.
    pub id: DownloadId,
    /// Which camera.
    pub camera: CameraKey,
    /// What its file is called here.
    pub name: String,
    /// From, unix ms; 0 = not known yet.
    #[ts(type = "number")]
    pub from_ms: i64,
    /// To, unix ms; 0 = not known yet.
    #[ts(type = "number")]
    pub to_ms: i64,
    /// How it is.
    pub state: DownloadState,
    /// Bytes so far.
    #[ts(type = "number")]
    pub received: u64,
    /// Bytes in all; 0 = not known yet.
    #[ts(type = "number")]
    pub total: u64,
    /// How fast it comes now.
    pub bytes_per_second: f64,
    /// How long it still takes at this pace, ms; absent = not known.
    #[ts(type = "number | null")]
    pub remaining_ms: Option<u64>,
    /// The finished file, an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub path: Option<String>,
    /// Why it waits or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub failure: Option<Failure>,
}
