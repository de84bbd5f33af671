//! Writing. Every method appends whole tags to the caller's buffer and keeps no state, so that a camera makes the bytes
//! of a tag once and gives them to all its viewers.

use crate::amf0::Metadata;
use crate::error::WriteError;
use crate::format::*;
use crate::item::{AudioCodec, VideoCodec};

/// How a writer spells what FLV can say in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterOptions {
    /// Video by FourCC (Enhanced RTMP) instead of the codec ids 7 and 12. Opus is always by FourCC: it has no id.
    pub enhanced: bool,
}

/// The sound of a stream, as a tag's first byte has to describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFormat {
    /// Codec.
    pub codec: AudioCodec,
    /// Hz. G.711 and PCM at a rate that the tag cannot say need `audiosamplerate` in onMetaData.
    pub sample_rate: u32,
    /// Channels, 1 or 2.
    pub channels: u8,
}

/// Writes FLV into a caller's buffer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Writer {
    options: WriterOptions,
}

impl Writer {
    /// A writer of that spelling.
    pub fn new(options: WriterOptions) -> Self {
        Self { options }
    }

    /// Appends the file header and the empty PreviousTagSize, 13 bytes.
    pub fn header(&self, out: &mut Vec<u8>, has_audio: bool, has_video: bool) {
        let flags = if has_audio { FLAG_AUDIO } else { 0 } | if has_video { FLAG_VIDEO } else { 0 };
        out.extend_from_slice(SIGNATURE);
        out.extend_from_slice(&[VERSION, flags]);
        out.extend_from_slice(&(FILE_HEADER_LEN as u32).to_be_bytes());
        out.extend_from_slice(&[0; PREVIOUS_TAG_SIZE_LEN]);
    }

    /// Appends a script tag.
    ///
    /// # Errors
    /// The message does not fit a tag.
    pub fn metadata(
        &self,
        out: &mut Vec<u8>,
        timestamp: i64,
        metadata: &Metadata,
    ) -> Result<(), WriteError> {
        let mut body = Vec::new();
        metadata.write(&mut body);
        tag(out, TAG_SCRIPT, timestamp, &[], &body)
    }

    /// Appends a decoder configuration record (avcC or hvcC).
    ///
    /// # Errors
    /// The record does not fit a tag.
    pub fn video_config(
        &self,
        out: &mut Vec<u8>,
        timestamp: i64,
        codec: VideoCodec,
        record: &[u8],
    ) -> Result<(), WriteError> {
        let head = VideoHead::new(
            self.options,
            codec,
            true,
            EX_SEQUENCE_START,
            AVC_SEQUENCE_HEADER,
            0,
        );
        tag(out, TAG_VIDEO, timestamp, head.as_slice(), record)
    }

    /// Appends one access unit.
    ///
    /// * `timestamp` - decode time in ms; its low 32 bits are written.
    /// * `composition_time` - presentation minus decode time in ms, within 24 signed bits.
    /// * `unit` - NAL units with length prefixes of the size that the record names.
    ///
    /// # Errors
    /// The unit does not fit a tag, or the composition time its field.
    pub fn video(
        &self,
        out: &mut Vec<u8>,
        timestamp: i64,
        composition_time: i32,
        key: bool,
        codec: VideoCodec,
        unit: &[u8],
    ) -> Result<(), WriteError> {
        if !COMPOSITION_TIME_RANGE.contains(&composition_time) {
            return Err(WriteError::CompositionTime(composition_time));
        }
        let packet_type = if composition_time == 0 {
            EX_CODED_FRAMES_X
        } else {
            EX_CODED_FRAMES
        };
        let head = VideoHead::new(
            self.options,
            codec,
            key,
            packet_type,
            AVC_NALU,
            composition_time,
        );
        tag(out, TAG_VIDEO, timestamp, head.as_slice(), unit)
    }

