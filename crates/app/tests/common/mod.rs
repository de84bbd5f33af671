//! A camera inside the test: a real endpoint whose streams can be made to fail in every way.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)] // each test file uses a part

pub mod card;

use app::api::{
    Call, Drawn, Event, Failure, Playback, PlaybackAction, PlaybackCall, Quality, Reply, Sink,
    ViewState,
};
use app::live::sound::Device;
use app::{App, FrameSink, MemoryStore, Options};
use flv::{AudioCodec, AudioFormat, VideoCodec, Writer};
use media::Picture;
use media::audio::AacEncoder;
use media::video::{Codec, Encoder, EncoderSettings};
use p2p::{Access, Body, BoxFuture, Endpoint, Identity, Request, Response, Role, Server, Service};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;
use wire::id::{PeerId, Secret};
use wire::link::Link;
use wire::stream::StreamRequest;

pub const FPS: u64 = 30;
const GOP: u64 = 60;

/// What the camera does with a request for live.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    Live,
    Status(u16, String),
    Bytes(Vec<u8>),
    /// The same bytes for ever.
    Endless(Vec<u8>, Vec<u8>),
}

/// One coded GOP that is played round and round.
struct Clip {
    record: Vec<u8>,
    pictures: Vec<Vec<u8>>,
}

fn clip(width: u32, height: u32) -> Arc<Clip> {
    let settings = EncoderSettings {
        codec: Codec::H264,
        width,
        height,
        fps: FPS as u32,
        bit_rate: 400_000,
        gop: GOP as u32,
    };
    let mut encoder = Encoder::open(&settings).unwrap();
    let mut pictures = Vec::new();
    for n in 0..GOP {
        let mut picture = Picture::new(width, height);
        picture.pts = (n * 1_000_000 / FPS) as i64;
        let level = 60 + n as u8;
        picture.y_mut().fill(level);
        media::marks::draw(&mut picture, n as u32, 100, 200);
        for packet in encoder.encode(&picture, n == 0).unwrap() {
            pictures.push(packet.data);
        }
    }
    assert_eq!(pictures.len() as u64, GOP);
    Arc::new(Clip {
        record: encoder.config_record().to_vec(),
        pictures,
    })
}

static CLIPS: LazyLock<HashMap<wire::stream::Quality, Arc<Clip>>> = LazyLock::new(|| {
    HashMap::from([
        (wire::stream::Quality::Standard, clip(320, 180)),
        (wire::stream::Quality::High, clip(640, 360)),
        (wire::stream::Quality::Super, clip(960, 540)),
    ])
});

struct Sound {
    asc: [u8; 2],
    packets: Vec<Vec<u8>>,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let mut encoder = AacEncoder::open(48_000, 1, 64_000).unwrap();
    let tone: Vec<f32> = (0..48_000).map(|n| (n as f32 * 0.05).sin() * 0.1).collect();
    let packets = encoder
        .encode(&tone)
        .unwrap()
        .into_iter()
        .map(|packet| packet.data)
        .collect();
    Sound {
        asc: encoder.config(),
        packets,
    }
});

/// A configuration tag as `H264` would have it.
pub fn flv_head(quality: wire::stream::Quality) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::default().header(&mut out, true, true);
    Writer::default()
        .video_config(&mut out, 0, VideoCodec::H264, &CLIPS[&quality].record)
        .unwrap();
    out
}

pub struct Brain {
    pub secret: Mutex<Option<Secret>>,
    pub known: Mutex<HashSet<PeerId>>,
    pub mode: Mutex<Mode>,
    pub streams: AtomicUsize,
    pub open: AtomicUsize,
    pub stalled: AtomicBool,
    pub commands: Mutex<Vec<String>>,
    pub card: card::Card,
    start: Instant,
}

impl Brain {
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }
}

impl Access for Brain {
    fn admits(&self, viewer: &PeerId) -> bool {
        self.known.lock().unwrap().contains(viewer)
    }

