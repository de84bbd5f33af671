//! The power of a card goes while a camera records onto it.

use crate::air::{must, until};
use crate::disk::{OFF, ON, SIZE, SWITCH};
use crate::home::{DATA, PATIENCE, program};
use crate::report::figure;
use anyhow::{Context, Result, ensure};
use firmware::card::{Card, Options, Segment, State};
use media::fmp4::{Check, Place, walk};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tests::programs::Running;

const DISK: &str = "/dev/vda";
const CARD: &str = "/tmp/card";
/// How often the power goes.
const CUTS: u32 = 2;
/// It goes at a random moment of this time after the camera has begun to record.
const WITHIN: Duration = Duration::from_secs(4);
/// And then in the middle of one of so many writes.
const MOST_WRITES: u32 = 12;
/// What is written to show that the disk forgets, in bytes.
const SHOWN: usize = 64 << 10;

/// A card loses its power some times. What a camera had synced is there afterwards, byte by byte.
pub(super) fn cut() -> Result<()> {
    forgets()?;
    let room = format!("{}K", (SIZE - SWITCH) / 1024);
    must(Command::new("mkfs.ext4").args(["-q", "-F", DISK, &room]))?;
    fs::create_dir_all(CARD)?;
    for cut in 1..=CUTS {
        must(Command::new("mount").args([DISK, CARD]))?;
        let before = count(&fragments()?);
        let camera = record()?;
        let start = Instant::now();
        until("the camera to record", PATIENCE, || {
            fragments().ok().filter(|now| count(now) > before + 1)
        })?;
        figure(
            "camera started to two groups on the card",
            start.elapsed().as_secs_f64(),
        )?;
        std::thread::sleep(WITHIN * random(1000) / 1000);
        // In the middle of a group of pictures, of a file's end or its beginning.
        power(OFF, 1 + random(MOST_WRITES) as u8)?;
        let (mut seen, mut content) = (Fragments::new(), BTreeMap::new());
        until("the power to go", PATIENCE, || {
            let now = fragments().ok()?;
            let holds = contents(&now).ok()?;
            if !has_power() {
                return Some(());
            }
            (seen, content) = (now, holds);
            None
        })?;
        drop(camera);
        must(Command::new("umount").arg(CARD))?;
        power(ON, 0)?;
        must(Command::new("mount").args([DISK, CARD]))?;
        let lost = compare(&seen, &content)?;
        println!(
            "cut {cut}: {} groups seen, {lost} of them lost",
            count(&seen)
        );
        look()?;
        must(Command::new("umount").arg(CARD))?;
    }
    Ok(())
}

/// Shows that the disk does what the case is about: what is flushed stays, what is not does not.
fn forgets() -> Result<()> {
    let write = |byte: u8, sync: &str| -> Result<()> {
        fs::write("pattern", vec![byte; SHOWN])?;
        let options = [
            "if=pattern",
            &format!("of={DISK}"),
            &format!("bs={SHOWN}"),
            "oflag=direct",
            &format!("conv=notrunc{sync}"),
        ];
        must(Command::new("dd").args(options)).map(drop)
    };
    write(b'a', ",fsync")?;
    write(b'b', "")?;
    ensure!(
        shown()? == vec![b'b'; SHOWN],
        "the disk does not keep what it is given"
    );
    power(OFF, 0)?;
    ensure!(shown().is_err(), "the disk answers without power");
    power(ON, 0)?;
    let left = shown()?;
    let lost = left.iter().filter(|byte| **byte == b'a').count();
    ensure!(lost > 0, "the disk forgets nothing");
    ensure!(
        left.iter().all(|byte| [b'a', b'b'].contains(byte)),
        "the disk forgets what was flushed"
    );
    println!("{lost} of {SHOWN} bytes that were not flushed are lost");
    Ok(())
}

/// What the disk says now.
fn shown() -> Result<Vec<u8>> {
    let options = [
        &format!("if={DISK}"),
        "of=pattern",
        &format!("bs={SHOWN}"),
        "count=1",
        "iflag=direct",
    ];
    must(Command::new("dd").args(options))?;
    Ok(fs::read("pattern")?)
}

fn has_power() -> bool {
    shown().is_ok()
}

