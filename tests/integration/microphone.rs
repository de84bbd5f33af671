//! Talk through sound devices at both ends: a private PulseAudio in the place of microphone and loudspeakers.
//!
//! ```text
//!  words ──> "mouth" ──> porthole talk ──> camera ──> "room", and its own room with a voice in it
//!  "ear" <── porthole talk <── the camera's microphone <──────┘
//! ```

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use tests::programs::{Camera, PATIENCE, Running, Viewer, exit};
use tests::sound::{self, RATE, WayBack};
use tests::{places, pulse};

const WORDS: &str = "Good evening, this is the front door speaking. Please leave the parcel behind the green flower pot, \
                     and thank you very much for coming all this way in the rain.";
const OTHER: &str = "Hello there, is anybody at home? I have been waiting at the gate for a while.";

/// What the camera plays on, what the viewer plays on, and what its microphone hears.
const SINKS: [&str; 3] = ["ear", "room", "mouth"];
const SPEAKER: [&str; 2] = ["--speaker-device", "pulseaudio:room"];

/// No way from the microphone to the speaker takes longer.
const LONGEST_WAY: Duration = Duration::from_secs(1);

/// A talk that runs.
struct Talk {
    process: Running,
    states: Receiver<Value>,
}

impl Talk {
    fn start(viewer: &Viewer, sound: &pulse::Server, more: &[&str]) -> Self {
        let mut command = viewer.command(&[&["--json", "talk", "front"], more].concat());
        sound.attach(&mut command);
        let errors = std::fs::File::create(viewer.path("talk.err")).expect("a file");
        let mut process = Running::start(command.stdout(Stdio::piped()).stderr(errors));
        let stdout = process.child().stdout.take().expect("its output is piped");
        let (send, states) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let state = serde_json::from_str::<Value>(&line);
                let _ = state.map(|mut state| send.send(state["talk"].take()));
            }
        });
        Self { process, states }
    }

    /// Waits for a state like that.
    fn until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let state = self.states.recv_timeout(left);
            let state = state.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
            if is_it(&state) {
                return state;
            }
        }
    }

    /// Waits until the camera says that it is heard.
    fn until_heard(&self) -> Value {
        self.until("the camera plays", |state| !state["delayMs"].is_null())
    }

    /// Its exit code and what it said.
    fn ended(mut self, viewer: &Viewer) -> (Option<i32>, String) {
        let ended = self.process.wait(PATIENCE).expect("it ends");
        (ended.code(), places::text(&viewer.path("talk.err")))
    }
}

fn spoken(viewer: &Viewer, times: usize) -> PathBuf {
    let path = viewer.path("words.wav");
    sound::speak(&path, "en", 40, &vec![WORDS; times].join(" "));
    path
}

/// How alike the words and what was recorded of them are, as a whole.
fn likeness(said: &Path, heard: &Path) -> f64 {
    let (said, heard) = (sound::read(said), sound::read(heard));
    sound::likeness(&said, &heard)
}

#[test]
fn words_go_from_a_microphone_to_a_speaker_in_every_codec() {
    for (codec, microphone) in [
        ("aac", "rate=48000 channels=2"),
        ("opus", "rate=48000 channels=2"),
        ("pcm", "rate=8000 channels=1"),
        ("g711a", "rate=11025 channels=2 format=u8"),
    ] {
        let sound = pulse::Server::start(&SINKS[..2]);
        // A microphone as the system has it: not every one knows 48 kHz.
        let module = format!("module-null-sink sink_name=mouth {microphone}");
        let words: Vec<&str> = module.split(' ').collect();
        sound.control(&[&["load-module"], &words[..]].concat());
        let camera = Camera::start_beside(&sound, &[&["--no-talk-chime"], &SPEAKER[..]].concat());
        let viewer = Viewer::paired(&camera);
        let words = spoken(&viewer, 1);
        let heard = viewer.path("heard.wav");
        let more = ["--microphone", "pulseaudio:mouth.monitor", "--codec", codec];
        let talk = Talk::start(&viewer, &sound, &more);
        talk.until_heard();
        let wanted = if microphone.starts_with("rate=48000") {
            0.9
        } else {
            0.8
        };
        // What a busy machine swallows is said again.
        let mut best = 0.0;
        for _ in 0..5 {
            let recording = sound.record("room", &heard);
            let mut mouth = sound.play("mouth", &words);
            assert!(mouth.wait(PATIENCE).is_some(), "paplay");
            std::thread::sleep(LONGEST_WAY);
            pulse::stop(recording);
            best = likeness(&words, &heard).max(best);
            if best >= wanted {
                break;
            }
        }
        let told = talk.states.try_iter().last().expect("it goes on telling");
        let delay = told["delayMs"].clone();
        talk.process.signal("INT");
        let (code, said) = talk.ended(&viewer);
        assert_eq!(code, Some(0), "{codec}: {said}");
        println!("{codec}, {microphone}: correlation {best:.3}, {delay} ms");
        assert!(best >= wanted, "{codec}: {best:.3}");
    }
}

