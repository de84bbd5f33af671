//! The bodies of tags. Ranges are relative to the body.

use std::ops::Range;

use crate::aac::AudioSpecificConfig;
use crate::amf0::Metadata;
use crate::error::{Malformed, Unsupported};
use crate::format::*;
use crate::item::{AudioCodec, AudioKind, VideoCodec, VideoKind};
use crate::opus::OpusHead;

/// What a body turned out to be.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing that anyone needs to know.
    Nothing,
    Meta(Metadata),
    Video {
        codec: VideoCodec,
        kind: VideoKind,
        key: bool,
        composition_time: i32,
        data: Range<usize>,
    },
    Audio {
        codec: AudioCodec,
        kind: AudioKind,
        sample_rate: u32,
        channels: u8,
        data: Range<usize>,
    },
}

/// Why a body is of no use.
#[derive(Debug)]
pub(super) enum Reason {
    Malformed(Malformed),
    Unsupported(Unsupported),
}

impl From<Malformed> for Reason {
    fn from(reason: Malformed) -> Self {
        Self::Malformed(reason)
    }
}

impl From<Unsupported> for Reason {
    fn from(what: Unsupported) -> Self {
        Self::Unsupported(what)
    }
}

/// The N bytes at `at`.
fn bytes_at<const N: usize>(body: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    body.get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or(Malformed::Truncated)
}

/// Sign-extends CompositionTime, 24 bits.
fn composition_time(bytes: [u8; 3]) -> i32 {
    i32::from_be_bytes([bytes[0], bytes[1], bytes[2], 0]) >> 8
}

/// Reads script data.
pub(super) fn read_script(body: &[u8]) -> Result<Body, Reason> {
    if body.is_empty() {
        return Ok(Body::Nothing);
    }
    Ok(Body::Meta(Metadata::read(body)?))
}

/// Reads a video body, legacy or enhanced.
pub(super) fn read_video(body: &[u8]) -> Result<Body, Reason> {
    let Some(&first) = body.first() else {
        return Ok(Body::Nothing);
    };
    let frame = (first >> FRAME_TYPE_SHIFT) & FRAME_TYPE_MASK;
    let key = matches!(frame, FRAME_KEY | FRAME_GENERATED_KEY);
    if first & VIDEO_EX_HEADER_BIT != 0 {
        return read_ex_video(body, frame, key);
    }
    if frame == FRAME_COMMAND {
        return Ok(Body::Nothing);
    }
    let codec = match first & VIDEO_CODEC_MASK {
        VIDEO_AVC => VideoCodec::H264,
        VIDEO_HEVC => VideoCodec::Hevc,
        VIDEO_JPEG => return Err(Unsupported::Mjpeg.into()),
        other => return Err(Unsupported::CodecId(other).into()),
    };
    let [packet_type] = bytes_at(body, 1)?;
    let kind = match packet_type {
        AVC_SEQUENCE_HEADER => VideoKind::SequenceHeader,
        AVC_NALU => VideoKind::AccessUnit,
        AVC_END_OF_SEQUENCE => VideoKind::EndOfSequence,
        other => {
            return Err(Malformed::Value {
                field: "AVCPacketType",
                value: other.into(),
            }
            .into());
        }
    };
    // Some senders end a sequence with two bytes only.
    let composition = match kind {
        VideoKind::EndOfSequence => 0,
        _ => composition_time(bytes_at(body, 2)?),
    };
    Ok(video(
        codec,
        kind,
        key,
        composition,
        AVC_BODY_HEADER_LEN,
        body,
    ))
}

/// A video body whose data begins at `at`.
fn video(
    codec: VideoCodec,
    kind: VideoKind,
    key: bool,
    composition: i32,
    at: usize,
    body: &[u8],
) -> Body {
    let data = match kind {
        VideoKind::EndOfSequence => 0..0,
        _ if at >= body.len() => return Body::Nothing,
        _ => at..body.len(),
    };
    // A configuration is not shown and has no presentation time.
    let composition_time = if kind == VideoKind::AccessUnit {
        composition
    } else {
        0
    };
    Body::Video {
        codec,
        kind,
        key,
        composition_time,
        data,
    }
}

