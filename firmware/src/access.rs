//! Who may watch: the list of viewers, and the one-time secrets that put somebody on it.
//!
//! The first secret is made with the camera and lives until the first viewer is added. Further ones are made by
//! `share`, live for a day, and admit one viewer each.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wire::id::{PeerId, Secret};
use wire::pair;

use crate::clock::system_seconds;
use crate::data::{DataDir, DataError};
use crate::defaults::{KNOWN_VIEWERS, LINK_LIFE, NAME_BYTES, OPEN_LINKS};

const VIEWERS: &str = "viewers.json";
const INVITATION: &str = "invitation.json";

/// See the module's text.
pub struct Guests {
    dir: DataDir,
    state: Mutex<State>,
    /// Changes when the camera's own link does.
    changed: watch::Sender<u64>,
}

#[derive(Clone, Default)]
struct State {
    viewers: Vec<(PeerId, Guest)>,
    first: Option<Secret>,
    links: Vec<(Secret, u64)>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Guest {
    #[serde(default)]
    name: String,
    /// Unix seconds.
    #[serde(default)]
    added: u64,
}

/// viewers.json
#[derive(Serialize, Deserialize)]
struct ViewersFile {
    viewers: Vec<ViewerLine>,
}

#[derive(Serialize, Deserialize)]
struct ViewerLine {
    id: String,
    #[serde(flatten)]
    guest: Guest,
}

/// invitation.json
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct InvitationFile {
    first: Option<String>,
    links: Vec<LinkLine>,
}

#[derive(Serialize, Deserialize)]
struct LinkLine {
    secret: String,
    /// Unix seconds.
    expires: u64,
}

/// Why there is no further link.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// Nobody may ask but a viewer on the list.
    #[error("this viewer is not on the camera's list")]
    Stranger,
    /// The system has no randomness, or the file cannot be written.
    #[error("{0}")]
    Failed(String),
}

impl Guests {
    /// Reads the lists, and makes the first secret if there is nobody on them.
    ///
    /// # Errors
    /// A file cannot be read or written, or is damaged.
    pub fn load(dir: DataDir) -> Result<Arc<Self>, DataError> {
        let damaged = |name: &str, text: String| DataError::Damaged {
            path: dir.path(name),
            text,
        };
        let mut state = State::default();
        if let Some(file) = dir.read::<ViewersFile>(VIEWERS)? {
            for line in file.viewers {
                let id = line
                    .id
                    .parse()
                    .map_err(|error: wire::ParseError| damaged(VIEWERS, error.to_string()))?;
                state.viewers.push((id, line.guest));
            }
        }
        if let Some(file) = dir.read::<InvitationFile>(INVITATION)? {
            let secret = |text: String| {
                text.parse::<Secret>()
                    .map_err(|error| damaged(INVITATION, error.to_string()))
            };
            state.first = file.first.map(secret).transpose()?;
            for line in file.links {
                state.links.push((secret(line.secret)?, line.expires));
            }
        }
        let guests = Self {
            dir,
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
        };
        let mut state = guests.lock();
        if state.viewers.is_empty() && state.first.is_none() {
            // The power went while the last viewer was taken off: see [`Guests::forget`].
            state.links.clear();
            state.first = Some(guests.random()?);
            guests.write_invitation(&state)?;
        }
        drop(state);
        Ok(Arc::new(guests))
    }

    /// The first secret, while nobody has used it.
    pub fn first(&self) -> Option<Secret> {
        self.lock().first.clone()
    }

    /// Follows changes of [`Guests::first`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// How many viewers the camera knows.
    pub fn count(&self) -> usize {
        self.lock().viewers.len()
    }

    /// A fresh secret for one more viewer.
    ///
    /// # Errors
    /// [`ShareError`].
    pub fn share(&self, by: &PeerId) -> Result<Secret, ShareError> {
        let mut state = self.lock();
        if !state.knows(by) {
            return Err(ShareError::Stranger);
        }
        let secret = self
            .random()
            .map_err(|error| ShareError::Failed(error.to_string()))?;
        let mut next = state.clone();
        let now = system_seconds();
        next.expire(now);
        if next.links.len() >= OPEN_LINKS {
            next.links.remove(0);
        }
        next.links.push((secret.clone(), now + LINK_LIFE.as_secs()));
        self.write_invitation(&next)
            .map_err(|error| ShareError::Failed(error.to_string()))?;
        *state = next;
        Ok(secret)
    }

