//! Pairing: one at a time, owned by one task. What differs is how the camera is told.
//!
//! ```text
//!  token -> join hotspot -> send -> camera joins -> home again -> hub or LAN hears -> bind -> save, first picture
//!    |         |              |          |                          ^ |  ^
//!    |         |              +----------+--- the camera says why --|-+  +-- its hotspot is back: ask there
//!    |         +-- by hand where the system does not let us         |
//!    +-> a code for its lens ---------------------------------------+
//!    +-> find it on this network -> send the token -----------------+
//! ```
//!
//! Whatever happens (a failure, the user's stop, the end of the time, the app's end), this machine's network is put back.

use crate::api::{
    CameraKey, Failure, FailureCode, Pairing, PairingRequest, PairingState, PairingStep,
    PairingWay, Reply, WifiLogin,
};
use flow::Flow;
use net::Net;
use progress::{Progress, Tell};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wanted::Wanted;
use world::World;

pub(crate) mod causes;
mod code;
mod flow;
pub(crate) mod here;
mod net;
mod over_hotspot;
mod over_network;
mod progress;
mod wait;
pub(crate) mod wanted;
pub(crate) mod world;

pub(crate) use flow::address_of;
pub(crate) use net::Spot;

/// Longest that a pairing takes, without putting the network back (protocol: a camera's session).
pub(crate) const WHOLE: Duration = Duration::from_secs(300);
/// How long the camera's log is asked for after a failure.
const LOG: Duration = Duration::from_secs(4);
/// How often the clock is told.
const TICK: Duration = Duration::from_secs(1);

/// The pairing that runs, or the last one.
pub(crate) struct Pairings {
    world: Arc<dyn World>,
    tell: Arc<dyn Fn(Pairing) + Send + Sync>,
    current: Mutex<Option<Current>>,
}

struct Current {
    request: PairingRequest,
    record: Arc<Record>,
    task: JoinHandle<()>,
}

