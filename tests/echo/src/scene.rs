//! The rooms, and what happens in them.
//!
//! ```text
//!  0 s            16 s       22 s             34 s           44 s
//!  far end alone  │ near alone │ both            │ far end alone
//! ```

use crate::acoustics::{Convolver, Speaker, by_chance, clock, normal, play, shoebox};
use crate::voices::Voice;
use anyhow::{Context, Result};
use fastrand::Rng;

pub(crate) const SECONDS: usize = 44;
/// When the near end speaks alone, and when both do, seconds.
pub(crate) const NEAR_FROM: usize = 16;
pub(crate) const BOTH_FROM: usize = 22;
pub(crate) const BOTH_TO: usize = 34;

/// Where sound comes from the loudspeaker to the microphone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    ByChance,
    /// The loudspeaker stands so many metres from the microphone.
    Shoebox(f32),
}

/// What happens on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// Another room from this second on.
    OtherRoom(usize),
    /// The echo comes so many milliseconds later from this second on; earlier below zero.
    Jump(usize, i32),
    /// The echo is so many dB louder from this second on.
    Volume(usize, f32),
    /// The microphone's device loses, or says twice, so many milliseconds at this second.
    Lost(usize, usize),
    Doubled(usize, usize),
}

/// One scene as text.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) name: String,
    /// Numbers of the voices.
    pub(crate) far: usize,
    pub(crate) near: usize,
    pub(crate) kind: Kind,
    pub(crate) t60: f32,
    pub(crate) length_ms: f32,
    pub(crate) delay_ms: f32,
    pub(crate) ppm: i32,
    pub(crate) speaker: Speaker,
    /// The echo's level against the near end's, dB.
    pub(crate) echo_db: f32,
    /// Of full scale, dB.
    pub(crate) noise_db: f32,
    pub(crate) events: Vec<Event>,
    /// Somebody walks about: the room changes all the time.
    pub(crate) moving: bool,
    /// The near end speaks from the first second on.
    pub(crate) both_from_start: bool,
    /// Which ESTOI is asked for: .75 instead of .90.
    pub(crate) hard: bool,
    pub(crate) seed: u64,
}

/// A scene as sound, all of one length.
pub(crate) struct Sound {
    pub(crate) far: Vec<f32>,
    pub(crate) mic: Vec<f32>,
    pub(crate) near: Vec<f32>,
    pub(crate) echo: Vec<f32>,
    pub(crate) noise: Vec<f32>,
}

