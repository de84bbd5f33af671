//! Finding cameras on the local network: by mDNS, and by the documents' UDP probe.

use wire::address::Address;
use wire::id::PeerId;

mod mdns;
mod probe;

pub(crate) use mdns::Neighbours;
pub use mdns::{Announcement, Browser, LanEvent, SERVICE_TYPE};
pub use probe::{ProbeOptions, ProbeResponder, probe, probe_at};

/// A camera seen on the local network. Being seen opens nothing: the camera still decides whom it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanCamera {
    /// The camera's id.
    pub id: PeerId,
    /// What its owner calls it.
    pub name: String,
    /// Where it is.
    pub address: Address,
}
