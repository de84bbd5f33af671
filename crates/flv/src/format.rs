//! The numbers of the container, each with its bit position and where it is written down.
//!
//! Sources: *Adobe Flash Video File Format Specification 10.1*, annex E ("FLV"), *Enhanced RTMP v2* ("ERTMP"), and
//! for codec id 12 the practice of camera makers and CDNs, which no standard holds.
//!
//! ```text
//! file  = "FLV" version flags data_offset:u32 | PreviousTagSize0:u32 = 0 | tag | size:u32 | tag | size:u32 …
//! tag   = type:u8 data_size:u24 timestamp:u24 timestamp_extended:u8 stream_id:u24 = 0 | data
//! ```

/// Signature at the start of a file (FLV E.2).
pub(crate) const SIGNATURE: &[u8; 3] = b"FLV";
/// The only version there is (FLV E.2).
pub(crate) const VERSION: u8 = 1;
/// Length of the file header of version 1, and the least legal `data_offset` (FLV E.2).
pub(crate) const FILE_HEADER_LEN: usize = 9;
/// The largest `data_offset` taken seriously; the field is 32 bits and a real one is 9.
pub(crate) const MAX_FILE_HEADER_LEN: usize = 1024;
/// Bit 2 of the flags byte: audio tags are present (FLV E.2).
pub(crate) const FLAG_AUDIO: u8 = 1 << 2;
/// Bit 0 of the flags byte: video tags are present (FLV E.2).
pub(crate) const FLAG_VIDEO: u8 = 1;

/// Length of a tag's header (FLV E.4.1).
pub(crate) const TAG_HEADER_LEN: usize = 11;
/// Length of the PreviousTagSize field behind every tag (FLV E.3).
pub(crate) const PREVIOUS_TAG_SIZE_LEN: usize = 4;
/// The largest value of the 24-bit `data_size` (FLV E.4.1).
pub(crate) const MAX_DATA_SIZE: usize = (1 << 24) - 1;
/// Bits 0-4 of the first byte: the tag's type (FLV E.4.1).
pub(crate) const TAG_TYPE_MASK: u8 = 0x1F;
/// Bit 5 of the first byte: the data is filtered, that is, encrypted (FLV E.4.1).
pub(crate) const TAG_FILTER_BIT: u8 = 0x20;
/// Tag type: audio (FLV E.4.1).
pub(crate) const TAG_AUDIO: u8 = 8;
/// Tag type: video (FLV E.4.1).
pub(crate) const TAG_VIDEO: u8 = 9;
/// Tag type: script data (FLV E.4.1).
pub(crate) const TAG_SCRIPT: u8 = 18;

/// Bit 7 of a video body's first byte: an enhanced header follows (ERTMP, ExVideoTagHeader).
pub(crate) const VIDEO_EX_HEADER_BIT: u8 = 0x80;
/// Bits 4-6 of a video body's first byte hold the frame type (bits 4-7 in FLV E.4.3.1, of which no type uses bit 7).
pub(crate) const FRAME_TYPE_SHIFT: u8 = 4;
/// Mask of the frame type once shifted down.
pub(crate) const FRAME_TYPE_MASK: u8 = 0x07;
/// Frame type: key frame (FLV E.4.3.1).
pub(crate) const FRAME_KEY: u8 = 1;
/// Frame type: inter frame (FLV E.4.3.1).
pub(crate) const FRAME_INTER: u8 = 2;
/// Frame type: generated key frame, server use (FLV E.4.3.1).
pub(crate) const FRAME_GENERATED_KEY: u8 = 4;
/// Frame type: video info or command, no picture (FLV E.4.3.1).
pub(crate) const FRAME_COMMAND: u8 = 5;

/// Bits 0-3 of a video body's first byte: the codec id, or with an enhanced header the packet type (FLV E.4.3.1).
pub(crate) const VIDEO_CODEC_MASK: u8 = 0x0F;
/// Codec id: JPEG (FLV 1.0; dropped from 10.1, still sent by cameras as motion JPEG).
pub(crate) const VIDEO_JPEG: u8 = 1;
/// Codec id: AVC (FLV E.4.3.1).
pub(crate) const VIDEO_AVC: u8 = 7;
/// Codec id: HEVC (practice, no standard).
pub(crate) const VIDEO_HEVC: u8 = 12;