    fn pair(&self, viewer: &PeerId, request: &wire::pair::Request) -> bool {
        let mut secret = self.secret.lock().unwrap();
        if !secret
            .as_ref()
            .is_some_and(|secret| secret.matches(&request.secret))
        {
            return false;
        }
        *secret = None;
        self.known.lock().unwrap().insert(*viewer);
        true
    }
}

struct Desk(Arc<Brain>);

impl Service for Desk {
    fn call(&self, request: Request) -> BoxFuture<Response> {
        let brain = self.0.clone();
        Box::pin(async move {
            match card::stream(&brain, &request) {
                Some(recorded) => recorded,
                None => answer(brain, &request.target),
            }
        })
    }
}

fn answer(brain: Arc<Brain>, target: &str) -> Response {
    if target.contains("/command") {
        brain.commands.lock().unwrap().push(target.to_owned());
        if let Some(reply) = card::command(&brain.card, target) {
            return Response::new(200, reply);
        }
        let reply = if target.contains("get_device_st") {
            r#"[{"status":"0","appConnectNum":"1"}]"#
        } else if target.contains("ptz") {
            r#"{"result":"0","apex":"yes"}"#
        } else {
            r#"{"result":"-2004","error":"unknown_topic","topic":"x"}"#
        };
        return Response::new(200, format!("{reply}\0"));
    }
    let Ok(StreamRequest::Live { quality, .. }) = StreamRequest::parse(target) else {
        return Response::new(404, r#"{"status":"404","error":"bad_request"}"#);
    };
    brain.streams.fetch_add(1, Ordering::SeqCst);
    let mode = brain.mode.lock().unwrap().clone();
    let (sender, body) = Body::channel(64);
    match mode {
        Mode::Status(status, body) => return Response::new(status, body),
        Mode::Bytes(bytes) => return Response::new(200, bytes),
        Mode::Endless(head, piece) => {
            tokio::spawn(async move {
                let _ = sender.send(head).await;
                while sender.send(piece.clone()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
        }
        Mode::Live => {
            tokio::spawn(async move {
                brain.open.fetch_add(1, Ordering::SeqCst);
                live(&brain, quality, sender).await;
                brain.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }
    Response::new(200, body).header("content-type", "video/x-flv")
}

async fn live(brain: &Brain, quality: wire::stream::Quality, sender: p2p::BodySender) {
    let clip = &CLIPS[&quality];
    let writer = Writer::default();
    let mut out = flv_head(quality);
    writer
        .audio_config(&mut out, 0, AudioCodec::Aac, &SOUND.asc)
        .unwrap();
    let now = brain.start.elapsed().as_millis() as u64 * FPS / 1000;
    let mut n = now - now % GOP;
    let mut sound = 0;
    loop {
        let at = Duration::from_millis(n * 1000 / FPS);
        if let Some(wait) = at.checked_sub(brain.start.elapsed()) {
            if !out.is_empty() && sender.send(std::mem::take(&mut out)).await.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
        while brain.stalled.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if sender.is_closed() {
                return;
            }
        }
        let unit = &clip.pictures[(n % GOP) as usize];
        let ms = (n * 1000 / FPS) as i64;
        writer
            .video(
                &mut out,
                ms,
                0,
                n.is_multiple_of(GOP),
                VideoCodec::H264,
                unit,
            )
            .unwrap();
        let format = AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: 48_000,
            channels: 1,
        };
        writer
            .audio(
                &mut out,
                ms,
                format,
                &SOUND.packets[sound % SOUND.packets.len()],
            )
            .unwrap();
        sound += 1;
        n += 1;
    }
}

/// A running camera.
pub struct Camera {
    pub brain: Arc<Brain>,
    identity: Identity,
    port: u16,
    running: Option<(Endpoint, Server)>,
}

impl Camera {
    pub async fn start() -> Self {
        LazyLock::force(&CLIPS);
        LazyLock::force(&SOUND);
        LazyLock::force(&card::FILM);
        let brain = Arc::new(Brain {
            secret: Mutex::new(None),
            known: Mutex::default(),
            mode: Mutex::new(Mode::Live),
            streams: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            commands: Mutex::default(),
            card: card::Card::default(),
            start: Instant::now(),
        });
        let mut camera = Self {
            brain,
            identity: Identity::ephemeral().unwrap(),
            port: 0,
            running: None,
        };
        camera.begin().await;
        camera
    }

    pub async fn begin(&mut self) {
        let options = p2p::Options {
            name: "Front door".into(),
            lan: false,
            bind_port: self.port,
            ..p2p::Options::new(self.identity.clone(), Role::Camera)
        };
        let mut bound = Endpoint::bind(options.clone()).await;
        while bound.is_err() && self.port != 0 {
            // The sockets of the run before are closed a moment later.
            tokio::time::sleep(Duration::from_millis(20)).await;
            bound = Endpoint::bind(options.clone()).await;
        }
        let endpoint = bound.unwrap();
        self.port = endpoint
            .ports()
            .iter()
            .find(|addr| addr.is_ipv4())
            .unwrap()
            .port();
        let server = endpoint.serve(self.brain.clone(), Arc::new(Desk(self.brain.clone())));
        self.running = Some((endpoint, server));
    }

    pub async fn stop(&mut self) {
        if let Some((endpoint, server)) = self.running.take() {
            server.shutdown().await;
            endpoint.close().await;
        }
    }

    pub fn forget(&self, viewer: &PeerId) {
        self.brain.known.lock().unwrap().remove(viewer);
        if let Some((_, server)) = &self.running {
            server.disconnect(viewer);
        }
    }

    /// A fresh one-time link.
    pub fn link(&self) -> String {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        let secret = Secret::from_bytes(bytes);
        *self.brain.secret.lock().unwrap() = Some(secret.clone());
        Link {
            address: self.address(),
            secret: Some(secret),
            name: None,
        }
        .to_string()
    }

    pub fn address(&self) -> wire::address::Address {
        let addrs = vec![std::net::SocketAddr::from(([127, 0, 0, 1], self.port))];
        wire::address::Address {
            id: self.identity.id(),
            relays: Vec::new(),
            addrs,
        }
    }
}

/// A viewer with one saved camera.
pub struct Viewer {
    pub app: App,
    pub key: String,
    pub events: broadcast::Receiver<Event>,
    pub dir: tempfile::TempDir,
}

pub async fn start_app(dir: &Path) -> App {
    start_app_with(dir, Device::None).await
}

pub async fn start_app_with(dir: &Path, sound: Device) -> App {
    let mut options = Options::new(dir, dir.join("media"), Box::new(MemoryStore::default()));
    options.lan = false;
    options.sound = sound;
    App::start(options).await.unwrap()
}

impl Viewer {
    pub async fn of(camera: &Camera) -> Self {
        Self::hearing(camera, Device::None).await
    }

    pub async fn hearing(camera: &Camera, sound: Device) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let app = start_app_with(dir.path(), sound).await;
        let added = app
            .call(
                Call::AddCamera {
                    link: camera.link(),
                    name: None,
                    room: None,
                },
                None,
            )
            .await
            .unwrap();
        let Reply::Camera { camera } = added else {
            panic!("{added:?}")
        };
        Self {
            events: app.events(),
            app,
            key: camera.key,
            dir,
        }
    }

    /// Waits for a state of view 1.
    pub async fn state(
        &mut self,
        within: Duration,
        wanted: impl Fn(&ViewState) -> bool,
    ) -> ViewState {
        let found = tokio::time::timeout(within, async {
            loop {
                match self.events.recv().await {
                    Ok(Event::View { state, .. }) if wanted(&state) => return state,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("no such state within {within:?}"))
    }

    pub async fn failed(&mut self, within: Duration) -> Failure {
        match self
            .state(within, |state| matches!(state, ViewState::Failed { .. }))
            .await
        {
            ViewState::Failed { failure } => failure,
            _ => unreachable!(),
        }
    }

    pub async fn live(&mut self, within: Duration) {
        self.state(within, |state| matches!(state, ViewState::Live { .. }))
            .await;
    }

    /// Opens view 1 as a playback, of decoded pictures.
    pub async fn play(&self, at_ms: i64, screen: &Arc<Screen>) {
        let call = Call::Playback(PlaybackCall::OpenPlayback {
            view: 1,
            camera: self.key.clone(),
            at_ms,
            sink: Sink::Pictures,
            max_width: 320,
            audio: true,
        });
        *screen.app.lock().unwrap() = Some(self.app.clone());
        self.app
            .call(call, Some(screen.clone().sink()))
            .await
            .unwrap();
    }

    /// Does something with the playback in view 1.
    pub async fn act(&self, action: PlaybackAction) -> Result<Reply, Failure> {
        let call = Call::Playback(PlaybackCall::Playback { view: 1, action });
        self.app.call(call, None).await
    }

    /// Waits until the playback in view 1 is so.
    pub async fn playback(&mut self, wanted: impl Fn(&Playback) -> bool) -> Playback {
        let found = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                match self.events.recv().await {
                    Ok(Event::Playback { playback }) if wanted(&playback) => return playback,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        found.await.expect("no such state of the playback")
    }

    pub async fn open(&self, quality: Quality, sink: Sink, screen: &Arc<Screen>) {
        let (view, camera) = (1, self.key.clone());
        let call = Call::OpenView {
            view,
            camera,
            quality,
            sink,
            max_width: 320,
            audio: true,
        };
        *screen.app.lock().unwrap() = Some(self.app.clone());
        self.app
            .call(call, Some(screen.clone().sink()))
            .await
            .unwrap();
    }
}

/// One frame of the channel.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub generation: u16,
    pub seq: u32,
    pub pts: i64,
    pub body: Vec<u8>,
    pub at: Instant,
}

/// A screen that acknowledges while it is told to.
#[derive(Default)]
pub struct Screen {
    pub frames: Mutex<Vec<Frame>>,
    pub sleeping: AtomicBool,
    app: Mutex<Option<App>>,
}

impl Screen {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn sink(self: Arc<Self>) -> FrameSink {
        let runtime = tokio::runtime::Handle::current();
        Arc::new(move |bytes: Vec<u8>| {
            let frame = Frame {
                kind: bytes[0],
                flags: bytes[1],
                generation: u16::from_le_bytes(bytes[2..4].try_into().unwrap()),
                seq: u32::from_le_bytes(bytes[4..8].try_into().unwrap()),
                pts: i64::from_le_bytes(bytes[8..16].try_into().unwrap()),
                body: bytes[16..].to_vec(),
                at: Instant::now(),
            };
            let (seq, pts) = (frame.seq, frame.pts);
            self.frames.lock().unwrap().push(frame);
            if !self.sleeping.load(Ordering::SeqCst) {
                runtime.spawn(self.clone().ack(seq, pts));
            }
            true
        })
    }

    pub async fn ack(self: Arc<Self>, seq: u32, pts: i64) {
        let app = self.app.lock().unwrap().clone().unwrap();
        let drawn = Some(Drawn {
            pts,
            ago_ms: 0.0,
            count: 1,
        });
        let _ = app
            .call(
                Call::Ack {
                    view: 1,
                    seq,
                    drawn,
                    decode_ms: Some(1.0),
                    draw_ms: Some(1.0),
                },
                None,
            )
            .await;
    }

    pub fn frames(&self) -> Vec<Frame> {
        self.frames.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.frames.lock().unwrap().len()
    }

    pub async fn until(&self, within: Duration, wanted: impl Fn(&[Frame]) -> bool) {
        let end = Instant::now() + within;
        while !wanted(&self.frames.lock().unwrap()) {
            assert!(
                Instant::now() < end,
                "not within {within:?}; {} frames",
                self.count()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
