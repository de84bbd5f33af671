//! Video and sequence parameter sets (H.265 7.3.2.1, 7.3.2.2, 7.3.3), as far as they concern a viewer.

use super::{NAL_SPS, NAL_VPS, nal_type};
use crate::bits::{BitReader, BitWriter, escape, stop_bit, unescape};
use crate::error::Malformed;

/// Most sub-layers minus one (H.265 7.4.3.1).
const MAX_SUB_LAYERS_MINUS1: u32 = 6;
/// Larger pictures are nonsense, in pixels a side.
const MAX_SIDE: u32 = 65_536;
/// Largest log2 of a coding tree block's side that is parsed (H.265 7.4.3.2.1 allows 6).
const MAX_LOG2_CODING_TREE_BLOCK: u32 = 6;
/// Most pictures that a decoder's buffer holds (H.265 A.4.2).
const MAX_PICTURES: u32 = 16;
/// Bytes of the general part of profile_tier_level.
const PROFILE_LEN: usize = 12;

/// Profile, tier and level (H.265 7.3.3, general part).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// general_profile_space, 0 to 3.
    pub space: u8,
    /// general_tier_flag.
    pub high_tier: bool,
    /// general_profile_idc; 1 is Main, 2 Main 10.
    pub idc: u8,
    /// general_profile_compatibility_flags, flag 0 in bit 31.
    pub compatibility: u32,
    /// The six bytes of constraint flags.
    pub constraints: [u8; 6],
    /// general_level_idc, thirty times the level.
    pub level: u8,
}

impl Profile {
    /// Reads twelve bytes; missing ones count as zero.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let mut all = [0; PROFILE_LEN];
        all.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
        let [first, c0, c1, c2, c3, k0, k1, k2, k3, k4, k5, level] = all;
        Self {
            space: first >> 6,
            high_tier: first >> 5 & 1 == 1,
            idc: first & 0x1F,
            compatibility: u32::from_be_bytes([c0, c1, c2, c3]),
            constraints: [k0, k1, k2, k3, k4, k5],
            level,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; PROFILE_LEN] {
        let [c0, c1, c2, c3] = self.compatibility.to_be_bytes();
        let [k0, k1, k2, k3, k4, k5] = self.constraints;
        let first = (self.space & 3) << 6 | u8::from(self.high_tier) << 5 | (self.idc & 0x1F);
        [first, c0, c1, c2, c3, k0, k1, k2, k3, k4, k5, self.level]
    }

    /// profile_tier_level(1, max_sub_layers_minus1).
    fn parse(bits: &mut BitReader<'_>, max_sub_layers_minus1: u32) -> Result<Self, Malformed> {
        let mut bytes = [0; PROFILE_LEN];
        for byte in &mut bytes {
            *byte = bits.bits(8)? as u8;
        }
        if max_sub_layers_minus1 > 0 {
            let mut skipped = 0;
            for _ in 0..max_sub_layers_minus1 {
                skipped += if bits.flag()? { 88 } else { 0 }; // sub_layer_profile_present_flag
                skipped += if bits.flag()? { 8 } else { 0 }; // sub_layer_level_present_flag
            }
            bits.skip(2 * (8 - max_sub_layers_minus1 as usize))?; // reserved_zero_2bits
            bits.skip(skipped)?;
        }
        Ok(Self::from_bytes(&bytes))
    }
}

/// What a decoder must hold back for one sub-layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubLayerOrdering {
    /// max_dec_pic_buffering_minus1 plus one.
    pub max_dec_pic_buffering: u32,
    /// Pictures that may precede a picture in decode order and follow it in output order. 0: no reordering.
    pub max_num_reorder_pics: u32,
    /// max_latency_increase_plus1; 0 is no limit.
    pub max_latency_increase_plus1: u32,
}

impl SubLayerOrdering {
    /// The loop over sub-layers that VPS and SPS share, behind sub_layer_ordering_info_present_flag.
    fn parse_all(
        bits: &mut BitReader<'_>,
        max_sub_layers_minus1: u32,
    ) -> Result<Vec<Self>, Malformed> {
        let count = if bits.flag()? {
            max_sub_layers_minus1 + 1
        } else {
            1
        };
        (0..count)
            .map(|_| {
                Ok(Self {
                    max_dec_pic_buffering: bits
                        .ue_to(MAX_PICTURES - 1, "max_dec_pic_buffering_minus1")?
                        + 1,
                    max_num_reorder_pics: bits.ue_to(MAX_PICTURES, "max_num_reorder_pics")?,
                    max_latency_increase_plus1: bits.ue()?,
                })
            })
            .collect()
    }
}

