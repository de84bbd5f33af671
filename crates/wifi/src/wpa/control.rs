//! wpa_supplicant's control interface: commands and replies over a Unix datagram socket, events over a second one.
//!
//! A request that is dropped half-way must not leave its reply to the next one, so every operation has sockets of its
//! own. Commands carry passphrases: they appear in no error and no log, only their first word does.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use super::BACKEND;
use super::reply::Event;
use crate::Error;
use crate::linux::scratch::Scratch;

/// Far longer than wpa_supplicant ever takes, also in an emulated machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longer than any reply: wpa_supplicant writes at most 4096 bytes.
const LONGEST: usize = 8192;

/// A connection to one interface's control socket.
#[derive(Debug)]
pub(super) struct Control {
    commands: Socket,
    events: Socket,
}

impl Control {
    /// Connects to the socket `server`, with our own ends in the scratch folder, and asks for events.
    ///
    /// # Errors
    /// [`Error::NoRadio`]: nobody listens there. [`Error::NotAllowed`]: it is not for us.
    pub(super) async fn open(server: &Path, scratch: &Scratch) -> Result<Self, Error> {
        let control = Self {
            commands: Socket::open(server, scratch)?,
            events: Socket::open(server, scratch)?,
        };
        control.events.send("ATTACH").await?;
        let answer = timeout(PATIENCE, control.events.receive()).await;
        match answer.map_err(|_| silent())? {
            Ok(text) if text.starts_with("OK") => Ok(control),
            Ok(text) => Err(refused("ATTACH", &text)),
            Err(error) => Err(broken(error)),
        }
    }

    /// Sends a command and gives its reply, without the line end.
    pub(super) async fn request(&self, command: &str) -> Result<String, Error> {
        self.commands.send(command).await?;
        let reply = timeout(PATIENCE, self.commands.receive()).await;
        let reply = reply.map_err(|_| silent())?.map_err(broken)?;
        Ok(reply.trim_end_matches('\n').to_owned())
    }

    /// Sends a command that must succeed.
    pub(super) async fn order(&self, command: &str) -> Result<(), Error> {
        let reply = self.request(command).await?;
        if reply == "OK" {
            return Ok(());
        }
        Err(refused(command, &reply))
    }

    /// A reply that is there already.
    pub(super) fn reply_now(&self) -> Option<String> {
        self.commands.receive_now()
    }

    /// Forgets the events that have come already: what they tell of is over.
    pub(super) fn forget_events(&self) {
        while self.events.receive_now().is_some() {}
    }

    /// The next event.
    pub(super) async fn event(&self) -> Result<Event, Error> {
        let text = self.events.receive().await.map_err(broken)?;
        let event = Event::read(&text);
        if event == Event::Terminating {
            return Err(Error::backend(BACKEND, "drive the radio", "it has ended"));
        }
        Ok(event)
    }
}

/// Gives orders without waiting for what comes of them: for when there is no time to, as in a `drop`. They are carried
/// out before anything that is asked later.
pub(super) fn tell(server: &Path, orders: impl IntoIterator<Item = String>) {
    let tell = |order: &str| -> io::Result<()> {
        let socket = std::os::unix::net::UnixDatagram::unbound()?;
        // Its queue holds about ten; a wpa_supplicant that hangs must not hang us.
        socket.set_write_timeout(Some(Duration::from_millis(500)))?;
        socket.send_to(order.as_bytes(), server).map(|_| ())
    };
    for order in orders {
        if let Err(error) = tell(&order) {
            tracing::warn!(%error, %order, "wpa_supplicant was not told to tidy up");
            return;
        }
    }
}

/// One end, with a name in the scratch folder so that replies find it.
#[derive(Debug)]
struct Socket {
    socket: UnixDatagram,
    name: PathBuf,
}

impl Socket {
    fn open(server: &Path, scratch: &Scratch) -> Result<Self, Error> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = scratch.path(&format!("control-{number}"));
        let socket = UnixDatagram::bind(&name).map_err(broken)?;
        let socket = Self { socket, name };
        socket.socket.connect(server).map_err(|error| {
            let place = server.display();
            match error.kind() {
                io::ErrorKind::PermissionDenied => Error::NotAllowed {
                    doing: "control wpa_supplicant",
                    allow: format!("run as root or as a member of the group that owns {place}"),
                },
                _ => Error::NoRadio {
                    looked_for: format!("wpa_supplicant at {place}: {error}"),
                },
            }
        })?;
        Ok(socket)
    }

    async fn send(&self, command: &str) -> Result<(), Error> {
        // Not `try_send`: a new socket counts as full until the runtime has looked at it. A queue that stays full means
        // that wpa_supplicant hangs.
        let sent = timeout(PATIENCE, self.socket.send(command.as_bytes())).await;
        sent.map_err(|_| silent())?.map(|_| ()).map_err(broken)
    }

    async fn receive(&self) -> io::Result<String> {
        let mut text = vec![0; LONGEST];
        let length = self.socket.recv(&mut text).await?;
        text.truncate(length);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Socket {
    /// What is there already, past the runtime: in a `drop` that one looks at nothing.
    fn receive_now(&self) -> Option<String> {
        let mut text = vec![0; LONGEST];
        let length = (&*SockRef::from(&self.socket)).read(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text[..length]).into_owned())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // wpa_supplicant forgets a listener that is gone, but only after some errors in its log.
        let _ = SockRef::from(&self.socket).send(b"DETACH");
        let _ = std::fs::remove_file(&self.name);
    }
}

fn broken(error: io::Error) -> Error {
    Error::backend(BACKEND, "answer", error)
}

fn silent() -> Error {
    Error::backend(BACKEND, "answer", "it says nothing")
}

fn refused(command: &str, reply: &str) -> Error {
    let verb: String = command.split(' ').next().unwrap_or("").to_owned();
    // `SET_NETWORK 0 psk …`: the name of the setting helps, its value is a secret.
    let setting = command.split(' ').nth(2).filter(|_| verb == "SET_NETWORK");
    let setting = setting.map(|name| format!(" {name}")).unwrap_or_default();
    let reply: String = reply.chars().take(80).collect();
    Error::backend(BACKEND, "obey", format!("{verb}{setting}: {reply:?}"))
}
