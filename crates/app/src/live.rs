//! The view engine: from a camera's stream to the frames of one picture on the screen.
//!
//! ```text
//!  camera ──HTTP-FLV──> pull (a task a stream)            view (a task a picture on the screen)
//!                       │ flv::Reader, CatchUp    units    ├─ screen: Annex B or pictures, ack window
//!                       └────────────────────────────────> ├─ sound: decode, jitter buffer, lip-sync
//!                          bounded channel                 ├─ Gop: what snapshots and new screens start from
//!                                                          ├─ recorder, thumbnails, statistics
//!                                                          └─ reconnect, quality switch
//! ```
//!
//! A change of quality starts a second stream; the first goes on until the second has a picture that is live. A lost
//! stream is asked for again, for ever, at a growing distance, and at once when the user says so.

pub mod catch_up;
pub mod demux;
pub mod gop;
pub mod pictures;
pub mod pull;
pub mod screen;
pub mod sink;
pub mod sound;
pub mod source;
pub mod stats;
pub mod track;
pub mod view;

use std::sync::Arc;
use std::time::Instant;

pub use track::{AudioTrack, VideoTrack};

/// Where a recorded unit stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it was recorded, unix ms.
    pub ms: i64,
    /// What was recorded just before it does not come before it in this stream: the start, a gap.
    pub jump: bool,
}

/// One coded picture.
#[derive(Debug, Clone)]
pub struct VideoUnit {
    /// What is needed to decode it. The same `Arc` as before = the same decoder.
    pub track: Arc<VideoTrack>,
    /// Presentation time, ms.
    pub pts: i64,
    /// Decode time, ms.
    pub dts: i64,
    /// Decoding can start here.
    pub key: bool,
    /// Decode but do not draw: a newer one is already here.
    pub catch_up: bool,
    /// NAL units with length prefixes.
    pub data: Arc<[u8]>,
    /// When its last byte was read.
    pub arrived: Instant,
    /// When it was recorded, if the stream tells.
    pub moment: Option<Moment>,
}

impl VideoUnit {
    /// When it was recorded, unix ms; its presentation time if the stream does not tell.
    pub fn moment_ms(&self) -> i64 {
        self.moment.map_or(self.pts, |moment| moment.ms)
    }

    /// The same for its decode time.
    pub fn decoded_ms(&self) -> i64 {
        self.moment_ms()
            .saturating_sub(self.pts.saturating_sub(self.dts))
    }
}

/// One coded piece of sound.
#[derive(Debug, Clone)]
pub struct AudioUnit {
    /// What is needed to decode it.
    pub track: Arc<AudioTrack>,
    /// Presentation time, ms.
    pub pts: i64,
    /// The coded bytes.
    pub data: Arc<[u8]>,
    /// When its last byte was read.
    pub arrived: Instant,
    /// When it was recorded, unix ms, if the stream tells.
    pub moment_ms: Option<i64>,
}

/// What a stream is made of.
#[derive(Debug, Clone)]
pub enum Unit {
    /// A picture.
    Video(VideoUnit),
    /// Sound.
    Audio(AudioUnit),
}

impl Unit {
    /// Coded bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Video(unit) => unit.data.len(),
            Self::Audio(unit) => unit.data.len(),
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
