//! One size of real Fourier transform with its scratch memory.

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Transforms of `2 * hop` real samples to `hop + 1` bins and back.
pub(super) struct Fourier {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Complex32>,
    scale: f32,
}

impl Fourier {
    pub(super) fn new(hop: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (
            planner.plan_fft_forward(2 * hop),
            planner.plan_fft_inverse(2 * hop),
        );
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            forward,
            inverse,
            scratch: vec![Complex32::default(); scratch],
            scale: 1.0 / (2 * hop) as f32,
        }
    }

    /// To bins, unscaled. Destroys `time`.
    pub(super) fn forward(&mut self, time: &mut [f32], bins: &mut [Complex32]) {
        let length = self.forward.get_scratch_len();
        // Fails only for slices of a wrong length, and all of ours are made for this size.
        let done = self
            .forward
            .process_with_scratch(time, bins, &mut self.scratch[..length]);
        debug_assert!(done.is_ok());
    }

    /// Back to samples, scaled so that it undoes [`forward`](Self::forward). Destroys `bins`.
    pub(super) fn inverse(&mut self, bins: &mut [Complex32], time: &mut [f32]) {
        // The ends of a real signal's spectrum are real; rounding must not make them otherwise.
        if let Some(first) = bins.first_mut() {
            first.im = 0.0;
        }
        if let Some(last) = bins.last_mut() {
            last.im = 0.0;
        }
        let length = self.inverse.get_scratch_len();
        let done = self
            .inverse
            .process_with_scratch(bins, time, &mut self.scratch[..length]);
        debug_assert!(done.is_ok());
        time.iter_mut().for_each(|sample| *sample *= self.scale);
    }
}
