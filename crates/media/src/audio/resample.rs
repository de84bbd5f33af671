//! Sample rate conversion by a windowed sinc, pure Rust, steady memory.

use crate::audio::{MAX_CHANNELS, MAX_RATE};
use crate::error::{Error, Result};

/// Input frames under the kernel.
pub(crate) const TAPS: usize = 16;
/// Kernel positions between two input frames; linear interpolation in between.
const PHASES: usize = 64;
/// Shape of the Kaiser window: about 70 dB of stop band.
const KAISER_BETA: f64 = 6.5;

/// The filter: `TAPS` weights at each of `PHASES` fractions of a frame.
pub(crate) struct Kernel {
    weights: [[f32; TAPS]; PHASES + 1],
}

impl Kernel {
    /// For rates in hertz; going down, the pass band narrows so that nothing folds back.
    pub(crate) fn new(from: u32, to: u32) -> Self {
        let mut kernel = Self {
            weights: [[0.0; TAPS]; PHASES + 1],
        };
        kernel.tune(from, to);
        kernel
    }

    /// Recomputes the weights in place (about a thousand sines, no allocation).
    pub(crate) fn tune(&mut self, from: u32, to: u32) {
        let cutoff = (f64::from(to.max(1)) / f64::from(from.max(1))).min(1.0);
        let half = TAPS as f64 / 2.0;
        for (phase, weights) in self.weights.iter_mut().enumerate() {
            let fraction = phase as f64 / PHASES as f64;
            let mut sum = 0.0;
            let mut row = [0.0; TAPS];
            for (tap, weight) in row.iter_mut().enumerate() {
                let x = tap as f64 - (half - 1.0) - fraction;
                let angle = std::f64::consts::PI * x * cutoff;
                let sinc = if angle.abs() < 1e-9 {
                    1.0
                } else {
                    angle.sin() / angle
                };
                let edge = (1.0 - (x / half).powi(2)).max(0.0);
                *weight = sinc * bessel_i0(KAISER_BETA * edge.sqrt());
                sum += *weight;
            }
            for (weight, value) in weights.iter_mut().zip(row) {
                *weight = (value / sum) as f32;
            }
        }
    }

    /// The value `fraction` (0..1) after the frame under tap `TAPS / 2 − 1`; `frame(i)` is the i-th of `TAPS`.
    #[inline]
    pub(crate) fn at(&self, fraction: f64, mut frame: impl FnMut(usize) -> [f32; 2]) -> [f32; 2] {
        let position = fraction.clamp(0.0, 1.0) * PHASES as f64;
        let phase = (position as usize).min(PHASES - 1);
        let blend = (position - phase as f64) as f32;
        let mut out = [0.0; 2];
        for tap in 0..TAPS {
            let (a, b) = (self.weights[phase][tap], self.weights[phase + 1][tap]);
            let weight = a + (b - a) * blend;
            let value = frame(tap);
            out[0] += weight * value[0];
            out[1] += weight * value[1];
        }
        out
    }
}

/// Modified Bessel function of the first kind, order zero.
fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..32 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// Converts a stream of interleaved `f32` from one rate to another, any piece length.
/// Delay: 8 frames at the input rate (1 ms at 8 kHz).
pub struct Resampler {
    kernel: Kernel,
    channels: usize,
    step: f64,
    /// Input frames not consumed yet, interleaved, with the history the kernel needs.
    pending: Vec<f32>,
    /// Where the next output lies after the kernel's centre in `pending`, in input frames.
    position: f64,
    same: bool,
}

impl Resampler {
    /// From `from` to `to` hertz with interleaved `channels`.
    ///
    /// # Errors
    /// [`Error::Input`] for rates outside 1..=[`MAX_RATE`] or channels outside 1..=[`MAX_CHANNELS`].
    pub fn new(from: u32, to: u32, channels: u8) -> Result<Self> {
        let rates = 1..=MAX_RATE;
        if !rates.contains(&from) || !rates.contains(&to) || !(1..=MAX_CHANNELS).contains(&channels)
        {
            let got = format!("{from} Hz to {to} Hz, {channels} channels");
            return Err(Error::input(
                "opening the resampler",
                got,
                "1 to 192000 Hz, 1 to 8 channels",
            ));
        }
        let channels = usize::from(channels);
        Ok(Self {
            kernel: Kernel::new(from, to),
            channels,
            step: f64::from(from) / f64::from(to),
            pending: vec![0.0; (TAPS / 2 - 1) * channels],
            position: 0.0,
            same: from == to,
        })
    }

