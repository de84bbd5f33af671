//! One picture on the screen: what it shows, and what happens when the stream does not come.

use super::gop::Gop;
use super::pull::{Numbered, Pull, Pulled};
use super::screen::Screen;
use super::sink::Channel;
use super::sound::{Device, Sound, Volume};
use super::stats::Stats;
use super::{Unit, VideoUnit};
use crate::api::{CameraState, Event, Failure, FailureCode, Quality, Sink, ViewId, ViewState};
use crate::book::now_ms;
use crate::record::{Progress, Recorder, in_folder};
use crate::session::{Core, Hold, Session};
use crate::{FrameSink, fail, snapshot};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

mod backoff;
mod clock;
mod handle;
mod switch;

pub(crate) use backoff::Backoff;
use clock::save_thumbnail;
pub use handle::{Kind, Order, View};
use switch::Next;

/// Units that may wait between a stream and its view: a cached GOP of 8 s.
const UNITS: usize = 512;
/// How often the view looks at the clock.
const TICK: Duration = Duration::from_millis(25);
/// Without a picture for this long the one on screen is called frozen (more for slow streams, see [`View::patience`]).
const FROZEN: Duration = Duration::from_millis(250);
/// Without anything for this long the connection is taken for dead. The transport's own watchdog acts after 1 s; this
/// one is for what it cannot see.
const DEAD: Duration = Duration::from_millis(2500);
/// A new quality that shows no picture after this long is given up.
const SWITCH: Duration = Duration::from_secs(8);
/// The new quality's burst is awaited this long before the screen changes over.
const SWITCH_SETTLE: Duration = Duration::from_secs(1);
/// Statistics are told this often.
const STATS: Duration = Duration::from_millis(500);
/// A recording's progress is told this often.
const PROGRESS: Duration = Duration::from_secs(1);
/// The last picture is saved this often, and soon after the start.
const THUMBNAIL: Duration = Duration::from_secs(10);
/// First thumbnail after the first picture.
const FIRST_THUMBNAIL: Duration = Duration::from_secs(1);
/// Troubles in a row with a reachable camera before the user is asked.
const MAX_TROUBLES: u32 = 5;

/// How a view begins.
pub struct Opening {
    /// Its number.
    pub view: ViewId,
    /// The camera's session.
    pub session: Arc<Session>,
    /// Events and saved things.
    pub core: Arc<Core>,
    /// The channel.
    pub sink: FrameSink,
    /// What to ask for.
    pub quality: Quality,
    /// What the channel carries.
    pub carries: Sink,
    /// Widest picture of [`Sink::Pictures`].
    pub max_width: u32,
    /// Where sound goes, if this view plays it.
    pub sound: Option<(Device, Arc<Volume>)>,
    /// Where snapshots and recordings go.
    pub media_dir: PathBuf,
}

/// Starts a live view.
pub fn open(opening: Opening) -> View {
    let camera = opening.session.key().to_owned();
    View::run(Kind::Live, camera, |orders| Show::new(opening).run(orders))
}

/// The task's side.
struct Show {
    view: ViewId,
    session: Arc<Session>,
    core: Arc<Core>,
    media_dir: PathBuf,
    _hold: Hold,
    screen: Screen,
    sound: Option<Sound>,
    stats: Stats,
    gop: Gop,
    recorder: Option<Recorder>,
    state: ViewState,
    quality: Quality,
    pulls: u64,
    pulled: (mpsc::Sender<Numbered>, mpsc::Receiver<Numbered>),
    current: Option<Pull>,
    next: Option<Next>,
    retry_at: Option<Instant>,
    backoff: Backoff,
    was_live: bool,
    /// The stream asked for last has shown a key picture. Until then `gop` is that of the stream before: what stands
    /// frozen on the screen can still be saved.
    begun: bool,
    last_video: Instant,
    last_any: Instant,
    /// Mean distance of pictures, ms.
    interval_ms: f32,
    told: (Instant, Instant, Instant),
}

