//! The sequence parameter set (H.264 7.3.2.1.1 and E.1.1).

use crate::bits::{BitReader, BitWriter, escape, unescape};
use crate::error::Malformed;

/// profile_idc whose SPS says chroma format, bit depths and scaling lists (H.264 7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// profile_idc: Baseline, which has no B slices (H.264 A.2.1).
const BASELINE: u8 = 66;
/// Pictures wider or higher than this many macroblocks are taken for nonsense: 65536 pixels.
const MAX_MACROBLOCKS: u32 = 4096;
/// Pixels of a macroblock's side.
const MACROBLOCK: u32 = 16;
/// aspect_ratio_idc that says that width and height follow (H.264 table E-1).
const EXTENDED_SAR: u32 = 255;
/// What is meant where bitstream_restriction is absent (H.264 E.2.1): max_bytes_per_pic_denom, max_bits_per_mb_denom,
/// log2_max_mv_length_horizontal, log2_max_mv_length_vertical.
const UNRESTRICTED: [u32; 4] = [2, 1, 15, 15];
/// Most reference frames of any level (H.264 A.3.1, MaxDpbFrames).
const MAX_REFERENCE_FRAMES: u32 = 16;

/// What a decoder's buffer must hold (H.264 E.2.1, bitstream_restriction).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restriction {
    /// Motion vectors may point outside the picture.
    pub motion_vectors_over_boundaries: bool,
    /// max_bytes_per_pic_denom, max_bits_per_mb_denom, log2_max_mv_length_horizontal and _vertical.
    pub limits: [u32; 4],
    /// Frames that may precede a frame in decode order and follow it in output order. 0: no reordering.
    pub max_num_reorder_frames: u32,
    /// Frames that the decoder must be able to hold.
    pub max_dec_frame_buffering: u32,
}

/// Video usability information, as far as it concerns a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vui {
    /// Width and height of a sample when given as numbers.
    pub sample_aspect_ratio: Option<(u16, u16)>,
    /// Samples use all 256 values instead of 16 to 235.
    pub full_range: bool,
    /// num_units_in_tick and time_scale; a frame lasts `2 * 0 / 1` seconds.
    pub timing: Option<(u32, u32)>,
    /// What the buffer must hold.
    pub restriction: Option<Restriction>,
    /// Bit of bitstream_restriction_flag.
    restriction_at: usize,
}

/// What an SPS says, as far as it concerns a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// profile_idc.
    pub profile: u8,
    /// The constraint_set flags, bit 7 first.
    pub compatibility: u8,
    /// level_idc, ten times the level.
    pub level: u8,
    /// seq_parameter_set_id, 0 to 31.
    pub id: u8,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample.
    pub bit_depth_chroma: u8,
    /// Visible width in pixels.
    pub width: u32,
    /// Visible height in pixels.
    pub height: u32,
    /// pic_order_cnt_type; 2 means that output order is decode order.
    pub poc_type: u8,
    /// max_num_ref_frames.
    pub max_num_ref_frames: u8,
    /// False if the stream may be interlaced.
    pub frames_only: bool,
    /// Video usability information. Also `None` if it is there but broken, as in some cameras.
    pub vui: Option<Vui>,
    /// Bit of vui_parameters_present_flag.
    vui_at: usize,
    vui_broken: bool,
}

impl Sps {
    /// Reads an SPS, NAL header included, escapes in place.
    ///
    /// # Errors
    /// Truncated, no SPS, or values outside the standard.
    pub fn parse(nal: &[u8]) -> Result<Self, Malformed> {
        if super::nal_type(nal) != super::NAL_SPS {
            return Err(Malformed::Value {
                field: "nal_unit_type",
                value: super::nal_type(nal).into(),
            });
        }
        Self::parse_rbsp(&unescape(nal))
    }

