//! Never louder than this: in front of a speaker that plays what others send.

use std::collections::VecDeque;

/// Peaks stay below this: −1 dB of full scale.
const CEILING: f32 = 0.891;
/// Long sounds stay below this: −13 dB of full scale, RMS. Speech is quieter; full-scale noise is not.
const LOUDNESS: f32 = 0.224;
/// How far it looks ahead, seconds.
const AHEAD_S: f32 = 0.005;
/// From full attenuation back to none, seconds.
const RELEASE_S: f32 = 0.25;
/// Over what loudness is measured, seconds.
const WINDOW_S: f32 = 0.2;

/// Limits peaks by looking ahead, and long loud sounds to a bearable level. One channel; 5 ms late.
pub struct Limiter {
    ahead: usize,
    release: f32,
    smooth: f32,
    /// Mean square of the last fraction of a second.
    power: f32,
    /// Gain of the loudness limit, smoothed.
    level: f32,
    samples: VecDeque<f32>,
    /// Gains that single samples ask for, the least first: (number, gain), numbers rising.
    least: VecDeque<(u64, f32)>,
    /// The last `ahead` least gains, and their sum: their mean is a ramp that ends before the peak comes.
    ramp: VecDeque<f32>,
    sum: f64,
    held: f32,
    number: u64,
}

impl Limiter {
    /// For sound at `rate` hertz.
    pub fn new(rate: u32) -> Self {
        let ahead = ((rate as f32 * AHEAD_S) as usize).max(1);
        Self {
            ahead,
            release: 1.0 / (rate as f32 * RELEASE_S).max(1.0),
            smooth: 1.0 / (rate as f32 * WINDOW_S).max(1.0),
            power: 0.0,
            level: 1.0,
            samples: std::iter::repeat_n(0.0, ahead).collect(),
            least: VecDeque::with_capacity(ahead + 1),
            ramp: std::iter::repeat_n(1.0, ahead).collect(),
            sum: ahead as f64,
            held: 1.0,
            number: 0,
        }
    }

    /// Limits in place; what is no number becomes silence. Does not allocate.
    pub fn process(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample = self.next(if sample.is_finite() { *sample } else { 0.0 });
        }
    }

    fn next(&mut self, sample: f32) -> f32 {
        let sample = sample.clamp(-4.0, 4.0);
        self.power += (sample * sample - self.power) * self.smooth;
        let wanted = (LOUDNESS / self.power.sqrt().max(LOUDNESS)).min(1.0);
        let speed = if wanted < self.level { 4.0 } else { 0.5 };
        self.level += (wanted - self.level) * (self.smooth * speed).min(1.0);
        let sample = sample * self.level;

        let gain = CEILING / sample.abs().max(CEILING);
        while self.least.back().is_some_and(|(_, last)| *last >= gain) {
            self.least.pop_back();
        }
        self.least.push_back((self.number, gain));
        while self
            .least
            .front()
            .is_some_and(|(number, _)| number + self.ahead as u64 <= self.number)
        {
            self.least.pop_front();
        }
        self.number += 1;
        let least = self.least.front().map_or(1.0, |(_, gain)| *gain);
        self.held = least.min(self.held + self.release);

        let oldest = self.ramp.pop_front().unwrap_or(1.0);
        self.ramp.push_back(self.held);
        self.sum += f64::from(self.held) - f64::from(oldest);
        let ramp = (self.sum / self.ahead as f64) as f32;
        self.samples.push_back(sample);
        let out = self.samples.pop_front().unwrap_or(0.0);
        (out * ramp).clamp(-CEILING, CEILING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn speech_level_passes_untouched_and_5_ms_late() {
        let mut limiter = Limiter::new(48_000);
        let tone: Vec<f32> = (0..48_000).map(|i| (i as f32 * 0.05).sin() * 0.2).collect();
        let mut out = tone.clone();
        limiter.process(&mut out);
        for (got, sent) in out[240..].iter().zip(&tone) {
            assert!((got - sent).abs() < 1e-5);
        }
    }

    #[test]
    fn a_sudden_peak_is_met_by_a_ramp_and_never_passes_the_ceiling() {
        let mut limiter = Limiter::new(48_000);
        let mut out: Vec<f32> = (0..9_600)
            .map(|i| {
                if i == 4_800 {
                    3.0
                } else {
                    (i as f32 * 0.05).sin() * 0.1
                }
            })
            .collect();
        limiter.process(&mut out);
        assert!(out.iter().all(|s| s.abs() <= CEILING));
        let step = out
            .windows(2)
            .take(5_000)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max);
        assert!(step < 0.02, "a click of {step} before the peak");
    }

    #[test]
    fn full_scale_noise_becomes_bearable_and_spoilt_numbers_silence() {
        let mut limiter = Limiter::new(48_000);
        let mut noise: Vec<f32> = (0..96_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0)
            .collect();
        noise[100] = f32::NAN;
        noise[101] = f32::INFINITY;
        limiter.process(&mut noise);
        assert!(noise.iter().all(|s| s.is_finite() && s.abs() <= CEILING));
        let level = rms(&noise[48_000..]);
        assert!((0.15..0.26).contains(&level), "{level}");
    }
}
