//! FLV tags as shared chunks: made once, whoever watches.

use flv::{AudioCodec, AudioFormat, Metadata, VideoCodec, VideoConfig, WriteError, Writer};
use p2p::Chunk;

use crate::defaults::SAMPLE_RATE;

/// The pictures of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoTrack {
    /// Codec.
    pub codec: VideoCodec,
    /// avcC or hvcC.
    pub record: Vec<u8>,
    /// Pictures a second, if it is known.
    pub fps: Option<u32>,
}

/// The sound of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    /// Format.
    pub format: AudioFormat,
    /// The codec's configuration; empty if it has none.
    pub config: Vec<u8>,
}

impl AudioTrack {
    /// What our own encoder makes: AAC-LC, one channel.
    pub fn aac() -> Self {
        let config =
            flv::aac::AudioSpecificConfig::lc(SAMPLE_RATE, 1).and_then(|config| config.to_bytes());
        Self {
            format: AudioFormat {
                codec: AudioCodec::Aac,
                sample_rate: SAMPLE_RATE,
                channels: 1,
            },
            config: config.unwrap_or_default().to_vec(),
        }
    }
}

/// What every viewer is sent first: header, metadata, configurations.
///
/// # Errors
/// A configuration does not fit a tag.
pub fn preamble(
    video: Option<&VideoTrack>,
    audio: Option<&AudioTrack>,
) -> Result<Chunk, WriteError> {
    let (writer, mut out) = (Writer::default(), Vec::with_capacity(512));
    writer.header(&mut out, audio.is_some(), video.is_some());
    writer.metadata(&mut out, 0, &metadata(video, audio))?;
    if let Some(video) = video {
        writer.video_config(&mut out, 0, video.codec, &video.record)?;
    }
    if let Some(audio) = audio {
        writer.audio_config(&mut out, 0, audio.format.codec, &audio.config)?;
    }
    Ok(out.into())
}

/// New configurations in the middle of a stream.
///
/// # Errors
/// A configuration does not fit a tag.
pub fn configs(
    at_ms: i64,
    video: Option<&VideoTrack>,
    audio: Option<&AudioTrack>,
) -> Result<Chunk, WriteError> {
    let (writer, mut out) = (Writer::default(), Vec::with_capacity(256));
    if let Some(video) = video {
        writer.video_config(&mut out, at_ms, video.codec, &video.record)?;
    }
    if let Some(audio) = audio {
        writer.audio_config(&mut out, at_ms, audio.format.codec, &audio.config)?;
    }
    Ok(out.into())
}

/// One picture.
///
/// # Errors
/// It does not fit a tag.
pub fn video(
    codec: VideoCodec,
    at_ms: i64,
    composition_ms: i32,
    key: bool,
    unit: &[u8],
) -> Result<Chunk, WriteError> {
    let mut out = Vec::with_capacity(unit.len() + 32);
    Writer::default().video(&mut out, at_ms, composition_ms, key, codec, unit)?;
    Ok(out.into())
}

/// One packet of sound.
///
/// # Errors
/// It does not fit a tag.
pub fn audio(format: AudioFormat, at_ms: i64, packet: &[u8]) -> Result<Chunk, WriteError> {
    let mut out = Vec::with_capacity(packet.len() + 32);
    Writer::default().audio(&mut out, at_ms, format, packet)?;
    Ok(out.into())
}

/// FLV v10.1, E.5: the names that players know.
fn metadata(video: Option<&VideoTrack>, audio: Option<&AudioTrack>) -> Metadata {
    let mut metadata = Metadata::new().with_string("encoder", "porthole");
    if let Some(video) = video {
        let id = match video.codec {
            VideoCodec::H264 => 7.0,
            VideoCodec::Hevc => 12.0,
        };
        metadata = metadata.with_number("videocodecid", id);
        if let Some((width, height)) = VideoConfig::parse(video.codec, &video.record)
            .ok()
            .and_then(|c| c.size())
        {
            metadata = metadata
                .with_number("width", f64::from(width))
                .with_number("height", f64::from(height));
        }
        if let Some(fps) = video.fps {
            metadata = metadata.with_number("framerate", f64::from(fps));
        }
    }
    if let Some(AudioTrack { format, .. }) = audio {
        let id = match format.codec {
            AudioCodec::Pcm => 3.0,
            AudioCodec::G711A => 7.0,
            AudioCodec::G711U => 8.0,
            AudioCodec::Aac | AudioCodec::Opus => 10.0,
        };
        metadata = metadata
            .with_number("audiocodecid", id)
            .with_number("audiosamplerate", f64::from(format.sample_rate))
            .with_number("audiosamplesize", 16.0);
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use flv::{AudioKind, Item, Reader, VideoKind};

    #[test]
    fn a_reader_finds_everything_in_its_place() {
        let video_track = VideoTrack {
            codec: VideoCodec::H264,
            record: vec![1, 0x42, 0, 31, 0xff, 0xe0, 0],
            fps: Some(30),
        };
        let audio_track = AudioTrack::aac();
        let mut reader = Reader::default();
        reader.push(&preamble(Some(&video_track), Some(&audio_track)).unwrap());
        reader.push(&video(VideoCodec::H264, 40_000, 0, true, &[0, 0, 0, 2, 0x65, 0]).unwrap());
        reader.push(&audio(audio_track.format, 39_990, &[1, 2, 3]).unwrap());
        let mut seen = Vec::new();
        while let Some(item) = reader.next().unwrap() {
            seen.push(match item {
                Item::Header {
                    has_audio: true,
                    has_video: true,
                } => "header".to_owned(),
                Item::Meta(meta) => format!("meta {:?}", meta.number("framerate")),
                Item::Video(tag) if tag.kind == VideoKind::SequenceHeader => "avcC".to_owned(),
                Item::Audio(tag) if tag.kind == AudioKind::SequenceHeader => {
                    format!("asc {:02x?} {}", tag.data, tag.sample_rate)
                }
                Item::Video(tag) => format!("video {} {}", tag.timestamp, tag.key),
                Item::Audio(tag) => format!("audio {}", tag.timestamp),
                other => format!("{other:?}"),
            });
        }
        assert_eq!(
            seen,
            [
                "header",
                "meta Some(30.0)",
                "avcC",
                "asc [11, 88] 48000",
                "video 40000 true",
                "audio 39990"
            ]
        );
    }
}
