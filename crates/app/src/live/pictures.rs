//! Pictures decoded here, for a web view whose own decoder failed: I420, no larger than the view.

use super::sink::Channel;
use super::{VideoTrack, VideoUnit};
use crate::api::Quality;
use crate::api::frame::{self, Config};
use media::Picture;
use media::scale::Scaler;
use media::video::Decoder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Pictures that may be on their way: they are large, and a stale one helps nobody.
const WINDOW: u32 = 3;
/// Coded units that may wait for the decoder before the rest of their GOP is given up. Holds a cached GOP of 8 s.
const QUEUE: usize = 256;
/// Units in a row that the decoder may refuse before the view is told.
const MAX_REFUSED: u32 = 30;

struct Job {
    unit: VideoUnit,
    generation: u16,
    quality: Quality,
}

/// A thread that decodes, scales and sends.
pub struct Pictures {
    channel: Arc<Channel>,
    jobs: SyncSender<Job>,
    dropping: bool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    dropped: AtomicU64,
    failed: AtomicBool,
    /// Units that wait for the decoder, and those of them that are to be drawn.
    waiting: AtomicU32,
    waiting_drawn: AtomicU32,
}

impl Shared {
    fn count(&self, unit: &VideoUnit) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.waiting_drawn
            .fetch_add(u32::from(!unit.catch_up), Ordering::Relaxed);
    }

    fn done(&self, unit: &VideoUnit) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.waiting_drawn
            .fetch_sub(u32::from(!unit.catch_up), Ordering::Relaxed);
    }
}

impl Pictures {
    /// Decodes onto that channel, no wider than `max_width` pixels.
    pub fn start(channel: Arc<Channel>, max_width: u32) -> Self {
        let (jobs, queue) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let report = shared.clone();
        let screen = channel.clone();
        let spawned = std::thread::Builder::new()
            .name("pictures".into())
            .spawn(move || {
                let worker = Worker {
                    channel,
                    max_width: max_width.max(2),
                    scaler: Scaler::new(),
                    shown: None,
                    shared: report,
                };
                worker.run(&queue);
            });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for the decoder");
            shared.failed.store(true, Ordering::Relaxed);
        }
        Self {
            channel: screen,
            jobs,
            dropping: false,
            shared,
        }
    }

    /// Pictures not shown because decoder or screen fell behind.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Whether this stream cannot be decoded here either.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Whether the next picture goes to the screen without waiting for others.
    pub fn has_room(&self) -> bool {
        let drawn = self.shared.waiting_drawn.load(Ordering::Relaxed);
        self.channel.outstanding() + drawn < WINDOW
    }

    /// Whether units that are decoded and not drawn may be pushed without others being given up.
    pub fn has_room_behind(&self) -> bool {
        (self.shared.waiting.load(Ordering::Relaxed) as usize) < QUEUE / 2
    }

    /// The next unit, in order.
    pub fn push(&mut self, unit: &VideoUnit, generation: u16, quality: Quality) {
        if unit.key {
            self.dropping = false;
        }
        if !self.dropping {
            let job = Job {
                unit: unit.clone(),
                generation,
                quality,
            };
            self.shared.count(unit);
            match self.jobs.try_send(job) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => {
                    self.shared.done(unit);
                    self.dropping = true;
                }
                Err(TrySendError::Disconnected(_)) => {
                    self.shared.failed.store(true, Ordering::Relaxed)
                }
            }
        }
        self.shared.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

struct Worker {
    channel: Arc<Channel>,
    max_width: u32,
    scaler: Scaler,
    /// Generation and size the screen was last configured for.
    shown: Option<(u16, u32, u32)>,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Job>) {
        let mut decoder: Option<(Arc<VideoTrack>, Decoder)> = None;
        let mut refused = 0;
        while let Ok(job) = queue.recv() {
            if self.channel.is_gone() {
                return;
            }
            let fresh = !decoder
                .as_ref()
                .is_some_and(|(track, _)| Arc::ptr_eq(track, &job.unit.track));
            if fresh {
                decoder = job
                    .unit
                    .track
                    .decoder()
                    .map(|decoder| (job.unit.track.clone(), decoder))
                    .ok();
            }
            let decoded = decoder.as_mut().and_then(|(_, decoder)| {
                decoder
                    .decode(&job.unit.data, job.unit.pts.saturating_mul(1000))
                    .ok()
            });
            let Some(pictures) = decoded else {
                self.shared.done(&job.unit);
                refused += 1;
                if refused > MAX_REFUSED {
                    self.shared.failed.store(true, Ordering::Relaxed);
                }
                continue;
            };
            refused = 0;
            for picture in pictures {
                if job.unit.catch_up {
                    continue;
                }
                if self.channel.outstanding() >= WINDOW {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                self.show(&job, &picture);
            }
            self.shared.done(&job.unit);
        }
    }

    fn show(&mut self, job: &Job, picture: &Picture) {
        let (width, height) = fit(picture.width(), picture.height(), self.max_width);
        let scaled = match self.scaler.scale(picture, width, height) {
            Ok(scaled) => scaled,
            Err(error) => {
                tracing::warn!(%error, "picture not scaled");
                return;
            }
        };
        if self.shown != Some((job.generation, width, height)) {
            self.shown = Some((job.generation, width, height));
            let config = Config {
                codec: String::new(),
                width,
                height,
                quality: job.quality,
            };
            let body = serde_json::to_vec(&config).unwrap_or_default();
            self.channel
                .send(frame::KIND_CONFIG, 0, job.generation, picture.pts, &body);
        }
        let mut body = Vec::with_capacity(4 + scaled.data().len());
        body.extend_from_slice(&(width as u16).to_le_bytes());
        body.extend_from_slice(&(height as u16).to_le_bytes());
        body.extend_from_slice(scaled.data());
        let flags = if job.unit.key { frame::FLAG_KEY } else { 0 };
        self.channel.send(
            frame::KIND_PICTURE,
            flags,
            job.generation,
            picture.pts,
            &body,
        );
    }
}

/// The largest even size no wider than `max_width` with the same shape; never enlarged.
pub fn fit(width: u32, height: u32, max_width: u32) -> (u32, u32) {
    let to = width.min(max_width).max(2) & !1;
    let scaled = (u64::from(height) * u64::from(to)).div_ceil(u64::from(width.max(1))) as u32;
    (to, (scaled.max(2) + 1) & !1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_even_sides() {
        assert_eq!(fit(1280, 720, 640), (640, 360));
        assert_eq!(fit(1280, 720, 4000), (1280, 720));
        assert_eq!(fit(1920, 1080, 961), (960, 540));
        assert_eq!(fit(1, 1, 0), (2, 2));
    }
}
