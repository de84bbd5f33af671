//! Home again: the hub hears of the camera, the LAN does, or the camera's hotspot comes back with the reason why not.

use super::causes;
use super::flow::{Attempt, Flow, Leave};
use crate::api::{Failure, FailureCode};
use hub::TokenState;
use provision::viewer::Event;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use wire::address::Address;

/// How long the camera may take from here until the hub has its token.
const WAIT: Duration = Duration::from_secs(120);
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
    pub(super) async fn wait(&self, attempt: &Attempt) -> Result<Option<Address>, Failure> {
        let heard = Heard::default();
        let known = tokio::select! {
            reported = self.ask_hub(attempt, &heard) => reported,
            () = self.look_on_lan(attempt, &heard) => Ok(()),
            failure = self.watch_hotspot(attempt) => Err(failure),
            () = sleep(WAIT) => Err(self.not_heard(attempt, heard.seen().is_some())),
        };
        known.map(|()| heard.seen())
    }

    fn not_heard(&self, attempt: &Attempt, seen: bool) -> Failure {
        // A camera that is on the LAN and not at the hub does not reach the hub.
        let code = if seen || attempt.leave == Leave::OnNetwork {
            FailureCode::CameraNoHub
        } else {
            FailureCode::CameraNotHeard
        };
        Failure::new(code)
            .with("network", &self.wanted.network)
            .with("hub", attempt.hub.mqtt_authority())
    }

    /// Asks the hub until it has the token.
    async fn ask_hub(&self, attempt: &Attempt, heard: &Heard) -> Result<(), Failure> {
        loop {
            match attempt.desk.token_state(&attempt.join.token).await {
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
        if let Some(camera) = attempt.reply.camera {
            let seen = self.world.seen_on_lan(camera).await;
            tracing::info!(camera = camera.short(), addresses = ?seen.addrs, "seen on the LAN");
            *heard.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
            heard.now.notify_one();
        }
        std::future::pending().await
    }

    /// Watches for the camera's hotspot to come back, asks there what is wrong, and ends when it knows.
    async fn watch_hotspot(&self, attempt: &Attempt) -> Failure {
        let hotspot = &self.wanted.hotspot.ssid;
        let patience = match attempt.leave {
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
            match self.ask_camera(attempt).await {
                Ok(Some(failure)) => return failure,
                Ok(None) => tracing::info!("the camera is still at it"),
                Err(failure) => tracing::info!(%failure, "the camera could not be asked"),
            }
            self.net.go_home(&self.progress, hotspot).await;
        }
        std::future::pending().await
    }

    /// Goes to the hotspot once more and asks the same: a camera that failed says why.
    async fn ask_camera(&self, attempt: &Attempt) -> Result<Option<Failure>, Failure> {
        let hotspot = &self.wanted.hotspot;
        let spot = self.net.to_hotspot(&self.progress, hotspot).await?;
        let mut events = self.world.talk(spot, attempt.join.clone());
        let asking = async {
            while let Some(event) = events.recv().await {
                match event {
                    Event::Failed { cause, .. } => {
                        return Some(self.failed(spot, cause, &attempt.hub));
                    }
                    // Strangers tell the attempt that we come back from as the previous one.
                    Event::PreviousError {
                        cause: Some(cause), ..
                    } if attempt.reply.state.is_none() => {
                        return Some(self.failed(spot, cause, &attempt.hub));
                    }
                    _ => {}
                }
            }
            None
        };
        Ok(timeout(ASK, asking).await.unwrap_or(None))
    }
}
