//! The Opus configuration: OpusHead (RFC 7845, 5.1).
//!
//! ```text
//! "OpusHead" version:u8 channels:u8 pre_skip:u16le input_rate:u32le gain:i16le mapping_family:u8
//! ```

use crate::error::Malformed;

const MAGIC: &[u8; 8] = b"OpusHead";
/// Length without a channel mapping table.
const LEN: usize = 19;
/// Bits 4-7 of the version must be 0 to be understood.
const MAJOR_VERSION_MASK: u8 = 0xF0;

/// What an OpusHead says. The channel mapping table of families other than 0 is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusHead {
    /// Channels, at least 1.
    pub channels: u8,
    /// Samples at 48 kHz to drop at the start.
    pub pre_skip: u16,
    /// Rate of the sound before encoding, Hz; for information, decoding is at 48 kHz.
    pub input_rate: u32,
    /// Gain to apply, in 1/256 dB.
    pub gain: i16,
    /// Channel mapping family; 0 is mono or stereo.
    pub mapping_family: u8,
}

impl OpusHead {
    /// Reads an OpusHead.
    ///
    /// # Errors
    /// Truncated, another magic or version, no channels.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let head: &[u8; LEN] = bytes.first_chunk().ok_or(Malformed::Truncated)?;
        if head[..8] != MAGIC[..] {
            return Err(Malformed::Missing("OpusHead"));
        }
        let (version, channels) = (head[8], head[9]);
        if version & MAJOR_VERSION_MASK != 0 {
            return Err(Malformed::Value {
                field: "OpusHead version",
                value: version.into(),
            });
        }
        if channels == 0 {
            return Err(Malformed::Value {
                field: "OpusHead channels",
                value: 0,
            });
        }
        Ok(Self {
            channels,
            pre_skip: u16::from_le_bytes([head[10], head[11]]),
            input_rate: u32::from_le_bytes([head[12], head[13], head[14], head[15]]),
            gain: i16::from_le_bytes([head[16], head[17]]),
            mapping_family: head[18],
        })
    }

    /// The 19 bytes of an OpusHead of mapping family 0.
    pub fn to_bytes(&self) -> [u8; LEN] {
        let mut head = [0; LEN];
        head[..8].copy_from_slice(MAGIC);
        head[8] = 1;
        head[9] = self.channels;
        head[10..12].copy_from_slice(&self.pre_skip.to_le_bytes());
        head[12..16].copy_from_slice(&self.input_rate.to_le_bytes());
        head[16..18].copy_from_slice(&self.gain.to_le_bytes());
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back() {
        let head = OpusHead {
            channels: 2,
            pre_skip: 312,
            input_rate: 16_000,
            gain: -256,
            mapping_family: 0,
        };
        assert_eq!(OpusHead::parse(&head.to_bytes()), Ok(head));
        assert_eq!(
            OpusHead::parse(&head.to_bytes()[..18]),
            Err(Malformed::Truncated)
        );
        assert!(OpusHead::parse(&[0; 19]).is_err());
    }
}
