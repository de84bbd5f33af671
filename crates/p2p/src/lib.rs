//! Identity, sessions, LAN discovery and HTTP over encrypted peer-to-peer streams.
//!
//! A camera and a viewer are two [`Endpoint`]s. Each owns an Ed25519 key ([`Identity`]); its public half is the
//! address that is dialled, so there is nothing to impersonate. Knowing a camera's id opens nothing: the camera asks
//! its [`Access`] for every connection and closes strangers with the one word "refused".
//!
//! ```text
//!   viewer                                                     camera
//!   Session ── request ──> bi-stream ── HTTP/1.1 ──> Service::call
//!      │  one QUIC connection a camera id, redialled by itself     │
//!      └── watchdog: a live body silent for 1 s = redial           └── Access: which keys are served
//! ```
//!
//! Inside are iroh (QUIC multipath, hole punching, relays) and hyper (HTTP/1.1); none of their types is in a public
//! signature. The numbers that matter, and why, are in [`defaults`].

pub mod defaults;
pub mod lan;

mod access;
mod body;
mod convert;
mod endpoint;
mod error;
mod gate;
mod http;
mod identity;
mod message;
mod pairing;
mod path;
mod relay;
mod server;
mod session;
mod watch;

pub use access::{Access, BoxFuture, Service, Viewer};
pub use body::{Body, BodySender, Chunk, Closed};
pub use endpoint::{Endpoint, Options, Role};
pub use error::{Error, IdentityError};
pub use identity::Identity;
pub use message::{Method, Priority, Request, Response};
pub use path::{Path, PathKind, Stats};
pub use relay::{RelayChoice, RelayState, RelayUrl};
pub use server::Server;
pub use session::{Session, State};
pub use watch::{Events, Watch};
