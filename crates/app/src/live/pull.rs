//! One stream of a camera: the request, the reading, the judgement of what is live.

use super::catch_up::{CatchUp, SETTLE};
use super::demux::Demux;
use super::source::Source;
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
    let mut source = Source::new(body, Demux::new(), session.name());
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
                .with("camera", source.camera())
                .detail("bytes, but no picture"));
        }
        read_on(&mut source).await?;
        if !std::mem::replace(&mut opened, true) {
            let opened = Opened {
                asked,
                connect,
                first_byte: source
                    .first_byte()
                    .map_or(Duration::ZERO, |at| at.saturating_duration_since(asked)),
            };
            let _ = units.send((id, Pulled::Opened(opened))).await;
        }
        let _ = units
            .send((id, Pulled::Received(source.take_received())))
            .await;
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
            match tokio::time::timeout_at(deadline, read_on(source)).await {
                Ok(read) => read?,
                Err(_) => break,
            }
            more = source.demux.has_video();
        }
    }
    video.catch_up = catch_up.judge(video.arrived, video.dts, more);
    Ok(video)
}

/// Reads on; a live stream has no end. Cancel-safe.
async fn read_on(source: &mut Source) -> Result<(), Failure> {
    if source.more().await? {
        return Ok(());
    }
    Err(Failure::new(FailureCode::ConnectionLost)
        .with("camera", source.camera())
        .detail("the camera ended the stream"))
}
