//! The embedded broker over real sockets, seen by devices that keep to the rules and by peers that do not.

#![allow(clippy::unwrap_used)]

mod lifecycle;
mod logins;
mod raw;
mod silence;
mod support;
mod topics;
