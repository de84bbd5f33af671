//! The real program records onto a card and is killed: what was on the card stays, the index is true, every file opens.
//!
//! `PORTHOLE_KILLS=1000 cargo test -p firmware --test card -- --nocapture` is the long form.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firmware::card::{Card, Options, Segment, State};
use media::fmp4::{Check, Place, walk};

/// Kills unless the environment says otherwise.
const KILLS: u32 = 4;
/// Far beyond what anything takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Program(Child);

impl Program {
    /// Starts a camera that records, and waits until it says that it is ready.
    fn start(data: &Path, card: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_porthole-camera"))
            .args(["--no-lan", "--json", "--fps", "10", "--gop-seconds", "1"])
            .args(["--record-quality", "standard", "--data"])
            .arg(data)
            .arg("--card")
            .arg(card)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert!(line.contains("\"ready\":true"), "{line}");
        Self(child)
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as a power cut does, as far as a process can see.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn stop(mut self) {
        self.signal("TERM");
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn card(dir: &Path) -> Card {
    Card::new(Options {
        dir: dir.into(),
        bytes: None,
        keep_days: None,
    })
}

/// Every file of a card with its whole fragments.
fn fragments(dir: &Path) -> Vec<(PathBuf, Vec<Place>)> {
    use std::os::unix::fs::FileExt;
    let mut found = Vec::new();
    for day in std::fs::read_dir(dir.join("video")).into_iter().flatten() {
        for file in std::fs::read_dir(day.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let file = std::fs::File::open(&path).unwrap();
            let length = file.metadata().unwrap().len();
            let read = |at: u64, buffer: &mut [u8]| file.read_exact_at(buffer, at);
            // One that was made a moment ago may have no head yet.
            if let Ok(walk) = walk(length, Check::Everything, read) {
                found.push((path, walk.places));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Waits until there is a fragment that was not there before.
fn wait_for_more(dir: &Path, before: usize) {
    let count = || {
        fragments(dir)
            .iter()
            .map(|(_, places)| places.len())
            .sum::<usize>()
    };
    let deadline = Instant::now() + PATIENCE;
    while count() <= before {
        assert!(Instant::now() < deadline, "nothing is recorded");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What FFmpeg's programs say of a file; nothing if they read and decode it without a word.
fn complaint(path: &Path) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed (package ffmpeg)");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn by_number(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by_key(|one| one.number);
    segments.iter_mut().for_each(|one| one.sha256 = None);
    segments
}

/// Pseudo-random, the same each time.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    *seed >> 33
}

#[test]
fn a_camera_killed_at_any_moment_loses_the_open_gop_at_most_and_its_index_is_true() {
    let kills = std::env::var("PORTHOLE_KILLS").ok();
    let kills = kills.map_or(KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (data, dir) = (folder.path().join("data"), folder.path().join("card"));
    std::fs::create_dir(&dir).unwrap();
    let mut seed = 4;
    for kill in 0..kills {
        let before = fragments(&dir).iter().map(|(_, places)| places.len()).sum();
        let program = Program::start(&data, &dir, &[]);
        if kill % 4 != 3 {
            wait_for_more(&dir, before);
        }
        std::thread::sleep(Duration::from_millis(random(&mut seed) % 2_500));
        let on_the_card = fragments(&dir);
        program.kill();

        let card = card(&dir);
        assert_eq!(card.status().state, State::Ok);
        let told = by_number(card.segments(i64::MIN, i64::MAX));
        assert_eq!(told, by_number(card.rescan().unwrap()), "kill {kill}");
        let left = fragments(&dir);
        for (path, places) in &on_the_card {
            let now = left.iter().find(|(other, _)| other == path);
            let now = &now.expect("a file is gone").1;
            assert!(now.starts_with(places), "kill {kill}: {path:?}");
        }
        for (path, places) in &left {
            let seamless = places
                .windows(2)
                .all(|pair| pair[0].end_ms == pair[1].start_ms);
            assert!(seamless, "{path:?}");
            let last = places.last().unwrap();
            let length = std::fs::metadata(path).unwrap().len();
            assert!(length == last.end() || told.iter().any(|one| one.bytes == length));
        }
        // The newest ones: older ones were looked at before.
        for (path, _) in left.iter().rev().take(2) {
            assert_eq!(complaint(path), "", "kill {kill}: {path:?}");
        }
    }
    let segments = by_number(card(&dir).segments(i64::MIN, i64::MAX));
    println!(
        "{kills} kills: {} segments, index equals a rescan after each",
        segments.len()
    );
    assert!(
        segments
            .windows(2)
            .all(|pair| pair[0].end_ms <= pair[1].start_ms)
    );
}

#[test]
fn a_camera_that_is_stopped_closes_its_file_and_remembers_when_to_record() {
    let folder = tempfile::tempdir().unwrap();
    let (data, dir) = (folder.path().join("data"), folder.path().join("card"));
    std::fs::create_dir(&dir).unwrap();
    let program = Program::start(&data, &dir, &["--record", "continuous"]);
    wait_for_more(&dir, 1);
    program.stop();
    let stopped = card(&dir).segments(i64::MIN, i64::MAX);
    assert!(
        stopped.len() == 1 && stopped[0].sha256.is_some(),
        "{stopped:?}"
    );
    let (path, places) = &fragments(&dir)[0];
    assert!(places.len() >= 2);
    assert_eq!(complaint(path), "");

    // With its own mode for once, and that one again without a word.
    for more in [&["--record", "off"][..], &[]] {
        let program = Program::start(&data, &dir, more);
        std::thread::sleep(Duration::from_millis(500));
        program.stop();
        assert_eq!(card(&dir).segments(i64::MIN, i64::MAX), stopped);
    }
}
