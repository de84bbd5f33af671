//! How fast a 200 MB file is read: `cargo bench -p flv`. `cargo bench -p flv -- --keep FILE` leaves the file for others.
//!
//! The file is like two minutes of a camera at 13 Mbit/s: pictures of 8 to 110 KB, sound between.

use std::hint::black_box;
use std::time::{Duration, Instant};

use flv::{AudioCodec, AudioFormat, AudioKind, Item, Reader, VideoCodec, VideoKind, Writer, nal};

/// Size of the file.
const SIZE: usize = 200 << 20;
/// Pieces pushed: what a read from a socket or file gives, and what a datagram carries.
const PIECES: [usize; 2] = [16 << 10, 1400];
const ROUNDS: usize = 5;

fn main() {
    let path = std::env::temp_dir().join(format!("porthole-flv-{}.flv", std::process::id()));
    let mut arguments = std::env::args()
        .skip_while(|argument| argument != "--keep")
        .skip(1);
    let keep = arguments.next().map(std::path::PathBuf::from);
    let path = keep.clone().unwrap_or(path);
    std::fs::write(&path, generate()).expect("the temporary directory takes 200 MB");
    let file = std::fs::read(&path).expect("the file was just written");
    if keep.is_none() {
        std::fs::remove_file(&path).expect("the file was just written");
    }
    println!("{} MB, best of {ROUNDS}", file.len() >> 20);
    for piece in PIECES {
        report(&format!("push {piece} B"), &file, || push(&file, piece));
    }
    report("push whole", &file, || push(&file, file.len()));
    for piece in PIECES {
        report(&format!("next_in {piece} B"), &file, || {
            slices(&file, piece)
        });
    }
    report("next_in whole", &file, || slices(&file, file.len()));
}

/// A file that other programs read too: with the configurations of a real one, and each picture one NAL unit.
fn generate() -> Vec<u8> {
    let writer = Writer::default();
    let mut out = Vec::with_capacity(SIZE + (1 << 20));
    writer.header(&mut out, true, true);
    let mut real = Reader::default();
    real.push(include_bytes!("../testdata/h264_aac.flv"));
    while let Some(item) = real.next().expect("the file is good") {
        match item {
            Item::Video(tag) if tag.kind == VideoKind::SequenceHeader => {
                writer
                    .video_config(&mut out, 0, tag.codec, tag.data)
                    .expect("it fits");
            }
            Item::Audio(tag) if tag.kind == AudioKind::SequenceHeader => {
                writer
                    .audio_config(&mut out, 0, tag.codec, tag.data)
                    .expect("it fits");
            }
            _ => {}
        }
    }
    let sound = AudioFormat {
        codec: AudioCodec::Aac,
        sample_rate: 48_000,
        channels: 1,
    };
    // Bytes without zeros, as entropy coding leaves them.
    let noise: Vec<u8> = (0..110_000u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8 | 1)
        .collect();
    let mut unit = Vec::new();
    for frame in 0.. {
        if out.len() >= SIZE {
            break;
        }
        let key = frame % 60 == 0;
        let size = if key {
            noise.len()
        } else {
            8_000 + frame * 7919 % 90_000
        };
        unit.clear();
        nal::push_length(&noise[..size], &mut unit);
        // NAL header, then first_mb_in_slice 0, slice_type 7 (I) or 5 (P), pic_parameter_set_id 0.
        unit[4..6].copy_from_slice(if key { &[0x65, 0x88] } else { &[0x41, 0x9A] });
        let time = frame as i64 * 33;
        writer
            .video(&mut out, time, 0, key, VideoCodec::H264, &unit)
            .expect("it fits");
        writer
            .audio(&mut out, time, sound, &noise[..170])
            .expect("it fits");
    }
    out
}

fn report(name: &str, file: &[u8], run: impl Fn() -> (usize, usize)) {
    let mut best = Duration::MAX;
    let (mut tags, mut bytes) = (0, 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        (tags, bytes) = run();
        best = best.min(start.elapsed());
    }
    let speed = file.len() as f64 / 1e6 / best.as_secs_f64();
    println!(
        "{name:<16} {speed:>9.0} MB/s  {tags} tags, {} MB of data",
        bytes >> 20
    );
}

/// Counts a tag and touches its data at both ends.
fn count(item: &Item<'_>, (tags, bytes): &mut (usize, usize)) {
    let data = match item {
        Item::Video(tag) => tag.data,
        Item::Audio(tag) => tag.data,
        _ => return,
    };
    black_box((data.first(), data.last()));
    *tags += 1;
    *bytes += data.len();
}

fn push(file: &[u8], piece: usize) -> (usize, usize) {
    let (mut reader, mut total) = (Reader::default(), (0, 0));
    for piece in file.chunks(piece) {
        reader.push(piece);
        while let Some(item) = reader.next().expect("the file is good") {
            count(&item, &mut total);
        }
    }
    total
}

fn slices(file: &[u8], piece: usize) -> (usize, usize) {
    let (mut reader, mut total) = (Reader::default(), (0, 0));
    for mut piece in file.chunks(piece) {
        while let Some(item) = reader.next_in(&mut piece).expect("the file is good") {
            count(&item, &mut total);
        }
    }
    total
}
