//! The sim board's microphone: hears the chime or the room, on the wall clock's grid of samples.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lamp;
use super::room::Room;
use crate::board::{Block, Fault, Microphone};
use crate::clock::Clock;
use crate::defaults::{BLOCK, SAMPLE_RATE};

/// See the module's text.
pub(super) struct Ear {
    clock: Arc<Clock>,
    room: Option<Arc<Room>>,
    /// Number since 1970 of the next sample.
    next: i64,
}

/// A gap larger than this is left out rather than made up for, samples (half a second).
const GAP: i64 = SAMPLE_RATE as i64 / 2;

/// A sound card gives a block so long after its last sample. In the room it is also what the speaker's thread may be late by
/// without the microphone missing what it plays.
const LATENCY: Duration = Duration::from_millis(30);

impl Ear {
    /// Hears the chime, or what is in the room.
    pub(super) fn new(clock: Arc<Clock>, room: Option<Arc<Room>>) -> Self {
        let next = samples(clock.wall_us());
        Self { clock, room, next }
    }
}

impl Microphone for Ear {
    fn next(&mut self) -> Result<Block, Fault> {
        let behind = samples(self.clock.wall_us()) - self.next;
        if behind.abs() > GAP {
            self.next += behind;
        }
        let end = self.next + BLOCK as i64;
        let latency = self.room.as_ref().map_or(Duration::ZERO, |_| LATENCY);
        std::thread::sleep(
            (self.clock.instant_of(micros(end)) + latency)
                .saturating_duration_since(Instant::now()),
        );
        let block = Block {
            media_us: self.clock.media_us(micros(self.next)),
            samples: match &self.room {
                Some(room) => room.hear(self.next, BLOCK),
                None => lamp::sound(self.next, BLOCK),
            },
        };
        self.next = end;
        Ok(block)
    }
}

pub(super) fn samples(wall_us: i64) -> i64 {
    (i128::from(wall_us) * i128::from(SAMPLE_RATE) / 1_000_000) as i64
}

fn micros(samples: i64) -> i64 {
    (i128::from(samples) * 1_000_000 / i128::from(SAMPLE_RATE)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_each_other_in_real_time() {
        let clock = Arc::new(Clock::start());
        let mut chime = Ear::new(Arc::clone(&clock), None);
        let started = Instant::now();
        let first = chime.next().unwrap().media_us;
        let mut last = first;
        for _ in 0..20 {
            let block = chime.next().unwrap();
            assert!((5_323..=5_343).contains(&(block.media_us - last)));
            assert_eq!(block.samples.len(), BLOCK);
            last = block.media_us;
        }
        assert!(started.elapsed().as_millis() >= 106);
    }
}
