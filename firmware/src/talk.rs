//! Talk: a viewer's voice on the camera's speaker, and the speaker's echo out of the camera's microphone.
//!
//! ```text
//!  POST …/voice ── FLV ──> Upload ── decoder ──> jitter buffer ──> Mouth ── chime, volume, limiter ──> speaker
//!       │  floor: one talker                     20 to 200 ms       (a thread) │ what it plays
//!       └─ answer: how it goes, a line an event                                v
//!  microphone ──────────────────────────────────────────────────────> Cleaner (echo canceller) ──> encoder
//! ```

pub mod ear;
mod floor;
mod mouth;
mod upload;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use p2p::{Body, BodySender, Response};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wire::command::reply::Refusal;
use wire::id::PeerId;
use wire::talk::{Floor, FloorAsk, Person, VoiceCodec, VoiceEvent, VoiceFormat, VoiceFormats};

use crate::board::Board;
use crate::board::sim::room::{RoomSize, Voice};
use crate::clock::Clock;
use crate::defaults::{FLOOR_WATCH, TALK_LINES, TALK_PROGRESS, TALK_SEND, TALK_SILENCE};
use crate::seats::Seat;
use ear::FarEnd;
use floor::State;
use mouth::{Mouth, Playing};
use upload::{Refused, Upload};

/// How a camera talks.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What it plays, the best first.
    pub formats: VoiceFormats,
    /// Loudness, 0 to 1.
    pub volume: f32,
    /// Whether a soft chime says that somebody begins to talk.
    pub chime: bool,
    /// The device that plays: on the linux board `None` for the system's choice, on the sim board `None` for none.
    pub speaker: Option<String>,
    /// Sim board: the file that keeps what the speaker played.
    pub speaker_file: Option<PathBuf>,
    /// Sim board: the room around it.
    pub room: RoomSize,
    /// Sim board: who speaks in the room.
    pub voice: Voice,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            formats: formats(),
            volume: 1.0,
            chime: true,
            speaker: None,
            speaker_file: None,
            room: RoomSize::None,
            voice: Voice::None,
        }
    }
}

/// Everything that this build can decode, the documents' own first.
pub fn formats() -> VoiceFormats {
    use VoiceCodec::{Aac, G711A, G711U, Opus, Pcm};
    let coded = [(Aac, 16_000), (Opus, 48_000), (Aac, 8_000), (Aac, 44_100)];
    let plain = [
        (Pcm, 16_000),
        (Pcm, 8_000),
        (G711A, 8_000),
        (G711U, 8_000),
        (G711A, 16_000),
        (G711U, 16_000),
    ];
    let coded = coded.into_iter().filter(|_| cfg!(feature = "ffmpeg"));
    let format = |(codec, sample_rate)| VoiceFormat { codec, sample_rate };
    VoiceFormats(coded.chain(plain).map(format).collect())
}

/// What the camera counts of talks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TalkStats {
    /// Talks so far.
    pub talks: u64,
    /// Name of who holds the floor.
    pub talker: Option<String>,
    /// When the speaker of the newest talk began, wall clock, microseconds since 1970.
    pub began_us: i64,
    /// Sound that the newest talk has played, milliseconds.
    pub played_ms: u64,
    /// From arrival to the speaker, milliseconds.
    pub delay_ms: u32,
    /// Times that the newest talk's sound ran out.
    pub underruns: u64,
}

/// See the module's text.
pub struct Talk {
    board: Arc<dyn Board>,
    clock: Arc<Clock>,
    options: Options,
    far: Arc<FarEnd>,
    floor: Mutex<State>,
    changed: watch::Sender<u64>,
    newest: Mutex<(u64, Arc<Playing>)>,
}

impl Talk {
    /// A free floor.
    pub fn new(board: Arc<dyn Board>, clock: Arc<Clock>, options: Options) -> Arc<Self> {
        Arc::new(Self {
            board,
            clock,
            options,
            far: Arc::new(FarEnd::default()),
            floor: Mutex::default(),
            changed: watch::Sender::new(0),
            newest: Mutex::default(),
        })
    }

    /// What the speaker plays, for the microphone's canceller.
    pub fn far(&self) -> Arc<FarEnd> {
        Arc::clone(&self.far)
    }

    /// What it plays; `None` without a speaker.
    pub fn formats(&self) -> Option<&VoiceFormats> {
        self.board
            .hardware()
            .speaker
            .then_some(&self.options.formats)
    }

    /// Name of who holds the floor.
    pub fn talker(&self) -> Option<String> {
        let floor = lock(&self.floor).view(Instant::now());
        floor.talker.map(|person| person.name)
    }

    /// What is counted.
    pub fn stats(&self) -> TalkStats {
        let (talks, playing) = lock(&self.newest).clone();
        let progress = playing.progress();
        TalkStats {
            talks,
            talker: self.talker(),
            began_us: playing.began_us(),
            played_ms: playing.played_ms(),
            delay_ms: progress.delay_ms,
            underruns: progress.underruns.into(),
        }
    }

    /// Answers a question about the floor; [`FloorAsk::Watch`] waits.
    pub async fn ask(&self, ask: FloorAsk, viewer: Person) -> Floor {
        let now = Instant::now();
        match ask {
            FloorAsk::Watch { version } => {
                let mut changed = self.changed.subscribe();
                let deadline = tokio::time::Instant::now() + FLOOR_WATCH;
                loop {
                    let floor = lock(&self.floor).view(Instant::now());
                    if floor.version != version {
                        return floor;
                    }
                    let change = tokio::time::timeout_at(deadline, changed.changed());
                    if !matches!(change.await, Ok(Ok(()))) {
                        return lock(&self.floor).view(Instant::now());
                    }
                }
            }
            FloorAsk::Ask => self.change(|floor| floor.ask(viewer, now)),
            FloorAsk::Take => self.change(|floor| floor.take_over(viewer, now)),
        }
        lock(&self.floor).view(Instant::now())
    }

