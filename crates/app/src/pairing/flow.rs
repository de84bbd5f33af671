//! The steps of a pairing, one after the other. The future may be dropped at any point; [`super::net::Net`] then puts
//! this machine's network back.

use super::causes;
use super::net::{Net, Spot};
use super::progress::Progress;
use super::wanted::Wanted;
use super::world::{Paired, World};
use crate::api::{CameraKey, Failure, FailureCode, PairingStep};
use hub::{Bound, Desk};
use provision::Redactor;
use provision::viewer::Event;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use wire::address::Address;
use wire::hub::HubAddress;
use wire::soft_ap::{DeviceReply, Join, State};
use wire::xp2p_info::Xp2pInfo;

/// How often a hotspot that went away in the middle is joined again.
const AGAIN: u32 = 2;
/// How often it is looked whether this machine is still on the hotspot.
const LOOK: Duration = Duration::from_millis(500);
/// How long a camera that tells its state is listened to while it joins.
const STAY: Duration = Duration::from_secs(40);
/// How long one that does not tell is: its replies come three times, a second apart, and then it leaves.
const STAY_WITH_STRANGER: Duration = Duration::from_secs(4);
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

/// What one attempt has: its desk, the message with its token, and who answered.
pub(super) struct Attempt {
    pub(super) desk: Arc<dyn Desk>,
    pub(super) hub: HubAddress,
    pub(super) join: Join,
    pub(super) reply: DeviceReply,
    /// How the camera left us.
    pub(super) leave: Leave,
}

/// How it was when this machine left the camera's hotspot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// The hotspot went away: the camera joins, and opens it again if that fails.
    Gone,
    /// The camera said that it is on the network; its hotspot may stay open.
    OnNetwork,
    /// Nothing is known.
    Unknown,
}

/// What the talk on the hotspot came to.
enum Talk {
    Replied(DeviceReply, mpsc::Receiver<Event>),
    HotspotLost,
    Silent,
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
        let issued = desk.create_token(&viewer).await.map_err(refused)?;
        self.hide(issued.token.as_str());
        let join = self.wanted.join(issued.token, hub.clone());

        let (spot, reply, events) = self.hand_over(&join, &hub).await?;
        self.progress.step(PairingStep::CameraJoins);
        let leave = self.stay(spot, &reply, events, &hub).await?;
        let attempt = Attempt {
            desk,
            hub,
            join,
            reply,
            leave,
        };

        self.progress.step(PairingStep::RejoinHome);
        let hotspot = &self.wanted.hotspot.ssid;
        self.net.go_home(&self.progress, hotspot).await;
        self.progress.step(PairingStep::WaitForCamera);
        let seen = self.wait(&attempt).await?;
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

    /// Joins the hotspot and sends everything until the camera replies.
    async fn hand_over(
        &self,
        join: &Join,
        hub: &HubAddress,
    ) -> Result<(Spot, DeviceReply, mpsc::Receiver<Event>), Failure> {
        let hotspot = &self.wanted.hotspot;
        let failure = |code| Failure::new(code).with("hotspot", &hotspot.ssid);
        for _ in 0..=AGAIN {
            self.progress.step(PairingStep::JoinHotspot);
            let spot = self.net.to_hotspot(&self.progress, hotspot).await?;
            self.progress.step(PairingStep::SendCredentials);
            match self.talk(spot, join, hub).await? {
                Talk::Replied(reply, events) => return Ok((spot, reply, events)),
                Talk::Silent => return Err(failure(FailureCode::CameraSilent)),
                Talk::HotspotLost => {}
            }
        }
        Err(failure(FailureCode::HotspotLost))
    }