impl Show {
    fn new(opening: Opening) -> Self {
        let now = Instant::now();
        let Opening {
            view,
            session,
            core,
            sink,
            quality,
            carries,
            max_width,
            sound,
            media_dir,
        } = opening;
        let mut stats = Stats::new(now);
        stats.shown().sink = Some(carries);
        Self {
            view,
            _hold: session.hold(),
            session,
            core,
            media_dir,
            screen: Screen::new(Channel::new(sink), carries, max_width),
            sound: sound.map(|(device, volume)| Sound::new(device, volume)),
            stats,
            gop: Gop::default(),
            recorder: None,
            state: ViewState::Starting,
            quality,
            pulls: 0,
            pulled: mpsc::channel(UNITS),
            current: None,
            next: None,
            retry_at: None,
            backoff: Backoff::default(),
            was_live: false,
            begun: false,
            last_video: now,
            last_any: now,
            interval_ms: 40.0,
            told: (now, now, now),
        }
    }

    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        self.core.tell(Event::View {
            view: self.view,
            state: self.state.clone(),
        });
        self.pull();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None => break,
                    Some(Order::Close(done)) => {
                        self.close().await;
                        let _ = done.send(());
                        return;
                    }
                    Some(order) => self.obey(order),
                },
                Some((id, pulled)) = self.pulled.1.recv() => self.take(id, pulled),
                _ = tick.tick() => self.look(Instant::now()),
            }
            if self.screen.is_gone() {
                break;
            }
        }
        self.close().await;
    }

    fn start_pull(&mut self, quality: Quality) -> Pull {
        self.pulls += 1;
        Pull::start(
            self.pulls,
            self.session.clone(),
            quality,
            self.pulled.0.clone(),
        )
    }

    /// Asks for the stream again.
    fn pull(&mut self) {
        self.retry_at = None;
        let now = Instant::now();
        (self.last_video, self.last_any) = (now, now);
        self.current = Some(self.start_pull(self.quality));
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Quality(quality) => self.change_quality(quality),
            Order::Sink {
                sink,
                max_width,
                reason,
            } => {
                tracing::info!(view = self.view, ?sink, reason, "another sink");
                let shown = self.stats.shown();
                shown.sink = Some(sink);
                shown.fallback = (sink == Sink::Pictures).then_some(reason);
                self.screen.change(sink, max_width);
                self.replay();
            }
            Order::Ack {
                seq,
                drawn,
                decode_ms,
                draw_ms,
            } => {
                let now = Instant::now();
                self.screen.acknowledge(seq);
                self.stats.stages(decode_ms, draw_ms);
                if let Some(drawn) = drawn {
                    self.stats.drawn(&drawn, now);
                    let ago = Duration::try_from_secs_f32((drawn.ago_ms / 1000.0).clamp(0.0, 10.0))
                        .unwrap_or_default();
                    if let Some(sound) = &mut self.sound {
                        let at = now.checked_sub(ago).unwrap_or(now);
                        sound.align(drawn.pts as f64 / 1000.0, at);
                    }
                }
            }
            Order::Pictures(reply) => {
                let _ = reply.send(self.gop.pictures());
            }
            Order::Record(reply) => {
                let _ = reply.send(self.record());
            }
            Order::StopRecording(reply) => {
                let _ = reply.send(self.recorder.take());
            }
            Order::Retry => {
                self.backoff.reset();
                self.session.p2p().retry();
                if self.current.is_none() {
                    if matches!(self.state, ViewState::Failed { .. }) {
                        self.become_state(ViewState::Starting);
                    }
                    self.pull();
                }
            }
            // The end is seen to where orders come in; the app gives this one to playbacks alone.
            Order::Close(_) | Order::Play(_) => {}
        }
    }

    fn take(&mut self, id: u64, pulled: Pulled) {
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.id == id)
        {
            match pulled {
                Pulled::Opened(opened) => self.stats.opened(opened),
                Pulled::Received(bytes) => {
                    self.stats.received(bytes);
                    self.last_any = Instant::now();
                }
                Pulled::Unit(unit) => self.unit(unit),
                Pulled::Ended(failure) => self.lost(failure),
            }
            return;
        }
        let Some(next) = self.next.as_mut().filter(|next| next.pull.id == id) else {
            return;
        };
        match pulled {
            Pulled::Opened(_) => {}
            Pulled::Received(bytes) => self.stats.received(bytes),
            Pulled::Unit(unit) => {
                let live = matches!(&unit, Unit::Video(video) if !video.catch_up);
                let full = !next.push(unit);
                if (live || full) && next.first_key.is_some() {
                    self.change_over();
                }
            }
            Pulled::Ended(failure) => self.keep_quality(&failure),
        }
    }

    /// Another stream's units follow.
    fn begin(&mut self) {
        self.screen.restart();
        self.stats.restart();
        self.begun = false;
        self.retry_at = None;
        if let Some(sound) = &mut self.sound {
            sound.restart();
        }
        if let Some(recorder) = &self.recorder {
            recorder.interrupt();
        }
    }

    fn unit(&mut self, unit: Unit) {
        self.last_any = Instant::now();
        self.begun |= matches!(&unit, Unit::Video(video) if video.key);
        if self.begun {
            self.gop.push(&unit);
        }
        if let Some(recorder) = &self.recorder {
            recorder.push(&unit);
        }
        match unit {
            Unit::Audio(audio) => {
                self.stats.shown().audio_codec = audio.track.codec_name().to_owned();
                // What is heard must belong to what is seen.
                if let Some(sound) = self
                    .sound
                    .as_mut()
                    .filter(|_| matches!(self.state, ViewState::Live { .. }))
                    && let Some(failure) = sound.play(&audio)
                {
                    self.core.tell(Event::Audio { failure });
                }
            }
            Unit::Video(video) => self.picture(&video),
        }
    }

    fn picture(&mut self, video: &VideoUnit) {
        let now = Instant::now();
        let gap = now.saturating_duration_since(self.last_video).as_secs_f32() * 1000.0;
        if !video.catch_up {
            self.interval_ms += (gap.min(2000.0) - self.interval_ms) * 0.1;
        }
        self.last_video = now;
        if !self.screen.show(video, self.quality) {
            self.follow_track(video);
            return;
        }
        self.stats
            .picture(video.pts.saturating_mul(1000), video.key, video.arrived);
        if video.key {
            let track = &video.track;
            let shown = self.stats.shown();
            (shown.width, shown.height) = (track.width, track.height);
            shown.video_codec = track.codec_name();
        }
        if !video.catch_up {
            if !self.was_live {
                self.told.2 = now.checked_sub(THUMBNAIL - FIRST_THUMBNAIL).unwrap_or(now);
            }
            self.was_live = true;
            self.backoff.reset();
            self.become_state(ViewState::Live {
                quality: self.quality,
            });
        }
    }

    /// A picture of another track amid a GOP: the stream turned out to reorder, so its decoder must know. The GOP is
    /// decoded again for it.
    fn follow_track(&mut self, video: &VideoUnit) {
        let same = self
            .gop
            .key()
            .is_some_and(|key| key.track.record == video.track.record);
        if !same || video.key {
            return;
        }
        for mut unit in self.gop.pictures() {
            unit.track = video.track.clone();
            unit.catch_up = unit.pts != video.pts;
            self.screen.show(&unit, self.quality);
        }
    }

    /// Shows what is at hand on a screen that has just begun.
    fn replay(&mut self) {
        let pictures = self.gop.pictures();
        let last = pictures.len().saturating_sub(1);
        for (n, mut unit) in pictures.into_iter().enumerate() {
            unit.catch_up = n != last;
            self.screen.show(&unit, self.quality);
        }
    }

    /// The stream ended.
    fn lost(&mut self, failure: Failure) {
        tracing::info!(view = self.view, %failure, "stream lost");
        self.current = None;
        self.begin();
        if let Some(next) = &self.next
            && next.first_key.is_some()
        {
            self.change_over();
            return;
        }
        self.next = None;
        if self.was_live {
            self.stats.shown().reconnects += 1;
        }
        let waits = match failure.code {
            FailureCode::CameraFull => self.was_live,
            FailureCode::StreamMalformed
            | FailureCode::DecoderFailed
            | FailureCode::CameraError => self.backoff.troubles() < MAX_TROUBLES,
            code => fail::is_passing(code),
        };
        if waits {
            self.retry_at =
                Some(Instant::now() + self.backoff.next(fail::is_trouble(failure.code)));
            self.freeze(failure);
        } else {
            self.become_state(ViewState::Failed { failure });
        }
    }

    fn freeze(&mut self, failure: Failure) {
        let since = match &self.state {
            ViewState::Reconnecting { since, .. } => *since,
            _ => now_ms(),
        };
        self.become_state(ViewState::Reconnecting { since, failure });
    }

    fn become_state(&mut self, state: ViewState) {
        if self.state != state {
            self.state = state;
            self.core.tell(Event::View {
                view: self.view,
                state: self.state.clone(),
            });
        }
    }

    /// How long a picture may stand before it is called frozen: four of its usual distances.
    fn patience(&self) -> Duration {
        FROZEN.max(Duration::from_secs_f32(
            (self.interval_ms * 4.0 / 1000.0).clamp(0.0, 4.0),
        ))
    }

    async fn close(mut self) {
        (self.current, self.next) = (None, None);
        if let Some(recorder) = self.recorder.take() {
            let (path, ended) = match recorder.finish().await {
                Ok(progress) => (progress, None),
                Err(failure) => {
                    let failure = failure.with("camera", self.session.name());
                    (Progress::default(), Some(failure))
                }
            };
            let Progress {
                path,
                bytes,
                duration_ms,
                ..
            } = path;
            let path = path.display().to_string();
            self.core.tell(Event::Recording {
                view: self.view,
                path,
                bytes,
                duration_ms,
                ended,
            });
        }
        let (pictures, core, session) =
            (self.gop.pictures(), self.core.clone(), self.session.clone());
        if !pictures.is_empty() {
            let _ = tokio::task::spawn_blocking(move || save_thumbnail(&core, &session, &pictures))
                .await;
        }
    }
}
