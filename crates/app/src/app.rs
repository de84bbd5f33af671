//! The whole core behind one call.

use crate::FrameSink;
use crate::api::{Call, CameraKey, Event, Failure, FailureCode, Relay, Reply, ViewId};
use crate::book::Book;
use crate::cameras::{Cameras, read_link};
use crate::discovery::Discovery;
use crate::downloads::Downloads;
use crate::fail;
use crate::gateway::Gateway;
use crate::hubs::{self, Hubs};
use crate::live::sound::{Device, Volume};
use crate::live::view::{self, Opening, Order, View};
use crate::pairing::Pairings;
use crate::pairing::here::{Here, Radios};
use crate::record::Progress;
use crate::recorded::Thumbnails;
use crate::session::{Core, Hold};
use crate::snapshot;
use crate::store::{Store, make_private};
use crate::talk::Talks;
use crate::talk::floor::Following;
use base64::Engine;
use p2p::{Identity, IdentityError};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, oneshot};
use wire::command::ptz::Ptz;

mod network;
mod pairing;
mod recorded;
mod settings;
mod talk;

use network::Network;

/// Events a slow listener may be behind before it misses some.
const EVENTS: usize = 1024;

/// How the app starts.
pub struct Options {
    /// Identity and thumbnails are kept here; the store usually too.
    pub data_dir: PathBuf,
    /// Snapshots and recordings go here.
    pub media_dir: PathBuf,
    /// What is remembered.
    pub store: Box<dyn Store>,
    /// What a camera's list of viewers calls this one.
    pub viewer_name: String,
    /// Whether to listen for cameras on the LAN.
    pub lan: bool,
    /// Where sound goes.
    pub sound: Device,
    /// Whether the gateway starts if the settings say so.
    pub gateway: bool,
    /// This machine's Wi-Fi instead of the settings' choice, as [`crate::api::Settings::radio`].
    pub radio: Option<String>,
    /// The relay to be at instead of the settings' choice.
    pub relay: Option<Relay>,
    /// Whether everything is to go through relays, never directly.
    pub relayed: bool,
    /// Whether the app's own hub starts if cameras were paired through it: they come back to it.
    pub hub: bool,
    /// Whether downloads that ran when the app ended go on.
    pub downloads: bool,
}

/// What cameras call this viewer, and others see when it talks: `program`, and the name of the machine if that is known.
pub fn viewer_on_this_machine(program: &str) -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(
        |_| program.to_owned(),
        |name| format!("{program} on {}", name.trim()),
    )
}

impl Options {
    /// For a program that shows pictures.
    pub fn new(
        data_dir: impl Into<PathBuf>,
        media_dir: impl Into<PathBuf>,
        store: Box<dyn Store>,
    ) -> Self {
        Self {
            data_dir: data_dir.into(),
            media_dir: media_dir.into(),
            store,
            viewer_name: "Porthole".into(),
            lan: true,
            sound: Device::Default,
            gateway: true,
            radio: None,
            relay: None,
            relayed: false,
            hub: true,
            downloads: true,
        }
    }
}

