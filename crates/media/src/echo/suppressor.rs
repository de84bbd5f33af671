//! The residual suppressor: what the filter left of the echo goes down to the noise floor; speech at this end stays.

use super::fourier::Fourier;
use realfft::num_complex::Complex32;

/// Fall of the echo's spectrum from block to block: a room's tail beyond the filter.
const TAIL: f32 = 0.7;
/// Steps of the regression that finds how much of the echo estimate is left in the error.
const LEAK_STEP: f32 = 0.02;
const MEAN_STEP: f32 = 0.05;
const LEAST_LEAK: f32 = 0.001;
/// Presence of the near end above which speech is kept, and over how much more it becomes certain.
const PRESENT: f32 = 0.5;
const CERTAIN: f32 = 0.2;
/// Smoothing of the presence, rising and falling.
const RISE: f32 = 0.5;
const FALL: f32 = 0.08;
/// Over-subtraction and least gain: with the far end alone, and while the near end speaks.
const ALONE: (f32, f32) = (1000.0, 0.01);
const SPEAKING: (f32, f32) = (0.5, 0.4);
/// Weight of the last block's result in the estimate of speech over residual (Ephraim & Malah 1984).
const DECISION: f32 = 0.6;
/// Blocks a minimum is searched over (Martin 2001, two windows of 2 s), and by how much it lies under the mean.
const NOISE_BLOCKS: u32 = 200;
const NOISE_BIAS: f32 = 2.5;
/// Steady noise is lowered to this at most (-8 dB), and how sluggishly: what speech over noise was weighs so much.
const LEAST_OF_NOISE: f32 = 0.4;
const NOISE_DECISION: f32 = 0.95;

pub(super) struct Suppressor {
    hop: usize,
    fourier: Fourier,
    window: Vec<f32>,
    /// The last two blocks of error and echo, and what overlaps into the next.
    error: Vec<f32>,
    echo: Vec<f32>,
    overlap: Vec<f32>,
    out: Vec<f32>,
    time: Vec<f32>,
    error_bins: Vec<Complex32>,
    echo_bins: Vec<Complex32>,
    bands: Vec<Band>,
    /// Per bin: the echo's spectrum with its tail; the noise floor, its running minimum and the smoothed power below it; the
    /// last result.
    tail: Vec<f32>,
    noise: Vec<f32>,
    minimum: Vec<f32>,
    smooth: Vec<f32>,
    last: Vec<f32>,
    /// The last result over the noise floor, when steady noise is lowered.
    clear: Option<Vec<f32>>,
    blocks: u32,
    presence: f32,
    random: u32,
}

/// Neighbouring bins that share a leak.
struct Band {
    bins: std::ops::Range<usize>,
    mean_error: f32,
    mean_echo: f32,
    covariance: f32,
    variance: f32,
    leak: f32,
}

impl Suppressor {
    pub(super) fn new(hop: usize) -> Self {
        let count = hop + 1;
        let mut bands = Vec::new();
        let mut start = 0;
        while start < count {
            let end = (start + 2 + start / 8).min(count);
            bands.push(Band {
                bins: start..end,
                mean_error: 0.0,
                mean_echo: 0.0,
                covariance: 0.0,
                variance: 1e-9,
                leak: 1.0,
            });
            start = end;
        }
        Self {
            hop,
            fourier: Fourier::new(hop),
            window: (0..2 * hop)
                .map(|at| (std::f32::consts::PI * (at as f32 + 0.5) / (2 * hop) as f32).sin())
                .collect(),
            error: vec![0.0; 2 * hop],
            echo: vec![0.0; 2 * hop],
            overlap: vec![0.0; 2 * hop],
            out: vec![0.0; hop],
            time: vec![0.0; 2 * hop],
            error_bins: vec![Complex32::default(); count],
            echo_bins: vec![Complex32::default(); count],
            bands,
            tail: vec![0.0; count],
            noise: vec![1e-3; count],
            minimum: vec![f32::MAX; count],
            smooth: vec![0.0; count],
            last: vec![1.0; count],
            clear: None,
            blocks: 0,
            presence: 0.0,
            random: 0x9E37_79B9,
        }
    }

    /// Lowers steady noise as well, from now on.
    pub(super) fn lower_noise(&mut self) {
        self.clear = Some(vec![1.0; self.hop + 1]);
    }

    pub(super) fn near_presence(&self) -> f32 {
        self.presence
    }

    /// One block of the filter's error and echo estimate; the result is one block later.
    pub(super) fn process(&mut self, error: &[f32], echo: &[f32], far_is_active: bool) -> &[f32] {
        self.take(error, echo);
        self.track_noise();
        for (tail, echo) in self.tail.iter_mut().zip(&self.echo_bins) {
            *tail = (TAIL * *tail).max(echo.norm_sqr());
        }
        self.track_leak();
        if far_is_active {
            self.attenuate();
        } else {
            for (last, error) in self.last.iter_mut().zip(&self.error_bins) {
                *last = error.norm_sqr();
            }
        }
        self.clear();
        self.fourier.inverse(&mut self.error_bins, &mut self.time);
        for ((sum, sample), window) in self.overlap.iter_mut().zip(&self.time).zip(&self.window) {
            *sum += sample * window;
        }
        self.out.copy_from_slice(&self.overlap[..self.hop]);
        self.overlap.copy_within(self.hop.., 0);
        self.overlap[self.hop..].fill(0.0);
        &self.out
    }

