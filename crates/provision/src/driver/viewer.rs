//! The viewer's engine on a socket.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

use super::{now, receive, send, sleep_until};
use crate::viewer::{Config, Engine, Event};

/// The viewer's end on the network.
#[derive(Debug)]
pub struct Viewer {
    engine: Engine,
    socket: UdpSocket,
    camera: SocketAddr,
    is_over: bool,
}

impl Viewer {
    /// Begins to ask the camera at `camera`, from `bind`: the address of the interface that has joined the hotspot, port
    /// 0 for any.
    ///
    /// # Errors
    /// The address cannot be used, or the request fits no datagram.
    pub async fn start(config: Config, bind: SocketAddr, camera: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(bind).await?;
        let engine = Engine::new(now(), config)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Self {
            engine,
            socket,
            camera,
            is_over: false,
        })
    }

    /// The next event; `None` after the last one. Drives the engine while it waits; safe to drop and to call again.
    pub async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        loop {
            while let Some(datagram) = self.engine.poll_transmit() {
                // It is sent again until the camera answers.
                let _ = send(&self.socket, self.camera, &datagram).await;
            }
            if let Some(event) = self.engine.poll_event() {
                self.is_over = event.is_last();
                return Some(event);
            }
            let due = self.engine.poll_timeout();
            let received = tokio::select! {
                received = receive(&self.socket, Some(self.camera.ip())) => Some(received),
                () = sleep_until(due) => None,
            };
            match received {
                Some((_, datagram)) => self.engine.handle_datagram(now(), &datagram),
                None => self.engine.handle_timeout(now()),
            }
        }
    }
}
