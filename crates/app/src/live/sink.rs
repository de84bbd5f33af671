//! The way to the screen: a channel without backpressure, so what is on its way is counted.

use crate::FrameSink;
use crate::api::frame::{self, Header};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Frames that may be on their way to the screen, unacknowledged.
pub const WINDOW: u32 = 8;
/// Live access units that wait for room before the rest of the GOP is given up: a quarter of a second at 30 a second.
const MAX_WAITING: usize = 8;
/// The same while the screen still works through a cached GOP: two seconds.
const MAX_WAITING_BEHIND: usize = 60;
/// Bytes that wait for room at most: more than any cached GOP.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// A view's binary channel and the count of what it carries.
pub struct Channel {
    sink: FrameSink,
    next: AtomicU32,
    acknowledged: AtomicU32,
    gone: AtomicBool,
}

impl Channel {
    /// Around the sink the view was opened with.
    pub fn new(sink: FrameSink) -> Arc<Self> {
        Arc::new(Self {
            sink,
            next: AtomicU32::new(0),
            acknowledged: AtomicU32::new(0),
            gone: AtomicBool::new(false),
        })
    }

    /// Sends one frame; returns its `seq`.
    pub fn send(&self, kind: u8, flags: u8, generation: u16, pts: i64, body: &[u8]) -> u32 {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        if !(self.sink)(
            Header {
                kind,
                flags,
                generation,
                seq,
                pts,
            }
            .with_body(body),
        ) {
            self.gone.store(true, Ordering::Relaxed);
        }
        seq
    }

    /// The screen has taken everything up to `seq`.
    pub fn acknowledge(&self, seq: u32) {
        let next = self.next.load(Ordering::Relaxed);
        let taken = seq.wrapping_add(1);
        // Counted in wrapping distance; an acknowledgement of what was never sent is ignored.
        let before = next.wrapping_sub(self.acknowledged.load(Ordering::Relaxed));
        if next.wrapping_sub(taken) <= before {
            self.acknowledged.store(taken, Ordering::Relaxed);
        }
    }

    /// Frames on their way.
    pub fn outstanding(&self) -> u32 {
        self.next
            .load(Ordering::Relaxed)
            .wrapping_sub(self.acknowledged.load(Ordering::Relaxed))
    }

    /// Whether the view has said that it is gone.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

/// One access unit for the screen.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Which stream of the view.
    pub generation: u16,
    /// Media time, µs.
    pub pts: i64,
    /// A key picture.
    pub key: bool,
    /// Decode but do not draw.
    pub catch_up: bool,
    /// A configuration (JSON) instead of an access unit.
    pub config: bool,
    /// Annex B, or JSON.
    pub body: Vec<u8>,
}

/// Access units on their way to the web view's decoder.
///
/// At most [`WINDOW`] are on their way. What comes meanwhile waits a little; if the screen does not catch up, the rest
/// of the GOP is dropped and the next key picture carries [`frame::FLAG_DISCONTINUITY`].
pub struct AccessUnits {
    channel: Arc<Channel>,
    waiting: VecDeque<Frame>,
    waiting_bytes: usize,
    dropping: bool,
    discontinuity: bool,
    dropped: u64,
}

impl AccessUnits {
    /// Onto that channel.
    pub fn new(channel: Arc<Channel>) -> Self {
        Self {
            channel,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            dropping: false,
            discontinuity: false,
            dropped: 0,
        }
    }

    /// Access units dropped because the screen fell behind.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether the next frame goes to the screen without waiting.
    pub fn has_room(&self) -> bool {
        self.waiting.is_empty() && self.channel.outstanding() < WINDOW
    }

    /// Whether frames that are decoded and not drawn may be pushed without others being given up.
    pub fn has_room_behind(&self) -> bool {
        self.waiting_bytes < MAX_WAITING_BYTES / 2
    }

    /// The next frame, in order.
    pub fn push(&mut self, frame: Frame) {
        if frame.key && !self.waiting.is_empty() {
            self.give_up_waiting();
        }
        if frame.key || frame.config {
            self.dropping = false;
        } else if self.dropping {
            self.dropped += 1;
            return;
        }
        self.waiting_bytes += frame.body.len();
        self.waiting.push_back(frame);
        self.flush();
        let live = self
            .waiting
            .iter()
            .filter(|frame| !frame.catch_up && !frame.config)
            .count();
        let behind = self
            .waiting
            .front()
            .is_some_and(|frame| frame.catch_up || frame.config);
        let most = if behind {
            MAX_WAITING_BEHIND
        } else {
            MAX_WAITING
        };
        if live > most || self.waiting_bytes > MAX_WAITING_BYTES {
            self.give_up_waiting();
            self.dropping = true;
        }
    }

