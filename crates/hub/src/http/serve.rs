//! The HTTPS server: accepts, speaks TLS, and gives nobody more than a share of it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::Peer;
use crate::limit::household;
use crate::{Error, Result};

/// Connections at the same time, and of them from one address.
const CONNECTIONS: usize = 1024;
const CONNECTIONS_PER_ADDRESS: usize = 64;
/// How long a peer may take for the TLS handshake, and for the head of a request.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may live, idle or not: nothing here takes long.
const LIFE: Duration = Duration::from_secs(120);

/// A running server; dropping it closes every connection.
pub(crate) struct Server {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Listens on `address` and serves `router` over TLS.
    pub(crate) async fn start(
        address: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        router: Router,
    ) -> Result<Self> {
        let failed = |error: std::io::Error| Error::Listen {
            what: "HTTPS",
            address,
            reason: error.to_string(),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(accept(listener, TlsAcceptor::from(tls), router));
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection; when it returns the port is free.
    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let shares = Arc::new(Shares::default());
    // Owned here, so that the end of this task is the end of every connection.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // No descriptors left, most likely: give those that are open time to end.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(share) = Shares::take(&shares, household(peer.ip())) else {
            continue;
        };
        let (tls, router) = (tls.clone(), router.clone());
        connections.spawn(async move {
            let _ = tokio::time::timeout(LIFE, serve(socket, peer, tls, router)).await;
            drop((share, place));
        });
    }
}

async fn serve(socket: TcpStream, peer: SocketAddr, tls: TlsAcceptor, router: Router) {
    let _ = socket.set_nodelay(true);
    let handshake = tokio::time::timeout(HANDSHAKE, tls.accept(socket)).await;
    let Ok(Ok(stream)) = handshake else {
        return;
    };
    let service = router.layer(axum::Extension(Peer(peer)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await;
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// Connections by address.
#[derive(Default)]
struct Shares(Mutex<HashMap<IpAddr, usize>>);

impl Shares {
    fn take(shares: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let mut counts = shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= CONNECTIONS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Share {
            shares: shares.clone(),
            address,
        })
    }
}

/// One connection of an address, given back when dropped.
struct Share {
    shares: Arc<Shares>,
    address: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
