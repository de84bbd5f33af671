//! H.264 and H.265, both ways, without delay: picture `i` in, packet `i` out; packet `i` in, picture `i` out.

mod decode;
mod encode;
mod record;

pub use decode::Decoder;
pub use encode::{Encoder, EncoderSettings};

/// A video codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264, MPEG-4 AVC.
    H264,
    /// H.265, MPEG-H HEVC.
    Hevc,
}

impl Codec {
    pub(crate) fn id(self) -> ffmpeg_next::codec::Id {
        match self {
            Self::H264 => ffmpeg_next::codec::Id::H264,
            Self::Hevc => ffmpeg_next::codec::Id::HEVC,
        }
    }
}

impl std::fmt::Display for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
        })
    }
}
