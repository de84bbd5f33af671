//! Talk: this viewer's voice to a camera.
//!
//! ```text
//!  microphone (cpal) ─┐                        ┌ what the speakers play (far end)
//!  WAV file ──────────┴─ blocks of 10 ms ──> Voice: echo canceller, level, encoder ── FLV ──> POST …/voice
//!                                                                                              │
//!  Event::Talk <── level, clipping, delay, echo <── state <── a JSON line an event <───────────┘
//! ```
//!
//! The camera is asked first (`get_device_st&type=voice`) and the viewer follows what it plays. The microphone opens
//! meanwhile, so that nothing of the first word is lost.

pub mod devices;
pub mod far;
pub mod floor;
pub mod listen;
pub mod source;
pub mod voice;

use crate::api::{CameraKey, Event, Failure, FailureCode, Talk, TalkPhase};
use crate::fail;
use crate::session::{Core, Hold, Session};
use far::Speakers;
use p2p::{Body, BodySender, Priority, Request, Response};
use source::{Piece, Source};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use voice::{Clock, Voice};
use wire::command::reply::{DeviceStatus, Refusal, Status};
use wire::command::{Command, Inner, StatusOf};
use wire::stream::StreamRequest;
use wire::talk::{VoiceCodec, VoiceEvent, VoiceFormat, VoiceFormats};

/// How often the state is told while it lasts.
const TELL: Duration = Duration::from_millis(250);
/// Tags that wait for the network; beyond it sound is lost, not kept: a talk is about now.
const UPLOAD_TAGS: usize = 16;
/// How long the camera may take to play what is left.
const FAREWELL: Duration = Duration::from_secs(2);
/// Longest answer of a camera that refuses.
const MAX_REFUSAL: usize = 4096;
/// Longest line of the camera's answer.
const MAX_LINE: usize = 8192;

/// What a talk needs.
pub struct Wanted {
    /// With which camera.
    pub session: Arc<Session>,
    /// What is sent.
    pub source: Source,
    /// The codec; `None` takes the camera's first.
    pub codec: Option<VoiceCodec>,
    /// What this end plays.
    pub speakers: Arc<Speakers>,
    /// Whether the camera's sound is turned down meanwhile.
    pub duck: bool,
}

/// A talk that runs. Dropping it ends it without waiting.
pub struct Talking {
    /// With which camera.
    pub camera: CameraKey,
    stop: watch::Sender<Wish>,
    state: watch::Receiver<Talk>,
    task: JoinHandle<()>,
}

/// What the user wants of a running talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    muted: bool,
    stop: bool,
}

impl Talking {
    /// Begins; how it goes is told as [`Event::Talk`].
    pub fn start(core: Arc<Core>, wanted: Wanted) -> Self {
        let camera = wanted.session.key().to_owned();
        let (stop, wish) = watch::channel(Wish {
            muted: false,
            stop: false,
        });
        let (tell, state) = watch::channel(Talk {
            camera: camera.clone(),
            phase: TalkPhase::Starting,
            muted: false,
            level_db: voice::SILENT_DB,
            clipping: false,
            delay_ms: None,
            echo: None,
            format: String::new(),
            device: String::new(),
        });
        let task = tokio::spawn(async move {
            let run = Run {
                core,
                _warm: wanted.session.hold(),
                wish,
                tell,
            };
            run.run(wanted).await;
        });
        Self {
            camera,
            stop,
            state,
            task,
        }
    }