#[test]
fn the_speaker_has_the_cameras_voice_and_no_echo_of_ours() {
    let sound = pulse::Server::start(&SINKS);
    let folder = tempfile::tempdir().expect("a folder");
    let voice = folder.path().join("voice.wav");
    sound::speak(&voice, "en+f3", 60, OTHER);
    sound::add_silence(&voice, 3.0);
    let who = format!("file:{}", voice.display());
    let flags = ["--no-talk-chime", "--room", "small", "--voice", &who];
    let camera = Camera::start_beside(&sound, &[&flags, &SPEAKER[..]].concat());
    let viewer = Viewer::paired(&camera);
    let words = spoken(&viewer, 3);
    let (ear, room) = (viewer.path("ear.wav"), viewer.path("room.wav"));
    let talk = Talk::start(&viewer, &sound, &["--codec", "opus"]);
    talk.until_heard();
    let recordings = [sound.record("ear", &ear), sound.record("room", &room)];
    let mut mouth = sound.play("mouth", &words);
    assert!(mouth.wait(PATIENCE * 2).is_some(), "paplay");
    talk.process.signal("INT");
    assert_eq!(talk.ended(&viewer).0, Some(0));
    recordings.into_iter().for_each(pulse::stop);
    let (voice, ear, room) = (sound::read(&voice), sound::read(&ear), sound::read(&room));
    let heard = WayBack::judge(&voice, &ear, &room);
    assert!(heard.quiet > RATE, "{} quiet samples", heard.quiet);
    // Two sound devices more than in `talk`, each of which stutters on a busy machine; what is not in it at all is below .3.
    assert!(heard.likeness >= 0.45, "{:.3}", heard.likeness);
    assert!(heard.removed_db >= 12.0, "{:.1} dB", heard.removed_db);
}

#[test]
fn a_sound_system_that_is_gone_ends_the_talk_with_what_was_lost() {
    let mut sound = pulse::Server::start(&SINKS);
    let camera = Camera::start(&["--no-talk-chime"]);
    let viewer = Viewer::paired(&camera);
    let talk = Talk::start(&viewer, &sound, &[]);
    talk.until_heard();
    sound.kill();
    let (code, said) = talk.ended(&viewer);
    assert_eq!(code, Some(exit::DEVICE), "{said}");
    // Both are gone; which is noticed first is chance.
    let named = ["microphone_lost", "audio_device_lost"];
    assert!(named.iter().any(|word| said.contains(word)), "{said}");
}

#[test]
fn without_a_microphone_the_talk_does_not_begin_and_says_why() {
    let sound = pulse::Server::start(&SINKS);
    let camera = Camera::start(&["--no-talk-chime"]);
    let viewer = Viewer::paired(&camera);
    let more = ["--microphone", "pulseaudio:nothing.monitor"];
    let (code, said) = Talk::start(&viewer, &sound, &more).ended(&viewer);
    assert_eq!(code, Some(exit::DEVICE), "{said}");
    assert!(said.contains("no_microphone"), "{said}");
}

#[test]
fn a_camera_whose_sound_system_is_gone_says_so_and_ends_the_talk() {
    let sound = pulse::Server::start(&SINKS);
    let mut cameras = pulse::Server::start(&["room"]);
    let camera = Camera::start_beside(&cameras, &[&["--no-talk-chime"], &SPEAKER[..]].concat());
    let viewer = Viewer::paired(&camera);
    let talk = Talk::start(&viewer, &sound, &[]);
    talk.until_heard();
    cameras.kill();
    let (code, said) = talk.ended(&viewer);
    assert_eq!(code, Some(exit::TALK), "{said}");
    assert!(said.contains("device_error"), "{said}");
}
