//! What is needed to decode a stream: its configuration, read once.

use super::VideoUnit;
use flv::{AudioCodec, AudioTag, VideoCodec, VideoConfig, VideoTag};
use media::video::{Codec, Decoder};

/// The configuration of a video stream.
#[derive(Debug, PartialEq)]
pub struct VideoTrack {
    /// The codec.
    pub codec: VideoCodec,
    /// avcC or hvcC as the camera sent it.
    pub record: Box<[u8]>,
    /// Width in pixels; 0 if the parameter sets do not tell.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Name for WebCodecs.
    pub codec_string: String,
    /// The parameter sets for the web view say that nothing is reordered, which the camera did not: the stream must
    /// have no B-frames.
    pub rewritten: bool,
    config: VideoConfig,
}

impl VideoTrack {
    /// Reads a configuration record. With `rewrite` the decoder is told not to wait for reordering, which takes four
    /// pictures (129 ms at 1080p30) off the delay of WebKitGTK's.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn new(codec: VideoCodec, record: &[u8], rewrite: bool) -> Result<Self, String> {
        let original = VideoConfig::parse(codec, record)
            .map_err(|error| format!("bad configuration: {error}"))?;
        let changed = if rewrite {
            original.without_reordering()
        } else {
            None
        };
        let rewritten = changed.is_some();
        let config = changed.unwrap_or(original);
        let (width, height) = config.size().unwrap_or((0, 0));
        let codec_string = config.codec_string();
        Ok(Self {
            codec,
            record: record.into(),
            width,
            height,
            codec_string,
            rewritten,
            config,
        })
    }

    /// Whether a tag of this stream shows that pictures are reordered.
    pub fn shows_reordering(&self, tag: &VideoTag<'_>) -> bool {
        tag.composition_time != 0 || self.config.has_b_frames(tag.data)
    }

    /// The unit as Annex B, parameter sets in front of a key picture. A damaged unit ends where the damage is.
    pub fn annex_b(&self, unit: &VideoUnit) -> Vec<u8> {
        let mut out = Vec::with_capacity(unit.data.len() + 256);
        if let Err(error) = self
            .config
            .write_annexb(&unit.data, unit.key, self.rewritten, &mut out)
        {
            tracing::debug!(%error, "damaged access unit");
        }
        out
    }

    /// The codec as `media` calls it.
    pub fn media_codec(&self) -> Codec {
        match self.codec {
            VideoCodec::H264 => Codec::H264,
            VideoCodec::Hevc => Codec::Hevc,
        }
    }

    /// The codec's name by FFmpeg.
    pub fn codec_name(&self) -> String {
        self.media_codec().to_string()
    }

    /// A decoder for this stream's units.
    ///
    /// # Errors
    /// As [`Decoder::open`].
    pub fn decoder(&self) -> media::Result<Decoder> {
        Decoder::open(self.media_codec(), &self.record)
    }
}

/// The configuration of an audio stream.
#[derive(Debug, PartialEq)]
pub struct AudioTrack {
    /// The codec.
    pub codec: AudioCodec,
    /// Hertz.
    pub rate: u32,
    /// Channels.
    pub channels: u8,
    /// AudioSpecificConfig or OpusHead; empty where the codec has none.
    pub config: Box<[u8]>,
}

impl AudioTrack {
    /// Of the stream that `tag` belongs to.
    pub fn new(tag: &AudioTag<'_>, config: &[u8]) -> Self {
        Self {
            codec: tag.codec,
            rate: tag.sample_rate,
            channels: tag.channels,
            config: config.into(),
        }
    }

    /// Whether a tag with that configuration belongs to this stream.
    pub fn is(&self, tag: &AudioTag<'_>, config: &[u8]) -> bool {
        self.codec == tag.codec
            && self.rate == tag.sample_rate
            && self.channels == tag.channels
            && *self.config == *config
    }

    /// Whether both are decoded alike.
    pub fn same_coding(&self, other: &Self) -> bool {
        self == other
    }

    /// Whether it can be decoded: AAC needs its configuration.
    pub fn is_complete(&self) -> bool {
        self.codec != AudioCodec::Aac || !self.config.is_empty()
    }

    /// The codec's name by FFmpeg.
    pub fn codec_name(&self) -> &'static str {
        match self.codec {
            AudioCodec::Aac => "aac",
            AudioCodec::G711A => "pcm_alaw",
            AudioCodec::G711U => "pcm_mulaw",
            AudioCodec::Pcm => "pcm_s16le",
            AudioCodec::Opus => "opus",
        }
    }
}