impl Scene {
    /// Seconds at which the echo path becomes another one while both speak.
    pub(crate) fn change_in_double_talk(&self) -> Option<usize> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::OtherRoom(at) | Event::Jump(at, _) => Some(*at),
                _ => None,
            })
            .find(|at| (BOTH_FROM..BOTH_TO).contains(at))
    }

    /// From when on the far end alone is heard without a change, seconds: two after the last one, 8 without.
    pub(crate) fn settled_from(&self) -> usize {
        let changes = self.events.iter().map(|event| match event {
            Event::OtherRoom(at)
            | Event::Jump(at, _)
            | Event::Volume(at, _)
            | Event::Lost(at, _)
            | Event::Doubled(at, _) => *at,
        });
        changes
            .filter(|at| *at < NEAR_FROM)
            .map(|at| at + 2)
            .max()
            .unwrap_or(8)
    }

    fn path(&self, rate: u32, random: &mut Rng) -> Vec<f32> {
        match self.kind {
            Kind::ByChance => by_chance(rate, self.t60, self.delay_ms, self.length_ms, random),
            Kind::Shoebox(distance) => shoebox(
                rate,
                self.t60,
                self.delay_ms,
                self.length_ms,
                distance,
                random,
            ),
        }
    }

    /// What is heard, and what it is made of.
    pub(crate) fn sound(&self, voices: &[Voice], rate: u32) -> Result<Sound> {
        let mut random =
            Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(rate));
        let per_second = rate as usize;
        let frames = SECONDS * per_second;
        let voice = |number: usize| voices.get(number % voices.len()).context("no voices");
        let mut far = voice(self.far)?.at(rate, frames, -23.0)?;
        far[NEAR_FROM * per_second..BOTH_FROM * per_second].fill(0.0);
        let mut near = voice(self.near)?.at(rate, frames, -26.0)?;
        if !self.both_from_start {
            near.rotate_right(NEAR_FROM * per_second);
            near[..NEAR_FROM * per_second].fill(0.0);
        }
        near[BOTH_TO * per_second..].fill(0.0);

        let mut played = play(self.speaker, &far, rate);
        if self.ppm != 0 {
            let mut other = Vec::with_capacity(frames);
            clock(self.ppm)?.process(&played, &mut other);
            other.resize(frames, 0.0);
            played = other;
        }
        let mut echo = Convolver::new(&self.path(rate, &mut random)).run(&played);
        if self.moving {
            let other = Convolver::new(&self.path(rate, &mut random)).run(&played);
            walk(&mut echo, &other, per_second);
        }
        let level =
            active_level(&near) / active_level(&echo).max(1e-9) * 10f32.powf(self.echo_db / 20.0);
        echo.iter_mut().for_each(|s| *s *= level);
        for event in &self.events {
            match *event {
                Event::OtherRoom(at) => {
                    let other = Convolver::new(&self.path(rate, &mut random)).run(&played);
                    let scaled = other[at * per_second..].iter().map(|s| s * level);
                    echo[at * per_second..]
                        .iter_mut()
                        .zip(scaled)
                        .for_each(|(to, from)| *to = from);
                }
                Event::Jump(at, ms) => shift(
                    &mut echo[at * per_second..],
                    ms as isize * rate as isize / 1000,
                ),
                Event::Volume(at, db) => echo[at * per_second..]
                    .iter_mut()
                    .for_each(|s| *s *= 10f32.powf(db / 20.0)),
                Event::Lost(at, ms) => shift(
                    &mut echo[at * per_second..],
                    -((ms * per_second / 1000) as isize),
                ),
                Event::Doubled(at, ms) => {
                    let (from, length) = (at * per_second, ms * per_second / 1000);
                    let twice = echo[from - length..from].to_vec();
                    shift(&mut echo[from..], length as isize);
                    echo[from..from + length].copy_from_slice(&twice);
                }
            }
        }
        let noise: Vec<f32> = (0..frames)
            .map(|_| normal(&mut random) * 10f32.powf(self.noise_db / 20.0))
            .collect();
        let mic = echo
            .iter()
            .zip(&near)
            .zip(&noise)
            .map(|((e, v), n)| (e + v + n).clamp(-1.0, 1.0))
            .collect();
        Ok(Sound {
            far,
            mic,
            near,
            echo,
            noise,
        })
    }
}

/// A third of the sound takes the other way, more or less of it as somebody walks: to and fro in eight seconds.
fn walk(echo: &mut [f32], other: &[f32], per_second: usize) {
    for (at, (echo, other)) in echo.iter_mut().zip(other).enumerate() {
        let phase = at as f32 / per_second as f32 / 8.0 * std::f32::consts::TAU;
        let (own, further) = (1.0 + 0.25 * phase.cos(), 0.25 * phase.sin());
        *echo = own * *echo + further * other;
    }
}

/// Later by `frames`, earlier below zero.
fn shift(signal: &mut [f32], frames: isize) {
    let by = frames.unsigned_abs().min(signal.len());
    if frames >= 0 {
        // What comes first is what was there before the jump: a jump backwards repeats it.
        signal.copy_within(..signal.len() - by, by);
    } else {
        signal.copy_within(by.., 0);
        let end = signal.len() - by;
        signal[end..].fill(0.0);
    }
}

/// Level where somebody speaks.
fn active_level(signal: &[f32]) -> f32 {
    let peak = signal.iter().fold(0.0f32, |most, s| most.max(s.abs()));
    let loud = signal.iter().filter(|s| s.abs() > 0.03 * peak);
    let (sum, count) = loud.fold((0.0f64, 0usize), |(sum, count), s| {
        (sum + f64::from(s * s), count + 1)
    });
    (sum / count.max(1) as f64).sqrt() as f32
}
