//! What a player has played, for echo cancellers: a ring of atomics that the callback fills.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Samples in the ring: 1.3 s at 48 kHz.
const SAMPLES: usize = 1 << 16;

pub(super) struct Tap {
    epoch: Instant,
    rate: u32,
    ring: Box<[AtomicU32]>,
    /// Samples written since the start.
    head: AtomicU64,
    /// When the sample before `head` has been heard, local time in microseconds.
    end_us: AtomicI64,
}

impl Tap {
    pub(super) fn new(epoch: Instant, rate: u32) -> Self {
        Self {
            epoch,
            rate: rate.max(1),
            ring: (0..SAMPLES).map(|_| AtomicU32::new(0)).collect(),
            head: AtomicU64::new(0),
            end_us: AtomicI64::new(0),
        }
    }

    /// The callback: frames of `channels`, the first of which is heard at `at_us`.
    pub(super) fn write(&self, frames: &[f32], channels: usize, at_us: i64) {
        let head = self.head.load(Ordering::Relaxed);
        let mut next = head;
        for frame in frames.chunks_exact(channels.max(1)) {
            let mono = frame.iter().sum::<f32>() / frame.len() as f32;
            self.ring[next as usize % SAMPLES].store(mono.to_bits(), Ordering::Relaxed);
            next += 1;
        }
        let length_us = (next - head) as i64 * 1_000_000 / i64::from(self.rate);
        self.end_us.store(at_us + length_us, Ordering::Relaxed);
        self.head.store(next, Ordering::Release);
    }
}

/// Follows what a player plays, from now on.
pub struct Played {
    tap: Arc<Tap>,
    next: u64,
}

impl Played {
    pub(super) fn new(tap: Arc<Tap>) -> Self {
        let next = tap.head.load(Ordering::Acquire);
        Self { tap, next }
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.tap.rate
    }

    /// Appends one channel of what the device was given since the last call, at most the last second; answers when the
    /// first of these samples is audible. `None` if there is nothing new.
    pub fn take(&mut self, out: &mut Vec<f32>) -> Option<Instant> {
        let head = self.tap.head.load(Ordering::Acquire);
        let end_us = self.tap.end_us.load(Ordering::Relaxed);
        // Half of the ring may be written anew while it is read.
        let first = self.next.max(head.saturating_sub(SAMPLES as u64 / 2));
        if first >= head {
            return None;
        }
        for index in first..head {
            let bits = self.tap.ring[index as usize % SAMPLES].load(Ordering::Relaxed);
            out.push(f32::from_bits(bits));
        }
        self.next = head;
        let length_us = (head - first) as i64 * 1_000_000 / i64::from(self.tap.rate);
        let first_us = u64::try_from(end_us - length_us).unwrap_or(0);
        Some(self.tap.epoch + Duration::from_micros(first_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_played_is_read_once_with_its_time() {
        let epoch = Instant::now();
        let tap = Arc::new(Tap::new(epoch, 48_000));
        let mut played = Played::new(tap.clone());
        let mut out = Vec::new();
        assert_eq!(played.take(&mut out), None);
        tap.write(&[0.5, 0.1, -0.2, -0.4], 2, 20_000);
        tap.write(&[0.0; 960], 2, 20_042);
        assert_eq!(
            played.take(&mut out).map(|at| at - epoch),
            Some(Duration::from_micros(20_001))
        );
        assert_eq!((out.len(), out[0], out[1]), (482, 0.3, -0.3));
        assert_eq!(played.take(&mut out), None);
        // Whoever does not read for long gets the end.
        for i in 0..200 {
            tap.write(&[0.25; 480], 1, 30_000 + i * 10_000);
        }
        out.clear();
        played.take(&mut out);
        assert_eq!(out.len(), SAMPLES / 2);
    }
}
