//! The camera has been told: the hub hears of it, the LAN does, or the camera says why not where it was told.

use super::causes;
use super::flow::{Attempt, Flow};
use super::net::Spot;
use super::over_hotspot::Leave;
use super::wanted::Way;
use crate::api::{Failure, FailureCode};
use hub::TokenState;
use provision::viewer::Event;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, timeout};
use wifi::Target;
use wire::address::Address;
use wire::soft_ap::{Join, Request};

/// How long the camera may take from here until the hub has its token.
const WAIT: Duration = Duration::from_secs(120);
/// How long it may take from a code on the screen: a person walks to the camera first.
const WAIT_FOR_EYES: Duration = Duration::from_secs(240);
/// Pause between two questions to the hub. The documents say 2 s; a hub in the house answers sooner.
const POLL: Duration = Duration::from_secs(1);
/// Pause between two looks for the camera's hotspot.
const LOOK: Duration = Duration::from_millis(1500);
/// A radio may still list a hotspot that has just gone away: for so long it counts as back only if it was missing once.
const STALE: Duration = Duration::from_secs(7);
/// How long a camera that is on the network gets before it is asked on the hotspot that it kept open.
const KEPT_OPEN: Duration = Duration::from_secs(40);
/// How long a camera that is asked again may take to say why it failed.
const ASK: Duration = Duration::from_secs(8);
/// How often it is asked: each time this machine leaves its network.
const ASKS: u32 = 3;

/// Where a camera that has been told says why it fails.
pub(super) enum News {
    /// On its hotspot, which comes back then.
    Hotspot {
        hotspot: Target,
        /// What it was told, to ask the same again.
        join: Box<Join>,
        leave: Leave,
        /// It is one of ours.
        tells_states: bool,
    },
    /// Where it is.
    Network {
        spot: Spot,
        events: mpsc::Receiver<Event>,
    },
    /// Nowhere that this machine could hear: its light tells.
    None,
}

/// How a camera is asked again on its hotspot.
#[derive(Clone, Copy)]
struct Ask<'a> {
    hotspot: &'a Target,
    join: &'a Join,
    tells_states: bool,
}

/// What was heard while waiting.
#[derive(Default)]
struct Heard {
    /// Where the camera was seen on the LAN.
    seen: Mutex<Option<Address>>,
    /// It was seen: the hub is asked at once.
    now: Notify,
}

impl Heard {
    fn seen(&self) -> Option<Address> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

impl Flow {
    /// Waits until the hub has the camera's token. Where the camera was seen on the LAN, if it was.
    pub(super) async fn wait(
        &self,
        attempt: &Attempt,
        news: News,
    ) -> Result<Option<Address>, Failure> {
        let heard = Heard::default();
        let (patience, on_network) = match &news {
            News::Hotspot { leave, .. } => (WAIT, *leave == Leave::OnNetwork),
            News::Network { .. } => (WAIT, true),
            News::None => (WAIT_FOR_EYES, false),
        };
        let known = tokio::select! {
            reported = self.ask_hub(attempt, &heard) => reported,
            () = self.look_on_lan(attempt, &heard) => Ok(()),
            failure = self.listen_for_failure(attempt, news) => Err(failure),
            () = sleep(patience) => Err(self.not_heard(attempt, on_network || heard.seen().is_some())),
        };
        known.map(|()| heard.seen())
    }

    fn not_heard(&self, attempt: &Attempt, on_network: bool) -> Failure {
        let code = match &self.wanted.way {
            Way::Code(_) => FailureCode::CodeNotRead,
            // A camera that is on the LAN and not at the hub does not reach the hub.
            _ if on_network => FailureCode::CameraNoHub,
            _ => FailureCode::CameraNotHeard,
        };
        Failure::new(code)
            .with("network", causes::name_of(self.wanted.network()))
            .with("minutes", WAIT_FOR_EYES.as_secs() / 60)
            .with("hub", attempt.hub.mqtt_authority())
    }

