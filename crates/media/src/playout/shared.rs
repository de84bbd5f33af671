//! What the decode thread and the audio callback share: a ring of samples, a ring of time marks, and
//! single values. All atomics, no lock, nothing allocated after the start.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

/// Frames in the ring: 1.3 s at 48 kHz.
pub(super) const FRAMES: usize = 1 << 16;
/// Time marks in the ring: one a push, the shortest usual push is 10 ms.
const MARKS: usize = 256;
/// "Not known".
const NONE: i64 = i64::MIN;

/// Figures of a player.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// Sound waiting in the buffer, milliseconds.
    pub buffered_ms: f64,
    /// From the earliest possible arrival to the ear, milliseconds, as it is now.
    pub delay_ms: f64,
    /// What the delay is steered to, milliseconds.
    pub target_ms: f64,
    /// Spread of arrival times, milliseconds.
    pub jitter_ms: f64,
    /// The part of the delay that the device takes, milliseconds.
    pub device_ms: f64,
    /// Playing speed against the nominal one, parts per million.
    pub speed_ppm: f64,
    /// How often the sound ran out while it played.
    pub underruns: u64,
    /// Sound left out to catch up or because the buffer was full, milliseconds.
    pub skipped_ms: f64,
    /// Whether something is being played now.
    pub playing: bool,
}

/// From here on the samples have this time and rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Index of the first frame since the start.
    pub(super) index: u64,
    /// Its media time, microseconds.
    pub(super) pts: i64,
    /// Hertz.
    pub(super) rate: u32,
    /// Forget everything before.
    pub(super) flush: bool,
}

#[derive(Default)]
struct MarkSlot {
    index: AtomicU64,
    pts: AtomicI64,
    /// Rate, and the flush flag in bit 31.
    rate: AtomicU32,
}

pub(super) struct Shared {
    epoch: Instant,
    /// One stereo frame a slot, two `f32` in 64 bits.
    ring: Box<[AtomicU64]>,
    /// Frames written and frames no longer needed, since the start.
    head: AtomicU64,
    tail: AtomicU64,
    marks: Box<[MarkSlot]>,
    marks_head: AtomicU64,
    marks_tail: AtomicU64,
    // Feed to engine.
    base_us: AtomicI64,
    jitter_us: AtomicI64,
    buffer_us: AtomicI64,
    // Anyone to engine.
    floor_us: AtomicI64,
    volume: AtomicU32,
    muted: AtomicBool,
    // Engine to anyone.
    clock_us: AtomicI64,
    delay_us: AtomicI64,
    target_us: AtomicI64,
    device_us: AtomicI64,
    speed_ppm: AtomicI64,
    rate: AtomicU32,
    underruns: AtomicU64,
    skipped_us: AtomicU64,
    called_us: AtomicI64,
}

