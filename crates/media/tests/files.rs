//! MP4 written and read by others, and files as endless sources.
#![cfg(feature = "ffmpeg")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{level_at, scene, tone};
use media::audio::AacEncoder;
use media::file::{Source, Unit};
use media::mp4::{AudioTrack, VideoTrack, Writer};
use media::video::{Codec, Encoder, EncoderSettings};
use media::{Packet, Picture, marks};

const PICTURES: u32 = 60;

fn ffprobe(file: &Path, show: &[&str]) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "default=noprint_wrappers=1"])
        .args(show)
        .arg(file)
        .output()
        .expect("ffprobe is installed (package ffmpeg)");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn track(codec: Codec, record: &[u8]) -> VideoTrack {
    VideoTrack {
        codec,
        record: record.to_vec(),
        width: 640,
        height: 360,
    }
}

fn encoder(codec: Codec) -> Encoder {
    let settings = EncoderSettings {
        codec,
        width: 640,
        height: 360,
        fps: 30,
        bit_rate: 400_000,
        gop: 30,
    };
    Encoder::open(&settings).expect("opens")
}

/// Two seconds of scene and tone, times far from zero as in a live stream.
fn write(file: &Path, codec: Codec, sound: bool) -> media::mp4::Summary {
    const START_MS: i64 = 3_600_000;
    let mut encoder = encoder(codec);
    let mut aac = AacEncoder::open(48_000, 1, 64_000).expect("opens");
    aac.set_time(START_MS);
    let audio = AudioTrack {
        asc: aac.config().to_vec(),
        rate: 48_000,
        channels: 1,
    };
    let track = track(codec, encoder.config_record());
    let mut writer = Writer::create(file, &track, sound.then_some(&audio)).expect("creates");
    assert!(!file.exists());
    let sine = tone(48_000, 1, 440.0, 0.5, 1600 * PICTURES as usize);
    for n in 0..PICTURES {
        let mut picture = scene(640, 360, n);
        picture.pts += START_MS * 1000;
        for packet in encoder.encode(&picture, false).expect("encodes") {
            writer.video(&packet).expect("writes");
        }
        for packet in aac
            .encode(&sine[n as usize * 1600..][..1600])
            .expect("encodes")
        {
            writer.audio(&packet).expect("writes");
        }
    }
    writer.finish().expect("finishes")
}

fn counter(picture: &Picture) -> Option<u32> {
    marks::read_counter(
        picture.y(),
        picture.width() as usize,
        picture.width(),
        picture.height(),
    )
}

#[test]
fn ffprobe_reads_what_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    for (codec, name, tag) in [(Codec::H264, "h264", "avc1"), (Codec::Hevc, "hevc", "hvc1")] {
        let file = folder.path().join(format!("a strange: name {name}.mp4"));
        let summary = write(&file, codec, true);
        assert!((1995..=2010).contains(&summary.duration_ms), "{summary:?}");
        assert_eq!(
            summary.bytes,
            std::fs::metadata(&file).expect("there").len()
        );
        let video = ffprobe(
            &file,
            &[
                "-select_streams",
                "v",
                "-count_packets",
                "-show_entries",
                "stream=codec_name,codec_tag_string,width,height,nb_read_packets,avg_frame_rate,start_time,duration",
            ],
        );
        for line in [
            format!("codec_name={name}"),
            format!("codec_tag_string={tag}"),
            "width=640".into(),
            "height=360".into(),
            format!("nb_read_packets={PICTURES}"),
            "start_time=0.000000".into(),
        ] {
            assert!(video.lines().any(|l| l == line), "{line} not in\n{video}");
        }
        let audio = ffprobe(
            &file,
            &[
                "-select_streams",
                "a",
                "-show_entries",
                "stream=codec_name,profile,sample_rate,channels,duration",
            ],
        );
        for line in [
            "codec_name=aac",
            "profile=LC",
            "sample_rate=48000",
            "channels=1",
        ] {
            assert!(audio.lines().any(|l| l == line), "{line} not in\n{audio}");
        }
        // The index is in front: the first two boxes are ftyp and moov.
        let bytes = std::fs::read(&file).expect("reads");
        let ftyp = u32::from_be_bytes(bytes[..4].try_into().expect("four")) as usize;
        assert_eq!(
            (&bytes[4..8], &bytes[ftyp + 4..ftyp + 8]),
            (&b"ftyp"[..], &b"moov"[..])
        );
    }
}

