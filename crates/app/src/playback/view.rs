//! One playback on the screen.

use super::clock::Clock;
use super::line::{Guess, Line};
use super::pull::{Numbered, Pull, Wanted};
use super::seek::Seek;
use super::speed::Speed;
use crate::FrameSink;
use crate::api::{Failure, Playback, PlaybackAction, PlaybackState, Sink, ViewId};
use crate::live::gop::Gop;
use crate::live::screen::Screen;
use crate::live::sink::Channel;
use crate::live::sound::{Device, Sound, Volume};
use crate::live::stats::Stats;
use crate::live::view::{Backoff, Kind, Order, View};
use crate::live::{Unit, VideoTrack};
use crate::session::{Core, Hold, Session};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

mod order;
mod pace;
mod show;
mod stream;
mod tell;

/// Units that may wait between a stream and its view.
const UNITS: usize = 64;
/// A stream that was paused this long is given back to the camera.
const PAUSED: Duration = Duration::from_secs(10);
/// Pictures whose time on the screen is remembered until they are drawn.
const SENT: usize = 64;

/// How a playback begins.
pub struct Opening {
    /// Its number.
    pub view: ViewId,
    /// The camera's session.
    pub session: Arc<Session>,
    /// Events.
    pub core: Arc<Core>,
    /// The channel.
    pub sink: FrameSink,
    /// The moment, unix ms.
    pub at_ms: i64,
    /// What the channel carries.
    pub carries: Sink,
    /// Widest picture of [`Sink::Pictures`].
    pub max_width: u32,
    /// Where sound goes, if this view plays it.
    pub sound: Option<(Device, Arc<Volume>)>,
}

/// Starts a playback.
pub fn open(opening: Opening) -> View {
    let camera = opening.session.key().to_owned();
    View::run(Kind::Playback, camera, |orders| {
        Play::new(opening).run(orders)
    })
}

/// The task's side.
struct Play {
    view: ViewId,
    session: Arc<Session>,
    core: Arc<Core>,
    _hold: Hold,
    screen: Screen,
    sound: Option<Sound>,
    stats: Stats,
    /// What was sent to the screen from the newest key picture on; the last one is on it.
    gop: Gop,
    pulls: u64,
    pulled: (mpsc::Sender<Numbered>, mpsc::Receiver<Numbered>),
    pull: Option<Pull>,
    /// The camera answers.
    answered: bool,
    /// Nothing more was recorded in this direction.
    finished: bool,
    /// Moments for a stream that tells none, and where it was asked for.
    guess: (Guess, i64),
    /// Seeks taken so far.
    seeks: u32,
    /// The moment that is looked for.
    seek: Option<Seek>,
    /// No picture of the moment asked for yet.
    opening: bool,
    line: Line,
    clock: Clock,
    speed: Speed,
    paused: Option<Instant>,
    /// Pictures to go on by while it is paused.
    steps: u32,
    /// Since when there is nothing to play.
    starved: Option<Instant>,
    /// What is recorded now is reached.
    at_edge: bool,
    /// When bytes came last.
    heard: Instant,
    /// The moment on the screen, or asked for, unix ms.
    at_ms: i64,
    track: Option<Arc<VideoTrack>>,
    failure: Option<Failure>,
    failed: bool,
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// Time on the screen counts from here.
    epoch: Instant,
    screen_ms: i64,
    /// Time on the screen, ms, of pictures sent, and when they were due, ms from `epoch`.
    sent: VecDeque<(i64, f64)>,
    told: Option<Playback>,
    told_at: Instant,
    stats_at: Instant,
}

impl Play {
    fn new(opening: Opening) -> Self {
        let now = Instant::now();
        let mut stats = Stats::new(now);
        stats.shown().sink = Some(opening.carries);
        let channel = Channel::new(opening.sink);
        Self {
            view: opening.view,
            _hold: opening.session.hold(),
            session: opening.session,
            core: opening.core,
            screen: Screen::new(channel, opening.carries, opening.max_width),
            sound: opening
                .sound
                .map(|(device, volume)| Sound::new(device, volume)),
            stats,
            gop: Gop::default(),
            pulls: 0,
            pulled: mpsc::channel(UNITS),
            pull: None,
            answered: false,
            finished: false,
            guess: (Guess::default(), 0),
            seeks: 0,
            seek: None,
            opening: true,
            line: Line::default(),
            clock: Clock::new(0.0, Speed::NORMAL.rate()),
            speed: Speed::NORMAL,
            paused: None,
            steps: 0,
            starved: None,
            at_edge: false,
            heard: now,
            at_ms: opening.at_ms.max(0),
            track: None,
            failure: None,
            failed: false,
            retry_at: None,
            backoff: Backoff::default(),
            epoch: now,
            screen_ms: 0,
            sent: VecDeque::new(),
            told: None,
            told_at: now,
            stats_at: now,
        }
    }

    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        self.ask(self.at_ms);
        loop {
            self.tell(Instant::now());
            let wake = tokio::time::Instant::from_std(self.next_wake(Instant::now()));
            let takes = self.takes();
            if !takes {
                // Silence is the camera's only while somebody listens.
                self.heard = Instant::now();
            }
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None => return,
                    Some(Order::Close(done)) => {
                        self.pull = None;
                        let _ = done.send(());
                        return;
                    }
                    Some(order) => self.obey(order),
                },
                Some((id, pulled)) = self.pulled.1.recv(), if takes => self.take(id, pulled),
                () = tokio::time::sleep_until(wake) => {}
            }
            self.play(Instant::now());
            if self.screen.is_gone() {
                return;
            }
        }
    }

    fn is_finished(&self) -> bool {
        self.finished && self.seek.is_none() && self.line.next_picture().is_none()
    }

    fn state(&self) -> PlaybackState {
        let starved = |since: Instant| since.elapsed() >= pace::STARVED && !self.at_edge;
        match () {
            () if self.failed => PlaybackState::Failed,
            () if self.opening && self.failure.is_some() => PlaybackState::Buffering,
            () if self.opening => PlaybackState::Opening,
            () if self.paused.is_some() => PlaybackState::Paused,
            () if self.is_finished() => PlaybackState::Ended,
            () if self.failure.is_some() || self.starved.is_some_and(starved) => {
                PlaybackState::Buffering
            }
            () => PlaybackState::Playing,
        }
    }
}
