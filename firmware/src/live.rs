//! Live: four lanes (three qualities, and sound alone), each a ring that any number of viewers reads.
//!
//! ```text
//!  eye thread ──picture──> encoder thread (a quality) ──tag──> ring ──cursor──> viewer
//!  sound thread ──block──> AAC ──tag──> every ring               ├──cursor──> viewer
//!        └───────── run only while [`Demand`] says so ───────────┴─ joins and leaves
//! ```

pub mod ring;
pub mod tags;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use p2p::Chunk;
use tokio::sync::watch;

use crate::defaults::LIVE_READS;
use crate::demand::{Demand, Lane};
use crate::stats::{EncoderStats, LaneStats, ViewerStats};
use ring::{Cursor, Kind, Limits, Ring, Step};
use tags::{AudioTrack, VideoTrack};

/// See the module's text.
pub struct Live {
    /// Who wants what.
    pub demand: Demand,
    /// Pictures that codes are looked for in.
    #[cfg(feature = "ffmpeg")]
    pub lens: crate::lens::Lens,
    slots: [Slot; 4],
    sound: Mutex<Option<AudioTrack>>,
    watching: Mutex<BTreeMap<u64, Arc<Counters>>>,
    number: AtomicU64,
    made: Instant,
}

struct Slot {
    state: Mutex<State>,
    /// Changes with everything a viewer may wait for.
    changed: watch::Sender<u64>,
}

struct State {
    ring: Ring<Chunk>,
    video: Option<VideoTrack>,
    fault: Option<String>,
    encoder: EncoderStats,
}

/// What one viewing has come to.
#[derive(Debug, Default)]
struct Counters {
    name: String,
    lane: &'static str,
    bytes: AtomicU64,
    tags: AtomicU64,
    skips: AtomicU64,
    skipped: AtomicU64,
    /// What it is sent next, and when it took something last: milliseconds since the lanes were made.
    next: AtomicU64,
    took_ms: AtomicU64,
}

/// Why a lane cannot be watched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPicture {
    /// The sensor, microphone or encoder failed; the text says what to do.
    #[error("{0}")]
    Fault(String),
    /// The sensor gave nothing in time.
    #[error("the sensor gave nothing within {0} ms")]
    TooSlow(u128),
}

impl Live {
    /// Lanes without anything in them.
    pub fn new() -> Self {
        let slot = |lane: Lane| Slot {
            state: Mutex::new(State {
                ring: Ring::new(Limits::default(), lane != Lane::Audio),
                video: None,
                fault: None,
                encoder: EncoderStats::default(),
            }),
            changed: watch::Sender::new(0),
        };
        Self {
            demand: Demand::default(),
            #[cfg(feature = "ffmpeg")]
            lens: crate::lens::Lens::default(),
            slots: Lane::ALL.map(slot),
            sound: Mutex::new(None),
            watching: Mutex::new(BTreeMap::new()),
            number: AtomicU64::new(0),
            made: Instant::now(),
        }
    }

