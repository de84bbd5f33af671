//! Two real endpoints on this machine: every promise of the crate, one test each.
#![allow(missing_docs, clippy::unwrap_used)]

mod access;
mod child;
mod exchange;
mod hostile;
mod lan;
mod priority;
mod recovery;
mod relay;
mod support;
