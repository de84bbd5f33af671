//! DHCP (RFC 2131) both ways: the server of our access point is our own, the client is one of the system's programs.

pub(crate) mod client;
mod message;
pub(crate) mod server;

/// The server's port; clients listen on the next one.
const SERVER_PORT: u16 = 67;
