//! Echo cancellation: the far end's voice, as the loudspeaker played it, is taken out of the microphone.
//!
//! ```text
//!  far ──> bulk delay, clock match ──> partitioned Kalman filter ──┐ echo estimate
//!             ^          │ drift            ^ copy   │             v
//!             │          └──── from the filter's rotation   near ─(-)──> residual suppressor ──> out
//!             └ where the echo begins   shadow filter
//! ```
//!
//! * The filter is a frequency-domain Kalman filter in blocks of 10 ms (Enzner & Vary 2006; partitioned: Kuech, Mabande &
//!   Enzner 2014). Its step falls by itself when the near end speaks: there is no double-talk detector and no freeze.
//! * Loudspeaker and microphone have clocks of their own. Their difference shows as a rotation of the filter (Pawig, Enzner &
//!   Vary 2010) and is taken out by resampling the far end.
//! * A second, more nervous filter runs beside the first and is copied over when it does clearly better: that heals a changed
//!   echo path within about a second, also in double talk (two-path model, Ochiai 1977).
//! * Sound that a device lost or said twice moves the whole echo: it is found where it went, and followed at once.
//! * What remains is lowered towards the noise floor, hardly at all while the near end speaks.
//!
//! Nothing here allocates or locks after [`canceller`], so it may run in an audio callback.

mod change;
mod delay;
mod drift;
mod filter;
mod fourier;
mod linear;
mod suppressor;

use linear::Linear;
use std::time::Duration;
use suppressor::Suppressor;

/// Hops a second: everything works in blocks of 10 ms.
const HOPS_PER_SECOND: usize = 100;
/// The microphone's converter is at its end from here on.
const CLIPPED: f32 = 0.985;
/// Louder input than this is not sound but an error: 12 dB over full scale.
const LOUDEST: f32 = 4.0;

/// Part of a hop by which the microphone waits for the far end: matching the clocks takes a little longer than a half, and an echo
/// that came at once would else be there before its cause.
const HELD: (usize, usize) = (5, 8);

/// Somebody speaks at this end when [`Health::near_presence`] is above this.
const PRESENT: f32 = 0.5;
/// Whoever knows what will be heard gives it this much early as the far end, so that no error of a device's clock puts an echo
/// before its cause. Devices are given their sound longer than that before it is heard.
pub const EARLY: Duration = Duration::from_millis(10);

/// Takes the far end out of the microphone's signal.
pub trait EchoCanceller: Send {
    /// Frames a call takes: 10 ms, mono.
    fn frame_len(&self) -> usize;

    /// One block. `far` is what went to the loudspeaker, `near` what the microphone heard meanwhile, `out` the near end
    /// without echo, [`delay`](Self::delay) frames later. Samples are −1..1; each slice holds
    /// [`frame_len`](Self::frame_len) of them: what is missing counts as silence, what is too much is left out.
    fn process(&mut self, far: &[f32], near: &[f32], out: &mut [f32]);

    /// Frames by which `out` is later than `near`.
    fn delay(&self) -> usize;

    /// How well it goes.
    fn health(&self) -> Health;

    /// What is known of this pair of devices, to start with next time.
    fn learnt(&self) -> Learnt;
}

/// How well the cancellation goes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Health {
    /// How much of the echo the filter alone takes away, dB, while only the far end speaks; 0 until known.
    pub echo_return_loss_db: f32,
    /// From the far end's block to its echo, milliseconds; `None` until it is found.
    pub echo_delay_ms: Option<f32>,
    /// How much faster the loudspeaker's clock runs than the microphone's, parts per million.
    pub drift_ppm: f32,
    /// Whether somebody speaks at this end, 0 to 1.
    pub near_presence: f32,
    /// Share of blocks of the last seconds in which the microphone was overdriven, 0 to 1.
    pub clipping: f32,
    /// How often the filter had to be begun anew because its numbers were spoilt.
    pub restarts: u32,
}

/// What a pair of devices does to sound, kept from one talk to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Learnt {
    /// The loudspeaker's clock against the microphone's, parts per million.
    pub drift_ppm: f64,
}

/// Why there is no canceller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsupportedRate(
    /// The rate asked for, hertz.
    pub u32,
);

impl std::fmt::Display for UnsupportedRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "echo cancellation works at 8000 to 48000 Hz in steps of 100 Hz, not at {} Hz: resample to 16000 or 48000 Hz",
            self.0
        )
    }
}

