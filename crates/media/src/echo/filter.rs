//! The adaptive filter: partitioned blocks, one Kalman gain a bin (Enzner & Vary 2006; Kuech, Mabande & Enzner 2014).

use super::fourier::Fourier;
use realfft::num_complex::Complex32;

/// The spectra of the last blocks of what the filter works from: one or more inputs, each with partitions of its own, the
/// newest first. A row is a partition of an input; rows are counted through.
pub(super) struct FarSpectra {
    hop: usize,
    inputs: Vec<Input>,
    fourier: Fourier,
    time: Vec<f32>,
}

struct Input {
    /// Its first row, and how many.
    row: usize,
    partitions: usize,
    spectra: Vec<Complex32>,
    /// The slot of the newest.
    head: usize,
    /// The last two blocks.
    blocks: Vec<f32>,
}

impl FarSpectra {
    /// * `partitions` - of each input.
    pub(super) fn new(hop: usize, partitions: &[usize]) -> Self {
        let mut row = 0;
        let inputs = partitions.iter().map(|&partitions| {
            row += partitions;
            Input {
                row: row - partitions,
                partitions,
                spectra: vec![Complex32::default(); partitions * (hop + 1)],
                head: 0,
                blocks: vec![0.0; 2 * hop],
            }
        });
        Self {
            hop,
            inputs: inputs.collect(),
            fourier: Fourier::new(hop),
            time: vec![0.0; 2 * hop],
        }
    }

    /// The next block of an input.
    pub(super) fn push(&mut self, input: usize, block: &[f32]) {
        let (hop, bins) = (self.hop, self.hop + 1);
        let Some(input) = self.inputs.get_mut(input) else {
            return;
        };
        input.blocks.copy_within(hop.., 0);
        input.blocks[hop..].copy_from_slice(block);
        self.time.copy_from_slice(&input.blocks);
        input.head = (input.head + input.partitions - 1) % input.partitions;
        let slot = &mut input.spectra[input.head * bins..][..bins];
        self.fourier.forward(&mut self.time, slot);
    }

    /// The spectrum of a row's block and the one before it.
    pub(super) fn at(&self, row: usize) -> &[Complex32] {
        let bins = self.hop + 1;
        let input = self.inputs.iter().rfind(|input| input.row <= row);
        let Some(input) = input else { return &[] };
        let slot = (input.head + row - input.row) % input.partitions;
        &input.spectra[slot * bins..][..bins]
    }

    /// Forgets the newest blocks: the far end will be read that much later from now on.
    pub(super) fn take_back(&mut self, hops: usize) {
        let (hop, bins) = (self.hop, self.hop + 1);
        for input in &mut self.inputs {
            input.head = (input.head + hops) % input.partitions;
            // What slides in at the old end was forgotten long ago.
            for age in input.partitions.saturating_sub(hops)..input.partitions {
                let slot = (input.head + age) % input.partitions;
                input.spectra[slot * bins..][..bins].fill(Complex32::default());
            }
            // The block before the one that was newest is the last one again.
            input.blocks.copy_within(..hop, hop);
        }
    }

    /// The rows of each input.
    fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.inputs
            .iter()
            .map(|input| input.row..input.row + input.partitions)
    }
}

/// How a filter moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Motion {
    /// How well the echo path of one block predicts the next one's, below 1.
    pub(super) memory: f32,
    /// Whether partitions in which nothing was found so far may move as much as the mean of all.
    pub(super) everywhere: bool,
}

/// Smoothing of the near end's spectrum from block to block.
const NEAR_MEMORY: f32 = 0.7;
/// Smoothing of the weights' power, from which the echo path's wandering is drawn.
const POWER_STEP: f32 = 0.05;
/// First guess of the weights' variance, until microphone and far end were compared: it falls like a room's echo does, per second.
const DECAY: f32 = 8.0;
const LEVEL: f32 = 0.3;
/// Keeps divisions finite where there is neither far end nor near end, per bin and frame.
const QUIET: f32 = 1e-7;

/// Fall of what an echo path may have become, per partition away from what it was.
const NEAR_BY: f32 = 0.35;
/// What further inputs are expected to add to the echo, against the first.
const FURTHER: f32 = 0.1;

/// One adaptive filter.
pub(super) struct Filter {
    hop: usize,
    /// The rows of each input that this filter uses: those of [`FarSpectra`], or only the first ones.
    inputs: Vec<std::ops::Range<usize>>,
    rows: usize,
    /// `hop + 1` bins a row.
    weights: Vec<Complex32>,
    /// How strong an echo path may be at all.
    level: f32,
    /// Variance of each weight's error.
    variance: Vec<f32>,
    /// Smoothed power of each weight.
    power: Vec<f32>,
    /// Smoothed spectrum of what is not echo.
    near: Vec<f32>,
    /// Per bin: what the filter's error may leave of the echo, the gain's denominator, the mean power of weights.
    expected: Vec<f32>,
    inverse: Vec<f32>,
    mean_power: Vec<f32>,
    /// Strength of each row, while a change is dealt with.
    envelope: Vec<f32>,
    bins: Vec<Complex32>,
    time: Vec<f32>,
    /// Samples of the predicted echo, and what is left of the near end.
    echo: Vec<f32>,
    error: Vec<f32>,
    fourier: Fourier,
    /// The row whose constraint is due next.
    due: usize,
    /// Rows constrained a block.
    constrained: usize,
}

