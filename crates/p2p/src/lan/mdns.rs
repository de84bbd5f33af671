//! DNS-SD over multicast: a camera is an instance of [`SERVICE_TYPE`].
//!
//! TXT lines: `v=1`, `id=` the camera's key in hex, `name=` its name, `port6=` its IPv6 port if it is another one.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, Mutex, PoisonError};

use mdns_sd::{ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::sync::broadcast;
use wire::address::Address;
use wire::id::PeerId;

use super::LanCamera;
use crate::{Error, Events};

/// The DNS-SD service type of cameras.
pub const SERVICE_TYPE: &str = "_porthole._udp.local.";

/// Longest name in an announcement, bytes; the TXT line holds 255.
const MAX_NAME: usize = 128;
/// Cameras that a browser remembers at most, against a neighbour who announces without end.
const MAX_CAMERAS: usize = 512;

/// A camera's presence on the LAN, while this value lives.
#[derive(Debug)]
pub struct Announcement {
    daemon: Daemon,
    fullname: String,
}

impl Announcement {
    /// Announces a camera that listens on these sockets.
    pub fn start(name: &str, id: &PeerId, sockets: &[SocketAddr]) -> Result<Self, Error> {
        let v4 = sockets
            .iter()
            .find(|socket| socket.is_ipv4())
            .map(SocketAddr::port);
        let v6 = sockets
            .iter()
            .find(|socket| socket.is_ipv6())
            .map(SocketAddr::port);
        let port = v4.or(v6).ok_or(Error::Invalid {
            what: "sockets",
            expected: "one at least",
            got: "none".into(),
        })?;
        let daemon = Daemon::start()?;
        let (id_text, short) = (id.to_string(), id.short().to_string());
        let host = format!("porthole-{short}.local.");
        let (port6, name) = (v6.unwrap_or(port).to_string(), clip(name, MAX_NAME));
        let txt = [
            ("v", "1"),
            ("id", &id_text),
            ("name", name),
            ("port6", &port6),
        ];
        let mut info = ServiceInfo::new(SERVICE_TYPE, &short, &host, "", port, &txt[..])
            .map_err(|error| Error::io("announce on the LAN", error))?
            .enable_addr_auto();
        // The name holds a key: nobody else has it, and asking around first would take 750 ms.
        info.set_requires_probe(false);
        let fullname = info.get_fullname().to_string();
        daemon
            .0
            .register(info)
            .map_err(|error| Error::io("announce on the LAN", error))?;
        Ok(Self { daemon, fullname })
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // The daemon says goodbye for its services when it is shut down too, but this is what says which one.
        let _ = self.daemon.0.unregister(&self.fullname);
    }
}

/// A camera came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanEvent {
    /// A camera is there, or has other addresses or another name than before.
    Found(LanCamera),
    /// A camera said goodbye, or has not been heard of for its announcement's lifetime.
    Lost(PeerId),
}

/// Listens for cameras while it lives.
#[derive(Clone, Debug)]
pub struct Browser(Arc<Listener>);

#[derive(Debug)]
struct Listener {
    _daemon: Daemon,
    cameras: Cameras,
    events: broadcast::Sender<LanEvent>,
}

/// By the DNS-SD name of the instance.
type Cameras = Arc<Mutex<HashMap<String, LanCamera>>>;

impl Browser {
    /// Asks the network for cameras and listens on. [`Error::Io`] without a network that has multicast.
    pub fn start() -> Result<Self, Error> {
        let daemon = Daemon::start()?;
        let found = daemon
            .0
            .browse(SERVICE_TYPE)
            .map_err(|error| Error::io("listen on the LAN", error))?;
        let cameras = Cameras::default();
        let events = broadcast::Sender::new(64);
        tokio::spawn(listen(found, cameras.clone(), events.clone()));
        Ok(Self(Arc::new(Listener {
            _daemon: daemon,
            cameras,
            events,
        })))
    }

