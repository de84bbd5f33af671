//! Recording: what goes onto the card, and when.
//!
//! ```text
//!  live ring ──cursor──> intake ──queue──> recorder thread ──> card
//!  eye ──picture──> motion watch ──────────┘    (waits for the card; nobody waits for it)
//! ```
//!
//! The recorder is one more viewer of its lane: an encoder runs while something may have to be recorded.

mod gops;
mod keeper;
pub mod motion;
mod queue;
pub mod schedule;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use media::Picture;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wire::stream::Quality;

use crate::card::{self, Card};
use crate::clock::Clock;
use crate::data::{DataDir, DataError};
use crate::defaults::{FIRST_PICTURE, RETRY};
use crate::demand::Lane;
use crate::live::Live;
use crate::stats::CardStats;
use gops::{Assembler, Gop, Taken};
use keeper::Keeper;
use motion::{Change, Detector};
use queue::{Item, Queue, Stopped};
use schedule::Schedule;

pub use wire::command::RecordMode;

/// What the camera remembers of its mode.
pub const FILE: &str = "record.json";
/// How often a recorder looks whether it is to record, and whether its mode has changed.
const TICK: Duration = Duration::from_secs(1);
/// Quality of event pictures, 1 to 100.
#[cfg(feature = "ffmpeg")]
const JPEG_QUALITY: u8 = 80;

/// What is recorded, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The card.
    pub card: card::Options,
    /// When; `None` for the mode of last time, at first around the clock.
    pub mode: Option<RecordMode>,
    /// Which of the camera's qualities.
    pub quality: Quality,
    /// The times of [`RecordMode::Schedule`].
    pub schedule: Schedule,
}

impl Options {
    /// Around the clock, high quality, onto the card in that directory.
    pub fn new(dir: impl Into<std::path::PathBuf>) -> Self {
        Self {
            card: card::Options {
                dir: dir.into(),
                bytes: None,
                keep_days: None,
            },
            mode: None,
            quality: Quality::High,
            schedule: Schedule::default(),
        }
    }
}

/// Why it does not record at other times.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// [`RecordMode::Events`] of a source that is encoded already, or in a build that decodes nothing.
    #[error("there are no pictures in which something could be seen to move")]
    NoMotion,
    /// It cannot be remembered.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Whether and when it records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordStatus {
    /// A segment is being written.
    pub recording: bool,
    /// When it records.
    pub mode: RecordMode,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    mode: String,
}

/// What a recorder works with.
pub struct Parts {
    /// Where it writes to.
    pub card: Card,
    /// Where it takes from.
    pub live: Arc<Live>,
    /// The camera's clock.
    pub clock: Arc<Clock>,
    /// Where its mode is remembered.
    pub dir: DataDir,
}

/// Looks at pictures on their way to the encoder.
pub struct Watch {
    quality: Quality,
    enabled: AtomicBool,
    /// Pictures can come; not so of a source that is encoded already, nor in a build that decodes nothing.
    sees: AtomicBool,
    detector: Mutex<Detector>,
    queue: Arc<Queue>,
    clock: Arc<Clock>,
}

impl Watch {
    /// Looks at a picture, briefly.
    pub fn look(&self, quality: Quality, picture: &Picture) {
        if quality != self.quality || !self.enabled.load(Ordering::Relaxed) {
            return;
        }
        let found = lock(&self.detector).look(picture);
        self.tell(found, Some(picture));
    }

    /// The source is encoded already: there are no pictures to look at.
    pub fn cannot_see(&self) {
        self.sees.store(false, Ordering::Relaxed);
    }

    fn tell(&self, found: Vec<Change>, picture: Option<&Picture>) {
        let epoch_us = epoch_us(&self.clock);
        for change in found {
            match (change, picture) {
                (Change::Started(at), Some(picture)) => {
                    let picture = Box::new(picture.clone());
                    let at_ms = (at + epoch_us).div_euclid(1000);
                    self.queue.add(Item::Started(at_ms, picture));
                }
                (Change::Started(_), None) => {}
                (Change::Ended(at), _) => {
                    self.queue
                        .add(Item::Ended((at + epoch_us).div_euclid(1000)));
                }
            }
        }
    }

    /// No pictures come any more.
    fn rest(&self) {
        let now = self.clock.media_us(self.clock.wall_us());
        let found = lock(&self.detector).end(now);
        self.tell(found, None);
    }
}

