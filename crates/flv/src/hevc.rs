//! H.265: the configuration record, slices, and the way to tell a decoder that nothing is reordered.
//!
//! ```text
//! hvcC = 1 space:u2 tier:u1 profile:u5 compatibility:u32 constraints:u48 level:u8 0xF:u4 min_segmentation:u12
//!        0x3F:u6 parallelism:u2 0x3F:u6 chroma:u2 0x1F:u5 luma-8:u3 0x1F:u5 chroma-8:u3 frame_rate:u16
//!        constant_rate:u2 sub_layers:u3 nested:u1 length_size-1:u2 arrays:u8
//!        (complete:u1 0 type:u6 count:u16 (length:u16 nal)*)*
//! ```
//! (ISO/IEC 14496-15 8.3.3.1.2)

mod slice;
mod sps;

use std::fmt::Write as _;

use crate::avc::{check_sets, read_set, write_sets};
use crate::error::Malformed;
use crate::nal::{self, check_length_size, split_lengths};

use slice::Pps;
pub use sps::{Profile, Sps, SubLayerOrdering, Vps, remove_reordering};

/// Bits 1-6 of a NAL unit's first byte: its type (H.265 7.3.1.2).
const TYPE_SHIFT: u8 = 1;
/// Mask of the type once shifted down.
const TYPE_MASK: u8 = 0x3F;
/// NAL type: video parameter set (H.265 table 7-1).
pub const NAL_VPS: u8 = 32;
/// NAL type: sequence parameter set.
pub const NAL_SPS: u8 = 33;
/// NAL type: picture parameter set.
pub const NAL_PPS: u8 = 34;

/// Length of the record before its arrays' count.
const HEAD_LEN: usize = 22;
/// Bits 0-1 of byte 21: length size minus one.
const LENGTH_SIZE_MASK: u8 = 0x03;
/// Bit 7 of an array's first byte: all sets of this type are in the record.
const ARRAY_COMPLETE: u8 = 0x80;
/// More sets of a type than this are nonsense: H.265 has 16 VPS, 16 SPS and 64 PPS ids.
const MAX_SETS: usize = 64;

/// The type of a NAL unit, 0 to 63; 63, which is unspecified, for an empty one.
pub fn nal_type(nal: &[u8]) -> u8 {
    nal.first()
        .map_or(TYPE_MASK, |first| first >> TYPE_SHIFT & TYPE_MASK)
}

/// The decoder configuration record, hvcC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Profile, tier and level.
    pub profile: Profile,
    /// chroma_format_idc.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample.
    pub bit_depth_chroma: u8,
    /// Temporal layers, 0 if unknown.
    pub temporal_layers: u8,
    /// sps_temporal_id_nesting_flag.
    pub temporal_id_nested: bool,
    /// Bytes of a NAL length prefix: 1, 2 or 4.
    pub length_size: u8,
    /// Video parameter sets, NAL header included, escapes in place.
    pub vps: Vec<Vec<u8>>,
    /// Sequence parameter sets, likewise.
    pub sps: Vec<Vec<u8>>,
    /// Picture parameter sets, likewise.
    pub pps: Vec<Vec<u8>>,
}

impl Config {
    /// Reads a record. Arrays other than of parameter sets (SEI) are not kept. The version is not looked at: early
    /// writers put 0.
    ///
    /// # Errors
    /// Truncated, or a length size of 3.
    pub fn parse(record: &[u8]) -> Result<Self, Malformed> {
        let (head, rest) = record
            .split_first_chunk::<HEAD_LEN>()
            .ok_or(Malformed::Truncated)?;
        let (&arrays, mut rest) = rest.split_first().ok_or(Malformed::Truncated)?;
        let length_size = (head[21] & LENGTH_SIZE_MASK) + 1;
        check_length_size(length_size)?;
        let mut config = Self {
            profile: Profile::from_bytes(&head[1..13]),
            chroma_format: head[16] & 3,
            bit_depth_luma: 8 + (head[17] & 7),
            bit_depth_chroma: 8 + (head[18] & 7),
            temporal_layers: head[21] >> 3 & 7,
            temporal_id_nested: head[21] >> 2 & 1 == 1,
            length_size,
            vps: Vec::new(),
            sps: Vec::new(),
            pps: Vec::new(),
        };
        for _ in 0..arrays {
            let (&[kind, c0, c1], behind) = rest.split_first_chunk().ok_or(Malformed::Truncated)?;
            rest = behind;
            for _ in 0..u16::from_be_bytes([c0, c1]) {
                let set = read_set(&mut rest)?;
                let sets = match kind & TYPE_MASK {
                    NAL_VPS => &mut config.vps,
                    NAL_SPS => &mut config.sps,
                    NAL_PPS => &mut config.pps,
                    _ => continue,
                };
                if sets.len() >= MAX_SETS {
                    return Err(Malformed::TooMany);
                }
                sets.push(set.to_vec());
            }
        }
        Ok(config)
    }

