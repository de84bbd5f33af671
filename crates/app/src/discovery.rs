//! Looking for cameras on the LAN: mDNS all the time, the documents' UDP probe now and then for networks without multicast.

use crate::api::{Event, Failure, FailureCode, LanCamera};
use crate::cameras::Cameras;
use crate::session::Core;
use p2p::lan::{Browser, probe};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use wire::id::PeerId;

/// The product that all our cameras answer for.
pub(crate) const PRODUCT: &str = "porthole";
/// How long answers to a probe are awaited.
const PROBE_TIME: Duration = Duration::from_secs(1);
/// Pause between probes.
const PROBE_PAUSE: Duration = Duration::from_secs(10);

/// A running search; dropping it ends it.
pub struct Discovery {
    found: Arc<Found>,
    task: JoinHandle<()>,
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Discovery {
    /// Looks, and tells what is found as [`Event::Lan`].
    ///
    /// # Errors
    /// [`FailureCode::DiscoveryUnavailable`].
    pub fn start(core: Arc<Core>, cameras: Arc<Cameras>) -> Result<Self, Failure> {
        let browser = Browser::start().map_err(|error| {
            Failure::new(FailureCode::DiscoveryUnavailable)
                .with("reason", &error)
                .detail(error)
        })?;
        let found = Arc::new(Found {
            browser,
            core,
            cameras,
            probed: Mutex::default(),
        });
        let task = tokio::spawn(look(found.clone()));
        Ok(Self { found, task })
    }

    /// What is there now.
    pub fn cameras(&self) -> Vec<LanCamera> {
        self.found.list()
    }
}

struct Found {
    browser: Browser,
    core: Arc<Core>,
    cameras: Arc<Cameras>,
    /// Answers to the last probe.
    probed: Mutex<HashMap<PeerId, p2p::lan::LanCamera>>,
}

async fn look(found: Arc<Found>) {
    let mut events = found.browser.events();
    let mut told = None;
    let probing = async {
        loop {
            found.probe().await;
            found.tell(&mut None);
            tokio::time::sleep(PROBE_PAUSE).await;
        }
    };
    let following = async {
        loop {
            found.tell(&mut told);
            if events.next().await.is_none() {
                return;
            }
        }
    };
    tokio::select! {
        () = following => {}
        () = probing => {}
    }
}

impl Found {
    /// Tells what is there, if that is news to a listener who was told `before`.
    fn tell(&self, before: &mut Option<Vec<LanCamera>>) {
        let cameras = self.list();
        if before.as_ref() != Some(&cameras) {
            *before = Some(cameras.clone());
            self.core.tell(Event::Lan { cameras });
        }
    }

    async fn probe(&self) {
        match probe(PRODUCT, &[], PROBE_TIME).await {
            Ok(answers) => {
                let cameras = answers.iter().filter_map(p2p::lan::LanCamera::from_probe);
                let cameras = cameras.map(|camera| (camera.id, camera)).collect();
                *self.probed.lock().unwrap_or_else(PoisonError::into_inner) = cameras;
            }
            Err(error) => tracing::debug!(%error, "no probe"),
        }
    }

    fn list(&self) -> Vec<LanCamera> {
        let mut cameras = self.browser.cameras();
        for (id, camera) in self
            .probed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            if !cameras.iter().any(|known| known.id == *id) {
                // A probe's answer names the camera by its id: no name for people.
                let name = format!("Camera {}", &id.short()[..6]);
                cameras.push(p2p::lan::LanCamera {
                    name,
                    ..camera.clone()
                });
            }
        }
        cameras
            .into_iter()
            .map(|camera| self.shown(camera))
            .collect()
    }

    fn shown(&self, camera: p2p::lan::LanCamera) -> LanCamera {
        let saved = self.core.book.by_id(&camera.id);
        // Anyone on the LAN may claim to be a camera: the session tries the address, and what it reaches is saved.
        if let Some(session) = saved
            .as_ref()
            .and_then(|saved| self.cameras.get(&saved.key).ok())
        {
            session.p2p().learn(&camera.address);
        }
        LanCamera {
            id: camera.id.to_string(),
            name: camera.name,
            addresses: camera
                .address
                .addrs
                .iter()
                .map(ToString::to_string)
                .collect(),
            saved_as: saved.map(|saved| saved.key),
        }
    }
}
