//! Setting the camera up: radio, hotspot, viewers on UDP 8266, and the hub, tied together.
//!
//! ```text
//!  button, code ──┐                        ┌── radio (hotspot, join)
//!  viewer (UDP) ──┤  machine (sans-IO) ────┼── provision (replies, errors, log)
//!  hub ───────────┤                        ├── hub client
//!  radio ─────────┘                        └── light, setup.json, list of viewers
//! ```

mod driver;
pub mod label;
pub mod machine;
mod radio;
pub mod saved;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use provision::ProductSecret;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::device::Device;
use wire::hub::HubAddress;
use wire::id::{CameraId, PeerId};
use wire::soft_ap;

use crate::access::Guests;
use crate::board::{Board, Gesture};
use crate::data::{DataDir, DataError};
#[cfg(feature = "ffmpeg")]
use crate::live::Live;
use machine::Phase;
use saved::Saved;

/// Product of a camera whose maker names none.
pub const PRODUCT_ID: &str = "PORTHOLE01";

/// How long the radio may take to close the hotspot when the camera stops.
const STOP: Duration = Duration::from_secs(5);

/// How a camera is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its radio; `None`: it is on the network without our doing.
    pub radio: Option<wifi::Choice>,
    /// Open to be set up whenever it belongs to nobody; otherwise only when its button is pressed.
    pub open: bool,
    /// UDP port for viewers, and the one for the log; 0 is any.
    pub ports: (u16, u16),
    /// Address of its own on its hotspot.
    pub hotspot_address: Ipv4Addr,
    /// 2.4 GHz channel of its hotspot; `None`: the radio's choice.
    pub hotspot_channel: Option<u8>,
    /// Its name at hubs; `None`: [`PRODUCT_ID`] and the start of its key.
    pub device: Option<Device>,
    /// Its product's secret, if its maker gave it one.
    pub product_secret: Option<ProductSecret>,
    /// Region of its product; `None` takes tokens of any region.
    pub region: Option<String>,
    /// The hub of requests that name none.
    pub hub: Option<HubAddress>,
    /// A code that is shown to it when it starts.
    pub scan: Option<String>,
}

impl Default for Options {
    /// No radio, nothing open: a camera that was set up before goes to its hub, any other does nothing.
    fn default() -> Self {
        Self {
            radio: None,
            open: false,
            ports: (soft_ap::PORT, soft_ap::LOG_PORT),
            hotspot_address: soft_ap::ADDRESS,
            hotspot_channel: None,
            device: None,
            product_secret: None,
            region: None,
            hub: None,
            scan: None,
        }
    }
}

impl Options {
    /// Whether there is anything to do for a camera that remembers this.
    fn is_wanted(&self, saved: &Saved) -> bool {
        self.radio.is_some() || self.open || self.scan.is_some() || saved.account.is_some()
    }
}

/// What setting up needs of the camera.
pub(crate) struct Parts {
    pub(crate) dir: DataDir,
    pub(crate) camera: CameraId,
    pub(crate) board: Arc<dyn Board>,
    #[cfg(feature = "ffmpeg")]
    pub(crate) live: Arc<Live>,
    pub(crate) guests: Arc<Guests>,
    /// Viewers whose connections are to be closed.
    pub(crate) leaving: mpsc::Sender<PeerId>,
    pub(crate) endpoint: p2p::Endpoint,
}

/// How far setting up is: for a status line, the light, a test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// See [`Phase`]; empty before the first.
    pub phase: &'static str,
    /// See [`Light`].
    pub light: &'static str,
    /// It has an owner, by a hub.
    pub bound: bool,
    /// Where viewers reach it, while it is open.
    pub open: Option<SocketAddr>,
    /// Where its log is, while it is open.
    pub log: Option<SocketAddr>,
    /// Name of its hotspot, while it is open on one.
    pub hotspot: Option<String>,
    /// The network that it is on or was told to join.
    pub network: Option<String>,
    /// It is at its hub.
    pub at_hub: bool,
    /// Why the last attempt failed.
    pub cause: Option<&'static str>,
    /// The hub's clock minus its own, milliseconds.
    pub clock_off_ms: Option<i64>,
}

/// Why a camera cannot be set up at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The radio that was chosen does not open.
    #[error("radio {choice}: {source}")]
    Radio {
        /// Which.
        choice: String,
        /// Why.
        source: wifi::Error,
    },
    /// The radio cannot open a hotspot.
    #[error("radio {0} cannot be an access point: use another one, or --radio none")]
    NoHotspot(String),
    /// A file in the data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A code that is no code for cameras.
    #[error("{0}; show the code of the app's page for adding a camera")]
    Code(wire::ParseError),
}