/// Gives the disk power, or takes it away after some writes.
fn power(to: u8, writes: u8) -> Result<()> {
    let mut block = vec![0; SWITCH as usize];
    block[..2].copy_from_slice(&[to, writes]);
    fs::write("switch", block)?;
    let options = [
        "if=switch",
        &format!("of={DISK}"),
        &format!("bs={SWITCH}"),
        &format!("seek={}", SIZE / SWITCH - 1),
        "oflag=direct",
        "conv=notrunc",
    ];
    must(Command::new("dd").args(options)).map(drop)
}

fn record() -> Result<Running> {
    let log = File::options()
        .create(true)
        .append(true)
        .open("camera-log")?;
    let mut command = Command::new(program("porthole-camera")?);
    command
        .args(["--board", "sim", "--json", "--no-lan", "--card", CARD])
        .args([
            "--fps",
            "5",
            "--gop-seconds",
            "1",
            "--record-quality",
            "standard",
        ])
        .arg("--data")
        .arg(Path::new(DATA).join("camera"))
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(Running::start(&mut command))
}

/// Every file of the card with its whole fragments.
type Fragments = BTreeMap<PathBuf, Vec<Place>>;

fn fragments() -> Result<Fragments> {
    let mut found = Fragments::new();
    for path in tests::recorded::videos(Path::new(CARD)) {
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        let read = |at: u64, buffer: &mut [u8]| file.read_exact_at(buffer, at);
        // One that was made a moment ago may have no head yet.
        if let Ok(walk) = walk(length, Check::Everything, read) {
            found.insert(path, walk.places);
        }
    }
    Ok(found)
}

fn count(fragments: &Fragments) -> usize {
    fragments.values().map(Vec::len).sum()
}

/// What the files hold, to the end of their last whole fragment.
fn contents(fragments: &Fragments) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut contents = BTreeMap::new();
    for (path, places) in fragments {
        let mut content = fs::read(path)?;
        content.truncate(places.last().map_or(0, |last| last.end() as usize));
        contents.insert(path.clone(), content);
    }
    Ok(contents)
}

/// Compares what is there with what was seen before the cut; answers how many fragments are lost. Of those seen only the
/// last may be: it is visible before it is synced, and the one after it begins later.
fn compare(seen: &Fragments, content: &BTreeMap<PathBuf, Vec<u8>>) -> Result<usize> {
    let (left, newest) = (fragments()?, seen.keys().next_back());
    let mut lost = 0;
    for (path, places) in seen {
        let name = path.display();
        let there = left.get(path).map_or(&[][..], Vec::as_slice);
        let missing = places.len().saturating_sub(there.len());
        ensure!(
            missing <= usize::from(Some(path) == newest),
            "{name}: {} of {} groups are left",
            there.len(),
            places.len()
        );
        lost += missing;
        let Some(last) = places
            .len()
            .checked_sub(missing + 1)
            .and_then(|at| places.get(at))
        else {
            continue;
        };
        let end = last.end() as usize;
        let now = fs::read(path)?;
        let before = content.get(path).map(Vec::as_slice).unwrap_or_default();
        ensure!(
            before.get(..end).is_some() && before.get(..end) == now.get(..end),
            "{name}: not what was written"
        );
    }
    Ok(lost)
}

/// The card as a camera finds it: well, its index as the files say, and every file whole.
fn look() -> Result<()> {
    let card = Card::new(Options {
        dir: CARD.into(),
        bytes: None,
        keep_days: None,
    });
    let state = card.status().state;
    ensure!(state == State::Ok, "the card is {state:?}");
    let told = by_number(card.segments(i64::MIN, i64::MAX));
    let found = by_number(card.rescan().context("scanning the card")?);
    ensure!(
        told == found,
        "the index says {told:?}\nthe files say {found:?}"
    );
    for path in tests::recorded::videos(Path::new(CARD)) {
        let decoded = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(&path)
            .args(["-f", "null", "-"])
            .output()
            .context("starting ffmpeg")?;
        let said = String::from_utf8_lossy(&decoded.stderr);
        ensure!(
            decoded.status.success() && said.is_empty(),
            "{}: {said}",
            path.display()
        );
    }
    Ok(())
}

fn by_number(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by_key(|one| one.number);
    // A scan does not read every byte again.
    segments.iter_mut().for_each(|one| one.sha256 = None);
    segments
}

/// A random number below `most`, which is not 0.
fn random(most: u32) -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.subsec_micros() % most)
}
