//! A voice goes from one real program to the other, and the way back has no echo of it.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tests::programs::{Camera, PATIENCE, Running, Viewer, exit};
use tests::sound::{self, RATE, WayBack};

const WORDS: &str = "Good evening, this is the front door speaking. Please leave the parcel behind the green flower pot, \
                     and thank you very much for coming all this way in the rain.";
const OTHER: &str = "Hello there, is anybody at home? I have been waiting at the gate for a while.";

/// A camera whose speaker is kept, and the file.
fn camera(more: &[&str]) -> (Camera, tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let speaker = folder.path().join("speaker.wav");
    let path = speaker.display().to_string();
    let mut arguments = vec![
        "--name",
        "Front door",
        "--no-talk-chime",
        "--speaker",
        &path,
    ];
    arguments.extend(more);
    (Camera::start(&arguments), folder, speaker)
}

fn spoken(viewer: &Viewer) -> String {
    let path = viewer.path("words.wav");
    sound::speak(&path, "en", 40, WORDS);
    path.display().to_string()
}

/// What the camera counts of talks.
fn stats(viewer: &Viewer) -> Value {
    let query = r#"action=user_define&channel=0&cmd={"topic":"stats"}"#;
    viewer
        .run(&["--json", "command", "front", query])
        .succeeded()
        .json()["talk"]
        .clone()
}

/// Waits until the camera says that this is who talks.
fn until_talks(viewer: &Viewer, wanted: bool, limit: Duration) -> Duration {
    let started = Instant::now();
    while stats(viewer)["talker"].is_null() == wanted {
        assert!(
            started.elapsed() < limit,
            "the floor is not {}",
            if wanted { "taken" } else { "free" }
        );
    }
    started.elapsed()
}

/// Starts to talk for a long time.
fn long_talk(viewer: &Viewer) -> Running {
    let path = viewer.path("long.wav");
    sound::speak(&path, "en", 40, &[WORDS; 4].join(" "));
    let path = path.display().to_string();
    let mut command = viewer.command(&["--json", "talk", "front", "--from", &path]);
    Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()))
}

#[test]
fn spoken_words_reach_the_speaker_in_every_codec() {
    for (codec, alike) in [
        ("aac", 0.9),
        ("opus", 0.9),
        ("pcm", 0.95),
        ("g711a", 0.9),
        ("g711u", 0.9),
    ] {
        let (camera, _folder, speaker) = camera(&[]);
        let viewer = Viewer::paired(&camera);
        let words = spoken(&viewer);
        let talk = viewer
            .run_for(
                &[
                    "--json", "talk", "front", "--from", &words, "--codec", codec,
                ],
                PATIENCE * 2,
            )
            .succeeded();
        let (said, heard) = (sound::read(words.as_ref()), sound::read(&speaker));
        let likeness = sound::likeness(&said, &heard);
        let delays: Vec<f64> = talk
            .text()
            .lines()
            .filter_map(|line| {
                serde_json::from_str::<Value>(line).ok()?["talk"]["delayMs"].as_f64()
            })
            .collect();
        let delay = delays
            .iter()
            .copied()
            .reduce(f64::max)
            .expect("a delay is told");
        println!("{codec}: correlation {likeness:.3}, mouth to speaker {delay:.0} ms");
        assert!(likeness >= alike, "{codec}: {likeness:.3}");
        assert!(delay < 1_000.0, "{codec}: {delays:?}");
        let whole = said.len() as f64 * 1000.0 / RATE as f64;
        let played = stats(&viewer)["playedMs"]
            .as_f64()
            .or(stats(&viewer)["played_ms"].as_f64());
        assert!(
            played.expect("it counts") > whole * 0.9,
            "{codec}: {played:?} of {whole} ms"
        );
    }
}

