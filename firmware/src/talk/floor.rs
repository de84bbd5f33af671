//! Who may talk. No clock: the caller brings the time.
//!
//! ```text
//!           take                      release, nobody asked
//!  Free ─────────────> Held ──────────────────────────────> Free
//!   ^  \               │  │ release, somebody asked           ^
//!   │   ask, take_over │  └──────────────> Kept (5 s) ────────┘ too late
//!   │         └────────┼──> Kept <── take_over (the talk has lost the floor)
//! ```

use std::time::Instant;

use wire::talk::{Floor, Person};

use crate::defaults::FLOOR_KEPT;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct State {
    holder: Holder,
    asker: Option<Person>,
    version: u64,
    talks: u64,
    /// The last talk that lost the floor, and to whom.
    lost: Option<(u64, Option<String>)>,
}

#[derive(Debug, Default)]
enum Holder {
    #[default]
    Free,
    Kept {
        person: Person,
        until: Instant,
    },
    Held {
        person: Person,
        talk: u64,
    },
}

impl State {
    /// The floor for a talk; its number. A viewer that talks already has lost that talk: its connection broke.
    ///
    /// # Errors
    /// Who holds it.
    pub(super) fn take(&mut self, person: Person, now: Instant) -> Result<u64, Person> {
        self.expire(now);
        match &self.holder {
            Holder::Kept { person: other, .. } | Holder::Held { person: other, .. }
                if other.id != person.id =>
            {
                return Err(other.clone());
            }
            Holder::Held { talk, .. } => self.lost = Some((*talk, None)),
            Holder::Free | Holder::Kept { .. } => {}
        }
        self.talks += 1;
        self.has_its_turn(&person);
        self.holder = Holder::Held {
            person,
            talk: self.talks,
        };
        self.version += 1;
        Ok(self.talks)
    }

    /// Notes that this viewer wants to talk; a free floor is kept for it.
    pub(super) fn ask(&mut self, person: Person, now: Instant) {
        self.expire(now);
        match &self.holder {
            Holder::Free => self.keep(person, now),
            Holder::Kept { person: other, .. } | Holder::Held { person: other, .. } => {
                if other.id != person.id {
                    self.asker = Some(person);
                }
            }
        }
        self.version += 1;
    }

    /// Ends whoever talks and keeps the floor for this viewer.
    pub(super) fn take_over(&mut self, person: Person, now: Instant) {
        if let Holder::Held {
            person: other,
            talk,
        } = &self.holder
        {
            if other.id == person.id {
                return;
            }
            self.lost = Some((*talk, Some(person.name.clone())));
        }
        self.has_its_turn(&person);
        self.keep(person, now);
        self.version += 1;
    }

    /// A talk is over.
    pub(super) fn release(&mut self, number: u64, now: Instant) {
        if !matches!(&self.holder, Holder::Held { talk, .. } if *talk == number) {
            return;
        }
        self.free(now);
    }

    /// Whether a talk has lost the floor, and to whom.
    pub(super) fn lost(&self, number: u64) -> Option<Option<String>> {
        match &self.lost {
            Some((talk, by)) if *talk == number => Some(by.clone()),
            _ => None,
        }
    }

    /// What every viewer sees.
    pub(super) fn view(&mut self, now: Instant) -> Floor {
        self.expire(now);
        let talker = match &self.holder {
            Holder::Free => None,
            Holder::Kept { person, .. } | Holder::Held { person, .. } => Some(person.clone()),
        };
        Floor {
            version: self.version + 1,
            talker,
            asker: self.asker.clone(),
        }
    }

    fn keep(&mut self, person: Person, now: Instant) {
        self.holder = Holder::Kept {
            person,
            until: now + FLOOR_KEPT,
        };
    }

    fn expire(&mut self, now: Instant) {
        if matches!(self.holder, Holder::Kept { until, .. } if until <= now) {
            self.free(now);
        }
    }

    /// Nobody holds it any more; it is kept for whoever asked.
    fn free(&mut self, now: Instant) {
        self.holder = Holder::Free;
        if let Some(asker) = self.asker.take() {
            self.keep(asker, now);
        }
        self.version += 1;
    }

    /// Who gets the floor asks no longer.
    fn has_its_turn(&mut self, person: &Person) {
        self.asker.take_if(|asker| asker.id == person.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::id::PeerId;

    fn person(number: u8) -> Person {
        Person {
            id: PeerId([number; 32]),
            name: format!("viewer {number}"),
        }
    }

    fn talker(state: &mut State, now: Instant) -> Option<String> {
        state.view(now).talker.map(|person| person.name)
    }

    #[test]
    fn one_talks_and_the_next_is_told_who() {
        let (mut state, now) = (State::default(), Instant::now());
        let first = state.take(person(1), now).unwrap();
        assert_eq!(state.take(person(2), now), Err(person(1)));
        let before = state.view(now).version;
        state.release(first, now);
        assert!(state.view(now).version > before);
        assert!(state.take(person(2), now).is_ok());
    }

    #[test]
    fn who_asked_gets_the_floor_next_but_not_for_ever() {
        let (mut state, now) = (State::default(), Instant::now());
        let first = state.take(person(1), now).unwrap();
        state.ask(person(2), now);
        assert_eq!(state.view(now).asker, Some(person(2)));
        state.release(first, now);
        assert_eq!(state.take(person(3), now), Err(person(2)));
        assert!(state.take(person(3), now + FLOOR_KEPT).is_ok());
        assert_eq!(state.lost(first), None);
    }

    #[test]
    fn taking_over_ends_the_talk_and_says_by_whom() {
        let (mut state, now) = (State::default(), Instant::now());
        let first = state.take(person(1), now).unwrap();
        state.take_over(person(2), now);
        assert_eq!(state.lost(first), Some(Some("viewer 2".into())));
        assert_eq!(talker(&mut state, now).as_deref(), Some("viewer 2"));
        // The talk that lost it does not free what another holds.
        state.release(first, now);
        assert_eq!(state.take(person(1), now), Err(person(2)));
        let second = state.take(person(2), now).unwrap();
        assert_eq!(state.lost(second), None);
    }

    #[test]
    fn a_viewer_that_comes_back_takes_the_floor_from_its_own_broken_talk() {
        let (mut state, now) = (State::default(), Instant::now());
        let first = state.take(person(1), now).unwrap();
        let second = state.take(person(1), now).unwrap();
        assert_eq!((state.lost(first), state.lost(second)), (Some(None), None));
        state.release(first, now);
        assert!(talker(&mut state, now).is_some());
        state.release(second, now);
        assert_eq!(talker(&mut state, now), None);
    }
}