/// What a VPS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vps {
    /// vps_video_parameter_set_id, 0 to 15.
    pub id: u8,
    /// Temporal sub-layers, 1 to 7.
    pub max_sub_layers: u8,
    /// vps_temporal_id_nesting_flag.
    pub temporal_id_nested: bool,
    /// Profile, tier and level.
    pub profile: Profile,
    /// Ordering, one entry a sub-layer or one for all; the last is for the whole stream.
    pub ordering: Vec<SubLayerOrdering>,
}

impl Vps {
    /// Reads a VPS, NAL header included, escapes in place.
    ///
    /// # Errors
    /// Truncated, no VPS, or values outside the standard.
    pub fn parse(nal: &[u8]) -> Result<Self, Malformed> {
        if nal_type(nal) != NAL_VPS {
            return Err(Malformed::Value {
                field: "nal_unit_type",
                value: nal_type(nal).into(),
            });
        }
        let rbsp = unescape(nal);
        let mut bits = BitReader::new(&rbsp);
        bits.skip(16)?; // NAL header
        let id = bits.bits(4)? as u8;
        bits.skip(2 + 6)?; // base layer flags, vps_max_layers_minus1
        let max_sub_layers_minus1 = sub_layers(&mut bits)?;
        let temporal_id_nested = bits.flag()?;
        bits.skip(16)?; // vps_reserved_0xffff_16bits
        let profile = Profile::parse(&mut bits, max_sub_layers_minus1)?;
        let ordering = SubLayerOrdering::parse_all(&mut bits, max_sub_layers_minus1)?;
        Ok(Self {
            id,
            max_sub_layers: max_sub_layers_minus1 as u8 + 1,
            temporal_id_nested,
            profile,
            ordering,
        })
    }
}

/// What an SPS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// sps_seq_parameter_set_id, 0 to 15.
    pub id: u8,
    /// Temporal sub-layers, 1 to 7.
    pub max_sub_layers: u8,
    /// sps_temporal_id_nesting_flag.
    pub temporal_id_nested: bool,
    /// Profile, tier and level.
    pub profile: Profile,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Visible width in pixels.
    pub width: u32,
    /// Visible height in pixels.
    pub height: u32,
    /// Bits of a luma sample.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample.
    pub bit_depth_chroma: u8,
    /// Ordering, one entry a sub-layer or one for all; the last is for the whole stream.
    pub ordering: Vec<SubLayerOrdering>,
    /// Length of slice_segment_address.
    pub(super) slice_address_bits: u32,
    /// Bits of the ordering's flag and of what follows the ordering.
    ordering_at: usize,
    ordering_end: usize,
    /// Bits that were read.
    read_end: usize,
}

impl Sps {
    /// Reads an SPS of the base layer, NAL header included, escapes in place.
    ///
    /// # Errors
    /// Truncated, no SPS, or values outside the standard.
    pub fn parse(nal: &[u8]) -> Result<Self, Malformed> {
        if nal_type(nal) != NAL_SPS {
            return Err(Malformed::Value {
                field: "nal_unit_type",
                value: nal_type(nal).into(),
            });
        }
        Self::parse_rbsp(&unescape(nal))
    }

