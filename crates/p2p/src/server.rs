//! The camera's door: lets known viewers in and hands their requests to the service.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iroh::endpoint::{Connection, Incoming, VarInt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::id::PeerId;

use crate::convert::{self, code};
use crate::gate::Gate;
use crate::lan::Announcement;
use crate::pairing::{self, Tries};
use crate::{Access, Service, Stats, Viewer, defaults, http, path};

/// A camera that is open for its viewers. Dropping it closes the door like [`Server::shutdown`], without waiting.
#[derive(Debug)]
pub struct Server {
    door: Arc<Door>,
    _announcement: Option<Announcement>,
}

pub(crate) struct Door {
    endpoint: iroh::Endpoint,
    name: String,
    access: Arc<dyn Access>,
    service: Arc<dyn Service>,
    connections: Mutex<BTreeMap<u64, (PeerId, Connection)>>,
    numbers: AtomicU64,
    handshakes: Arc<Semaphore>,
    tries: Tries,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) fn start(
        endpoint: iroh::Endpoint,
        name: String,
        access: Arc<dyn Access>,
        service: Arc<dyn Service>,
        announcement: Option<Announcement>,
    ) -> Self {
        endpoint.set_alpns(vec![
            defaults::ALPN_HTTP.to_vec(),
            defaults::ALPN_PAIR.to_vec(),
        ]);
        let door = Arc::new(Door {
            endpoint,
            name,
            access,
            service,
            connections: Mutex::default(),
            numbers: AtomicU64::new(1),
            handshakes: Arc::new(Semaphore::new(defaults::MAX_HANDSHAKES)),
            tries: Tries::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        door.tasks.spawn(door.clone().welcome());
        Self {
            door,
            _announcement: announcement,
        }
    }

    /// The admitted connections, oldest first.
    pub fn viewers(&self) -> Vec<Viewer> {
        let connections = self.door.connections();
        connections
            .iter()
            .map(|(connection, (id, _))| Viewer {
                id: *id,
                connection: *connection,
            })
            .collect()
    }

    /// Figures of one connection; `None` once it has ended.
    pub fn stats(&self, viewer: &Viewer) -> Option<Stats> {
        let (_, connection) = self.door.connections().get(&viewer.connection)?.clone();
        let here: Vec<_> = self
            .door
            .endpoint
            .addr()
            .ip_addrs()
            .map(|addr| addr.ip())
            .collect();
        let mut stats = Stats {
            connections: 1,
            ..Stats::default()
        };
        path::fill(&mut stats, &connection, &here);
        Some(stats)
    }

    /// Closes all connections of a viewer, as "refused": for a key that [`Access`] no longer admits.
    pub fn disconnect(&self, viewer: &PeerId) {
        for (id, connection) in self.door.connections().values() {
            if id == viewer {
                connection.close(VarInt::from_u32(code::REFUSED), b"refused");
            }
        }
    }

    /// Closes the door and all connections, and waits until every exchange is over. [`crate::Endpoint::close`] after
    /// it sees to it that the viewers hear of it.
    pub async fn shutdown(&self) {
        self.door.close();
        self.door.tasks.close();
        self.door.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.door.close();
    }
}

impl Door {
    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, (PeerId, Connection)>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.endpoint.set_alpns(Vec::new());
        self.closing.cancel();
        for (_, connection) in self.connections().values() {
            connection.close(VarInt::from_u32(code::GOING), b"going");
        }
    }

    async fn welcome(self: Arc<Self>) {
        loop {
            let permit = self.handshakes.clone().acquire_owned();
            let next = async { (permit.await, self.endpoint.accept().await) };
            let (permit, incoming) = tokio::select! {
                () = self.closing.cancelled() => return,
                next = next => next,
            };
            let Some(incoming) = incoming else { return };
            // In a crowd, whoever wants in shows first that its address is its own.
            let crowded = self.handshakes.available_permits() < defaults::MAX_HANDSHAKES / 2;
            if crowded && !incoming.remote_addr_validated() {
                let _ = incoming.retry();
                continue;
            }
            let door = self.clone();
            self.tasks.spawn(async move {
                let handshake = tokio::time::timeout(defaults::HANDSHAKE, handshake(incoming));
                let connection = tokio::select! {
                    () = door.closing.cancelled() => return,
                    connection = handshake => connection,
                };
                drop(permit);
                if let Ok(Some(connection)) = connection {
                    door.meet(connection).await;
                }
            });
        }
    }

    async fn meet(self: Arc<Self>, connection: Connection) {
        let id = convert::peer_id(connection.remote_id());
        if connection.alpn() == defaults::ALPN_PAIR {
            tokio::select! {
                () = self.closing.cancelled() => connection.close(VarInt::from_u32(code::GOING), b"going"),
                () = pairing::answer(&connection, &id, &*self.access, &self.tries, &self.name) => {}
            }
        } else if self.access.admits(&id) {
            self.serve(connection, id).await;
        } else {
            tracing::info!(viewer = %id.short(), "refused");
            connection.close(VarInt::from_u32(code::REFUSED), b"refused");
        }
    }

    async fn serve(&self, connection: Connection, id: PeerId) {
        connection.set_max_concurrent_uni_streams(VarInt::from_u32(0));
        let viewer = Viewer {
            id,
            connection: self.numbers.fetch_add(1, Ordering::Relaxed),
        };
        let _left = self.enter(viewer, connection.clone());
        let gate = Arc::new(Gate::default());
        let places = Arc::new(Semaphore::new(defaults::MAX_REQUESTS));
        let bodies = Arc::new(Semaphore::new(defaults::MAX_BODIES));
        let exchanges = TaskTracker::new();
        let over = CancellationToken::new();
        let _over = over.clone().drop_guard();
        if greet(&connection).await.is_none() {
            return;
        }
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                break;
            };
            let (send, recv) = tokio::select! {
                // Admitted while the door was closing.
                () = self.closing.cancelled() => {
                    connection.close(VarInt::from_u32(code::GOING), b"going");
                    break;
                }
                stream = connection.accept_bi() => match stream {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::debug!(viewer = %id.short(), %error, "connection ended");
                        break;
                    }
                },
            };
            let shared = (gate.clone(), bodies.clone());
            let exchange = http::answer(self.service.clone(), viewer, shared, send, recv);
            let over = over.clone();
            exchanges.spawn(async move {
                let _place = place;
                over.run_until_cancelled(exchange).await;
            });
        }
        over.cancel();
        exchanges.close();
        exchanges.wait().await;
    }

    /// Counts a connection while the result lives; closes the viewer's oldest if it holds too many.
    fn enter(&self, viewer: Viewer, connection: Connection) -> Left<'_> {
        let mut connections = self.connections();
        let own: Vec<u64> = connections
            .iter()
            .filter(|(_, (id, _))| *id == viewer.id)
            .map(|(number, _)| *number)
            .collect();
        if own.len() >= defaults::MAX_CONNECTIONS_PER_VIEWER
            && let Some((_, oldest)) = connections.get(&own[0])
        {
            oldest.close(VarInt::from_u32(code::DONE), b"too many connections");
        }
        connections.insert(viewer.connection, (viewer.id, connection));
        drop(connections);
        tracing::info!(viewer = %viewer.id.short(), connection = viewer.connection, "joined");
        self.service.viewer_joined(viewer);
        Left { door: self, viewer }
    }
}

async fn handshake(incoming: Incoming) -> Option<Connection> {
    match incoming.accept().ok()?.await {
        Ok(connection) => Some(connection),
        Err(error) => {
            tracing::debug!(%error, "handshake failed");
            None
        }
    }
}

/// Tells the viewer that it is served: one byte, the version, on a stream of its own.
async fn greet(connection: &Connection) -> Option<()> {
    let mut stream = connection.open_uni().await.ok()?;
    stream.write_all(&[1]).await.ok()
}

/// Says goodbye to a viewer when dropped.
struct Left<'a> {
    door: &'a Door,
    viewer: Viewer,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.door.connections().remove(&self.viewer.connection);
        tracing::info!(viewer = %self.viewer.id.short(), connection = self.viewer.connection, "left");
        self.door.service.viewer_left(self.viewer);
    }
}