    fn take(&mut self, error: &[f32], echo: &[f32]) {
        let hop = self.hop;
        for (blocks, block, bins) in [
            (&mut self.error, error, &mut self.error_bins),
            (&mut self.echo, echo, &mut self.echo_bins),
        ] {
            blocks.copy_within(hop.., 0);
            blocks[hop..].copy_from_slice(block);
            for ((time, sample), window) in self.time.iter_mut().zip(&*blocks).zip(&self.window) {
                *time = sample * window;
            }
            self.fourier.forward(&mut self.time, bins);
        }
    }

    /// The noise floor: minima of the smoothed spectrum.
    fn track_noise(&mut self) {
        for ((smooth, minimum), error) in self
            .smooth
            .iter_mut()
            .zip(&mut self.minimum)
            .zip(&self.error_bins)
        {
            *smooth += 0.2 * (error.norm_sqr() - *smooth);
            *minimum = minimum.min(*smooth);
        }
        self.blocks += 1;
        if self.blocks < NOISE_BLOCKS {
            return;
        }
        self.blocks = 0;
        for ((noise, minimum), smooth) in self
            .noise
            .iter_mut()
            .zip(&mut self.minimum)
            .zip(&self.smooth)
        {
            let found = NOISE_BIAS * *minimum;
            *noise = if *noise > 1.5 * found {
                found
            } else {
                0.7 * *noise + 0.3 * found
            };
            *minimum = *smooth;
        }
    }

    /// How much of the echo estimate's fluctuation is found in the error (Valin 2007), and from that who speaks.
    fn track_leak(&mut self) {
        let (mut unexplained, mut all) = (0.0, 1e-9);
        for band in &mut self.bands {
            let bins = band.bins.clone();
            let error: f32 = self.error_bins[bins.clone()]
                .iter()
                .map(Complex32::norm_sqr)
                .sum();
            let echo: f32 = self.tail[bins.clone()].iter().sum();
            let noise: f32 = self.noise[bins.clone()].iter().sum();
            if echo > 1e-5 * bins.len() as f32 {
                let step = LEAK_STEP * (echo / (echo + error)).max(0.1);
                let (by_error, by_echo) = (error - band.mean_error, echo - band.mean_echo);
                band.mean_error += MEAN_STEP * by_error;
                band.mean_echo += MEAN_STEP * by_echo;
                band.covariance += step * (by_error * by_echo - band.covariance);
                band.variance += step * (by_echo * by_echo - band.variance);
                let leak = band.covariance / band.variance.max(1e-12);
                band.leak = leak.clamp(LEAST_LEAK, 1.0);
            }
            unexplained += (error - 2.0 * band.leak * echo - 2.0 * noise).max(0.0);
            all += error;
        }
        let now = unexplained / all;
        self.presence += if now > self.presence { RISE } else { FALL } * (now - self.presence);
    }

    /// Takes steady noise from what is left (Ephraim & Malah 1984), gently: speech in noise is understood by its edges.
    fn clear(&mut self) {
        let Some(clear) = &mut self.clear else { return };
        for ((last, bin), noise) in clear.iter_mut().zip(&mut self.error_bins).zip(&self.noise) {
            let over = bin.norm_sqr() / (noise + 1e-9);
            let speech = NOISE_DECISION * *last + (1.0 - NOISE_DECISION) * (over - 1.0).max(0.0);
            let gain = (speech / (1.0 + speech)).max(LEAST_OF_NOISE);
            *last = gain * gain * over;
            *bin *= gain;
        }
    }

    fn attenuate(&mut self) {
        let speaking = ((self.presence - PRESENT) / CERTAIN).clamp(0.0, 1.0);
        let between = |alone: f32, both: f32| alone + speaking * (both - alone);
        let (over, least) = (between(ALONE.0, SPEAKING.0), between(ALONE.1, SPEAKING.1));
        for band in &self.bands {
            for bin in band.bins.clone() {
                let power = self.error_bins[bin].norm_sqr() + 1e-12;
                let plain = band.leak * self.tail[bin];
                let residual = over * plain + 1e-9;
                let now = (power / residual - 1.0).max(0.0);
                let ratio = DECISION * self.last[bin] / residual + (1.0 - DECISION) * now;
                let floor = (self.noise[bin] / power).sqrt().min(1.0);
                let mut gain = (ratio / (1.0 + ratio)).max(least).max(0.9 * floor);
                if over * plain < 0.1 * self.noise[bin] {
                    gain = 1.0;
                }
                self.last[bin] = gain * gain * power;
                self.error_bins[bin] *= gain;
                // Comfort noise: the floor stays as loud as it is between words.
                let missing = self.noise[bin].min(power) - gain * gain * power;
                if missing > 0.0 {
                    self.random = self
                        .random
                        .wrapping_mul(1_664_525)
                        .wrapping_add(1_013_904_223);
                    let angle =
                        (self.random >> 8) as f32 * (std::f32::consts::TAU / (1 << 24) as f32);
                    let size = missing.sqrt();
                    self.error_bins[bin] += Complex32::new(size * angle.cos(), size * angle.sin());
                }
            }
        }
    }
}
