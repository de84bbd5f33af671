//! This machine's network during a pairing: onto the camera's hotspot, and back to where it was.

use super::causes;
use super::progress::Progress;
use super::world::World;
use crate::api::{ByHand, Failure};
use crate::fail;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, sleep};
use wifi::{Before, Joined, Radio, Target};
use wire::soft_ap;
use wire::wifi::Ssid;

/// How long joining the camera's hotspot may take.
const JOIN: Duration = Duration::from_secs(30);
/// How long a hotspot that is not seen is looked for: a camera's button was pressed a moment ago.
const LOOK_FOR_HOTSPOT: Duration = Duration::from_secs(20);
/// How long a radio that is busy with another program is waited for.
const BUSY: Duration = Duration::from_secs(15);
/// Pause between looks at what the user or the system does.
const LOOK: Duration = Duration::from_millis(500);
/// How long the system may take to go back by itself where it did not let us.
const BY_ITSELF: Duration = Duration::from_secs(15);
/// How long the user gets to leave the hotspot by hand before the pairing looks for the camera all the same.
const LEAVE_BY_HAND: Duration = Duration::from_secs(180);

/// Where a camera that waits to be set up is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Its address; on its hotspot it is the router.
    pub(crate) camera: Ipv4Addr,
    /// Its port.
    pub(crate) port: u16,
    /// This machine's address there; unspecified = the system's choice.
    pub(crate) own: Ipv4Addr,
}

impl Spot {
    /// Where the user went by hand and the radio cannot tell.
    const UNKNOWN: Self = Self {
        camera: soft_ap::ADDRESS,
        port: soft_ap::PORT,
        own: Ipv4Addr::UNSPECIFIED,
    };

    /// A camera on a network that this machine is on too.
    pub(super) fn on_network(camera: SocketAddrV4) -> Self {
        Self {
            camera: *camera.ip(),
            port: camera.port(),
            own: Ipv4Addr::UNSPECIFIED,
        }
    }

    fn of(joined: &Joined) -> Self {
        Self {
            camera: joined.gateway.unwrap_or(soft_ap::ADDRESS),
            port: soft_ap::PORT,
            own: joined.address,
        }
    }
}

/// The network as it is changed and put back. Outlives the flow, which may end at any moment.
pub(super) struct Net {
    world: Arc<dyn World>,
    radio: OnceCell<Result<Arc<dyn Radio>, wifi::Error>>,
    /// What was there before the first change; locked while it is put back.
    before: Mutex<Option<Before>>,
    /// The network this machine was on.
    home: OnceCell<Option<Ssid>>,
}

impl Net {
    pub(super) fn new(world: Arc<dyn World>) -> Arc<Self> {
        Arc::new(Self {
            world,
            radio: OnceCell::new(),
            before: Mutex::default(),
            home: OnceCell::new(),
        })
    }

    async fn radio(&self) -> Result<Arc<dyn Radio>, wifi::Error> {
        let radio = self.radio.get_or_init(|| self.world.radio());
        radio.await.clone()
    }

    /// The network this machine is on; `None` if that cannot be known.
    async fn current(&self) -> Option<Option<Joined>> {
        self.radio().await.ok()?.current().await.ok()
    }

    /// Whether this machine is on this network; `None` if that cannot be known.
    pub(super) async fn is_on(&self, ssid: &Ssid) -> Option<bool> {
        let current = self.current().await?;
        Some(current.is_some_and(|joined| joined.ssid == *ssid))
    }

    /// Whether this network is in range; `None` if that cannot be known.
    pub(super) async fn sees(&self, ssid: &Ssid) -> Option<bool> {
        self.radio().await.ok()?.hears(ssid).await.ok()
    }

