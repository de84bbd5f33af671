//! What a full card costs: `cargo run --release -p firmware --example card -- DIR [DAYS]` fills an empty directory with segments of
//! a minute (small ones) and prints how long the card takes to open, to answer, and to be read without its index.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use firmware::card::name::{Content, Name};
use firmware::card::record::{Record, What};
use firmware::card::{Card, Options};
use firmware::stats::Process;
use media::Packet;
use media::fmp4::{Fragment, Head, VideoTrack, Writer};

/// 2026-11-30T00:00:00Z.
const START_MS: i64 = 1_795_996_800_000;
const MINUTE_MS: i64 = 60_000;
const A_DAY: u64 = 24 * 60;
/// How often an index is asked, and how many moments are read.
const ASKED: u64 = 50;
const READ: u64 = 1_000;
/// Steps of so many minutes lead to every one of a card.
const PRIME: u64 = 7_919;
/// GOPs of a segment.
const GOPS: i64 = 30;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().context("give an empty directory")?;
    let days: u64 = match arguments.next() {
        Some(text) => text.parse().context("days")?,
        None => 30,
    };
    let dir = Path::new(&dir);
    ensure!(
        std::fs::read_dir(dir)?.next().is_none(),
        "{} is not empty",
        dir.display()
    );
    println!("{} segments", days * A_DAY);
    timed("made", || fill(dir, days * A_DAY))?;
    let before = Process::now().resident_bytes;
    let card = timed("opened", || Ok(open(dir)))?;
    println!(
        "memory {:.1} MB",
        Process::now().resident_bytes.saturating_sub(before) as f64 / 1e6
    );
    let middle = START_MS + (days / 2) as i64 * A_DAY as i64 * MINUTE_MS;
    let end = START_MS + (days * A_DAY) as i64 * MINUTE_MS;
    mean("a day's stretches", ASKED, |_| {
        let day = card.stretches(middle, middle + A_DAY as i64 * MINUTE_MS, 2000);
        ensure!(day.len() == 1);
        Ok(())
    })?;
    mean("a day's segments", ASKED, |_| {
        let day = card.segments(middle, middle + A_DAY as i64 * MINUTE_MS);
        ensure!(day.len() as u64 == A_DAY);
        Ok(())
    })?;
    mean("all stretches", ASKED, |_| {
        ensure!(card.stretches(START_MS, end, 2000).len() == 1);
        Ok(())
    })?;
    mean("the days of a month", ASKED, |_| {
        ensure!(card.days(2026, 12, 60) != 0);
        Ok(())
    })?;
    mean("a moment found and its GOP read", READ, |n| {
        // All over the card, each in another segment than the one before; on a card of a day as many files as on one of thirty.
        let minute = n * PRIME % (days * A_DAY);
        let at = START_MS + minute as i64 * MINUTE_MS + MINUTE_MS / 2;
        let found = card.segments(at, at + 1);
        let mut reader = card.open(found.first().context("nothing there")?.number)?;
        let places = reader.places();
        let place = places.iter().rev().find(|place| place.start_ms <= at);
        reader.read(place.context("no GOP")?)?;
        Ok(())
    })?;
    println!(
        "memory after that {:.1} MB",
        Process::now().resident_bytes.saturating_sub(before) as f64 / 1e6
    );
    drop(card);
    std::fs::remove_file(dir.join("index"))?;
    let card = timed("opened without its index", || Ok(open(dir)))?;
    ensure!(card.status().segments as u64 == days * A_DAY);
    Ok(())
}

fn open(dir: &Path) -> Card {
    Card::new(Options {
        dir: dir.into(),
        bytes: None,
        keep_days: None,
    })
}

/// Closed segments and their index, as the camera leaves them, without waiting for the disk at each.
fn fill(dir: &Path, count: u64) -> Result<()> {
    let mut index = Vec::new();
    for number in 0..count {
        let start_ms = START_MS + number as i64 * MINUTE_MS;
        let video = VideoTrack {
            codec: flv::VideoCodec::H264,
            record: vec![1, 66, 0, 31, 255, 224, 0],
        };
        let (mut writer, mut bytes) = Writer::new(Head {
            start_ms,
            number,
            label: 0x10,
            video,
            audio: None,
        })?;
        for n in 0..GOPS {
            let at = start_ms + n * 2000;
            let packet = Packet {
                data: vec![1; 20],
                pts: at,
                dts: at,
                key: true,
            };
            bytes.extend(writer.fragment(&Fragment {
                start_ms: at,
                end_ms: at + 2000,
                video: vec![packet],
                audio: Vec::new(),
            })?);
        }
        bytes.extend(writer.finish());
        let path = dir.join(Name::new(Content::Video, start_ms, number).path());
        if number.is_multiple_of(A_DAY) {
            std::fs::create_dir_all(path.parent().context("no folder")?)?;
        }
        std::fs::write(path, &bytes)?;
        index.extend(
            Record {
                what: What::Segment,
                label: 0x10,
                number,
                start_ms,
                end_ms: start_ms + MINUTE_MS,
                bytes: bytes.len() as u64,
                sha256: Some([7; 32]),
            }
            .to_bytes(),
        );
    }
    std::fs::write(dir.join("index"), index)?;
    Ok(())
}

/// How long it takes on average, the first time left out: it pays for what the others find ready.
fn mean(what: &str, times: u64, mut work: impl FnMut(u64) -> Result<()>) -> Result<()> {
    work(0)?;
    let started = Instant::now();
    for n in 1..=times {
        work(n)?;
    }
    let each = started.elapsed().as_secs_f64() * 1e3 / times as f64;
    println!("{what}: {each:.3} ms");
    Ok(())
}

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let result = work()?;
    println!("{what}: {:.2} ms", started.elapsed().as_secs_f64() * 1e3);
    Ok(result)
}