/// The running state machine. Dropping it stops it, the hotspot with it.
pub struct Setup {
    gestures: mpsc::Sender<Gesture>,
    status: watch::Receiver<Status>,
    reset: watch::Receiver<bool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    #[cfg(feature = "ffmpeg")]
    reading: JoinHandle<()>,
}

impl Setup {
    /// Starts it; `None` for a camera that has nothing to do with hotspots and hubs.
    pub(crate) async fn start(options: Options, parts: Parts) -> Result<Option<Self>, Error> {
        let saved = Saved::load(&parts.dir)?;
        if !options.is_wanted(&saved) {
            return Ok(None);
        }
        if let Some(code) = &options.scan {
            wire::qr::parse(code).map_err(Error::Code)?;
        }
        let radio = match &options.radio {
            None => None,
            Some(choice) => Some(open(choice).await?),
        };
        let label = label::load_or_create(&parts.dir, &parts.camera)?;
        let (gestures, by_hand) = mpsc::channel(8);
        if let Some(code) = options.scan.clone() {
            // The channel is empty: there is room.
            let _ = gestures.try_send(Gesture::Show(code));
        }
        let (status, watching) = watch::channel(Status::default());
        let (reset, resetting) = watch::channel(false);
        #[cfg(feature = "ffmpeg")]
        let reading = tokio::spawn(crate::lens::read(parts.live.clone(), gestures.clone()));
        let driver = driver::Driver::new(driver::Start {
            options,
            parts,
            saved,
            radio,
            label,
            by_hand,
            status,
            reset,
        });
        let stop = CancellationToken::new();
        Ok(Some(Self {
            gestures,
            status: watching,
            reset: resetting,
            task: tokio::spawn(driver.run(stop.clone())),
            stop,
            #[cfg(feature = "ffmpeg")]
            reading,
        }))
    }

    /// A code was shown to the camera. It counts while the camera is open to be set up.
    ///
    /// # Errors
    /// [`Error::Code`]: it is no code for cameras.
    pub fn scanned(&self, text: &str) -> Result<(), Error> {
        wire::qr::parse(text).map_err(Error::Code)?;
        self.by_hand(Gesture::Show(text.to_owned()));
        Ok(())
    }

    /// The button was pressed: opens the camera, or closes it again.
    pub fn press(&self) {
        self.by_hand(Gesture::Press);
    }

    /// How far it is, now and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Becomes `true` when somebody asks for a factory reset: stop the camera, then [`crate::reset::erase`].
    pub fn reset(&self) -> watch::Receiver<bool> {
        self.reset.clone()
    }

    /// Stops it and closes the hotspot.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        // A radio that hangs must not keep the camera from stopping.
        if tokio::time::timeout(STOP, &mut self.task).await.is_err() {
            tracing::warn!("the radio does not let go");
        }
    }

    fn by_hand(&self, gesture: Gesture) {
        // People are slower than this queue; what comes in a flood is lost.
        let _ = self.gestures.try_send(gesture);
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.task.abort();
        #[cfg(feature = "ffmpeg")]
        self.reading.abort();
    }
}

async fn open(choice: &wifi::Choice) -> Result<Arc<dyn wifi::Radio>, Error> {
    let radio = wifi::open(choice).await.map_err(|source| Error::Radio {
        choice: choice.to_string(),
        source,
    })?;
    if !radio.capabilities().access_point {
        return Err(Error::NoHotspot(choice.to_string()));
    }
    Ok(radio)
}

impl Phase {
    /// The word in a status line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Joining => "joining",
            Self::Enrolling => "enrolling",
            Self::Away => "away",
            Self::Online => "online",
        }
    }
}

impl fmt::Display for Status {
    /// A line for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "light {} ({})", self.light, self.phase)?;
        if let Some(hotspot) = &self.hotspot {
            write!(f, ", hotspot {hotspot}")?;
        }
        if let Some(network) = &self.network {
            write!(f, ", network {network:?}")?;
        }
        if self.at_hub {
            write!(f, ", at its hub")?;
        }
        if self.bound {
            write!(f, ", has an owner")?;
        }
        match self.cause {
            Some(cause) => write!(f, ", last attempt: {cause}"),
            None => Ok(()),
        }
    }
}
