#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod camera;
pub mod credentials;
pub mod defaults;
pub mod driver;
pub mod log;
pub mod viewer;

pub use credentials::{DeviceSecret, ProductSecret};
pub use log::{Log, Redactor};
