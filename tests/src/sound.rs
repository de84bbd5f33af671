//! Spoken files and how alike two of them are.

use crate::programs::{PATIENCE, finish};
use media::wav;
use std::f64::consts::TAU;
use std::path::Path;
use std::process::Command;

/// Samples a second of everything here: what speech needs.
pub const RATE: usize = 8_000;
/// How far a piece may be from where the first one lets expect it, samples (0.3 s).
const WANDER: i64 = 2_400;
/// Values a second of an envelope.
const ENVELOPE: usize = 100;

/// Writes `words` as spoken by `voice`, `pitch` 0 to 99.
pub fn speak(path: &Path, voice: &str, pitch: u32, words: &str) {
    let pitch = pitch.to_string();
    let mut command = Command::new("espeak-ng");
    command
        .args(["-v", voice, "-p", &pitch, "-s", "150", "-w"])
        .arg(path)
        .arg(words);
    finish(&mut command, PATIENCE).succeeded();
}

/// A file at [`RATE`].
pub fn read(path: &Path) -> Vec<f32> {
    let read = wav::read(path)
        .unwrap_or_else(|error| panic!("{error}"))
        .to_mono();
    at_rate(&read.data, read.rate)
}

/// Samples of one channel at [`RATE`].
pub fn at_rate(samples: &[f32], rate: u32) -> Vec<f32> {
    let mut resampler = media::audio::Resampler::new(rate, RATE as u32, 1).expect("a usual rate");
    let mut out = Vec::new();
    resampler.process(samples, &mut out);
    out
}

/// Appends silence to a file.
pub fn add_silence(path: &Path, seconds: f32) {
    let mut read = wav::read(path)
        .unwrap_or_else(|error| panic!("{error}"))
        .to_mono();
    let missing = (seconds * read.rate as f32) as usize;
    read.data.extend(std::iter::repeat_n(0.0, missing));
    let mut writer = wav::Writer::create(path, read.rate).expect("the file is ours");
    writer.write(&read.data).expect("the file is ours");
}

/// Writes a tone of so many hertz and seconds.
pub fn hum(path: &Path, hertz: f64, seconds: f64) {
    const FINE: u32 = 48_000;
    let step = hertz / f64::from(FINE) * TAU;
    let count = (seconds * f64::from(FINE)) as usize;
    let samples: Vec<f32> = (0..count)
        .map(|i| (i as f64 * step).sin() as f32 * 0.3)
        .collect();
    let mut writer = wav::Writer::create(path, FINE).expect("the file is ours");
    writer.write(&samples).expect("the file is ours");
}

/// The part of the samples' power that a tone of so many hertz is, 0 to 1; 0 in silence.
pub fn share_of_tone(samples: &[f32], hertz: f64) -> f64 {
    let step = hertz / RATE as f64 * TAU;
    let (mut cosine, mut sine) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let (s, c) = (i as f64 * step).sin_cos();
        cosine += f64::from(*sample) * c;
        sine += f64::from(*sample) * s;
    }
    let count = samples.len().max(1) as f64;
    let tone = 2.0 * (cosine * cosine + sine * sine) / (count * count);
    tone / power(samples).max(1e-9)
}

/// Mean square.
pub fn power(samples: &[f32]) -> f64 {
    let sum: f64 = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    sum / samples.len().max(1) as f64
}

fn envelope(samples: &[f32]) -> Vec<f32> {
    let level = |piece: &[f32]| power(piece).sqrt() as f32;
    samples.chunks(RATE / ENVELOPE).map(level).collect()
}

/// Normalised correlation of `a` with `b` from `lag` on; 0 where they do not overlap by half.
fn correlation(a: &[f32], b: &[f32], lag: i64) -> f64 {
    let (mut ab, mut aa, mut bb, mut count) = (0.0f64, 0.0f64, 0.0f64, 0usize);
    for (i, &x) in a.iter().enumerate() {
        let Some(&y) = usize::try_from(i as i64 + lag)
            .ok()
            .and_then(|at| b.get(at))
        else {
            continue;
        };
        ab += f64::from(x) * f64::from(y);
        aa += f64::from(x) * f64::from(x);
        bb += f64::from(y) * f64::from(y);
        count += 1;
    }
    if count * 2 < a.len() || aa <= 0.0 || bb <= 0.0 {
        return 0.0;
    }
    ab / (aa * bb).sqrt()
}

fn best(a: &[f32], b: &[f32], lags: impl Iterator<Item = i64>) -> (i64, f64) {
    lags.map(|lag| (lag, correlation(a, b, lag)))
        .max_by(|(_, x), (_, y)| x.total_cmp(y))
        .unwrap_or_default()
}