impl std::error::Error for UnsupportedRate {}

/// The canceller for a sample rate in hertz: 16000 and 48000 are what talk uses.
///
/// # Errors
/// [`UnsupportedRate`] below 8000, above 48000, or where 10 ms are no whole number of frames.
pub fn canceller(rate: u32) -> Result<Box<Canceller>, UnsupportedRate> {
    with_learnt(rate, Learnt::default())
}

/// The same, beginning with what is known of this pair of devices.
///
/// # Errors
/// Those of [`canceller`].
pub fn with_learnt(rate: u32, learnt: Learnt) -> Result<Box<Canceller>, UnsupportedRate> {
    if !(8000..=48_000).contains(&rate) || !(rate as usize).is_multiple_of(HOPS_PER_SECOND) {
        return Err(UnsupportedRate(rate));
    }
    let hop = rate as usize / HOPS_PER_SECOND;
    let held = hop * HELD.0 / HELD.1;
    Ok(Box::new(Canceller {
        linear: Linear::new(hop, learnt.drift_ppm),
        suppressor: Suppressor::new(hop),
        far: vec![0.0; hop],
        near: vec![0.0; held + hop],
        held,
        error: vec![0.0; hop],
        clipping: 0.0,
        hop,
    }))
}

/// [`EchoCanceller`] by a partitioned frequency-domain Kalman filter; see the module's text.
pub struct Canceller {
    hop: usize,
    linear: Linear,
    suppressor: Suppressor,
    /// The input, repaired.
    far: Vec<f32>,
    /// The microphone's last block, and what is held back behind it.
    near: Vec<f32>,
    /// Frames held back.
    held: usize,
    /// What the filter leaves of the block that `near` begins with.
    error: Vec<f32>,
    clipping: f32,
}

impl Canceller {
    /// Lowers steady noise as well, by at most 8 dB: costs no further delay.
    #[must_use]
    pub fn lower_noise(mut self: Box<Self>) -> Box<Self> {
        self.suppressor.lower_noise();
        self
    }

    /// Whether somebody speaks at this end: what [`Health::near_presence`] says, without the work of finding the rest.
    pub fn near_speaks(&self) -> bool {
        self.suppressor.near_presence() > PRESENT
    }

    /// The last block as the filter alone left it, without the suppressor and its delay of a block: for benches.
    pub fn linear(&self) -> &[f32] {
        &self.error
    }

    /// Frames by which [`linear`](Self::linear) is later than the microphone.
    pub fn linear_delay(&self) -> usize {
        self.held
    }
}

impl EchoCanceller for Canceller {
    fn frame_len(&self) -> usize {
        self.hop
    }

    fn process(&mut self, far: &[f32], near: &[f32], out: &mut [f32]) {
        repair(far, &mut self.far);
        self.near.copy_within(self.hop.., 0);
        repair(near, &mut self.near[self.held..]);
        let near = &self.near[..self.hop];
        let clipped = near.iter().any(|sample| sample.abs() >= CLIPPED);
        self.clipping += 0.005 * (f32::from(u8::from(clipped)) - self.clipping);
        self.linear
            .process(&self.far, near, clipped, &mut self.error);
        let cleaned =
            self.suppressor
                .process(&self.error, self.linear.echo(), self.linear.far_is_active());
        for (to, from) in out.iter_mut().zip(cleaned) {
            *to = from.clamp(-1.0, 1.0);
        }
    }

    fn delay(&self) -> usize {
        self.held + self.hop
    }

    fn health(&self) -> Health {
        let health = self.linear.health();
        let held = self.held as f32 * 10.0 / self.hop as f32;
        Health {
            near_presence: self.suppressor.near_presence(),
            clipping: self.clipping,
            echo_delay_ms: health.echo_delay_ms.map(|ms| (ms - held).max(0.0)),
            ..health
        }
    }

    fn learnt(&self) -> Learnt {
        Learnt {
            drift_ppm: self.linear.drift_ppm(),
        }
    }
}

/// Copies a block; what is no number becomes silence, what is far too loud is cut.
fn repair(from: &[f32], to: &mut [f32]) {
    to.fill(0.0);
    for (to, from) in to.iter_mut().zip(from) {
        if from.is_finite() {
            *to = from.clamp(-LOUDEST, LOUDEST);
        }
    }
}

#[cfg(test)]
mod tests;
