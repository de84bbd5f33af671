//! The world of a running app: its hub, this machine's radio and network, its cameras.

use super::Spot;
use super::world::{Paired, World};
use crate::api::{CameraKey, Failure, FailureCode, Quality};
use crate::cameras::Cameras;
use crate::continuous::{Fed, Feed};
use crate::discovery::PRODUCT;
use crate::fail;
use crate::hubs::Hubs;
use crate::live::Unit;
use crate::session::Core;
use async_trait::async_trait;
use hub::{Desk, Viewer};
use p2p::lan::{Browser, LanCamera, probe};
use provision::driver;
use provision::viewer::{Config, Dialect, Event};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep};
use wifi::{Choice, Radio};
use wire::address::Address;
use wire::id::{CameraId, ViewerKey};
use wire::soft_ap::{self, Request};

/// Longest that the first picture may take: the camera learns whom to serve, is found, and encodes.
const FIRST_PICTURE: Duration = Duration::from_secs(60);
/// Pause between two attempts at it.
const AGAIN: Duration = Duration::from_millis(500);
/// How long answers to a probe of the LAN are awaited.
const PROBE: Duration = Duration::from_secs(1);

/// What [`World`] means in this app.
pub(crate) struct Here {
    pub(crate) cameras: Arc<Cameras>,
    pub(crate) hubs: Arc<Hubs>,
    pub(crate) viewer: ViewerKey,
    pub(crate) viewer_name: String,
    pub(crate) radios: Arc<Radios>,
}

/// This machine's radio, opened once for each choice.
pub(crate) struct Radios {
    core: Arc<Core>,
    instead: Option<String>,
    opened: Mutex<Option<(String, Arc<dyn Radio>)>>,
}

impl Radios {
    /// The radio of the settings, or another one instead.
    pub(crate) fn new(core: Arc<Core>, instead: Option<String>) -> Self {
        Self {
            core,
            instead,
            opened: Mutex::default(),
        }
    }

    /// The radio.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Radio>, wifi::Error> {
        let instead = self.instead.clone();
        let choice = instead.unwrap_or_else(|| self.core.book.settings().radio);
        let mut opened = self.opened.lock().await;
        if let Some((name, radio)) = &*opened
            && *name == choice
        {
            return Ok(radio.clone());
        }
        let parsed: Choice = choice.parse().map_err(|_| wifi::Error::NoRadio {
            looked_for: choice.clone(),
        })?;
        let radio = wifi::open(&parsed).await?;
        *opened = Some((choice, radio.clone()));
        Ok(radio)
    }
}

#[async_trait]
impl World for Here {
    async fn desk(&self) -> Result<Arc<dyn Desk>, Failure> {
        self.hubs.desk().await
    }

    async fn radio(&self) -> Result<Arc<dyn Radio>, wifi::Error> {
        self.radios.open().await
    }

    fn viewer(&self) -> Viewer {
        let mut name = self.viewer_name.clone();
        name.truncate(name.floor_char_boundary(wire::MAX_NAME_BYTES));
        Viewer {
            key: self.viewer,
            name,
        }
    }

    fn talk(&self, spot: Spot, request: Request) -> mpsc::Receiver<Event> {
        let (events, receiver) = mpsc::channel(16);
        tokio::spawn(async move {
            let config = Config {
                request,
                dialect: Dialect::DOCUMENTS,
                follow: true,
            };
            let (own, camera) = addresses(spot, spot.port);
            let mut talking = match driver::Viewer::start(config, own, camera).await {
                Ok(talking) => talking,
                Err(error) => {
                    tracing::warn!(%error, %camera, "cannot talk to the camera");
                    return;
                }
            };
            loop {
                let event = tokio::select! {
                    event = talking.next() => event,
                    () = events.closed() => None,
                };
                let Some(event) = event else { return };
                if events.send(event).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }

    async fn log(&self, spot: Spot) -> Option<String> {
        // During the attempt the log is at the port of the attempt; afterwards it has one of its own.
        let ask = |port| {
            let (own, camera) = addresses(spot, port);
            driver::fetch_log(own, camera)
        };
        let (during, after) = (ask(spot.port), ask(soft_ap::LOG_PORT));
        tokio::pin!(during, after);
        let log = tokio::select! {
            Ok(log) = &mut during => Some(log),
            Ok(log) = &mut after => Some(log),
            else => None,
        };
        log.filter(|log| !log.trim().is_empty())
    }

    async fn is_on_a_hotspot(&self) -> bool {
        // Nothing is sent: only the route is looked at.
        let route = async {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
            socket
                .connect((soft_ap::ADDRESS, soft_ap::PORT))
                .await
                .ok()?;
            match socket.local_addr().ok()? {
                SocketAddr::V4(own) => Some(*own.ip()),
                SocketAddr::V6(_) => None,
            }
        };
        route.await.is_some_and(|own| {
            own != soft_ap::ADDRESS && own.octets()[..3] == soft_ap::ADDRESS.octets()[..3]
        })
    }

    async fn seen_on_lan(&self, camera: CameraId) -> Address {
        tokio::select! {
            seen = announced(camera) => seen,
            seen = probed(camera) => seen,
        }
    }

    fn save(&self, paired: Paired) -> Result<CameraKey, Failure> {
        self.cameras.adopt(paired)
    }

    async fn first_picture(&self, camera: &str) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let failure = match self.picture(camera).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let passing = fail::is_passing(failure.code)
                || matches!(failure.code, FailureCode::CameraRefused);
            if !passing || started.elapsed() >= FIRST_PICTURE {
                return Err(failure);
            }
            tracing::info!(%failure, "no picture yet");
            // A camera that does not know us yet will, once the hub has reached it.
            self.cameras.get(camera)?.p2p().retry();
            self.hubs.learn_addresses(&self.cameras).await;
            sleep(AGAIN).await;
        }
    }
}

impl Here {
    /// The camera's live stream until its first key picture.
    async fn picture(&self, camera: &str) -> Result<(), Failure> {
        let mut feed = Feed::open(self.cameras.get(camera)?, Quality::High);
        loop {
            match feed.next().await? {
                Fed::Unit(Unit::Video(video)) if video.key => return Ok(()),
                _ => {}
            }
        }
    }
}

fn addresses(spot: Spot, port: u16) -> (SocketAddr, SocketAddr) {
    (
        SocketAddr::from((spot.own, 0)),
        SocketAddr::from((spot.camera, port)),
    )
}

/// Resolves when the camera announces itself.
async fn announced(camera: CameraId) -> Address {
    let Ok(browser) = Browser::start() else {
        return std::future::pending().await;
    };
    let mut events = browser.events();
    loop {
        if let Some(seen) = find(browser.cameras(), camera) {
            return seen;
        }
        if events.next().await.is_none() {
            return std::future::pending().await;
        }
    }
}

/// Resolves when the camera answers a probe: for networks without multicast.
async fn probed(camera: CameraId) -> Address {
    loop {
        let answers = probe(PRODUCT, &[], PROBE).await.unwrap_or_default();
        let cameras = answers.iter().filter_map(LanCamera::from_probe).collect();
        if let Some(seen) = find(cameras, camera) {
            return seen;
        }
        sleep(PROBE).await;
    }
}

fn find(cameras: Vec<LanCamera>, camera: CameraId) -> Option<Address> {
    let mut cameras = cameras.into_iter();
    let found = cameras.find(|seen| seen.id == camera)?;
    Some(found.address)
}
