//! What a playback reads from: groups of pictures in the order of the wall clock.

use std::sync::Arc;

use media::Packet;

use crate::live::tags::{AudioTrack, VideoTrack};

/// Codecs of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracks {
    /// Its pictures.
    pub video: VideoTrack,
    /// Its sound, if it has any.
    pub audio: Option<AudioTrack>,
}

/// One group of pictures with the sound beside it. Times are unix milliseconds.
#[derive(Debug, Clone)]
pub struct Gop {
    /// Of its keyframe.
    pub start_ms: i64,
    /// Of the end of its last picture.
    pub end_ms: i64,
    /// Codecs; the same allocation for all groups of a segment.
    pub tracks: Arc<Tracks>,
    /// At least one picture, the first a keyframe, in the order of decoding.
    pub video: Vec<Packet>,
    /// In the order of time.
    pub audio: Vec<Packet>,
}

/// Which group of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that holds this moment; if nothing was recorded then, the first one after it; if that is not written yet,
    /// the newest one.
    At(i64),
    /// The n-th that begins after this moment, n from 1.
    After(i64, u32),
    /// The last one that begins at or before this moment.
    UpTo(i64),
    /// The n-th last that begins before this moment, n from 1.
    Before(i64, u32),
}

/// What there is.
#[derive(Debug)]
pub enum Found {
    /// The group.
    Gop(Gop),
    /// None.
    Nothing {
        /// The recording goes on: there may be one later.
        growing: bool,
    },
}

/// A recording. Calls may block.
pub trait Tape: Send + 'static {
    /// Reads a group of pictures; one that is damaged is passed over.
    ///
    /// # Errors
    /// The card cannot be read any more.
    fn find(&mut self, which: Which) -> Result<Found, TapeError>;
}

/// The card cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TapeError(pub String);
