//! Playback: what is on the card, sent as a stream that a viewer steers.
//!
//! ```text
//!  card ──GOPs──> tape ──> session ──tags──> feed ──> P2P stream ──> viewer
//!                             ^                                        │
//!                             └── pause, seek, speed … by its name ────┘
//! ```
//!
//! Any number of viewers, each with any number of playbacks; each is a few hundred bytes and, while its viewer reads, one
//! group of pictures. The camera does not pace: a viewer that stops reading stops its reading.

mod card;
mod feed;
mod line;
mod session;
mod tape;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Semaphore, watch};
use wire::command::PlaybackAct;
use wire::command::reply::Status;
use wire::id::PeerId;
use wire::stream::{Playback, SessionName};

use crate::defaults::{PLAYBACK_READS, PLAYBACKS, PLAYBACKS_PER_VIEWER};

pub use card::CardTape;
pub use feed::{NoPlayback, Playing};
pub use session::{Session, Step, Turn};
pub use tape::{Found, Gop, Tape, TapeError, Tracks, Which};

/// All playbacks that run.
#[derive(Debug)]
pub struct Playbacks {
    running: Mutex<Running>,
    /// So many read the card at the same time.
    reads: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Running {
    number: u64,
    by_number: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    viewer: PeerId,
    name: SessionName,
    control: Arc<Control>,
}

/// What commands and the stream of a playback share.
#[derive(Debug)]
pub(crate) struct Control {
    session: Mutex<Session>,
    /// Changes with every command.
    acted: watch::Sender<()>,
}

impl Control {
    fn new(session: Session) -> Arc<Self> {
        Arc::new(Self {
            session: Mutex::new(session),
            acted: watch::Sender::new(()),
        })
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }

    fn stop(&self) {
        self.session().stop();
        self.acted.send_replace(());
    }
}

/// A playback's place among those that run. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    playbacks: Arc<Playbacks>,
    number: u64,
    name: SessionName,
    control: Arc<Control>,
}

/// As many playbacks as the camera, or this viewer, may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{now} playbacks run")]
pub struct TooMany {
    /// So many run.
    pub now: u32,
    /// So many may.
    pub max: u32,
}

impl Playbacks {
    /// None yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            running: Mutex::default(),
            reads: Arc::new(Semaphore::new(PLAYBACK_READS)),
        })
    }

    /// How many run.
    pub fn count(&self) -> u32 {
        u32::try_from(lock(&self.running).by_number.len()).unwrap_or(u32::MAX)
    }

    /// How many may run.
    pub fn max(&self) -> u32 {
        u32::try_from(PLAYBACKS).unwrap_or(u32::MAX)
    }

    /// Whether this viewer may have one more.
    ///
    /// # Errors
    /// It may not.
    pub fn check(&self, viewer: &PeerId) -> Result<(), TooMany> {
        lock(&self.running).check(viewer, None)
    }

    /// Makes a place. One of the same viewer with the same name ends and leaves it to this one.
    fn enter(self: &Arc<Self>, viewer: &PeerId, wanted: &Playback) -> Result<Place, TooMany> {
        let mut running = lock(&self.running);
        let same = wanted
            .session
            .as_ref()
            .and_then(|name| running.newest(viewer, Some(name)));
        running.check(viewer, same)?;
        if let Some(old) = same.and_then(|number| running.by_number.remove(&number)) {
            old.control.stop();
        }
        running.number += 1;
        let number = running.number;
        let name = match &wanted.session {
            Some(name) => name.clone(),
            None => running.own_name(viewer),
        };
        let control = Control::new(Session::new(wanted));
        let entry = Entry {
            viewer: *viewer,
            name: name.clone(),
            control: Arc::clone(&control),
        };
        running.by_number.insert(number, entry);
        drop(running);
        Ok(Place {
            playbacks: Arc::clone(self),
            number,
            name,
            control,
        })
    }

    /// Does what a command says to the playback of that name, or to the viewer's newest.
    ///
    /// # Returns
    /// The status of the reply and, if there is such a playback, its progress in milliseconds.
    pub fn act(
        &self,
        viewer: &PeerId,
        name: Option<&SessionName>,
        act: &PlaybackAct,
    ) -> (Status, Option<u64>) {
        let control = {
            let running = lock(&self.running);
            let number = running.newest(viewer, name);
            number
                .and_then(|number| running.by_number.get(&number))
                .map(|entry| Arc::clone(&entry.control))
        };
        let Some(control) = control else {
            return (Status::BadRequest, None);
        };
        let mut session = control.session();
        let status = session.act(act);
        let progress = session.progress_ms();
        drop(session);
        control.acted.send_replace(());
        (status, Some(progress))
    }
}

