//! A wpa_supplicant of our own, for a system that runs none.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep};

use super::BACKEND;
use crate::Error;
use crate::linux::child::{self, Child};
use crate::linux::scratch::Scratch;

/// Where the control sockets of a system's own wpa_supplicant are.
const USUAL: [&str; 2] = ["/run/wpa_supplicant", "/var/run/wpa_supplicant"];
const START_LIMIT: Duration = Duration::from_secs(15);

/// The socket of an interface in the folder given, which must be there, or at the usual places, if it is there.
pub(super) fn find_socket(interface: &str, folder: Option<&Path>) -> Option<PathBuf> {
    match folder {
        Some(folder) => Some(folder.join(interface)),
        None => USUAL
            .iter()
            .map(|folder| Path::new(folder).join(interface))
            .find(|socket| socket.exists() && !is_left_over(socket)),
    }
}

/// Whether nobody listens any more: a wpa_supplicant that was killed leaves its socket behind.
fn is_left_over(socket: &Path) -> bool {
    UnixDatagram::unbound()
        .and_then(|probe| probe.connect(socket))
        .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// The process. Dropped, or when we die, it ends and lets go of the interface.
#[derive(Debug)]
pub(super) struct Supplicant {
    socket: PathBuf,
    _child: Child,
}

impl Supplicant {
    /// Starts wpa_supplicant for an interface, with nothing in its configuration.
    pub(super) async fn start(interface: &str, scratch: &Scratch) -> Result<Self, Error> {
        const DOING: &str = "start";
        let nowhere = || Error::NoRadio {
            looked_for: format!(
                "a control socket {}/{interface} or the program wpa_supplicant",
                USUAL[0]
            ),
        };
        if !Path::new("/sys/class/net").join(interface).exists() {
            return Err(Error::NoRadio {
                looked_for: format!("an interface {interface}"),
            });
        }
        let program = child::find(&["wpa_supplicant"]).ok_or_else(nowhere)?;
        let folder = scratch.path("control");
        let configuration = scratch.path("wpa_supplicant.conf");
        let text = format!(
            "ctrl_interface={}\nap_scan=1\np2p_disabled=1\n",
            folder.display()
        );
        let broken = |error: std::io::Error| Error::backend(BACKEND, DOING, error);
        std::fs::write(&configuration, text).map_err(broken)?;
        let mut command = Command::new(program);
        command
            .args(["-D", "nl80211", "-i", interface, "-c"])
            .arg(&configuration);
        let (child, output) = child::spawn(command).await.map_err(broken)?;
        let output = pipe::Receiver::from_owned_fd(output).map_err(broken)?;
        let last_line = follow(output);
        let socket = folder.join(interface);
        let deadline = Instant::now() + START_LIMIT;
        while !socket.exists() {
            let has_ended = Arc::strong_count(&last_line) == 1;
            if has_ended || Instant::now() > deadline {
                let said = last_line
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                return Err(Error::backend(BACKEND, DOING, said));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self {
            socket,
            _child: child,
        })
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.socket.clone()
    }
}

/// Reads what the program prints, so that it does not wait for a reader, and keeps the last line. The count of owners
/// falls to one when the program has ended.
fn follow(output: pipe::Receiver) -> Arc<Mutex<String>> {
    let last = Arc::new(Mutex::new(String::new()));
    let noted = last.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            tracing::trace!(%line, "wpa_supplicant");
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = line;
        }
    });
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_a_killed_program_left_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wlan0");
        let listening = UnixDatagram::bind(&path).unwrap();
        assert!(!is_left_over(&path));
        drop(listening);
        assert!(path.exists() && is_left_over(&path));
        assert!(!is_left_over(&folder.path().join("wlan1")));
    }
}