    async fn talk(&self, spot: Spot, join: &Join, hub: &HubAddress) -> Result<Talk, Failure> {
        let mut events = self.world.talk(spot, join.clone());
        let lost = self.hotspot_lost();
        tokio::pin!(lost);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = &mut lost => return Ok(Talk::HotspotLost),
            };
            match event {
                Some(Event::DeviceReplied(reply)) => {
                    self.check_camera(&reply)?;
                    return Ok(Talk::Replied(reply, events));
                }
                Some(Event::Failed { cause, .. }) => return Err(self.failed(spot, cause, hub)),
                Some(event) => self.note(&event, hub),
                None => return Ok(Talk::Silent),
            }
        }
    }

    /// Resolves when this machine is no longer on the hotspot; never if that cannot be known.
    async fn hotspot_lost(&self) {
        let hotspot = &self.wanted.hotspot.ssid;
        loop {
            sleep(LOOK).await;
            if self.net.is_on(hotspot).await == Some(false) {
                return;
            }
        }
    }

    fn check_camera(&self, reply: &DeviceReply) -> Result<(), Failure> {
        match (self.wanted.camera, reply.camera) {
            (Some(wanted), Some(answered)) if wanted != answered => {
                let hotspot = &self.wanted.hotspot.ssid;
                Err(Failure::new(FailureCode::AnotherCamera)
                    .with("hotspot", hotspot)
                    .detail(format!(
                        "{} instead of {}",
                        answered.short(),
                        wanted.short()
                    )))
            }
            _ => Ok(()),
        }
    }

    /// Listens to the camera while it joins, for as long as it can be heard.
    async fn stay(
        &self,
        spot: Spot,
        reply: &DeviceReply,
        mut events: mpsc::Receiver<Event>,
        hub: &HubAddress,
    ) -> Result<Leave, Failure> {
        let patience = match reply.state {
            Some(State::Registering | State::Bound) => return Ok(Leave::OnNetwork),
            Some(State::Received | State::Joining) => STAY,
            None => STAY_WITH_STRANGER,
        };
        let listening = async {
            while let Some(event) = events.recv().await {
                match event {
                    Event::Failed { cause, .. } => return Err(self.failed(spot, cause, hub)),
                    Event::State(State::Registering | State::Bound) => return Ok(Leave::OnNetwork),
                    Event::Silent => return Ok(Leave::Gone),
                    other => self.note(&other, hub),
                }
            }
            Ok(Leave::Unknown)
        };
        tokio::select! {
            biased;
            heard = timeout(patience, listening) => heard.unwrap_or(Ok(Leave::Unknown)),
            () = self.hotspot_lost() => Ok(Leave::Gone),
        }
    }

    /// What the camera says failed. Its log can be asked for while we are there.
    pub(super) fn failed(
        &self,
        spot: Spot,
        cause: wire::soft_ap::Cause,
        hub: &HubAddress,
    ) -> Failure {
        *self.log_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(spot);
        causes::camera(cause, &self.wanted.network, &hub.mqtt_authority())
    }

    fn note(&self, event: &Event, hub: &HubAddress) {
        if let Event::PreviousError {
            cause: Some(cause), ..
        } = event
        {
            let before = causes::camera(*cause, &self.wanted.network, &hub.mqtt_authority());
            self.progress.notice(before);
        }
    }

    async fn bind(&self, attempt: &Attempt) -> Result<Bound, Failure> {
        let started = Instant::now();
        loop {
            match attempt.desk.bind(&attempt.join.token).await {
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
            .or(attempt.reply.camera)
            .ok_or_else(|| {
                Failure::new(FailureCode::BindFailed)
                    .with("reason", "the camera has not told its key")
            })?;
        let mut address = Address::new(id);
        for hint in [seen, info].into_iter().flatten() {
            if hint.id == id {
                address.addrs.extend(hint.addrs);
                address.relays.extend(hint.relays);
            }
        }
        let name = self.wanted.name.clone();
        self.world.save(Paired {
            bound,
            address,
            name: name.unwrap_or_else(|| self.wanted.hotspot.ssid.to_string()),
            room: self.wanted.room.clone(),
        })
    }
}

/// The address inside an xp2pInfo, if it is one of ours.
pub(crate) fn address_of(xp2p_info: &str) -> Option<Address> {
    let info: Xp2pInfo = xp2p_info.parse().ok()?;
    Address::from_bytes(&info.address).ok()
}