    /// The state now.
    pub fn state(&self) -> Talk {
        self.state.borrow().clone()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<Talk> {
        self.state.clone()
    }

    /// Mutes the microphone, or no longer.
    pub fn mute(&self, muted: bool) {
        self.stop.send_modify(|wish| wish.muted = muted);
    }

    /// Ends the talk; what was said is still heard. Answers how it ended.
    pub async fn stop(mut self) -> Talk {
        self.stop.send_modify(|wish| wish.stop = true);
        if timeout(FAREWELL * 2, &mut self.task).await.is_err() {
            self.task.abort();
        }
        self.state()
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        self.stop.send_modify(|wish| wish.stop = true);
    }
}

/// The task of a talk.
struct Run {
    core: Arc<Core>,
    _warm: Hold,
    wish: watch::Receiver<Wish>,
    tell: watch::Sender<Talk>,
}

impl Run {
    async fn run(mut self, wanted: Wanted) {
        let _ducked = wanted.duck.then(|| wanted.speakers.duck());
        let ended = self.talk(wanted).await;
        if let Err(failure) = &ended {
            tracing::info!(%failure, "talk ended");
        }
        self.change(|talk| {
            talk.phase = TalkPhase::Ended {
                failure: ended.err(),
            };
            talk.level_db = voice::SILENT_DB;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Talk)) {
        self.tell.send_modify(change);
        let talk = self.tell.borrow().clone();
        self.core.tell(Event::Talk { talk });
    }

    async fn talk(&mut self, wanted: Wanted) -> Result<(), Failure> {
        self.change(|_| {});
        let Wanted {
            session,
            source,
            codec,
            speakers,
            ..
        } = wanted;
        let name = session.name();
        // The microphone opens while the camera is asked.
        let opening = tokio::task::spawn_blocking(move || source.open());
        let format = ask(&session, codec).await?;
        let mut pieces = opening.await.map_err(fail::internal)??;
        self.change(|talk| {
            talk.format = format.to_string();
            talk.device = pieces.device().to_owned();
        });
        let mut voice = Voice::open(format, pieces.rate(), &speakers)?;

        let (sender, body) = Body::channel(UPLOAD_TAGS);
        let _ = sender.try_send(voice.head()?);
        let path = StreamRequest::Voice {
            channel: 0,
            calltype: None,
        };
        let request = Request::post(path.to_path(), body)
            .priority(Priority::Audio)
            .watched(false);
        let p2p = session.p2p();
        let answer = timeout(p2p::defaults::HEAD, p2p.request(request)).await;
        let answer = answer
            .map_err(|_| {
                Failure::new(FailureCode::CommandTimeout)
                    .with("camera", &name)
                    .with("seconds", p2p::defaults::HEAD.as_secs())
            })?
            .map_err(|error| fail::transport(&error, &name))?;
        if answer.status != 200 {
            return Err(refused(answer, &name, format).await);
        }
        self.change(|talk| talk.phase = TalkPhase::Talking);
        let mut lines = Lines::new(answer.body);
        let said = self
            .speak(&mut voice, &mut pieces, sender, &mut lines, &name)
            .await?;
        if !said {
            return Ok(());
        }
        // The upload has ended: the camera plays what is left and says so.
        let clock = voice.clock();
        let farewell = async {
            while let Some(event) = lines.next().await {
                match self.heard(&event, clock, &name) {
                    Some(Ok(())) | None => {}
                    Some(Err(failure)) => return Err(failure),
                }
                if event.is_end() {
                    break;
                }
            }
            Ok(())
        };
        timeout(FAREWELL, farewell).await.unwrap_or(Ok(()))
    }

    /// Sends until the user, the source or the camera ends it; false if the camera did, in good order.
    async fn speak(
        &mut self,
        voice: &mut Voice,
        pieces: &mut source::Pieces,
        sender: BodySender,
        lines: &mut Lines,
        name: &str,
    ) -> Result<bool, Failure> {
        let mut tick = interval(TELL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                changed = self.wish.changed() => {
                    let wish = *self.wish.borrow_and_update();
                    if changed.is_err() || wish.stop {
                        return Ok(true);
                    }
                    voice.mute(wish.muted);
                    self.change(|talk| talk.muted = wish.muted);
                }
                event = lines.next() => match event {
                    Some(event) => match self.heard(&event, voice.clock(), name) {
                        Some(Ok(())) => return Ok(false),
                        Some(Err(failure)) => return Err(failure),
                        None => {}
                    },
                    None => {
                        return Err(Failure::new(FailureCode::ConnectionLost).with("camera", name));
                    }
                },
                _ = tick.tick() => {
                    let meter = voice.meter();
                    self.change(|talk| {
                        (talk.level_db, talk.clipping, talk.echo) = meter;
                    });
                }
                piece = pieces.next() => match piece {
                    Piece::Sound { samples, at } => {
                        let tags = voice.take(&samples, at)?;
                        // A full queue means that the network stands still: what cannot go out now is too old later.
                        if !tags.is_empty() && sender.try_send(tags).is_err() {
                            return self.lost_upload(lines, voice.clock(), name).await;
                        }
                    }
                    Piece::End => return Ok(true),
                    Piece::Lost(failure) => return Err(failure),
                },
            }
        }
    }

    /// The camera no longer reads: it has said why, or is about to.
    async fn lost_upload(
        &self,
        lines: &mut Lines,
        clock: Clock,
        name: &str,
    ) -> Result<bool, Failure> {
        let reason = async {
            while let Some(event) = lines.next().await {
                if let Some(end) = self.heard(&event, clock, name) {
                    return end;
                }
            }
            Err(Failure::new(FailureCode::ConnectionLost).with("camera", name))
        };
        match timeout(FAREWELL, reason).await {
            Ok(end) => end.map(|()| false),
            Err(_) => Err(Failure::new(FailureCode::ConnectionLost).with("camera", name)),
        }
    }