    /// Asks the hub until it has the token.
    async fn ask_hub(&self, attempt: &Attempt, heard: &Heard) -> Result<(), Failure> {
        loop {
            match attempt.desk.token_state(&attempt.token).await {
                Ok(TokenState::Reported(_) | TokenState::Bound(_)) => return Ok(()),
                Ok(TokenState::Refused(_)) => return Err(Failure::new(FailureCode::CameraOwned)),
                Ok(TokenState::Created) => {}
                // This machine may still be on its way back to the network.
                Err(error) if causes::is_passing(&error) => tracing::info!(%error, "the hub"),
                Err(error) => return Err(causes::desk(&error, &attempt.hub.http_authority())),
            }
            tokio::select! {
                () = sleep(POLL) => {}
                () = heard.now.notified() => {}
            }
        }
    }

    /// Looks for the camera on the LAN; never ends.
    async fn look_on_lan(&self, attempt: &Attempt, heard: &Heard) {
        if let Some(camera) = attempt.camera {
            let seen = self.world.seen_on_lan(camera).await;
            tracing::info!(camera = camera.short(), addresses = ?seen.addrs, "seen on the LAN");
            *heard.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
            heard.now.notify_one();
        }
        std::future::pending().await
    }

    /// Listens where the camera says why it fails; never ends if it does not.
    async fn listen_for_failure(&self, attempt: &Attempt, news: News) -> Failure {
        match news {
            News::Hotspot {
                hotspot,
                join,
                leave,
                tells_states,
            } => {
                let ask = Ask {
                    hotspot: &hotspot,
                    join: &join,
                    tells_states,
                };
                self.watch_hotspot(attempt, ask, leave).await
            }
            News::Network { spot, mut events } => {
                while let Some(event) = events.recv().await {
                    if let Event::Failed { cause, .. } = event {
                        return self.failed(spot, cause, &attempt.hub);
                    }
                    self.note(&event, &attempt.hub);
                }
                std::future::pending().await
            }
            News::None => std::future::pending().await,
        }
    }

    /// Watches for the camera's hotspot to come back, asks there what is wrong, and ends when it knows.
    async fn watch_hotspot(&self, attempt: &Attempt, ask: Ask<'_>, leave: Leave) -> Failure {
        let hotspot = &ask.hotspot.ssid;
        let patience = match leave {
            Leave::OnNetwork => KEPT_OPEN,
            Leave::Gone | Leave::Unknown => STALE,
        };
        for _ in 0..ASKS {
            let left = Instant::now();
            let mut missing = false;
            loop {
                sleep(LOOK).await;
                match self.net.sees(hotspot).await {
                    Some(true) if missing || left.elapsed() >= patience => break,
                    Some(true) => {}
                    Some(false) => missing = true,
                    // A radio that cannot look: perhaps the user, or the system, is on the hotspot again.
                    None if self.net.is_on(hotspot).await == Some(true) => break,
                    None => {}
                }
            }
            match self.ask_camera(attempt, ask).await {
                Ok(Some(failure)) => return failure,
                Ok(None) => tracing::info!("the camera is still at it"),
                Err(failure) => tracing::info!(%failure, "the camera could not be asked"),
            }
            self.net.go_home(&self.progress, hotspot).await;
        }
        std::future::pending().await
    }

    /// Goes to the hotspot once more and asks the same: a camera that failed says why. One that has forgotten what it was
    /// told takes it and joins: then this machine must be home, for the hub may be here.
    async fn ask_camera(
        &self,
        attempt: &Attempt,
        ask: Ask<'_>,
    ) -> Result<Option<Failure>, Failure> {
        let spot = self.net.to_hotspot(&self.progress, ask.hotspot).await?;
        let mut events = self.world.talk(spot, Request::Join(ask.join.clone()));
        let asking = async {
            while let Some(event) = events.recv().await {
                match event {
                    Event::Failed { cause, .. } => {
                        return Some(self.failed(spot, cause, &attempt.hub));
                    }
                    // Strangers tell the attempt that we come back from as the previous one.
                    Event::PreviousError {
                        cause: Some(cause), ..
                    } if !ask.tells_states => {
                        return Some(self.failed(spot, cause, &attempt.hub));
                    }
                    _ => {}
                }
            }
            None
        };
        Ok(tokio::select! {
            biased;
            told = timeout(ASK, asking) => told.unwrap_or(None),
            () = self.hotspot_lost(&ask.hotspot.ssid) => None,
        })
    }
}