impl Filter {
    /// * `inputs` - how many of the far end's inputs it uses.
    /// * `constrained` - rows that are constrained each block.
    pub(super) fn new(far: &FarSpectra, inputs: usize, constrained: usize) -> Self {
        let hop = far.hop;
        let inputs: Vec<_> = far.rows().take(inputs).collect();
        let rows = inputs.last().map_or(0, |last| last.end);
        let cells = rows * (hop + 1);
        let mut filter = Self {
            level: LEVEL,
            hop,
            inputs,
            rows,
            weights: vec![Complex32::default(); cells],
            variance: vec![0.0; cells],
            power: vec![0.0; cells],
            near: vec![0.0; hop + 1],
            expected: vec![0.0; hop + 1],
            inverse: vec![0.0; hop + 1],
            mean_power: vec![0.0; hop + 1],
            envelope: Vec::with_capacity(rows),
            bins: vec![Complex32::default(); hop + 1],
            time: vec![0.0; 2 * hop],
            echo: vec![0.0; hop],
            error: vec![0.0; hop],
            fourier: Fourier::new(hop),
            due: 0,
            constrained: constrained.min(rows),
        };
        filter.reset();
        filter
    }

    /// Begins anew, knowing nothing.
    pub(super) fn reset(&mut self) {
        self.weights.fill(Complex32::default());
        self.power.fill(0.0);
        self.near.fill(1e-6);
        for input in 0..self.inputs.len() {
            for row in self.inputs[input].clone() {
                self.doubt(row);
            }
        }
    }

    /// How strong the echo path may be at all, as power against the far end: corrects the first guess of the variance.
    pub(super) fn expect(&mut self, level: f32) {
        let change = level / self.level;
        self.variance
            .iter_mut()
            .for_each(|variance| *variance *= change);
        self.level = level;
    }

    /// The first guess of a row's variance.
    fn doubt(&mut self, row: usize) {
        let bins = self.hop + 1;
        let input = self
            .inputs
            .iter()
            .rposition(|rows| rows.start <= row)
            .unwrap_or(0);
        let age = (row - self.inputs[input].start) as f32 * 0.01;
        let size = if input == 0 { 1.0 } else { FURTHER };
        let level = self.level * size;
        self.variance[row * bins..][..bins].fill(level * (-DECAY * age).exp());
    }

    /// Only a `part` of the echo path is as it was: that much of the weights stays, and anything near them may have become true.
    pub(super) fn rescale(&mut self, part: f32) {
        let bins = self.hop + 1;
        let doubt = (1.0 - part).powi(2).clamp(0.1, 1.0) * part.powi(2).max(1.0);
        for input in 0..self.inputs.len() {
            let rows = self.inputs[input].clone();
            // The strongest partition near by, less the farther it is; ahead of the echo's begin as well as behind it.
            self.envelope.clear();
            let power = &self.power;
            let strength =
                |row: usize| power[row * bins..][..bins].iter().sum::<f32>() / bins as f32;
            self.envelope.extend(rows.clone().map(strength));
            for row in rows.clone() {
                let at = row - rows.start;
                let near = self.envelope.iter().enumerate().map(|(other, strength)| {
                    strength * (-NEAR_BY * at.abs_diff(other) as f32).exp()
                });
                let near = near.fold(0.0, f32::max);
                for variance in &mut self.variance[row * bins..][..bins] {
                    *variance = variance.max(doubt * near);
                }
            }
        }
        self.weights.iter_mut().for_each(|weight| *weight *= part);
        self.power
            .iter_mut()
            .for_each(|power| *power *= part * part);
    }

    /// Takes over what another filter found, and is at least as unsure of it.
    pub(super) fn adopt(&mut self, other: &Filter) {
        let cells = other.weights.len().min(self.weights.len());
        self.weights[..cells].copy_from_slice(&other.weights[..cells]);
        self.power[..cells].copy_from_slice(&other.power[..cells]);
        for (own, other) in self.variance.iter_mut().zip(&other.variance) {
            *own = own.max(*other);
        }
    }

    /// The far end is read `hops` later from now on: the echo path is that much shorter.
    pub(super) fn shorten(&mut self, hops: usize) {
        let bins = self.hop + 1;
        for input in 0..self.inputs.len() {
            let rows = self.inputs[input].clone();
            let hops = hops.min(rows.len());
            let moved = (rows.start + hops) * bins..rows.end * bins;
            let to = rows.start * bins;
            self.weights.copy_within(moved.clone(), to);
            self.power.copy_within(moved.clone(), to);
            self.variance.copy_within(moved, to);
            for row in rows.end - hops..rows.end {
                self.weights[row * bins..][..bins].fill(Complex32::default());
                self.power[row * bins..][..bins].fill(0.0);
                self.doubt(row);
            }
        }
    }

