//! AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), the configuration of an AAC stream.
//!
//! ```text
//! object_type:u5 rate_index:u4 [rate:u24] channels:u4                        2 bytes with the next line
//! frame_length_960:u1 depends_on_core:u1 [delay:u14] extension:u1
//! 0x2B7:u11 5:u5 sbr:u1 rate_index:u4 [rate:u24] [0x548:u11 ps:u1]           5 bytes with this one
//! ```

use crate::bits::BitReader;
use crate::error::Malformed;

/// Rates by index; 13 and 14 are reserved, 15 means that 24 bits follow (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
];
/// Index that says that the rate follows.
const RATE_FOLLOWS: u32 = 15;
/// Object type: AAC low complexity.
pub const AAC_LC: u8 = 2;
/// Object type: spectral band replication, HE-AAC.
const SBR: u8 = 5;
/// Object type: parametric stereo, HE-AAC v2.
const PS: u8 = 29;
/// Object type that says that six more bits follow.
const TYPE_FOLLOWS: u8 = 31;
/// Marks the backward compatible extension that announces SBR (syncExtensionType).
const SYNC_SBR: u32 = 0x2B7;
/// Marks the extension that announces parametric stereo.
const SYNC_PS: u32 = 0x548;
/// Samples a frame without and with frameLengthFlag (4.5.1.1).
const FRAME_LENGTHS: [u16; 2] = [1024, 960];

/// What an AudioSpecificConfig says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// Audio object type of the core, 2 for AAC-LC.
    pub object_type: u8,
    /// Hz of the core.
    pub sample_rate: u32,
    /// Channels of the core, 1 to 8.
    pub channels: u8,
    /// Hz with SBR, if announced.
    pub sbr_rate: Option<u32>,
    /// Parametric stereo is announced: one channel becomes two.
    pub parametric_stereo: bool,
    /// Samples of the core a frame: 1024, rarely 960.
    pub frame_length: u16,
}

impl AudioSpecificConfig {
    /// AAC-LC of that rate and channels (1 to 6, or 8), or nothing if two bytes cannot say them.
    pub fn lc(sample_rate: u32, channels: u8) -> Option<Self> {
        let config = Self {
            object_type: AAC_LC,
            sample_rate,
            channels,
            sbr_rate: None,
            parametric_stereo: false,
            frame_length: FRAME_LENGTHS[0],
        };
        config.to_bytes().map(|_| config)
    }

    /// Reads a configuration of any length, with SBR announced in front (object types 5 and 29) or behind.
    ///
    /// # Errors
    /// Truncated, a reserved rate, or channels given by a program config element, which no camera sends.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut bits = BitReader::new(bytes);
        let mut object_type = read_type(&mut bits)?;
        let sample_rate = read_rate(&mut bits)?;
        let channels = match bits.bits(4)? {
            configuration @ 1..=6 => configuration as u8,
            7 => 8,
            other => {
                return Err(Malformed::Value {
                    field: "channelConfiguration",
                    value: other.into(),
                });
            }
        };
        let mut parametric_stereo = object_type == PS;
        let mut sbr_rate = None;
        if matches!(object_type, SBR | PS) {
            sbr_rate = Some(read_rate(&mut bits)?);
            object_type = read_type(&mut bits)?;
        }
        let frame_length = FRAME_LENGTHS[usize::from(bits.flag().unwrap_or(false))];
        if sbr_rate.is_none()
            && let Ok(Some((rate, ps))) = read_extension(&mut bits)
        {
            (sbr_rate, parametric_stereo) = (Some(rate), ps);
        }
        Ok(Self {
            object_type,
            sample_rate,
            channels,
            sbr_rate,
            parametric_stereo,
            frame_length,
        })
    }

    /// The two-byte form, without SBR. Nothing if the rate has no index, the channels no configuration, or the object
    /// type no five bits.
    pub fn to_bytes(&self) -> Option<[u8; 2]> {
        let rate = RATES.iter().position(|&rate| rate == self.sample_rate)? as u16;
        let channels = match self.channels {
            count @ 1..=6 => u16::from(count),
            8 => 7,
            _ => return None,
        };
        if !(1..TYPE_FOLLOWS).contains(&self.object_type) || matches!(self.object_type, SBR | PS) {
            return None;
        }
        let short_frames = u16::from(self.frame_length == FRAME_LENGTHS[1]);
        let word =
            u16::from(self.object_type) << 11 | rate << 7 | channels << 3 | short_frames << 2;
        Some(word.to_be_bytes())
    }

    /// Hz of what a decoder puts out: with SBR the higher rate.
    pub fn output_rate(&self) -> u32 {
        self.sbr_rate.unwrap_or(self.sample_rate)
    }

    /// Channels of what a decoder puts out: with parametric stereo two.
    pub fn output_channels(&self) -> u8 {
        if self.parametric_stereo {
            self.channels.max(2)
        } else {
            self.channels
        }
    }

    /// Name for WebCodecs and MIME types (RFC 6381), `mp4a.40.2` for AAC-LC.
    pub fn codec_string(&self) -> String {
        let object_type = match (self.sbr_rate, self.parametric_stereo) {
            (Some(_), true) => PS,
            (Some(_), false) => SBR,
            (None, _) => self.object_type,
        };
        format!("mp4a.40.{object_type}")
    }
}