/// AVCPacketType: decoder configuration record (FLV E.4.3.1).
pub(crate) const AVC_SEQUENCE_HEADER: u8 = 0;
/// AVCPacketType: one access unit as length-prefixed NAL units (FLV E.4.3.1).
pub(crate) const AVC_NALU: u8 = 1;
/// AVCPacketType: end of sequence (FLV E.4.3.1).
pub(crate) const AVC_END_OF_SEQUENCE: u8 = 2;
/// First byte + AVCPacketType + CompositionTime:s24 (FLV E.4.3.1).
pub(crate) const AVC_BODY_HEADER_LEN: usize = 5;
/// Range of the signed 24-bit CompositionTime in milliseconds (FLV E.4.3.1).
pub(crate) const COMPOSITION_TIME_RANGE: std::ops::RangeInclusive<i32> = -(1 << 23)..=(1 << 23) - 1;

/// Packet type (audio and video): decoder configuration (ERTMP).
pub(crate) const EX_SEQUENCE_START: u8 = 0;
/// Packet type (audio and video): coded data; video of avc1 and hvc1 with a composition time (ERTMP).
pub(crate) const EX_CODED_FRAMES: u8 = 1;
/// Packet type (audio and video): end of sequence (ERTMP).
pub(crate) const EX_SEQUENCE_END: u8 = 2;
/// Packet type (video): coded data whose composition time is 0 and left out (ERTMP).
pub(crate) const EX_CODED_FRAMES_X: u8 = 3;
/// Packet type (video): AMF metadata such as colorInfo (ERTMP). For audio 4 is MultichannelConfig.
pub(crate) const EX_METADATA: u8 = 4;
/// Packet type (audio): channel order, no sound (ERTMP).
pub(crate) const EX_MULTICHANNEL_CONFIG: u8 = 4;
/// Packet type (video): MPEG-2 TS configuration, AV1 only (ERTMP).
pub(crate) const EX_MPEG2TS_SEQUENCE_START: u8 = 5;
/// Packet type (audio): several tracks in one tag (ERTMP).
pub(crate) const EX_AUDIO_MULTITRACK: u8 = 5;
/// Packet type (video): several tracks in one tag (ERTMP).
pub(crate) const EX_VIDEO_MULTITRACK: u8 = 6;
/// Packet type (audio and video): a modifier, then the real packet type (ERTMP).
pub(crate) const EX_MOD_EX: u8 = 7;
/// Mask of the packet type in the low half of a byte (ERTMP).
pub(crate) const EX_PACKET_TYPE_MASK: u8 = 0x0F;
/// A ModEx size of this value, a size byte of 255, means that a 16-bit size follows (ERTMP, modExDataSize).
pub(crate) const EX_MOD_EX_LONG: usize = 256;
/// Length of a FourCC.
pub(crate) const FOURCC_LEN: usize = 4;

/// FourCC of H.264 (ERTMP v2).
pub(crate) const FOURCC_AVC1: [u8; 4] = *b"avc1";
/// FourCC of H.265 with parameter sets in the record (ERTMP).
pub(crate) const FOURCC_HVC1: [u8; 4] = *b"hvc1";
/// FourCC of H.265 with parameter sets in the stream too (not in ERTMP, sent by some encoders).
pub(crate) const FOURCC_HEV1: [u8; 4] = *b"hev1";
/// FourCC of motion JPEG (not in ERTMP; the QuickTime name).
pub(crate) const FOURCC_MJPG: [u8; 4] = *b"mjpg";
/// FourCC of Opus (ERTMP v2).
pub(crate) const FOURCC_OPUS: [u8; 4] = *b"Opus";
/// FourCC of AAC (ERTMP v2).
pub(crate) const FOURCC_MP4A: [u8; 4] = *b"mp4a";