impl Running {
    fn check(&self, viewer: &PeerId, replaced: Option<u64>) -> Result<(), TooMany> {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let others = self
            .by_number
            .iter()
            .filter(|(number, _)| Some(**number) != replaced);
        let own = others.clone().filter(|(_, entry)| entry.viewer == *viewer);
        let limits = [
            (others.count(), PLAYBACKS),
            (own.count(), PLAYBACKS_PER_VIEWER),
        ];
        match limits.into_iter().find(|(now, max)| now >= max) {
            Some((now, max)) => Err(TooMany {
                now: count(now),
                max: count(max),
            }),
            None => Ok(()),
        }
    }

    /// The newest playback of a viewer, of that name if one is given.
    fn newest(&self, viewer: &PeerId, name: Option<&SessionName>) -> Option<u64> {
        self.by_number
            .iter()
            .rev()
            .find(|(_, entry)| {
                entry.viewer == *viewer && name.is_none_or(|name| entry.name == *name)
            })
            .map(|(number, _)| *number)
    }

    /// A name that this viewer has not given to any playback of its own.
    fn own_name(&self, viewer: &PeerId) -> SessionName {
        let mut number = self.number;
        while self
            .newest(viewer, Some(&SessionName::numbered(number)))
            .is_some()
        {
            number += 1;
        }
        SessionName::numbered(number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.playbacks.running).by_number.remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::command::Seek;

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);

    fn named(name: &str) -> Playback {
        Playback {
            session: Some(name.parse().unwrap()),
            ..Playback::new(100, 200)
        }
    }

    fn seek(seconds: u64) -> PlaybackAct {
        PlaybackAct::Seek(Seek::Time(seconds))
    }

    #[test]
    fn commands_reach_the_named_playback_or_the_viewers_newest() {
        let playbacks = Playbacks::new();
        let none = (Status::BadRequest, None);
        assert_eq!(playbacks.act(&A, None, &PlaybackAct::Pause), none);
        let first = playbacks.enter(&A, &named("left")).unwrap();
        let second = playbacks.enter(&A, &Playback::new(300, 400)).unwrap();
        let other = playbacks.enter(&B, &Playback::new(500, 600)).unwrap();
        // 150 s lies in the first one only, 350 s in the second.
        assert_eq!(playbacks.act(&A, None, &seek(350)).0, Status::Accept);
        let left = "left".parse().unwrap();
        assert_eq!(
            playbacks.act(&A, Some(&left), &seek(350)).0,
            Status::BadRequest
        );
        assert_eq!(playbacks.act(&A, Some(&left), &seek(150)).0, Status::Accept);
        assert_eq!(playbacks.act(&B, Some(&left), &seek(150)), none);
        drop(second);
        assert_eq!(playbacks.act(&A, None, &seek(350)).0, Status::BadRequest);
        drop((first, other));
        assert_eq!(playbacks.act(&A, None, &seek(150)), none);
        assert_eq!(playbacks.count(), 0);
    }

    #[test]
    fn a_name_that_is_taken_anew_ends_the_playback_that_had_it() {
        let playbacks = Playbacks::new();
        let old = playbacks.enter(&A, &named("x")).unwrap();
        let _other = playbacks.enter(&B, &named("x")).unwrap();
        let new = playbacks.enter(&A, &named("x")).unwrap();
        assert!(matches!(old.control.session().poll(), Ok(Step::End)));
        assert!(!matches!(new.control.session().poll(), Ok(Step::End)));
        assert_eq!(playbacks.count(), 2);
        drop(old);
        assert_eq!(playbacks.act(&A, None, &seek(150)).0, Status::Accept);
    }

    #[test]
    fn names_that_the_camera_makes_are_not_those_a_viewer_chose() {
        let playbacks = Playbacks::new();
        let mine: Vec<_> = (1..9)
            .map(|n| playbacks.enter(&A, &named(&format!("p{n}"))).unwrap())
            .collect();
        let made: Vec<_> = (0..9)
            .map(|_| playbacks.enter(&A, &Playback::new(1, 9)).unwrap())
            .collect();
        let mut names: Vec<_> = mine.iter().chain(&made).map(|place| &place.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 17);
    }

    #[test]
    fn the_playbacks_of_a_viewer_and_of_all_are_bounded() {
        let playbacks = Playbacks::new();
        let enter = |viewer: u8| playbacks.enter(&PeerId([viewer; 32]), &Playback::new(1, 9));
        let mut places: Vec<_> = (0..PLAYBACKS_PER_VIEWER)
            .map(|_| enter(0).unwrap())
            .collect();
        let full = u32::try_from(PLAYBACKS_PER_VIEWER).unwrap();
        assert_eq!(
            enter(0).err(),
            Some(TooMany {
                now: full,
                max: full
            })
        );
        assert!(playbacks.check(&PeerId([0; 32])).is_err());
        for n in PLAYBACKS_PER_VIEWER..PLAYBACKS {
            places.push(enter(1 + u8::try_from(n % 200).unwrap()).unwrap());
        }
        let most = u32::try_from(PLAYBACKS).unwrap();
        assert_eq!(
            enter(250).err(),
            Some(TooMany {
                now: most,
                max: most
            })
        );
        places.clear();
        assert!(enter(0).is_ok());
    }
}