    fn parse_rbsp(rbsp: &[u8]) -> Result<Self, Malformed> {
        let mut bits = BitReader::new(rbsp);
        bits.skip(8)?; // NAL header
        let profile = bits.bits(8)? as u8;
        let compatibility = bits.bits(8)? as u8;
        let level = bits.bits(8)? as u8;
        let id = bits.ue_to(31, "seq_parameter_set_id")? as u8;
        let (mut chroma_format, mut bit_depth_luma, mut bit_depth_chroma, mut separate_planes) =
            (1, 8, 8, false);
        if HIGH_PROFILES.contains(&profile) {
            chroma_format = bits.ue_to(3, "chroma_format_idc")? as u8;
            separate_planes = chroma_format == 3 && bits.flag()?;
            bit_depth_luma = 8 + bits.ue_to(6, "bit_depth_luma_minus8")? as u8;
            bit_depth_chroma = 8 + bits.ue_to(6, "bit_depth_chroma_minus8")? as u8;
            bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
            if bits.flag()? {
                skip_scaling_lists(&mut bits, if chroma_format == 3 { 12 } else { 8 })?;
            }
        }
        bits.ue_to(12, "log2_max_frame_num_minus4")?;
        let poc_type = skip_picture_order(&mut bits)?;
        let max_num_ref_frames = bits.ue_to(MAX_REFERENCE_FRAMES, "max_num_ref_frames")? as u8;
        bits.skip(1)?; // gaps_in_frame_num_value_allowed_flag
        let columns = bits.ue_to(MAX_MACROBLOCKS - 1, "pic_width_in_mbs_minus1")? + 1;
        let rows = bits.ue_to(MAX_MACROBLOCKS - 1, "pic_height_in_map_units_minus1")? + 1;
        let frames_only = bits.flag()?;
        if !frames_only {
            bits.skip(1)?; // mb_adaptive_frame_field_flag
        }
        bits.skip(1)?; // direct_8x8_inference_flag
        let chroma = if separate_planes { 0 } else { chroma_format };
        let fields = if frames_only { 1 } else { 2 };
        let crop_unit = (
            if matches!(chroma, 1 | 2) { 2 } else { 1 },
            if chroma == 1 { 2 } else { 1 } * fields,
        );
        let full = (columns * MACROBLOCK, rows * MACROBLOCK * fields);
        let (width, height) = if bits.flag()? {
            crop(&mut bits, full, crop_unit)?
        } else {
            full
        };
        let vui_at = bits.position();
        let vui = if bits.flag()? {
            Some(Vui::parse(&mut bits))
        } else {
            None
        };
        let vui_broken = matches!(vui, Some(Err(_)));
        Ok(Self {
            profile,
            compatibility,
            level,
            id,
            chroma_format,
            bit_depth_luma,
            bit_depth_chroma,
            width,
            height,
            poc_type,
            max_num_ref_frames,
            frames_only,
            vui: vui.and_then(Result::ok),
            vui_at,
            vui_broken,
        })
    }

    /// Frames a decoder may hold back to put them in order; `None` where the SPS leaves it open and a decoder assumes
    /// the most that the level allows.
    pub fn max_num_reorder_frames(&self) -> Option<u32> {
        self.vui?
            .restriction
            .map(|restriction| restriction.max_num_reorder_frames)
    }

    /// Whether the SPS alone proves that output order is decode order: Baseline profile, or picture order type 2.
    pub fn never_reorders(&self) -> bool {
        self.profile == BASELINE || self.poc_type == 2 || self.max_num_reorder_frames() == Some(0)
    }
}

/// Reads the cropping rectangle and gives the visible size.
fn crop(
    bits: &mut BitReader<'_>,
    full: (u32, u32),
    unit: (u32, u32),
) -> Result<(u32, u32), Malformed> {
    let mut side = |full: u32, unit: u32| {
        let sum = u64::from(bits.ue()?) + u64::from(bits.ue()?);
        let cut = sum * u64::from(unit);
        if cut >= full.into() {
            return Err(Malformed::Value {
                field: "frame_crop_offset",
                value: cut as i64,
            });
        }
        Ok(full - cut as u32)
    };
    Ok((side(full.0, unit.0)?, side(full.1, unit.1)?))
}

/// H.264 7.3.2.1.1.1.
fn skip_scaling_lists(bits: &mut BitReader<'_>, count: usize) -> Result<(), Malformed> {
    for list in 0..count {
        if !bits.flag()? {
            continue;
        }
        let mut next = 8;
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next == 0 {
                break;
            }
            let delta = bits.se()?;
            if !(-128..=127).contains(&delta) {
                return Err(Malformed::Value {
                    field: "delta_scale",
                    value: delta.into(),
                });
            }
            next = (next + delta + 256) % 256;
        }
    }
    Ok(())
}

/// Passes over the fields about picture order and gives the type.
fn skip_picture_order(bits: &mut BitReader<'_>) -> Result<u8, Malformed> {
    let poc_type = bits.ue_to(2, "pic_order_cnt_type")? as u8;
    match poc_type {
        0 => {
            bits.ue_to(12, "log2_max_pic_order_cnt_lsb_minus4")?;
        }
        1 => {
            bits.skip(1)?; // delta_pic_order_always_zero_flag
            bits.se()?; // offset_for_non_ref_pic
            bits.se()?; // offset_for_top_to_bottom_field
            for _ in 0..bits.ue_to(255, "num_ref_frames_in_pic_order_cnt_cycle")? {
                bits.se()?;
            }
        }
        _ => {}
    }
    Ok(poc_type)
}

