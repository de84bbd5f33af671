//! Reading FLV against libavformat on the same file, file reading included on both sides.

use super::table::{Row, Target};
use crate::places;
use crate::programs::finish;
use anyhow::{Context, Result};
use flv::{Item, Reader};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Rounds of each reader, one after the other; the best counts.
const ROUNDS: usize = 5;
/// Bytes handed to our reader at a time.
const PIECE: usize = 16 << 10;

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let file = make_file()?;
    let megabytes = file.metadata()?.len() as f64 / 1e6;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(|| read_ours(&file))?);
        theirs.push(timed(|| read_libavformat(&file))?);
    }
    let best = |rounds: &[(usize, f64)]| {
        rounds
            .iter()
            .map(|round| round.1)
            .fold(f64::INFINITY, f64::min)
    };
    let (mine, its) = (best(&ours), best(&theirs));
    let counts = format!("{megabytes:.0} MB, {} and {} tags", ours[0].0, theirs[0].0);
    Ok(vec![
        Row::new(
            "FLV reading, `flv`",
            Target::Beside,
            Some(megabytes / mine),
            "MB/s",
        )
        .note(counts),
        Row::new(
            "FLV reading, libavformat",
            Target::Beside,
            Some(megabytes / its),
            "MB/s",
        )
        .note("av_read_frame"),
        Row::new(
            "FLV reading, how many times faster",
            Target::AtLeast(4.0),
            Some(its / mine),
            "×",
        )
        .note(format!("best of {ROUNDS}, file in the page cache")),
    ])
}

fn timed(work: impl FnOnce() -> Result<usize>) -> Result<(usize, f64)> {
    let start = Instant::now();
    let count = work()?;
    Ok((count, start.elapsed().as_secs_f64()))
}

fn read_ours(path: &Path) -> Result<usize> {
    let mut file = std::fs::File::open(path)?;
    let mut reader = Reader::default();
    let mut piece = vec![0; PIECE];
    let mut tags = 0;
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(tags);
        }
        reader.push(&piece[..count]);
        while let Some(item) = reader.next()? {
            tags += usize::from(matches!(item, Item::Video(_) | Item::Audio(_)));
        }
    }
}

fn read_libavformat(path: &Path) -> Result<usize> {
    ffmpeg_next::init()?;
    let mut input = ffmpeg_next::format::input(path)?;
    let mut packet = ffmpeg_next::Packet::empty();
    let mut count = 0;
    while packet.read(&mut input).is_ok() {
        count += 1;
    }
    Ok(count)
}

/// 200 MB of 720p30 at 26 Mbit/s with sound: four seconds encoded once, then repeated without encoding.
fn make_file() -> Result<PathBuf> {
    let folder = places::target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let (short, long) = (folder.join("short.flv"), folder.join("200mb.flv"));
    if long.metadata().is_ok_and(|file| file.len() > 190_000_000) {
        return Ok(long);
    }
    let mut encode = ffmpeg();
    encode.args([
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=1280x720:rate=30,noise=alls=40:allf=t",
        "-f",
        "lavfi",
        "-i",
    ]);
    encode.args([
        "sine=frequency=440:sample_rate=48000",
        "-t",
        "4",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
    ]);
    encode.args([
        "-tune",
        "zerolatency",
        "-pix_fmt",
        "yuv420p",
        "-b:v",
        "26M",
        "-minrate",
        "26M",
        "-maxrate",
        "26M",
    ]);
    encode
        .args(["-bufsize", "26M", "-g", "60", "-c:a", "aac", "-b:a", "64k"])
        .arg(&short);
    finish(&mut encode, Duration::from_secs(300)).succeeded();
    let size = short.metadata().context("the short file")?.len().max(1);
    let rounds = 200_000_000 / size;
    let mut repeat = ffmpeg();
    repeat
        .args(["-stream_loop", &rounds.to_string(), "-i"])
        .arg(&short)
        .args(["-c", "copy"])
        .arg(&long);
    finish(&mut repeat, Duration::from_secs(300)).succeeded();
    Ok(long)
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-y", "-v", "error"]);
    command
}
