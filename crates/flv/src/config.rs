//! One face for the configuration records of both video codecs.

use crate::error::Malformed;
use crate::item::VideoCodec;
use crate::nal::{push_annexb, split_lengths};
use crate::{avc, hevc};

/// The configuration of a video stream: avcC or hvcC, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoConfig {
    /// Of H.264.
    H264(avc::Config),
    /// Of H.265.
    Hevc(hevc::Config),
}

impl VideoConfig {
    /// Reads the record of a sequence header.
    ///
    /// # Errors
    /// As [`avc::Config::parse`] and [`hevc::Config::parse`].
    pub fn parse(codec: VideoCodec, record: &[u8]) -> Result<Self, Malformed> {
        Ok(match codec {
            VideoCodec::H264 => Self::H264(avc::Config::parse(record)?),
            VideoCodec::Hevc => Self::Hevc(hevc::Config::parse(record)?),
        })
    }

    /// Makes a configuration of the parameter sets in an Annex B stream, such as an encoder's first key frame.
    ///
    /// # Errors
    /// As [`avc::Config::from_parameter_sets`] and [`hevc::Config::from_parameter_sets`].
    pub fn from_annexb(codec: VideoCodec, stream: &[u8]) -> Result<Self, Malformed> {
        Ok(match codec {
            VideoCodec::H264 => Self::H264(avc::Config::from_annexb(stream)?),
            VideoCodec::Hevc => Self::Hevc(hevc::Config::from_annexb(stream)?),
        })
    }

    /// The codec.
    pub fn codec(&self) -> VideoCodec {
        match self {
            Self::H264(_) => VideoCodec::H264,
            Self::Hevc(_) => VideoCodec::Hevc,
        }
    }

    /// The record's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::H264(config) => config.to_bytes(),
            Self::Hevc(config) => config.to_bytes(),
        }
    }

    /// Name for WebCodecs.
    pub fn codec_string(&self) -> String {
        match self {
            Self::H264(config) => config.codec_string(),
            Self::Hevc(config) => config.codec_string(),
        }
    }

    /// Bytes of a NAL length prefix.
    pub fn length_size(&self) -> u8 {
        match self {
            Self::H264(config) => config.length_size,
            Self::Hevc(config) => config.length_size,
        }
    }

    /// Visible width and height in pixels, if the first SPS can be read.
    pub fn size(&self) -> Option<(u32, u32)> {
        match self {
            Self::H264(config) => config.sps()?.ok().map(|sps| (sps.width, sps.height)),
            Self::Hevc(config) => config.sps()?.ok().map(|sps| (sps.width, sps.height)),
        }
    }

    /// Whether the parameter sets alone prove that output order is decode order.
    pub fn never_reorders(&self) -> bool {
        match self {
            Self::H264(config) => matches!(config.sps(), Some(Ok(sps)) if sps.never_reorders()),
            Self::Hevc(config) => {
                matches!(config.sps(), Some(Ok(sps)) if sps.max_num_reorder_pics() == 0)
            }
        }
    }

    /// Whether an access unit of this stream has a B slice.
    pub fn has_b_frames(&self, unit: &[u8]) -> bool {
        match self {
            Self::H264(config) => avc::has_b_frames(unit, config.length_size),
            Self::Hevc(config) => config.has_b_frames(unit),
        }
    }

    /// The same configuration saying that nothing is reordered; `None` if it says so already or is not understood.
    pub fn without_reordering(&self) -> Option<Self> {
        match self {
            Self::H264(config) => config.without_reordering().map(Self::H264),
            Self::Hevc(config) => config.without_reordering().map(Self::Hevc),
        }
    }

    /// Appends all parameter sets as Annex B.
    pub fn write_parameter_sets(&self, out: &mut Vec<u8>) {
        match self {
            Self::H264(config) => config
                .parameter_sets()
                .for_each(|set| push_annexb(set, out)),
            Self::Hevc(config) => config
                .parameter_sets()
                .for_each(|set| push_annexb(set, out)),
        }
    }

    /// Appends an access unit as Annex B, ready for a decoder that was given no record.
    ///
    /// * `key` - the parameter sets go in front, unless the unit brings its own SPS.
    /// * `remove_reordering` - an SPS inside the unit is rewritten too; cameras repeat it in every key frame. Those of
    ///   the record are written as they are: take [`VideoConfig::without_reordering`].
    ///
    /// # Errors
    /// A NAL length beyond the unit. What came before it has been appended.
    pub fn write_annexb(
        &self,
        unit: &[u8],
        key: bool,
        remove_reordering: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let nals = split_lengths(unit, self.length_size());
        if key
            && !nals
                .clone()
                .any(|nal| nal.is_ok_and(|nal| self.is_sps(nal)))
        {
            self.write_parameter_sets(out);
        }
        for nal in nals {
            let nal = nal?;
            let rewritten = if remove_reordering && self.is_sps(nal) {
                self.rewrite(nal)
            } else {
                None
            };
            push_annexb(rewritten.as_deref().unwrap_or(nal), out);
        }
        Ok(())
    }

    fn is_sps(&self, nal: &[u8]) -> bool {
        match self {
            Self::H264(_) => avc::nal_type(nal) == avc::NAL_SPS,
            Self::Hevc(_) => hevc::nal_type(nal) == hevc::NAL_SPS,
        }
    }

    fn rewrite(&self, sps: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::H264(_) => avc::remove_reordering(sps),
            Self::Hevc(_) => hevc::remove_reordering(sps),
        }
    }
}
