#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod api;
pub mod broker;
pub mod client;
pub mod config;
mod courier;
mod desk;
mod error;
mod event;
mod gate;
mod http;
mod hub;
mod keeper;
mod limit;
mod metrics;
mod registration;
pub mod relay;
mod store;
mod things;
pub mod tls;

pub use config::Config;
pub use desk::{Bound, Desk, DeviceState, Issued, TokenState, Viewer};
pub use error::{Error, Refusal, Result, UnknownRefusal};
pub use event::HubEvent;
pub use hub::{HOME, Hub};
pub use keeper::{Keeper, LiveToken, Owner};
pub use wire::device::Device;
pub use wire::relay::RelayAddress;