    /// The first input's weights.
    pub(super) fn weights(&self) -> &[Complex32] {
        let rows = self.inputs.first().map_or(0, |rows| rows.end);
        &self.weights[..rows * (self.hop + 1)]
    }

    /// The echo as predicted in the last block, time domain.
    pub(super) fn echo(&self) -> &[f32] {
        &self.echo
    }

    /// What the last prediction left of the near end.
    pub(super) fn error(&self) -> &[f32] {
        &self.error
    }

    /// Power of the weights of one partition of the first input, relative to all; 0 when there are none.
    pub(super) fn share(&self, partition: usize) -> f32 {
        let bins = self.hop + 1;
        let all: f32 = self.weights().iter().map(Complex32::norm_sqr).sum();
        let row = &self.weights[partition * bins..][..bins];
        let own: f32 = row.iter().map(Complex32::norm_sqr).sum();
        if all > 0.0 { own / all } else { 0.0 }
    }

    pub(super) fn is_finite(&self) -> bool {
        let sum: f32 = self.weights.iter().map(Complex32::norm_sqr).sum();
        sum.is_finite() && self.error.iter().all(|sample| sample.is_finite())
    }

    /// Predicts the echo from the far end and sets [`echo`](Self::echo) and [`error`](Self::error).
    pub(super) fn predict(&mut self, far: &FarSpectra, near: &[f32]) {
        self.bins.fill(Complex32::default());
        for (at, row) in self.weights.chunks_exact(self.hop + 1).enumerate() {
            for ((sum, weight), far) in self.bins.iter_mut().zip(row).zip(far.at(at)) {
                *sum += far * weight;
            }
        }
        self.fourier.inverse(&mut self.bins, &mut self.time);
        self.echo.copy_from_slice(&self.time[self.hop..]);
        for ((error, near), echo) in self.error.iter_mut().zip(near).zip(&self.echo) {
            *error = near - echo;
        }
    }

    /// Learns from the last [`predict`](Self::predict).
    pub(super) fn learn(&mut self, far: &FarSpectra, motion: Motion) {
        let bins = self.hop + 1;
        self.time[..self.hop].fill(0.0);
        self.time[self.hop..].copy_from_slice(&self.error);
        self.fourier.forward(&mut self.time, &mut self.bins);
        self.expected.fill(0.0);
        for (at, row) in self.variance.chunks_exact(bins).enumerate() {
            for ((sum, variance), far) in self.expected.iter_mut().zip(row).zip(far.at(at)) {
                *sum += 0.5 * far.norm_sqr() * variance;
            }
        }
        let quiet = QUIET * 2.0 * self.hop as f32;
        for bin in 0..bins {
            let error = self.bins[bin].norm_sqr();
            self.near[bin] = NEAR_MEMORY * self.near[bin] + (1.0 - NEAR_MEMORY) * error;
            self.inverse[bin] = 1.0 / (self.expected[bin] + self.near[bin] + quiet);
        }
        self.mean_power.fill(0.0);
        if motion.everywhere {
            for row in self.power.chunks_exact(bins) {
                for (mean, power) in self.mean_power.iter_mut().zip(row) {
                    *mean += power / self.rows as f32;
                }
            }
        }
        let keep = motion.memory * motion.memory;
        for at in 0..self.rows {
            let cells = at * bins..(at + 1) * bins;
            let rows = self.weights[cells.clone()]
                .iter_mut()
                .zip(&mut self.variance[cells.clone()])
                .zip(&mut self.power[cells])
                .zip(far.at(at));
            let bin = self.bins.iter().zip(&self.inverse).zip(&self.mean_power);
            for ((((weight, variance), power), far), ((error, inverse), mean)) in rows.zip(bin) {
                let gain = *variance * inverse;
                *weight += far.conj() * error * gain;
                *power += POWER_STEP * (weight.norm_sqr() - *power);
                *variance = keep * (1.0 - 0.5 * gain * far.norm_sqr()).max(0.0) * *variance
                    + (1.0 - keep) * power.max(*mean);
            }
        }
        for _ in 0..self.constrained {
            self.constrain(self.due);
            self.due = (self.due + 1) % self.rows;
        }
    }

    /// A row's impulse response has `hop` samples: what circular convolution put behind them is taken away.
    fn constrain(&mut self, row: usize) {
        let bins = self.hop + 1;
        let row = &mut self.weights[row * bins..][..bins];
        self.bins.copy_from_slice(row);
        self.fourier.inverse(&mut self.bins, &mut self.time);
        self.time[self.hop..].fill(0.0);
        self.fourier.forward(&mut self.time, row);
    }
}