    fn parse_rbsp(rbsp: &[u8]) -> Result<Self, Malformed> {
        let mut bits = BitReader::new(rbsp);
        bits.skip(7)?; // forbidden_zero_bit, nal_unit_type
        let layer = bits.bits(6)?;
        if layer != 0 {
            return Err(Malformed::Value {
                field: "nuh_layer_id",
                value: layer.into(),
            });
        }
        bits.skip(3 + 4)?; // nuh_temporal_id_plus1, sps_video_parameter_set_id
        let max_sub_layers_minus1 = sub_layers(&mut bits)?;
        let temporal_id_nested = bits.flag()?;
        let profile = Profile::parse(&mut bits, max_sub_layers_minus1)?;
        let id = bits.ue_to(15, "sps_seq_parameter_set_id")? as u8;
        let chroma_format = bits.ue_to(3, "chroma_format_idc")? as u8;
        let separate_planes = chroma_format == 3 && bits.flag()?;
        let coded_width = side(bits.ue()?, "pic_width_in_luma_samples")?;
        let coded_height = side(bits.ue()?, "pic_height_in_luma_samples")?;
        let (mut width, mut height) = (coded_width, coded_height);
        if bits.flag()? {
            let chroma = if separate_planes { 0 } else { chroma_format };
            width = crop(
                &mut bits,
                width,
                if matches!(chroma, 1 | 2) { 2 } else { 1 },
            )?;
            height = crop(&mut bits, height, if chroma == 1 { 2 } else { 1 })?;
        }
        let bit_depth_luma = 8 + bits.ue_to(8, "bit_depth_luma_minus8")? as u8;
        let bit_depth_chroma = 8 + bits.ue_to(8, "bit_depth_chroma_minus8")? as u8;
        bits.ue_to(12, "log2_max_pic_order_cnt_lsb_minus4")?;
        let ordering_at = bits.position();
        let ordering = SubLayerOrdering::parse_all(&mut bits, max_sub_layers_minus1)?;
        let ordering_end = bits.position();
        let log2_block = 3
            + bits.ue_to(3, "log2_min_luma_coding_block_size_minus3")?
            + bits.ue_to(3, "log2_diff_max_min_luma_coding_block_size")?;
        let read_end = bits.position();
        let log2_block = log2_block.min(MAX_LOG2_CODING_TREE_BLOCK);
        let blocks = coded_width.div_ceil(1 << log2_block) * coded_height.div_ceil(1 << log2_block);
        Ok(Self {
            id,
            max_sub_layers: max_sub_layers_minus1 as u8 + 1,
            temporal_id_nested,
            profile,
            chroma_format,
            width,
            height,
            bit_depth_luma,
            bit_depth_chroma,
            ordering,
            slice_address_bits: blocks.next_power_of_two().trailing_zeros(),
            ordering_at,
            ordering_end,
            read_end,
        })
    }

    /// Pictures a decoder may hold back to put them in order.
    pub fn max_num_reorder_pics(&self) -> u32 {
        self.ordering
            .last()
            .map_or(0, |ordering| ordering.max_num_reorder_pics)
    }
}

/// max_sub_layers_minus1 of VPS and SPS.
fn sub_layers(bits: &mut BitReader<'_>) -> Result<u32, Malformed> {
    let value = bits.bits(3)?;
    if value > MAX_SUB_LAYERS_MINUS1 {
        return Err(Malformed::Value {
            field: "max_sub_layers_minus1",
            value: value.into(),
        });
    }
    Ok(value)
}

fn side(value: u32, field: &'static str) -> Result<u32, Malformed> {
    if value == 0 || value > MAX_SIDE {
        return Err(Malformed::Value {
            field,
            value: value.into(),
        });
    }
    Ok(value)
}

/// Takes two conformance window offsets off a side.
fn crop(bits: &mut BitReader<'_>, full: u32, unit: u32) -> Result<u32, Malformed> {
    // The window's offsets stand as left, right, top, bottom: a side's two are neighbours.
    let cut = (u64::from(bits.ue()?) + u64::from(bits.ue()?)) * u64::from(unit);
    if cut >= full.into() {
        return Err(Malformed::Value {
            field: "conf_win_offset",
            value: cut as i64,
        });
    }
    Ok(full - cut as u32)
}

/// The same SPS with sps_max_num_reorder_pics = 0 in every sub-layer, all other fields kept.
///
/// `None` if the SPS says so already, or is not understood and better left alone. Only for streams without B-frames.
pub fn remove_reordering(nal: &[u8]) -> Option<Vec<u8>> {
    if nal_type(nal) != NAL_SPS {
        return None;
    }
    let rbsp = unescape(nal);
    let sps = Sps::parse_rbsp(&rbsp).ok()?;
    if sps
        .ordering
        .iter()
        .all(|ordering| ordering.max_num_reorder_pics == 0)
    {
        return None;
    }
    // What was read may not reach into the stop bit: such an SPS would come out shorter than it reads.
    let end = stop_bit(&rbsp).filter(|&end| end >= sps.read_end)?;
    let mut out = BitWriter::default();
    out.copy(&rbsp, 0, sps.ordering_at + 1);
    for ordering in &sps.ordering {
        out.ue(ordering.max_dec_pic_buffering - 1);
        out.ue(0);
        out.ue(ordering.max_latency_increase_plus1);
    }
    out.copy(&rbsp, sps.ordering_end, end);
    Some(escape(&out.finish()))
}
