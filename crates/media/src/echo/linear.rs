//! The linear part: far end on the microphone's clock, the filter, its shadow, and the guards around them.

use super::Health;
use super::change::{Change, ChangeFinder};
use super::delay::DelayFinder;
use super::drift::{DriftEstimator, FarClock};
use super::filter::{FarSpectra, Filter, Motion};

/// Blocks of echo path that the filter holds: 400 ms.
const PARTITIONS: usize = 40;
/// The same for what a small loudspeaker adds when it is driven hard: the part of the far end's cube that its straight image
/// does not hold.
const CUBIC_PARTITIONS: usize = 24;
/// The cube's level: full scale speech makes it as strong as the straight image.
const CUBIC_LEVEL: f32 = 10.0;
/// Smoothing of the far end's moments: about 10 s.
const MOMENT_STEP: f32 = 0.001;
/// The echo's peak stays in these partitions; when it leaves them, the far end is delayed by more or fewer hops.
const PEAK_MAY_BE: std::ops::Range<isize> = 0..24;
/// Where the peak is put then.
const PEAK_GOES_TO: isize = 6;
/// A partition with less of the filter's power is empty.
const EMPTY: f32 = 1e-3;

/// How fast the echo path is thought to change: while all is well, and after a start or a change.
const STEADY: f32 = 0.9998;
const EAGER: f32 = 0.995;
/// Blocks with far end for which the filter stays eager: 3 s.
const EAGER_BLOCKS: u32 = 300;
/// Blocks with far end in which the strength of the echo path is guessed from how loud the microphone is: 1 s.
const YOUNG_BLOCKS: u32 = 100;
/// The least and the greatest power of an echo path against the far end that is guessed.
const GUESSED: (f32, f32) = (0.1, 3.0);
/// The shadow's.
const SHADOW: Motion = Motion {
    memory: 0.99,
    everywhere: true,
};
/// The shadow is copied when its error's energy stays below this part of the filter's …
const SHADOW_IS_BETTER: f32 = 0.7;
/// … for so many blocks.
const SHADOW_BLOCKS: u32 = 10;
/// The filter must take away this much, dB, before its turning says anything about clocks: without an echo it turns at will.
const TELLING_DB: f32 = 3.0;
/// Smoothing of the errors' energies: 160 ms.
const ENERGY_STEP: f32 = 1.0 / 16.0;

/// Mean square above which the far end teaches: −60 dB.
const ACTIVE: f32 = 1e-6;
/// The filter's error may be this much stronger than the microphone's signal …
const SPOILT: f32 = 4.0;
/// … for so many blocks, before the filter is begun anew.
const SPOILT_BLOCKS: u32 = 100;

pub(super) struct Linear {
    hop: usize,
    clock: FarClock,
    spectra: FarSpectra,
    filter: Filter,
    shadow: Filter,
    drift: DriftEstimator,
    finder: DelayFinder,
    change: ChangeFinder,
    block: Vec<f32>,
    cubic: Vec<f32>,
    /// Mean square and mean fourth power of the far end.
    moments: (f32, f32),
    /// Blocks with far end in the last 400 ms, one bit each.
    recent: u64,
    eager: u32,
    /// Smoothed energies: the microphone, and what filter and shadow leave of it before they learn from it.
    near_energy: f32,
    error_energy: f32,
    shadow_energy: f32,
    better: u32,
    spoilt: u32,
    restarts: u32,
    loss: f32,
    /// Blocks with far end for which the filter is young still.
    young: u32,
    /// Far end and microphone while it is: sums of mean squares.
    levels: (f32, f32),
}

impl Linear {
    pub(super) fn new(hop: usize, drift_ppm: f64) -> Self {
        let spectra = FarSpectra::new(hop, &[PARTITIONS, CUBIC_PARTITIONS]);
        Self {
            hop,
            clock: FarClock::new(hop, drift_ppm),
            filter: Filter::new(&spectra, 2, PARTITIONS + CUBIC_PARTITIONS),
            shadow: Filter::new(&spectra, 1, PARTITIONS / 4),
            spectra,
            drift: DriftEstimator::new(hop, PARTITIONS * (hop + 1)),
            finder: DelayFinder::new(hop),
            change: ChangeFinder::new(hop),
            block: vec![0.0; hop],
            cubic: vec![0.0; hop],
            moments: (0.0, 0.0),
            recent: 0,
            eager: EAGER_BLOCKS,
            near_energy: 0.0,
            error_energy: 0.0,
            shadow_energy: 0.0,
            better: 0,
            spoilt: 0,
            restarts: 0,
            young: YOUNG_BLOCKS,
            levels: (0.0, 0.0),
            loss: 0.0,
        }
    }

