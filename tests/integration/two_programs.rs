//! The real camera and the real viewer on loopback: pairing, watching, saving, moving, sharing.

use media::marks;
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};
use tests::programs::{Camera, Outcome, PATIENCE, Viewer, exit, finish};
use tests::watching::{Watching, frames_of};

/// A camera that only loopback and its link lead to.
pub(crate) fn camera() -> Camera {
    Camera::start(&["--name", "Front door"])
}

/// The live stream as FLV, `seconds` of it.
fn live(viewer: &Viewer, seconds: u32, more: &[&str]) -> Outcome {
    let seconds = seconds.to_string();
    let mut arguments = vec!["live", "front", "-o", "-", "--seconds", &seconds];
    arguments.extend(more);
    viewer.run(&arguments).succeeded()
}

/// Starts watching and returns the stream's pictures as they come.
pub(crate) fn watch(viewer: &Viewer) -> (tests::programs::Running, Watching) {
    let mut process = viewer.start(&["live", "front", "-o", "-"]);
    let stdout = process.child().stdout.take().expect("its output is piped");
    (process, Watching::start(stdout))
}

pub(crate) fn ffprobe(file: &std::ffi::OsStr) -> Value {
    let mut command = Command::new("ffprobe");
    command
        .args([
            "-v",
            "error",
            "-show_streams",
            "-show_format",
            "-count_packets",
            "-of",
            "json",
        ])
        .arg(file);
    let outcome = finish(&mut command, PATIENCE).succeeded();
    assert_eq!(outcome.stderr, "", "ffprobe complains");
    outcome.json()
}

pub(crate) fn stream<'a>(probe: &'a Value, kind: &str) -> &'a Value {
    let streams = probe["streams"].as_array().expect("ffprobe lists streams");
    let found = streams.iter().find(|stream| stream["codec_type"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {probe}"))
}

#[test]
fn a_camera_is_added_by_its_link_and_listed() {
    let camera = camera();
    let viewer = Viewer::new();
    let added = viewer.run(&["add", &camera.link]).succeeded();
    assert!(added.took < Duration::from_secs(5), "{:?}", added.took);
    let list = viewer.run(&["list", "--json"]).succeeded().json();
    let text = list.to_string();
    assert!(text.contains("Front door"), "{text}");
    let id = camera
        .link
        .trim_start_matches("porthole:")
        .split('?')
        .next()
        .unwrap_or_default();
    assert!(text.contains(id), "{text} lacks {id}");
}

#[test]
fn live_is_flv_with_a_rising_frame_counter_and_sound() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    for (quality, size) in [
        ("standard", (640, 360)),
        ("high", (1280, 720)),
        ("super", (1920, 1080)),
    ] {
        let (frames, decoding) = frames_of(&live(&viewer, 3, &["--quality", quality]).stdout);
        assert_eq!(decoding.reports, Vec::<String>::new());
        assert!(
            frames.len() > 45,
            "{quality}: {} pictures in 3 s",
            frames.len()
        );
        assert!(frames[0].key, "{quality} begins with a key picture");
        assert!(
            frames.iter().all(|frame| frame.size == size),
            "{quality}: {:?}",
            frames[0].size
        );
        let counters: Vec<u32> = frames.iter().filter_map(|frame| frame.counter).collect();
        assert!(
            counters.len() * 10 >= frames.len() * 9,
            "{quality}: {} of {} marks read",
            counters.len(),
            frames.len()
        );
        assert!(
            counters.windows(2).all(|pair| pair[0] < pair[1]),
            "{quality}: {counters:?}"
        );
        assert!(
            decoding.audio_frames > 60,
            "{quality}: {} audio frames",
            decoding.audio_frames
        );
    }
}

#[test]
fn the_first_picture_comes_from_the_cached_group_at_once() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    // Somebody watches already, so the encoder runs and the current group of pictures is kept.
    let (_other, pictures) = watch(&viewer);
    pictures.next(PATIENCE).expect("the first viewer's picture");
    let second = Viewer::new();
    let link = viewer.share("front");
    second.run(&["add", &link, "--name", "front"]).succeeded();
    let start = Instant::now();
    let (_process, pictures) = watch(&second);
    let first = pictures.next(PATIENCE).expect("a picture");
    let took = first.at - start;
    println!("program start to first picture decoded: {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn h265_is_streamed_and_recorded() {
    let camera = Camera::start(&["--codec", "h265"]);
    let viewer = Viewer::paired(&camera);
    let (frames, decoding) = frames_of(&live(&viewer, 3, &["--quality", "standard"]).stdout);
    assert_eq!(decoding.reports, Vec::<String>::new());
    assert!(frames.len() > 40, "{}", frames.len());
    let file = viewer.path("h265.mp4");
    record(&viewer, &file, 3);
    let probe = ffprobe(file.as_os_str());
    let video = stream(&probe, "video");
    assert_eq!(
        (
            video["codec_name"].as_str(),
            video["codec_tag_string"].as_str()
        ),
        (Some("hevc"), Some("hvc1"))
    );
}

