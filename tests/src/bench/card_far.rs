//! Seeks over a path with a round trip of 50 ms.
//!
//! ```text
//!  this process                             child, in a network of its own
//!  camera <── UDP socket, connected ──────> [delay, 25 ms each way] <── loopback ──> viewer
//! ```
//!
//! The child gets that one socket as its standard input and has no other way out, so that no path is found past the delay.

use super::card_reading::{PATIENCE, ROUNDS, moments, seek};
use super::peer::{Known, Peer, runtime};
use super::table::{Row, Target};
use crate::figures::{ms, p50, p95};
use anyhow::{Context, Result, ensure};
use p2p::Request;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wire::link::Link;

/// How long a datagram is on its way.
const ONE_WAY: Duration = Duration::from_millis(25);
/// Datagrams that are on their way in one direction; more are lost, as in a router.
const QUEUE: usize = 4096;
/// Largest datagram.
const DATAGRAM: usize = 65_535;
/// What the child is told by.
const LINK: &str = "PORTHOLE_FAR_LINK";
const FROM: &str = "PORTHOLE_FAR_FROM";

/// Seeks of a viewer that is far away from the camera of this link, whose card begins at `from`, unix seconds.
pub(super) fn rows(link: &str, from: u64) -> Result<Vec<Row>> {
    let camera = camera_of(&link.parse().context("reading the link")?)?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(camera)?;
    let mut child = Command::new("unshare");
    child.arg("--net");
    child.arg(std::env::current_exe()?).arg("far");
    child.env(LINK, link).env(FROM, from.to_string());
    child.stdin(Stdio::from(OwnedFd::from(socket)));
    let output = child.output().context("starting unshare")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let figures = |name: &str| -> Vec<f64> {
        let lines = said.lines().filter_map(|line| line.strip_prefix(name));
        lines
            .filter_map(|number| number.trim().parse().ok())
            .collect()
    };
    let (seeks, commands) = (figures("seek "), figures("command "));
    let note = format!("{ROUNDS} moments as above, every datagram 25 ms late each way");
    Ok(vec![
        Row::new(
            "command and its reply, round trip of 50 ms, p50",
            Target::Beside,
            p50(&commands),
            "ms",
        )
        .note("says that nothing goes past the delay"),
        Row::new(
            "seek to picture, round trip of 50 ms, p50",
            Target::Beside,
            p50(&seeks),
            "ms",
        )
        .note(&note),
        Row::new(
            "seek to picture, round trip of 50 ms, p95",
            Target::AtMost(500.0),
            p95(&seeks),
            "ms",
        )
        .note(&note),
    ])
}

/// The camera's port on this machine.
fn camera_of(link: &Link) -> Result<SocketAddr> {
    let addresses = link.address.addrs.iter();
    let port = addresses
        .filter(|address| address.is_ipv4())
        .map(SocketAddr::port)
        .next()
        .context("a link without an address")?;
    Ok(([127, 0, 0, 1], port).into())
}

/// The child: seeks and prints how long each took.
pub fn seek_from_afar() -> ExitCode {
    match runtime().and_then(|runtime| runtime.block_on(far())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-card far: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn far() -> Result<()> {
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    ensure!(up.context("starting ip")?.success(), "no loopback");
    let outside = UdpSocket::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let near = delay(outside).await?;
    let mut link: Link = std::env::var(LINK)?.parse().context("reading the link")?;
    link.address.addrs = vec![near];
    link.address.relays.clear();
    let from: u64 = std::env::var(FROM)?.parse()?;
    let peer = Known::pair(&link.to_string()).await?.bind().await?;
    for at_ms in moments(from) {
        println!("command {:.3}", ms(command(&peer).await?));
        println!("seek {:.3}", ms(seek(&peer, at_ms).await?));
    }
    peer.close().await;
    Ok(())
}

/// How long the shortest command takes.
async fn command(peer: &Peer) -> Result<Duration> {
    let start = Instant::now();
    let path = "/ipc.p2p.com/command?action=inner_define&channel=0&cmd=get_device_st&type=playback";
    let request = peer.session.request(Request::get(path));
    let response = tokio::time::timeout(PATIENCE, request).await??;
    response.body.read_to_end(100_000).await?;
    let took = start.elapsed();
    ensure!(
        took >= 2 * ONE_WAY,
        "{took:?}: something goes past the delay"
    );
    Ok(took)
}

/// Lets everything that comes to the returned address out of `outside`, and back to whoever spoke last, late.
async fn delay(outside: UdpSocket) -> Result<SocketAddr> {
    outside.set_nonblocking(true)?;
    let outside = Arc::new(tokio::net::UdpSocket::from_std(outside)?);
    let inside = Arc::new(tokio::net::UdpSocket::bind("127.0.0.1:0").await?);
    let address = inside.local_addr()?;
    // The viewer pairs from one port and seeks from another.
    let viewer = Arc::new(Mutex::new(address));
    let (to_camera, to_viewer) = (late(&outside, None), late(&inside, Some(viewer.clone())));
    tokio::spawn(async move {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            if let Ok((length, from)) = inside.recv_from(&mut buffer).await {
                *lock(&viewer) = from;
                to_camera.push(&buffer[..length]);
            }
        }
    });
    tokio::spawn(async move {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            if let Ok(length) = outside.recv(&mut buffer).await {
                to_viewer.push(&buffer[..length]);
            }
        }
    });
    Ok(address)
}

/// One direction: what is on its way.
struct Way(mpsc::Sender<(tokio::time::Instant, Vec<u8>)>);

impl Way {
    /// A full one loses it.
    fn push(&self, datagram: &[u8]) {
        let when = tokio::time::Instant::now() + ONE_WAY;
        let _ = self.0.try_send((when, datagram.to_vec()));
    }
}

/// Sends from this socket, to `whom` or to where it is connected to, what was pushed [`ONE_WAY`] ago.
fn late(socket: &Arc<tokio::net::UdpSocket>, whom: Option<Arc<Mutex<SocketAddr>>>) -> Way {
    let (sender, mut waiting) = mpsc::channel::<(tokio::time::Instant, Vec<u8>)>(QUEUE);
    let socket = Arc::clone(socket);
    tokio::spawn(async move {
        while let Some((when, datagram)) = waiting.recv().await {
            tokio::time::sleep_until(when).await;
            let to = whom.as_ref().map(|whom| *lock(whom));
            // One that is refused is lost.
            let _ = match to {
                Some(to) => socket.send_to(&datagram, to).await,
                None => socket.send(&datagram).await,
            };
        }
    });
    Way(sender)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
