//! All saved cameras and their sessions: adding, removing, sharing, moving them.

use crate::api::{Camera, CameraKey, Direction, Event, Failure, FailureCode};
use crate::book::{HubName, Saved};
use crate::fail;
use crate::pairing::world::Paired;
use crate::session::{Core, Session};
use p2p::{Endpoint, Error, Request};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use wire::ParseError;
use wire::command::ptz::Ptz;
use wire::command::reply::{PtzReply, UserReply};
use wire::command::{Command, Inner, StatusOf, Topic, User};
use wire::link::Link;

/// How long a camera that is being removed gets to forget this viewer.
const FORGET: Duration = Duration::from_secs(4);
/// How long a share link holds when the camera does not say.
const SHARE_SECONDS: u64 = 24 * 3600;

/// The saved cameras, each with its session.
pub struct Cameras {
    core: Arc<Core>,
    endpoint: RwLock<Endpoint>,
    sessions: Mutex<HashMap<CameraKey, Arc<Session>>>,
    viewer_name: String,
}

/// A link for another viewer. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    /// The link.
    pub link: String,
    /// As a QR code, SVG.
    pub qr_svg: String,
    /// Seconds until it expires.
    pub expires_in: u64,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl Cameras {
    /// Sessions for everything that is saved; nothing is dialled yet.
    pub fn new(core: Arc<Core>, endpoint: Endpoint, viewer_name: String) -> Self {
        let cameras = Self {
            core,
            endpoint: RwLock::new(endpoint),
            sessions: Mutex::default(),
            viewer_name,
        };
        for saved in cameras.core.book.cameras() {
            cameras.begin(&saved);
        }
        cameras
    }

    /// The endpoint in use.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Goes on over another endpoint; running views ask again by themselves.
    pub async fn move_to(&self, endpoint: Endpoint) {
        let before = std::mem::replace(
            &mut *self
                .endpoint
                .write()
                .unwrap_or_else(PoisonError::into_inner),
            endpoint.clone(),
        );
        let sessions: Vec<_> = self.sessions().values().cloned().collect();
        for session in sessions {
            if let Some(address) = self
                .core
                .book
                .camera(session.key())
                .and_then(|saved| saved.address())
            {
                session.replace(endpoint.session(address));
            }
        }
        before.close().await;
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<CameraKey, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, saved: &Saved) -> Option<Arc<Session>> {
        let Some(address) = saved.address() else {
            tracing::warn!(camera = saved.key, "its saved id is damaged");
            return None;
        };
        let session = Session::new(
            saved.key.clone(),
            self.core.clone(),
            self.endpoint().session(address),
        );
        self.sessions().insert(saved.key.clone(), session.clone());
        Some(session)
    }

    /// The session of a saved camera.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`].
    pub fn get(&self, key: &str) -> Result<Arc<Session>, Failure> {
        self.sessions()
            .get(key)
            .cloned()
            .ok_or_else(|| Failure::new(FailureCode::CameraUnknown).with("camera", key))
    }

    /// The session of the camera a person means, see [`crate::book::Book::meant`].
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`].
    pub fn meant(&self, text: &str) -> Result<Arc<Session>, Failure> {
        let saved = self
            .core
            .book
            .meant(text)
            .ok_or_else(|| Failure::new(FailureCode::CameraUnknown).with("camera", text))?;
        self.get(&saved.key)
    }

    /// All cameras as the UI gets them.
    pub fn list(&self) -> Vec<Camera> {
        self.core
            .book
            .cameras()
            .iter()
            .filter_map(|saved| Some(self.get(&saved.key).ok()?.camera(saved)))
            .collect()
    }

    /// One camera as the UI gets it.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`].
    pub fn camera(&self, key: &str) -> Result<Camera, Failure> {
        let session = self.get(key)?;
        let saved = self
            .core
            .book
            .camera(key)
            .ok_or_else(|| Failure::new(FailureCode::CameraUnknown).with("camera", key))?;
        Ok(session.camera(&saved))
    }

    /// Pairs with the camera of a link and saves it. A camera that is saved already is paired anew if it does not know
    /// this viewer any more.
    ///
    /// # Errors
    /// Which part of the link is wrong; that it is used up; that the camera is not reached or is there already.
    pub async fn add(
        &self,
        link: &str,
        name: Option<String>,
        room: Option<String>,
    ) -> Result<Camera, Failure> {
        let link = read_link(link)?;
        let known = self.core.book.by_id(&link.address.id);
        let shown = known.as_ref().map(|saved| saved.name.clone());
        let shown = shown
            .or_else(|| name.clone())
            .or_else(|| link.name.clone())
            .unwrap_or_else(|| unnamed(&link.address.id));
        let session = self.endpoint().session(link.address.clone());
        if let Some(saved) = &known {
            let knows_us = !matches!(knock(&session).await, Err(Error::Refused));
            if knows_us || link.secret.is_none() {
                return Err(
                    Failure::new(FailureCode::CameraAlreadyAdded).with("camera", &saved.name)
                );
            }
        }
        let own_name = match &link.secret {
            Some(secret) => {
                let request = wire::pair::Request {
                    secret: secret.clone(),
                    viewer_name: self.viewer_name.clone(),
                };
                match session.pair(request).await {
                    Ok(()) => session.camera_name(),
                    Err(Error::Refused) => {
                        return Err(Failure::new(FailureCode::LinkRefused).with("camera", &shown));
                    }
                    Err(error) => return Err(fail::transport(&error, &shown)),
                }
            }
            None => match knock(&session).await {
                Ok(()) => None,
                Err(Error::Refused) => {
                    return Err(Failure::new(FailureCode::LinkWithoutSecret).with("camera", &shown));
                }
                Err(error) => return Err(fail::transport(&error, &shown)),
            },
        };
        if let Some(saved) = known {
            session.retry();
            return self.camera(&saved.key);
        }
        let name = name
            .filter(|name| !name.trim().is_empty())
            .or(own_name)
            .or(link.name.clone());
        let name = name.unwrap_or_else(|| unnamed(&link.address.id));
        let address = session.address();
        let saved = self
            .core
            .book
            .add(&address, name.trim(), room.unwrap_or_default().trim())?;
        self.begin(&saved);
        let camera = self.camera(&saved.key)?;
        self.core.tell(Event::Camera {
            camera: camera.clone(),
        });
        Ok(camera)
    }

    /// Saves a camera that a hub has bound to this viewer; one that is saved already keeps its name.
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`].
    pub(crate) fn adopt(&self, paired: Paired) -> Result<CameraKey, Failure> {
        let device = Some(HubName::from(&paired.bound.device));
        let Paired { address, name, .. } = &paired;
        let known = self.core.book.by_id(&address.id);
        let key = match known {
            Some(saved) => {
                self.core
                    .book
                    .learn(&saved.key, &address.addrs, &address.relays);
                let session = self.get(&saved.key)?.p2p();
                session.learn(address);
                session.retry();
                saved.key
            }
            None => {
                let name: String = name.chars().take(wire::MAX_NAME_BYTES).collect();
                let saved = self.core.book.add(address, &name, &paired.room)?;
                self.begin(&saved);
                saved.key
            }
        };
        self.core.book.change(&key, |saved| {
            let changed = saved.device != device;
            saved.device = device;
            changed
        })?;
        self.core.tell(Event::Camera {
            camera: self.camera(&key)?,
        });
        Ok(key)
    }

    /// Renames a camera.
    ///
    /// # Errors
    /// [`FailureCode::SettingInvalid`] for an empty name; [`FailureCode::CameraUnknown`].
    pub fn edit(&self, key: &str, name: &str, room: &str) -> Result<Camera, Failure> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Failure::new(FailureCode::SettingInvalid)
                .with("setting", "name")
                .with("reason", "empty"));
        }
        self.core.book.change(key, |saved| {
            saved.name = name.chars().take(wire::MAX_NAME_BYTES).collect();
            saved.room = room.trim().chars().take(wire::MAX_NAME_BYTES).collect();
            true
        })?;
        let camera = self.camera(key)?;
        self.core.tell(Event::Camera {
            camera: camera.clone(),
        });
        Ok(camera)
    }

    /// Asks the camera to forget this viewer, if it can be reached soon, and forgets the camera.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`], [`FailureCode::FileNotWritten`].
    pub async fn remove(&self, key: &str) -> Result<(), Failure> {
        let session = self.get(key)?;
        let forget = Command::User {
            channel: 0,
            cmd: User::Topic(Topic::forget_me()),
        };
        if tokio::time::timeout(FORGET, session.send(&forget))
            .await
            .is_err()
        {
            tracing::info!(camera = key, "removed without telling the camera");
        }
        self.core.book.remove(key)?;
        self.sessions().remove(key);
        session.close();
        self.core.tell(Event::CameraRemoved {
            camera: key.to_owned(),
        });
        Ok(())
    }

    /// Asks the camera for a fresh one-time link.
    ///
    /// # Errors
    /// The camera is not reached or does not share.
    pub async fn share(&self, key: &str) -> Result<Share, Failure> {
        let session = self.get(key)?;
        let reply = session
            .send(&Command::User {
                channel: 0,
                cmd: User::Topic(Topic::share()),
            })
            .await?;
        let refused = || fail::answer(&reply, &session.name());
        let said = UserReply::decode(reply.as_bytes()).map_err(|error| refused().detail(error))?;
        if !said.ok() {
            return Err(refused());
        }
        let link = said
            .link()
            .map_err(|error| refused().detail(error))?
            .to_string();
        Ok(Share {
            qr_svg: qr_svg(&link)?,
            link,
            expires_in: said.expires_in().unwrap_or(SHARE_SECONDS),
        })
    }

    /// Presses or releases the PTZ pad; whether the motor has reached its end.
    ///
    /// # Errors
    /// The camera is not reached or has no motor.
    pub async fn ptz(&self, key: &str, ptz: Ptz) -> Result<bool, Failure> {
        let session = self.get(key)?;
        let reply = session
            .send(&Command::User {
                channel: 0,
                cmd: User::Topic(Topic::ptz(ptz)),
            })
            .await?;
        let refused = || fail::answer(&reply, &session.name());
        let said = PtzReply::decode(reply.as_bytes()).map_err(|error| refused().detail(error))?;
        if said.ok() {
            Ok(said.apex == Some(true))
        } else {
            Err(refused())
        }
    }
}

