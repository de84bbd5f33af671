//! softAP v2.0: what a viewer and a camera say to each other over UDP on the camera's own hotspot.
//!
//! ```text
//! > {"cmdType":1,"ssid":"Home-WiFi","password":"abcd1234","token":"<32 hex>"}
//! < {"cmdType":2,"productId":"OSPB5ASRWT","deviceName":"dev_01","protoVersion":"2.0"}\r\n
//! < {"cmdType":2,"deviceReply":"Current_Error","log":"WIFI connect error! (10, 15)"}\r\n
//! ```

mod cause;
mod fault;
mod reply;
pub(crate) mod request;

use std::net::Ipv4Addr;

pub use cause::Cause;
pub use fault::{ErrorId, Fault, SubId};
pub use reply::{DeviceReply, ErrorReply, Reply, Report, State};
pub use request::{Join, Request, TokenOnly};

/// UDP port that a camera is set up on.
pub const PORT: u16 = 8266;
/// UDP port of the log query, on the log hotspot of a failed attempt.
pub const LOG_PORT: u16 = 9876;
/// Where a camera is on its own hotspot, unless it says otherwise.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 4, 1);
/// The protocol that is spoken here.
pub const PROTOCOL_VERSION: &str = "2.0";
/// Longest datagram that is read or written, in bytes.
pub const RECEIVE_LIMIT: usize = 2048;
/// Longest datagram that the reference firmware reads, in bytes: what is longer reaches it cut.
pub const REFERENCE_RECEIVE_LIMIT: usize = 255;
/// Region of a message that names none.
pub const DEFAULT_REGION: &str = "ap-guangzhou";
/// Longest region that is read, in bytes.
pub const MAX_REGION_BYTES: usize = 32;
/// Longest text of an error or of a log that is read or written, in bytes.
pub const MAX_LOG_BYTES: usize = 1400;
