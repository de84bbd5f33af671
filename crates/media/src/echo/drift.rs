//! Two clocks: the far end is resampled to the microphone's, and the difference is read from the filter's rotation.

use crate::audio::{Kernel, TAPS};
use realfft::num_complex::Complex32;

/// The far end may be read this many hops before the newest sample.
const HISTORY_HOPS: usize = 160;
/// The reading point's room towards the newest sample, in hops: the echo may seem to come that much earlier than
/// it does before the filter has to be moved.
const LEAD_HOPS: f64 = 1.5625;
/// Clocks that differ by more are broken, parts per million.
pub(super) const MOST_PPM: f64 = 400.0;

/// The far end, delayed by whole hops and read at the microphone's speed.
pub(super) struct FarClock {
    hop: usize,
    history: Vec<f32>,
    kernel: Kernel,
    /// Samples by which reading has moved towards the newest sample since the start.
    offset: f64,
    /// Samples between the reading point and the newest one, at offset 0.
    lead: f64,
    ppm: f64,
}

impl FarClock {
    pub(super) fn new(hop: usize, ppm: f64) -> Self {
        Self {
            hop,
            history: vec![0.0; HISTORY_HOPS * hop],
            kernel: Kernel::new(1, 1),
            offset: 0.0,
            lead: LEAD_HOPS * hop as f64,
            ppm: ppm.clamp(-MOST_PPM, MOST_PPM),
        }
    }

    pub(super) fn ppm(&self) -> f64 {
        self.ppm
    }

    pub(super) fn correct(&mut self, ppm: f64) {
        self.ppm = (self.ppm + ppm).clamp(-MOST_PPM, MOST_PPM);
    }

    /// The far end's delay here, in frames: what the filter does not see of the echo's delay.
    pub(super) fn delay(&self) -> f64 {
        self.lead - self.offset
    }

    /// The reading point has come so near to the newest sample that it has to be set back by a hop.
    pub(super) fn is_at_the_end(&self) -> bool {
        self.offset > self.lead - TAPS as f64
    }

    /// Hops by which reading may be later.
    pub(super) fn room(&self) -> usize {
        ((self.delay() - TAPS as f64).max(0.0) / self.hop as f64) as usize
    }

    /// Reads hops earlier (the next blocks are the last ones again) or, below zero, later.
    pub(super) fn set_back(&mut self, hops: isize) {
        let oldest = ((HISTORY_HOPS - 4) * self.hop) as f64;
        let delay = self.delay() + hops as f64 * self.hop as f64;
        self.offset = self.lead - delay.min(oldest);
    }

    /// Reads so many samples later, below zero earlier; false where there is nothing to be read.
    pub(super) fn slip(&mut self, samples: isize) -> bool {
        let delay = self.delay() + samples as f64;
        let oldest = ((HISTORY_HOPS - 64) * self.hop) as f64;
        if !(TAPS as f64 + 1.0..oldest).contains(&delay) {
            return false;
        }
        self.offset = self.lead - delay;
        true
    }

    pub(super) fn push(&mut self, far: &[f32]) {
        self.history.copy_within(self.hop.., 0);
        let start = self.history.len() - self.hop;
        self.history[start..].copy_from_slice(far);
        self.offset += self.ppm * 1e-6 * self.hop as f64;
    }

    /// The block that is due, or the one `ago` hops before it.
    pub(super) fn read(&self, ago: usize, block: &mut [f32]) {
        let step = self.ppm * 1e-6;
        let first = (self.history.len() - self.hop * (1 + ago)) as f64
            - self.delay()
            - step * self.hop as f64;
        let most = (self.history.len() - TAPS / 2 - 1) as f64;
        for (index, sample) in block.iter_mut().enumerate() {
            let at = (first + index as f64 * (1.0 + step)).clamp(TAPS as f64, most);
            let whole = at.floor();
            let start = whole as usize + 1 - TAPS / 2;
            let under = &self.history[start..start + TAPS];
            *sample = self.kernel.at(at - whole, |tap| [under[tap], 0.0])[0];
        }
    }
}

/// Blocks with far end between two looks at the filter.
const LOOK_EVERY: u32 = 30;
/// Blocks with far end before the first look.
const START: u32 = 40;
/// Part of the measured drift that is corrected at once; it falls to a third as looks add up.
const GAIN: f64 = 0.5;
/// Most that one look changes, parts per million.
const MOST_STEP_PPM: f64 = 60.0;
/// Least part of the bins that must have been excited for the look to count.
const LEAST_EXCITED: f32 = 0.25;
/// A bin is excited when its power is above this part of the loudest's.
const EXCITED: f32 = 1e-5;