    /// Notes what the camera says; how the talk ended, if it did.
    fn heard(&self, event: &VoiceEvent, clock: Clock, name: &str) -> Option<Result<(), Failure>> {
        let ended = |reason: &str| {
            Failure::new(FailureCode::TalkEnded)
                .with("camera", name)
                .with("reason", reason)
        };
        match event {
            VoiceEvent::Success => None,
            VoiceEvent::Progress(progress) => {
                let delay = progress.heard_ms.and_then(|heard| clock.age_ms(heard));
                if let Some(delay) = delay {
                    self.change(|talk| talk.delay_ms = Some(delay));
                }
                None
            }
            VoiceEvent::Complete { .. } => Some(Ok(())),
            VoiceEvent::Stop { error, by } if error == VoiceEvent::TAKEN_OVER => {
                let talker = by.as_deref().unwrap_or("–");
                let failure = Failure::new(FailureCode::TalkTaken)
                    .with("camera", name)
                    .with("talker", talker);
                Some(Err(failure))
            }
            VoiceEvent::Stop { error, .. } => Some(Err(ended(error))),
            VoiceEvent::Failure { error, detail } | VoiceEvent::Error { error, detail } => {
                let failure = ended(&format!("{error}: {detail}"));
                Some(Err(failure.detail(event.encode())))
            }
        }
    }
}

/// Asks the camera whether and how it can be talked to.
async fn ask(session: &Session, codec: Option<VoiceCodec>) -> Result<VoiceFormat, Failure> {
    let name = session.name();
    let cmd = Inner::GetDeviceSt {
        kind: StatusOf::Voice,
        quality: None,
    };
    let reply = session.send(&Command::Inner { channel: 0, cmd }).await?;
    let status = DeviceStatus::decode(reply.as_bytes())
        .map_err(|error| fail::answer(&reply, &name).detail(error))?;
    match status.status {
        Status::Accept => {}
        Status::TooManyConnections => {
            let number = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
            return Err(Failure::new(FailureCode::CameraFull)
                .with("camera", &name)
                .with("viewers", number(status.app_connect_num))
                .with("max", number(status.max_connect_num)));
        }
        Status::Unsupported => {
            return Err(Failure::new(FailureCode::TalkUnsupported).with("camera", &name));
        }
        other => {
            return Err(Failure::new(FailureCode::TalkEnded)
                .with("camera", &name)
                .with("reason", format!("status {}", other.number())));
        }
    }
    let plays = status.voice.unwrap_or_else(VoiceFormats::documents);
    plays.choose(codec).ok_or_else(|| {
        let wanted = codec.map_or("–", VoiceCodec::name);
        codec_refused(&name, &plays.to_string(), wanted)
    })
}

fn codec_refused(camera: &str, plays: &str, wanted: &str) -> Failure {
    Failure::new(FailureCode::TalkCodecRefused)
        .with("camera", camera)
        .with("plays", plays)
        .with("wanted", wanted)
}

/// What a camera's refusal of a voice means.
async fn refused(answer: Response, camera: &str, format: VoiceFormat) -> Failure {
    let status = answer.status;
    let body = answer.body.read_to_end_within(MAX_REFUSAL, FAREWELL).await;
    let body = body.unwrap_or_default();
    let refusal = Refusal::decode(&body).ok();
    match refusal.as_ref().map(|refusal| refusal.error.as_str()) {
        Some(Refusal::TALK_BUSY) => {
            let talker = refusal.and_then(|refusal| refusal.talker);
            Failure::new(FailureCode::TalkBusy)
                .with("camera", camera)
                .with("talker", talker.as_deref().unwrap_or("–"))
        }
        Some("no_speaker") => Failure::new(FailureCode::TalkUnsupported).with("camera", camera),
        _ => fail::status(Response::new(status, body), camera, &format.to_string()).await,
    }
}

/// The lines of the camera's answer.
struct Lines {
    body: Body,
    text: VecDeque<u8>,
}

impl Lines {
    fn new(body: Body) -> Self {
        Self {
            body,
            text: VecDeque::new(),
        }
    }

    /// The next event; `None` when nothing more comes. What is no event is skipped. Cancel-safe.
    async fn next(&mut self) -> Option<VoiceEvent> {
        loop {
            while let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                match VoiceEvent::decode(line.trim_ascii()) {
                    Ok(event) => return Some(event),
                    Err(error) => tracing::debug!(%error, "line skipped"),
                }
            }
            if self.text.len() > MAX_LINE {
                return None;
            }
            let chunk = self.body.chunk().await?.ok()?;
            self.text.extend(chunk.iter());
        }
    }
}

/// The one talk of an app.
#[derive(Default)]
pub struct Talks(Mutex<Option<Talking>>);

impl Talks {
    /// Replaces the talk that runs, if one does; gives that one back, to be stopped.
    pub fn replace(&self, talking: Option<Talking>) -> Option<Talking> {
        std::mem::replace(&mut *self.lock(), talking)
    }

    /// Mutes the talk that runs, if one does.
    pub fn mute(&self, muted: bool) {
        if let Some(talking) = &*self.lock() {
            talking.mute(muted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Talking>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