    /// A record of parameter sets, for four-byte lengths.
    ///
    /// # Errors
    /// A set is missing, not understood, or longer than 65535 bytes.
    pub fn from_parameter_sets(
        vps: &[&[u8]],
        sps: &[&[u8]],
        pps: &[&[u8]],
    ) -> Result<Self, Malformed> {
        let first = Sps::parse(sps.first().ok_or(Malformed::Missing("SPS"))?)?;
        for (sets, name) in [(vps, "VPS"), (sps, "SPS"), (pps, "PPS")] {
            if sets.is_empty() {
                return Err(Malformed::Missing(name));
            }
            check_sets(sets, MAX_SETS)?;
        }
        let owned = |sets: &[&[u8]]| sets.iter().map(|set| set.to_vec()).collect();
        Ok(Self {
            profile: first.profile,
            chroma_format: first.chroma_format,
            bit_depth_luma: first.bit_depth_luma,
            bit_depth_chroma: first.bit_depth_chroma,
            temporal_layers: first.max_sub_layers,
            temporal_id_nested: first.temporal_id_nested,
            length_size: nal::LENGTH_SIZE,
            vps: owned(vps),
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
        Self::from_parameter_sets(&of_type(NAL_VPS), &of_type(NAL_SPS), &of_type(NAL_PPS))
    }

    /// The record's bytes. Segmentation, parallelism and frame rate are written as unknown.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut record = vec![1];
        record.extend_from_slice(&self.profile.to_bytes());
        record.extend_from_slice(&[0xF0, 0, 0xFC, 0xFC | (self.chroma_format & 3)]);
        let depth = |depth: u8| 0xF8 | (depth.saturating_sub(8) & 7);
        record.extend_from_slice(&[
            depth(self.bit_depth_luma),
            depth(self.bit_depth_chroma),
            0,
            0,
        ]);
        let nested = u8::from(self.temporal_id_nested) << 2;
        record.push((self.temporal_layers & 7) << 3 | nested | (self.length_size - 1));
        let arrays = [
            (NAL_VPS, &self.vps),
            (NAL_SPS, &self.sps),
            (NAL_PPS, &self.pps),
        ];
        record.push(arrays.iter().filter(|(_, sets)| !sets.is_empty()).count() as u8);
        for (kind, sets) in arrays.into_iter().filter(|(_, sets)| !sets.is_empty()) {
            let sets = &sets[..sets.len().min(MAX_SETS)];
            record.push(ARRAY_COMPLETE | kind);
            record.extend_from_slice(&(sets.len() as u16).to_be_bytes());
            write_sets(sets, &mut record);
        }
        record
    }

    /// The first SPS, read; `None` if the record has none.
    pub fn sps(&self) -> Option<Result<Sps, Malformed>> {
        self.sps.first().map(|sps| Sps::parse(sps))
    }

    /// Name for WebCodecs and MIME types (ISO/IEC 14496-15 annex E), for example `hvc1.1.6.L93.B0`.
    pub fn codec_string(&self) -> String {
        let profile = &self.profile;
        let mut name = String::from("hvc1.");
        // Profile space: nothing, A, B or C.
        if let Some(space) = profile.space.checked_sub(1) {
            name.push(char::from(b'A' + space.min(2)));
        }
        let tier = if profile.high_tier { 'H' } else { 'L' };
        let compatibility = profile.compatibility.reverse_bits();
        // Writing to a String cannot fail.
        let _ = write!(
            name,
            "{}.{compatibility:X}.{tier}{}",
            profile.idc, profile.level
        );
        let used = profile
            .constraints
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        for byte in &profile.constraints[..used] {
            let _ = write!(name, ".{byte:X}");
        }
        name
    }

    /// All parameter sets in the order in which a decoder wants them.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> {
        self.vps
            .iter()
            .chain(&self.sps)
            .chain(&self.pps)
            .map(Vec::as_slice)
    }

    /// Whether an access unit of this stream has a B slice. What cannot be read is none.
    ///
    /// H.265 has B slices that look back only; they count too, so that the answer errs toward leaving the SPS alone.
    pub fn has_b_frames(&self, unit: &[u8]) -> bool {
        let mut nals = split_lengths(unit, self.length_size)
            .map_while(Result::ok)
            .filter(|nal| slice::is_slice(nal));
        let Some(first) = nals.next() else {
            return false;
        };
        let sps: Vec<Sps> = self
            .sps
            .iter()
            .filter_map(|sps| Sps::parse(sps).ok())
            .collect();
        let pps: Vec<Pps> = self
            .pps
            .iter()
            .filter_map(|pps| Pps::parse(pps).ok())
            .collect();
        std::iter::once(first)
            .chain(nals)
            .any(|nal| slice::is_b_slice(nal, &sps, &pps))
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

#[cfg(test)]
mod tests;