    /// Appends the mark that the video sequence is over.
    pub fn video_end(&self, out: &mut Vec<u8>, timestamp: i64, codec: VideoCodec) {
        let head = VideoHead::new(
            self.options,
            codec,
            true,
            EX_SEQUENCE_END,
            AVC_END_OF_SEQUENCE,
            0,
        );
        append(out, TAG_VIDEO, timestamp, head.as_slice(), &[]);
    }

    /// Appends an audio configuration: AudioSpecificConfig for AAC, OpusHead for Opus. Other codecs have none, and
    /// nothing is appended.
    ///
    /// # Errors
    /// The configuration does not fit a tag.
    pub fn audio_config(
        &self,
        out: &mut Vec<u8>,
        timestamp: i64,
        codec: AudioCodec,
        config: &[u8],
    ) -> Result<(), WriteError> {
        match codec {
            AudioCodec::Aac => tag(
                out,
                TAG_AUDIO,
                timestamp,
                &[AAC_FIRST_BYTE, AAC_SEQUENCE_HEADER],
                config,
            ),
            AudioCodec::Opus => tag(
                out,
                TAG_AUDIO,
                timestamp,
                &opus_head(EX_SEQUENCE_START),
                config,
            ),
            AudioCodec::G711A | AudioCodec::G711U | AudioCodec::Pcm => Ok(()),
        }
    }

    /// Appends one audio packet.
    ///
    /// # Errors
    /// The packet does not fit a tag.
    pub fn audio(
        &self,
        out: &mut Vec<u8>,
        timestamp: i64,
        format: AudioFormat,
        packet: &[u8],
    ) -> Result<(), WriteError> {
        let plain = |sound_format: u8| (sound_format << SOUND_FORMAT_SHIFT) | plain_flags(format);
        match format.codec {
            AudioCodec::Aac => tag(
                out,
                TAG_AUDIO,
                timestamp,
                &[AAC_FIRST_BYTE, AAC_RAW],
                packet,
            ),
            AudioCodec::Opus => tag(
                out,
                TAG_AUDIO,
                timestamp,
                &opus_head(EX_CODED_FRAMES),
                packet,
            ),
            AudioCodec::G711A => tag(out, TAG_AUDIO, timestamp, &[plain(SOUND_G711A)], packet),
            AudioCodec::G711U => tag(out, TAG_AUDIO, timestamp, &[plain(SOUND_G711U)], packet),
            AudioCodec::Pcm => tag(out, TAG_AUDIO, timestamp, &[plain(SOUND_PCM_LE)], packet),
        }
    }
}

/// AAC always claims 44.1 kHz, 16 bit, stereo; the configuration says the truth (FLV E.4.2.1).
const AAC_FIRST_BYTE: u8 =
    (SOUND_AAC << SOUND_FORMAT_SHIFT) | (3 << SOUND_RATE_SHIFT) | SOUND_16_BIT | SOUND_STEREO;

/// Rate, sample size and channel bits of a codec that has no configuration of its own. A rate that the two bits cannot
/// say becomes the next lower one that they can.
fn plain_flags(format: AudioFormat) -> u8 {
    let rate = SOUND_RATES
        .iter()
        .rposition(|&rate| rate <= format.sample_rate)
        .unwrap_or(0) as u8;
    (rate << SOUND_RATE_SHIFT) | SOUND_16_BIT | if format.channels > 1 { SOUND_STEREO } else { 0 }
}

fn opus_head(packet_type: u8) -> [u8; 5] {
    let [a, b, c, d] = FOURCC_OPUS;
    [
        (SOUND_EX_HEADER << SOUND_FORMAT_SHIFT) | packet_type,
        a,
        b,
        c,
        d,
    ]
}

/// The bytes between a video tag's header and its data, at most eight.
struct VideoHead {
    bytes: [u8; 8],
    length: usize,
}

