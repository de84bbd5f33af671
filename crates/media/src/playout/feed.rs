//! The decode thread's side: fills the ring and learns how arrivals spread.

use std::sync::Arc;
use std::time::Instant;

use crate::audio::{MAX_RATE, Samples};
use crate::error::{Error, Result};
use crate::playout::shared::{Mark, Shared};

/// Least and most the jitter may ask for, microseconds.
const BUFFER_US: (i64, i64) = (10_000, 200_000);
/// On top of the jitter seen: the device asks in pieces of about 10 ms.
const MARGIN_US: i64 = 10_000;
/// A jump of media time against arrival by more than this is a new timeline.
const JUMP_US: i64 = 2_000_000;

pub(super) struct Feed {
    shared: Arc<Shared>,
    arrivals: Arrivals,
    head: u64,
    /// Media time at which the last push ended.
    end: Option<i64>,
    flush: bool,
}

impl Feed {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            arrivals: Arrivals::default(),
            head: 0,
            end: None,
            flush: false,
        }
    }

    pub(super) fn push(&mut self, samples: &Samples, pts_us: i64, now: Instant) -> Result<()> {
        let now_us = self.shared.us_at(now);
        self.push_at(samples, pts_us, now_us)
    }

    /// With the local time in microseconds, so that tests bring their own clock.
    pub(super) fn push_at(&mut self, samples: &Samples, pts_us: i64, now_us: i64) -> Result<()> {
        if samples.channels == 0 || !(1..=MAX_RATE).contains(&samples.rate) {
            let got = format!("{} Hz, {} channels", samples.rate, samples.channels);
            return Err(Error::input(
                "playing sound",
                got,
                "a rate and at least one channel",
            ));
        }
        if self
            .end
            .is_some_and(|end| (pts_us.saturating_sub(end)).saturating_abs() > JUMP_US)
        {
            self.flush();
        }
        if self.flush {
            self.arrivals = Arrivals::default();
        }
        self.end = Some(pts_us.saturating_add(samples.duration_us()));
        let (base, jitter) = self.arrivals.observe(now_us.saturating_sub(pts_us), now_us);
        self.shared.set_arrival(
            base,
            jitter,
            (jitter + MARGIN_US).clamp(BUFFER_US.0, BUFFER_US.1),
        );

        let frames = samples.frames();
        let mark = Mark {
            index: self.head,
            pts: pts_us,
            rate: samples.rate,
            flush: self.flush,
        };
        if frames > self.shared.room() || !self.shared.put_mark(mark) {
            self.shared.count_skipped(samples.duration_us());
            return Ok(());
        }
        self.flush = false;
        let channels = usize::from(samples.channels);
        for frame in samples.data.chunks_exact(channels) {
            // Front left and right of anything; one channel sounds on both.
            let pair = [frame[0], frame[usize::from(channels > 1)]];
            self.shared
                .put(self.head, pair.map(|s| if s.is_finite() { s } else { 0.0 }));
            self.head += 1;
        }
        self.shared.publish(self.head);
        Ok(())
    }

    /// The next push starts a new timeline.
    pub(super) fn flush(&mut self) {
        self.flush = true;
        self.end = None;
    }
}

/// Length of a bucket, microseconds, and how many are remembered: ten seconds.
const BUCKET_US: i64 = 500_000;
const BUCKETS: usize = 20;
/// The recent past that decides whether the way has become longer for good.
const RECENT: usize = 3;
/// So much longer, microseconds, that waiting for the old minimum to be forgotten would cost seconds of sound.
const REBASE_US: i64 = 150_000;

/// Length of a window of the long memory, microseconds, and how many are remembered: a minute.
const WINDOW_US: i64 = 5_000_000;
const WINDOWS: usize = 12;
/// The most that the long memory asks for, microseconds: a hiccup now and then is worth so much delay and no more.
const OFTEN_US: i64 = 50_000;

/// Smallest and largest (arrival − media time) of the last seconds.
#[derive(Default)]
struct Arrivals {
    buckets: [Bucket; BUCKETS],
    /// The largest spread of each of the last minute's windows, and which one is being filled.
    windows: [i64; WINDOWS],
    window: i64,
    /// Which bucket is being filled, counted since the start; 0 before the first arrival.
    current: i64,
}

#[derive(Clone, Copy)]
struct Bucket {
    least: i64,
    most: i64,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            least: i64::MAX,
            most: i64::MIN,
        }
    }
}

impl Arrivals {
    /// Adds one; gives base and jitter in microseconds.
    fn observe(&mut self, offset: i64, now_us: i64) -> (i64, i64) {
        let number = now_us.div_euclid(BUCKET_US) + 1;
        if self.current == 0 || number - self.current >= BUCKETS as i64 {
            *self = Self {
                current: number,
                window: now_us.div_euclid(WINDOW_US),
                ..Self::default()
            };
        }
        while self.current < number {
            self.current += 1;
            self.buckets[self.current.rem_euclid(BUCKETS as i64) as usize] = Bucket::default();
        }
        let least = self.base(BUCKETS);
        // Much earlier than ever: what came before was a backlog and says nothing about the way.
        if least.is_some_and(|least| offset < least.saturating_sub(REBASE_US)) {
            self.buckets = Default::default();
        }
        let bucket = &mut self.buckets[self.current.rem_euclid(BUCKETS as i64) as usize];
        bucket.least = bucket.least.min(offset);
        bucket.most = bucket.most.max(offset);
        let recent = self.base(RECENT).unwrap_or(offset);
        if self
            .base(BUCKETS)
            .is_some_and(|base| recent > base.saturating_add(REBASE_US))
            && self.filled(RECENT)
        {
            let keep: [Bucket; RECENT] = std::array::from_fn(|back| self.back(back));
            self.buckets = Default::default();
            for (back, bucket) in keep.into_iter().enumerate() {
                self.buckets[(self.current - back as i64).rem_euclid(BUCKETS as i64) as usize] =
                    bucket;
            }
        }
        let base = self.base(BUCKETS).unwrap_or(offset);
        let often = self.often(offset.saturating_sub(base), now_us);
        (base, self.spread(base).max(often))
    }

