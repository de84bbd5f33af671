//! Fragmented MP4 as cameras record it: one fragment a GOP, readable up to wherever writing was cut off. Pure Rust.
//!
//! ```text
//! file     = ftyp | uuid HEAD | moov | fragment | fragment … | mfra (only once it is closed)
//! fragment = uuid GOP (length, wall times, checksums) | moof | mdat
//! ```
//!
//! Any player opens such a file; the two `uuid` boxes are ours and every player passes over them. They say what wall time
//! the file's time 0 is, and let a reader walk from fragment to fragment without parsing them, and tell a fragment that
//! is whole from one that a power cut or a bad card has left. **All times of this module are unix milliseconds.**
//!
//! H.264 (`avc1`), H.265 (`hvc1`); AAC, Opus, G.711 (`alaw`, `ulaw`), PCM (`sowt`).

mod boxes;
mod fragment;
mod head;
mod walk;
mod writer;

pub use fragment::{move_fragment, read_fragment};
pub use walk::{Check, Walk, walk};
pub use writer::{Writer, keyframe_index};

use crate::Packet;

/// Longest head that is written or read, bytes: two configuration records and some boxes.
pub const MOST_HEAD: usize = 64 << 10;
/// Longest fragment that is written or read, bytes.
pub const MOST_FRAGMENT: usize = 32 << 20;
/// Most samples of a track in a fragment.
pub const MOST_SAMPLES: usize = 16 << 10;

/// The pictures of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoTrack {
    /// Codec.
    pub codec: flv::VideoCodec,
    /// avcC or hvcC; kept byte for byte.
    pub record: Vec<u8>,
}

/// The sound of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTrack {
    /// Codec, rate, channels.
    pub format: flv::AudioFormat,
    /// AudioSpecificConfig, OpusHead, or empty for codecs without one.
    pub config: Vec<u8>,
}

/// What stands at the start of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The wall time that is time 0 of the file.
    pub start_ms: i64,
    /// The file's running number; whoever records says what it means.
    pub number: u64,
    /// A byte for whoever records.
    pub label: u8,
    /// The pictures.
    pub video: VideoTrack,
    /// The sound, if there is any.
    pub audio: Option<AudioTrack>,
}

impl Head {
    /// Whether fragments of both can follow each other in one file.
    pub fn same_tracks(&self, other: &Self) -> bool {
        self.video == other.video && self.audio == other.audio
    }
}

/// One GOP with its sound, taken out of its file. Packet times are unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Decode time of the first picture.
    pub start_ms: i64,
    /// Where the last picture ends.
    pub end_ms: i64,
    /// Pictures in decode order, the first one a keyframe.
    pub video: Vec<Packet>,
    /// Sound.
    pub audio: Vec<Packet>,
}

/// Where a fragment lies in a file, and when it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// First byte.
    pub offset: u64,
    /// Length, bytes.
    pub bytes: u32,
    /// Decode time of its first picture, which is a keyframe.
    pub start_ms: i64,
    /// Where its last picture ends.
    pub end_ms: i64,
}

impl Place {
    /// The first byte behind it.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.bytes)
    }
}

/// Why bytes are no file of ours, or a file cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What is read is cut off, or was changed since it was written.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// A file of another version, or a codec that this module does not carry.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// What is to be written does not fit.
    #[error("{what} does not fit: {got}, at most {most}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        got: usize,
        /// The bound.
        most: usize,
    },
    /// A fragment has to begin with a keyframe.
    #[error("a fragment without a keyframe at its start")]
    NoKeyframe,
}

#[cfg(test)]
mod tests;
