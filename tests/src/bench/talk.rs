//! Mouth to ear: what a microphone hears against what the camera's speaker plays, through real sound devices.
//!
//! Both are null sinks of a private PulseAudio, so that one machine's clock sees both. The camera plays on a device as
//! well, behind its own jitter buffer: what is measured is what a person beside it would hear.

use super::sound::{Listener, Sound, listen};
use super::table::{Row, Target};
use crate::figures::{p50, p95, quantile};
use crate::programs::{Camera, PATIENCE, Running, Viewer};
use crate::pulse::Server;
use crate::sound::{self, RATE};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const WORDS: &str = "Good evening, this is the front door speaking. Please leave the parcel behind the green flower pot, \
                     and thank you very much for coming all this way in the rain.";
/// How often the words are said for one figure.
const TIMES: usize = 3;
/// The longest way that is looked for, samples: half a second and as much.
const MIDDLE: i64 = RATE as i64 / 2;
/// What is less alike is no sound of ours.
const ALIKE: f64 = 0.8;

/// What is heard of a piece: when it was said, seconds, after which delay, ms, and how alike it is.
struct Heard {
    said_s: f64,
    delay_ms: f64,
    likeness: f64,
}

/// A figure for each codec.
///
/// # Errors
/// The programs do not talk.
pub fn codecs() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (codec, target) in [("opus", 150.0), ("pcm", 150.0), ("aac", 250.0)] {
        let (heard, told, _) = talk(codec, TIMES)?;
        let delays = delays(&heard);
        let note = format!(
            "{} of {} pieces alike; the program says {told:.0} ms",
            delays.len(),
            heard.len()
        );
        let what = |share| format!("mouth to ear, {codec}, {share}");
        rows.push(Row::new(what("p50"), Target::AtMost(target), p50(&delays), "ms").note(note));
        rows.push(Row::new(what("p95"), Target::Beside, p95(&delays), "ms"));
    }
    Ok(rows)
}

/// One talk of that many minutes.
///
/// # Errors
/// The programs do not talk.
pub fn long(minutes: u32) -> Result<Vec<Row>> {
    // The words take about nine seconds.
    let (heard, _, underruns) = talk("opus", (minutes as usize * 60).div_ceil(9))?;
    let end = heard.last().context("nothing was heard")?.said_s;
    let minute = |from: f64| {
        let within = heard
            .iter()
            .filter(|piece| (from..from + 60.0).contains(&piece.said_s));
        let alike = within.filter(|piece| piece.likeness >= ALIKE);
        p50(&alike.map(|piece| piece.delay_ms).collect::<Vec<_>>())
    };
    let (first, last) = (minute(0.0), minute(end - 60.0));
    let drift = first.zip(last).map(|(first, last)| (last - first).abs());
    let delays = delays(&heard);
    let broken = heard.len() - delays.len();
    let row = |what: &str, figure| Row::new(what, Target::Beside, figure, "ms");
    Ok(vec![
        Row::new(
            "long talk: last minute against the first",
            Target::AtMost(20.0),
            drift,
            "ms",
        )
        .note(format!("{:.0} s, opus, {} pieces", end, heard.len())),
        Row::new(
            "long talk: pieces with a glitch",
            Target::AtMost(0.0),
            Some(broken as f64),
            "pieces",
        ),
        Row::new(
            "long talk: times that sound ran out",
            Target::AtMost(0.0),
            underruns,
            "times",
        ),
        row("long talk: first minute, p50", first),
        row("long talk: last minute, p50", last),
        row("long talk: least", quantile(&delays, 0.0)),
        row("long talk: most", quantile(&delays, 1.0)),
    ])
}

fn delays(heard: &[Heard]) -> Vec<f64> {
    let alike = heard.iter().filter(|piece| piece.likeness >= ALIKE);
    alike.map(|piece| piece.delay_ms).collect()
}

/// Says the words so often; what was heard, the delay that the program told last, and how often the camera's sound ran out.
fn talk(codec: &str, times: usize) -> Result<(Vec<Heard>, f64, Option<f64>)> {
    let server = Server::start(&["ear", "room", "mouth"]);
    let flags = ["--no-talk-chime", "--speaker-device", "pulseaudio:room"];
    let camera = Camera::start_beside(&server, &flags);
    let viewer = Viewer::paired(&camera);
    let words = viewer.path("words.wav");
    sound::speak(&words, "en", 40, &vec![WORDS; times].join(" "));
    let told = viewer.path("told");
    let mut command = viewer.command(&["--json", "talk", "front", "--codec", codec]);
    server.attach(&mut command);
    let output = std::fs::File::create(&told)?;
    let mut talk = Running::start(command.stdout(output).stderr(Stdio::null()));
    until_heard(&told, &mut talk)?;
    let (mouth, room) = (listen(&server, "mouth")?, listen(&server, "room")?);
    let length = sound::read(&words).len() / RATE;
    let mut speaking = server.play("mouth", &words);
    let spoken = speaking.wait(PATIENCE + Duration::from_secs(length as u64));
    ensure!(spoken.is_some_and(|status| status.success()), "paplay");
    std::thread::sleep(Duration::from_secs(1));
    let heard = compare(&mouth, &room)?;
    let query = r#"action=user_define&channel=0&cmd={"topic":"stats"}"#;
    let stats = viewer.run(&["--json", "command", "front", query]);
    let underruns = stats.succeeded().json()["talk"]["underruns"].as_f64();
    talk.signal("INT");
    talk.wait(PATIENCE).context("the talk does not end")?;
    let told = last_delay(&told).context("no delay was told")?;
    Ok((heard, told, underruns))
}

fn until_heard(told: &Path, talk: &mut Running) -> Result<()> {
    let start = std::time::Instant::now();
    while last_delay(told).is_none() {
        ensure!(start.elapsed() < PATIENCE, "the camera plays nothing");
        ensure!(talk.wait(Duration::ZERO).is_none(), "the talk has ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The newest delay in the program's lines, ms.
fn last_delay(told: &Path) -> Option<f64> {
    let text = crate::places::text(told);
    let delay = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).ok()?["talk"]["delayMs"].as_f64()
    };
    text.lines().rev().find_map(delay)
}

fn compare(mouth: &Listener, room: &Listener) -> Result<Vec<Heard>> {
    let said = mouth.all().context("the microphone's sink is silent")?;
    let heard = room.all().context("the speaker's sink is silent")?;
    let begins = |sound: &Sound| sound.at(0).context("nothing was heard");
    // Sample 0 of one is that many samples later than that of the other.
    let apart = (seconds(begins(&said)?, begins(&heard)?) * RATE as f64) as i64;
    let pieces = sound::pieces(&said.samples, &heard.samples, apart + MIDDLE, MIDDLE);
    let one = |piece: &sound::Piece| {
        let heard_at = usize::try_from(piece.at as i64 + piece.lag).ok()?;
        Some(Heard {
            said_s: piece.at as f64 / RATE as f64,
            delay_ms: seconds(heard.at(heard_at)?, said.at(piece.at)?) * 1000.0,
            likeness: piece.likeness,
        })
    };
    Ok(pieces.iter().filter_map(one).collect())
}

/// From `b` to `a`.
fn seconds(a: Instant, b: Instant) -> f64 {
    a.saturating_duration_since(b).as_secs_f64() - b.saturating_duration_since(a).as_secs_f64()
}