    /// The cameras that are there now.
    pub fn cameras(&self) -> Vec<LanCamera> {
        let mut cameras: Vec<_> = lock(&self.0.cameras).values().cloned().collect();
        cameras.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.0.cmp(&b.id.0)));
        cameras
    }

    /// Who comes and goes from now on; [`Browser::cameras`] says who is there already.
    pub fn events(&self) -> Events<LanEvent> {
        Events::new(self.0.events.subscribe())
    }
}

async fn listen(
    found: mdns_sd::Receiver<ServiceEvent>,
    cameras: Cameras,
    events: broadcast::Sender<LanEvent>,
) {
    while let Ok(event) = found.recv_async().await {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let Some(camera) = read(&service) else {
                    continue;
                };
                let mut cameras = lock(&cameras);
                if cameras.len() >= MAX_CAMERAS && !cameras.contains_key(&service.fullname) {
                    continue;
                }
                if cameras
                    .insert(service.fullname.clone(), camera.clone())
                    .as_ref()
                    != Some(&camera)
                {
                    let _ = events.send(LanEvent::Found(camera));
                }
            }
            ServiceEvent::ServiceRemoved(_, fullname) => {
                if let Some(camera) = lock(&cameras).remove(&fullname) {
                    let _ = events.send(LanEvent::Lost(camera.id));
                }
            }
            _ => {}
        }
    }
}

fn lock(cameras: &Cameras) -> std::sync::MutexGuard<'_, HashMap<String, LanCamera>> {
    cameras.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A camera from its announcement; `None` if it is not one of ours.
fn read(service: &ResolvedService) -> Option<LanCamera> {
    let id: PeerId = service.get_property_val_str("id")?.parse().ok()?;
    let name = clip(
        service.get_property_val_str("name").unwrap_or_default(),
        MAX_NAME,
    );
    let port = service.get_port();
    let port6 = service
        .get_property_val_str("port6")
        .and_then(|port| port.parse().ok())
        .unwrap_or(port);
    let mut addrs: Vec<SocketAddr> = service
        .get_addresses()
        .iter()
        .filter_map(|ip| match ip {
            ScopedIp::V4(ip) => Some(SocketAddr::new(IpAddr::V4(*ip.addr()), port)),
            ScopedIp::V6(ip) => {
                Some(SocketAddrV6::new(*ip.addr(), port6, 0, ip.scope_id().index).into())
            }
            _ => None,
        })
        .collect();
    // Global addresses first, loopback last: from elsewhere it is this machine, not the camera.
    addrs.sort_by_key(|addr| (addr.ip().is_loopback(), addr.is_ipv6(), *addr));
    addrs.truncate(16);
    let address = Address {
        id,
        relays: Vec::new(),
        addrs,
    };
    Some(LanCamera {
        id,
        name: name.to_string(),
        address,
    })
}

/// The first `limit` bytes, cut at a letter.
fn clip(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The multicast daemon: a thread of its own, ended with this value.
struct Daemon(ServiceDaemon);

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Daemon")
    }
}

impl Daemon {
    fn start() -> Result<Self, Error> {
        ServiceDaemon::new()
            .map(Self)
            .map_err(|error| Error::io("open the multicast sockets", error))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.shutdown();
    }
}

/// Where the cameras of this LAN are, for sessions to dial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Neighbours(Option<Browser>);

impl Neighbours {
    /// Listens; `seen` is told of every camera that comes or moves. Without multicast there are no neighbours.
    pub(crate) fn listen(seen: impl Fn(&PeerId) + Send + 'static) -> Self {
        let browser = match Browser::start() {
            Ok(browser) => browser,
            Err(error) => {
                tracing::warn!(%error, "cameras on the LAN are not looked for");
                return Self(None);
            }
        };
        let mut events = browser.events();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let LanEvent::Found(camera) = event {
                    seen(&camera.id);
                }
            }
        });
        Self(Some(browser))
    }

    /// Where a camera is, as it announced last.
    pub(crate) fn addresses(&self, id: &PeerId) -> Vec<SocketAddr> {
        let Some(browser) = &self.0 else {
            return Vec::new();
        };
        let cameras = lock(&browser.0.cameras);
        cameras
            .values()
            .filter(|camera| camera.id == *id)
            .flat_map(|camera| camera.address.addrs.clone())
            .collect()
    }
}
