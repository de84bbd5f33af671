//! One stream of recorded pictures: the request and the reading, no faster than its view takes them.

use super::speed::Pictures;
use crate::api::Failure;
use crate::fail;
use crate::live::demux::Demux;
use crate::live::pull::Opened;
use crate::live::source::Source;
use crate::live::{Unit, VideoTrack};
use crate::session::Session;
use p2p::{Priority, Request};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::stream::{Direction, MIN_SPAN_SECONDS, Playback, StreamRequest};

/// How much is asked for at once, seconds: what the camera would take for a playback without an end.
const SPAN: u64 = 31 * 86_400;

/// What a stream tells its view.
#[derive(Debug)]
pub enum Pulled {
    /// The camera has begun to answer.
    Opened(Opened),
    /// A unit, in order.
    Unit(Unit),
    /// Bytes that arrived since the last report.
    Received(usize),
    /// Nothing more was recorded.
    Finished,
    /// It was lost or refused.
    Lost(Failure),
}

/// What a stream tells, with the number of the stream.
pub type Numbered = (u64, Pulled);

/// A running stream; dropping it ends the stream.
#[derive(Debug)]
pub struct Pull {
    /// Its number among the streams of one view.
    pub id: u64,
    task: JoinHandle<()>,
}

impl Drop for Pull {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where to begin, unix seconds.
    pub from: u64,
    /// Which pictures.
    pub pictures: Pictures,
    /// The pictures before: those that are coded alike go to the same decoder.
    pub before: Option<Arc<VideoTrack>>,
}

impl Wanted {
    /// The request.
    pub fn playback(&self) -> Playback {
        let Pictures { step, direction } = self.pictures;
        let (start, end) = match direction {
            Direction::Forward => (self.from, self.from.saturating_add(SPAN)),
            Direction::Backward => {
                let end = self.from.max(MIN_SPAN_SECONDS);
                (end.saturating_sub(SPAN), end)
            }
        };
        Playback {
            ff: step,
            direction,
            ..Playback::new(start, end)
        }
    }
}

impl Pull {
    /// Asks `session`'s camera and sends what comes to `units`, which holds it back when it is full.
    pub fn start(
        id: u64,
        session: Arc<Session>,
        wanted: Wanted,
        units: mpsc::Sender<Numbered>,
    ) -> Self {
        let task = tokio::spawn(async move {
            let end = match run(id, &session, wanted, &units).await {
                Ok(()) => Pulled::Finished,
                Err(failure) => Pulled::Lost(failure),
            };
            let _ = units.send((id, end)).await;
        });
        Self { id, task }
    }
}

/// Asks for a playback and sees to a refusal.
///
/// # Errors
/// The camera is not reached, or refuses.
pub async fn open(
    session: &Session,
    wanted: &Playback,
    before: Option<Arc<VideoTrack>>,
) -> Result<Source, Failure> {
    let name = session.name();
    let path = StreamRequest::Playback(wanted.clone()).to_path();
    // A paused playback is silent for as long as the user likes.
    let request = Request::get(path).priority(Priority::Video).watched(false);
    let response = session
        .p2p()
        .request(request)
        .await
        .map_err(|error| fail::transport(&error, &name))?;
    if response.status != 200 {
        return Err(fail::status(response, &name, "playback").await);
    }
    Ok(Source::new(response.body, Demux::recorded(before), name))
}

async fn run(
    id: u64,
    session: &Session,
    wanted: Wanted,
    units: &mpsc::Sender<Numbered>,
) -> Result<(), Failure> {
    let asked = Instant::now();
    let warm = session.is_connected();
    let mut source = open(session, &wanted.playback(), wanted.before.clone()).await?;
    let connect = if warm {
        Duration::ZERO
    } else {
        session.connect_time().unwrap_or_default()
    };
    let mut opened = false;
    while source.more().await? {
        if !std::mem::replace(&mut opened, true) {
            let opened = Opened {
                asked,
                connect,
                first_byte: asked.elapsed(),
            };
            let _ = units.send((id, Pulled::Opened(opened))).await;
        }
        let received = source.take_received();
        let _ = units.send((id, Pulled::Received(received))).await;
        while let Some(unit) = source.demux.pop() {
            let _ = units.send((id, Pulled::Unit(unit))).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playback::speed::Speed;

    fn asked(from: u64, speed: f32) -> Playback {
        let pictures = Speed::new(speed).unwrap().pictures();
        let wanted = Wanted {
            from,
            pictures,
            before: None,
        };
        let path = StreamRequest::Playback(wanted.playback()).to_path();
        let Ok(StreamRequest::Playback(read)) = StreamRequest::parse(&path) else {
            panic!("{path}")
        };
        read
    }

    #[test]
    fn every_request_is_one_that_a_camera_takes() {
        let forward = asked(1_783_440_600, 1.0);
        assert_eq!(
            (forward.start_time, forward.end_time),
            (1_783_440_600, 1_783_440_600 + SPAN)
        );
        let backward = asked(1_783_440_600, -8.0);
        assert_eq!(backward.end_time, 1_783_440_600);
        assert_eq!(backward.direction, Direction::Backward);
        for from in [0, 1, 4, SPAN] {
            asked(from, -4.0);
        }
    }
}
