//! The camera's engine on a socket that may come and go with its hotspot.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;
use wire::soft_ap::{Cause, Fault, State};

use super::{now, receive, send, sleep_until};
use crate::camera::{Engine, Event};

/// The camera's end on the network. Its owner waits in [`Camera::next`] beside everything else that it does.
#[derive(Debug)]
pub struct Camera {
    engine: Engine,
    socket: Option<UdpSocket>,
}

impl Camera {
    /// An engine without a socket yet.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            socket: None,
        }
    }

    /// Listens here from now on, in place of where it listened before; port 0 takes any. Returns the address. See
    /// [`Engine::open`].
    ///
    /// # Errors
    /// The address cannot be used, for example because the hotspot is not up yet.
    pub async fn listen(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        // The old socket goes first: it may hold the very port.
        self.socket = None;
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        self.socket = Some(socket);
        self.engine.open(now());
        Ok(address)
    }

    /// Listens no longer; an attempt goes on. What is left to say is sent first. See [`Engine::close`].
    pub async fn close(&mut self) {
        self.flush().await;
        self.socket = None;
        self.engine.close();
    }

    /// The next event. Drives the engine while it waits; safe to drop and to call again. Without anything to wait for it
    /// waits for ever.
    pub async fn next(&mut self) -> Event {
        loop {
            self.flush().await;
            if let Some(event) = self.engine.poll_event() {
                return event;
            }
            let due = self.engine.poll_timeout();
            let received = tokio::select! {
                received = receive_on(self.socket.as_ref()) => Some(received),
                () = sleep_until(due) => None,
            };
            match received {
                Some((from, datagram)) => self.engine.handle_datagram(now(), from, &datagram),
                None => self.engine.handle_timeout(now()),
            }
        }
    }

    /// See [`Engine::set_state`].
    pub fn set_state(&mut self, state: State) {
        self.engine.set_state(now(), state);
    }

    /// See [`Engine::fail`].
    pub fn fail(&mut self, cause: Cause) {
        self.engine.fail(now(), cause);
    }

    /// See [`Engine::succeed`].
    pub fn succeed(&mut self) {
        self.engine.succeed(now());
    }

    /// See [`Engine::station_lost`].
    pub fn station_lost(&mut self) {
        self.engine.station_lost(now());
    }

    /// See [`Engine::cause`].
    pub fn cause(&self) -> Option<Cause> {
        self.engine.cause()
    }

    /// See [`Engine::errors_to_keep`].
    pub fn errors_to_keep(&self) -> Vec<Fault> {
        self.engine.errors_to_keep()
    }

    async fn flush(&mut self) {
        while let Some((to, datagram)) = self.engine.poll_transmit() {
            if let Some(socket) = &self.socket {
                // The viewer asks again.
                let _ = send(socket, to, &datagram).await;
            }
        }
    }
}

async fn receive_on(socket: Option<&UdpSocket>) -> (SocketAddr, Vec<u8>) {
    match socket {
        Some(socket) => receive(socket, None).await,
        None => std::future::pending().await,
    }
}
