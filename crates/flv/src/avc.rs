//! H.264: the configuration record, slices, and the way to tell a decoder that nothing is reordered.
//!
//! ```text
//! avcC = 1 profile compatibility level 0b111111:u6 length_size-1:u2 0b111:u3 sps_count:u5 (length:u16 sps)*
//!        pps_count:u8 (length:u16 pps)*
//!        High profiles: 0b111111:u6 chroma_format:u2 0b11111:u5 luma-8:u3 0b11111:u5 chroma-8:u3 ext_count:u8 …
//! ```
//! (ISO/IEC 14496-15 5.3.3.1.2)

mod sps;

use crate::bits::{BitReader, unescape};
use crate::error::Malformed;
use crate::nal::{self, check_length_size, split_lengths};

pub use sps::{Restriction, Sps, Vui, remove_reordering};

/// Bits 0-4 of a NAL unit's first byte: its type (H.264 7.3.1).
const TYPE_MASK: u8 = 0x1F;
/// NAL type: slice of a picture that is no IDR (H.264 table 7-1).
pub const NAL_SLICE: u8 = 1;
/// NAL type: slice data partition A.
const NAL_PARTITION_A: u8 = 2;
/// NAL type: slice of an IDR picture.
pub const NAL_IDR: u8 = 5;
/// NAL type: sequence parameter set.
pub const NAL_SPS: u8 = 7;
/// NAL type: picture parameter set.
pub const NAL_PPS: u8 = 8;
/// The slice type of a B slice, modulo 5 (H.264 table 7-6).
const SLICE_B: u32 = 1;
/// More bytes than first_mb_in_slice and slice_type can take, escapes included.
const SLICE_START: usize = 16;

/// The version of the record.
const VERSION: u8 = 1;
/// Bits 0-1 of byte 4: length size minus one; the rest is set.
const LENGTH_SIZE_MASK: u8 = 0x03;
/// Bits 0-4 of byte 5: how many SPS; the rest is set.
const SPS_COUNT_MASK: u8 = 0x1F;
/// profile_idc whose record carries no extension: Baseline, Main, Extended.
const PROFILES_WITHOUT_EXTENSION: [u8; 3] = [66, 77, 88];

/// The type of a NAL unit, 0 to 31; 0 for an empty one.
pub fn nal_type(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |first| first & TYPE_MASK)
}

/// Whether a NAL unit is a B slice. What cannot be read is not.
pub fn is_b_slice(nal: &[u8]) -> bool {
    if !matches!(nal_type(nal), NAL_SLICE | NAL_PARTITION_A | NAL_IDR) {
        return false;
    }
    let start = unescape(&nal[1..nal.len().min(SLICE_START)]);
    let mut bits = BitReader::new(&start);
    bits.ue()
        .and_then(|_first_mb| bits.ue())
        .is_ok_and(|slice_type| slice_type % 5 == SLICE_B)
}

/// Whether an access unit of length-prefixed NAL units has a B slice.
pub fn has_b_frames(unit: &[u8], length_size: u8) -> bool {
    split_lengths(unit, length_size)
        .map_while(Result::ok)
        .any(is_b_slice)
}

/// The decoder configuration record, avcC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// profile_idc.
    pub profile: u8,
    /// The constraint_set flags, bit 7 first.
    pub compatibility: u8,
    /// level_idc, ten times the level.
    pub level: u8,
    /// Bytes of a NAL length prefix: 1, 2 or 4.
    pub length_size: u8,
    /// Sequence parameter sets, NAL header included, escapes in place.
    pub sps: Vec<Vec<u8>>,
    /// Picture parameter sets, likewise.
    pub pps: Vec<Vec<u8>>,
}

impl Config {
    /// Reads a record. Its extension for High profiles says nothing that the SPS does not, and is not kept.
    ///
    /// # Errors
    /// Truncated, another version, or a length size of 3.
    pub fn parse(record: &[u8]) -> Result<Self, Malformed> {
        let (&[version, profile, compatibility, level, sizes, counts], mut rest) =
            record.split_first_chunk().ok_or(Malformed::Truncated)?;
        if version != VERSION {
            return Err(Malformed::Value {
                field: "avcC version",
                value: version.into(),
            });
        }
        let length_size = (sizes & LENGTH_SIZE_MASK) + 1;
        check_length_size(length_size)?;
        let sps = read_sets(&mut rest, counts & SPS_COUNT_MASK)?;
        let (&pps_count, mut rest) = rest.split_first().ok_or(Malformed::Truncated)?;
        let pps = read_sets(&mut rest, pps_count)?;
        Ok(Self {
            profile,
            compatibility,
            level,
            length_size,
            sps,
            pps,
        })
    }