/// Records until it is stopped or dropped.
pub struct Recorder {
    shared: Arc<Shared>,
    dir: DataDir,
    intake: tokio::task::JoinHandle<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    card: Card,
    queue: Arc<Queue>,
    watch: Arc<Watch>,
    mode: watch::Sender<RecordMode>,
    recording: AtomicBool,
    keeper: Mutex<keeper::Counts>,
}

impl Recorder {
    /// Starts recording. Call it within a tokio runtime.
    ///
    /// # Errors
    /// The remembered mode cannot be read or written; the system has no thread to give.
    pub fn start(options: &Options, parts: Parts) -> Result<Self, crate::Error> {
        let Parts {
            card,
            live,
            clock,
            dir,
        } = parts;
        let remembered: Option<Remembered> = dir.read(FILE)?;
        let remembered = remembered.and_then(|one| RecordMode::from_name(&one.mode));
        let mode = options.mode.or(remembered);
        let mode = mode.unwrap_or(RecordMode::Continuous);
        if remembered != Some(mode) {
            remember(&dir, mode)?;
        }
        let queue = Arc::new(Queue::default());
        let watch = Arc::new(Watch {
            quality: options.quality,
            enabled: AtomicBool::new(mode != RecordMode::Off),
            sees: AtomicBool::new(cfg!(feature = "ffmpeg")),
            detector: Mutex::default(),
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
        });
        let shared = Arc::new(Shared {
            card: card.clone(),
            queue: Arc::clone(&queue),
            watch,
            mode: watch::Sender::new(mode),
            recording: AtomicBool::new(false),
            keeper: Mutex::default(),
        });
        let keeper = Keeper::new(card, mode, options.schedule.clone(), Instant::now());
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("record".into())
            .spawn(move || run(&work, keeper))
            .map_err(crate::Error::Thread)?;
        let intake = Intake {
            live,
            lane: Lane::Video(options.quality),
            clock,
            schedule: options.schedule.clone(),
            shared: Arc::clone(&shared),
        };
        Ok(Self {
            shared,
            dir,
            intake: tokio::spawn(intake.run()),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Whether and when it records.
    pub fn status(&self) -> RecordStatus {
        RecordStatus {
            recording: self.shared.recording.load(Ordering::Relaxed),
            mode: *self.shared.mode.borrow(),
        }
    }

    /// Records at other times from now on, and after a restart.
    ///
    /// # Errors
    /// It cannot be remembered, or nothing that moves would be noticed; then nothing has changed.
    pub fn set_mode(&self, mode: RecordMode) -> Result<(), ModeError> {
        if mode == RecordMode::Events && !self.shared.watch.sees.load(Ordering::Relaxed) {
            return Err(ModeError::NoMotion);
        }
        remember(&self.dir, mode)?;
        self.shared
            .watch
            .enabled
            .store(mode != RecordMode::Off, Ordering::Relaxed);
        self.shared.mode.send_replace(mode);
        Ok(())
    }

    /// Writes what it has, closes the file and ends. Waits for the card.
    pub fn stop(&self) {
        self.intake.abort();
        self.shared.queue.stop();
        if let Some(thread) = lock(&self.thread).take() {
            // A panic of that thread was reported when it happened.
            let _ = thread.join();
        }
    }

    /// What looks at the pictures for it.
    pub fn watch(&self) -> Arc<Watch> {
        Arc::clone(&self.shared.watch)
    }

    /// What it counts.
    pub fn stats(&self) -> CardStats {
        let (queue, kept) = (self.shared.queue.counts(), *lock(&self.shared.keeper));
        let (status, card) = (self.status(), self.shared.card.status());
        CardStats {
            state: card.state.name(),
            mode: status.mode.name(),
            recording: status.recording,
            clock_known: card.clock_known,
            segments: card.segments,
            used_bytes: card.used,
            total_bytes: card.total,
            gops: kept.gops,
            lost_gops: kept.lost_gops,
            events: kept.events,
            write_mean_ms: kept.mean_ms,
            write_max_ms: kept.max_ms,
            queue_bytes: queue.bytes,
            queue_most_bytes: queue.most_bytes,
            left_out_bytes: queue.left_out,
            gaps: queue.gaps,
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

fn remember(dir: &DataDir, mode: RecordMode) -> Result<(), DataError> {
    let mode = mode.name().to_owned();
    dir.write(FILE, &Remembered { mode })
}

/// The recorder's thread.
fn run(shared: &Shared, mut keeper: Keeper) {
    keeper.look(Instant::now());
    let mut assembler = Assembler::new();
    let mut mode = shared.mode.subscribe();
    loop {
        let item = shared.queue.next(TICK);
        if mode.has_changed().unwrap_or(false) {
            keeper.set_mode(*mode.borrow_and_update());
        }
        let mut keep = |gops: Vec<Gop>| {
            for gop in gops {
                keeper.gop(gop, Instant::now());
            }
        };
        match &item {
            Ok(Some(Item::Tags(chunk, taken))) => keep(assembler.push(chunk, *taken)),
            Ok(Some(Item::Started(at_ms, picture))) => {
                keeper.started(*at_ms);
                take_picture(shared, *at_ms, picture);
            }
            Ok(Some(Item::Ended(at_ms))) => keeper.ended(*at_ms),
            Ok(None) => {}
            Ok(Some(Item::Pause)) | Err(Stopped) => {
                keep(assembler.flush());
                keeper.close();
            }
        }
        *lock(&shared.keeper) = keeper.counts();
        shared
            .recording
            .store(keeper.is_recording(), Ordering::Relaxed);
        if item.is_err() {
            return;
        }
    }
}

#[cfg(feature = "ffmpeg")]
fn take_picture(shared: &Shared, at_ms: i64, picture: &Picture) {
    if *shared.mode.borrow() == RecordMode::Off {
        return;
    }
    match media::jpeg::encode(picture, JPEG_QUALITY) {
        Ok(jpeg) => {
            if let Err(error) = shared.card.add_picture(at_ms, &jpeg) {
                tracing::debug!(%error, "no picture of an event");
            }
        }
        Err(error) => tracing::warn!(%error, "no picture of an event"),
    }
}

/// Without FFmpeg there is nothing that makes a JPEG of it.
#[cfg(not(feature = "ffmpeg"))]
fn take_picture(_: &Shared, _: i64, _: &Picture) {}

/// Takes from the lane, and never waits for the card.
struct Intake {
    live: Arc<Live>,
    lane: Lane,
    clock: Arc<Clock>,
    schedule: Schedule,
    shared: Arc<Shared>,
}

impl Intake {
    async fn run(self) {
        let mut mode = self.shared.mode.subscribe();
        loop {
            while !self.is_wanted(*mode.borrow_and_update()) {
                tokio::select! {
                    _ = mode.changed() => {}
                    () = tokio::time::sleep(TICK) => {}
                }
            }
            if self.watch(&mut mode).await {
                self.shared.queue.add(Item::Pause);
            } else {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    fn is_wanted(&self, mode: RecordMode) -> bool {
        self.clock.follow_system();
        match mode {
            RecordMode::Off => false,
            RecordMode::Continuous | RecordMode::Events => true,
            RecordMode::Schedule => self.schedule.is_on(self.clock.wall_us() / 1000),
        }
    }

    /// Takes while it is wanted. Says whether there was anything.
    async fn watch(&self, mode: &mut watch::Receiver<RecordMode>) -> bool {
        let viewing = self.live.watch(self.lane, "card".into(), FIRST_PICTURE);
        let Ok(mut viewing) = viewing.await else {
            return false;
        };
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                chunk = viewing.next() => {
                    let Some(chunk) = chunk else { break };
                    if self.shared.queue.tags(chunk, self.taken()) {
                        tracing::warn!("the card is too slow; parts of the recording are left out");
                        self.shared.card.report_slow();
                    }
                }
                _ = tick.tick() => {
                    if !self.is_wanted(*mode.borrow_and_update()) {
                        break;
                    }
                }
            }
        }
        self.shared.watch.rest();
        true
    }

    fn taken(&self) -> Taken {
        let epoch_us = epoch_us(&self.clock);
        Taken {
            epoch_ms: epoch_us.div_euclid(1000),
            media_ms: (self.clock.wall_us() - epoch_us).div_euclid(1000),
        }
    }
}

/// Wall time minus media time, microseconds.
fn epoch_us(clock: &Clock) -> i64 {
    let wall_us = clock.wall_us();
    wall_us - clock.media_us(wall_us)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests;
