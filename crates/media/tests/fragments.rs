//! What a camera records opens in FFmpeg's own programs, whole, and cut off anywhere once a camera has closed it.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::Path;
use std::process::Command;

use flv::{AudioFormat, AudioKind, Item, Reader, VideoConfig, VideoKind};
use media::Packet;
use media::fmp4::{AudioTrack, Check, Fragment, Head, VideoTrack, Writer, keyframe_index, walk};

const START: i64 = 1_796_049_000_123;
const GOP_MS: i64 = 400;
/// Pictures of a GOP of the sample.
const PICTURES: usize = 10;

/// The GOP of flv's sample, and a head for it.
fn sample(start_ms: i64) -> (Head, Fragment) {
    let file = include_bytes!("../../flv/testdata/h264_aac.flv");
    let mut reader = Reader::default();
    reader.push(file);
    let (mut record, mut sound) = (Vec::new(), None);
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    let packet = |data: &[u8], at: i64, key| Packet {
        data: data.to_vec(),
        pts: start_ms + at,
        dts: start_ms + at,
        key,
    };
    while let Some(item) = reader.next().unwrap() {
        match item {
            Item::Video(tag) if tag.kind == VideoKind::SequenceHeader => record = tag.data.to_vec(),
            Item::Video(tag) if tag.kind == VideoKind::AccessUnit => {
                video.push(packet(tag.data, tag.timestamp, tag.key));
            }
            Item::Audio(tag) if tag.kind == AudioKind::SequenceHeader => {
                let format = AudioFormat {
                    codec: tag.codec,
                    sample_rate: tag.sample_rate,
                    channels: tag.channels,
                };
                let config = tag.data.to_vec();
                sound = Some(AudioTrack { format, config });
            }
            Item::Audio(tag) => audio.push(packet(tag.data, tag.timestamp, true)),
            _ => {}
        }
    }
    audio.truncate(18);
    let codec = flv::VideoCodec::H264;
    assert!(VideoConfig::parse(codec, &record).is_ok());
    let head = Head {
        start_ms: START,
        number: 1,
        label: 0,
        video: VideoTrack { codec, record },
        audio: sound,
    };
    let fragment = Fragment {
        start_ms,
        end_ms: start_ms + GOP_MS,
        video,
        audio,
    };
    (head, fragment)
}

/// A file of that many GOPs, and its writer.
fn recorded(gops: i64) -> (Vec<u8>, Writer) {
    let (mut writer, mut bytes) = Writer::new(sample(START).0).unwrap();
    for n in 0..gops {
        let (_, fragment) = sample(START + n * GOP_MS);
        bytes.extend(writer.fragment(&fragment).unwrap());
    }
    (bytes, writer)
}

/// What ffprobe counts, and what it says besides.
fn probe(file: &Path, stream: &str) -> (Vec<String>, String) {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", stream, "-count_packets"])
        .args(["-of", "default=noprint_wrappers=1:nokey=1"])
        .args(["-show_entries", "stream=codec_tag_string,nb_read_packets"])
        .arg(file)
        .output()
        .expect("ffprobe is installed (package ffmpeg)");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(str::to_owned).collect();
    (lines, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn ffmpeg_reads_and_decodes_a_recording_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    let (mut bytes, writer) = recorded(5);
    bytes.extend(writer.finish());
    std::fs::write(&path, &bytes).unwrap();
    let pictures = (5 * PICTURES).to_string();
    assert_eq!(
        probe(&path, "v"),
        (vec!["avc1".into(), pictures], String::new())
    );
    assert_eq!(probe(&path, "a").0, ["mp4a", "90"]);
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(&path)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed (package ffmpeg)");
    let said = String::from_utf8_lossy(&decoded.stderr);
    assert!(decoded.status.success() && said.is_empty(), "{said}");
    // Seeking goes by the index at the end.
    let after = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v",
            "-read_intervals",
            "1.3%+0.1",
        ])
        .args(["-show_entries", "packet=pts_time", "-of", "csv=p=0"])
        .arg(&path)
        .output()
        .unwrap();
    let first = String::from_utf8(after.stdout).unwrap();
    let first = first.lines().next().map(|line| line.trim_matches(','));
    // The sample's first picture is 21 ms after the start of its GOP.
    assert_eq!(first, Some("1.221000"));
}

#[test]
fn ffmpeg_reads_every_whole_gop_of_a_recording_that_was_cut_off_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mp4");
    let (bytes, writer) = recorded(4);
    let places = writer.places();
    let (mut length, mut step) = (places[0].end() as usize, 211);
    while length < bytes.len() {
        let cut = &bytes[..length];
        let found = walk(length as u64, Check::Everything, |at, buffer| {
            let at = usize::try_from(at).unwrap();
            buffer.copy_from_slice(&cut[at..at + buffer.len()]);
            Ok(())
        });
        let found = found.unwrap();
        // What a camera does when it finds such a file. FFmpeg itself refuses one that is torn within a `moof`.
        let mut closed = cut[..found.whole as usize].to_vec();
        closed.extend(keyframe_index(&found.head, &found.places));
        std::fs::write(&path, &closed).unwrap();
        let whole = places.iter().filter(|place| place.end() <= length as u64);
        let pictures = (whole.count() * PICTURES).to_string();
        let (told, said) = probe(&path, "v");
        assert_eq!(
            (&*told, &*said),
            (&["avc1".into(), pictures][..], ""),
            "{length}"
        );
        (length, step) = (length + step, step + 97);
    }
}
