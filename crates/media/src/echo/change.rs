//! Sees that the echo's way has changed, and how: the device lost or doubled sound, the volume was turned, or all is new.
//!
//! The filter's idea of the echo is compared with the microphone. Over 160 ms the part of it that is found there is 1 while the
//! filter is right, whoever speaks. When it is not, it is looked for earlier and later: a device's slip moves the whole echo.

use super::fourier::Fourier;
use realfft::num_complex::Complex32;

/// Blocks that are compared.
const BLOCKS: usize = 16;
/// How far an echo that slipped is looked for, blocks.
const SLIP: usize = 5;
/// Smoothing of the energies: 80 ms.
const STEP: f32 = 0.125;
/// The estimate must hold this part of the microphone's energy to say something.
const TELLING: f32 = 0.1;
/// Less or more of the estimate than this in the microphone is a change …
const FOUND: std::ops::Range<f32> = 0.6..2.0;
/// … after so many blocks of it; then the window fills.
const SUSPICIOUS: u32 = 6;
/// Blocks of rest while the filter learns for the first time, and after a verdict.
const FIRST_REST: u32 = 200;
const REST: u32 = 60;
/// Found elsewhere to this part, the echo has slipped.
const SLIPPED: std::ops::Range<f32> = 0.6..1.7;
/// Keeps the search from amplifying what the far end did not say, part of its mean power.
const REGULAR: f32 = 0.1;

/// What happened to the echo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// It comes so many samples later (below zero: earlier) and is otherwise the same.
    Slipped(isize),
    /// So much of the estimate is still in the microphone, 0 to 4.
    Scaled(f32),
}

pub(super) struct ChangeFinder {
    hop: usize,
    fourier: Fourier,
    mic: Vec<f32>,
    echo: Vec<f32>,
    time: Vec<f32>,
    mic_bins: Vec<Complex32>,
    echo_bins: Vec<Complex32>,
    /// Smoothed energies: estimate in the microphone, estimate, microphone.
    found: f32,
    estimate: f32,
    heard: f32,
    suspicious: u32,
    waiting: u32,
    rest: u32,
}

impl ChangeFinder {
    pub(super) fn new(hop: usize) -> Self {
        let half = ((BLOCKS + SLIP) * hop).next_power_of_two() / 2;
        Self {
            hop,
            fourier: Fourier::new(half),
            mic: vec![0.0; BLOCKS * hop],
            echo: vec![0.0; BLOCKS * hop],
            time: vec![0.0; 2 * half],
            mic_bins: vec![Complex32::default(); half + 1],
            echo_bins: vec![Complex32::default(); half + 1],
            found: 0.0,
            estimate: 0.0,
            heard: 0.0,
            suspicious: 0,
            waiting: 0,
            rest: FIRST_REST,
        }
    }

    /// Whether a change is being looked into.
    pub(super) fn is_looking(&self) -> bool {
        self.waiting > 0
    }

    /// The filter was set anew: what it said before says nothing.
    pub(super) fn forget(&mut self) {
        self.waiting = 0;
        self.suspicious = 0;
        self.rest = FIRST_REST;
    }

    /// One block of the microphone and of the filter's idea of the echo, before it learnt from it.
    pub(super) fn step(&mut self, mic: &[f32], echo: &[f32]) -> Option<Change> {
        for (window, block) in [(&mut self.mic, mic), (&mut self.echo, echo)] {
            window.copy_within(self.hop.., 0);
            let end = window.len() - self.hop;
            window[end..].copy_from_slice(block);
        }
        for (smooth, now) in [
            (&mut self.found, dot(mic, echo)),
            (&mut self.estimate, dot(echo, echo)),
            (&mut self.heard, dot(mic, mic)),
        ] {
            *smooth += STEP * (now - *smooth);
        }
        if self.rest > 0 {
            self.rest -= 1;
            return None;
        }
        if self.waiting > 0 {
            self.waiting -= 1;
            return if self.waiting == 0 {
                self.verdict()
            } else {
                None
            };
        }
        let tells = self.estimate > TELLING * self.heard && self.estimate > 1e-6 * self.hop as f32;
        let part = self.found / self.estimate.max(1e-12);
        if tells && !FOUND.contains(&part) {
            self.suspicious += 1;
        } else {
            self.suspicious = 0;
        }
        if self.suspicious >= SUSPICIOUS {
            self.suspicious = 0;
            self.waiting = BLOCKS as u32 - SUSPICIOUS;
        }
        None
    }

    fn verdict(&mut self) -> Option<Change> {
        let energy = dot(&self.echo, &self.echo);
        if energy < 1e-9 {
            return None;
        }
        let here = dot(&self.mic, &self.echo) / energy;
        if FOUND.contains(&here) {
            return None;
        }
        self.rest = REST;
        let lag = self.search();
        let there = self.part_at(lag);
        if lag != 0 && SLIPPED.contains(&there) {
            return Some(Change::Slipped(lag));
        }
        Some(Change::Scaled(here.clamp(0.0, 4.0)))
    }

    /// The part of the estimate that is found so many samples later.
    fn part_at(&self, lag: isize) -> f32 {
        let by = lag.unsigned_abs();
        let (mic, echo) = if lag >= 0 {
            (&self.mic[by..], &self.echo[..self.echo.len() - by])
        } else {
            (&self.mic[..self.mic.len() - by], &self.echo[by..])
        };
        dot(mic, echo) / dot(echo, echo).max(1e-9)
    }

    /// The lag at which the estimate is found most clearly, whatever it sounds like (Roth 1971).
    fn search(&mut self) -> isize {
        for (window, bins) in [
            (&self.mic, &mut self.mic_bins),
            (&self.echo, &mut self.echo_bins),
        ] {
            self.time.fill(0.0);
            self.time[..window.len()].copy_from_slice(window);
            self.fourier.forward(&mut self.time, bins);
        }
        let mean = self.echo_bins.iter().map(Complex32::norm_sqr).sum::<f32>()
            / self.echo_bins.len() as f32;
        for (mic, echo) in self.mic_bins.iter_mut().zip(&self.echo_bins) {
            *mic = *mic * echo.conj() / (echo.norm_sqr() + REGULAR * mean + 1e-12);
        }
        self.fourier.inverse(&mut self.mic_bins, &mut self.time);
        let most = (SLIP * self.hop) as isize;
        let size = self.time.len() as isize;
        (-most..=most)
            .max_by(|a, b| {
                let at = |lag: isize| self.time[lag.rem_euclid(size) as usize];
                at(*a).total_cmp(&at(*b))
            })
            .unwrap_or(0)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