#[test]
fn a_snapshot_is_a_jpeg_of_now() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    let file = viewer.path("now.jpg");
    viewer
        .run(&["snapshot", "front", &file.to_string_lossy()])
        .succeeded();
    let jpeg = std::fs::read(&file).expect("the snapshot");
    let picture = media::jpeg::decode(&jpeg).expect("a JPEG");
    let (width, height) = (picture.width(), picture.height());
    let counter = marks::read_counter(picture.y(), width as usize, width, height)
        .expect("a readable counter");
    let age = tests::screen::age(counter, 30);
    assert!(age < Duration::from_secs(5), "the picture is {age:?} old");
}

fn record(viewer: &Viewer, file: &std::path::Path, seconds: u32) {
    let seconds = seconds.to_string();
    viewer
        .run(&[
            "record",
            "front",
            &file.to_string_lossy(),
            "--seconds",
            &seconds,
        ])
        .succeeded();
}

#[test]
fn a_recording_is_an_mp4_that_ffprobe_and_ffmpeg_read() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    let file = viewer.path("clip.mp4");
    record(&viewer, &file, 4);
    let probe = ffprobe(file.as_os_str());
    assert_eq!(stream(&probe, "video")["codec_name"], "h264");
    assert_eq!(stream(&probe, "audio")["codec_name"], "aac");
    let duration: f64 = probe["format"]["duration"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    // A machine under load may leave the last pictures out; what the camera kept from before is not in it.
    assert!((2.5..4.8).contains(&duration), "{duration} s");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "error", "-xerror", "-i"])
        .arg(&file)
        .args(["-f", "null", "-"]);
    assert_eq!(finish(&mut ffmpeg, PATIENCE).succeeded().stderr, "");
}

#[test]
fn pan_and_tilt_move_the_scene_and_stop() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    let (_process, pictures) = watch(&viewer);
    let first = pictures
        .find(PATIENCE, |frame| frame.position.is_some())
        .expect("a position");
    let (pan, _) = first.position.expect("just found");
    viewer.run(&["ptz", "front", "right"]).succeeded();
    let moved = pictures.find(Duration::from_secs(10), |frame| {
        frame.position.is_some_and(|(now, _)| now != pan)
    });
    assert!(moved.is_some(), "the scene stayed at pan {pan}");
    viewer.run(&["ptz", "front", "stop"]).succeeded();
    // Whether by the release or by the dead-man stop: half a second after the last press nothing moves.
    std::thread::sleep(Duration::from_secs(2));
    pictures.skip_waiting();
    let still = pictures
        .find(PATIENCE, |frame| frame.position.is_some())
        .and_then(|frame| frame.position);
    let later = std::iter::repeat_with(|| pictures.next(PATIENCE))
        .take(30)
        .flatten()
        .filter_map(|frame| frame.position);
    assert!(
        later.into_iter().all(|position| Some(position) == still),
        "it still moves"
    );
}

#[test]
fn a_shared_link_adds_one_viewer_and_no_second() {
    let camera = camera();
    let owner = Viewer::paired(&camera);
    let link = owner.share("front");
    let guest = Viewer::new();
    guest.run(&["add", &link, "--name", "front"]).succeeded();
    assert!(!frames_of(&live(&guest, 2, &[]).stdout).0.is_empty());
    let late = Viewer::new().run(&["add", &link]);
    assert_eq!(late.code, Some(exit::LINK), "{}", late.stderr);
    assert!(late.stderr.contains("refused"), "{}", late.stderr);
}

#[test]
fn two_viewers_watch_one_camera() {
    let camera = camera();
    let owner = Viewer::paired(&camera);
    let guest = Viewer::new();
    guest
        .run(&["add", &owner.share("front"), "--name", "front"])
        .succeeded();
    let (_a, first) = watch(&owner);
    let (_b, second) = watch(&guest);
    for pictures in [&first, &second] {
        let live = pictures.find(PATIENCE, |frame| frame.age < Duration::from_secs(1));
        assert!(live.is_some(), "no live picture");
    }
}

#[test]
fn ffmpeg_and_ffprobe_read_the_gateway() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    let gateway = viewer.gateway();
    let probe = ffprobe_live(gateway.url());
    assert_eq!(stream(&probe, "video")["codec_name"], "h264");
    assert_eq!(stream(&probe, "audio")["codec_name"], "aac");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-i",
        gateway.url(),
        "-t",
        "2",
        // A loaded camera skips pictures, and ffmpeg's guess of the rate is then too low for its own time base.
        "-fps_mode",
        "vfr",
        "-f",
        "null",
        "-",
    ]);
    assert_eq!(finish(&mut ffmpeg, PATIENCE).succeeded().stderr, "");
}

fn ffprobe_live(url: &str) -> Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_streams", "-of", "json", "-i", url]);
    finish(&mut command, PATIENCE).succeeded().json()
}

#[test]
fn cameras_on_this_network_are_discovered() {
    let camera = camera();
    let id = camera
        .link
        .trim_start_matches("porthole:")
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let found = Viewer::new().run(&["discover", "--json"]).succeeded();
    assert!(
        found.text().contains(&id),
        "{id} is not in: {}\n{}",
        found.text(),
        found.stderr
    );
}

#[test]
fn a_raw_command_is_answered_by_the_camera() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    let query = "action=inner_define&channel=0&cmd=get_device_st&type=live&quality=high";
    let reply = viewer.run(&["command", "front", query]).succeeded().text();
    assert!(reply.contains("status"), "{reply}");
}