/// Reads what follows a first byte with the ExHeader bit.
fn read_ex_video(body: &[u8], frame: u8, key: bool) -> Result<Body, Reason> {
    let (packet_type, at) = skip_mod_ex(body)?;
    if frame == FRAME_COMMAND && packet_type != EX_METADATA {
        return Ok(Body::Nothing);
    }
    if packet_type == EX_VIDEO_MULTITRACK {
        return Err(Unsupported::Multitrack.into());
    }
    let fourcc: [u8; FOURCC_LEN] = bytes_at(body, at)?;
    let at = at + FOURCC_LEN;
    let codec = match fourcc {
        FOURCC_AVC1 => VideoCodec::H264,
        FOURCC_HVC1 | FOURCC_HEV1 => VideoCodec::Hevc,
        FOURCC_MJPG => return Err(Unsupported::Mjpeg.into()),
        other => return Err(Unsupported::FourCc(other).into()),
    };
    match packet_type {
        EX_SEQUENCE_START => Ok(video(codec, VideoKind::SequenceHeader, key, 0, at, body)),
        EX_CODED_FRAMES => {
            let composition = composition_time(bytes_at(body, at)?);
            Ok(video(
                codec,
                VideoKind::AccessUnit,
                key,
                composition,
                at + 3,
                body,
            ))
        }
        EX_CODED_FRAMES_X => Ok(video(codec, VideoKind::AccessUnit, key, 0, at, body)),
        EX_SEQUENCE_END => Ok(video(codec, VideoKind::EndOfSequence, key, 0, at, body)),
        EX_METADATA => read_script(&body[at..]),
        EX_MPEG2TS_SEQUENCE_START => Err(Unsupported::PacketType(packet_type).into()),
        other => Err(Malformed::Value {
            field: "VideoPacketType",
            value: other.into(),
        }
        .into()),
    }
}

/// The packet type of an enhanced body and where what follows it begins, behind any ModEx:
/// `size-1:u8 (255: size-1:u16) data modifier:u4 packet_type:u4`, repeated while the type is ModEx.
fn skip_mod_ex(body: &[u8]) -> Result<(u8, usize), Malformed> {
    let [first] = bytes_at(body, 0)?;
    let mut packet_type = first & EX_PACKET_TYPE_MASK;
    let mut at = 1;
    while packet_type == EX_MOD_EX {
        let [short] = bytes_at(body, at)?;
        at += 1;
        let mut size = usize::from(short) + 1;
        if size == EX_MOD_EX_LONG {
            size = usize::from(u16::from_be_bytes(bytes_at(body, at)?)) + 1;
            at += 2;
        }
        at += size;
        let [types] = bytes_at(body, at)?;
        at += 1;
        packet_type = types & EX_PACKET_TYPE_MASK;
    }
    Ok((packet_type, at))
}

/// What is known of the sound, beyond a tag's own bits.
#[derive(Debug, Default)]
pub(super) struct Sound {
    /// Rate and channels from the last AAC or Opus configuration.
    configured: Option<(u32, u8)>,
    /// `audiosamplerate` of onMetaData.
    announced_rate: Option<u32>,
}

/// Rates that onMetaData is believed: those that audio hardware has.
const ANNOUNCED_RATES: std::ops::RangeInclusive<u32> = 8000..=96_000;

impl Sound {
    /// Takes the sample rate out of onMetaData: two bits of a tag cannot say 8 or 16 kHz.
    pub(super) fn listen(&mut self, metadata: &Metadata) {
        let rate = metadata.number("audiosamplerate").map(|rate| rate as u32);
        self.announced_rate = rate
            .filter(|rate| ANNOUNCED_RATES.contains(rate))
            .or(self.announced_rate);
    }