#[test]
fn the_way_back_has_the_cameras_voice_and_no_echo_of_ours() {
    let voice_folder = tempfile::tempdir().expect("a folder");
    let voice = voice_folder.path().join("voice.wav");
    sound::speak(&voice, "en+f3", 60, OTHER);
    sound::add_silence(&voice, 3.0);
    let who = format!("file:{}", voice.display());
    let (camera, _folder, speaker) = camera(&["--room", "small", "--voice", &who]);
    let viewer = Viewer::paired(&camera);
    let words = viewer.path("words.wav");
    sound::speak(&words, "en", 40, &[WORDS; 3].join(" "));
    let (words, back) = (words.display().to_string(), viewer.path("return.wav"));
    let kept = back.display().to_string();
    viewer
        .run_for(
            &["talk", "front", "--from", &words, "--save", &kept],
            PATIENCE * 2,
        )
        .succeeded();
    let (voice, back, speaker) = (
        sound::read(&voice),
        sound::read(&back),
        sound::read(&speaker),
    );
    let heard = WayBack::judge(&voice, &back, &speaker);
    assert!(heard.quiet > 2 * RATE, "{} quiet samples", heard.quiet);
    assert!(heard.likeness >= 0.8, "{:.3}", heard.likeness);
    assert!(heard.removed_db >= 15.0, "{:.1} dB", heard.removed_db);
}

#[test]
fn the_floor_is_free_two_seconds_after_its_holder_was_killed() {
    let (camera, _folder, _) = camera(&[]);
    let viewer = Viewer::paired(&camera);
    let mut talk = long_talk(&viewer);
    until_talks(&viewer, true, PATIENCE);
    talk.kill();
    let killed = Instant::now();
    until_talks(&viewer, false, PATIENCE);
    let took = killed.elapsed();
    println!("floor free {took:?} after kill -9, with the questions");
    assert!(took < Duration::from_millis(2_500), "{took:?}");
}

#[test]
fn a_second_viewer_is_told_who_talks_and_takes_over() {
    let (camera, _folder, _) = camera(&[]);
    let anna = Viewer::paired(&camera);
    let ben = Viewer::new();
    ben.run(&["add", &anna.share("front"), "--name", "front"])
        .succeeded();
    let words = spoken(&ben);
    let mut talk = long_talk(&anna);
    until_talks(&anna, true, PATIENCE);
    let busy = ben.run(&["--json", "talk", "front", "--from", &words]);
    assert_eq!(busy.code, Some(exit::TALK), "{}", busy.stderr);
    assert!(
        busy.stderr.contains("talk_busy") && busy.stderr.contains("porthole on"),
        "{}",
        busy.stderr
    );
    ben.run_for(&["talk", "front", "--from", &words, "--take"], PATIENCE * 2)
        .succeeded();
    let ended = talk.wait(PATIENCE).expect("who lost the floor has ended");
    assert_eq!(ended.code(), Some(exit::TALK));
    let mut said = String::new();
    let mut stderr = talk.child().stderr.take().expect("its errors are piped");
    std::io::Read::read_to_string(&mut stderr, &mut said).expect("text");
    assert!(said.contains("talk_taken"), "{said}");
}

#[test]
fn what_the_camera_does_not_play_is_refused_with_what_it_does() {
    let (camera, _folder, _) = camera(&["--talk-formats", "g711a/8000,pcm/8000"]);
    let viewer = Viewer::paired(&camera);
    let words = spoken(&viewer);
    let refused = viewer.run(&["talk", "front", "--from", &words, "--codec", "aac"]);
    assert_eq!(refused.code, Some(exit::TALK), "{}", refused.stderr);
    assert!(refused.stderr.contains("g711a/8000"), "{}", refused.stderr);
    // Without a wish the viewer follows the camera.
    let talk = viewer.run_for(&["--json", "talk", "front", "--from", &words], PATIENCE * 2);
    assert!(talk.succeeded().text().contains("g711a/8000"));
}

#[test]
fn a_full_camera_takes_no_voice_either() {
    let (camera, _folder, _) = camera(&["--max-viewers", "1"]);
    let owner = Viewer::paired(&camera);
    let guest = Viewer::new();
    guest
        .run(&["add", &owner.share("front"), "--name", "front"])
        .succeeded();
    let words = spoken(&guest);
    let _talk = long_talk(&owner);
    until_talks(&owner, true, PATIENCE);
    let full = guest.run(&["talk", "front", "--from", &words]);
    assert_eq!(full.code, Some(exit::FULL), "{}", full.stderr);
}
