//! What of all that is filmed goes onto the card, and what is done when the card does not take it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::command::RecordMode;

use super::gops::{Gop, Tracks};
use super::schedule::Schedule;
use crate::card::{Card, CardError, Event, Kind, SegmentWriter, State};
use crate::defaults::{
    AGE_PATIENCE, CARD_RETRY, CLOCK_SANE_MS, POST_ROLL, PRE_ROLL, PRE_ROLL_BYTES, SEGMENT,
};

/// A difference to the wall time before that makes the age of recordings doubtful, milliseconds.
const BIG_JUMP_MS: i64 = 24 * 60 * 60 * 1000;

/// What has been kept and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) gops: u64,
    pub(super) lost_gops: u64,
    pub(super) events: u64,
    pub(super) mean_ms: f64,
    pub(super) max_ms: f64,
}

/// See the module's text. It has no thread and no clock of its own.
pub(super) struct Keeper {
    card: Card,
    mode: RecordMode,
    schedule: Schedule,
    open: Option<Open>,
    /// GOPs of the last seconds, for when something moves.
    ring: VecDeque<Gop>,
    ring_bytes: usize,
    moving: Option<i64>,
    /// What moved is recorded until then, unix milliseconds.
    until_ms: i64,
    retry: Option<Retry>,
    /// Before then nothing is deleted for its age.
    age_from: Instant,
    last_ms: Option<i64>,
    counts: Counts,
}

struct Open {
    writer: SegmentWriter,
    kind: Kind,
    clock_known: bool,
    tracks: Arc<Tracks>,
}

#[derive(Clone, Copy)]
struct Retry {
    at: Instant,
    wait: Duration,
}

impl Keeper {
    pub(super) fn new(card: Card, mode: RecordMode, schedule: Schedule, now: Instant) -> Self {
        Self {
            card,
            mode,
            schedule,
            open: None,
            ring: VecDeque::new(),
            ring_bytes: 0,
            moving: None,
            until_ms: i64::MIN,
            retry: None,
            age_from: now + AGE_PATIENCE,
            last_ms: None,
            counts: Counts::default(),
        }
    }

    /// Looks at the card for the first time.
    pub(super) fn look(&mut self, now: Instant) {
        if !self.card.try_again() {
            self.wait(now);
        }
    }

    /// From now on.
    pub(super) fn set_mode(&mut self, mode: RecordMode) {
        if self.mode != mode {
            self.mode = mode;
            self.close();
            (self.ring_bytes, self.until_ms) = (0, i64::MIN);
            self.ring.clear();
        }
    }