/// Where `part` is heard in `whole`: the sample, and how alike they are there.
pub fn find(part: &[f32], whole: &[f32]) -> (i64, f64) {
    let (thin, thick) = (envelope(part), envelope(whole));
    // An envelope is never negative: without its mean everything is like everything.
    let flat = |mut values: Vec<f32>| {
        let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
        values.iter_mut().for_each(|value| *value -= mean);
        values
    };
    let (thin, thick) = (flat(thin), flat(thick));
    let (coarse, _) = best(&thin, &thick, -(ENVELOPE as i64)..thick.len() as i64);
    let step = (RATE / ENVELOPE) as i64;
    best(part, whole, (coarse - 3) * step..(coarse + 3) * step)
}

/// A loud quarter of a second.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Its first sample.
    pub at: usize,
    /// How much later it is heard, samples.
    pub lag: i64,
    /// How alike the two are.
    pub likeness: f64,
}

/// Where each loud quarter of a second of `part` is heard in `whole`, within `wander` of `lag` samples later.
pub fn pieces(part: &[f32], whole: &[f32], lag: i64, wander: i64) -> Vec<Piece> {
    let loud = power(part) / 10.0;
    let length = RATE / 4;
    part.chunks_exact(length)
        .enumerate()
        .filter(|(_, samples)| power(samples) > loud)
        .map(|(i, samples)| {
            let at = i * length;
            let begin = at as i64 + lag;
            let (heard, likeness) = best(samples, whole, begin - wander..begin + wander);
            Piece {
                at,
                lag: heard - at as i64,
                likeness,
            }
        })
        .collect()
}

/// How alike `part` and what is heard of it from `lag` on are: the median of its loud quarters of a second, each aligned by
/// itself within [`WANDER`], since a jitter buffer plays a little faster or slower, and on a busy machine waits longer.
fn likeness_at(part: &[f32], whole: &[f32], lag: i64) -> f64 {
    let pieces = pieces(part, whole, lag, WANDER);
    let mut all: Vec<f64> = pieces.iter().map(|piece| piece.likeness).collect();
    assert!(!all.is_empty(), "nothing loud in it");
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Where `part` is heard in `whole`, samples later, and how alike it is from there on.
fn compare(part: &[f32], whole: &[f32]) -> (i64, f64) {
    let (lag, _) = find(part, whole);
    (lag, likeness_at(part, whole, lag))
}

/// How alike `part` and what is heard of it in `whole` are, wherever that is.
pub fn likeness(part: &[f32], whole: &[f32]) -> f64 {
    compare(part, whole).1
}

/// What a talk's way back has of a voice in the room and of what the camera's speaker played there.
pub struct WayBack {
    /// How alike the voice is.
    pub likeness: f64,
    /// Samples in which the voice is silent: all that is left in them is echo.
    pub quiet: usize,
    /// How much lower they are than what the room gives back, dB.
    pub removed_db: f64,
}

impl WayBack {
    /// Judges what was heard after the first five seconds, which are the canceller's to learn.
    pub fn judge(voice: &[f32], back: &[f32], speaker: &[f32]) -> Self {
        let learnt = &back[5 * RATE..];
        let (lag, likeness) = compare(voice, learnt);
        let silent = between_words(voice, learnt, lag);
        // The room gives back half of what the speaker plays, its echoes not counted.
        let echo = power(&speaker[5 * RATE..]) * 0.25;
        let removed_db = 10.0 * (echo / power(&silent).max(1e-12)).log10();
        println!(
            "the camera's voice: correlation {likeness:.3}; our echo is {removed_db:.1} dB lower"
        );
        Self {
            likeness,
            quiet: silent.len(),
            removed_db,
        }
    }
}

/// The pieces of `heard` of 50 ms in which `voice`, said over and over from `lag` on, is silent, and so is what lies
/// around them: what is in them is echo, or noise.
fn between_words(voice: &[f32], heard: &[f32], lag: i64) -> Vec<f32> {
    let length = voice.len();
    let window = RATE / 20;
    let is_quiet = |at: usize| {
        let first = (at as i64 - lag).rem_euclid(length as i64) as usize;
        let around = (0..5 * window).map(|i| voice[(first + length + i - 2 * window) % length]);
        around.fold(0.0f32, |peak, sample| peak.max(sample.abs())) < 1e-3
    };
    heard
        .chunks_exact(window)
        .enumerate()
        .filter(|(i, _)| is_quiet(i * window))
        .flat_map(|(_, samples)| samples.to_vec())
        .collect()
}