    /// Joins a lane and waits for its first picture, which is there already if somebody else watches.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn watch(
        self: &Arc<Self>,
        lane: Lane,
        name: String,
        patience: Duration,
    ) -> Result<Viewing, NoPicture> {
        let slot = &self.slots[lane.index()];
        if self.demand.viewers(lane) == 0 {
            slot.lock().fault = None;
        }
        self.demand.join(lane);
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let counters = Arc::new(Counters {
            name,
            lane: lane.name(),
            ..Counters::default()
        });
        lock(&self.watching).insert(number, Arc::clone(&counters));
        let mut viewing = Viewing {
            live: Arc::clone(self),
            lane,
            number,
            counters,
            cursor: Cursor::default(),
            changed: slot.changed.subscribe(),
        };
        match tokio::time::timeout(patience, viewing.ready()).await {
            Ok(result) => result.map(|()| viewing),
            Err(_) => Err(NoPicture::TooSlow(patience.as_millis())),
        }
    }

    /// The sound from now on, or that there is none.
    pub fn set_sound(&self, track: Option<AudioTrack>) {
        let slot = &self.slots[Lane::Audio.index()];
        let preamble = track
            .as_ref()
            .and_then(|track| tags::preamble(None, Some(track)).ok());
        let mut state = slot.lock();
        match preamble {
            Some(preamble) => {
                state.ring.set_preamble(preamble);
                state.fault = None;
            }
            None => state.ring.clear(),
        }
        *lock(&self.sound) = track;
        drop(state);
        slot.notify();
    }

    /// The pictures of a lane from now on. Viewers that are there already are sent the new configuration.
    pub fn set_video(&self, lane: Lane, track: VideoTrack, at_ms: i64) {
        let sound = lock(&self.sound).clone();
        let slot = &self.slots[lane.index()];
        let mut state = slot.lock();
        if let Ok(preamble) = tags::preamble(Some(&track), sound.as_ref()) {
            let is_running = state.ring.is_ready();
            if is_running && let Ok(configs) = tags::configs(at_ms, Some(&track), sound.as_ref()) {
                state.ring.push(Kind::Config, at_ms, configs);
            }
            state.ring.set_preamble(preamble);
            state.video = Some(track);
            state.fault = None;
        }
    }

    /// A picture of a lane.
    pub fn push_video(&self, lane: Lane, key: bool, at_ms: i64, tag: Chunk) {
        let slot = &self.slots[lane.index()];
        slot.lock()
            .ring
            .push(if key { Kind::Key } else { Kind::Delta }, at_ms, tag);
        slot.notify();
    }

    /// Sound, for every lane that runs.
    pub fn push_audio(&self, at_ms: i64, tag: &Chunk) {
        for (lane, slot) in Lane::ALL.into_iter().zip(&self.slots) {
            let mut state = slot.lock();
            if lane == Lane::Audio || state.ring.is_ready() {
                state.ring.push(Kind::Audio, at_ms, tag.clone());
                drop(state);
                slot.notify();
            }
        }
    }

    /// Counts a picture's way through a lane's encoder.
    pub fn count_encoded(&self, lane: Lane, took: Duration) {
        self.slots[lane.index()].lock().encoder.count(took);
    }

    /// Counts a picture that a busy encoder could not take.
    pub fn count_dropped(&self, lane: Lane) {
        self.slots[lane.index()].lock().encoder.dropped += 1;
    }

    /// Nobody watches a lane any more: its encoder is off.
    pub fn clear(&self, lane: Lane) {
        let mut state = self.slots[lane.index()].lock();
        state.ring.clear();
        state.video = None;
    }

    /// A lane cannot go on: its viewers' streams end, and the next one is told why.
    pub fn fail(&self, lane: Lane, why: &str) {
        let slot = &self.slots[lane.index()];
        let mut state = slot.lock();
        state.ring.clear();
        state.video = None;
        state.fault = Some(why.to_owned());
        drop(state);
        slot.notify();
    }

    /// The state of every lane.
    pub fn lanes(&self) -> Vec<LaneStats> {
        let lane = |(lane, slot): (Lane, &Slot)| {
            let state = slot.lock();
            LaneStats {
                lane: lane.name(),
                viewers: self.demand.viewers(lane),
                running: state.ring.is_ready(),
                ring_bytes: state.ring.bytes(),
                ring_entries: state.ring.len(),
                fault: state.fault.clone(),
                encoder: state.encoder.clone(),
            }
        };
        Lane::ALL.into_iter().zip(&self.slots).map(lane).collect()
    }

    /// How far the slowest viewer that reads is behind, milliseconds. Whoever wants the same card, processor and network
    /// waits until it has caught up.
    pub fn lag_ms(&self) -> i64 {
        let now_ms = self.now_ms();
        let reads = |counters: &Arc<Counters>| {
            let took_ms = counters.took_ms.load(Ordering::Relaxed);
            now_ms.saturating_sub(took_ms) < LIVE_READS.as_millis() as u64
        };
        let watching: Vec<_> = lock(&self.watching)
            .values()
            .filter(|c| reads(c))
            .cloned()
            .collect();
        let lag = |counters: &Arc<Counters>| {
            let lane = Lane::ALL
                .into_iter()
                .position(|lane| lane.name() == counters.lane);
            let slot = lane.and_then(|index| self.slots.get(index));
            slot.map_or(0, |slot| {
                slot.lock()
                    .ring
                    .lag_ms(counters.next.load(Ordering::Relaxed))
            })
        };
        watching.iter().map(lag).max().unwrap_or(0)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The state of every viewing.
    pub fn viewings(&self) -> Vec<ViewerStats> {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        lock(&self.watching)
            .values()
            .map(|counters| ViewerStats {
                viewer: counters.name.clone(),
                lane: counters.lane,
                bytes: get(&counters.bytes),
                tags: get(&counters.tags),
                skips: get(&counters.skips),
                skipped_tags: get(&counters.skipped),
            })
            .collect()
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn notify(&self) {
        self.changed
            .send_modify(|version| *version = version.wrapping_add(1));
    }
}

/// One viewer of one lane. Dropping it leaves.
pub struct Viewing {
    live: Arc<Live>,
    lane: Lane,
    number: u64,
    counters: Arc<Counters>,
    cursor: Cursor,
    changed: watch::Receiver<u64>,
}

impl Viewing {
    /// The next tag; `None` when the lane cannot go on.
    pub async fn next(&mut self) -> Option<Chunk> {
        loop {
            let step = {
                let state = self.live.slots[self.lane.index()].lock();
                if state.fault.is_some() {
                    return None;
                }
                state.ring.poll(&mut self.cursor)
            };
            match step {
                Step::Send(chunk) => {
                    self.count(&chunk);
                    return Some(chunk);
                }
                Step::Wait => self.changed.changed().await.ok()?,
            }
        }
    }

    async fn ready(&mut self) -> Result<(), NoPicture> {
        loop {
            {
                let state = self.live.slots[self.lane.index()].lock();
                if let Some(fault) = &state.fault {
                    return Err(NoPicture::Fault(fault.clone()));
                }
                if state.ring.is_ready() {
                    return Ok(());
                }
            }
            if self.changed.changed().await.is_err() {
                return Err(NoPicture::Fault("the camera is going off".into()));
            }
        }
    }

    fn count(&self, chunk: &Chunk) {
        self.counters
            .bytes
            .fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.counters.tags.fetch_add(1, Ordering::Relaxed);
        self.counters
            .skips
            .store(self.cursor.skips, Ordering::Relaxed);
        self.counters
            .skipped
            .store(self.cursor.skipped, Ordering::Relaxed);
        self.counters
            .next
            .store(self.cursor.next(), Ordering::Relaxed);
        self.counters
            .took_ms
            .store(self.live.now_ms(), Ordering::Relaxed);
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        self.live.demand.leave(self.lane, Instant::now());
        lock(&self.live.watching).remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::stream::Quality;

    const HIGH: Lane = Lane::Video(Quality::High);
    const PATIENCE: Duration = Duration::from_millis(50);

    fn track() -> VideoTrack {
        VideoTrack {
            codec: flv::VideoCodec::H264,
            record: vec![1, 2, 3],
            fps: None,
        }
    }

    #[tokio::test]
    async fn a_viewer_is_told_why_there_is_no_picture() {
        let live = Arc::new(Live::new());
        let none = live.watch(HIGH, "a".into(), PATIENCE).await.err();
        assert_eq!(none, Some(NoPicture::TooSlow(50)));
        assert!(live.viewings().is_empty() && live.demand.viewers(HIGH) == 0);
        let failing = Arc::clone(&live);
        let watch = tokio::spawn(async move {
            failing
                .watch(HIGH, "a".into(), Duration::from_secs(5))
                .await
                .err()
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        live.fail(HIGH, "no video device");
        assert_eq!(
            watch.await.unwrap(),
            Some(NoPicture::Fault("no video device".into()))
        );
    }

    #[tokio::test]
    async fn viewers_share_the_bytes_and_a_fault_ends_their_streams() {
        let live = Arc::new(Live::new());
        live.set_sound(Some(AudioTrack::aac()));
        live.set_video(HIGH, track(), 0);
        live.push_video(HIGH, true, 0, vec![7; 100].into());
        let mut viewings = Vec::new();
        for name in ["a", "b"] {
            viewings.push(live.watch(HIGH, name.into(), PATIENCE).await.unwrap());
        }
        let mut first = Vec::new();
        for viewing in &mut viewings {
            viewing.next().await.unwrap();
            first.push(viewing.next().await.unwrap());
        }
        assert_eq!(first[0].as_ptr(), first[1].as_ptr());
        live.push_audio(10, &vec![1].into());
        assert_eq!(viewings[1].next().await.as_deref(), Some(&[1][..]));
        live.fail(HIGH, "unplugged");
        assert!(viewings[0].next().await.is_none());
        assert_eq!(live.viewings().len(), 2);
        drop(viewings);
        assert!(live.viewings().is_empty());
    }
}
