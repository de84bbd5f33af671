//! What commands make of a session.

use wire::command::reply::Status;
use wire::command::{PlaybackAct, Seek};
use wire::stream::{Direction, FastForward};

use super::{Mode, Next, Session, interval};
use crate::playback::tape::Which;

/// The longest picture interval that a viewer may ask for.
const MAX_INTERVAL_MS: u32 = 10_000;

impl Session {
    /// Does what a command says. The status is for its reply.
    pub fn act(&mut self, act: &PlaybackAct) -> Status {
        match *act {
            PlaybackAct::Progress => {}
            PlaybackAct::Pause => (self.paused, self.until_ms) = (true, None),
            PlaybackAct::Resume => self.resume(),
            PlaybackAct::Seek(seek) => return self.seek(seek),
            PlaybackAct::Speed { interval_ms: 0 } => self.play(Mode::All),
            PlaybackAct::Speed { interval_ms } if interval_ms <= MAX_INTERVAL_MS => {
                self.play(Mode::Spaced(interval_ms));
            }
            PlaybackAct::Speed { .. } => return Status::BadRequest,
            PlaybackAct::Ff(FastForward::Normal) => self.play(Mode::All),
            PlaybackAct::Ff(step) => self.play(Mode::Keys {
                step: step.number(),
                direction: Direction::Forward,
            }),
            PlaybackAct::Rewind {
                start_time,
                end_time,
            } => self.rewind(start_time, end_time),
        }
        Status::Accept
    }

    fn resume(&mut self) {
        (self.paused, self.until_ms) = (false, None);
        // Behind the stop point of a rewind there is only forward.
        if self.is_backward() && self.line.wall_ms().is_some_and(|at| at <= self.stop_ms) {
            self.play(Mode::All);
        }
    }

    fn seek(&mut self, seek: Seek) -> Status {
        let to = match seek {
            Seek::Time(seconds) => i64::try_from(seconds.saturating_mul(1000)),
            Seek::Progress(ms) => i64::try_from(ms).map(|ms| self.start_ms.saturating_add(ms)),
        };
        let Some(to) = to.ok().filter(|to| *to <= self.end_ms) else {
            return Status::BadRequest;
        };
        self.until_ms = self.paused.then_some(to);
        self.go(if self.is_backward() {
            Which::UpTo(to)
        } else {
            Which::At(to)
        });
        self.sought = true;
        Status::Accept
    }

    fn rewind(&mut self, start_time: u64, end_time: u64) {
        let ms = |seconds: u64| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        self.mode = Mode::Keys {
            step: 1,
            direction: Direction::Backward,
        };
        (self.stop_ms, self.ends_at_stop) = (ms(start_time), false);
        self.go(Which::UpTo(ms(end_time).min(self.end_ms)));
        self.sought = true;
    }

    /// Goes on from here in another way.
    fn play(&mut self, mode: Mode) {
        if self.mode == mode {
            return;
        }
        let was = std::mem::replace(&mut self.mode, mode);
        let Some(at) = self.line.wall_ms() else {
            // Nothing is sent yet.
            return;
        };
        match (was, mode) {
            // The pictures in hand serve both.
            (Mode::All | Mode::Spaced(_), Mode::All | Mode::Spaced(_)) => {
                if let Some(held) = &self.held {
                    self.line.scale(interval(mode, &held.gop));
                }
            }
            (_, Mode::Keys { .. }) => self.go(Which::After(at, 1)),
            (Mode::Keys { .. }, _) => self.go(Which::At(at)),
        }
    }

    /// Drops what is in hand and looks elsewhere.
    fn go(&mut self, which: Which) {
        self.held = None;
        self.resume = None;
        self.turn.0 += 1;
        self.next = Next::Find(which);
    }
}
