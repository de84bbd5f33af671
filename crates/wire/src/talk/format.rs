//! What a camera plays: `aac/16000,aac/8000,pcm/16000,g711a/8000`.

use std::fmt;

use crate::error::ParseError;
use crate::json::Object;

/// Most formats of a list that are read.
pub const MAX_FORMATS: usize = 32;
/// Rates that can be said, Hz (device SDK header, audio sample rates).
const RATES: std::ops::RangeInclusive<u32> = 8_000..=96_000;

/// A codec of the viewer's voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VoiceCodec {
    /// `aac`: AAC-LC.
    Aac,
    /// `pcm`: 16 bits, little endian.
    Pcm,
    /// `g711a`: G.711 A-law.
    G711A,
    /// `g711u`: G.711 µ-law.
    G711U,
    /// `opus`: Opus in frames of 20 ms.
    Opus,
}

impl VoiceCodec {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Aac, Self::Pcm, Self::G711A, Self::G711U, Self::Opus];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aac => "aac",
            Self::Pcm => "pcm",
            Self::G711A => "g711a",
            Self::G711U => "g711u",
            Self::Opus => "opus",
        }
    }

    /// The codec of that name, or of the number that the device SDK's header gives it (PCM 0, G.711 1 and 2, AAC 4).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "0" => Some(Self::Pcm),
            "1" => Some(Self::G711A),
            "2" => Some(Self::G711U),
            "4" => Some(Self::Aac),
            _ => Self::ALL.into_iter().find(|codec| codec.name() == name),
        }
    }
}

impl fmt::Display for VoiceCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A codec at a sample rate, one channel: `aac/16000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VoiceFormat {
    /// The codec.
    pub codec: VoiceCodec,
    /// Hz. Opus is always 48000: that is what it decodes to.
    pub sample_rate: u32,
}

impl fmt::Display for VoiceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.codec, self.sample_rate)
    }
}

/// What a camera plays, the best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceFormats(pub Vec<VoiceFormat>);

impl VoiceFormats {
    /// What the documents expect of a camera that does not say: AAC at 16 kHz.
    pub fn documents() -> Self {
        Self(vec![VoiceFormat {
            codec: VoiceCodec::Aac,
            sample_rate: 16_000,
        }])
    }

    /// The best format, of this codec if one is wanted; `None` if the camera plays none such.
    pub fn choose(&self, codec: Option<VoiceCodec>) -> Option<VoiceFormat> {
        let fits = |format: &&VoiceFormat| codec.is_none_or(|codec| format.codec == codec);
        self.0.iter().find(fits).copied()
    }
}

impl fmt::Display for VoiceFormats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, format) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{format}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for VoiceFormats {
    type Err = ParseError;

    /// Reads a list that a person wrote: nothing in it may be unknown.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a list like aac/16000,pcm/8000";
        let formats: Option<Vec<_>> = text.split(',').map(format).collect();
        match formats {
            Some(formats) if formats.len() <= MAX_FORMATS => Ok(Self(formats)),
            _ => Err(ParseError::invalid("voice formats", "text", text, EXPECTED)),
        }
    }
}

/// Reads the list of a reply; what this version does not know is skipped.
pub(crate) fn read(
    object: &Object,
    field: &'static str,
) -> Result<Option<VoiceFormats>, ParseError> {
    let Some(text) = object.text(field)? else {
        return Ok(None);
    };
    let formats = text.split(',').take(MAX_FORMATS).filter_map(format);
    Ok(Some(VoiceFormats(formats.collect())))
}

fn format(one: &str) -> Option<VoiceFormat> {
    let (codec, rate) = one.trim().split_once('/')?;
    let sample_rate = rate.parse().ok().filter(|rate| RATES.contains(rate))?;
    let codec = VoiceCodec::from_name(codec)?;
    Some(VoiceFormat { codec, sample_rate })
}
