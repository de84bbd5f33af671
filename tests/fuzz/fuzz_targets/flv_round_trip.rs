//! What is written reads back as it was: tags of every kind, and access units in both wrappings.
#![no_main]

use flv::{
    AudioCodec, AudioFormat, AudioKind, Item, Metadata, Reader, Stream, TimestampPolicy,
    VideoCodec, VideoKind,
};
use flv::{Writer, WriterOptions, nal};
use libfuzzer_sys::fuzz_target;

/// Codec, whether the tag is the configuration, key frame, time, composition time, data.
type Video = (VideoCodec, bool, bool, u32, i32, Vec<u8>);
/// Codec, time, data.
type Sound = (AudioCodec, u32, Vec<u8>);

fuzz_target!(|input: (bool, Vec<(bool, u8, u32, i32, Vec<u8>)>)| {
    let (enhanced, tags) = input;
    let writer = Writer::new(WriterOptions { enhanced });
    let mut file = Vec::new();
    writer.header(&mut file, true, true);
    let (mut videos, mut sounds): (Vec<Video>, Vec<Sound>) = Default::default();
    for (is_video, kind, time, composition, data) in tags {
        if data.is_empty() {
            continue;
        }
        if is_video {
            let codec = if kind & 1 == 0 {
                VideoCodec::H264
            } else {
                VideoCodec::Hevc
            };
            let (config, key) = (kind & 2 != 0, kind & 4 != 0);
            let composition = composition >> 8;
            if config {
                writer
                    .video_config(&mut file, time.into(), codec, &data)
                    .unwrap();
                videos.push((codec, true, true, time, 0, data));
            } else {
                writer
                    .video(&mut file, time.into(), composition, key, codec, &data)
                    .unwrap();
                videos.push((codec, false, key, time, composition, data));
            }
        } else {
            let codecs = [
                AudioCodec::Aac,
                AudioCodec::G711A,
                AudioCodec::G711U,
                AudioCodec::Pcm,
                AudioCodec::Opus,
            ];
            let codec = codecs[usize::from(kind) % codecs.len()];
            let format = AudioFormat {
                codec,
                sample_rate: 8000 * u32::from(kind),
                channels: kind % 3,
            };
            writer.audio(&mut file, time.into(), format, &data).unwrap();
            sounds.push((codec, time, data));
        }
    }
    check(&file, videos.iter(), sounds.iter());
    for (.., data) in &videos {
        annexb_round_trip(data);
    }
    if let Some((_, _, _, time, _, data)) = videos.first() {
        metadata_round_trip(*time, &String::from_utf8_lossy(data));
    }
});

fn check<'a>(
    file: &[u8],
    mut videos: impl Iterator<Item = &'a Video>,
    mut sounds: impl Iterator<Item = &'a Sound>,
) {
    let mut reader = Reader::default()
        .with_timestamps(Stream::Video, TimestampPolicy::Trust)
        .with_timestamps(Stream::Audio, TimestampPolicy::Trust);
    reader.push(file);
    while let Some(item) = reader.next().unwrap() {
        match item {
            Item::Video(tag) => {
                let config = tag.kind == VideoKind::SequenceHeader;
                let got = (
                    tag.codec,
                    config,
                    tag.key,
                    tag.raw_timestamp,
                    tag.composition_time,
                    tag.data.to_vec(),
                );
                assert_eq!(Some(&got), videos.next());
            }
            Item::Audio(tag) => {
                assert_eq!(tag.kind, AudioKind::Frame);
                assert_eq!(
                    Some(&(tag.codec, tag.raw_timestamp, tag.data.to_vec())),
                    sounds.next()
                );
            }
            Item::Header { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(videos.next().is_none() && sounds.next().is_none());
}

/// Annex B -> lengths -> Annex B -> lengths: the two wrappings hold the same units.
fn annexb_round_trip(stream: &[u8]) {
    let (mut lengths, mut annexb, mut again) = (Vec::new(), Vec::new(), Vec::new());
    let count = nal::annexb_to_length(stream, &mut lengths);
    assert_eq!(
        nal::length_to_annexb(&lengths, nal::LENGTH_SIZE, &mut annexb),
        Ok(count)
    );
    assert_eq!(nal::annexb_to_length(&annexb, &mut again), count);
    assert_eq!(lengths, again);
    for size in 0..=5 {
        let mut out = Vec::new();
        let _ = nal::length_to_annexb(stream, size, &mut out);
    }
}

fn metadata_round_trip(number: u32, text: &str) {
    let metadata = Metadata::new()
        .with_number("number", number.into())
        .with_string(text, text);
    let mut body = Vec::new();
    metadata.write(&mut body);
    if text.len() <= usize::from(u16::MAX) {
        assert_eq!(Metadata::read(&body), Ok(metadata));
    }
}
