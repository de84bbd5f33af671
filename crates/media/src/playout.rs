//! The speaker: an adaptive jitter buffer in front of a sound device.
//!
//! ```text
//!   decode thread                                audio callback (no lock, no allocation)
//!   Player::push ──> Feed ──── ring of samples ────> Engine ──> volume ──> device
//!                     │ arrival model: base, jitter     │ speed ±1 %, fades, skips
//!                     └────────── atomics ──────────────┘──> clock, stats
//! ```
//!
//! *Base* is the smallest (arrival − media time) of the last ten seconds: how a sample travels at best.
//! A sample is heard at media time + base + *delay*, and the delay is the jitter seen (10 to 200 ms) plus the
//! device's latency, or what `Control::set_delay_target` asks for if that is more.
//!
//! [`buffer`] is the same without a device, for whoever brings a clock and takes the sound away.

mod engine;
mod feed;
#[cfg(feature = "audio")]
mod player;
mod shared;
#[cfg(feature = "audio")]
mod tap;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audio::Samples;
use crate::error::Result;
use engine::Engine;
use feed::Feed;
#[cfg(feature = "audio")]
pub use player::{Control, Device, MediaClock, Player, devices};
use shared::Shared;
pub use shared::Stats;
#[cfg(feature = "audio")]
pub use tap::Played;

/// A jitter buffer: what is pushed into the first comes out of the second at `rate` hertz, in time.
pub fn buffer(rate: u32) -> (Feeder, Renderer) {
    let shared = Arc::new(Shared::new(Instant::now()));
    let feed = Feed::new(shared.clone());
    let engine = Engine::new(shared.clone(), rate);
    (Feeder(feed), Renderer { engine, shared })
}

/// The side of a [`buffer`] that decodes.
pub struct Feeder(Feed);

impl Feeder {
    /// Hands over sound whose first sample has media time `pts_ms`, and which arrived at `now`. What finds no room
    /// is left out. Never blocks.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for samples without rate or channels.
    pub fn push(&mut self, samples: &Samples, pts_ms: i64, now: Instant) -> Result<()> {
        self.0.push(samples, pts_ms.saturating_mul(1000), now)
    }
}

/// The side of a [`buffer`] that plays.
pub struct Renderer {
    engine: Engine,
    shared: Arc<Shared>,
}

impl Renderer {
    /// Fills `out` with one channel; its first sample is heard `latency` after `now`. Neither locks nor allocates.
    pub fn render(&mut self, out: &mut [f32], now: Instant, latency: Duration) {
        let latency = i64::try_from(latency.as_micros()).unwrap_or(0);
        self.engine.render(out, 1, self.shared.us_at(now), latency);
    }

    /// The least delay from the earliest possible arrival of a sample to its sound.
    pub fn set_least_delay(&self, delay: Duration) {
        self.shared
            .set_floor_us(i64::try_from(delay.as_micros()).unwrap_or(0));
    }

    /// Media time that is audible at `at`, milliseconds; `None` while nothing plays.
    pub fn heard_ms(&self, at: Instant) -> Option<i64> {
        self.shared.media_time(at).map(|us| us.div_euclid(1000))
    }

    /// Figures of the moment.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_the_buffer_comes_out_in_time() {
        let (mut feeder, mut renderer) = buffer(48_000);
        renderer.set_least_delay(Duration::from_millis(20));
        let start = Instant::now();
        let tone = |from: usize, count: usize, rate: f32| -> Vec<f32> {
            let sample = |i: usize| (i as f32 / rate * 440.0 * std::f32::consts::TAU).sin() * 0.5;
            (from..from + count).map(sample).collect()
        };
        let (mut played, mut block) = (Vec::new(), [0.0; 480]);
        for i in 0..100u64 {
            let now = start + Duration::from_millis(10 * i);
            if i % 2 == 0 {
                let samples = Samples {
                    rate: 16_000,
                    channels: 1,
                    data: tone(160 * i as usize, 320, 16_000.0),
                };
                feeder
                    .push(&samples, 5_000 + 10 * i as i64, now)
                    .expect("valid");
            }
            renderer.render(&mut block, now, Duration::ZERO);
            played.extend_from_slice(&block);
        }
        let stats = renderer.stats();
        assert_eq!((stats.underruns, stats.playing), (0, true), "{stats:?}");
        assert!((19.0..60.0).contains(&stats.delay_ms), "{stats:?}");
        let heard = renderer
            .heard_ms(start + Duration::from_millis(1000))
            .expect("plays");
        assert!(
            (heard - 6_000 + stats.delay_ms as i64).abs() <= 12,
            "{heard} {stats:?}"
        );
        let late = &played[24_000..];
        let level = (late.iter().map(|s| s * s).sum::<f32>() / late.len() as f32).sqrt();
        assert!((level - 0.354).abs() < 0.01, "{level}");
    }
}