    /// A record of parameter sets, for four-byte lengths.
    ///
    /// # Errors
    /// No SPS, no PPS, or a set longer than 65535 bytes.
    pub fn from_parameter_sets(sps: &[&[u8]], pps: &[&[u8]]) -> Result<Self, Malformed> {
        let first = sps.first().ok_or(Malformed::Missing("SPS"))?;
        let &[_, profile, compatibility, level] =
            first.first_chunk().ok_or(Malformed::Truncated)?;
        if pps.is_empty() {
            return Err(Malformed::Missing("PPS"));
        }
        check_sets(sps, SPS_COUNT_MASK.into())?;
        check_sets(pps, u8::MAX.into())?;
        let owned = |sets: &[&[u8]]| sets.iter().map(|set| set.to_vec()).collect();
        Ok(Self {
            profile,
            compatibility,
            level,
            length_size: nal::LENGTH_SIZE,
            sps: owned(sps),
            pps: owned(pps),
        })
    }

    /// A record of the parameter sets in an Annex B stream.
    ///
    /// # Errors
    /// As [`Config::from_parameter_sets`].
    pub fn from_annexb(stream: &[u8]) -> Result<Self, Malformed> {
        let of_type = |wanted| {
            nal::split_annexb(stream)
                .filter(|nal| nal_type(nal) == wanted)
                .collect::<Vec<_>>()
        };
        Self::from_parameter_sets(&of_type(NAL_SPS), &of_type(NAL_PPS))
    }

    /// The record's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut record = vec![VERSION, self.profile, self.compatibility, self.level];
        record.push(!LENGTH_SIZE_MASK | (self.length_size - 1));
        let sps_count = self.sps.len().min(SPS_COUNT_MASK.into());
        record.push(!SPS_COUNT_MASK | sps_count as u8);
        write_sets(&self.sps[..sps_count], &mut record);
        let pps_count = self.pps.len().min(u8::MAX.into());
        record.push(pps_count as u8);
        write_sets(&self.pps[..pps_count], &mut record);
        if !PROFILES_WITHOUT_EXTENSION.contains(&self.profile)
            && let Some(Ok(sps)) = self.sps()
        {
            let depths = [sps.bit_depth_luma, sps.bit_depth_chroma].map(|depth| 0xF8 | (depth - 8));
            record.extend_from_slice(&[0xFC | sps.chroma_format, depths[0], depths[1], 0]);
        }
        record
    }

    /// The first SPS, read; `None` if the record has none.
    pub fn sps(&self) -> Option<Result<Sps, Malformed>> {
        self.sps.first().map(|sps| Sps::parse(sps))
    }

    /// Name for WebCodecs and MIME types (RFC 6381), for example `avc1.42C01F`.
    pub fn codec_string(&self) -> String {
        format!(
            "avc1.{:02X}{:02X}{:02X}",
            self.profile, self.compatibility, self.level
        )
    }

    /// All parameter sets in the order in which a decoder wants them.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> {
        self.sps.iter().chain(&self.pps).map(Vec::as_slice)
    }

    /// The same record saying that nothing is reordered, or `None` if it says so already or an SPS is not understood.
    /// Only for streams without B-frames: see [`ReorderCheck`](crate::ReorderCheck).
    pub fn without_reordering(&self) -> Option<Self> {
        let mut changed = self.clone();
        let mut any = false;
        for sps in &mut changed.sps {
            if let Some(rewritten) = remove_reordering(sps) {
                *sps = rewritten;
                any = true;
            }
        }
        any.then_some(changed)
    }
}

fn read_sets(rest: &mut &[u8], count: u8) -> Result<Vec<Vec<u8>>, Malformed> {
    (0..count)
        .map(|_| read_set(rest).map(<[u8]>::to_vec))
        .collect()
}

/// Reads one parameter set behind its 16-bit length.
pub(crate) fn read_set<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let (length, behind) = rest.split_first_chunk().ok_or(Malformed::Truncated)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (set, behind) = behind
        .split_at_checked(length)
        .ok_or(Malformed::Truncated)?;
    *rest = behind;
    Ok(set)
}

/// Whether a record can hold those sets.
pub(crate) fn check_sets(sets: &[&[u8]], most: usize) -> Result<(), Malformed> {
    let longest = sets.iter().map(|set| set.len()).max().unwrap_or(0);
    if longest > u16::MAX.into() {
        return Err(Malformed::Value {
            field: "parameter set length",
            value: longest as i64,
        });
    }
    if sets.len() > most {
        return Err(Malformed::TooMany);
    }
    Ok(())
}

/// Appends sets behind 16-bit lengths. A set longer than that is written empty, which no decoder takes for anything.
pub(crate) fn write_sets(sets: &[Vec<u8>], record: &mut Vec<u8>) {
    for set in sets {
        let set = if set.len() > u16::MAX.into() {
            &[][..]
        } else {
            set
        };
        record.extend_from_slice(&(set.len() as u16).to_be_bytes());
        record.extend_from_slice(set);
    }
}

#[cfg(test)]
mod tests;
