//! As much of slice headers and picture parameter sets as tells a B slice (H.265 7.3.6.1, 7.3.2.3.1).

use super::{NAL_PPS, Sps, nal_type};
use crate::bits::{BitReader, unescape};
use crate::error::Malformed;

/// NAL types up to this one carry slices; from 10 to 15 they are reserved (H.265 table 7-1).
const LAST_SLICE: u8 = 21;
/// Reserved NAL types below the intra random access ones.
const RESERVED: std::ops::RangeInclusive<u8> = 10..=15;
/// NAL types of intra random access pictures, whose header has a flag more.
const RANDOM_ACCESS: std::ops::RangeInclusive<u8> = 16..=23;
/// slice_type of a B slice (H.265 table 7-7).
const SLICE_B: u32 = 0;
/// Bytes of a NAL header.
const NAL_HEADER_LEN: usize = 2;
/// More bytes than the start of a slice header up to slice_type can take, escapes included.
const SLICE_START: usize = 32;

/// The fields of a PPS that stand in the way of slice_type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pps {
    id: u32,
    sps_id: u32,
    dependent_slices: bool,
    extra_bits: u32,
}

impl Pps {
    pub(super) fn parse(nal: &[u8]) -> Result<Self, Malformed> {
        if nal_type(nal) != NAL_PPS || nal.len() < NAL_HEADER_LEN {
            return Err(Malformed::Missing("PPS"));
        }
        let start = unescape(&nal[NAL_HEADER_LEN..nal.len().min(SLICE_START)]);
        let mut bits = BitReader::new(&start);
        let id = bits.ue_to(63, "pps_pic_parameter_set_id")?;
        let sps_id = bits.ue_to(15, "pps_seq_parameter_set_id")?;
        let dependent_slices = bits.flag()?;
        bits.skip(1)?; // output_flag_present_flag
        Ok(Self {
            id,
            sps_id,
            dependent_slices,
            extra_bits: bits.bits(3)?,
        })
    }
}

/// Whether a NAL unit carries a slice of the base layer.
pub(super) fn is_slice(nal: &[u8]) -> bool {
    let kind = nal_type(nal);
    nal.len() > NAL_HEADER_LEN && kind <= LAST_SLICE && !RESERVED.contains(&kind)
}

/// Whether a slice is a B slice. What cannot be read is not.
pub(super) fn is_b_slice(nal: &[u8], sps: &[Sps], pps: &[Pps]) -> bool {
    matches!(slice_type(nal, sps, pps), Ok(Some(SLICE_B)))
}

/// The type, or nothing for a dependent slice segment, which has that of the one before.
fn slice_type(nal: &[u8], sps: &[Sps], pps: &[Pps]) -> Result<Option<u32>, Malformed> {
    let start = unescape(
        nal.get(NAL_HEADER_LEN..nal.len().min(SLICE_START))
            .ok_or(Malformed::Truncated)?,
    );
    let mut bits = BitReader::new(&start);
    let first_in_picture = bits.flag()?;
    if RANDOM_ACCESS.contains(&nal_type(nal)) {
        bits.skip(1)?; // no_output_of_prior_pics_flag
    }
    let id = bits.ue()?;
    let pps = pps
        .iter()
        .find(|pps| pps.id == id)
        .ok_or(Malformed::Missing("PPS"))?;
    if !first_in_picture {
        let sps = sps
            .iter()
            .find(|sps| u32::from(sps.id) == pps.sps_id)
            .ok_or(Malformed::Missing("SPS"))?;
        if pps.dependent_slices && bits.flag()? {
            return Ok(None);
        }
        bits.skip(sps.slice_address_bits as usize)?;
    }
    bits.skip(pps.extra_bits as usize)?;
    bits.ue().map(Some)
}