    /// One block of far end and microphone; `error` is the microphone without the echo that the filter knows.
    pub(super) fn process(&mut self, far: &[f32], near: &[f32], clipped: bool, error: &mut [f32]) {
        self.clock.push(far);
        if self.clock.is_at_the_end() && self.filter.share(0) < EMPTY {
            self.clock.set_back(1);
            self.spectra.take_back(1);
            self.shift(1);
        }
        self.read(0);
        let is_active = mean_square(&self.block) > ACTIVE;
        self.recent = (self.recent << 1 | u64::from(is_active)) & ((1 << PARTITIONS) - 1);
        self.eager = self.eager.saturating_sub(is_active.into());

        if is_active && self.young > 0 {
            self.guess(near);
        }
        self.filter.predict(&self.spectra, near);
        let prior = mean_square(self.filter.error());
        let change = if self.far_is_active() && !clipped {
            self.change.step(near, self.filter.echo())
        } else {
            None
        };
        self.shadow.predict(&self.spectra, near);
        let shadow = mean_square(self.shadow.error());
        // An overdriven block is no linear picture of anything; without far end there is nothing to learn.
        if self.far_is_active() && !clipped {
            let memory = if self.eager > 0 { EAGER } else { STEADY };
            let everywhere = false;
            self.filter
                .learn(&self.spectra, Motion { memory, everywhere });
            self.filter.predict(&self.spectra, near);
            self.shadow.learn(&self.spectra, SHADOW);
        }
        error.copy_from_slice(self.filter.error());
        self.watch(near, prior, shadow, error);
        let teaches = is_active && !clipped && self.loss > TELLING_DB;
        let look = self
            .drift
            .step(self.filter.weights(), self.spectra.at(0), teaches);
        if let Some(ppm) = look {
            self.clock.correct(ppm);
        }
        if let Some(change) = change {
            self.adapt(change);
        }
        if let Some(peak) = self.finder.step(far, near, self.far_is_active()) {
            self.follow(peak);
        }
    }

    /// Reads a block of the far end and hands it to the filters, straight and cubed.
    fn read(&mut self, ago: usize) {
        self.clock.read(ago, &mut self.block);
        self.spectra.push(0, &self.block);
        let square = mean_square(&self.block);
        if square > ACTIVE {
            let fourth = self.block.iter().map(|x| x.powi(4)).sum::<f32>() / self.hop as f32;
            self.moments.0 += MOMENT_STEP * (square - self.moments.0);
            self.moments.1 += MOMENT_STEP * (fourth - self.moments.1);
        }
        // Without its straight part, so that the two inputs do not compete.
        let straight = self.moments.1 / self.moments.0.max(1e-9);
        for (cubic, x) in self.cubic.iter_mut().zip(&self.block) {
            *cubic = CUBIC_LEVEL * (x.powi(3) - straight * x);
        }
        self.spectra.push(1, &self.cubic);
    }

    /// The filter's idea of the echo in the last block.
    pub(super) fn echo(&self) -> &[f32] {
        self.filter.echo()
    }

    /// Whether the far end was loud enough to be heard within the filter's 400 ms.
    pub(super) fn far_is_active(&self) -> bool {
        self.recent != 0
    }

    pub(super) fn drift_ppm(&self) -> f64 {
        self.clock.ppm()
    }

