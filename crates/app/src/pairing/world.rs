//! What a pairing needs of the world around it; tests bring a world of their own.

use super::net::Spot;
use crate::api::{CameraKey, Failure};
use async_trait::async_trait;
use hub::{Bound, Desk, Viewer};
use provision::viewer::Event;
use std::sync::Arc;
use tokio::sync::mpsc;
use wifi::Radio;
use wire::address::Address;
use wire::id::CameraId;
use wire::soft_ap::Request;

/// Everything outside the flow itself. Every future may be dropped at any point.
#[async_trait]
pub(crate) trait World: Send + Sync {
    /// The hub of the user's choice, started if it is ours.
    async fn desk(&self) -> Result<Arc<dyn Desk>, Failure>;

    /// This machine's radio.
    async fn radio(&self) -> Result<Arc<dyn Radio>, wifi::Error>;

    /// Who becomes the owner.
    fn viewer(&self) -> Viewer;

    /// Hands `request` (cmdType 0 or 1) to the camera there, and goes on asking how far it is. Ends with the receiver, or
    /// with the engine's last event.
    fn talk(&self, spot: Spot, request: Request) -> mpsc::Receiver<Event>;

    /// The camera's log, if it gives it.
    async fn log(&self, spot: Spot) -> Option<String>;

    /// Whether the documents' address of a camera is on a network of this machine: asked when the radio cannot tell
    /// where it is.
    async fn is_on_a_hotspot(&self) -> bool;

    /// Resolves when this camera is seen on the LAN, with where it is. Takes for ever if it is not.
    async fn seen_on_lan(&self, camera: CameraId) -> Address;

    /// Saves a camera that was bound, or finds it if it is saved.
    fn save(&self, paired: Paired) -> Result<CameraKey, Failure>;

    /// Resolves with the camera's first picture.
    async fn first_picture(&self, camera: &str) -> Result<(), Failure>;
}

/// A camera that is the user's now.
#[derive(Debug, Clone)]
pub(crate) struct Paired {
    /// What the hub said.
    pub(crate) bound: Bound,
    /// Where it may be.
    pub(crate) address: Address,
    /// What to call it.
    pub(crate) name: String,
    /// The room, may be empty.
    pub(crate) room: String,
}