    /// Reads an audio body, legacy or enhanced.
    pub(super) fn read(&mut self, body: &[u8]) -> Result<Body, Reason> {
        let Some(&first) = body.first() else {
            return Ok(Body::Nothing);
        };
        let channels = if first & SOUND_STEREO != 0 { 2 } else { 1 };
        match first >> SOUND_FORMAT_SHIFT {
            SOUND_AAC => {
                let [packet_type] = bytes_at(body, 1)?;
                match packet_type {
                    AAC_SEQUENCE_HEADER => self.configuration(AudioCodec::Aac, 2, body),
                    AAC_RAW => Ok(self.packet(AudioCodec::Aac, 2, body)),
                    other => Err(Malformed::Value {
                        field: "AACPacketType",
                        value: other.into(),
                    }
                    .into()),
                }
            }
            SOUND_G711A => Ok(plain(
                AudioCodec::G711A,
                self.announced_rate.unwrap_or(G711_RATE),
                channels,
                body,
            )),
            SOUND_G711U => Ok(plain(
                AudioCodec::G711U,
                self.announced_rate.unwrap_or(G711_RATE),
                channels,
                body,
            )),
            SOUND_PCM_PLATFORM | SOUND_PCM_LE => {
                if first & SOUND_16_BIT == 0 {
                    return Err(Unsupported::Pcm8.into());
                }
                let own = SOUND_RATES[usize::from((first >> SOUND_RATE_SHIFT) & SOUND_RATE_MASK)];
                Ok(plain(
                    AudioCodec::Pcm,
                    self.announced_rate.unwrap_or(own),
                    channels,
                    body,
                ))
            }
            SOUND_EX_HEADER => self.read_ex(body),
            other => Err(Unsupported::CodecId(other).into()),
        }
    }

    fn read_ex(&mut self, body: &[u8]) -> Result<Body, Reason> {
        let (packet_type, at) = skip_mod_ex(body)?;
        if packet_type == EX_AUDIO_MULTITRACK {
            return Err(Unsupported::Multitrack.into());
        }
        let codec = match bytes_at(body, at)? {
            FOURCC_OPUS => AudioCodec::Opus,
            FOURCC_MP4A => AudioCodec::Aac,
            other => return Err(Unsupported::FourCc(other).into()),
        };
        let at = at + FOURCC_LEN;
        match packet_type {
            EX_SEQUENCE_START => self.configuration(codec, at, body),
            EX_CODED_FRAMES => Ok(self.packet(codec, at, body)),
            EX_SEQUENCE_END | EX_MULTICHANNEL_CONFIG => Ok(Body::Nothing),
            other => Err(Malformed::Value {
                field: "AudioPacketType",
                value: other.into(),
            }
            .into()),
        }
    }

    fn configuration(&mut self, codec: AudioCodec, at: usize, body: &[u8]) -> Result<Body, Reason> {
        let data = at.min(body.len())..body.len();
        let (sample_rate, channels) = match codec {
            AudioCodec::Opus => (OPUS_RATE, OpusHead::parse(&body[data.clone()])?.channels),
            _ => {
                let config = AudioSpecificConfig::parse(&body[data.clone()])?;
                (config.output_rate(), config.output_channels())
            }
        };
        self.configured = Some((sample_rate, channels));
        Ok(Body::Audio {
            codec,
            kind: AudioKind::SequenceHeader,
            sample_rate,
            channels,
            data,
        })
    }

    fn packet(&self, codec: AudioCodec, at: usize, body: &[u8]) -> Body {
        if at >= body.len() {
            return Body::Nothing;
        }
        // Before any configuration: what FLV makes every AAC tag claim, and what Opus mostly is.
        let unknown = if codec == AudioCodec::Opus {
            (OPUS_RATE, 2)
        } else {
            (44_100, 2)
        };
        let (sample_rate, channels) = self.configured.unwrap_or(unknown);
        Body::Audio {
            codec,
            kind: AudioKind::Frame,
            sample_rate,
            channels,
            data: at..body.len(),
        }
    }
}

/// A packet of a codec without configuration: one byte, then sound.
fn plain(codec: AudioCodec, sample_rate: u32, channels: u8, body: &[u8]) -> Body {
    if body.len() < 2 {
        return Body::Nothing;
    }
    Body::Audio {
        codec,
        kind: AudioKind::Frame,
        sample_rate,
        channels,
        data: 1..body.len(),
    }
}