/// Whether the camera serves us, by the cheapest question there is.
async fn knock(session: &p2p::Session) -> Result<(), Error> {
    let cmd = Inner::GetDeviceSt {
        kind: StatusOf::Live,
        quality: None,
    };
    let question = Request::get(Command::Inner { channel: 0, cmd }.path());
    session.request(question).await.map(|_| ())
}

/// Reads a pairing link.
///
/// # Errors
/// [`FailureCode::LinkMalformed`] with the part, what it should be and what it is.
pub fn read_link(text: &str) -> Result<Link, Failure> {
    text.trim().parse::<Link>().map_err(|error: ParseError| {
        Failure::new(FailureCode::LinkMalformed)
            .with("part", error.field())
            .with("expected", fail::expected(&error))
            .with("got", got(&error, text))
            .detail(error)
    })
}

/// What stands where a link is wrong, or the word for it in `texts/words.json`. No secret.
fn got(error: &ParseError, link: &str) -> String {
    match error {
        ParseError::Repeated { .. } => "twice",
        ParseError::TooLong { .. } => "more",
        ParseError::Missing { .. } => "nothing",
        _ => match error.got().unwrap_or_default() {
            "" if link.trim().is_empty() => "nothing",
            // A text without a scheme and a secret are not shown: it may be the secret alone.
            shown if shown.is_empty() || shown.starts_with("***") => "another text",
            shown => shown,
        },
    }
    .to_owned()
}