    /// Converts `input`, appending what is ready to `out`.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        if self.same {
            out.extend_from_slice(input);
            return;
        }
        self.pending.extend_from_slice(input);
        let frames = self.pending.len() / self.channels;
        while (self.position as usize) + TAPS <= frames {
            let (first, fraction) = (self.position as usize, self.position.fract());
            let mut channel = 0;
            while channel < self.channels {
                let pair = self.channels - channel >= 2;
                let value = self.kernel.at(fraction, |tap| {
                    let at = (first + tap) * self.channels + channel;
                    [
                        self.pending[at],
                        if pair { self.pending[at + 1] } else { 0.0 },
                    ]
                });
                out.extend_from_slice(if pair { &value } else { &value[..1] });
                channel += 2;
            }
            self.position += self.step;
        }
        let used = (self.position as usize).min(frames);
        self.pending.drain(..used * self.channels);
        self.position -= used as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, hertz: f64, frames: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * hertz / f64::from(rate);
        (0..frames)
            .map(|i| (step * i as f64).sin() as f32 * 0.5)
            .collect()
    }

    /// Energy left after the best fit of one sinusoid, relative to the whole, in decibels.
    fn residue_db(data: &[f32], rate: u32, hertz: f64) -> f64 {
        let step = std::f64::consts::TAU * hertz / f64::from(rate);
        let (mut a, mut b, mut total) = (0.0, 0.0, 0.0);
        for (i, &x) in data.iter().enumerate() {
            let (s, c) = (step * i as f64).sin_cos();
            a += f64::from(x) * s;
            b += f64::from(x) * c;
            total += f64::from(x) * f64::from(x);
        }
        let fit = 2.0 * (a * a + b * b) / data.len() as f64;
        10.0 * ((total - fit).max(1e-12) / total).log10()
    }

    #[test]
    fn a_tone_keeps_its_pitch_level_and_purity() {
        for (from, to) in [
            (8000, 48_000),
            (16_000, 48_000),
            (44_100, 48_000),
            (48_000, 44_100),
            (48_000, 16_000),
        ] {
            let mut resampler = Resampler::new(from, to, 1).expect("valid");
            let mut out = Vec::new();
            for piece in sine(from, 1000.0, from as usize).chunks(333) {
                resampler.process(piece, &mut out);
            }
            let got = out.len() as i64 - i64::from(to);
            assert!(
                got.abs() <= i64::from(to / from.min(to)) * 8 + 8,
                "{from} to {to}: {got} frames off"
            );
            let middle = &out[out.len() / 4..out.len() * 3 / 4];
            let whole = &middle[..middle.len() / (to as usize / 1000) * (to as usize / 1000)];
            let level = (whole.iter().map(|x| x * x).sum::<f32>() / whole.len() as f32).sqrt()
                * 2f32.sqrt();
            assert!((level - 0.5).abs() < 0.01, "{from} to {to}: level {level}");
            let residue = residue_db(whole, to, 1000.0);
            assert!(residue < -55.0, "{from} to {to}: {residue} dB");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_removed() {
        let mut resampler = Resampler::new(48_000, 16_000, 1).expect("valid");
        let mut out = Vec::new();
        resampler.process(&sine(48_000, 15_000.0, 48_000), &mut out);
        let level = (out.iter().map(|x| x * x).sum::<f32>() / out.len() as f32).sqrt();
        assert!(level < 0.01, "{level}");
    }

    #[test]
    fn channels_stay_apart() {
        let mut resampler = Resampler::new(16_000, 48_000, 3).expect("valid");
        let input: Vec<f32> = (0..1600).flat_map(|_| [0.1, -0.2, 0.3]).collect();
        let mut out = Vec::new();
        resampler.process(&input, &mut out);
        for frame in out[300..].chunks_exact(3) {
            for (value, expected) in frame.iter().zip([0.1, -0.2, 0.3]) {
                assert!((value - expected).abs() < 1e-4, "{frame:?}");
            }
        }
        assert!(Resampler::new(0, 1, 1).is_err() && Resampler::new(1, 1, 0).is_err());
    }
}
