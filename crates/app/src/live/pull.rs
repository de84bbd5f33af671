//! One stream of a camera: the request, the reading, the judgement of what is live.

use super::catch_up::{CatchUp, SETTLE};
use super::demux::{Demux, Trouble};
use super::{Unit, VideoUnit};
use crate::api::{Failure, FailureCode, Quality};
use crate::fail;
use crate::session::Session;
use p2p::{Body, Priority, Request};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::stream::StreamRequest;

/// Without a picture this long after the stream began, it has none.
const FIRST_PICTURE: Duration = Duration::from_secs(5);

/// What a stream tells its view.
#[derive(Debug)]
pub enum Pulled {
    /// The camera has begun to answer.
    Opened(Opened),
    /// A unit, in order.
    Unit(Unit),
    /// Bytes that arrived since the last report.
    Received(usize),
    /// It is over.
    Ended(Failure),
}

/// What a stream tells, with the number of the stream.
pub type Numbered = (u64, Pulled);

/// How long the beginning took.
#[derive(Debug, Clone, Copy)]
pub struct Opened {
    /// When the stream was asked for.
    pub asked: Instant,
    /// Dialling until connected; zero on a warm session.
    pub connect: Duration,
    /// Request until the first byte of the body.
    pub first_byte: Duration,
}

/// A running stream; dropping it ends the stream.
#[derive(Debug)]
pub struct Pull {
    /// Its number among the streams of one view.
    pub id: u64,
    /// What was asked for.
    pub quality: Quality,
    /// When.
    pub started: Instant,
    task: JoinHandle<()>,
}

impl Drop for Pull {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pull {
    /// Asks `session`'s camera for its live stream and sends what comes to `units`.
    pub fn start(
        id: u64,
        session: Arc<Session>,
        quality: Quality,
        units: mpsc::Sender<Numbered>,
    ) -> Self {
        let task = tokio::spawn(async move {
            let failure = match run(id, &session, quality, &units).await {
                Ok(()) => return,
                Err(failure) => failure,
            };
            let _ = units.send((id, Pulled::Ended(failure))).await;
        });
        Self {
            id,
            quality,
            started: Instant::now(),
            task,
        }
    }
}

/// The request for a live stream.
pub fn request(quality: Quality) -> Request {
    let wanted = StreamRequest::Live {
        channel: 0,
        quality: quality.into(),
        audio_only: false,
    };
    Request::get(wanted.to_path()).priority(Priority::Video)
}

/// Asks for a live stream and sees to a refusal.
///
/// # Errors
/// The camera is not reached, or refuses.
pub async fn open(session: &Session, quality: Quality) -> Result<Body, Failure> {
    let name = session.name();
    let response = session
        .p2p()
        .request(request(quality))
        .await
        .map_err(|error| fail::transport(&error, &name))?;
    if response.status != 200 {
        return Err(
            fail::status(response, &name, wire::stream::Quality::from(quality).name()).await,
        );
    }
    Ok(response.body)
}

/// What a trouble in the stream means.
pub fn trouble(trouble: &Trouble, camera: &str) -> Failure {
    let failure = match trouble {
        Trouble::Malformed(_) => Failure::new(FailureCode::StreamMalformed),
        Trouble::Codec(what) => Failure::new(FailureCode::CodecUnsupported).with("codec", what),
    };
    failure.with("camera", camera).detail(trouble)
}

async fn run(
    id: u64,
    session: &Session,
    quality: Quality,
    units: &mpsc::Sender<Numbered>,
) -> Result<(), Failure> {
    let asked = Instant::now();
    let warm = session.is_connected();
    let body = open(session, quality).await?;
    let connect = if warm {
        Duration::ZERO
    } else {
        session.connect_time().unwrap_or_default()
    };
    let mut source = Source {
        body,
        demux: Demux::new(),
        camera: session.name(),
        received: 0,
        untouched: true,
        first_byte: asked,
    };
    let mut catch_up = CatchUp::new(asked);
    let mut opened = false;
    let mut seen_video = false;
    loop {
        while let Some(unit) = source.demux.pop() {
            let unit = match unit {
                Unit::Video(video) => {
                    seen_video = true;
                    Unit::Video(judge(video, &mut catch_up, &mut source).await?)
                }
                audio => audio,
            };
            if units.send((id, Pulled::Unit(unit))).await.is_err() {
                return Ok(());
            }
        }
        if !seen_video && asked.elapsed() > FIRST_PICTURE + connect {
            return Err(Failure::new(FailureCode::StreamMalformed)
                .with("camera", &source.camera)
                .detail("bytes, but no picture"));
        }
        source.more().await?;
        if !std::mem::replace(&mut opened, true) {
            let opened = Opened {
                asked,
                connect,
                first_byte: source.first_byte.saturating_duration_since(asked),
            };
            let _ = units.send((id, Pulled::Opened(opened))).await;
        }
        let received = std::mem::take(&mut source.received);
        let _ = units.send((id, Pulled::Received(received))).await;
    }
}

/// While behind, looks a moment whether a newer picture is there, which decides whether this one is drawn.
async fn judge(
    mut video: VideoUnit,
    catch_up: &mut CatchUp,
    source: &mut Source,
) -> Result<VideoUnit, Failure> {
    let mut more = source.demux.has_video();
    if !more && catch_up.is_behind() {
        let deadline = tokio::time::Instant::now() + SETTLE;
        while !more {
            match tokio::time::timeout_at(deadline, source.more()).await {
                Ok(read) => read?,
                Err(_) => break,
            }
            more = source.demux.has_video();
        }
    }
    video.catch_up = catch_up.judge(video.arrived, video.dts, more);
    Ok(video)
}

struct Source {
    body: Body,
    demux: Demux,
    camera: String,
    received: usize,
    /// Nothing has come yet.
    untouched: bool,
    first_byte: Instant,
}

impl Source {
    /// Reads the next piece. Cancel-safe, as the body is.
    async fn more(&mut self) -> Result<(), Failure> {
        match self.body.chunk().await {
            Some(Ok(chunk)) => {
                if std::mem::take(&mut self.untouched) {
                    self.first_byte = Instant::now();
                }
                self.received += chunk.len();
                self.demux
                    .push(&chunk, Instant::now())
                    .map_err(|found| trouble(&found, &self.camera))
            }
            Some(Err(error)) => Err(fail::transport(&error, &self.camera)),
            None => Err(Failure::new(FailureCode::ConnectionLost)
                .with("camera", &self.camera)
                .detail("the camera ended the stream")),
        }
    }
}
