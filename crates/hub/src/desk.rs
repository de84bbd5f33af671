//! What a viewer's app asks of a hub: tokens, binding, its cameras.

mod local;

use std::time::Duration;

use async_trait::async_trait;
use wire::device::Device;
use wire::hub::HubAddress;
use wire::id::{CameraId, ViewerKey};
use wire::relay::RelayAddress;
use wire::token::Token;

use crate::Result;

pub(crate) use local::Local;

/// What an owner's app asks of its hub. In the same process ([`Hub::desk`](crate::Hub::desk)) or over HTTPS with
/// the pinned key ([`client::Client`](crate::client::Client)); both give the same answers.
///
/// # Errors
/// Every call: [`Error::Refused`](crate::Error::Refused) with the documents' error name, or that the hub (its
/// database, the network to it) failed.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Where a camera reaches this hub, and by which key it knows it. Ask while on the home network: the address is
    /// this machine's address there unless the hub's configuration names one.
    async fn address(&self) -> Result<HubAddress>;

    /// The hub's relay, if it runs one: for the keys that it has bound.
    async fn relay(&self) -> Result<Option<RelayAddress>>;

    /// Makes a pairing token for one attempt. The camera that reports it can be bound to `viewer`.
    async fn create_token(&self, viewer: &Viewer) -> Result<Issued>;

    /// How far the attempt with this token is. Ask every 2 seconds.
    async fn token_state(&self, token: &Token) -> Result<TokenState>;

    /// Makes the camera that reported this token the owner's and hands it the viewer's key; needs
    /// [`TokenState::Reported`]. Waits a few seconds for the camera to confirm; if [`Bound::confirmed`] is `false` then,
    /// the key is handed over again until the camera confirms, also at its next login. Calling again with the same
    /// token gives the same answer.
    async fn bind(&self, token: &Token) -> Result<Bound>;

    /// Takes a camera from the owner: every viewer key that the hub handed to it is revoked, within 2 seconds if the
    /// camera is connected, at its next login otherwise.
    async fn unbind(&self, device: &Device) -> Result<()>;

    /// The owner's cameras, by product and name.
    async fn devices(&self) -> Result<Vec<DeviceState>>;
}

/// Who wants to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The viewer's public key.
    pub key: ViewerKey,
    /// What the camera shows as the viewer's name; at most [`wire::MAX_NAME_BYTES`] bytes.
    pub name: String,
}

/// A fresh pairing token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token; it opens one attempt.
    pub token: Token,
    /// How long it lives from now.
    pub lifetime: Duration,
}

/// How far a pairing attempt is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenState {
    /// The documents' state 1: no camera has reported it yet.
    Created,
    /// The documents' state 2: this camera reported it; it can be bound.
    Reported(Device),
    /// This camera reported it and was refused: it belongs to another owner.
    Refused(Device),
    /// This camera is bound with it; the token is used up.
    Bound(Device),
}

/// A camera that is the owner's now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The camera's product and name.
    pub device: Device,
    /// The camera's public key, if it registered with one; otherwise it is learnt from xp2pInfo or on the LAN.
    pub camera: Option<CameraId>,
    /// How to reach it, if it has reported that.
    pub xp2p_info: Option<String>,
    /// Whether the camera has confirmed that it took the viewer's key.
    pub confirmed: bool,
}

/// A camera as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceState {
    /// The camera's product and name.
    pub device: Device,
    /// The camera's public key, if it registered with one.
    pub camera: Option<CameraId>,
    /// Whether it is connected to the hub.
    pub online: bool,
    /// When it last came or went; unix milliseconds, 0 for never.
    pub seen_ms: i64,
    /// How to reach it, kept current while it is online.
    pub xp2p_info: Option<String>,
    /// Whether the camera has confirmed every viewer key that it was handed.
    pub confirmed: bool,
}