    /// Onto the camera's hotspot; who is where there. Asks the user where the radio may not.
    pub(super) async fn to_hotspot(
        &self,
        progress: &Progress,
        hotspot: &Target,
    ) -> Result<Spot, Failure> {
        let failed = |error: &wifi::Error| causes::hotspot(error, &hotspot.ssid);
        let (radio, why) = match self.radio().await {
            Ok(radio) => match self.join(&*radio, hotspot).await {
                Ok(joined) => return Ok(Spot::of(&joined)),
                Err(error) if causes::is_for_hands(&error) => (Some(radio), failed(&error)),
                Err(error) => return Err(failed(&error)),
            },
            Err(error) if causes::is_for_hands(&error) => (None, failed(&error)),
            Err(error) => return Err(failed(&error)),
        };
        // What the user changes by hand the user changes back.
        *self.before.lock().await = None;
        progress.by_hand(Some(ByHand::JoinHotspot {
            ssid: hotspot.ssid.to_string(),
            why,
        }));
        let spot = loop {
            if let Some(radio) = &radio {
                let current = radio.current().await.ok().flatten();
                if let Some(joined) = current.filter(|joined| joined.ssid == hotspot.ssid) {
                    break Spot::of(&joined);
                }
            } else if self.world.is_on_a_hotspot().await {
                break Spot::UNKNOWN;
            }
            sleep(LOOK).await;
        };
        progress.by_hand(None);
        Ok(spot)
    }

    async fn join(&self, radio: &dyn Radio, hotspot: &Target) -> Result<Joined, wifi::Error> {
        let current = radio.current().await.ok().flatten();
        if let Some(joined) = current.clone().filter(|joined| joined.ssid == hotspot.ssid) {
            return Ok(joined);
        }
        let mut before = self.before.lock().await;
        if before.is_none() {
            let _ = self.home.set(current.map(|joined| joined.ssid));
            *before = Some(radio.remember().await?);
        }
        drop(before);
        let started = Instant::now();
        loop {
            let (error, patience) = match radio.join(hotspot, JOIN).await {
                Ok(joined) => return Ok(joined),
                Err(error @ wifi::Error::NotFound { .. }) => (error, LOOK_FOR_HOTSPOT),
                Err(error @ wifi::Error::Busy { .. }) => (error, BUSY),
                Err(error) => return Err(error),
            };
            if started.elapsed() >= patience {
                return Err(error);
            }
            sleep(LOOK).await;
        }
    }

    /// Back to where this machine was. Where the app cannot, the user is asked and this goes on: what comes next waits
    /// by itself until the network is there.
    pub(super) async fn go_home(self: &Arc<Self>, progress: &Progress, hotspot: &Ssid) {
        let by_radio = self.before.lock().await.is_some();
        let why = match self.radio().await {
            Ok(_) if by_radio => match self.restore().await {
                Ok(()) => return,
                Err(failure) => failure,
            },
            Ok(_) if self.is_on(hotspot).await == Some(false) => return,
            Ok(_) => self.not_home(&wifi::Error::Unsupported {
                what: "leave a network that it did not join",
            }),
            Err(error) => self.not_home(&error),
        };
        let home = self.home.get().and_then(Option::as_ref);
        progress.by_hand(Some(ByHand::RejoinHome {
            ssid: home.map(Ssid::to_string),
            why,
        }));
        let started = Instant::now();
        while self.is_on(hotspot).await == Some(true) && started.elapsed() < LEAVE_BY_HAND {
            sleep(LOOK).await;
        }
        if self.current().await.flatten().is_some() {
            progress.by_hand(None);
        }
    }

    /// Puts back what was there before the first change, if anything was changed. Goes on to its end when this future is
    /// dropped; a second call waits for the first.
    ///
    /// # Errors
    /// [`crate::FailureCode::HomeNotRejoined`].
    pub(super) async fn restore(self: &Arc<Self>) -> Result<(), Failure> {
        let Some(Ok(radio)) = self.radio.get().cloned() else {
            return Ok(());
        };
        let net = self.clone();
        let restoring = tokio::spawn(async move {
            let mut before = net.before.lock().await;
            let Some(notes) = before.take() else {
                return Ok(());
            };
            let Err(error) = radio.restore(notes).await else {
                return Ok(());
            };
            // The notes are used up; the system often goes back by itself.
            let started = Instant::now();
            while started.elapsed() < BY_ITSELF {
                let current = radio.current().await.ok().flatten();
                if current.map(|joined| joined.ssid).as_ref()
                    == net.home.get().and_then(Option::as_ref)
                {
                    return Ok(());
                }
                sleep(LOOK).await;
            }
            Err(net.not_home(&error))
        });
        restoring.await.map_err(fail::internal)?
    }

    fn not_home(&self, error: &wifi::Error) -> Failure {
        causes::home(error, self.home.get().and_then(Option::as_ref))
    }
}
