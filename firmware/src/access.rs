//! Who may watch: the list of viewers, and the one-time secrets that put somebody on it.
//!
//! The first secret is made with the camera and lives until the first viewer is added. Further ones are made by
//! `share`, live for a day, and admit one viewer each. A hub puts an owner on the list ([`Guests::bind`]) and takes it off
//! ([`Guests::unbind`]), together with everybody that this owner has let in.

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
    links: Vec<OpenLink>,
}

/// A link that somebody may use once.
#[derive(Clone)]
struct OpenLink {
    secret: Secret,
    /// Unix seconds.
    expires: u64,
    /// The viewer that shared it.
    by: Option<PeerId>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Guest {
    #[serde(default)]
    name: String,
    /// Unix seconds.
    #[serde(default)]
    added: u64,
    /// Whose link it came with: 64 hex characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Whether a hub has put it here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hub: bool,
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
    /// Who shared it: 64 hex characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
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

/// Why an owner is not put on the list.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// It is full.
    #[error("the camera knows {KNOWN_VIEWERS} viewers already: forget one, then bind again")]
    Full,
    /// The lists cannot be written.
    #[error(transparent)]
    Data(#[from] DataError),
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
                state.links.push(OpenLink {
                    secret: secret(line.secret)?,
                    expires: line.expires,
                    by: line.by.and_then(|by| by.parse().ok()),
                });
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

    /// What a viewer on the list is called.
    pub fn name_of(&self, viewer: &PeerId) -> Option<String> {
        let state = self.lock();
        let guest = state.viewers.iter().find(|(id, _)| id == viewer);
        guest.map(|(_, guest)| guest.name.clone())
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
        next.links.push(OpenLink {
            secret: secret.clone(),
            expires: now + LINK_LIFE.as_secs(),
            by: Some(*by),
        });
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
        let state = self.lock();
        if !state.knows(viewer) {
            return Ok(());
        }
        let mut next = state.clone();
        next.viewers.retain(|(id, _)| id != viewer);
        self.replace(state, next)
    }

    /// Puts the owner that a hub names on the list. The first secret is over then: the camera is somebody's.
    ///
    /// # Errors
    /// The lists cannot be written, or the list is full; then nothing has changed.
    pub fn bind(&self, owner: &PeerId, name: &str) -> Result<(), BindError> {
        let state = self.lock();
        let mut next = state.clone();
        next.first = None;
        if let Some((_, guest)) = next.viewers.iter_mut().find(|(id, _)| id == owner) {
            guest.hub = true;
        } else if next.viewers.len() >= KNOWN_VIEWERS {
            return Err(BindError::Full);
        } else {
            let guest = Guest {
                name: tidy(name),
                added: system_seconds(),
                hub: true,
                ..Guest::default()
            };
            next.viewers.push((*owner, guest));
        }
        Ok(self.replace(state, next)?)
    }

    /// Takes owners that a hub has put on the list off it again, `owner` or all of them, with every viewer that came by
    /// their links, and gives all who are gone: their connections are to be closed.
    ///
    /// # Errors
    /// The lists cannot be written; then nothing has changed.
    pub fn unbind(&self, owner: Option<&PeerId>) -> Result<Vec<PeerId>, DataError> {
        let state = self.lock();
        let mut gone: Vec<PeerId> = state
            .viewers
            .iter()
            .filter(|(id, guest)| guest.hub && owner.is_none_or(|owner| owner == id))
            .map(|(id, _)| *id)
            .collect();
        let mut next = state.clone();
        let mut looked = 0;
        while let Some(by) = gone.get(looked).copied() {
            looked += 1;
            let text = by.to_string();
            next.links.retain(|link| link.by != Some(by));
            for (id, guest) in &next.viewers {
                if guest.by.as_deref() == Some(&text) && !guest.hub && !gone.contains(id) {
                    gone.push(*id);
                }
            }
        }
        if gone.is_empty() {
            return Ok(gone);
        }
        next.viewers.retain(|(id, _)| !gone.contains(id));
        self.replace(state, next)?;
        Ok(gone)
    }

    /// Whether a hub has put this viewer on the list.
    pub fn is_owner(&self, viewer: &PeerId) -> bool {
        let state = self.lock();
        let mut viewers = state.viewers.iter();
        viewers.any(|(id, guest)| id == viewer && guest.hub)
    }

    /// Whether a hub has put somebody on the list.
    pub fn is_bound(&self) -> bool {
        self.lock().viewers.iter().any(|(_, guest)| guest.hub)
    }

    /// Writes both lists and makes them the valid ones. With the last viewer a new first secret is made.
    fn replace(&self, mut state: MutexGuard<'_, State>, mut next: State) -> Result<(), DataError> {
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
        let Some(by) = next.use_up(&request.secret) else {
            return Ok(false);
        };
        if next.viewers.len() >= KNOWN_VIEWERS {
            return Ok(false);
        }
        next.viewers.push((
            *viewer,
            Guest {
                name: tidy(&request.viewer_name),
                added: now,
                by: by.map(|by| by.to_string()),
                hub: false,
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
        let line = |link: &OpenLink| LinkLine {
            secret: link.secret.to_text(),
            expires: link.expires,
            by: link.by.map(|by| by.to_string()),
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
        self.links.retain(|link| now < link.expires);
    }

    /// Uses a secret up, and says whose link it was; `None` if there is no such secret. Looks at every one, so that the
    /// time tells nothing.
    fn use_up(&mut self, shown: &Secret) -> Option<Option<PeerId>> {
        let first = self
            .first
            .as_ref()
            .is_some_and(|secret| secret.matches(shown));
        let mut used = first.then_some(None);
        self.links.retain(|link| {
            let matches = link.secret.matches(shown);
            if matches {
                used = Some(link.by);
            }
            !matches
        });
        if used.is_some() {
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
mod tests;
