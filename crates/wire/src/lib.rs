#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod address;
pub mod calendar;
pub mod clock;
pub mod command;
pub mod device;
mod digest;
pub mod error;
pub mod event;
pub mod hub;
pub mod id;
mod json;
pub mod label;
pub mod link;
pub mod login;
pub mod pair;
pub mod probe;
pub mod qr;
mod query;
pub mod register;
pub mod relay;
pub mod soft_ap;
pub mod stream;
pub mod talk;
mod target;
mod text;
pub mod thing;
pub mod token;
pub mod wifi;
pub mod xp2p_info;

pub use digest::Sha256;
pub use error::ParseError;
pub use json::Json;
pub use target::Target;

/// First path segment of every request: `/ipc.p2p.com/…` (IoT Video URL grammar).
pub const PREFIX: &str = "/ipc.p2p.com";

/// Longest name of a camera or of a viewer, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 128;
