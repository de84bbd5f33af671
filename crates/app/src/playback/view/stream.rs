//! Where the pictures of a playback come from: asking, taking, losing, finding the moment.

use super::super::pull::Pulled;
use super::super::seek::Found;
use super::*;
use crate::api::FailureCode;
use crate::book::now_ms;
use crate::fail;
use crate::live::VideoUnit;

/// A moment this close to now may not be on the card yet: what was recorded before it is asked for, ms.
const FRESH_MS: i64 = 5_000;
/// A moment this close to now may be one that is being recorded, ms.
const EDGE_MS: i64 = 15_000;
/// There a camera that is silent for this long has given what it has,
const SETTLE: Duration = Duration::from_millis(150);
/// and elsewhere after this long: the way may be slow.
const SETTLE_FAR: Duration = Duration::from_millis(1500);
/// Troubles in a row with a reachable camera before the user is asked.
const MAX_TROUBLES: u32 = 5;
/// Without a byte for this long while some are awaited, and short of what is recorded now, the stream is asked for again.
const DEAD: Duration = Duration::from_secs(5);

impl Play {
    /// Asks for the recording from `at_ms` on, or back from it.
    pub(super) fn ask(&mut self, at_ms: i64) {
        self.let_go();
        (self.finished, self.failed, self.opening) = (false, false, true);
        (self.starved, self.at_edge, self.retry_at) = (None, false, None);
        self.heard = Instant::now();
        self.at_ms = at_ms;
        self.guess = (Guess::default(), at_ms);
        self.clock = Clock::new(0.0, self.speed.rate());
        self.seek = self.speed.is_whole().then(|| Seek::new(at_ms));
        if let Some(sound) = &mut self.sound {
            sound.restart();
        }
        let newest = (now_ms() as i64).saturating_sub(FRESH_MS);
        let from = if self.speed.is_backward() {
            at_ms
        } else {
            at_ms.min(newest)
        };
        let wanted = Wanted {
            from: u64::try_from(from / 1000).unwrap_or(0),
            pictures: self.speed.pictures(),
            before: self.track.clone(),
        };
        self.pulls += 1;
        let (session, units) = (self.session.clone(), self.pulled.0.clone());
        self.pull = Some(Pull::start(self.pulls, session, wanted, units));
    }

    /// Gives the stream back; the picture stays.
    pub(super) fn let_go(&mut self) {
        (self.pull, self.seek, self.answered) = (None, None, false);
        self.line.begin();
    }

    /// Whether what comes is taken.
    pub(super) fn takes(&self) -> bool {
        if self.seek.is_some() {
            self.screen.has_room_behind()
        } else {
            self.line.has_room()
        }
    }

    pub(super) fn take(&mut self, id: u64, pulled: Pulled) {
        if self.pull.as_ref().is_none_or(|pull| pull.id != id) {
            return;
        }
        let now = Instant::now();
        self.heard = now;
        match pulled {
            Pulled::Opened(opened) => {
                self.answered = true;
                self.stats.opened(opened);
            }
            Pulled::Received(bytes) => self.stats.received(bytes),
            Pulled::Unit(unit) => self.unit(unit, now),
            Pulled::Finished => self.finish(now),
            Pulled::Lost(failure) => self.lost(failure),
        }
    }

    fn finish(&mut self, now: Instant) {
        self.pull = None;
        self.finished = true;
        if let Some(found) = self.seek.as_mut().map(Seek::end) {
            self.found(found, None, now);
        }
        if self.opening && self.line.next_picture().is_none() {
            let nothing = Failure::new(FailureCode::NoRecording);
            self.lost(nothing.with("camera", self.session.name()));
        }
    }

    fn unit(&mut self, mut unit: Unit, now: Instant) {
        self.guess.0.fill(&mut unit, self.guess.1);
        if let Unit::Audio(audio) = &unit {
            self.stats.shown().audio_codec = audio.track.codec_name().to_owned();
        }
        let Some(seek) = &mut self.seek else {
            self.line.push(unit);
            return;
        };
        if let Unit::Video(video) = unit {
            let found = seek.take(&video);
            self.found(found, Some(video), now);
        }
    }