    /// Takes a viewer off the list. With the last one a new first secret is made.
    ///
    /// # Errors
    /// The lists cannot be written; then nothing has changed.
    pub fn forget(&self, viewer: &PeerId) -> Result<(), DataError> {
        let mut state = self.lock();
        if !state.knows(viewer) {
            return Ok(());
        }
        let mut next = state.clone();
        next.viewers.retain(|(id, _)| id != viewer);
        if next.viewers.is_empty() {
            // Links of a former owner must not open the next one's camera.
            (next.first, next.links) = (Some(self.random()?), Vec::new());
        }
        self.write_viewers(&next)?;
        self.write_invitation(&next)?;
        *state = next;
        drop(state);
        self.changed.send_modify(|version| *version += 1);
        Ok(())
    }

    fn admit(&self, viewer: &PeerId, request: &pair::Request) -> Result<bool, DataError> {
        let mut state = self.lock();
        // Asking twice is the same viewer whose answer was lost.
        if state.knows(viewer) {
            return Ok(true);
        }
        let mut next = state.clone();
        let now = system_seconds();
        next.expire(now);
        if !next.use_up(&request.secret) || next.viewers.len() >= KNOWN_VIEWERS {
            return Ok(false);
        }
        next.viewers.push((
            *viewer,
            Guest {
                name: tidy(&request.viewer_name),
                added: now,
            },
        ));
        // In this order a cut between the two costs a link, never admits two.
        self.write_invitation(&next)?;
        self.write_viewers(&next)?;
        *state = next;
        drop(state);
        self.changed.send_modify(|version| *version += 1);
        Ok(true)
    }

