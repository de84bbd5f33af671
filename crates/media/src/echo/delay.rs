//! Where the echo begins, in whole hops: phase correlation of far end and microphone (Knapp & Carter 1976), smoothed.

use super::filter::FarSpectra;
use super::fourier::Fourier;
use realfft::num_complex::Complex32;

/// Hops that are searched: up to 650 ms.
const SEARCHED: usize = 65;
/// Bins that are looked at: 300 Hz to 3.5 kHz, where speech is and small loudspeakers play.
const BINS: std::ops::Range<usize> = 6..70;
/// Smoothing of the correlation: about one second of far end.
const STEP: f32 = 0.01;
/// Blocks between two looks for the peak.
const LOOK_EVERY: u32 = 10;
/// The peak must stand out over the mean of all lags by this.
const STANDS_OUT: f32 = 2.5;
/// Looks that must agree, give or take one hop.
const AGREE: u32 = 10;

/// Finds the bulk delay between the far end and its echo.
pub(super) struct DelayFinder {
    far: FarSpectra,
    fourier: Fourier,
    blocks: Vec<f32>,
    time: Vec<f32>,
    near: Vec<Complex32>,
    hop: usize,
    /// One row of bins a lag.
    correlation: Vec<Complex32>,
    power: Vec<f32>,
    count: u32,
    candidate: usize,
    agreed: u32,
}

impl DelayFinder {
    pub(super) fn new(hop: usize) -> Self {
        Self {
            far: FarSpectra::new(hop, &[SEARCHED]),
            fourier: Fourier::new(hop),
            blocks: vec![0.0; 2 * hop],
            time: vec![0.0; 2 * hop],
            near: vec![Complex32::default(); hop + 1],
            hop,
            correlation: vec![Complex32::default(); SEARCHED * BINS.len()],
            power: vec![0.0; SEARCHED],
            count: 0,
            candidate: 0,
            agreed: 0,
        }
    }

    /// One block. The hop in which most of the echo arrives, once it is sure; from then on at each look.
    pub(super) fn step(&mut self, far: &[f32], near: &[f32], is_active: bool) -> Option<usize> {
        self.far.push(0, far);
        self.blocks.copy_within(self.hop.., 0);
        self.blocks[self.hop..].copy_from_slice(near);
        if !is_active {
            return None;
        }
        self.time.copy_from_slice(&self.blocks);
        self.fourier.forward(&mut self.time, &mut self.near);
        let used = BINS.start..BINS.end.min(self.hop + 1);
        for near in &mut self.near[used.clone()] {
            *near *= 1.0 / near.norm().max(1e-9);
        }
        for (lag, row) in self.correlation.chunks_exact_mut(BINS.len()).enumerate() {
            let far = &self.far.at(lag)[used.clone()];
            for ((sum, near), far) in row.iter_mut().zip(&self.near[used.clone()]).zip(far) {
                let size = far.norm();
                let phase = if size > 1e-4 {
                    near * far.conj() * (1.0 / size)
                } else {
                    Complex32::default()
                };
                *sum += (phase - *sum) * STEP;
            }
        }
        self.count += 1;
        if self.count < LOOK_EVERY {
            return None;
        }
        self.count = 0;
        self.look()
    }

    fn look(&mut self) -> Option<usize> {
        for (power, row) in self
            .power
            .iter_mut()
            .zip(self.correlation.chunks_exact(BINS.len()))
        {
            *power = row.iter().map(Complex32::norm_sqr).sum();
        }
        let mean = self.power.iter().sum::<f32>() / SEARCHED as f32;
        let peak = (0..SEARCHED).max_by(|&a, &b| self.power[a].total_cmp(&self.power[b]))?;
        if self.power[peak] < STANDS_OUT * mean {
            self.agreed = 0;
            return None;
        }
        if peak.abs_diff(self.candidate) <= 1 {
            self.agreed = (self.agreed + 1).min(AGREE);
        } else {
            self.candidate = peak;
            self.agreed = 0;
        }
        (self.agreed >= AGREE).then_some(peak)
    }
}
