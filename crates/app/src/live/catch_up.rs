//! Telling the cached pictures at a stream's start from live ones.
//!
//! A camera sends its current GOP at once, so that the first picture needs no waiting. Shown as they come, those
//! pictures would play fast-forward; so they are decoded but not drawn until the newest one is reached. The stream
//! does not say which one that is, its pace does:
//!
//! ```text
//!  arrival   ||||||||||||||   |    |    |    |        a burst, then one every 33 ms
//!            caught up here ^
//! ```

use std::time::{Duration, Instant};

/// While catching up: nothing more for this long means that the newest picture was reached. Half a picture time at
/// 60 a second.
pub const SETTLE: Duration = Duration::from_millis(8);
/// Gaining this much on the media clock after having caught up means that a backlog is being delivered.
const BACKLOG_MS: i64 = 150;

/// Judges the pictures of one stream.
#[derive(Debug)]
pub struct CatchUp {
    epoch: Instant,
    behind: bool,
    /// Arrival minus media time, ms, when the stream was last caught up: what a live picture has.
    base: Option<i64>,
}

impl CatchUp {
    /// At a stream's start: everything is old until shown otherwise.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            behind: true,
            base: None,
        }
    }

    /// Whether the stream is behind live: then the caller looks for [`SETTLE`] whether more is there already.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Whether the picture with media time `pts_ms` that arrived at `now` is to be decoded without being drawn.
    /// `more`: a newer one is here already.
    pub fn judge(&mut self, now: Instant, pts_ms: i64, more: bool) -> bool {
        let delay = now.saturating_duration_since(self.epoch).as_millis() as i64 - pts_ms;
        match self.base {
            // Pictures come faster than time passes: what was held back somewhere is being delivered.
            Some(base) if !self.behind && delay < base - BACKLOG_MS && more => self.behind = true,
            _ => {}
        }
        if self.behind && !more {
            self.behind = false;
            self.base = Some(delay);
        } else if !self.behind {
            // A late picture raises the base at once, an early one is jitter and lowers it slowly.
            self.base = self.base.map(|base| {
                if delay > base {
                    delay
                } else {
                    base - (base - delay) / 16
                }
            });
        }
        self.behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(catch_up: &mut CatchUp, start: Instant, pictures: &[(u64, i64, bool)]) -> Vec<bool> {
        pictures
            .iter()
            .map(|&(at, pts, more)| catch_up.judge(start + Duration::from_millis(at), pts, more))
            .collect()
    }

    #[test]
    fn the_burst_is_hidden_and_its_newest_picture_is_drawn() {
        let start = Instant::now();
        let mut catch_up = CatchUp::new(start);
        let burst = [
            (0, 0, true),
            (0, 33, true),
            (1, 66, true),
            (1, 100, false),
            (34, 133, false),
            (67, 166, false),
        ];
        assert_eq!(
            feed(&mut catch_up, start, &burst),
            [true, true, true, false, false, false]
        );
    }

    #[test]
    fn a_stream_that_begins_live_is_drawn_at_once() {
        let start = Instant::now();
        let mut catch_up = CatchUp::new(start);
        assert_eq!(
            feed(&mut catch_up, start, &[(0, 5000, false), (33, 5033, false)]),
            [false, false]
        );
    }

    #[test]
    fn jitter_is_drawn_and_a_backlog_is_hidden() {
        let start = Instant::now();
        let mut catch_up = CatchUp::new(start);
        let calm: Vec<_> = (0..30).map(|n| (n * 33, n as i64 * 33, false)).collect();
        feed(&mut catch_up, start, &calm);
        // 100 ms of jitter: three pictures at once.
        let jitter = [(1090, 990, true), (1090, 1023, true), (1090, 1056, false)];
        assert_eq!(feed(&mut catch_up, start, &jitter), [false, false, false]);
        // Two seconds held back, then delivered at once.
        let held: Vec<_> = (0..60).map(|n| (3100, 1089 + n * 33, n < 59)).collect();
        let judged = feed(&mut catch_up, start, &held);
        assert!(
            !judged[0] && !judged[59],
            "the first is late, the last is live"
        );
        assert!(
            judged.iter().filter(|hidden| **hidden).count() > 50,
            "{judged:?}"
        );
    }
}