    /// Takes a viewer's voice. `seat` is given back when the talk ends.
    pub fn voice(
        self: &Arc<Self>,
        viewer: Person,
        body: Body,
        seat: Seat,
    ) -> Result<Response, Refusal> {
        let taken = self.change(|floor| floor.take(viewer.clone(), Instant::now()));
        let number = taken.map_err(|talker| Refusal::talk_busy(&talker.name))?;
        let (sender, answer) = Body::channel(TALK_LINES);
        let held = Held {
            talk: Arc::clone(self),
            number,
        };
        tracing::info!(viewer = %viewer.id.short(), "talks");
        tokio::spawn(async move {
            let end = held.run(body, &sender).await;
            tracing::info!(viewer = %viewer.id.short(), end = %end.encode(), "talk over");
            drop(held);
            tell(&sender, &end).await;
            drop(seat);
        });
        Ok(Response::new(200, answer)
            .header("content-type", "application/x-ndjson")
            .header("cache-control", "no-store"))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut lock(&self.floor));
        self.changed
            .send_modify(|version| *version = version.wrapping_add(1));
        result
    }
}

/// One talk that holds the floor. Dropping it gives the floor back.
struct Held {
    talk: Arc<Talk>,
    number: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.talk
            .change(|floor| floor.release(self.number, Instant::now()));
    }
}

impl Held {
    /// Plays what arrives until the talk ends; answers how it did.
    async fn run(&self, mut body: Body, sender: &BodySender) -> VoiceEvent {
        let talk = &self.talk;
        let (feeder, renderer) = media::playout::buffer(crate::defaults::SAMPLE_RATE);
        let mouth = Mouth::start(mouth::Parts {
            board: Arc::clone(&talk.board),
            clock: Arc::clone(&talk.clock),
            far: Arc::clone(&talk.far),
            renderer,
            volume: talk.options.volume,
            chime: talk.options.chime,
        });
        let mouth = match mouth {
            Ok(mouth) => mouth,
            Err(error) => return device_error(&error.to_string()),
        };
        let playing = mouth.playing();
        {
            let mut newest = lock(&talk.newest);
            *newest = (newest.0 + 1, Arc::clone(&playing));
        }
        let mut upload = Upload::new(talk.options.formats.clone(), feeder);
        let mut changed = talk.changed.subscribe();
        let mut tick = interval(TALK_PROGRESS);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told_success = false;
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                biased;
                Ok(()) = changed.changed() => {}
                _ = tick.tick() => {
                    if let Some(text) = playing.fault() {
                        return device_error(&text);
                    }
                    if playing.played_ms() > 0 {
                        if !std::mem::replace(&mut told_success, true) {
                            tell(sender, &VoiceEvent::Success).await;
                        }
                        tell(sender, &VoiceEvent::Progress(playing.progress())).await;
                    }
                }
                () = sender.closed() => return stop(VoiceEvent::GOING, None),
                chunk = body.chunk() => match chunk {
                    Some(Ok(chunk)) => {
                        heard = Instant::now();
                        if let Err(refused) = upload.push(&chunk, heard) {
                            return refused.into();
                        }
                    }
                    Some(Err(error)) => {
                        tracing::debug!(%error, "voice lost");
                        return stop(VoiceEvent::SILENT, None);
                    }
                    None => break,
                },
            }
            if let Some(by) = lock(&talk.floor).lost(self.number) {
                return stop(VoiceEvent::TAKEN_OVER, by);
            }
            if heard.elapsed() > TALK_SILENCE {
                return stop(VoiceEvent::SILENT, None);
            }
        }
        if let Err(refused) = upload.finish() {
            return refused.into();
        }
        mouth.drain().await;
        if !told_success && playing.played_ms() > 0 {
            tell(sender, &VoiceEvent::Success).await;
        }
        match playing.fault() {
            Some(text) => device_error(&text),
            None => VoiceEvent::Complete {
                played_ms: playing.played_ms(),
            },
        }
    }
}

/// A line to the viewer; one that does not read does without.
async fn tell(sender: &BodySender, event: &VoiceEvent) {
    let line = format!("{}\n", event.encode()).into_bytes();
    let _ = timeout(TALK_SEND, sender.send(line)).await;
}

fn stop(error: &str, by: Option<String>) -> VoiceEvent {
    VoiceEvent::Stop {
        error: error.to_owned(),
        by,
    }
}

fn device_error(text: &str) -> VoiceEvent {
    VoiceEvent::Error {
        error: VoiceEvent::DEVICE_ERROR.to_owned(),
        detail: text.to_owned(),
    }
}

impl From<Refused> for VoiceEvent {
    fn from(refused: Refused) -> Self {
        Self::Failure {
            error: refused.word().to_owned(),
            detail: refused.to_string(),
        }
    }
}

/// A viewer by its key and what the camera calls it.
pub fn person(id: &PeerId, name: Option<String>) -> Person {
    let name = name.filter(|name| !name.is_empty());
    Person {
        id: *id,
        name: name.unwrap_or_else(|| id.short()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