    /// Adds a spread; what the minute asks for: what comes twice in it will come again.
    fn often(&mut self, spread: i64, now_us: i64) -> i64 {
        let number = now_us.div_euclid(WINDOW_US);
        while self.window < number {
            self.window += 1;
            self.windows[self.window.rem_euclid(WINDOWS as i64) as usize] = 0;
        }
        let window = &mut self.windows[self.window.rem_euclid(WINDOWS as i64) as usize];
        *window = spread.max(*window);
        second_largest(self.windows).min(OFTEN_US)
    }

    fn back(&self, back: usize) -> Bucket {
        self.buckets[(self.current - back as i64).rem_euclid(BUCKETS as i64) as usize]
    }

    fn base(&self, buckets: usize) -> Option<i64> {
        (0..buckets)
            .map(|back| self.back(back).least)
            .min()
            .filter(|&least| least != i64::MAX)
    }

    fn filled(&self, buckets: usize) -> bool {
        (0..buckets).all(|back| self.back(back).least != i64::MAX)
    }

    /// The second largest bucket: one lone hiccup in ten seconds is concealed, two are prepared for.
    fn spread(&self, base: i64) -> i64 {
        let filled = self.buckets.iter().filter(|b| b.most != i64::MIN);
        second_largest(filled.map(|bucket| bucket.most.saturating_sub(base)))
    }
}

/// The second largest of these, at least 0.
fn second_largest(all: impl IntoIterator<Item = i64>) -> i64 {
    let (mut first, mut second) = (0, 0);
    for one in all {
        if one > first {
            (first, second) = (one, first);
        } else {
            second = second.max(one);
        }
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds offsets 20 ms apart; gives the last base and jitter.
    fn observe(
        arrivals: &mut Arrivals,
        from_ms: i64,
        offsets_ms: impl IntoIterator<Item = i64>,
    ) -> (i64, i64) {
        let mut last = (0, 0);
        for (i, offset) in offsets_ms.into_iter().enumerate() {
            last = arrivals.observe(offset * 1000, (from_ms + i as i64 * 20) * 1000);
        }
        (last.0 / 1000, last.1 / 1000)
    }

    #[test]
    fn base_is_the_best_and_jitter_the_usual_worst() {
        let mut arrivals = Arrivals::default();
        assert_eq!(
            observe(&mut arrivals, 0, (0..500).map(|i| 5000 + i % 30)),
            (5000, 29)
        );
        // A lone hiccup changes nothing, a second one in another half second does.
        assert_eq!(observe(&mut arrivals, 10_000, [5120]), (5000, 29));
        assert_eq!(
            observe(&mut arrivals, 10_020, (0..50).map(|i| 5000 + i % 30)),
            (5000, 29)
        );
        assert_eq!(observe(&mut arrivals, 11_020, [5120]), (5000, 120));
        // And is forgotten ten seconds later.
        assert_eq!(
            observe(&mut arrivals, 11_040, (0..600).map(|i| 5000 + i % 30)),
            (5000, 29)
        );
    }

    #[test]
    fn a_hiccup_now_and_then_is_prepared_for_within_reason() {
        for (hiccup, asked) in [(40, 40), (150, 50)] {
            let mut arrivals = Arrivals::default();
            let calm = |count: i64| (0..count).map(|i| 5000 + i % 10);
            observe(&mut arrivals, 0, calm(150));
            observe(&mut arrivals, 3_000, [5000 + hiccup]);
            // The first one is alone.
            assert_eq!(observe(&mut arrivals, 3_020, calm(1_000)), (5000, 9));
            observe(&mut arrivals, 23_020, [5000 + hiccup]);
            assert_eq!(observe(&mut arrivals, 23_040, calm(1_500)), (5000, asked));
            // Nothing for a minute.
            assert_eq!(observe(&mut arrivals, 53_040, calm(1_500)), (5000, 9));
        }
    }

    #[test]
    fn a_longer_way_for_good_moves_the_base_within_two_seconds() {
        let mut arrivals = Arrivals::default();
        observe(&mut arrivals, 0, (0..500).map(|_| 100));
        assert_eq!(
            observe(&mut arrivals, 10_000, (0..100).map(|_| 700)),
            (700, 0)
        );
    }

    #[test]
    fn a_backlog_at_the_start_is_forgotten() {
        let mut arrivals = Arrivals::default();
        // Two seconds of old sound at once, then live.
        for i in 0..100 {
            arrivals.observe((2000 - i * 20) * 1000, 1000);
        }
        assert!(observe(&mut arrivals, 20, (0..50).map(|_| 0)).1 <= 150);
    }

    #[test]
    fn a_pause_starts_anew() {
        let mut arrivals = Arrivals::default();
        observe(&mut arrivals, 0, (0..100).map(|i| i % 7));
        assert_eq!(observe(&mut arrivals, 60_000, [40]), (40, 0));
    }
}