/// What the task and its owner share.
struct Record {
    progress: Arc<Progress>,
    stop: Notify,
    /// The camera, once it is saved: from then on nothing is undone.
    saved: Mutex<Option<CameraKey>>,
    log: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pairings {
    /// None yet. `tell` takes every change of the one that runs.
    pub(crate) fn new(world: Arc<dyn World>, tell: Arc<dyn Fn(Pairing) + Send + Sync>) -> Self {
        Self {
            world,
            tell,
            current: Mutex::default(),
        }
    }

    /// Begins. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`FailureCode::WifiInputInvalid`], [`FailureCode::PairingRunning`].
    pub(crate) fn start(&self, request: PairingRequest) -> Result<(), Failure> {
        self.begin(request, None)
    }

    /// Tries what failed again, with what was typed before but for what is given.
    ///
    /// # Errors
    /// As [`Pairings::start`], and [`FailureCode::NoPairing`].
    pub(crate) fn retry(
        &self,
        hotspot: Option<WifiLogin>,
        network: Option<WifiLogin>,
    ) -> Result<(), Failure> {
        let (mut request, saved) = match &*lock(&self.current) {
            Some(current) => (current.request.clone(), lock(&current.record.saved).clone()),
            None => return Err(Failure::new(FailureCode::NoPairing)),
        };
        let change = |old: &mut WifiLogin, new: Option<WifiLogin>| {
            if let Some(new) = new {
                *old = new;
            }
        };
        match &mut request.way {
            PairingWay::Hotspot {
                hotspot: old_hotspot,
                network: old_network,
            } => {
                change(old_hotspot, hotspot);
                change(old_network, network);
            }
            PairingWay::Code { network: old } => change(old, network),
            PairingWay::OnNetwork { .. } => {}
        }
        self.begin(request, saved)
    }

    fn begin(&self, request: PairingRequest, saved: Option<CameraKey>) -> Result<(), Failure> {
        let wanted = Wanted::read(&request)?;
        let mut current = lock(&self.current);
        if current.as_ref().is_some_and(Current::is_running) {
            return Err(Failure::new(FailureCode::PairingRunning));
        }
        let tell = self.tell.clone();
        let tell: Tell = Box::new(move |pairing| tell(pairing));
        let name = wanted.hotspot().or_else(|| wanted.name.clone());
        let network = wanted.network().map(ToString::to_string);
        let progress = Arc::new(Progress::new(wanted.kind(), name, network, tell));
        let record = Arc::new(Record {
            progress: progress.clone(),
            stop: Notify::new(),
            saved: Mutex::new(saved),
            log: Mutex::default(),
        });
        let flow = Flow {
            world: self.world.clone(),
            secrets: Mutex::new(wanted.secrets()),
            wanted,
            progress,
            net: Net::new(self.world.clone()),
            log_at: Mutex::default(),
        };
        record.progress.tell();
        // The one before may still be putting the network back.
        let before = current.take().map(|before| before.task);
        let task = tokio::spawn(own(flow, record.clone(), before));
        *current = Some(Current {
            request,
            record,
            task,
        });
        Ok(())
    }

    /// Stops the one that runs; forgets one that has ended.
    pub(crate) fn stop(&self) {
        let mut current = lock(&self.current);
        match &*current {
            Some(running) if running.is_running() => running.record.stop.notify_one(),
            _ => *current = None,
        }
    }

    /// How it is.
    pub(crate) fn state(&self) -> Option<Pairing> {
        let current = lock(&self.current);
        current
            .as_ref()
            .map(|current| current.record.progress.now())
    }

    /// What the camera is to read.
    ///
    /// # Errors
    /// [`FailureCode::NoPairingCode`].
    pub(crate) fn code(&self) -> Result<Reply, Failure> {
        let current = lock(&self.current);
        let shown = current
            .as_ref()
            .and_then(|current| current.record.progress.code())
            .ok_or_else(|| Failure::new(FailureCode::NoPairingCode))?;
        Ok(Reply::PairingCode {
            code: shown.code,
            short: shown.short,
        })
    }

    /// Stops, and waits until this machine's network is back.
    pub(crate) async fn end(&self) {
        let ended = lock(&self.current).take();
        if let Some(current) = ended {
            current.record.stop.notify_one();
            let _ = current.task.await;
        }
    }

    /// The camera's log of the pairing that failed, without secrets.
    ///
    /// # Errors
    /// [`FailureCode::NoPairingLog`].
    pub(crate) fn log(&self) -> Result<String, Failure> {
        let current = lock(&self.current);
        let log = current
            .as_ref()
            .and_then(|current| lock(&current.record.log).clone());
        log.ok_or_else(|| Failure::new(FailureCode::NoPairingLog))
    }
}

impl Current {
    fn is_running(&self) -> bool {
        let pairing = self.record.progress.now();
        matches!(pairing.state, PairingState::Running { .. })
    }
}

impl Drop for Pairings {
    fn drop(&mut self) {
        if let Some(current) = lock(&self.current).take() {
            current.record.stop.notify_one();
        }
    }
}

/// The one task of a pairing: runs the flow until it ends or is stopped, then puts the network back.
async fn own(flow: Flow, record: Arc<Record>, before: Option<JoinHandle<()>>) {
    let progress = &record.progress;
    let ticking = async {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            progress.tell();
        }
    };
    let ended = tokio::select! {
        biased;
        () = record.stop.notified() => None,
        ended = timeout(WHOLE, run(&flow, &record, before)) => Some(ended),
        () = ticking => None,
    };
    let saved = lock(&record.saved).clone();
    let state = match (ended, saved) {
        (Some(Ok(Ok(camera))), _) => PairingState::Done { camera },
        (Some(Ok(Err(failure))), _) => {
            tracing::info!(%failure, "not paired");
            PairingState::Failed { failure }
        }
        // What is saved stays: the user only did not wait for the picture.
        (None, Some(camera)) => PairingState::Done { camera },
        (None, None) => PairingState::Stopped,
        (Some(Err(_)), _) => PairingState::Failed {
            failure: Failure::new(FailureCode::PairingTimeout).with("seconds", WHOLE.as_secs()),
        },
    };
    progress.end(state, true);
    // The camera keeps its log for whoever is still on its hotspot.
    if let Ok(Some(log)) = timeout(LOG, flow.log()).await {
        *lock(&record.log) = Some(log);
        progress.has_log();
    }
    if let Err(failure) = flow.net.restore().await {
        progress.notice(failure);
    }
    progress.restored();
}

async fn run(
    flow: &Flow,
    record: &Record,
    before: Option<JoinHandle<()>>,
) -> Result<CameraKey, Failure> {
    if let Some(before) = before {
        let _ = before.await;
    }
    let saved = lock(&record.saved).clone();
    let camera = match saved {
        Some(camera) => {
            flow.progress.step(PairingStep::FirstPicture);
            camera
        }
        None => flow.run().await?,
    };
    *lock(&record.saved) = Some(camera.clone());
    flow.world.first_picture(&camera).await?;
    Ok(camera)
}

#[cfg(test)]
mod tests;
