//! Telling the camera on its own hotspot, and back to this machine's network.

use super::flow::{Flow, Handed};
use super::net::Spot;
use super::wait::News;
use super::wanted::Home;
use crate::api::{Failure, FailureCode, PairingStep};
use provision::viewer::Event;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use wifi::Target;
use wire::hub::HubAddress;
use wire::soft_ap::{DeviceReply, Join, Request, State};
use wire::token::Token;
use wire::wifi::Ssid;

/// How often a hotspot that went away in the middle is joined again.
const AGAIN: u32 = 2;
/// How often it is looked whether this machine is still on the hotspot.
const LOOK: Duration = Duration::from_millis(500);
/// How long a camera that tells its state is listened to while it joins.
const STAY: Duration = Duration::from_secs(40);
/// How long one that does not tell is: its replies come three times, a second apart, and then it leaves.
const STAY_WITH_STRANGER: Duration = Duration::from_secs(4);

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
    /// Hands everything over, listens for as long as the camera can be heard there, and goes home.
    pub(super) async fn over_hotspot(
        &self,
        hotspot: &Target,
        home: &Home,
        token: &Token,
        hub: &HubAddress,
    ) -> Result<Handed, Failure> {
        let join = home.join(token.clone(), hub.clone());
        let (spot, reply, events) = self.hand_over(hotspot, &join, hub).await?;
        self.progress.step(PairingStep::CameraJoins);
        let leave = self.stay(&hotspot.ssid, spot, &reply, events, hub).await?;
        self.progress.step(PairingStep::RejoinHome);
        self.net.go_home(&self.progress, &hotspot.ssid).await;
        self.progress.step(PairingStep::WaitForCamera);
        Ok(Handed {
            camera: reply.camera,
            news: News::Hotspot {
                hotspot: hotspot.clone(),
                join: Box::new(join),
                leave,
                tells_states: reply.state.is_some(),
            },
        })
    }

    /// Joins the hotspot and sends everything until the camera replies.
    async fn hand_over(
        &self,
        hotspot: &Target,
        join: &Join,
        hub: &HubAddress,
    ) -> Result<(Spot, DeviceReply, mpsc::Receiver<Event>), Failure> {
        let failure = |code| Failure::new(code).with("hotspot", &hotspot.ssid);
        for again in 0..=AGAIN {
            self.progress.step(PairingStep::JoinHotspot);
            let joined = self.net.to_hotspot(&self.progress, hotspot).await;
            let spot = match joined {
                Ok(spot) => spot,
                Err(error) => return Err(self.not_joined(error, hotspot, again > 0).await),
            };
            self.progress.step(PairingStep::SendCredentials);
            match self.talk(hotspot, spot, join, hub).await? {
                Talk::Replied(reply, events) => return Ok((spot, reply, events)),
                Talk::Silent => return Err(failure(FailureCode::CameraSilent)),
                Talk::HotspotLost => {}
            }
        }
        Err(failure(FailureCode::HotspotLost))
    }

    /// Why the hotspot was not joined: one that was in range a moment ago and no longer is has been closed by its camera.
    async fn not_joined(&self, error: Failure, hotspot: &Target, was_on: bool) -> Failure {
        let closed = match error.code {
            FailureCode::HotspotNotFound => was_on,
            FailureCode::HotspotNotJoined => self.net.sees(&hotspot.ssid).await == Some(false),
            _ => false,
        };
        match closed {
            true => Failure::new(FailureCode::CameraSetupStopped)
                .with("hotspot", &hotspot.ssid)
                .detail(error.detail),
            false => error,
        }
    }

    async fn talk(
        &self,
        hotspot: &Target,
        spot: Spot,
        join: &Join,
        hub: &HubAddress,
    ) -> Result<Talk, Failure> {
        let mut events = self.world.talk(spot, Request::Join(join.clone()));
        let lost = self.hotspot_lost(&hotspot.ssid);
        tokio::pin!(lost);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = &mut lost => return Ok(Talk::HotspotLost),
            };
            match event {
                Some(Event::DeviceReplied(reply)) => {
                    self.check_camera(&hotspot.ssid, &reply)?;
                    return Ok(Talk::Replied(reply, events));
                }
                Some(Event::Failed { cause, .. }) => return Err(self.failed(spot, cause, hub)),
                Some(event) => self.note(&event, hub),
                None => return Ok(Talk::Silent),
            }
        }
    }

    /// Resolves when this machine is no longer on the hotspot; never if that cannot be known.
    pub(super) async fn hotspot_lost(&self, hotspot: &Ssid) {
        loop {
            sleep(LOOK).await;
            if self.net.is_on(hotspot).await == Some(false) {
                return;
            }
        }
    }

    fn check_camera(&self, hotspot: &Ssid, reply: &DeviceReply) -> Result<(), Failure> {
        match (self.wanted.camera, reply.camera) {
            (Some(wanted), Some(answered)) if wanted != answered => {
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
        hotspot: &Ssid,
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
            () = self.hotspot_lost(hotspot) => Ok(Leave::Gone),
        }
    }
}
