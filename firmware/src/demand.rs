//! Who wants what: the number of viewers of each lane, and the threads that wait for one.
//!
//! A lane is wanted while somebody watches it and [`LINGER`] longer. Pictures are wanted too while codes are looked for in
//! them; nothing is encoded for that.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use wire::stream::Quality;

use crate::defaults::{LINGER, READ_QUALITY};

/// One of the four streams a camera makes: a quality, or sound alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Pictures with sound.
    Video(Quality),
    /// Sound alone.
    Audio,
}

impl Lane {
    /// All lanes, by index.
    pub const ALL: [Self; 4] = [
        Self::Video(Quality::Standard),
        Self::Video(Quality::High),
        Self::Video(Quality::Super),
        Self::Audio,
    ];

    /// Place in [`Lane::ALL`].
    pub fn index(self) -> usize {
        match self {
            Self::Video(quality) => quality as usize,
            Self::Audio => 3,
        }
    }

    /// "standard", "high", "super" or "audio".
    pub fn name(self) -> &'static str {
        match self {
            Self::Video(quality) => quality.name(),
            Self::Audio => "audio",
        }
    }
}

/// What is wanted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    lanes: [bool; 4],
    /// Codes are looked for in the pictures of [`READ_QUALITY`].
    pub reads: bool,
    /// The camera goes off: threads end.
    pub stop: bool,
}

impl Wanted {
    /// Whether this lane is.
    pub fn lane(&self, lane: Lane) -> bool {
        self.lanes[lane.index()]
    }

    /// Whether pictures of this quality are, to be encoded or to be looked at.
    pub fn quality(&self, quality: Quality) -> bool {
        self.lane(Lane::Video(quality)) || self.reads && quality == READ_QUALITY
    }

    /// Whether any picture is.
    pub fn pictures(&self) -> bool {
        Quality::ALL
            .into_iter()
            .any(|quality| self.quality(quality))
    }

    /// Whether a lane is.
    pub fn watched(&self) -> bool {
        self.lanes.contains(&true)
    }

    /// Whether anything is.
    pub fn any(&self) -> bool {
        self.watched() || self.reads
    }
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct Demand {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    viewers: [u32; 4],
    left: [Option<Instant>; 4],
    version: u64,
    reads: bool,
    stop: bool,
}

impl State {
    fn wanted(&self, now: Instant) -> Wanted {
        let lane =
            |i: usize| self.viewers[i] > 0 || self.left[i].is_some_and(|left| now < left + LINGER);
        Wanted {
            lanes: std::array::from_fn(lane),
            reads: self.reads,
            stop: self.stop,
        }
    }
}

impl Demand {
    /// Somebody watches a lane.
    pub fn join(&self, lane: Lane) {
        self.change(|state| state.viewers[lane.index()] += 1);
    }

    /// Somebody no longer watches a lane.
    pub fn leave(&self, lane: Lane, now: Instant) {
        self.change(|state| {
            let viewers = &mut state.viewers[lane.index()];
            *viewers = viewers.saturating_sub(1);
            if *viewers == 0 {
                state.left[lane.index()] = Some(now);
            }
        });
    }

    /// Codes are looked for in the pictures from now on, or no longer.
    pub fn read(&self, reads: bool) {
        if self.lock().reads != reads {
            self.change(|state| state.reads = reads);
        }
    }

    /// The camera goes off.
    pub fn stop(&self) {
        self.change(|state| state.stop = true);
    }

    /// What is wanted, and a number that changes with it.
    pub fn now(&self) -> (Wanted, u64) {
        let state = self.lock();
        (state.wanted(Instant::now()), state.version)
    }

    /// Viewers of a lane.
    pub fn viewers(&self, lane: Lane) -> u32 {
        self.lock().viewers[lane.index()]
    }

    /// Waits until `deadline`, or until something else is wanted than when `version` was read.
    pub fn wait(&self, version: u64, deadline: Option<Instant>) {
        let mut state = self.lock();
        while state.version == version {
            let Some(deadline) = deadline else {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.version += 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    const HIGH: Lane = Lane::Video(Quality::High);

    #[test]
    fn a_lane_is_wanted_a_little_longer_than_it_is_watched() {
        let demand = Demand::default();
        assert!(!demand.now().0.any());
        demand.join(HIGH);
        demand.join(HIGH);
        demand.leave(HIGH, Instant::now() - LINGER);
        assert!(demand.now().0.quality(Quality::High) && demand.now().0.pictures());
        demand.leave(HIGH, Instant::now());
        assert!(demand.now().0.any());
        demand.join(Lane::Audio);
        demand.leave(Lane::Audio, Instant::now() - LINGER);
        assert!(!demand.now().0.lane(Lane::Audio));
    }

    #[test]
    fn pictures_that_are_only_looked_at_are_no_lane() {
        let demand = Demand::default();
        demand.read(true);
        let (wanted, version) = demand.now();
        assert!(wanted.pictures() && wanted.any() && wanted.quality(READ_QUALITY));
        assert!(!wanted.watched() && !wanted.lane(Lane::Video(READ_QUALITY)));
        demand.read(true);
        assert_eq!(demand.now().1, version, "nobody is woken for nothing");
        demand.read(false);
        assert!(!demand.now().0.any());
    }

    #[test]
    fn waiting_ends_with_a_change_or_at_the_deadline() {
        let demand = Arc::new(Demand::default());
        let (_, version) = demand.now();
        demand.wait(version, Some(Instant::now() + Duration::from_millis(5)));
        let other = Arc::clone(&demand);
        let waiting = std::thread::spawn(move || other.wait(version, None));
        demand.join(HIGH);
        waiting.join().unwrap();
        demand.wait(version, None);
        demand.stop();
        assert!(demand.now().0.stop);
    }
}
