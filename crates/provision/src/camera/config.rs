//! What a camera's engine is made of.

use wire::device::Device;
use wire::id::CameraId;
use wire::soft_ap::Fault;

use crate::log::Log;

/// Who the camera is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name at the hub.
    pub device: Device,
    /// Region of its product; `None` takes tokens of any region.
    pub region: Option<String>,
    /// Its public key.
    pub camera: Option<CameraId>,
}

/// What an engine is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who the camera is.
    pub identity: Identity,
    /// Errors that were kept at the end of the last session, oldest first; the last [`crate::defaults::MAX_ERRORS`] are told as
    /// `Previous_Error`.
    pub previous: Vec<Fault>,
    /// Where the attempt is logged.
    pub log: Log,
    /// Whether the hotspot stays up while the camera joins a network. If it does not, credentials are handed over only
    /// when the viewer has had its chance to hear the reply.
    pub keeps_hotspot: bool,
}
