//! What a camera brings: who may come in, and what happens with a request.

use std::future::Future;
use std::pin::Pin;

use wire::id::PeerId;

use crate::{Request, Response};

/// A future that can be kept and sent to another thread.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// The camera's list of viewer keys. Called on the runtime's threads: answer from memory, do not block.
pub trait Access: Send + Sync + 'static {
    /// Whether this key is served.
    fn admits(&self, viewer: &PeerId) -> bool;

    /// A stranger shows a pairing secret. Compare with [`wire::id::Secret`]'s constant-time `matches`, use the secret up,
    /// remember the viewer, and return whether all of that worked. Attempts are already rate-limited here.
    fn pair(&self, viewer: &PeerId, request: &wire::pair::Request) -> bool;
}

/// The camera's answers.
pub trait Service: Send + Sync + 'static {
    /// Answers one request. Dropped when the viewer gives up before the response has begun.
    fn call(&self, request: Request) -> BoxFuture<Response>;

    /// A viewer's connection was admitted.
    fn viewer_joined(&self, viewer: Viewer) {
        let _ = viewer;
    }

    /// A viewer's connection ended; all its requests are over.
    fn viewer_left(&self, viewer: Viewer) {
        let _ = viewer;
    }
}

/// One admitted connection of a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// The viewer's key.
    pub id: PeerId,
    /// Number of the connection, unique while the camera runs: one viewer may hold several.
    pub connection: u64,
}
