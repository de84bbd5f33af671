//! One connection of a session, while it lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use iroh::endpoint::{Connection, RecvStream, SendStream, VarInt};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use wire::event::SessionEvent;

use crate::Error;
use crate::convert::{self, code};
use crate::gate::Gate;

#[derive(Debug)]
pub(crate) struct Link {
    connection: Connection,
    gate: Arc<Gate>,
    /// Cancelled when what still arrives here is no longer wanted.
    stale: CancellationToken,
    active: AtomicUsize,
    watched: AtomicUsize,
    events: broadcast::Sender<SessionEvent>,
}

impl Link {
    pub(crate) fn new(connection: Connection, events: broadcast::Sender<SessionEvent>) -> Self {
        Self {
            connection,
            gate: Arc::default(),
            stale: CancellationToken::new(),
            active: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
            events,
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.stale.is_cancelled() && self.connection.close_reason().is_none()
    }

    pub(crate) async fn open(&self) -> Result<(SendStream, RecvStream), Error> {
        self.connection
            .open_bi()
            .await
            .map_err(|error| self.failure(convert::closed(&error)))
    }

    /// Resolves when this connection was given up.
    pub(crate) async fn stale(&self) {
        self.stale.cancelled().await;
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale.is_cancelled()
    }

    /// Gives the connection up: the peer is silent.
    pub(crate) fn silent(&self) {
        self.stale.cancel();
        self.connection
            .close(VarInt::from_u32(code::SILENT), b"silent");
    }

    /// Why something on this connection failed: what ended the connection, or else `error`.
    pub(crate) fn failure(&self, error: Error) -> Error {
        if self.stale.is_cancelled() {
            return Error::Silent;
        }
        self.connection
            .close_reason()
            .map_or(error, |reason| convert::closed(&reason))
    }

    pub(crate) fn tell(&self, event: SessionEvent) {
        let _ = self.events.send(event);
    }

    /// Counts an exchange while the result lives.
    pub(crate) fn enter(self: &Arc<Self>, watched: bool) -> Active {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.watched
            .fetch_add(usize::from(watched), Ordering::Relaxed);
        Active {
            link: self.clone(),
            watched,
        }
    }

    /// Exchanges under way.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Exchanges under way that are watched for silence.
    pub(crate) fn watched(&self) -> usize {
        self.watched.load(Ordering::Relaxed)
    }
}

/// One exchange under way.
#[derive(Debug)]
pub(crate) struct Active {
    link: Arc<Link>,
    watched: bool,
}

impl Active {
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.link.active.fetch_sub(1, Ordering::Relaxed);
        self.link
            .watched
            .fetch_sub(usize::from(self.watched), Ordering::Relaxed);
    }
}
