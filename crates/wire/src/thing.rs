//! The thing model over MQTT: `$thing/up|down/{property|event|service|action}/{productId}/{deviceName}` and what is said
//! there.

mod body;
mod message;
mod topic;

pub use body::{Answer, Bind, Body, EventKind};
pub use message::Message;
pub use topic::{Direction, Kind, Topic};

/// The property that holds a camera's xp2pInfo.
pub const XP2P_INFO: &str = "_sys_xp2p_info";
/// Longest payload that is read, in bytes (the documents' largest MQTT packet).
pub const MAX_PAYLOAD_BYTES: usize = 64 << 10;
/// Longest topic that is read, in bytes.
pub const MAX_TOPIC_BYTES: usize = 128;
/// Longest `clientToken` that is read, in bytes.
pub const MAX_CLIENT_TOKEN_BYTES: usize = 128;

/// Codes of answers. 0, 404 and 406 are the documents'; the others follow HTTP's habit.
pub mod code {
    /// Done.
    pub const OK: i32 = 0;
    /// The message cannot be read.
    pub const BAD_REQUEST: i32 = 400;
    /// The device may not do this.
    pub const FORBIDDEN: i32 = 403;
    /// There is no such token (of a token report), or no such thing. Reference firmware starts from it: no answer yet.
    pub const NOT_FOUND: i32 = 404;
    /// A value does not fit the model.
    pub const BAD_VALUE: i32 = 406;
    /// The token is used up.
    pub const USED: i32 = 409;
    /// The token has expired.
    pub const EXPIRED: i32 = 410;
    /// Too many reports.
    pub const TOO_MANY: i32 = 429;
    /// The hub itself failed.
    pub const INTERNAL: i32 = 500;
}