impl Vui {
    /// H.264 E.1.1.
    fn parse(bits: &mut BitReader<'_>) -> Result<Self, Malformed> {
        let mut sample_aspect_ratio = None;
        if bits.flag()? && bits.bits(8)? == EXTENDED_SAR {
            sample_aspect_ratio = Some((bits.bits(16)? as u16, bits.bits(16)? as u16));
        }
        if bits.flag()? {
            bits.skip(1)?; // overscan_appropriate_flag
        }
        let mut full_range = false;
        if bits.flag()? {
            bits.skip(3)?; // video_format
            full_range = bits.flag()?;
            if bits.flag()? {
                bits.skip(24)?; // colour_primaries, transfer_characteristics, matrix_coefficients
            }
        }
        if bits.flag()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
        let mut timing = None;
        if bits.flag()? {
            timing = Some((bits.bits(32)?, bits.bits(32)?));
            bits.skip(1)?; // fixed_frame_rate_flag
        }
        let nal_hrd = bits.flag()?;
        if nal_hrd {
            skip_hrd(bits)?;
        }
        let vcl_hrd = bits.flag()?;
        if vcl_hrd {
            skip_hrd(bits)?;
        }
        if nal_hrd || vcl_hrd {
            bits.skip(1)?; // low_delay_hrd_flag
        }
        bits.skip(1)?; // pic_struct_present_flag
        let restriction_at = bits.position();
        let restriction = if bits.flag()? {
            Some(Restriction::parse(bits)?)
        } else {
            None
        };
        Ok(Self {
            sample_aspect_ratio,
            full_range,
            timing,
            restriction,
            restriction_at,
        })
    }
}

/// H.264 E.1.2.
fn skip_hrd(bits: &mut BitReader<'_>) -> Result<(), Malformed> {
    let count = bits.ue_to(31, "cpb_cnt_minus1")? + 1;
    bits.skip(8)?; // bit_rate_scale, cpb_size_scale
    for _ in 0..count {
        bits.ue()?; // bit_rate_value_minus1
        bits.ue()?; // cpb_size_value_minus1
        bits.skip(1)?; // cbr_flag
    }
    bits.skip(20) // four lengths of five bits
}

impl Restriction {
    fn parse(bits: &mut BitReader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            motion_vectors_over_boundaries: bits.flag()?,
            limits: [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?],
            max_num_reorder_frames: bits.ue()?,
            max_dec_frame_buffering: bits.ue()?,
        })
    }

    fn write(&self, bits: &mut BitWriter) {
        bits.flag(self.motion_vectors_over_boundaries);
        self.limits.iter().for_each(|&limit| bits.ue(limit));
        bits.ue(self.max_num_reorder_frames);
        bits.ue(self.max_dec_frame_buffering);
    }
}

/// The same SPS saying that frames come out in the order in which they go in: VUI with bitstream_restriction,
/// max_num_reorder_frames = 0, max_dec_frame_buffering = max_num_ref_frames, all other fields kept.
///
/// `None` if the SPS says so already, or is not understood and better left alone. Only for streams without B-frames.
/// Without this a decoder holds back as many frames as the level allows, four at 1080p.
pub fn remove_reordering(nal: &[u8]) -> Option<Vec<u8>> {
    if super::nal_type(nal) != super::NAL_SPS {
        return None;
    }
    let rbsp = unescape(nal);
    let sps = Sps::parse_rbsp(&rbsp).ok()?;
    let buffering = sps.max_num_ref_frames.into();
    if sps.vui_broken {
        return None;
    }
    let told = sps.vui.and_then(|vui| vui.restriction);
    if told.is_some_and(|told| {
        told.max_num_reorder_frames == 0 && told.max_dec_frame_buffering <= buffering
    }) {
        return None;
    }
    let restriction = Restriction {
        motion_vectors_over_boundaries: told.is_none_or(|told| told.motion_vectors_over_boundaries),
        limits: told.map_or(UNRESTRICTED, |told| told.limits),
        max_num_reorder_frames: 0,
        max_dec_frame_buffering: buffering,
    };
    let mut out = BitWriter::default();
    match sps.vui {
        Some(vui) => out.copy(&rbsp, 0, vui.restriction_at),
        None => {
            out.copy(&rbsp, 0, sps.vui_at);
            out.flag(true); // vui_parameters_present_flag
            // Absent: aspect ratio, overscan, video signal, chroma location, timing, both HRDs, picture structure.
            out.bits(0, 8);
        }
    }
    out.flag(true); // bitstream_restriction_flag
    restriction.write(&mut out);
    Some(escape(&out.finish()))
}
