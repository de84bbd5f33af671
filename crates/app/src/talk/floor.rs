//! Who holds a camera's floor, followed while the camera is on the screen.

use crate::api::{Event, Failure, FloorPerson, TalkFloor};
use crate::fail;
use crate::session::{Core, Session};
use std::sync::Arc;
use std::time::Duration;
use wire::command::{Command, Topic, User};
use wire::id::PeerId;
use wire::talk::{Floor, FloorAsk, Person};

/// After an answer that says nothing: an old camera, or no connection.
const PAUSE: Duration = Duration::from_secs(3);

/// Asks the camera about its floor.
///
/// # Errors
/// The camera is not reached, or knows no floor.
pub async fn ask(session: &Session, ask: FloorAsk) -> Result<Floor, Failure> {
    let command = Command::User {
        channel: 0,
        cmd: User::Topic(Topic::talk_floor(ask)),
    };
    let reply = session.send(&command).await?;
    Floor::decode(reply.as_bytes())
        .map_err(|error| fail::answer(&reply, &session.name()).detail(error))
}

/// The floor as the UI gets it.
pub fn shown(floor: &Floor, me: &PeerId) -> TalkFloor {
    let person = |person: &Person| FloorPerson {
        name: person.name.clone(),
        me: person.id == *me,
    };
    TalkFloor {
        talker: floor.talker.as_ref().map(person),
        asker: floor.asker.as_ref().map(person),
    }
}

/// Follows the floor of a camera as long as it is not dropped.
pub struct Following(tokio::task::JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Following {
    /// Tells every change as [`Event::Floor`].
    pub fn start(core: Arc<Core>, session: Arc<Session>, me: PeerId) -> Self {
        Self(tokio::spawn(async move {
            let (mut version, mut told) = (0, TalkFloor::default());
            loop {
                if !session.is_connected() {
                    version = 0;
                    tokio::time::sleep(PAUSE / 6).await;
                    continue;
                }
                match ask(&session, FloorAsk::Watch { version }).await {
                    Ok(floor) => {
                        version = floor.version;
                        let now = shown(&floor, &me);
                        if now != told {
                            told = now.clone();
                            let camera = session.key().to_owned();
                            core.tell(Event::Floor { camera, floor: now });
                        }
                    }
                    Err(_) => {
                        version = 0;
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }))
    }
}
