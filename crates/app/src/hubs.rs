//! The hub that pairs cameras: the one inside this app, started when it is first needed and kept until the app ends, or
//! one elsewhere by its invitation.

use crate::api::{CameraState, Event, Failure, FailureCode, HubChoice, Secret};
use crate::cameras::Cameras;
use crate::pairing::{address_of, causes};
use crate::session::Core;
use hub::client::{Client, Invitation};
use hub::{Config, Desk, Device, Hub};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};

pub(crate) mod relay;

/// How long a hub gets to answer a call that the user waits for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often at most a hub is asked where cameras are that cannot be reached.
const ASK: Duration = Duration::from_secs(10);
/// What the app's own hub is called in texts.
const OWN: &str = "Porthole";

/// Gives the desk of the user's choice.
pub struct Hubs {
    core: Arc<Core>,
    folder: PathBuf,
    own: Mutex<Option<Hub>>,
    /// Where the relay of the hub that is set is, as far as that was told.
    relay: std::sync::Mutex<Option<hub::RelayAddress>>,
}

impl Hubs {
    /// The app's own hub will keep its data in `folder`.
    pub fn new(core: Arc<Core>, folder: PathBuf) -> Self {
        Self {
            core,
            folder,
            own: Mutex::default(),
            relay: std::sync::Mutex::default(),
        }
    }

    /// The desk of the hub that is set; starts the app's own if that is the choice.
    ///
    /// # Errors
    /// [`FailureCode::HubUnavailable`], [`FailureCode::HubInvitationInvalid`].
    pub async fn desk(&self) -> Result<Arc<dyn Desk>, Failure> {
        match self.core.book.settings().hub {
            HubChoice::External { invitation } => Ok(Arc::new(client(&invitation)?)),
            HubChoice::Embedded => {
                let mut own = self.own.lock().await;
                if let Some(hub) = &*own {
                    return Ok(hub.desk());
                }
                let hub = Hub::start(Config::embedded(&self.folder)).await;
                let hub = hub.map_err(|error| causes::desk(&error, OWN))?;
                Ok(own.insert(hub).desk())
            }
        }
    }

    /// The desk, if that starts nothing.
    async fn desk_if_there(&self) -> Option<Arc<dyn Desk>> {
        match self.core.book.settings().hub {
            HubChoice::External { invitation } => Some(Arc::new(client(&invitation).ok()?)),
            HubChoice::Embedded => self.own.lock().await.as_ref().map(Hub::desk),
        }
    }

    /// Starts the app's own hub if cameras were paired through it: they come back to it, and tell where they are.
    pub async fn start_if_used(&self) {
        let own = self.core.book.settings().hub == HubChoice::Embedded;
        let used = self
            .core
            .book
            .cameras()
            .iter()
            .any(|saved| saved.device.is_some());
        if own
            && used
            && let Err(failure) = self.desk().await
        {
            tracing::warn!(%failure, "the own hub");
        }
    }

    /// Reads an invitation and asks its hub whether it is there: `host:port`.
    ///
    /// # Errors
    /// [`FailureCode::HubInvitationInvalid`], [`FailureCode::HubUnavailable`], [`FailureCode::HubAccessRefused`].
    pub async fn check(&self, invitation: &Secret) -> Result<String, Failure> {
        let client = client(invitation)?;
        let there = async {
            let address = client.address().await?;
            client.devices().await.map(|_| address.http_authority())
        };
        match timeout(PATIENCE * 2, there).await {
            Ok(there) => there.map_err(|error| causes::desk(&error, "–")),
            Err(_) => Err(Failure::new(FailureCode::HubUnavailable)
                .with("hub", "–")
                .with("reason", "no answer")),
        }
    }

    /// Takes a camera from its owner, so that it forgets every viewer the hub has told it of. It is tried once: what the
    /// user wants is that the camera is gone from here.
    pub async fn unbind(&self, device: &Device) {
        let unbinding = async {
            let desk = self.desk().await.map_err(|failure| failure.detail)?;
            desk.unbind(device).await.map_err(|error| error.to_string())
        };
        match timeout(PATIENCE, unbinding).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => tracing::warn!(reason, "not unbound"),
            Err(_) => tracing::warn!("not unbound: no answer"),
        }
    }

    /// Ends the app's own hub.
    pub async fn stop(&self) {
        let own = self.own.lock().await.take();
        if let Some(hub) = own {
            hub.stop().await;
        }
    }

    /// Tells the sessions of cameras that cannot be reached where the hub knows them.
    pub(crate) async fn learn_addresses(&self, cameras: &Cameras) {
        let Some(desk) = self.desk_if_there().await else {
            return;
        };
        let Ok(Ok(devices)) = timeout(PATIENCE, desk.devices()).await else {
            return;
        };
        for address in devices
            .iter()
            .filter_map(|device| address_of(device.xp2p_info.as_deref()?))
        {
            let saved = self.core.book.by_id(&address.id);
            if let Some(session) = saved.and_then(|saved| cameras.get(&saved.key).ok()) {
                session.p2p().learn(&address);
            }
        }
    }
}

/// Asks the hub whenever a camera goes away: it may have moved. Ends with `hubs`.
pub fn follow_moves(hubs: &Arc<Hubs>, cameras: &Arc<Cameras>) {
    let mut events = hubs.core.events.subscribe();
    let (hubs, cameras): (Weak<_>, Weak<_>) = (Arc::downgrade(hubs), Arc::downgrade(cameras));
    tokio::spawn(async move {
        let mut asked: Option<Instant> = None;
        loop {
            let camera = match events.recv().await {
                Ok(Event::Camera { camera }) => camera,
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let away = matches!(camera.state, CameraState::Offline { .. });
            if !away || asked.is_some_and(|asked| asked.elapsed() < ASK) {
                continue;
            }
            let (Some(hubs), Some(cameras)) = (hubs.upgrade(), cameras.upgrade()) else {
                return;
            };
            asked = Some(Instant::now());
            hubs.learn_addresses(&cameras).await;
        }
    });
}

/// Reads an invitation.
///
/// # Errors
/// [`FailureCode::HubInvitationInvalid`].
pub(crate) fn read(invitation: &Secret) -> Result<Invitation, Failure> {
    let read = invitation.expose().trim().parse();
    read.map_err(|error: hub::Error| Failure::new(FailureCode::HubInvitationInvalid).detail(error))
}

fn client(invitation: &Secret) -> Result<Client, Failure> {
    let invitation = read(invitation)?;
    let place = invitation.hub.http_authority();
    Client::new(invitation).map_err(|error| causes::desk(&error, &place))
}
