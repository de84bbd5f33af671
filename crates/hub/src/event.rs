//! What the hub tells whoever embeds it, as it happens.

use wire::device::Device;
use wire::id::ViewerKey;
use wire::token::Token;

/// Something that happened at the hub. A receiver that lags loses the oldest: what counts can be asked of the desk.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HubEvent {
    /// A camera reported a pairing token, and the hub accepted it (state 2).
    TokenReported {
        /// The token.
        token: Token,
        /// The camera.
        device: Device,
    },
    /// A camera came or went.
    Presence {
        /// The camera.
        device: Device,
        /// Whether it is connected.
        online: bool,
    },
    /// A camera confirmed that it took an owner's viewer key.
    Bound {
        /// The camera.
        device: Device,
        /// The key that may watch it now.
        viewer: ViewerKey,
    },
    /// A camera confirmed that it forgot a viewer key.
    Unbound {
        /// The camera.
        device: Device,
        /// The key that may no longer watch it.
        viewer: ViewerKey,
    },
    /// A camera reported a new xp2pInfo.
    Xp2pInfo {
        /// The camera.
        device: Device,
        /// The text, `XP2P…%version`.
        xp2p_info: String,
    },
    /// A camera reported properties.
    Properties {
        /// The camera.
        device: Device,
        /// The JSON object of their values.
        params: String,
    },
    /// A camera posted an event of its thing model.
    Event {
        /// The camera.
        device: Device,
        /// The event's id.
        event_id: String,
        /// The JSON object of its parameters.
        params: String,
    },
}
