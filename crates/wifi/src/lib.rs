#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod choice;
mod error;
#[cfg(target_os = "linux")]
mod linux;
mod radio;

#[cfg(target_os = "linux")]
mod nm;
pub mod phone;
pub mod sim;
#[cfg(target_os = "linux")]
mod wpa;

pub use choice::{Choice, ParseChoiceError, open};
pub use error::Error;
pub use radio::{
    AccessPoint, Before, Capabilities, Joined, Network, Radio, RunningAp, Security, Target,
};
pub use wire::wifi::{Bssid, Passphrase, Ssid};