#[test]
fn packet_times_in_the_file_have_no_jitter_in_the_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mp4");
    write(&file, Codec::H264, true);
    let shown = ffprobe(
        &file,
        &[
            "-select_streams",
            "a",
            "-show_entries",
            "packet=pts,duration",
        ],
    );
    let values = |key: &str| -> Vec<i64> {
        shown
            .lines()
            .filter_map(|l| l.strip_prefix(key)?.parse().ok())
            .collect()
    };
    let pts = values("pts=");
    assert!(
        pts.len() > 80 && pts.windows(2).all(|w| w[1] - w[0] == 1024),
        "{pts:?}"
    );
}

#[test]
fn a_dropped_or_empty_writer_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mp4");
    let mut encoder = encoder(Codec::H264);
    let track = track(Codec::H264, encoder.config_record());
    let mut writer = Writer::create(&file, &track, None).expect("creates");
    let packet = encoder
        .encode(&scene(640, 360, 0), false)
        .expect("encodes")
        .remove(0);
    writer.video(&packet).expect("writes");
    assert!(folder.path().join("x.mp4.part").exists());
    drop(writer);
    let mut writer = Writer::create(&file, &track, None).expect("creates");
    writer
        .video(&Packet {
            key: false,
            ..packet
        })
        .expect("left out");
    assert!(writer.finish().is_err());
    assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 0);
    assert!(Writer::create(&folder.path().join("no/such/folder.mp4"), &track, None).is_err());
    assert!(
        Writer::create(
            &file,
            &VideoTrack {
                record: vec![],
                ..track
            },
            None
        )
        .is_err()
    );
}

#[test]
fn absurd_times_do_not_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut encoder = encoder(Codec::H264);
    let track = track(Codec::H264, encoder.config_record());
    let audio = AudioTrack {
        asc: vec![0x11, 0x88],
        rate: 48_000,
        channels: 1,
    };
    let packet = encoder
        .encode(&scene(640, 360, 0), false)
        .expect("encodes")
        .remove(0);
    for times in [
        [0, i64::MAX, i64::MIN],
        [i64::MIN, 0, i64::MAX],
        [i64::MAX, i64::MIN, 5],
    ] {
        let mut writer =
            Writer::create(&folder.path().join("x.mp4"), &track, Some(&audio)).expect("creates");
        for time in times {
            let odd = Packet {
                pts: time,
                dts: time,
                ..packet.clone()
            };
            let _ = (writer.video(&odd), writer.audio(&odd));
        }
        let _ = writer.finish();
    }
}

#[test]
fn an_old_file_stays_until_the_new_one_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mp4");
    std::fs::write(&file, b"old").expect("writes");
    let mut encoder = encoder(Codec::H264);
    let track = track(Codec::H264, encoder.config_record());
    let mut writer = Writer::create(&file, &track, None).expect("creates");
    let packet = encoder
        .encode(&scene(640, 360, 0), false)
        .expect("encodes")
        .remove(0);
    writer.video(&packet).expect("writes");
    assert_eq!(std::fs::read(&file).expect("reads"), b"old");
    assert!(writer.finish().expect("finishes").bytes > 500);
    assert!(std::fs::read(&file).expect("reads").len() > 500);
}

#[test]
fn a_file_loops_with_times_that_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mp4");
    write(&file, Codec::H264, true);
    let mut source = Source::open(&file).expect("opens");
    assert_eq!(
        source
            .video_format()
            .map(|(w, h, fps)| (w, h, fps.round() as u32)),
        Some((640, 360, 30))
    );
    assert_eq!(source.audio_format(), Some((48_000, 1)));
    let (mut counters, mut times, mut sound, mut sound_end) =
        (Vec::new(), Vec::new(), Vec::new(), None);
    while counters.len() < 3 * PICTURES as usize {
        match source.next().expect("goes on") {
            Unit::Video(picture) => {
                counters.push(counter(&picture).expect("marked"));
                times.push(picture.pts);
            }
            Unit::Audio { pts, samples } => {
                assert_eq!((samples.rate, samples.channels), (48_000, 1));
                if let Some(end) = sound_end {
                    // Rounds are as long as the longer of picture and sound.
                    assert!((-1000..60_000).contains(&(pts - end)), "{pts} after {end}");
                }
                sound_end = Some(pts + samples.duration_us());
                sound.extend(samples.data);
            }
        }
    }
    assert_eq!(source.rounds(), 2);
    for (i, n) in counters.iter().enumerate() {
        assert_eq!(*n, i as u32 % PICTURES);
    }
    assert!(
        times
            .windows(2)
            .all(|w| (25_000..80_000).contains(&(w[1] - w[0]))),
        "{times:?}"
    );
    let level = level_at(&sound[24_000..72_000], 48_000, 440.0);
    assert!((level - 0.5).abs() < 0.03, "{level}");
}