    fn random(&self) -> Result<Secret, DataError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| DataError::Io {
            doing: "make a secret for",
            path: self.dir.path(INVITATION),
            source: std::io::Error::other(error.to_string()),
        })?;
        Ok(Secret::from_bytes(bytes))
    }

    fn write_viewers(&self, state: &State) -> Result<(), DataError> {
        let line = |(id, guest): &(PeerId, Guest)| ViewerLine {
            id: id.to_string(),
            guest: guest.clone(),
        };
        self.dir.write(
            VIEWERS,
            &ViewersFile {
                viewers: state.viewers.iter().map(line).collect(),
            },
        )
    }

    fn write_invitation(&self, state: &State) -> Result<(), DataError> {
        let line = |(secret, expires): &(Secret, u64)| LinkLine {
            secret: secret.to_text(),
            expires: *expires,
        };
        let first = state.first.as_ref().map(Secret::to_text);
        self.dir.write(
            INVITATION,
            &InvitationFile {
                first,
                links: state.links.iter().map(line).collect(),
            },
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl p2p::Access for Guests {
    fn admits(&self, viewer: &PeerId) -> bool {
        self.lock().knows(viewer)
    }

    fn pair(&self, viewer: &PeerId, request: &pair::Request) -> bool {
        self.admit(viewer, request).unwrap_or_else(|error| {
            tracing::error!(%error, "viewer not added");
            false
        })
    }
}

impl State {
    fn knows(&self, viewer: &PeerId) -> bool {
        self.viewers.iter().any(|(id, _)| id == viewer)
    }

    fn expire(&mut self, now: u64) {
        self.links.retain(|(_, expires)| now < *expires);
    }

    /// Looks at every secret, so that the time tells nothing.
    fn use_up(&mut self, shown: &Secret) -> bool {
        let first = self
            .first
            .as_ref()
            .is_some_and(|secret| secret.matches(shown));
        let before = self.links.len();
        self.links.retain(|(secret, _)| !secret.matches(shown));
        let used = first | (self.links.len() < before);
        if used {
            // With the first viewer the first secret is over, whichever way it came in.
            self.first = None;
        }
        used
    }
}

/// A name without control characters, shortened.
fn tidy(name: &str) -> String {
    let mut tidy = String::new();
    for character in name.chars().filter(|character| !character.is_control()) {
        if tidy.len() + character.len_utf8() > NAME_BYTES {
            break;
        }
        tidy.push(character);
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::Temporary;
    use p2p::Access;

    fn viewer(n: u8) -> PeerId {
        PeerId([n; 32])
    }

    fn request(secret: &Secret) -> pair::Request {
        pair::Request {
            secret: secret.clone(),
            viewer_name: "A\u{7}nn".into(),
        }
    }

    #[test]
    fn the_first_secret_admits_one_viewer_and_is_then_gone() {
        let temporary = Temporary::new();
        let guests = Guests::load(temporary.open()).unwrap();
        let secret = guests.first().unwrap();
        assert!(!guests.pair(&viewer(1), &request(&Secret::from_bytes([0; 16]))));
        assert!(!guests.admits(&viewer(1)));
        assert!(guests.pair(&viewer(1), &request(&secret)));
        assert!(guests.admits(&viewer(1)) && guests.first().is_none());
        assert!(!guests.pair(&viewer(2), &request(&secret)));
        assert!(
            guests.pair(&viewer(1), &request(&secret)),
            "a repeated request of the same viewer is no stranger's"
        );
        // The same after a restart.
        let guests = Guests::load(temporary.open()).unwrap();
        assert!(guests.admits(&viewer(1)) && guests.first().is_none() && guests.count() == 1);
        assert_eq!(guests.lock().viewers[0].1.name, "Ann");
    }

    #[test]
    fn of_many_at_once_one_secret_admits_one() {
        let temporary = Temporary::new();
        let guests = Guests::load(temporary.open()).unwrap();
        let secret = guests.first().unwrap();
        let threads: Vec<_> = (1..=16)
            .map(|n| {
                let (guests, request) = (Arc::clone(&guests), request(&secret));
                std::thread::spawn(move || guests.pair(&viewer(n), &request))
            })
            .collect();
        let admitted = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .filter(|ok| *ok);
        assert_eq!(admitted.count(), 1);
        assert_eq!(guests.count(), 1);
    }

    #[test]
    fn a_shared_link_works_once_within_a_day_and_only_viewers_make_one() {
        let temporary = Temporary::new();
        let guests = Guests::load(temporary.open()).unwrap();
        assert!(matches!(
            guests.share(&viewer(1)),
            Err(ShareError::Stranger)
        ));
        assert!(guests.pair(&viewer(1), &request(&guests.first().unwrap())));
        let link = guests.share(&viewer(1)).unwrap();
        let guests = Guests::load(temporary.open()).unwrap();
        assert!(guests.pair(&viewer(2), &request(&link)));
        assert!(!guests.pair(&viewer(3), &request(&link)));
        let link = guests.share(&viewer(2)).unwrap();
        guests.lock().links[0].1 = system_seconds();
        assert!(!guests.pair(&viewer(3), &request(&link)));
        for _ in 0..2 * OPEN_LINKS {
            guests.share(&viewer(2)).unwrap();
        }
        assert_eq!(guests.lock().links.len(), OPEN_LINKS);
    }

    #[test]
    fn with_the_last_viewer_the_camera_is_nobodys_again() {
        let temporary = Temporary::new();
        let guests = Guests::load(temporary.open()).unwrap();
        let old = guests.first().unwrap();
        guests.pair(&viewer(1), &request(&old));
        let link = guests.share(&viewer(1)).unwrap();
        let mut changes = guests.changes();
        changes.mark_unchanged();
        guests.forget(&viewer(1)).unwrap();
        assert!(changes.has_changed().unwrap());
        assert!(!guests.admits(&viewer(1)));
        assert!(
            !guests.pair(&viewer(2), &request(&link)) && !guests.pair(&viewer(2), &request(&old))
        );
        assert!(guests.pair(&viewer(2), &request(&guests.first().unwrap())));
    }

    #[test]
    fn a_cut_while_the_last_viewer_leaves_does_not_keep_its_links() {
        let temporary = Temporary::new();
        let guests = Guests::load(temporary.open()).unwrap();
        guests.pair(&viewer(1), &request(&guests.first().unwrap()));
        let link = guests.share(&viewer(1)).unwrap();
        // The list is written, the links are not yet.
        guests.write_viewers(&State::default()).unwrap();
        let guests = Guests::load(temporary.open()).unwrap();
        assert!(!guests.pair(&viewer(2), &request(&link)));
        assert!(guests.pair(&viewer(2), &request(&guests.first().unwrap())));
    }

    #[test]
    fn a_list_that_is_no_list_is_not_overwritten() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        std::fs::write(dir.path(VIEWERS), r#"{"viewers":[{"id":"nobody"}]}"#).unwrap();
        assert!(matches!(
            Guests::load(dir.clone()),
            Err(DataError::Damaged { .. })
        ));
        std::fs::write(
            dir.path(VIEWERS),
            format!(r#"{{"viewers":[{{"id":"{}"}}]}}"#, viewer(7)),
        )
        .unwrap();
        assert!(Guests::load(dir).unwrap().admits(&viewer(7)));
    }
}
