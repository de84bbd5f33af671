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
    timed("a day's stretches", || {
        let day = card.stretches(middle, middle + A_DAY as i64 * MINUTE_MS, 2000);
        ensure!(day.len() == 1);
        Ok(())
    })?;
    timed("a day's segments", || {
        let day = card.segments(middle, middle + A_DAY as i64 * MINUTE_MS);
        ensure!(day.len() as u64 == A_DAY);
        Ok(())
    })?;
    timed("all stretches", || {
        ensure!(card.stretches(START_MS, end, 2000).len() == 1);
        Ok(())
    })?;
    timed("the days of a month", || {
        ensure!(card.days(2026, 12, 60) != 0);
        Ok(())
    })?;
    timed("a moment found and its GOP read", || {
        let found = card.segments(middle, middle + 1);
        let mut reader = card.open(found.first().context("nothing there")?.number)?;
        let places = reader.places();
        reader.read(places.first().context("no GOP")?)?;
        Ok(())
    })?;
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

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let result = work()?;
    println!("{what}: {:.2} ms", started.elapsed().as_secs_f64() * 1e3);
    Ok(result)
}
