//! Between the live path and the card: whoever films never waits for the card.
//!
//! When the card cannot keep up the queue fills, and then everything up to the next keyframe is left out, so that what is
//! recorded can be shown.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use media::Picture;
use p2p::Chunk;

use super::gops::Taken;
use crate::defaults::RECORD_QUEUE_BYTES;

/// Bytes of a tag's head, behind which its body begins (FLV E.4.1).
const TAG_HEAD: usize = 11;
/// Tag type of pictures.
const VIDEO: u8 = 9;

/// What the recorder is told, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// Tags of the lane.
    Tags(Chunk, Taken),
    /// The lane stands still: nothing follows for a while.
    Pause,
    /// Something moves since that wall time, milliseconds; with a picture of it.
    Started(i64, Box<Picture>),
    /// It rests since that wall time.
    Ended(i64),
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    most_bytes: usize,
    leaving_out: bool,
    left_out: u64,
    gaps: u64,
    stop: bool,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

/// What a queue has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Bytes in it.
    pub(super) bytes: usize,
    /// The most there ever were.
    pub(super) most_bytes: usize,
    /// Bytes that were left out.
    pub(super) left_out: u64,
    /// How often something was.
    pub(super) gaps: u64,
}

impl Queue {
    /// Adds tags, or leaves them out; says whether leaving out has just begun.
    pub(super) fn tags(&self, chunk: Chunk, taken: Taken) -> bool {
        let kind = kind(&chunk);
        let mut state = self.lock();
        let mut begins = false;
        if kind != Kind::Config {
            if state.leaving_out && kind == Kind::Key && state.bytes < RECORD_QUEUE_BYTES / 2 {
                state.leaving_out = false;
            }
            if !state.leaving_out && state.bytes + chunk.len() > RECORD_QUEUE_BYTES {
                (state.leaving_out, begins) = (true, true);
                state.gaps += 1;
            }
            if state.leaving_out {
                state.left_out += chunk.len() as u64;
                return begins;
            }
        }
        state.bytes += chunk.len();
        state.most_bytes = state.most_bytes.max(state.bytes);
        state.items.push_back(Item::Tags(chunk, taken));
        self.ready.notify_one();
        begins
    }

    /// Adds anything else. Of those there are few.
    pub(super) fn add(&self, item: Item) {
        self.lock().items.push_back(item);
        self.ready.notify_one();
    }

    /// What comes next; `Ok(None)` if nothing came for that long, an error when all was taken and no more comes.
    pub(super) fn next(&self, patience: Duration) -> Result<Option<Item>, Stopped> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                if let Item::Tags(chunk, _) = &item {
                    state.bytes -= chunk.len();
                }
                return Ok(Some(item));
            }
            if state.stop {
                return Err(Stopped);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            state = self
                .ready
                .wait_timeout(state, left)
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0;
        }
    }

    /// No more comes.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.ready.notify_all();
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        Counts {
            bytes: state.bytes,
            most_bytes: state.most_bytes,
            left_out: state.left_out,
            gaps: state.gaps,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The queue has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Key,
    /// Small, and needed by all that follows.
    Config,
    Other,
}

/// What our own tags are (see [`crate::live::tags`]): codec ids 7 and 12, whose second byte is 0 in a configuration.
fn kind(chunk: &[u8]) -> Kind {
    if chunk.starts_with(b"FLV") {
        return Kind::Config;
    }
    match (chunk.first(), chunk.get(TAG_HEAD), chunk.get(TAG_HEAD + 1)) {
        (Some(&VIDEO), Some(_), Some(0)) => Kind::Config,
        (Some(&VIDEO), Some(first), _) if first >> 4 == 1 => Kind::Key,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::tags;
    use flv::VideoCodec;

    const TAKEN: Taken = Taken {
        epoch_ms: 0,
        media_ms: 0,
    };

    fn picture(key: bool, size: usize) -> Chunk {
        tags::video(VideoCodec::H264, 0, 0, key, &vec![1; size]).unwrap()
    }

    #[test]
    fn a_full_queue_leaves_out_whole_gops_and_no_configuration() {
        let queue = Queue::default();
        let track = tags::VideoTrack {
            codec: VideoCodec::Hevc,
            record: vec![1; 50],
            fps: None,
        };
        let config = tags::configs(0, Some(&track), None).unwrap();
        let (mut sent, mut began) = (0, 0);
        for n in 0..100 {
            let size = RECORD_QUEUE_BYTES / 20;
            began += u32::from(queue.tags(picture(n % 10 == 0, size), TAKEN));
            began += u32::from(queue.tags(config.clone(), TAKEN));
            sent += 1;
        }
        assert_eq!((sent, began), (100, 1));
        let counts = queue.counts();
        assert!(counts.bytes < RECORD_QUEUE_BYTES + 100 * config.len());
        assert_eq!(counts.gaps, 1);
        let mut kinds = Vec::new();
        while let Ok(Some(Item::Tags(chunk, _))) = queue.next(Duration::ZERO) {
            kinds.push(kind(&chunk));
        }
        assert_eq!(
            kinds.iter().filter(|kind| **kind == Kind::Config).count(),
            100
        );
        assert_eq!(
            kinds.iter().filter(|kind| **kind != Kind::Config).count(),
            19
        );
        // There is room again: it goes on with a keyframe.
        assert!(!queue.tags(picture(false, 10), TAKEN));
        assert!(!queue.tags(picture(true, 10), TAKEN));
        assert!(!queue.tags(picture(false, 10), TAKEN));
        assert_eq!(queue.counts().bytes, 2 * picture(true, 10).len());
        queue.stop();
        assert!(queue.next(Duration::ZERO).is_ok() && queue.next(Duration::ZERO).is_ok());
        assert_eq!(queue.next(Duration::from_secs(9)).err(), Some(Stopped));
    }
}
