//! What the camera answers: `/ipc.p2p.com/ipc.flv` and `/ipc.p2p.com/command`.

mod command;
mod recorded;
mod recordings;
mod voice;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use p2p::{Access as _, Body, BoxFuture, Method, Request, Response, Viewer};
use tokio::sync::mpsc;
use wire::Target;
use wire::command::reply::{Refusal, Status};
use wire::id::PeerId;
use wire::stream::{Quality, StreamRequest};

use crate::access::Guests;
use crate::board::motor::{self, Motor};
use crate::board::{Hardware, Sound};
use crate::defaults::{BODY_TAGS, FIRST_PICTURE};
use crate::demand::Lane;
use crate::live::{Live, NoPicture, Viewing};
use crate::record::Recorder;
use crate::seats::{NoSeat, Seat, Seats};
use crate::stats::{Process, Stats};
use crate::talk::Talk;

pub use recorded::Recorded;

/// Everything a request may need.
pub struct Desk {
    /// The lanes.
    pub live: Arc<Live>,
    /// Whoever talks.
    pub talk: Arc<Talk>,
    /// Who may come.
    pub guests: Arc<Guests>,
    /// How many may watch.
    pub seats: Arc<Seats>,
    /// The card, if there is one.
    pub recorded: Option<Recorded>,
    /// The motor, if the camera turns.
    pub motor: Option<Arc<Mutex<Motor>>>,
    /// What it runs on.
    pub hardware: Hardware,
    /// What its owner calls it.
    pub name: String,
    /// The endpoint's way to be reached, for links.
    pub address: Box<dyn Fn() -> wire::address::Address + Send + Sync>,
    /// Viewers that asked to be forgotten: their connections are to be closed.
    pub leaving: mpsc::Sender<PeerId>,
    /// What records.
    pub recorder: Option<Recorder>,
    /// When the camera was started.
    pub started: Instant,
    /// Connection whose press moves the motor.
    pub pressed_by: Mutex<Option<u64>>,
}

impl Desk {
    /// What the camera counts.
    pub fn stats(&self) -> Stats {
        Stats {
            uptime_seconds: self.started.elapsed().as_secs(),
            viewers: self.seats.taken(),
            max_viewers: self.seats.max(),
            known_viewers: self.guests.count(),
            process: Process::now(),
            lanes: self.live.lanes(),
            streams: self.live.viewings(),
            card: self.recorder.as_ref().map(Recorder::stats),
            talk: self.talk.stats(),
        }
    }

    async fn answer(self: Arc<Self>, request: Request) -> Response {
        let Some(viewer) = request.viewer else {
            return refuse(&Refusal::new(Status::Refuse, "refused"));
        };
        // A viewer that is off the list keeps its connection for a moment, and nothing else.
        if !self.guests.admits(&viewer) {
            return refuse(&Refusal::new(Status::Refuse, "refused"));
        }
        match Target::parse(&request.target) {
            Err(error) => refuse(&Refusal::bad_request(&error)),
            Ok(Target::Command(command)) => {
                self.command(&command, &viewer, request.connection).await
            }
            Ok(Target::Stream(StreamRequest::Voice { channel: 0, .. })) => {
                self.voice(request.method, request.body, &viewer)
            }
            Ok(Target::Stream(StreamRequest::Live { .. })) if request.method != Method::Get => {
                let refusal = Refusal::new(Status::BadRequest, "method_not_allowed");
                json(405, refusal.encode()).header("allow", "GET")
            }
            Ok(Target::Stream(StreamRequest::Live {
                channel: 0,
                quality,
                audio_only,
            })) => self.watch(quality, audio_only, viewer).await,
            Ok(Target::Stream(StreamRequest::Live { .. } | StreamRequest::Voice { .. })) => {
                refuse(&Refusal::new(Status::BadRequest, "no_such_channel"))
            }
            Ok(Target::Stream(wanted)) => self.recorded(wanted, &request, &viewer).await,
        }
    }