impl Shared {
    /// `epoch`: zero of all local times.
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            ring: (0..FRAMES).map(|_| AtomicU64::new(0)).collect(),
            head: AtomicU64::new(0),
            tail: AtomicU64::new(0),
            marks: (0..MARKS).map(|_| MarkSlot::default()).collect(),
            marks_head: AtomicU64::new(0),
            marks_tail: AtomicU64::new(0),
            base_us: AtomicI64::new(NONE),
            jitter_us: AtomicI64::new(0),
            buffer_us: AtomicI64::new(0),
            floor_us: AtomicI64::new(0),
            volume: AtomicU32::new(1f32.to_bits()),
            muted: AtomicBool::new(false),
            clock_us: AtomicI64::new(NONE),
            delay_us: AtomicI64::new(0),
            target_us: AtomicI64::new(0),
            device_us: AtomicI64::new(0),
            speed_ppm: AtomicI64::new(0),
            rate: AtomicU32::new(0),
            underruns: AtomicU64::new(0),
            skipped_us: AtomicU64::new(0),
            called_us: AtomicI64::new(NONE),
        }
    }

    pub(super) fn us_at(&self, at: Instant) -> i64 {
        match at.checked_duration_since(self.epoch) {
            Some(after) => after.as_micros() as i64,
            None => -(self.epoch.duration_since(at).as_micros() as i64),
        }
    }

    #[cfg(feature = "audio")]
    pub(super) fn now_us(&self) -> i64 {
        self.us_at(Instant::now())
    }

    // The ring. One writer, one reader.

    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Frames that fit now.
    pub(super) fn room(&self) -> usize {
        let used = self
            .head
            .load(Ordering::Relaxed)
            .saturating_sub(self.tail.load(Ordering::Acquire));
        FRAMES - (used as usize).min(FRAMES)
    }

    /// Writer: stores a frame without showing it yet.
    pub(super) fn put(&self, index: u64, frame: [f32; 2]) {
        let bits = u64::from(frame[0].to_bits()) << 32 | u64::from(frame[1].to_bits());
        self.ring[index as usize % FRAMES].store(bits, Ordering::Relaxed);
    }

    /// Writer: shows every frame below `head`.
    pub(super) fn publish(&self, head: u64) {
        self.head.store(head, Ordering::Release);
    }

    /// Reader: a frame between its tail and the head.
    #[inline]
    pub(super) fn frame(&self, index: u64) -> [f32; 2] {
        let bits = self.ring[index as usize % FRAMES].load(Ordering::Relaxed);
        [
            f32::from_bits((bits >> 32) as u32),
            f32::from_bits(bits as u32),
        ]
    }

    /// Reader: frames below `tail` may be overwritten.
    pub(super) fn release(&self, tail: u64) {
        self.tail.store(tail, Ordering::Release);
    }

    /// Writer: adds a mark, before its frames are published. False if there is no room.
    pub(super) fn put_mark(&self, mark: Mark) -> bool {
        let head = self.marks_head.load(Ordering::Relaxed);
        if head - self.marks_tail.load(Ordering::Acquire) >= MARKS as u64 {
            return false;
        }
        let slot = &self.marks[head as usize % MARKS];
        slot.index.store(mark.index, Ordering::Relaxed);
        slot.pts.store(mark.pts, Ordering::Relaxed);
        slot.rate
            .store(mark.rate | u32::from(mark.flush) << 31, Ordering::Relaxed);
        self.marks_head.store(head + 1, Ordering::Release);
        true
    }

    /// Reader: the oldest mark.
    pub(super) fn peek_mark(&self) -> Option<Mark> {
        let tail = self.marks_tail.load(Ordering::Relaxed);
        if tail == self.marks_head.load(Ordering::Acquire) {
            return None;
        }
        let slot = &self.marks[tail as usize % MARKS];
        let rate = slot.rate.load(Ordering::Relaxed);
        Some(Mark {
            index: slot.index.load(Ordering::Relaxed),
            pts: slot.pts.load(Ordering::Relaxed),
            rate: rate & !(1 << 31),
            flush: rate >> 31 == 1,
        })
    }

    /// Reader: drops the oldest mark.
    pub(super) fn pop_mark(&self) {
        let tail = self.marks_tail.load(Ordering::Relaxed);
        if tail < self.marks_head.load(Ordering::Acquire) {
            self.marks_tail.store(tail + 1, Ordering::Release);
        }
    }

    // Values.

    /// `base`: earliest arrival − media time; `jitter`: spread; `buffer`: what the spread asks for. All µs.
    pub(super) fn set_arrival(&self, base: i64, jitter: i64, buffer: i64) {
        self.base_us.store(base, Ordering::Relaxed);
        self.jitter_us.store(jitter, Ordering::Relaxed);
        self.buffer_us.store(buffer, Ordering::Relaxed);
    }

    pub(super) fn base_us(&self) -> Option<i64> {
        known(self.base_us.load(Ordering::Relaxed))
    }

    pub(super) fn buffer_us(&self) -> i64 {
        self.buffer_us.load(Ordering::Relaxed)
    }

    pub(super) fn floor_us(&self) -> i64 {
        self.floor_us.load(Ordering::Relaxed)
    }

    pub(super) fn set_floor_us(&self, us: i64) {
        self.floor_us.store(us, Ordering::Relaxed);
    }

    #[cfg(feature = "audio")]
    pub(super) fn set_volume(&self, volume: f32) {
        let volume = if volume.is_finite() {
            volume.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.volume.store(volume.to_bits(), Ordering::Relaxed);
    }

    #[cfg(feature = "audio")]
    pub(super) fn set_muted(&self, muted: bool) {
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// The volume to reach.
    pub(super) fn volume(&self) -> f32 {
        if self.muted.load(Ordering::Relaxed) {
            0.0
        } else {
            f32::from_bits(self.volume.load(Ordering::Relaxed))
        }
    }

    /// Engine: `clock` is local time − media time of what is audible; `None` while nothing plays.
    pub(super) fn set_playing(
        &self,
        clock: Option<i64>,
        delay: i64,
        target: i64,
        device: i64,
        speed: f64,
        rate: u32,
    ) {
        self.clock_us
            .store(clock.unwrap_or(NONE), Ordering::Relaxed);
        self.delay_us.store(delay, Ordering::Relaxed);
        self.target_us.store(target, Ordering::Relaxed);
        self.device_us.store(device, Ordering::Relaxed);
        self.speed_ppm
            .store(((speed - 1.0) * 1e6) as i64, Ordering::Relaxed);
        self.rate.store(rate, Ordering::Relaxed);
    }

    pub(super) fn count_underrun(&self) {
        self.underruns.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_skipped(&self, us: i64) {
        self.skipped_us
            .fetch_add(us.max(0) as u64, Ordering::Relaxed);
    }

    pub(super) fn called(&self, now_us: i64) {
        self.called_us.store(now_us, Ordering::Relaxed);
    }

    /// When the device last asked for sound.
    #[cfg(feature = "audio")]
    pub(super) fn last_callback(&self) -> Option<Instant> {
        let us = known(self.called_us.load(Ordering::Relaxed))?;
        Some(self.epoch + std::time::Duration::from_micros(us.max(0) as u64))
    }

    /// The media time audible at `at`, microseconds.
    pub(super) fn media_time(&self, at: Instant) -> Option<i64> {
        Some(
            self.us_at(at)
                .saturating_sub(known(self.clock_us.load(Ordering::Relaxed))?),
        )
    }

    pub(super) fn stats(&self) -> Stats {
        let ms = |us: &AtomicI64| us.load(Ordering::Relaxed) as f64 / 1000.0;
        let frames = self
            .head
            .load(Ordering::Relaxed)
            .saturating_sub(self.tail.load(Ordering::Relaxed));
        let rate = self.rate.load(Ordering::Relaxed);
        Stats {
            buffered_ms: if rate == 0 {
                0.0
            } else {
                frames as f64 * 1000.0 / f64::from(rate)
            },
            delay_ms: ms(&self.delay_us),
            target_ms: ms(&self.target_us),
            jitter_ms: ms(&self.jitter_us),
            device_ms: ms(&self.device_us),
            speed_ppm: self.speed_ppm.load(Ordering::Relaxed) as f64,
            underruns: self.underruns.load(Ordering::Relaxed),
            skipped_ms: self.skipped_us.load(Ordering::Relaxed) as f64 / 1000.0,
            playing: known(self.clock_us.load(Ordering::Relaxed)).is_some(),
        }
    }
}

fn known(value: i64) -> Option<i64> {
    (value != NONE).then_some(value)
}
