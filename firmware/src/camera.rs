//! One running camera.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use p2p::lan::{ProbeOptions, ProbeResponder};
use p2p::{Endpoint, Identity, RelayChoice, Role, Server};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use wire::id::PeerId;
use wire::link::Link;

use crate::access::Guests;
use crate::board::sim::easel::Easel;
use crate::board::sim::{Sim, Source};
use crate::board::{Board, Fault};
use crate::card::Card;
use crate::card::disk::SystemDisk;
use crate::clock::Clock;
use crate::data::{DataDir, DataError, DataLock, Settings};
use crate::encode::{self, Threads};
use crate::live::Live;
use crate::record::{self, RecordMode, Recorder};
use crate::seats::Seats;
use crate::service::{Desk, DeskService, Recorded};
use crate::setup::{self, Setup};
use crate::stats::Stats;
use crate::talk::{self, Talk};
use crate::{board, defaults};

const SETTINGS: &str = "settings.json";
/// What a camera is called until its owner says otherwise.
const NAME: &str = "Camera";
/// The smallest card, bytes: a segment or two.
const SMALLEST_CARD: u64 = 16 << 20;
/// How long a start waits for the endpoint to learn its own address, and for a relay.
const ADDRESS: Duration = Duration::from_secs(2);
const RELAY: Duration = Duration::from_secs(3);
/// How long a start waits for the directory and the port of last time to become free.
const PORT: Duration = Duration::from_secs(1);
/// Time for the answer to `forget_me` to arrive before the connection is closed.
const FAREWELL: Duration = Duration::from_millis(300);

/// Which hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoardChoice {
    /// None: a painted scene or a file.
    Sim(Source),
    /// V4L2 and the sound system.
    #[cfg(feature = "linux")]
    Linux {
        /// Path of the V4L2 device.
        video: String,
        /// Id of the microphone; `None` for the system's choice.
        audio: Option<String>,
        /// LED under `/sys/class/leds`, if there is one.
        light: Option<String>,
        /// Input device of the button, if there is one.
        button: Option<String>,
    },
}

/// How a camera is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directory of everything it remembers.
    pub data: PathBuf,
    /// Its name; `None` for the one it had.
    pub name: Option<String>,
    /// Its hardware.
    pub board: BoardChoice,
    /// How it encodes.
    pub encoding: encode::Settings,
    /// Viewers that may watch at the same time.
    pub max_viewers: u32,
    /// Relays to be reached at.
    pub relays: RelayChoice,
    /// Whether it is found on the local network.
    pub lan: bool,
    /// UDP port; `None` for the one it had, or any.
    pub port: Option<u16>,
    /// How it gets onto the network and to a hub.
    pub setup: setup::Options,
    /// What stands before the lens of the sim board.
    pub easel: Easel,
    /// What it records, if it has a card.
    pub record: Option<record::Options>,
    /// How it is talked to.
    pub talk: talk::Options,
}

impl Options {
    /// The painted scene with everything at its default.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            name: None,
            board: BoardChoice::Sim(Source::Scene),
            encoding: encode::Settings {
                codec: flv::VideoCodec::H264,
                fps: defaults::FPS,
                gop_seconds: defaults::GOP_SECONDS,
            },
            max_viewers: defaults::MAX_VIEWERS,
            relays: RelayChoice::None,
            lan: true,
            port: None,
            setup: setup::Options::default(),
            easel: Easel::default(),
            record: None,
            talk: talk::Options::default(),
        }
    }
}

