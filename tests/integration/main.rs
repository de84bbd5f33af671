//! Everything that needs more than one crate, as one binary.

mod architecture;
mod faults;
mod foreign_clients;
mod gateway;
mod microphone;
mod pairing;
mod recordings;
mod relay;
mod repository;
mod talk;
mod two_programs;