impl VideoHead {
    /// `ex_type` is used when the spelling is enhanced, `avc_type` otherwise.
    fn new(
        options: WriterOptions,
        codec: VideoCodec,
        key: bool,
        ex_type: u8,
        avc_type: u8,
        composition: i32,
    ) -> Self {
        let frame = if key { FRAME_KEY } else { FRAME_INTER } << FRAME_TYPE_SHIFT;
        let [_, c0, c1, c2] = composition.to_be_bytes();
        if options.enhanced {
            let [f0, f1, f2, f3] = match codec {
                VideoCodec::H264 => FOURCC_AVC1,
                VideoCodec::Hevc => FOURCC_HVC1,
            };
            let length = if ex_type == EX_CODED_FRAMES { 8 } else { 5 };
            Self {
                bytes: [
                    VIDEO_EX_HEADER_BIT | frame | ex_type,
                    f0,
                    f1,
                    f2,
                    f3,
                    c0,
                    c1,
                    c2,
                ],
                length,
            }
        } else {
            let id = match codec {
                VideoCodec::H264 => VIDEO_AVC,
                VideoCodec::Hevc => VIDEO_HEVC,
            };
            Self {
                bytes: [frame | id, avc_type, c0, c1, c2, 0, 0, 0],
                length: AVC_BODY_HEADER_LEN,
            }
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn tag(
    out: &mut Vec<u8>,
    kind: u8,
    timestamp: i64,
    head: &[u8],
    data: &[u8],
) -> Result<(), WriteError> {
    let size = head.len() + data.len();
    if size > MAX_DATA_SIZE {
        return Err(WriteError::TooLarge { size });
    }
    append(out, kind, timestamp, head, data);
    Ok(())
}

fn append(out: &mut Vec<u8>, kind: u8, timestamp: i64, head: &[u8], data: &[u8]) {
    let size = head.len() + data.len();
    out.reserve(TAG_HEADER_LEN + size + PREVIOUS_TAG_SIZE_LEN);
    // The cast keeps the low 32 bits: the field wraps after 49.7 days.
    TagHeader {
        kind,
        filtered: false,
        size,
        timestamp: timestamp as u32,
    }
    .write(out);
    out.extend_from_slice(head);
    out.extend_from_slice(data);
    out.extend_from_slice(&((TAG_HEADER_LEN + size) as u32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let mut out = Vec::new();
        let writer = Writer::default();
        writer.header(&mut out, true, true);
        assert_eq!(out, b"FLV\x01\x05\0\0\0\x09\0\0\0\0");
        out.clear();
        writer
            .video(&mut out, 0x0123_4567, -1, true, VideoCodec::Hevc, b"ab")
            .unwrap();
        assert_eq!(
            out,
            b"\x09\0\0\x07\x23\x45\x67\x01\0\0\0\x1C\x01\xFF\xFF\xFFab\0\0\0\x12"
        );
        out.clear();
        Writer::new(WriterOptions { enhanced: true })
            .video(&mut out, 1, 0, false, VideoCodec::Hevc, b"ab")
            .unwrap();
        assert_eq!(out, b"\x09\0\0\x07\0\0\x01\0\0\0\0\xA3hvc1ab\0\0\0\x12");
        out.clear();
        writer
            .audio_config(&mut out, 0, AudioCodec::Aac, &[0x11, 0x88])
            .unwrap();
        assert_eq!(&out[11..15], [0xAF, 0, 0x11, 0x88]);
    }

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let mut out = Vec::new();
        let writer = Writer::default();
        let big = vec![0; MAX_DATA_SIZE];
        let error = writer.video(&mut out, 0, 0, true, VideoCodec::H264, &big);
        assert_eq!(
            error,
            Err(WriteError::TooLarge {
                size: MAX_DATA_SIZE + 5
            })
        );
        let error = writer.video(&mut out, 0, 1 << 23, true, VideoCodec::H264, &[]);
        assert_eq!(error, Err(WriteError::CompositionTime(1 << 23)));
        assert!(out.is_empty());
    }
}
