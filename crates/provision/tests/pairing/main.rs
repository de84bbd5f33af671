//! Both ends of pairing: each engine by itself, both over a bad network, both on real sockets.

#![allow(clippy::unwrap_used)]

mod camera;
mod common;
mod driver;
mod readme;
mod simulation;
mod viewer;
