//! The hub over real sockets: cameras over MQTT and HTTPS, owners' apps in process and over HTTPS.

#![allow(clippy::unwrap_used)]

mod hostile;
mod http;
mod pairing;
mod postgres;
mod program;
mod registration;
mod restart;
mod support;
mod things;