/// What a camera is called that has no name.
pub(crate) fn unnamed(id: &wire::id::PeerId) -> String {
    format!("Camera {}", &id.short()[..6])
}

/// A link as a QR code, an SVG document.
///
/// # Errors
/// It is too long for one.
pub fn qr_svg(link: &str) -> Result<String, Failure> {
    let code = qrcode::QrCode::with_error_correction_level(link, qrcode::EcLevel::L)
        .map_err(fail::internal)?;
    Ok(code
        .render::<qrcode::render::svg::Color<'_>>()
        .min_dimensions(240, 240)
        .build())
}

impl From<Direction> for wire::command::ptz::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Up => Self::Up,
            Direction::Down => Self::Down,
            Direction::Left => Self::Left,
            Direction::Right => Self::Right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_link_says_what_is_wrong() {
        for text in [
            "",
            "hello",
            "porthole:",
            "porthole:xyz",
            "https://example.com",
        ] {
            let failure = read_link(text).unwrap_err();
            assert_eq!(failure.code, FailureCode::LinkMalformed, "{text}");
            assert!(
                ["part", "expected", "got"]
                    .iter()
                    .all(|name| failure.params.contains_key(*name))
            );
        }
    }

    #[test]
    fn a_link_becomes_a_qr_code() {
        let svg = qr_svg("porthole:00").unwrap();
        assert!(svg.contains("<svg") && svg.ends_with("</svg>"));
    }
}
