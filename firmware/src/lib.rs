//! The camera: a Linux program that also runs as a virtual camera on any PC.
//!
//! ```text
//!  board (sim | linux)          live                          p2p
//!  sensor ── pictures ──> encoder ──┐                          │
//!  microphone ── sound ──> AAC ─────┴─> ring ──> cursor ──> HTTP-FLV ──> viewer
//!  motor <── PTZ ── commands <────────────────────────────────┘
//!  button, light, radio ── setup ── hub client ──> hub
//! ```
//!
//! [`Camera::start`] runs one; the program `porthole-camera` is a thin shell around it.

pub mod access;
pub mod backoff;
pub mod board;
mod camera;
pub mod card;
pub mod clock;
pub mod data;
pub mod defaults;
pub mod demand;
pub mod download;
pub mod encode;
pub mod hub_client;
#[cfg(feature = "ffmpeg")]
pub mod lens;
pub mod live;
pub mod playback;
pub mod qr;
pub mod record;
pub mod reset;
pub mod seats;
pub mod service;
pub mod setup;
pub mod stats;
pub mod talk;
pub mod thumbnail;

pub use camera::{BoardChoice, Camera, Error, Options};
