//! The pace of a playback: what is due, what is late, what is missing.

use super::*;

/// Without a picture for this long a playback says that it waits.
pub(super) const STARVED: Duration = Duration::from_millis(300);
/// After it had nothing to play, this much must be at hand before it goes on, ms of played time.
const ENOUGH_MS: f64 = 200.0;
/// A screen that is this far behind holds the clock up, ms.
const HELD_UP_MS: f64 = 250.0;
/// A screen without room is looked at again after this long.
const ROOM: Duration = Duration::from_millis(5);

impl Play {
    /// Does what is due at `now`.
    pub(super) fn play(&mut self, now: Instant) {
        self.look(now);
        if self.seek.is_some() || self.failed {
            return;
        }
        if self.opening {
            // A stream of keyframes, or one that begins after a gap: the first picture is what was asked for.
            if let Some(first) = self.line.take_picture() {
                self.arrive(&first.unit, now);
            }
            return;
        }
        if self.paused.is_some() {
            self.step_on(now);
            return;
        }
        if !self.clock.is_running() && !self.start(now) {
            self.starve(now);
            return;
        }
        self.play_sound(now);
        self.play_pictures(now);
    }

    /// Shows the next picture of a paused playback, if one is wanted.
    fn step_on(&mut self, now: Instant) {
        if self.steps == 0 || !self.screen.has_room() {
            return;
        }
        match self.line.take_picture() {
            Some(next) => {
                self.steps -= 1;
                self.show(&next.unit, false, now);
                self.paused = Some(now);
            }
            None if self.finished => self.steps = 0,
            None => {}
        }
    }

    /// Starts the clock if there is something to play.
    fn start(&mut self, now: Instant) -> bool {
        let Some(due) = self.line.next_picture() else {
            return false;
        };
        let enough = !self.speed.is_whole() || self.line.ahead() >= ENOUGH_MS;
        let waited = self
            .starved
            .is_none_or(|since| now.saturating_duration_since(since) > 2 * STARVED);
        if enough || waited || self.finished {
            self.clock.run_from(self.resumes_at(due, now), now);
            self.starved = None;
            return true;
        }
        false
    }

    /// Played time at which the clock goes on for a next picture due at `due`. One that came in time is not shown before
    /// its time: keyframes come one by one, and between two of them there is nothing to play.
    fn resumes_at(&self, due: f64, now: Instant) -> f64 {
        let Some(since) = self.starved else {
            return due;
        };
        let waited = now.saturating_duration_since(since).as_secs_f64();
        due.min(self.clock.played(now) + waited * 1000.0 * self.speed.rate())
    }

    fn play_sound(&mut self, now: Instant) {
        let played = self.clock.played(now);
        while let Some(mut next) = self.line.take_sound(played) {
            let at = self.clock.when(next.due).unwrap_or(now);
            let (real_ms, rate) = (self.real_ms(at), self.speed.rate());
            next.unit.arrived = now;
            if let Some(sound) = self.sound.as_mut().filter(|_| self.speed.is_whole())
                && let Some(failure) = sound.play_at(&next.unit, real_ms as i64, rate)
            {
                self.core.tell(crate::api::Event::Audio { failure });
            }
        }
    }

    fn play_pictures(&mut self, now: Instant) {
        let played = self.clock.played(now);
        while let Some(due) = self.line.next_picture() {
            if due > played {
                return;
            }
            if !self.screen.has_room() {
                if played - due > HELD_UP_MS * self.speed.rate() {
                    self.clock.run_from(due, now);
                    if let Some(sound) = &mut self.sound {
                        sound.restart();
                    }
                }
                return;
            }
            let Some(next) = self.line.take_picture() else {
                return;
            };
            // With a newer one due as well, drawing this one would only delay it.
            let late = self.line.next_picture().is_some_and(|due| due <= played);
            self.show(&next.unit, late, now);
        }
        self.starve(now);
    }

    /// There is nothing to play.
    fn starve(&mut self, now: Instant) {
        self.clock.stop(now);
        if self.pull.is_none() {
            self.starved = None;
            return;
        }
        let since = *self.starved.get_or_insert(now);
        let quiet = |since: Instant| now.saturating_duration_since(since) >= STARVED;
        // The camera could give more and does not: it has given what it records now.
        let edge = self.answered
            && quiet(since)
            && quiet(self.heard)
            && !self.speed.is_backward()
            && self.session.is_connected();
        if edge && !self.at_edge {
            let fast = self.speed.rate() > 1.0;
            if fast {
                self.change_speed(Speed::NORMAL, now);
            }
            self.at_edge = true;
        }
    }

    /// When something is to be done without anything coming.
    pub(super) fn next_wake(&self, now: Instant) -> Instant {
        let next = if self.clock.is_running() {
            let due = [self.line.next_picture(), self.line.next_sound()];
            due.into_iter()
                .flatten()
                .filter_map(|due| self.clock.when(due))
                .min()
        } else {
            (self.steps > 0 && self.line.next_picture().is_some()).then_some(now)
        };
        let held_up = !self.screen.has_room();
        let next = next.map(|at| if held_up { at.max(now + ROOM) } else { at });
        let room = (self.seek.is_some() && !self.takes()).then_some(now + ROOM);
        [next, self.settles(), self.retry_at, room]
            .into_iter()
            .flatten()
            .fold(now + tell::EVERY, Instant::min)
    }
}