#[test]
fn foreign_files_are_converted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mkv");
    // Full range 4:2:2 pictures and 6 channels of 16-bit sound.
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "color=white:size=320x180:rate=10:duration=1",
        ])
        .args([
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=44100:duration=1",
        ])
        .args([
            "-ac",
            "6",
            "-c:a",
            "pcm_s16le",
            "-c:v",
            "mjpeg",
            "-pix_fmt",
            "yuvj422p",
        ])
        .arg(&file)
        .status()
        .expect("ffmpeg is installed");
    assert!(made.success());
    let mut source = Source::open(&file).expect("opens");
    let (mut pictures, mut frames) = (0, 0);
    while pictures < 15 {
        match source.next().expect("goes on") {
            Unit::Video(picture) => {
                pictures += 1;
                let white = picture.y().iter().all(|y| y.abs_diff(235) <= 2);
                assert!(
                    white && (picture.width(), picture.height()) == (320, 180),
                    "{:?}",
                    &picture.y()[..4]
                );
            }
            Unit::Audio { samples, .. } => {
                assert_eq!((samples.rate, samples.channels), (44_100, 2));
                frames += samples.frames();
            }
        }
    }
    assert!(frames > 44_100, "{frames}");
}

#[test]
fn unreadable_files_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mp4");
    assert!(Source::open(&file).is_err());
    std::fs::write(&file, [0x47; 5000]).expect("writes");
    assert!(Source::open(&file).and_then(|mut s| s.next()).is_err());
    std::fs::write(&file, b"").expect("writes");
    assert!(Source::open(&file).is_err());
}

/// The file as a camera keeps it: in fragments, with A-law sound.
fn fragmented(from: &Path, to: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(from)
        .args([
            "-c:v", "copy", "-c:a", "pcm_alaw", "-ar", "8000", "-f", "mov",
        ])
        .args(["-movflags", "+frag_keyframe+empty_moov+default_base_moof"])
        .arg(to)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success());
}

#[test]
fn a_recording_in_fragments_becomes_a_plain_file_with_the_same_pictures() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for (codec, tag) in [(Codec::H264, "avc1"), (Codec::Hevc, "hvc1")] {
        write(&at("whole.mp4"), codec, true);
        fragmented(&at("whole.mp4"), &at("camera.mov"));
        let mut told = Vec::new();
        let summary = media::mp4::convert(&at("camera.mov"), &at("plain.mp4"), &mut |ms| {
            told.push(ms);
            true
        })
        .expect("converts");
        assert!((1990..=2015).contains(&summary.duration_ms), "{summary:?}");
        assert_eq!(told.len(), 2, "at every key frame");
        let streams = ffprobe(
            &at("plain.mp4"),
            &["-show_entries", "stream=codec_name,codec_tag_string"],
        );
        assert!(
            streams.contains(tag) && streams.contains("codec_name=aac"),
            "{streams}"
        );
        let bytes = std::fs::read(at("plain.mp4")).expect("there");
        let place = |name: &[u8]| bytes.windows(4).position(|four| four == name);
        assert!(place(b"moov") < place(b"mdat"), "the index is in front");
        assert!(place(b"moof").is_none());
        let mut source = Source::open(&at("plain.mp4")).expect("opens");
        let mut counters = Vec::new();
        while source.rounds() == 0 {
            if let Unit::Video(picture) = source.next().expect("reads") {
                counters.extend(counter(&picture));
            }
        }
        counters.truncate(PICTURES as usize);
        assert_eq!(counters, (0..PICTURES).collect::<Vec<_>>());
        for name in ["whole.mp4", "camera.mov", "plain.mp4"] {
            std::fs::remove_file(at(name)).expect("removed");
        }
    }
}

#[test]
fn what_is_no_recording_and_what_was_ended_leave_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("page.mp4"), b"<html>").expect("writes");
    assert!(media::mp4::convert(&at("page.mp4"), &at("out.mp4"), &mut |_| true).is_err());
    write(&at("whole.mp4"), Codec::H264, false);
    assert!(media::mp4::convert(&at("whole.mp4"), &at("out.mp4"), &mut |_| false).is_err());
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("out"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
