//! Files that FFmpeg wrote, see `testdata/README.md`.

#![allow(clippy::unwrap_used)]

use flv::{
    AudioCodec, AudioKind, Item, Order, Reader, ReorderCheck, VideoCodec, VideoConfig, VideoKind,
    nal,
};

const H264_AAC: &[u8] = include_bytes!("../testdata/h264_aac.flv");
const H264_B: &[u8] = include_bytes!("../testdata/h264_b.flv");
const G711A: &[u8] = include_bytes!("../testdata/g711a.flv");
const G711U: &[u8] = include_bytes!("../testdata/g711u.flv");

/// FFmpeg starts the pictures behind the priming samples of its AAC encoder.
const FIRST_PICTURE_MS: i64 = 21;

/// What the order check says of a file's video, and the video as Annex B.
fn watch(file: &[u8]) -> (Order, VideoConfig, Vec<u8>) {
    let (mut reader, mut check, mut config, mut out) =
        (Reader::default(), ReorderCheck::new(5), None, Vec::new());
    reader.push(file);
    while let Some(item) = reader.next().unwrap() {
        let Item::Video(tag) = item else { continue };
        match tag.kind {
            VideoKind::SequenceHeader => {
                config = Some(VideoConfig::parse(tag.codec, tag.data).unwrap())
            }
            VideoKind::AccessUnit => {
                let config = config.as_ref().unwrap();
                check.observe(tag.composition_time, config.has_b_frames(tag.data));
                config
                    .write_annexb(tag.data, tag.key, true, &mut out)
                    .unwrap();
            }
            VideoKind::EndOfSequence => {}
        }
    }
    (check.order(), config.unwrap(), out)
}

#[test]
fn h264_with_aac_reads() {
    let mut reader = Reader::default();
    let mut input = H264_AAC;
    let (mut pictures, mut sounds, mut keys) = (0, 0, 0);
    while let Some(item) = reader.next_in(&mut input).unwrap() {
        match item {
            Item::Header {
                has_audio,
                has_video,
            } => assert!(has_audio && has_video),
            Item::Meta(meta) => {
                assert_eq!(meta.name, "onMetaData");
                assert_eq!(
                    (meta.number("width"), meta.number("videocodecid")),
                    (Some(64.0), Some(7.0))
                );
            }
            Item::Video(tag) if tag.kind == VideoKind::AccessUnit => {
                assert_eq!(
                    (tag.codec, tag.timestamp),
                    (VideoCodec::H264, FIRST_PICTURE_MS + pictures * 40)
                );
                pictures += 1;
                keys += i32::from(tag.key);
            }
            Item::Audio(tag) => {
                assert_eq!(
                    (tag.codec, tag.sample_rate, tag.channels),
                    (AudioCodec::Aac, 48_000, 1)
                );
                sounds += i32::from(tag.kind == AudioKind::Frame);
            }
            _ => {}
        }
    }
    assert_eq!((pictures, keys), (10, 1));
    assert!((19..=21).contains(&sounds), "{sounds}");
}

#[test]
fn a_stream_without_b_frames_is_believed_and_made_immediate() {
    let (order, config, annexb) = watch(H264_AAC);
    assert_eq!((order, config.size()), (Order::AsDecoded, Some((64, 36))));
    assert_eq!(config.codec_string(), "avc1.64000A");
    let again = VideoConfig::from_annexb(VideoCodec::H264, &annexb).unwrap();
    assert_eq!(again.to_bytes(), config.to_bytes());
    assert_eq!(
        nal::split_annexb(&annexb).count(),
        10 + 1 + 2,
        "pictures, SEI and parameter sets"
    );
}

#[test]
fn a_stream_with_b_frames_is_left_alone() {
    let (order, config, _) = watch(H264_B);
    assert_eq!(order, Order::Reordered);
    assert!(!config.never_reorders());
    // The rewrite would be possible: it is the check that forbids it.
    assert!(config.without_reordering().is_some());
}

#[test]
fn g711_of_both_laws_reads() {
    for (file, codec) in [(G711A, AudioCodec::G711A), (G711U, AudioCodec::G711U)] {
        let mut reader = Reader::default();
        reader.push(file);
        let mut bytes = 0;
        while let Some(item) = reader.next().unwrap() {
            let Item::Audio(tag) = item else { continue };
            assert_eq!((tag.codec, tag.sample_rate, tag.channels), (codec, 8000, 1));
            bytes += tag.data.len();
        }
        assert_eq!(bytes, 800);
    }
}