/// Reads the drift that is left from how the filter has turned since the last look.
pub(super) struct DriftEstimator {
    hop: usize,
    before: Vec<Complex32>,
    turned: Vec<Complex32>,
    excitation: Vec<f32>,
    has_before: bool,
    blocks: u32,
    active: u32,
    active_ever: u32,
    looks: u32,
}

impl DriftEstimator {
    pub(super) fn new(hop: usize, cells: usize) -> Self {
        Self {
            hop,
            before: vec![Complex32::default(); cells],
            turned: vec![Complex32::default(); hop + 1],
            excitation: vec![0.0; hop + 1],
            has_before: false,
            blocks: 0,
            active: 0,
            active_ever: 0,
            looks: 0,
        }
    }

    /// The filter was moved or replaced: what it was before says nothing.
    pub(super) fn forget(&mut self) {
        self.has_before = false;
        self.blocks = 0;
        self.active = 0;
        self.excitation.fill(0.0);
    }

    /// One block. Returns by how much to correct the clock, parts per million.
    ///
    /// * `far` - the far end's newest spectrum.
    /// * `is_active` - whether the far end is loud enough to teach.
    pub(super) fn step(
        &mut self,
        weights: &[Complex32],
        far: &[Complex32],
        is_active: bool,
    ) -> Option<f64> {
        self.active_ever = self.active_ever.saturating_add(is_active.into());
        if self.active_ever < START {
            return None;
        }
        self.blocks += 1;
        self.active += u32::from(is_active);
        for (sum, far) in self.excitation.iter_mut().zip(far) {
            *sum += far.norm_sqr();
        }
        if self.blocks < LOOK_EVERY {
            return None;
        }
        let counts = self.has_before && self.active * 2 > self.blocks && self.is_excited();
        let correction = if counts {
            Some(self.look(weights))
        } else {
            None
        };
        let blocks = std::mem::take(&mut self.blocks);
        debug_assert!(blocks >= LOOK_EVERY);
        self.before.copy_from_slice(weights);
        self.has_before = true;
        self.active = 0;
        self.excitation.fill(0.0);
        correction
    }

    /// A tone, or a hum, turns a few bins of the filter at will: only a wide sound tells the time.
    fn is_excited(&self) -> bool {
        let used = self.used();
        let loudest = self
            .excitation
            .iter()
            .fold(0.0_f32, |most, &power| most.max(power));
        let excited = self.excitation[used.clone()]
            .iter()
            .filter(|&&power| power > EXCITED * loudest)
            .count();
        excited as f32 >= LEAST_EXCITED * used.len() as f32
    }

    /// Bins that tell: not the lowest, which loudspeakers do not play, nor the highest.
    fn used(&self) -> std::ops::Range<usize> {
        // 200 Hz to 6 kHz, whatever the rate: a bin is 50 Hz wide.
        4..(self.hop * 3 / 4).min(120)
    }

    fn look(&mut self, weights: &[Complex32]) -> f64 {
        let bins = self.hop + 1;
        self.turned.fill(Complex32::default());
        for (now, before) in weights
            .chunks_exact(bins)
            .zip(self.before.chunks_exact(bins))
        {
            for ((turned, now), before) in self.turned.iter_mut().zip(now).zip(before) {
                *turned += now * before.conj();
            }
        }
        // The slope of the phase over frequency, by least squares; three rounds, each from where the last one ended.
        let mut delay = 0.0_f64;
        for _ in 0..3 {
            let (mut numerator, mut denominator) = (0.0_f64, 1e-12);
            for bin in self.used() {
                let frequency = std::f64::consts::PI * bin as f64 / self.hop as f64;
                let angle = (frequency * delay) as f32;
                let turned = self.turned[bin] * Complex32::new(angle.cos(), angle.sin());
                numerator -= frequency * f64::from(turned.im);
                let weight = turned.re.abs().max(0.3 * turned.norm());
                denominator += frequency * frequency * f64::from(weight);
            }
            delay += numerator / denominator;
        }
        let gain = GAIN / (1.0 + 0.02 * f64::from(self.looks)).min(3.0);
        self.looks = self.looks.saturating_add(1);
        let step = -gain * delay / (LOOK_EVERY as usize * self.hop) as f64 * 1e6;
        if step.is_finite() {
            step.clamp(-MOST_STEP_PPM, MOST_STEP_PPM)
        } else {
            0.0
        }
    }
}
