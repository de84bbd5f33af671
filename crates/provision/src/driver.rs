//! The engines on real UDP sockets: the only place of this crate that does I/O.

mod camera;
mod log;
mod viewer;

pub use camera::Camera;
pub use log::{fetch_log, serve_log};
pub use viewer::Viewer;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use wire::soft_ap::RECEIVE_LIMIT;

/// Rest after a socket's error, so that one that stays does not become a busy loop.
const REST: Duration = Duration::from_millis(100);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Sleeps until then; for ever if there is no such time.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// The next datagram, from `only` if it is given. Longer ones arrive cut and will not read. Errors are waited out: that
/// a port is closed or an interface away may be different in a moment.
async fn receive(socket: &UdpSocket, only: Option<IpAddr>) -> (SocketAddr, Vec<u8>) {
    let mut buffer = vec![0; RECEIVE_LIMIT + 1];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) if only.is_none_or(|only| only == from.ip()) => {
                buffer.truncate(length);
                return (from, buffer);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!("receiving: {error}");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Sends a datagram; one that cannot be sent is lost, as on the way.
async fn send(socket: &UdpSocket, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
    let sent = socket.send_to(datagram, to).await;
    if let Err(error) = &sent {
        tracing::debug!("sending to {to}: {error}");
    }
    sent.map(|_| ())
}
