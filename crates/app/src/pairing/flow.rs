//! The steps of a pairing, one after the other: token, the way of telling the camera ([`super::over_hotspot`],
//! [`super::code`], [`super::over_network`]), hearing of it, binding. The future may be dropped at any point;
//! [`super::net::Net`] then puts this machine's network back.

use super::causes;
use super::net::{Net, Spot};
use super::progress::Progress;
use super::wait::News;
use super::wanted::{Wanted, Way};
use super::world::{Paired, World};
use crate::api::{CameraKey, Failure, FailureCode, PairingStep};
use crate::cameras::unnamed;
use hub::{Bound, Desk};
use provision::Redactor;
use provision::viewer::Event;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use wire::address::Address;
use wire::hub::HubAddress;
use wire::id::CameraId;
use wire::token::Token;
use wire::xp2p_info::Xp2pInfo;

/// How long binding is tried while the hub cannot be asked.
const BIND: Duration = Duration::from_secs(30);
/// Pause between attempts to bind.
const BIND_PAUSE: Duration = Duration::from_secs(1);

/// What a flow works with.
pub(super) struct Flow {
    pub(super) world: Arc<dyn World>,
    pub(super) wanted: Wanted,
    pub(super) progress: Arc<Progress>,
    pub(super) net: Arc<Net>,
    /// Where the camera's log is to be had, once the camera has said that it failed.
    pub(super) log_at: Mutex<Option<Spot>>,
    /// What must not stand in that log.
    pub(super) secrets: Mutex<Redactor>,
}

/// What one attempt has.
pub(super) struct Attempt {
    pub(super) desk: Arc<dyn Desk>,
    pub(super) hub: HubAddress,
    pub(super) token: Token,
    /// The key of the camera that answered, if it told it.
    pub(super) camera: Option<CameraId>,
}

/// The camera has been told, or can read.
pub(super) struct Handed {
    /// The key of the camera that answered, if one did and told it.
    pub(super) camera: Option<CameraId>,
    /// Where it says how it goes on.
    pub(super) news: News,
}

impl Flow {
    /// Runs to the end: the key of the saved camera.
    ///
    /// # Errors
    /// Why it failed, with what to do.
    pub(super) async fn run(&self) -> Result<CameraKey, Failure> {
        let desk = self.world.desk().await?;
        let hub = desk.address().await;
        let hub = hub.map_err(|error| causes::desk(&error, "–"))?;
        let refused = |error| causes::desk(&error, &hub.mqtt_authority());
        let viewer = self.world.viewer();
        let token = desk.create_token(&viewer).await.map_err(refused)?.token;
        self.hide(token.as_str());

        let handed = match &self.wanted.way {
            Way::Hotspot { hotspot, home } => {
                self.over_hotspot(hotspot, home, &token, &hub).await?
            }
            Way::Code(home) => self.show_code(home, &token, &hub)?,
            Way::OnNetwork { address } => self.over_network(*address, &token, &hub).await?,
        };
        let attempt = Attempt {
            desk,
            hub,
            token,
            camera: handed.camera,
        };
        let seen = self.wait(&attempt, handed.news).await?;
        self.progress.step(PairingStep::Bind);
        let bound = self.bind(&attempt).await?;
        self.progress.by_hand(None);
        self.progress.step(PairingStep::FirstPicture);
        self.save(&attempt, bound, seen)
    }

    fn hide(&self, secret: &str) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.hide(secret);
    }

    /// The camera's log without secrets, if it can still be asked for it.
    pub(super) async fn log(&self) -> Option<String> {
        let spot = *self.log_at.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.world.log(spot?).await?;
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        Some(secrets.redact(&log))
    }

    /// What the camera says failed. Its log can be asked for while we are there.
    pub(super) fn failed(
        &self,
        spot: Spot,
        cause: wire::soft_ap::Cause,
        hub: &HubAddress,
    ) -> Failure {
        *self.log_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(spot);
        causes::camera(cause, self.wanted.network(), &hub.mqtt_authority())
    }

    /// An error of an earlier attempt is worth knowing; everything else is not news.
    pub(super) fn note(&self, event: &Event, hub: &HubAddress) {
        if let Event::PreviousError {
            cause: Some(cause), ..
        } = event
        {
            let before = causes::camera(*cause, self.wanted.network(), &hub.mqtt_authority());
            self.progress.notice(before);
        }
    }

    async fn bind(&self, attempt: &Attempt) -> Result<Bound, Failure> {
        let started = Instant::now();
        loop {
            match attempt.desk.bind(&attempt.token).await {
                Ok(bound) => return Ok(bound),
                Err(error) if causes::is_passing(&error) && started.elapsed() < BIND => {
                    tracing::info!(%error, "not bound yet");
                }
                Err(error) => return Err(causes::desk(&error, &attempt.hub.http_authority())),
            }
            sleep(BIND_PAUSE).await;
        }
    }

    fn save(
        &self,
        attempt: &Attempt,
        bound: Bound,
        seen: Option<Address>,
    ) -> Result<CameraKey, Failure> {
        let info = bound.xp2p_info.as_deref().and_then(address_of);
        let id = bound
            .camera
            .or(info.as_ref().map(|address| address.id))
            .or(attempt.camera)
            .ok_or_else(|| {
                Failure::new(FailureCode::BindFailed)
                    .with("reason", "the camera has not told its key")
            })?;
        if self.wanted.camera.is_some_and(|wanted| wanted != id) {
            return Err(Failure::new(FailureCode::BindFailed)
                .with("reason", "another camera than the chosen one has the token"));
        }
        let mut address = Address::new(id);
        for hint in [seen, info].into_iter().flatten() {
            if hint.id == id {
                address.addrs.extend(hint.addrs);
                address.relays.extend(hint.relays);
            }
        }
        let name = self.wanted.name.clone().or_else(|| self.wanted.hotspot());
        self.world.save(Paired {
            bound,
            address,
            name: name.unwrap_or_else(|| unnamed(&id)),
            room: self.wanted.room.clone(),
        })
    }
}

/// The address inside an xp2pInfo, if it is one of ours.
pub(crate) fn address_of(xp2p_info: &str) -> Option<Address> {
    let info: Xp2pInfo = xp2p_info.parse().ok()?;
    Address::from_bytes(&info.address).ok()
}
