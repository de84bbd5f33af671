//! The app's endpoint: made of the settings, and made anew when they change.

use crate::api::{Event, Failure, FailureCode, Relay, RelayState};
use crate::fail;
use crate::session::Core;
use p2p::{Endpoint, Identity, RelayChoice, RelayUrl, Role};
use std::sync::Arc;

/// What an endpoint is made of, besides the settings.
pub(super) struct Network {
    /// This viewer's key.
    pub(super) identity: Identity,
    /// What cameras call this viewer.
    pub(super) viewer_name: String,
    /// Whether to listen for cameras on the LAN.
    pub(super) lan: bool,
    /// Instead of the settings' choice.
    pub(super) relay: Option<Relay>,
    /// Whether everything goes through relays.
    pub(super) relayed: bool,
}

impl Network {
    /// Opens the sockets. `relay` is the settings' choice.
    ///
    /// # Errors
    /// [`FailureCode::SettingInvalid`] for a relay that is none, [`FailureCode::Internal`] without a socket.
    pub(super) async fn bind(&self, relay: &Relay) -> Result<Endpoint, Failure> {
        let relays = match self.relay.as_ref().unwrap_or(relay) {
            Relay::None => RelayChoice::None,
            Relay::Own { url } => RelayChoice::Urls(vec![RelayUrl::new(url.trim())]),
            Relay::Public => RelayChoice::Public,
        };
        let options = p2p::Options {
            name: self.viewer_name.clone(),
            relays,
            lan: self.lan,
            ..p2p::Options::new(self.identity.clone(), Role::Viewer)
        };
        let bound = match self.relayed {
            true => Endpoint::bind_relayed(options).await,
            false => Endpoint::bind(options).await,
        };
        bound.map_err(|error| match error {
            p2p::Error::Invalid { expected, got, .. } => Failure::new(FailureCode::SettingInvalid)
                .with("setting", "relay")
                .with("reason", format!("{got:?}: {expected}")),
            error => fail::internal(error),
        })
    }
}

/// Tells the UI how it stands with this endpoint's relay, now and whenever that changes, until the endpoint is gone.
pub(super) fn follow_relay(core: &Arc<Core>, endpoint: &Endpoint) {
    let (core, mut states) = (Arc::downgrade(core), endpoint.relay());
    tokio::spawn(async move {
        let mut state = Some(states.get());
        while let Some(now) = state {
            let Some(core) = core.upgrade() else { return };
            core.tell(Event::Relay {
                relay: relay_state(now),
            });
            drop(core);
            state = states.changed().await;
        }
    });
}

/// As the UI gets it.
pub(super) fn relay_state(state: p2p::RelayState) -> RelayState {
    match state {
        p2p::RelayState::None => RelayState::None,
        p2p::RelayState::Connecting => RelayState::Connecting,
        p2p::RelayState::Works { url } => RelayState::Works { url },
        p2p::RelayState::Refused { url, reason } => RelayState::Refused {
            failure: Failure::new(FailureCode::RelayRefused)
                .with("relay", url)
                .with("reason", reason),
        },
        p2p::RelayState::Unreachable { reason } => RelayState::Unreachable {
            failure: Failure::new(FailureCode::RelayUnreachable).detail(reason),
        },
    }
}