/// The viewer without a window. Clones are the same app.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    cameras: Arc<Cameras>,
    network: Network,
    media_dir: PathBuf,
    device: Device,
    volume: Arc<Volume>,
    views: Mutex<HashMap<ViewId, View>>,
    /// Who talks to the cameras of the views.
    floors: Mutex<HashMap<ViewId, Following>>,
    talks: Talks,
    warm: Mutex<Vec<Hold>>,
    discovery: Mutex<Option<Discovery>>,
    gateway: tokio::sync::Mutex<Option<Gateway>>,
    volume_changes: AtomicU64,
    radios: Arc<Radios>,
    hubs: Arc<Hubs>,
    pairings: Pairings,
    thumbnails: Thumbnails,
    downloads: Downloads,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    /// Reads what is saved and opens the sockets. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`FailureCode::IdentityUnusable`], [`FailureCode::SettingInvalid`] for a relay that is none,
    /// [`FailureCode::Internal`] if no socket can be opened.
    pub async fn start(options: Options) -> Result<Self, Failure> {
        make_private(&options.data_dir)?;
        let path = options.data_dir.join("identity.key");
        let identity =
            Identity::load_or_create(&path).map_err(|error| identity_failure(&path, &error))?;
        let book = Book::open(options.store, &options.data_dir);
        let settings = book.settings();
        let network = Network {
            identity: identity.clone(),
            viewer_name: options.viewer_name.clone(),
            lan: options.lan,
            relay: options.relay,
            relayed: options.relayed,
        };
        let endpoint = network.bind(&settings.relay).await?;
        let core = Arc::new(Core {
            book,
            events: broadcast::Sender::new(EVENTS),
        });
        let cameras = Arc::new(Cameras::new(
            core.clone(),
            endpoint,
            options.viewer_name.clone(),
        ));
        let hubs = Arc::new(Hubs::new(core.clone(), options.data_dir.join("hub")));
        hubs::follow_moves(&hubs, &cameras);
        hubs::relay::follow(&hubs, &cameras);
        network::follow_relay(&core, &cameras.endpoint());
        let radios = Arc::new(Radios::new(core.clone(), options.radio));
        let pairings = pairings(
            &core,
            Here {
                cameras: cameras.clone(),
                hubs: hubs.clone(),
                viewer: identity.id(),
                viewer_name: options.viewer_name.clone(),
                radios: radios.clone(),
            },
        );
        let downloads = Downloads::open(
            core.clone(),
            cameras.clone(),
            &options.media_dir.join("Downloads"),
            options.downloads,
        );
        let app = Self(Arc::new(Inner {
            core,
            cameras,
            network,
            media_dir: options.media_dir,
            device: options.sound,
            volume: Volume::new(settings.volume, settings.muted, settings.speaker.clone()),
            views: Mutex::default(),
            floors: Mutex::default(),
            talks: Talks::default(),
            warm: Mutex::default(),
            discovery: Mutex::default(),
            gateway: tokio::sync::Mutex::default(),
            volume_changes: AtomicU64::new(0),
            radios,
            hubs: hubs.clone(),
            pairings,
            thumbnails: Thumbnails::default(),
            downloads,
        }));
        if options.hub {
            tokio::spawn(async move { hubs.start_if_used().await });
        }
        if settings.gateway
            && options.gateway
            && let Err(failure) = app.set_gateway(true).await
        {
            tracing::warn!(%failure, "gateway");
        }
        Ok(app)
    }

    /// What happens from now on. A listener that falls far behind misses the oldest (`RecvError::Lagged`).
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.core.events.subscribe()
    }

    /// The cameras and their sessions, for programs that want more than [`Call`] offers.
    pub fn cameras(&self) -> &Arc<Cameras> {
        &self.0.cameras
    }

    /// What is shared by all parts: saved data and events.
    pub fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    /// Does what the UI asks. `sink` takes the frames of [`Call::OpenView`] and [`crate::api::PlaybackCall::OpenPlayback`] and is
    /// ignored otherwise.
    ///
    /// # Errors
    /// What went wrong, with texts in [`crate::texts`].
    pub async fn call(&self, call: Call, sink: Option<FrameSink>) -> Result<Reply, Failure> {
        let app = &*self.0;
        match call {
            Call::Hello => Ok(self.hello()),
            Call::CheckLink { link } => {
                let link = read_link(&link)?;
                Ok(Reply::Link {
                    id: link.address.id.to_string(),
                    name: link.name.clone(),
                    can_pair: link.secret.is_some(),
                    saved_as: app.core.book.by_id(&link.address.id).map(|saved| saved.key),
                })
            }
            Call::AddCamera { link, name, room } => Ok(Reply::Camera {
                camera: app.cameras.add(&link, name, room).await?,
            }),
            Call::EditCamera { camera, name, room } => Ok(Reply::Camera {
                camera: app.cameras.edit(&camera, &name, &room)?,
            }),
            Call::RemoveCamera { camera } => {
                self.close_views_of(&camera).await;
                self.remove(&camera).await?;
                Ok(Reply::Done)
            }
            Call::ShareCamera { camera } => {
                let share = app.cameras.share(&camera).await?;
                Ok(Reply::Share {
                    link: share.link,
                    qr_svg: share.qr_svg,
                    expires_in: share.expires_in,
                })
            }
            Call::Discover { on } => {
                let mut discovery = lock(&app.discovery);
                match (on, discovery.is_some()) {
                    (true, false) => {
                        *discovery = Some(Discovery::start(app.core.clone(), app.cameras.clone())?)
                    }
                    (true, true) => {
                        let cameras = discovery
                            .as_ref()
                            .map(Discovery::cameras)
                            .unwrap_or_default();
                        app.core.tell(Event::Lan { cameras });
                    }
                    (false, _) => *discovery = None,
                }
                Ok(Reply::Done)
            }
            Call::KeepWarm { cameras } => {
                let holds = cameras
                    .iter()
                    .filter_map(|key| Some(app.cameras.get(key).ok()?.hold()))
                    .collect();
                // The new set is held before the old one is let go: what is in both stays connected.
                let _before = std::mem::replace(&mut *lock(&app.warm), holds);
                Ok(Reply::Done)
            }
            Call::OpenView {
                view,
                camera,
                quality,
                sink: carries,
                max_width,
                audio,
            } => {
                let sink = sink.ok_or_else(|| fail::internal("a view needs a channel"))?;
                let session = app.cameras.get(&camera)?;
                let floor =
                    Following::start(app.core.clone(), session.clone(), app.network.identity.id());
                lock(&app.floors).insert(view, floor);
                let sound = audio.then(|| (app.device.clone(), app.volume.clone()));
                let (core, media_dir) = (app.core.clone(), app.media_dir.clone());
                let opening = Opening {
                    view,
                    session,
                    core,
                    sink,
                    quality,
                    carries,
                    max_width,
                    sound,
                    media_dir,
                };
                self.put(view, view::open(opening)).await;
                Ok(Reply::Done)
            }
            Call::SetQuality { view, quality } => self.order(view, Order::Quality(quality)),
            Call::SetSink {
                view,
                sink,
                max_width,
                reason,
            } => self.order(
                view,
                Order::Sink {
                    sink,
                    max_width,
                    reason,
                },
            ),
            Call::Ack {
                view,
                seq,
                drawn,
                decode_ms,
                draw_ms,
            } => self.order(
                view,
                Order::Ack {
                    seq,
                    drawn,
                    decode_ms,
                    draw_ms,
                },
            ),
            Call::CloseView { view } => {
                lock(&app.floors).remove(&view);
                let closed = lock(&app.views).remove(&view);
                if let Some(view) = closed {
                    view.close().await;
                }
                Ok(Reply::Done)
            }
            Call::SetAudio { volume, muted } => self.set_audio(volume, muted),
            Call::Snapshot { view } => self.snapshot(view).await,
            Call::StartRecording { view } => {
                let (reply, answer) = oneshot::channel();
                self.order(view, Order::Record(reply))?;
                let progress = answer.await.map_err(|_| view_unknown(view))??;
                Ok(file(progress))
            }
            Call::StopRecording { view } => {
                let camera = self.camera_of(view)?;
                let (reply, answer) = oneshot::channel();
                self.order(view, Order::StopRecording(reply))?;
                let finished = match answer.await.map_err(|_| view_unknown(view))? {
                    Some(recorder) => recorder.finish().await,
                    None => {
                        Err(Failure::new(FailureCode::NoPictureYet).detail("no recording runs"))
                    }
                };
                let name = || app.cameras.get(&camera).map(|session| session.name());
                finished
                    .map(file)
                    .map_err(|failure| failure.with("camera", name().unwrap_or(camera.clone())))
            }
            Call::Ptz { camera, direction } => {
                let ptz = direction.map_or(Ptz::Release, |direction| Ptz::Press(direction.into()));
                Ok(Reply::Ptz {
                    apex: app.cameras.ptz(&camera, ptz).await?,
                })
            }
            Call::Command { camera, query } => Ok(Reply::Text {
                text: app.cameras.get(&camera)?.command(&query).await?,
            }),
            Call::Thumbnail { camera } => {
                let saved = app.core.book.thumbnail(&camera);
                let taken = saved.as_ref().map_or(0, |(_, taken)| *taken);
                let jpeg =
                    saved.map(|(jpeg, _)| base64::engine::general_purpose::STANDARD.encode(jpeg));
                Ok(Reply::Thumbnail { jpeg, taken })
            }
            Call::SetSettings { settings } => Ok(Reply::Settings {
                settings: self.set_settings(settings).await?,
            }),
            Call::Gateway => {
                let gateway = app.gateway.lock().await;
                let urls = gateway
                    .as_ref()
                    .map(|gateway| gateway.urls(&app.cameras))
                    .unwrap_or_default();
                Ok(Reply::Gateway {
                    on: gateway.is_some(),
                    urls,
                })
            }
            Call::StartTalk { .. }
            | Call::StopTalk
            | Call::MuteTalk { .. }
            | Call::AskFloor { .. }
            | Call::TalkDevices
            | Call::TestTone { .. }
            | Call::TestLoopback { .. } => self.talk_call(call).await,
            Call::ReadCodes { width, luma } => crate::codes::read(width, luma).await,
            Call::ScanWifi
            | Call::ReadLabel { .. }
            | Call::StartPairing { .. }
            | Call::RetryPairing { .. }
            | Call::StopPairing
            | Call::PairingState
            | Call::PairingCode
            | Call::SavePairingLog
            | Call::CheckHub { .. } => self.pairing_call(call).await,
            Call::Recorded(call) => self.recorded_call(call).await,
            Call::Playback(call) => self.playback_call(call, sink).await,
            Call::Download(call) => self.download_call(call).await,
            Call::Retry { camera } => {
                app.cameras.get(&camera)?.p2p().retry();
                for view in lock(&app.views)
                    .values()
                    .filter(|view| view.camera == camera)
                {
                    view.order(Order::Retry);
                }
                Ok(Reply::Done)
            }
        }
    }

    /// Forgets a camera, asks it to forget this viewer, and takes it from its owner at the hub.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`], [`FailureCode::FileNotWritten`].
    pub async fn remove(&self, camera: &str) -> Result<(), Failure> {
        let saved = self.0.core.book.camera(camera);
        self.0.cameras.remove(camera).await?;
        self.0.thumbnails.forget(camera);
        if let Some(device) = saved.and_then(|saved| saved.device?.device()) {
            self.0.hubs.unbind(&device).await;
        }
        Ok(())
    }

    /// Stops a pairing, if one runs, and waits until this machine's network is back.
    pub async fn end_pairing(&self) {
        self.0.pairings.end().await;
    }

    /// Ends a pairing and all views, finishing their recordings, and closes the sockets.
    pub async fn shutdown(&self) {
        self.end_pairing().await;
        self.0.downloads.stop().await;
        self.stop_talk().await;
        lock(&self.0.floors).clear();
        let views: Vec<_> = lock(&self.0.views).drain().map(|(_, view)| view).collect();
        for view in views {
            view.close().await;
        }
        lock(&self.0.warm).clear();
        *lock(&self.0.discovery) = None;
        if let Some(gateway) = self.0.gateway.lock().await.take() {
            gateway.stop().await;
        }
        self.0.hubs.stop().await;
        self.0.cameras.endpoint().close().await;
    }

    fn hello(&self) -> Reply {
        let app = &*self.0;
        Reply::Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            viewer: app.network.identity.id().to_string(),
            cameras: app.cameras.list(),
            settings: app.core.book.settings(),
            relay: network::relay_state(app.cameras.endpoint().relay().get()),
            media_dir: app.media_dir.display().to_string(),
            ffmpeg: media::ffmpeg_version(),
            notice: app.core.book.notice(),
        }
    }

    /// Takes a view into the list and closes the one that had its number.
    async fn put(&self, view: ViewId, opened: View) {
        let before = lock(&self.0.views).insert(view, opened);
        if let Some(before) = before {
            before.close().await;
        }
    }

    fn order(&self, view: ViewId, order: Order) -> Result<Reply, Failure> {
        let mut views = lock(&self.0.views);
        let running = views.get(&view).ok_or_else(|| view_unknown(view))?;
        if !running.kind.takes(&order) {
            return Err(recorded::wrong_view(view, running.kind));
        }
        if !running.order(order) {
            views.remove(&view);
            return Err(view_unknown(view));
        }
        Ok(Reply::Done)
    }

    fn camera_of(&self, view: ViewId) -> Result<CameraKey, Failure> {
        lock(&self.0.views)
            .get(&view)
            .map(|view| view.camera.clone())
            .ok_or_else(|| view_unknown(view))
    }

    async fn close_views_of(&self, camera: &CameraKey) {
        let closed: Vec<_> = {
            let mut views = lock(&self.0.views);
            let ids: Vec<_> = views
                .iter()
                .filter(|(_, view)| view.camera == *camera)
                .map(|(id, _)| *id)
                .collect();
            lock(&self.0.floors).retain(|id, _| !ids.contains(id));
            ids.into_iter().filter_map(|id| views.remove(&id)).collect()
        };
        for view in closed {
            view.close().await;
        }
    }

    async fn snapshot(&self, view: ViewId) -> Result<Reply, Failure> {
        let camera = self.camera_of(view)?;
        let (reply, answer) = oneshot::channel();
        self.order(view, Order::Pictures(reply))?;
        let pictures = answer.await.map_err(|_| view_unknown(view))?;
        let name = self.0.cameras.get(&camera)?.name();
        let dir = self.0.media_dir.clone();
        let saved = tokio::task::spawn_blocking(move || {
            let jpeg = snapshot::jpeg(&pictures, &name)?;
            let path = snapshot::free_path(&dir, &camera, "jpg");
            snapshot::save(&path, &jpeg)?;
            Ok(Progress {
                path,
                bytes: jpeg.len() as u64,
                ..Progress::default()
            })
        });
        Ok(file(saved.await.map_err(fail::internal)??))
    }
}

fn pairings(core: &Arc<Core>, here: Here) -> Pairings {
    let core = core.clone();
    let tell = Arc::new(move |pairing| core.tell(Event::Pairing { pairing }));
    Pairings::new(Arc::new(here), tell)
}

fn file(progress: Progress) -> Reply {
    Reply::File {
        path: progress.path.display().to_string(),
        bytes: progress.bytes,
        duration_ms: progress.duration_ms,
    }
}

fn view_unknown(view: ViewId) -> Failure {
    Failure::new(FailureCode::ViewUnknown).with("view", view)
}

fn identity_failure(path: &std::path::Path, error: &IdentityError) -> Failure {
    let reason = match error {
        IdentityError::Permissions { mode, .. } => format!("others may read it (mode {mode:04o})"),
        other => other.to_string(),
    };
    Failure::new(FailureCode::IdentityUnusable)
        .with("path", path.display())
        .with("reason", reason)
        .detail(error)
}