fn read_type(bits: &mut BitReader<'_>) -> Result<u8, Malformed> {
    let object_type = bits.bits(5)? as u8;
    if object_type == TYPE_FOLLOWS {
        Ok(32 + bits.bits(6)? as u8)
    } else {
        Ok(object_type)
    }
}

fn read_rate(bits: &mut BitReader<'_>) -> Result<u32, Malformed> {
    let index = bits.bits(4)?;
    let rate = if index == RATE_FOLLOWS {
        bits.bits(24)?
    } else {
        RATES.get(index as usize).copied().unwrap_or(0)
    };
    if rate == 0 {
        return Err(Malformed::Value {
            field: "samplingFrequencyIndex",
            value: index.into(),
        });
    }
    Ok(rate)
}

/// What stands behind frameLengthFlag: rate with SBR and whether parametric stereo is on.
fn read_extension(bits: &mut BitReader<'_>) -> Result<Option<(u32, bool)>, Malformed> {
    if bits.flag()? {
        bits.skip(14)?; // coreCoderDelay
    }
    bits.skip(1)?; // extensionFlag
    if bits.bits(11)? != SYNC_SBR || read_type(bits)? != SBR || !bits.flag()? {
        return Ok(None);
    }
    let rate = read_rate(bits)?;
    let ps = bits.bits(11).is_ok_and(|sync| sync == SYNC_PS) && bits.flag().unwrap_or(false);
    Ok(Some((rate, ps)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_byte_form_comes_back() {
        let config = AudioSpecificConfig::lc(48_000, 1).unwrap();
        assert_eq!(config.to_bytes(), Some([0x11, 0x88]));
        for rate in RATES {
            for channels in [1, 2, 6, 8] {
                let config = AudioSpecificConfig::lc(rate, channels).unwrap();
                assert_eq!(
                    AudioSpecificConfig::parse(&config.to_bytes().unwrap()),
                    Ok(config)
                );
            }
        }
        assert_eq!(AudioSpecificConfig::lc(48_001, 1), None);
        assert_eq!(AudioSpecificConfig::lc(48_000, 7), None);
    }

    #[test]
    fn the_five_byte_form_reads() {
        // What FFmpeg writes for AAC-LC 48 kHz mono: SBR announced as absent.
        let config = AudioSpecificConfig::parse(&[0x11, 0x88, 0x56, 0xE5, 0x00]).unwrap();
        assert_eq!(
            (config.sample_rate, config.channels, config.sbr_rate),
            (48_000, 1, None)
        );
        // HE-AAC, core 24 kHz stereo, announced behind.
        let config = AudioSpecificConfig::parse(&[0x13, 0x10, 0x56, 0xE5, 0x98]).unwrap();
        assert_eq!((config.sample_rate, config.output_rate()), (24_000, 48_000));
        assert_eq!(config.codec_string(), "mp4a.40.5");
        assert_eq!(config.to_bytes(), Some([0x13, 0x10]));
    }

    #[test]
    fn sbr_in_front_reads() {
        // Object type 5, core 24 kHz mono, SBR at 48 kHz, core object type 2.
        let config = AudioSpecificConfig::parse(&[0x2B, 0x09, 0x88, 0x00]).unwrap();
        assert_eq!(
            (config.object_type, config.channels, config.output_rate()),
            (AAC_LC, 1, 48_000)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(AudioSpecificConfig::parse(&[]), Err(Malformed::Truncated));
        assert_eq!(
            AudioSpecificConfig::parse(&[0x11]),
            Err(Malformed::Truncated)
        );
        assert!(
            AudioSpecificConfig::parse(&[0x16, 0x88]).is_err(),
            "reserved rate"
        );
        assert!(
            AudioSpecificConfig::parse(&[0x11, 0x80]).is_err(),
            "no channels"
        );
    }
}
