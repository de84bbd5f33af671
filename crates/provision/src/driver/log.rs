//! The log over UDP: `cmdType` 3 and its answer, which is no JSON.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use wire::soft_ap::{Reply, Request};

use super::{receive, send};
use crate::defaults::{LOG_GAP, LOG_LIFETIME, LOG_QUERY, LOG_REPLIES};
use crate::log::Log;

/// Answers queries for the log on `bind` (port [`wire::soft_ap::LOG_PORT`] on the log hotspot) for
/// [`LOG_LIFETIME`]. Other datagrams are not answered.
///
/// # Errors
/// The address cannot be used.
pub async fn serve_log(bind: SocketAddr, log: &Log) -> io::Result<()> {
    let socket = UdpSocket::bind(bind).await?;
    let serving = async {
        loop {
            let (from, datagram) = receive(&socket, None).await;
            if Request::decode(&datagram) != Ok(Request::Log) {
                continue;
            }
            for left in (0..LOG_REPLIES).rev() {
                let _ = send(&socket, from, log.text().as_bytes()).await;
                if left > 0 {
                    tokio::time::sleep(LOG_GAP).await;
                }
            }
        }
    };
    // The time is over: that is how it ends.
    let _: Result<(), _> = tokio::time::timeout(LOG_LIFETIME, serving).await;
    Ok(())
}

/// Asks a camera for its log, from `bind`, until it answers. The text of a foreign camera may hold secrets: pass it
/// through a [`crate::Redactor`] before it is shown or saved.
///
/// # Errors
/// The address cannot be used, or no answer came ([`io::ErrorKind::TimedOut`]).
pub async fn fetch_log(bind: SocketAddr, camera: SocketAddr) -> io::Result<String> {
    let socket = UdpSocket::bind(bind).await?;
    let query = Request::Log
        .encode()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let (every, times) = LOG_QUERY;
    for _ in 0..times {
        let _ = send(&socket, camera, &query).await;
        if let Ok(text) = tokio::time::timeout(every, answer(&socket, camera)).await {
            return Ok(text);
        }
    }
    let waited = Duration::from_secs(every.as_secs() * u64::from(times)).as_secs();
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!(
            "the camera at {camera} sent no log within {waited} s; is this device on its hotspot?"
        ),
    ))
}

async fn answer(socket: &UdpSocket, camera: SocketAddr) -> String {
    loop {
        let (_, datagram) = receive(socket, Some(camera.ip())).await;
        // Device replies and errors of an attempt that goes on arrive here too.
        if Reply::decode(&datagram).is_err() {
            return String::from_utf8_lossy(&datagram)
                .trim_end_matches('\0')
                .to_owned();
        }
    }
}