/// Bits 4-7 of an audio body's first byte: the sound format (FLV E.4.2.1).
pub(crate) const SOUND_FORMAT_SHIFT: u8 = 4;
/// Sound format: linear PCM, platform endian, in practice little endian (FLV E.4.2.1).
pub(crate) const SOUND_PCM_PLATFORM: u8 = 0;
/// Sound format: linear PCM, little endian (FLV E.4.2.1).
pub(crate) const SOUND_PCM_LE: u8 = 3;
/// Sound format: G.711 A-law (FLV E.4.2.1).
pub(crate) const SOUND_G711A: u8 = 7;
/// Sound format: G.711 µ-law (FLV E.4.2.1).
pub(crate) const SOUND_G711U: u8 = 8;
/// Sound format: enhanced header (ERTMP v2).
pub(crate) const SOUND_EX_HEADER: u8 = 9;
/// Sound format: AAC (FLV E.4.2.1).
pub(crate) const SOUND_AAC: u8 = 10;
/// Bits 2-3 of an audio body's first byte: the sound rate (FLV E.4.2.1).
pub(crate) const SOUND_RATE_SHIFT: u8 = 2;
/// Mask of the sound rate once shifted down.
pub(crate) const SOUND_RATE_MASK: u8 = 0x03;
/// What the four sound rates mean in Hz (FLV E.4.2.1; "5.5 kHz" is 44100 / 8).
pub(crate) const SOUND_RATES: [u32; 4] = [5512, 11025, 22050, 44100];
/// Bit 1 of an audio body's first byte: 16-bit samples (FLV E.4.2.1).
pub(crate) const SOUND_16_BIT: u8 = 0x02;
/// Bit 0 of an audio body's first byte: stereo (FLV E.4.2.1).
pub(crate) const SOUND_STEREO: u8 = 0x01;
/// AACPacketType: AudioSpecificConfig (FLV E.4.2.2).
pub(crate) const AAC_SEQUENCE_HEADER: u8 = 0;
/// AACPacketType: one raw AAC frame (FLV E.4.2.2).
pub(crate) const AAC_RAW: u8 = 1;
/// Rate of G.711 when nothing else is said (ITU-T G.711; FLV E.4.2.1 gives it no rate of its own).
pub(crate) const G711_RATE: u32 = 8000;
/// Rate at which every Opus decoder may run (RFC 6716).
pub(crate) const OPUS_RATE: u32 = 48_000;

/// A big-endian 24-bit number.
pub(crate) fn be24(bytes: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}

/// The head of one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TagHeader {
    /// 8, 9 or 18.
    pub(crate) kind: u8,
    /// Whether the data is encrypted.
    pub(crate) filtered: bool,
    /// Length of the data behind the header.
    pub(crate) size: usize,
    /// Milliseconds, all 32 bits.
    pub(crate) timestamp: u32,
}

impl TagHeader {
    /// Reads a header, or nothing if no sane writer would have made it: unknown type, reserved bits, stream id not 0.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let &[first, s0, s1, s2, t0, t1, t2, t3, 0, 0, 0] = bytes.get(..TAG_HEADER_LEN)? else {
            return None;
        };
        let kind = first & TAG_TYPE_MASK;
        let known = matches!(kind, TAG_AUDIO | TAG_VIDEO | TAG_SCRIPT);
        let reserved = first & !(TAG_TYPE_MASK | TAG_FILTER_BIT) != 0;
        if !known || reserved {
            return None;
        }
        Some(Self {
            kind,
            filtered: first & TAG_FILTER_BIT != 0,
            size: be24([s0, s1, s2]) as usize,
            timestamp: u32::from_be_bytes([t3, t0, t1, t2]),
        })
    }

    /// Appends the header's eleven bytes. The size must fit 24 bits.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let [_, s0, s1, s2] = (self.size as u32).to_be_bytes();
        let [t3, t0, t1, t2] = self.timestamp.to_be_bytes();
        out.extend_from_slice(&[self.kind, s0, s1, s2, t0, t1, t2, t3, 0, 0, 0]);
    }
}