    /// What is known of the moment that is looked for; `next` is the picture it is known by.
    fn found(&mut self, found: Found, next: Option<VideoUnit>, now: Instant) {
        let mut held = match found {
            Found::Before(before) => {
                for unit in &before {
                    self.show(unit, true, now);
                }
                return;
            }
            Found::There(held) => held.into_iter(),
            Found::After => Vec::new().into_iter(),
        };
        self.seek = None;
        self.line.begin();
        if let Some(shown) = held.next() {
            self.line.begin_after(&shown);
            self.arrive(&shown, now);
        }
        for unit in held {
            self.show(&unit, false, now);
        }
        if let Some(next) = next {
            self.line.push(Unit::Video(next));
        }
    }

    /// The picture asked for goes to the screen.
    pub(super) fn arrive(&mut self, unit: &VideoUnit, now: Instant) {
        self.show(unit, false, now);
        self.opening = false;
        self.failure = None;
        self.backoff.reset();
        if self.paused.is_some() {
            self.paused = Some(now);
        } else {
            self.clock.run_from(0.0, now);
        }
    }

    /// The stream ended otherwise than by its end.
    fn lost(&mut self, failure: Failure) {
        tracing::info!(view = self.view, %failure, "playback lost");
        let shown = !self.opening;
        if shown {
            self.stats.shown().reconnects += 1;
        }
        self.clock.stop(Instant::now());
        self.let_go();
        if failure.code == FailureCode::NoRecording && self.speed.is_backward() {
            (self.finished, self.opening) = (true, false);
            return;
        }
        let waits = match failure.code {
            FailureCode::CameraFull => shown,
            code if fail::is_trouble(code) => self.backoff.troubles() < MAX_TROUBLES,
            code => fail::is_passing(code),
        };
        self.failed = !waits;
        if waits && (self.opening || self.paused.is_none()) {
            let wait = self.backoff.next(fail::is_trouble(failure.code));
            self.retry_at = Some(Instant::now() + wait);
        }
        self.failure = Some(failure);
    }

    /// What the clock does about streams.
    pub(super) fn look(&mut self, now: Instant) {
        let camera = self.session.name();
        if self.screen.has_failed() && !self.failed {
            let failure = Failure::new(FailureCode::DecoderFailed).with("camera", &camera);
            self.let_go();
            (self.failed, self.failure) = (true, Some(failure));
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.ask(self.at_ms);
        }
        let silent = now.saturating_duration_since(self.heard);
        let waits = self.opening || self.starved.is_some();
        if self.pull.is_some() && self.answered && waits && !self.at_edge && silent > DEAD {
            self.lost(Failure::new(FailureCode::ConnectionLost).with("camera", &camera));
        }
        let paused = |since: Instant| now.saturating_duration_since(since) > PAUSED;
        if self.paused.is_some_and(paused) && !self.opening && self.pull.is_some() {
            self.let_go();
        }
        if self.settles().is_some_and(|at| at <= now)
            && let Some(mut seek) = self.seek.take()
        {
            self.found(seek.end(), None, now);
            // While it stands, the right one is still shown when it comes.
            self.seek = self.paused.is_some().then(|| Seek::new(seek.target()));
        }
    }

    /// The picture on the screen is as good as the one looked for: it goes on from there.
    pub(super) fn look_no_more(&mut self, now: Instant) {
        if self.opening {
            return;
        }
        let left = self.seek.take().map(|mut seek| seek.end());
        if let Some(found @ Found::There(_)) = left {
            self.found(found, None, now);
        }
    }

    /// When the newest picture at hand is taken for the one that is looked for, if nothing more comes: what is being recorded
    /// comes a group of pictures at a time.
    pub(super) fn settles(&self) -> Option<Instant> {
        let seek = self.seek.as_ref().filter(|seek| seek.has_one())?;
        if !self.pulled.1.is_empty() {
            return None;
        }
        let fresh = (now_ms() as i64).saturating_sub(seek.target()) < EDGE_MS;
        let patience = if fresh { SETTLE } else { SETTLE_FAR };
        // A screen that is not ready for more is no silence of the camera.
        self.takes().then_some(self.heard + patience)
    }
}