    /// A place for one stream of a viewer.
    fn seat(&self, viewer: &PeerId) -> Result<Seat, Refusal> {
        self.seats.take(viewer).map_err(|none| match none {
            NoSeat::Full { now } => Refusal::too_many_viewers(now, self.seats.max()),
            NoSeat::TooManyStreams => Refusal::too_many_streams(),
        })
    }

    async fn watch(&self, quality: Quality, audio_only: bool, viewer: PeerId) -> Response {
        let lane = if audio_only {
            Lane::Audio
        } else {
            Lane::Video(quality)
        };
        if audio_only && self.hardware.sound == Sound::None {
            return refuse(&Refusal::new(Status::Unsupported, "no_sound"));
        }
        let seat = match self.seat(&viewer) {
            Ok(seat) => seat,
            Err(refusal) => return refuse(&refusal),
        };
        match self.live.watch(lane, viewer.short(), FIRST_PICTURE).await {
            Ok(viewing) => {
                tracing::info!(viewer = %viewer.short(), lane = lane.name(), "watches");
                let (sender, body) = Body::channel(BODY_TAGS);
                tokio::spawn(send(viewing, seat, sender));
                let response = Response::new(200, body);
                response
                    .header("content-type", "video/x-flv")
                    .header("cache-control", "no-store")
            }
            Err(error) => {
                tracing::warn!(viewer = %viewer.short(), lane = lane.name(), %error, "no stream");
                let detail = match &error {
                    NoPicture::Fault(text) => text.clone(),
                    NoPicture::TooSlow(_) => error.to_string(),
                };
                detailed(&detail)
            }
        }
    }
}

/// Feeds one viewer until it or the lane ends.
async fn send(mut viewing: Viewing, seat: Seat, sender: p2p::BodySender) {
    loop {
        let chunk = tokio::select! {
            chunk = viewing.next() => chunk,
            () = sender.closed() => break,
        };
        let Some(chunk) = chunk else { break };
        if sender.send(chunk).await.is_err() {
            break;
        }
    }
    drop(seat);
}

impl p2p::Service for DeskService {
    fn call(&self, request: Request) -> BoxFuture<Response> {
        Box::pin(Arc::clone(&self.0).answer(request))
    }

    fn viewer_joined(&self, viewer: Viewer) {
        tracing::info!(viewer = %viewer.id.short(), connection = viewer.connection, "joined");
    }

    fn viewer_left(&self, viewer: Viewer) {
        tracing::info!(viewer = %viewer.id.short(), connection = viewer.connection, "left");
        self.0.stop_motor_of(viewer.connection);
    }
}

/// A [`Desk`] as the endpoint's service.
pub struct DeskService(
    /// Shared with whoever asks for [`Desk::stats`].
    pub Arc<Desk>,
);

impl Desk {
    /// The connection that turns the camera is gone: the motor does not wait for the dead man.
    fn stop_motor_of(&self, connection: u64) {
        let mut pressed_by = self
            .pressed_by
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if *pressed_by == Some(connection) {
            *pressed_by = None;
            if let Some(motor) = &self.motor {
                motor::lock(motor).release(Instant::now());
            }
        }
    }
}

/// A refusal with its HTTP status.
fn refuse(refusal: &Refusal) -> Response {
    json(refusal.http_status(), refusal.encode())
}

/// Something in the camera failed: what it said goes along.
fn detailed(detail: &str) -> Response {
    let printable = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    let detail: String = detail.chars().map(printable).take(300).collect();
    refuse(&Refusal::device_error()).header("x-porthole-detail", detail)
}

/// What a later version does.
fn not_supported() -> Response {
    json(
        501,
        Refusal::new(Status::Unsupported, Refusal::UNSUPPORTED).encode(),
    )
}

fn json(status: u16, text: String) -> Response {
    Response::new(status, Body::from(text.into_bytes())).header("content-type", "application/json")
}