    /// Sends what waits while there is room: call it after every acknowledgement.
    pub fn flush(&mut self) {
        while self.channel.outstanding() < WINDOW {
            let Some(next) = self.waiting.pop_front() else {
                return;
            };
            self.waiting_bytes -= next.body.len();
            if next.config {
                self.channel
                    .send(frame::KIND_CONFIG, 0, next.generation, next.pts, &next.body);
                continue;
            }
            let mut flags = 0;
            if next.key {
                flags |= frame::FLAG_KEY;
                if std::mem::take(&mut self.discontinuity) {
                    flags |= frame::FLAG_DISCONTINUITY;
                }
            }
            // With newer ones waiting behind it, drawing this one would play fast-forward.
            if next.catch_up || self.waiting.len() > 2 {
                flags |= frame::FLAG_CATCH_UP;
            }
            self.channel.send(
                frame::KIND_ACCESS_UNIT,
                flags,
                next.generation,
                next.pts,
                &next.body,
            );
        }
    }

    /// Drops waiting pictures; configurations stay, a decoder must not miss one.
    fn give_up_waiting(&mut self) {
        let before = self.waiting.len();
        self.waiting.retain(|frame| frame.config);
        self.waiting_bytes = self.waiting.iter().map(|frame| frame.body.len()).sum();
        let dropped = (before - self.waiting.len()) as u64;
        self.dropped += dropped;
        self.discontinuity |= dropped > 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    type Sent = Arc<Mutex<Vec<(u8, u8, u32)>>>;

    fn units() -> (AccessUnits, Arc<Channel>, Sent) {
        let sent = Sent::default();
        let log = sent.clone();
        let channel = Channel::new(Arc::new(move |bytes: Vec<u8>| {
            let seq = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
            log.lock().unwrap().push((bytes[0], bytes[1], seq));
            true
        }));
        (AccessUnits::new(channel.clone()), channel, sent)
    }

    fn frame(key: bool, catch_up: bool) -> Frame {
        Frame {
            generation: 1,
            pts: 0,
            key,
            catch_up,
            config: false,
            body: vec![0; 10],
        }
    }

    #[test]
    fn a_screen_that_acknowledges_gets_everything() {
        let (mut units, channel, sent) = units();
        for n in 0..100 {
            units.push(frame(n % 30 == 0, false));
            channel.acknowledge(n);
            units.flush();
        }
        assert_eq!(sent.lock().unwrap().len(), 100);
        assert!(
            sent.lock()
                .unwrap()
                .iter()
                .all(|(kind, flags, _)| *kind == 2 && flags & !frame::FLAG_KEY == 0)
        );
        assert_eq!(units.dropped(), 0);
    }

    #[test]
    fn a_screen_that_stops_gets_eight_and_then_the_next_key_picture_with_the_mark() {
        let (mut units, channel, sent) = units();
        for n in 0..60 {
            units.push(frame(n == 0, false));
        }
        assert_eq!(sent.lock().unwrap().len(), WINDOW as usize);
        channel.acknowledge(7);
        units.flush();
        units.push(frame(false, false));
        assert_eq!(sent.lock().unwrap().len(), 8, "the rest of the GOP is gone");
        units.push(frame(true, false));
        units.push(frame(false, false));
        let sent = sent.lock().unwrap();
        assert_eq!(sent[8], (2, frame::FLAG_KEY | frame::FLAG_DISCONTINUITY, 8));
        assert_eq!(sent[9], (2, 0, 9));
        assert_eq!(units.dropped(), 60 - 8 + 1);
    }

    #[test]
    fn a_short_hiccup_costs_nothing_and_is_not_played_fast_forward() {
        let (mut units, channel, sent) = units();
        for n in 0..14 {
            units.push(frame(n == 0, false));
        }
        channel.acknowledge(7);
        units.flush();
        let sent = sent.lock().unwrap();
        assert_eq!(sent.len(), 14);
        let hidden: Vec<_> = sent
            .iter()
            .map(|(_, flags, _)| flags & frame::FLAG_CATCH_UP != 0)
            .collect();
        assert_eq!(hidden[8..], [true, true, true, false, false, false]);
    }

    #[test]
    fn a_cached_gop_waits_for_room_whole() {
        let (mut units, channel, sent) = units();
        units.push(Frame {
            config: true,
            ..frame(false, false)
        });
        for n in 0..120 {
            units.push(frame(n == 0, n < 119));
        }
        let mut seq = 0;
        while channel.outstanding() > 0 {
            channel.acknowledge(seq);
            units.flush();
            seq += 1;
        }
        let sent = sent.lock().unwrap();
        assert_eq!((sent.len(), units.dropped()), (121, 0));
        assert_eq!(sent[0].0, frame::KIND_CONFIG);
        assert_eq!(sent[120].1, 0, "the newest is drawn");
        assert!(
            sent[1..118]
                .iter()
                .all(|(_, flags, _)| flags & frame::FLAG_CATCH_UP != 0)
        );
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_sent_is_ignored() {
        let (_, channel, _) = units();
        channel.send(2, 0, 0, 0, &[]);
        channel.acknowledge(1000);
        assert_eq!(channel.outstanding(), 1);
        channel.acknowledge(0);
        channel.acknowledge(0);
        assert_eq!(channel.outstanding(), 0);
    }
}