    /// Whether a segment is being written.
    pub(super) fn is_recording(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The next GOP.
    pub(super) fn gop(&mut self, gop: Gop, now: Instant) {
        let start_ms = gop.fragment.start_ms;
        if self
            .last_ms
            .is_none_or(|last| start_ms.abs_diff(last) > BIG_JUMP_MS.unsigned_abs())
        {
            self.age_from = now + AGE_PATIENCE;
        }
        self.last_ms = Some(gop.fragment.end_ms);
        self.card.set_clock_known(start_ms >= CLOCK_SANE_MS);
        match self.mode {
            RecordMode::Off => self.close(),
            RecordMode::Continuous => self.keep(gop, Kind::Continuous, now),
            RecordMode::Schedule if self.schedule.is_on(start_ms) => {
                self.keep(gop, Kind::Scheduled, now);
            }
            RecordMode::Schedule => self.close(),
            RecordMode::Events if self.moving.is_some() || start_ms < self.until_ms => {
                self.ring_bytes = 0;
                for before in std::mem::take(&mut self.ring) {
                    self.keep(before, Kind::Event, now);
                }
                self.keep(gop, Kind::Event, now);
            }
            RecordMode::Events => {
                self.close();
                self.remember(gop);
            }
        }
    }

    /// Something moves since then.
    pub(super) fn started(&mut self, at_ms: i64) {
        self.moving = Some(at_ms);
    }

    /// It rests since then.
    pub(super) fn ended(&mut self, at_ms: i64) {
        let Some(start_ms) = self.moving.take() else {
            return;
        };
        self.until_ms = at_ms.saturating_add(POST_ROLL.as_millis() as i64);
        self.counts.events += 1;
        let event = Event {
            start_ms,
            end_ms: at_ms.max(start_ms),
        };
        if self.mode != RecordMode::Off
            && let Err(error) = self.card.add_event(event)
        {
            tracing::debug!(%error, "an event is not in the index");
        }
    }

    /// Nothing comes for a while, or not any more.
    pub(super) fn close(&mut self) {
        if let Some(open) = self.open.take()
            && let Err(error) = open.writer.close()
        {
            self.failed(&error, Instant::now());
        }
    }

    fn remember(&mut self, gop: Gop) {
        self.ring_bytes += gop.bytes;
        let end_ms = gop.fragment.end_ms;
        if !gop.joins {
            self.ring_bytes = gop.bytes;
            self.ring.clear();
        }
        self.ring.push_back(gop);
        while let Some(first) = self.ring.front() {
            let span = end_ms - first.fragment.end_ms;
            let is_old = span >= PRE_ROLL.as_millis() as i64;
            if !is_old && self.ring_bytes <= PRE_ROLL_BYTES {
                break;
            }
            self.ring_bytes -= first.bytes;
            self.ring.pop_front();
        }
    }

    fn keep(&mut self, gop: Gop, kind: Kind, now: Instant) {
        if let Some(retry) = self.retry {
            if now < retry.at {
                self.counts.lost_gops += 1;
                return;
            }
            if !self.card.try_again() {
                self.wait(now);
                self.counts.lost_gops += 1;
                return;
            }
            self.retry = None;
        }
        let started = Instant::now();
        let mut result = self.write(&gop, kind, now);
        if let Err(CardError::NoSuchFile) = result {
            // The card was formatted under it.
            self.open = None;
            result = self.write(&gop, kind, now);
        }
        match result {
            Ok(()) => self.count(started.elapsed()),
            Err(error) => {
                self.counts.lost_gops += 1;
                self.failed(&error, now);
            }
        }
    }

    fn write(&mut self, gop: &Gop, kind: Kind, now: Instant) -> Result<(), CardError> {
        let clock_known = gop.fragment.start_ms >= CLOCK_SANE_MS;
        let goes_on = self.open.as_ref().is_some_and(|open| {
            let length = gop.fragment.start_ms - open.writer.start_ms();
            gop.joins
                && (open.kind, open.clock_known) == (kind, clock_known)
                && (Arc::ptr_eq(&open.tracks, &gop.tracks) || open.tracks == gop.tracks)
                && open.writer.end_ms() == gop.fragment.start_ms
                && length < SEGMENT.as_millis() as i64
        });
        if !goes_on && let Some(open) = self.open.take() {
            open.writer.close()?;
        }
        if let Some(open) = &mut self.open {
            return open.writer.append(&gop.fragment);
        }
        if clock_known && now >= self.age_from {
            self.card.forget_old(gop.fragment.start_ms)?;
        }
        let Tracks { video, audio } = (*gop.tracks).clone();
        let writer = self
            .card
            .begin(video, audio, (kind, clock_known), &gop.fragment)?;
        self.open = Some(Open {
            writer,
            kind,
            clock_known,
            tracks: Arc::clone(&gop.tracks),
        });
        Ok(())
    }

    fn failed(&mut self, error: &CardError, now: Instant) {
        tracing::debug!(%error, "not recorded");
        match error {
            // One GOP that does not fit is no reason to end the file.
            CardError::Unfit(_) => {}
            // What there is is whole; the next GOP looks for room again.
            CardError::Full => {
                if let Some(open) = self.open.take() {
                    // If there is no room for its end either, the next start reads it.
                    let _ = open.writer.close();
                }
            }
            _ => {
                self.open = None;
                self.wait(now);
            }
        }
    }

    /// Looks at the card again in a moment, and later and later while nothing changes; whether there is one is quickly seen.
    fn wait(&mut self, now: Instant) {
        let (first, longest) = CARD_RETRY;
        let wait = match self.retry {
            Some(_) if self.card.status().state == State::Missing => first,
            Some(retry) => (retry.wait * 2).min(longest),
            None => first,
        };
        self.retry = Some(Retry {
            at: now + wait,
            wait,
        });
    }

    fn count(&mut self, took: Duration) {
        const WEIGHT: f64 = 0.1;
        let ms = took.as_secs_f64() * 1e3;
        let counts = &mut self.counts;
        counts.mean_ms = if counts.gops == 0 {
            ms
        } else {
            counts.mean_ms + (ms - counts.mean_ms) * WEIGHT
        };
        counts.max_ms = counts.max_ms.max(ms);
        counts.gops += 1;
    }
}

#[cfg(test)]
mod tests;