    pub(super) fn health(&self) -> Health {
        let peak = (0..PARTITIONS)
            .map(|partition| self.filter.share(partition))
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|&(_, share)| share > 0.0);
        let frames = |partition: usize| partition as f64 * self.hop as f64 + self.clock.delay();
        let ms = 10.0 / self.hop as f64;
        Health {
            echo_return_loss_db: self.loss,
            echo_delay_ms: peak.map(|(partition, _)| (frames(partition) * ms) as f32),
            drift_ppm: self.clock.ppm() as f32,
            restarts: self.restarts,
            ..Health::default()
        }
    }

    /// Compares filter and shadow, and both with doing nothing.
    fn watch(&mut self, near: &[f32], prior: f32, shadow: f32, error: &mut [f32]) {
        let heard = mean_square(near);
        for (smooth, now) in [
            (&mut self.near_energy, heard),
            (&mut self.error_energy, prior),
            (&mut self.shadow_energy, shadow),
        ] {
            *smooth += ENERGY_STEP * (now - *smooth);
        }
        let is_better =
            self.shadow_energy < SHADOW_IS_BETTER * self.error_energy && !self.change.is_looking();
        self.better = if is_better { self.better + 1 } else { 0 };
        if self.better >= SHADOW_BLOCKS {
            self.filter.adopt(&self.shadow);
            self.drift.forget();
            self.better = 0;
            self.error_energy = self.shadow_energy;
            self.eager = EAGER_BLOCKS;
        }
        let is_worse = self.error_energy > SPOILT * self.near_energy + 1e-7;
        self.spoilt = if is_worse { self.spoilt + 1 } else { 0 };
        if self.spoilt >= SPOILT_BLOCKS || !self.filter.is_finite() || !self.shadow.is_finite() {
            self.restart();
            error.copy_from_slice(near);
        }
        if self.far_is_active() && heard > 1e-9 {
            let loss = 10.0
                * (self.near_energy / self.error_energy.max(1e-12))
                    .max(1e-3)
                    .log10();
            // Double talk makes it look worse than it is: it rises quickly and falls slowly.
            self.loss += if loss > self.loss { 0.1 } else { 0.002 } * (loss - self.loss);
        }
    }

    /// While the filter is young: how strong an echo path may be is drawn from how loud the microphone is.
    fn guess(&mut self, near: &[f32]) {
        self.young -= 1;
        self.levels.0 += mean_square(&self.block);
        self.levels.1 += mean_square(near);
        let level = (self.levels.1 / self.levels.0.max(1e-9)).clamp(GUESSED.0, GUESSED.1);
        self.filter.expect(level);
        self.shadow.expect(level);
    }

    /// The echo path changed at once.
    fn adapt(&mut self, change: Change) {
        match change {
            Change::Slipped(samples) if self.clock.slip(samples) => {
                for ago in (0..PARTITIONS).rev() {
                    self.read(ago);
                }
            }
            Change::Slipped(_) => self.filter.rescale(0.0),
            Change::Scaled(part) => self.filter.rescale(part),
        }
        self.shadow.adopt(&self.filter);
        self.drift.forget();
        self.better = 0;
        self.error_energy = self.near_energy;
        self.shadow_energy = self.near_energy;
        self.eager = EAGER_BLOCKS;
    }

    fn restart(&mut self) {
        self.change.forget();
        self.filter.reset();
        self.shadow.reset();
        self.drift.forget();
        self.eager = EAGER_BLOCKS;
        self.spoilt = 0;
        self.better = 0;
        self.error_energy = self.near_energy;
        self.shadow_energy = self.near_energy;
        self.restarts = self.restarts.saturating_add(1);
    }

    /// The echo's peak comes `peak` hops after the far end: keeps it where the filter has room before and behind it.
    fn follow(&mut self, peak: usize) {
        let delay = (self.clock.delay() / self.hop as f64).round() as isize;
        let place = peak as isize - delay;
        if PEAK_MAY_BE.contains(&place) {
            return;
        }
        if place > PEAK_GOES_TO {
            let hops = place - PEAK_GOES_TO;
            self.clock.set_back(hops);
            self.spectra.take_back(hops.unsigned_abs());
            self.shift(hops.unsigned_abs());
            return;
        }
        let hops = (PEAK_GOES_TO - place).unsigned_abs().min(self.clock.room());
        if hops > 0 {
            self.clock.set_back(-(hops as isize));
            for ago in (1..=hops).rev() {
                self.read(ago);
            }
            self.restart();
        }
    }

    /// The echo path became shorter by so many hops.
    fn shift(&mut self, hops: usize) {
        self.filter.shorten(hops);
        self.shadow.shorten(hops);
        self.drift.forget();
        self.change.forget();
        self.eager = EAGER_BLOCKS.max(self.eager);
    }
}

fn mean_square(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}
