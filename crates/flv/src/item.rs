//! What a reader yields and a writer takes.

use std::fmt;

use crate::amf0::Metadata;

/// One of the two media streams of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
        })
    }
}

/// A video codec this crate carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// H.264 (AVC): codec id 7, or FourCC `avc1`.
    H264,
    /// H.265 (HEVC): codec id 12, or FourCC `hvc1` or `hev1`.
    Hevc,
}

/// An audio codec this crate carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// AAC: sound format 10, or FourCC `mp4a`. Frames are raw (no ADTS).
    Aac,
    /// G.711 A-law: sound format 7.
    G711A,
    /// G.711 µ-law: sound format 8.
    G711U,
    /// Linear PCM, 16 bit little endian, interleaved: sound formats 3 and 0.
    Pcm,
    /// Opus: FourCC `Opus`. The configuration is an `OpusHead`.
    Opus,
}

/// What a video tag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoKind {
    /// A decoder configuration record: avcC or hvcC.
    SequenceHeader,
    /// One coded picture as length-prefixed NAL units.
    AccessUnit,
    /// The encoder says that the sequence is over. No data.
    EndOfSequence,
}

/// What an audio tag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioKind {
    /// A decoder configuration: AudioSpecificConfig (AAC) or OpusHead (Opus).
    SequenceHeader,
    /// One coded packet.
    Frame,
}

/// One video tag. Borrows the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoTag<'a> {
    /// Decode time in milliseconds, unwrapped past 32 bits and repaired by the stream's policy. A sequence header
    /// carries the time of the picture before it.
    pub timestamp: i64,
    /// The 24+8 bits as they were sent.
    pub raw_timestamp: u32,
    /// Presentation time minus decode time in milliseconds. Zero in a stream without B-frames.
    pub composition_time: i32,
    /// Codec of `data`.
    pub codec: VideoCodec,
    /// What `data` is.
    pub kind: VideoKind,
    /// Whether the tag claims to be a key frame.
    pub key: bool,
    /// avcC or hvcC, length-prefixed NAL units, or nothing, by `kind`.
    pub data: &'a [u8],
}

/// One audio tag. Borrows the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioTag<'a> {
    /// Time in milliseconds, unwrapped and repaired like a video tag's.
    pub timestamp: i64,
    /// The 24+8 bits as they were sent.
    pub raw_timestamp: u32,
    /// Codec of `data`.
    pub codec: AudioCodec,
    /// What `data` is.
    pub kind: AudioKind,
    /// Hz. AAC: what the last configuration says (what is played, with SBR the doubled rate); Opus: 48000; G.711 and
    /// PCM: what onMetaData says, else 8000 for G.711 and the tag's own rate for PCM.
    pub sample_rate: u32,
    /// Channels of the decoded sound.
    pub channels: u8,
    /// The configuration or the packet.
    pub data: &'a [u8],
}

/// One thing read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// The file header. May come again where a sender starts anew.
    Header {
        /// The sender means to send audio.
        has_audio: bool,
        /// The sender means to send video.
        has_video: bool,
    },
    /// A video tag.
    Video(VideoTag<'a>),
    /// An audio tag.
    Audio(AudioTag<'a>),
    /// onMetaData or another script message.
    Meta(Metadata),
    /// The reader found its place again. Comes after [`Error::LostSync`](crate::Error::LostSync).
    Skipped {
        /// Where in the stream the skipped bytes began.
        offset: u64,
        /// How many they were.
        bytes: u64,
    },
}
