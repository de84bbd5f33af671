//! What the real camera records, found, played and kept by the real viewer.

use crate::two_programs::{ffprobe, stream};
use media::file::{Source, Unit};
use media::marks;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tests::programs::{Camera, PATIENCE, Viewer, finish};
use tests::watching::{Decoding, Frame, frames_of};

/// Exit code for what was not recorded.
const NOTHING: i32 = 18;
/// Pictures a second of the camera, by which its counters run.
const FPS: u32 = 30;

/// A camera with a card, paired, that has recorded so many seconds; when that began, unix ms.
fn recorded(seconds: i64, more: &[&str]) -> (tempfile::TempDir, Camera, Viewer, i64) {
    let card = tempfile::tempdir().expect("a card");
    let folder = card.path().to_string_lossy().into_owned();
    let mut arguments = vec!["--name", "Front door", "--card", &folder];
    arguments.extend(more);
    let camera = Camera::start(&arguments);
    let viewer = Viewer::paired(&camera);
    let deadline = Instant::now() + PATIENCE + Duration::from_secs(2 * seconds.unsigned_abs());
    loop {
        let told = viewer
            .run(&["recordings", "front", "--json"])
            .succeeded()
            .json();
        let stretches = told["stretches"].as_array().cloned().unwrap_or_default();
        // A loaded camera may have begun with a break.
        let spans = stretches
            .iter()
            .filter_map(|stretch| Some((stretch["startMs"].as_i64()?, stretch["endMs"].as_i64()?)));
        let long = |(start, end): &(i64, i64)| end - start >= seconds * 1000;
        if let Some((start, _)) = spans.into_iter().find(long) {
            return (card, camera, viewer, start);
        }
        assert!(Instant::now() < deadline, "{told}\n{}", camera.log());
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn seconds(ms: i64) -> String {
    format!("{}", ms as f64 / 1000.0)
}

/// When the picture with that counter was taken, unix ms.
fn taken(counter: u32, near_ms: i64) -> i64 {
    let near = near_ms.unsigned_abs() * 1000;
    (marks::time_of(counter, FPS, near) / 1000) as i64
}

/// The counters of a file's pictures.
fn counters(file: &Path) -> Vec<u32> {
    let mut source = Source::open(file).expect("a media file");
    let mut counters = Vec::new();
    loop {
        let unit = source.next().expect("readable");
        // After its last picture comes the first one again.
        if source.rounds() > 0 {
            break;
        }
        if let Unit::Video(picture) = unit {
            let (width, height) = (picture.width(), picture.height());
            let counter = marks::read_counter(picture.y(), width as usize, width, height);
            counters.extend(counter);
        }
    }
    counters
}

/// The arguments that play so much to the standard output.
fn play<'a>(from: &'a str, to: &'a str) -> Vec<&'a str> {
    vec!["play", "front", "--from", from, "--to", to, "-o", "-"]
}

/// Plays so much: its frames, what was said of them, and their counters, which only rise.
fn played(viewer: &Viewer, from: &str, to: &str) -> (Vec<Frame>, Decoding, Vec<u32>) {
    let played = viewer.run(&play(from, to)).succeeded();
    let (frames, decoding) = frames_of(&played.stdout);
    assert_eq!(decoding.reports, Vec::<String>::new());
    let shown: Vec<_> = frames.iter().filter_map(|frame| frame.counter).collect();
    assert!(shown.windows(2).all(|pair| pair[0] < pair[1]), "{shown:?}");
    (frames, decoding, shown)
}

#[test]
fn recordings_are_listed_played_and_shown_small() {
    let (_card, _camera, viewer, start) = recorded(8, &[]);
    let (from, to) = (start + 3_000, start + 6_000);
    let (from_text, to_text) = (seconds(from), seconds(to));
    let (frames, decoding, shown) = played(&viewer, &from_text, &to_text);
    assert!(frames[0].key && decoding.audio_frames > 20);
    let (first, last) = (taken(shown[0], from), taken(shown[shown.len() - 1], to));
    assert!(
        first <= from + 200 && last <= to + 200,
        "{first} {from}, {last} {to}"
    );
    assert!((last - to).abs() < 1_500, "{last} {to}");

    let mut play = play(&from_text, &to_text);
    play.extend(["--speed", "8"]);
    let fast = viewer.run(&play).succeeded();
    let (keys, _) = frames_of(&fast.stdout);
    assert!(keys.len() < frames.len() / 4 && keys.iter().all(|frame| frame.key));

    let file = viewer.path("small.jpg");
    let path = file.to_string_lossy().into_owned();
    let at = seconds(from);
    let said = viewer.run(&["thumbnail", "front", "--at", &at, &path, "--json"]);
    let taken_ms = said.succeeded().json()["takenMs"]
        .as_i64()
        .unwrap_or_default();
    assert!(
        (from - 5_000..=from).contains(&taken_ms),
        "{taken_ms} {from}"
    );
    let jpeg = std::fs::read(&file).expect("the picture");
    let picture = media::jpeg::decode(&jpeg).expect("a JPEG");
    assert_eq!(picture.width(), 320);

    let (past, later) = (seconds(start - 86_400_000), seconds(start - 86_000_000));
    let nothing = viewer.run(&["play", "front", "--from", &past, "--to", &later, "-o", "-"]);
    assert_eq!(nothing.code, Some(NOTHING), "{}", nothing.stderr);
}

/// Starts a download and kills it once some bytes have come; whether it was killed before its end.
fn kill_half_way(viewer: &Viewer, arguments: &[&str], part: &Path) -> bool {
    let mut process = viewer.start(arguments);
    loop {
        let some = std::fs::metadata(part).is_ok_and(|part| part.len() > 0);
        if some || process.wait(Duration::from_millis(1)).is_some() {
            process.kill();
            return std::fs::metadata(part).is_ok_and(|part| part.len() > 0);
        }
    }
}

#[test]
fn a_download_that_was_killed_is_finished_by_a_second_run() {
    let (_card, _camera, viewer, start) = recorded(14, &["--record-quality", "super"]);
    let (from, to) = (start + 1_000, start + 11_000);
    let file = viewer.path("clip.mp4");
    let part = PathBuf::from(format!("{}.download", file.display()));
    let (from_text, to_text) = (seconds(from), seconds(to));
    let path = file.to_string_lossy().into_owned();
    let arguments = [
        "download", "front", "--from", &from_text, "--to", &to_text, "-o", &path, "--json",
    ];
    let mut killed = false;
    for _ in 0..10 {
        killed = kill_half_way(&viewer, &arguments, &part);
        if killed {
            break;
        }
        let _ = std::fs::remove_file(&file);
    }
    assert!(killed && !file.exists(), "never killed half-way");
    let said = viewer.run(&arguments).succeeded().json();
    assert_eq!(said["files"].as_array().map(Vec::len), Some(1), "{said}");
    assert!(!part.exists());

    let probe: Value = ffprobe(file.as_os_str());
    assert_eq!(stream(&probe, "video")["codec_name"], "h264");
    assert_eq!(stream(&probe, "audio")["codec_name"], "aac");
    let packets = stream(&probe, "video")["nb_read_packets"].as_str();
    let packets: usize = packets
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let shown = counters(&file);
    assert!(
        shown.len() * 10 >= packets * 9,
        "{} of {packets}",
        shown.len()
    );
    assert!(shown.windows(2).all(|pair| pair[0] < pair[1]), "{shown:?}");
    let (first, last) = (taken(shown[0], from), taken(shown[shown.len() - 1], to));
    assert!(
        first <= from + 200 && from - first < 5_000,
        "{first} {from}"
    );
    assert!(last + 200 >= to && last - to < 5_000, "{last} {to}");
}

#[test]
fn h265_is_recorded_played_and_kept_as_a_file_that_phones_take() {
    let (_card, _camera, viewer, start) = recorded(8, &["--codec", "h265"]);
    let (from, to) = (start + 2_000, start + 6_000);
    let (from_text, to_text) = (seconds(from), seconds(to));
    let (_, _, shown) = played(&viewer, &from_text, &to_text);
    let last = taken(shown[shown.len() - 1], to);
    assert!((last - to).abs() < 1_500, "{last} {to}");

    let file = viewer.path("clip.mp4");
    let path = file.to_string_lossy().into_owned();
    let mut download = vec!["download", "front", "--from", &from_text, "--to", &to_text];
    download.extend(["-o", &path]);
    viewer.run(&download).succeeded();
    let probe: Value = ffprobe(file.as_os_str());
    let video = stream(&probe, "video");
    assert_eq!(video["codec_name"], "hevc");
    assert_eq!(video["codec_tag_string"], "hvc1");
    assert_eq!(stream(&probe, "audio")["codec_name"], "aac");
    let packets = video["nb_read_packets"].as_str();
    let packets: usize = packets
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let kept = counters(&file);
    assert!(
        packets > 20 && kept.len() * 10 >= packets * 9,
        "{} of {packets}",
        kept.len()
    );
    assert!(kept.windows(2).all(|pair| pair[0] < pair[1]), "{kept:?}");
    let (first, last) = (taken(kept[0], from), taken(kept[kept.len() - 1], to));
    assert!(
        first <= from + 200 && last + 200 >= to,
        "{first} {from}, {last} {to}"
    );
    // Every picture decodes without a word.
    let mut whole = Command::new("ffmpeg");
    whole.args(["-v", "error", "-i"]).arg(&file);
    whole.args(["-f", "null", "-"]);
    let said = finish(&mut whole, PATIENCE);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_camera_without_a_card_says_so() {
    let camera = Camera::start(&["--name", "Front door"]);
    let viewer = Viewer::paired(&camera);
    for arguments in [
        vec!["recordings", "front"],
        vec!["files", "front"],
        vec![
            "play",
            "front",
            "--from",
            "1783440600",
            "--to",
            "1783440660",
            "-o",
            "-",
        ],
    ] {
        let refused = viewer.run(&arguments);
        assert_eq!(
            refused.code,
            Some(NOTHING),
            "{arguments:?}: {}",
            refused.stderr
        );
        assert!(refused.stderr.contains("no card"), "{}", refused.stderr);
    }
}