/// Why a camera does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The identity in it.
    #[error(transparent)]
    Identity(#[from] p2p::IdentityError),
    /// The network.
    #[error(transparent)]
    Network(#[from] p2p::Error),
    /// What the sim board is to look at.
    #[error("--source: {0}")]
    Source(Fault),
    /// The system has no thread to give.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// It cannot be set up.
    #[error(transparent)]
    Setup(#[from] setup::Error),
    /// An option is out of range.
    #[error("{what}: expected {expected}, got {got}")]
    Option {
        /// Which.
        what: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it was.
        got: String,
    },
}

/// One running camera. [`Camera::stop`] ends it cleanly; dropping it does so without waiting for the network.
pub struct Camera {
    endpoint: Endpoint,
    server: Option<Arc<Server>>,
    desk: Arc<Desk>,
    farewells: JoinHandle<()>,
    setup: Option<Setup>,
    _probe: Option<ProbeResponder>,
    threads: Option<Threads>,
    /// Let go of when everything else has ended.
    _lock: DataLock,
}

impl Camera {
    /// Starts a camera; it can be reached when this returns. Call it within a tokio runtime.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(options: Options) -> Result<Self, Error> {
        check(&options)?;
        let dir = DataDir::open(&options.data)?;
        let lock = lock(&dir).await?;
        let identity = Identity::load_or_create(&dir.path("identity.key"))?;
        let mut settings: Settings = dir.read(SETTINGS)?.unwrap_or_default();
        let guests = Guests::load(dir.clone())?;
        let name = options
            .name
            .clone()
            .or(settings.name.take())
            .unwrap_or_else(|| NAME.to_owned());

        let clock = Arc::new(Clock::start());
        let board = open_board(&options, &clock)?;
        let live = Arc::new(Live::new());
        let (hardware, motor) = (board.hardware(), board.motor());

        let endpoint = bind(&options, identity, &name, settings.port).await?;
        let port = endpoint
            .ports()
            .iter()
            .find(|socket| socket.is_ipv4())
            .map(SocketAddr::port);
        dir.write(
            SETTINGS,
            &Settings {
                name: Some(name.clone()),
                port,
            },
        )?;
        settle(&endpoint, &options.relays).await;

        let (card, recorder) = match &options.record {
            None => (None, None),
            Some(record) => {
                let card = Card::unread(record.card.clone(), Box::new(SystemDisk));
                let parts = record::Parts {
                    card: card.clone(),
                    live: Arc::clone(&live),
                    clock: Arc::clone(&clock),
                    dir: dir.clone(),
                };
                (Some(card), Some(Recorder::start(record, parts)?))
            }
        };
        let talk = Talk::new(Arc::clone(&board), clock, options.talk.clone());
        let threads = Threads::start(
            Arc::clone(&board),
            Arc::clone(&live),
            options.encoding,
            recorder.as_ref().map(Recorder::watch),
            talk.far(),
        )
        .map_err(Error::Thread)?;
        let (leaving, left) = mpsc::channel(64);
        let reach = endpoint.clone();
        let desk = Arc::new(Desk {
            recorded: card.map(|card| Recorded::new(card, &live)),
            live: Arc::clone(&live),
            talk,
            guests: Arc::clone(&guests),
            seats: Seats::new(options.max_viewers),
            motor,
            hardware,
            name,
            address: Box::new(move || reach.address()),
            leaving: leaving.clone(),
            recorder,
            started: Instant::now(),
            pressed_by: Mutex::new(None),
        });
        let server = Arc::new(endpoint.serve(
            Arc::clone(&guests) as _,
            Arc::new(DeskService(Arc::clone(&desk))),
        ));
        let farewells = tokio::spawn(farewells(Arc::clone(&server), left));
        let probe = if options.lan {
            respond(&endpoint).await
        } else {
            None
        };
        let parts = setup::Parts {
            dir,
            camera: endpoint.id(),
            board,
            #[cfg(feature = "ffmpeg")]
            live,
            guests,
            leaving,
            endpoint: endpoint.clone(),
        };
        let setup = Setup::start(options.setup, parts).await?;
        Ok(Self {
            setup,
            endpoint,
            server: Some(server),
            desk,
            farewells,
            _probe: probe,
            threads: Some(threads),
            _lock: lock,
        })
    }

    /// Its id.
    pub fn id(&self) -> PeerId {
        self.endpoint.id()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.desk.name
    }

    /// Its link: with a secret while no viewer was added, without one afterwards.
    pub fn link(&self) -> Link {
        Link {
            address: self.endpoint.address(),
            secret: self.desk.guests.first(),
            name: Some(self.desk.name.clone()),
        }
    }

    /// Changes when [`Camera::link`] has got or lost its secret.
    pub fn link_changes(&self) -> watch::Receiver<u64> {
        self.desk.guests.changes()
    }

    /// What it counts.
    pub fn stats(&self) -> Stats {
        self.desk.stats()
    }

    /// Its motor, if it turns.
    pub fn motor(&self) -> Option<Arc<Mutex<board::motor::Motor>>> {
        self.desk.motor.clone()
    }

    /// Its way onto the network; `None` for a camera that has nothing to do with hotspots and hubs.
    pub fn setup(&self) -> Option<&Setup> {
        self.setup.as_ref()
    }

    /// Says goodbye to its viewers and stops.
    pub async fn stop(mut self) {
        if let Some(setup) = self.setup.take() {
            setup.stop().await;
        }
        self.farewells.abort();
        // Its share of the server goes before the endpoint does.
        let _ = (&mut self.farewells).await;
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
        self.endpoint.close().await;
        let desk = Arc::clone(&self.desk);
        // The last pictures go onto the card.
        let _ =
            tokio::task::spawn_blocking(move || desk.recorder.as_ref().map(Recorder::stop)).await;
        if let Some(threads) = self.threads.take() {
            // Joining waits for a picture in work.
            let _ = tokio::task::spawn_blocking(move || drop(threads)).await;
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.farewells.abort();
        if let Some(recorder) = &self.desk.recorder {
            recorder.stop();
        }
    }
}

fn check(options: &Options) -> Result<(), Error> {
    let encode::Settings {
        fps, gop_seconds, ..
    } = options.encoding;
    let wrong = |what, expected, got: String| {
        Err(Error::Option {
            what,
            expected,
            got,
        })
    };
    if !(1..=60).contains(&fps) {
        return wrong("fps", "1 to 60", fps.to_string());
    }
    if !(1..=10).contains(&gop_seconds) {
        return wrong("gop-seconds", "1 to 10", gop_seconds.to_string());
    }
    if !(1..=1_000).contains(&options.max_viewers) {
        return wrong("max-viewers", "1 to 1000", options.max_viewers.to_string());
    }
    if let Some(record) = &options.record {
        if record.mode == Some(RecordMode::Schedule) && record.schedule.is_empty() {
            return wrong("schedule", "times to record at", "none".into());
        }
        if record.card.bytes.is_some_and(|bytes| bytes < SMALLEST_CARD) {
            let got = record.card.bytes.unwrap_or_default().to_string();
            return wrong("card-bytes", "at least 16777216", got);
        }
    }
    match &options.name {
        Some(name) if name.trim().is_empty() || name.len() > wire::MAX_NAME_BYTES => {
            wrong("name", "1 to 128 bytes", format!("{} bytes", name.len()))
        }
        _ => Ok(()),
    }
}

/// Takes the directory; a camera that was told to stop a moment ago may still hold it.
async fn lock(dir: &DataDir) -> Result<DataLock, DataError> {
    let deadline = Instant::now() + PORT;
    loop {
        match dir.lock() {
            Err(DataError::Taken(_)) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => return other,
        }
    }
}

fn open_board(options: &Options, clock: &Arc<Clock>) -> Result<Arc<dyn Board>, Error> {
    let (fps, clock) = (options.encoding.fps, Arc::clone(clock));
    Ok(match &options.board {
        BoardChoice::Sim(source) => {
            let sim = Sim::new(source.clone(), fps, clock)
                .with_easel(options.easel.clone())
                .with_sound(&options.talk);
            sim.check().map_err(Error::Source)?;
            Arc::new(sim)
        }
        #[cfg(feature = "linux")]
        BoardChoice::Linux {
            video,
            audio,
            light,
            button,
        } => {
            let devices = board::linux::Devices {
                video: video.clone(),
                audio: audio.clone(),
                speaker: options.talk.speaker.clone(),
                fps,
                light: light.clone(),
                button: button.clone(),
            };
            let linux = board::linux::Linux::new(devices, clock);
            if let Err(fault) = linux.check() {
                // It may be plugged in later.
                tracing::warn!("no pictures until this is mended: {fault}");
            }
            Arc::new(linux)
        }
    })
}

/// Binds the port that was asked for, or else the one of last time if it is free, or else any.
async fn bind(
    options: &Options,
    identity: Identity,
    name: &str,
    last: Option<u16>,
) -> Result<Endpoint, Error> {
    let bind = |port| {
        Endpoint::bind(p2p::Options {
            identity: identity.clone(),
            name: name.to_owned(),
            role: Role::Camera,
            relays: options.relays.clone(),
            lan: options.lan,
            bind_port: port,
        })
    };
    match (options.port, last) {
        (Some(port), _) => Ok(bind(port).await?),
        (None, Some(port)) => {
            let deadline = Instant::now() + PORT;
            loop {
                match bind(port).await {
                    // A camera that was told to stop a moment ago may still hold it.
                    Err(p2p::Error::Bind { .. }) if Instant::now() < deadline => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    Err(p2p::Error::Bind { detail, .. }) => {
                        tracing::warn!(port, %detail, "the port of last time is taken; viewers look for the new one");
                        return Ok(bind(0).await?);
                    }
                    other => return Ok(other?),
                }
            }
        }
        (None, None) => Ok(bind(0).await?),
    }
}

/// Waits until there is an address to put into a link.
async fn settle(endpoint: &Endpoint, relays: &RelayChoice) {
    let deadline = Instant::now() + ADDRESS;
    while endpoint.address().addrs.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if *relays != RelayChoice::None
        && tokio::time::timeout(RELAY, endpoint.online())
            .await
            .is_err()
    {
        tracing::warn!("no relay answers yet; the link is for the local network until one does");
    }
}

async fn respond(endpoint: &Endpoint) -> Option<ProbeResponder> {
    match ProbeResponder::start(
        endpoint,
        ProbeOptions::new(endpoint, env!("CARGO_PKG_VERSION")),
    )
    .await
    {
        Ok(responder) => Some(responder),
        Err(error) => {
            tracing::info!(%error, "not found by probe; mDNS is enough");
            None
        }
    }
}

/// Closes the connections of viewers that are on the list no longer, all that there are at once.
async fn farewells(server: Arc<Server>, mut left: mpsc::Receiver<PeerId>) {
    let mut viewers = Vec::new();
    while left.recv_many(&mut viewers, left.max_capacity()).await > 0 {
        tokio::time::sleep(FAREWELL).await;
        for viewer in viewers.drain(..) {
            server.disconnect(&viewer);
        }
    }
}
