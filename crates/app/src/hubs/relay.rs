//! The relay of the hub that is set: where camera and viewer meet when no direct way leads from one to the other.
//!
//! A hub lets in whom it has bound, so it is asked once a camera was paired through it. Without an answer everything goes
//! on as it would without a relay.

use super::{Hubs, PATIENCE};
use crate::api::{Event, PairingState};
use crate::cameras::Cameras;
use hub::RelayAddress;
use p2p::{Endpoint, RelayUrl};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// How often the hub is asked where its relay is.
const ASK: Duration = Duration::from_secs(600);
/// The same after a question without an answer.
const ASK_AGAIN: Duration = Duration::from_secs(30);

impl Hubs {
    fn known_relay(&self) -> MutexGuard<'_, Option<RelayAddress>> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hub's relay as an endpoint has to know it, if the hub has told it.
    pub(crate) fn relay(&self) -> Option<RelayUrl> {
        self.known_relay().clone().map(relay_url)
    }

    /// The hub is another from now on.
    pub(crate) fn forget_relay(&self) {
        *self.known_relay() = None;
    }

    /// Lets an endpoint go to the hub's relay, if there is one.
    pub(crate) async fn send_to_relay(&self, endpoint: &Endpoint) {
        let Some(relay) = self.relay() else { return };
        if let Err(error) = endpoint.add_relay(&relay).await {
            tracing::warn!(%error, "the hub's relay is of no use");
        }
    }

    /// Asks the hub and goes to its relay. Gives the time after which to ask again.
    async fn look_for_relay(&self, cameras: &Cameras) -> Duration {
        let mut saved = self.core.book.cameras().into_iter();
        if !saved.any(|saved| saved.device.is_some()) {
            return ASK;
        }
        let hub = self.core.book.settings().hub;
        let Some(desk) = self.desk_if_there().await else {
            return ASK_AGAIN;
        };
        let relay = match timeout(PATIENCE, desk.relay()).await {
            Ok(Ok(relay)) => relay,
            Ok(Err(error)) => {
                tracing::info!(%error, "the hub does not say where its relay is");
                return ASK_AGAIN;
            }
            Err(_) => return ASK_AGAIN,
        };
        if self.core.book.settings().hub != hub {
            return Duration::ZERO;
        }
        let before = std::mem::replace(&mut *self.known_relay(), relay.clone());
        let endpoint = cameras.endpoint();
        if let Some(before) = before
            && relay.is_none_or(|relay| relay.url != before.url)
        {
            endpoint.remove_relay(&before.url).await;
        }
        self.send_to_relay(&endpoint).await;
        ASK
    }
}

fn relay_url(relay: RelayAddress) -> RelayUrl {
    RelayUrl {
        url: relay.url,
        token: None,
        ca: Some(relay.ca),
        quic_port: Some(relay.quic_port),
    }
}

/// Asks at the start, after every pairing, when the hub is another, and now and then. Ends with `hubs`.
pub(crate) fn follow(hubs: &Arc<Hubs>, cameras: &Arc<Cameras>) {
    let mut events = hubs.core.events.subscribe();
    let (hubs, cameras): (Weak<_>, Weak<_>) = (Arc::downgrade(hubs), Arc::downgrade(cameras));
    tokio::spawn(async move {
        loop {
            let (Some(there), Some(with)) = (hubs.upgrade(), cameras.upgrade()) else {
                return;
            };
            let wait = there.look_for_relay(&with).await;
            let hub = there.core.book.settings().hub;
            drop((there, with));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                is_over = news(&mut events, &hub) => if is_over { return },
            }
        }
    });
}

/// Resolves when there may be another relay, with `false`, or when the app ends, with `true`.
async fn news(events: &mut broadcast::Receiver<Event>, hub: &crate::api::HubChoice) -> bool {
    loop {
        match events.recv().await {
            Ok(Event::Settings { settings }) if settings.hub != *hub => return false,
            Ok(Event::Pairing { pairing })
                if matches!(pairing.state, PairingState::Done { .. }) =>
            {
                return false;
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return true,
        }
    }
}
