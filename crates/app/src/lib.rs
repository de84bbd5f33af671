//! The viewer without a window: cameras, live views, recordings, the local gateway.
//!
//! ```text
//!   UI or CLI ── Call ──> App ──> Book      what is saved: cameras, settings, thumbnails
//!       ^                  │ ├──> Cameras   one session a camera, its state, commands
//!       └── Event, frames ─┘ ├──> live      request -> FLV -> access units or pictures, sound, statistics
//!                            ├──> gateway   the same streams on 127.0.0.1 for other players
//!                            └──> pairing   a new camera through its hotspot; the hub inside the app
//! ```
//!
//! The contract with whatever shows it is [`api`]; nothing here knows Tauri. Failures are codes with texts in two
//! languages ([`texts`]).

pub mod api;
pub mod app;
pub mod book;
pub mod cameras;
mod codes;
pub mod continuous;
pub mod discovery;
pub mod downloads;
pub mod fail;
pub mod gateway;
pub mod hubs;
pub mod live;
mod pairing;
pub mod playback;
pub mod record;
pub mod recorded;
pub mod session;
pub mod snapshot;
pub mod store;
pub mod talk;
pub mod texts;
pub mod timeline;

pub use api::{Call, Event, Failure, FailureCode, Reply};
pub use app::{App, Options, viewer_on_this_machine};
pub use store::{FileStore, MemoryStore, Store};

/// Chooses how this program encrypts TLS, once, before anything else. The hub's libraries bring two implementations, and
/// none is the default by itself.
pub fn install_crypto() {
    // Somebody has chosen already: nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Takes one [frame](api::frame) of a view; `false` says that the view is gone. Called on the runtime's threads and on
/// the decoder's: it must not block.
pub type FrameSink = std::sync::Arc<dyn Fn(Vec<u8>) -> bool + Send + Sync>;
