//! The live ring: what is sent to viewers, kept for the current GOP. No I/O, no clock.
//!
//! ```text
//!   base            last key            head
//!    │ … previous GOP │ K d d a d a d d a │
//!         ^ a viewer 300 ms behind        ^ a viewer that has everything
//!                     ^ a new viewer starts here: a picture at once
//! ```
//!
//! Every entry is made once and shared; a viewer is a [`Cursor`], a few numbers. A cursor more than
//! [`Limits::max_lag_ms`] behind moves to the newest keyframe as soon as there is one ahead of it: it sees a jump,
//! nobody else sees anything. One that starts in an older GOP is behind on purpose, so for it the time counts that
//! has passed since it started.

use std::collections::VecDeque;

/// What an entry is, as far as skipping is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A picture that decoding can start at.
    Key,
    /// A picture that needs the ones before it.
    Delta,
    /// Sound.
    Audio,
    /// New codec configuration in the middle of a stream. Never skipped.
    Config,
}

/// What the ring keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// See [`crate::defaults::MAX_LAG_MS`].
    pub max_lag_ms: i64,
    /// See [`crate::defaults::RING_BYTES`].
    pub bytes: usize,
    /// See [`crate::defaults::RING_ENTRIES`].
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        use crate::defaults::{MAX_LAG_MS, RING_BYTES, RING_ENTRIES};
        Self {
            max_lag_ms: MAX_LAG_MS,
            bytes: RING_BYTES,
            entries: RING_ENTRIES,
        }
    }
}

#[derive(Debug)]
struct Entry<C> {
    kind: Kind,
    at_ms: i64,
    chunk: C,
}

/// See the module's text. `C` is a shared piece of bytes: cheap to clone.
#[derive(Debug)]
pub struct Ring<C> {
    limits: Limits,
    pictures: bool,
    preamble: Option<C>,
    config: Option<(u64, C)>,
    entries: VecDeque<Entry<C>>,
    base: u64,
    bytes: usize,
    last_key: Option<u64>,
    newest_ms: i64,
}

/// A viewer's place.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    started: bool,
    next: u64,
    caught_up_at: u64,
    started_ms: i64,
    needs_key: bool,
    owes_config: bool,
    /// How often it was moved to a keyframe because it was too slow.
    pub skips: u64,
    /// Entries that it was not sent for that reason.
    pub skipped: u64,
}

impl Cursor {
    /// The entry that it is sent next.
    pub fn next(&self) -> u64 {
        self.next
    }
}

/// What a cursor gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<C> {
    /// Send this and ask again.
    Send(C),
    /// Nothing until the ring grows.
    Wait,
}

impl<C: AsRef<[u8]> + Clone> Ring<C> {
    /// An empty ring; `pictures` is false for the audio-only form.
    pub fn new(limits: Limits, pictures: bool) -> Self {
        Self {
            limits,
            pictures,
            preamble: None,
            config: None,
            entries: VecDeque::new(),
            base: 0,
            bytes: 0,
            last_key: None,
            newest_ms: 0,
        }
    }

    /// Sets what every viewer is sent first: FLV header, metadata, codec configurations.
    pub fn set_preamble(&mut self, preamble: C) {
        self.preamble = Some(preamble);
    }

    /// Whether viewers can start.
    pub fn is_ready(&self) -> bool {
        self.preamble.is_some() && (!self.pictures || self.last_key.is_some())
    }

    /// Appends an entry; `at_ms` is media time.
    pub fn push(&mut self, kind: Kind, at_ms: i64, chunk: C) {
        let number = self.head();
        match kind {
            Kind::Key => {
                self.last_key = Some(number);
                self.newest_ms = at_ms;
            }
            Kind::Delta => self.newest_ms = at_ms,
            Kind::Audio if !self.pictures => {
                self.last_key = Some(number);
                self.newest_ms = at_ms;
            }
            Kind::Audio => {}
            Kind::Config => self.config = Some((number, chunk.clone())),
        }
        self.bytes += chunk.as_ref().len();
        self.entries.push_back(Entry { kind, at_ms, chunk });
        self.trim();
    }

    /// Forgets everything but its place in the count: nobody watches any more, or the encoder was replaced.
    pub fn clear(&mut self) {
        self.base = self.head();
        self.entries.clear();
        (self.preamble, self.config, self.last_key, self.bytes) = (None, None, None, 0);
    }

    /// The number of the next entry.
    pub fn head(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Entries kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The next thing for a cursor.
    pub fn poll(&self, cursor: &mut Cursor) -> Step<C> {
        if !cursor.started {
            let Some(preamble) = self.preamble.clone().filter(|_| self.is_ready()) else {
                return Step::Wait;
            };
            self.place(cursor);
            cursor.started = true;
            return Step::Send(preamble);
        }
        if self.is_too_slow(cursor) {
            self.skip(cursor);
        }
        if std::mem::take(&mut cursor.owes_config)
            && let Some((_, config)) = &self.config
        {
            return Step::Send(config.clone());
        }
        while let Some(entry) = self.entry(cursor.next) {
            cursor.next += 1;
            match entry.kind {
                Kind::Delta if cursor.needs_key => {
                    cursor.skipped += 1;
                    continue;
                }
                Kind::Key => cursor.needs_key = false,
                _ => {}
            }
            return Step::Send(entry.chunk.clone());
        }
        Step::Wait
    }

    /// How far a cursor at that entry is behind the newest one, ms of media time.
    pub fn lag_ms(&self, next: u64) -> i64 {
        match self.entry(next.max(self.base)) {
            Some(entry) => (self.newest_ms - entry.at_ms).max(0),
            None => 0,
        }
    }

    fn entry(&self, number: u64) -> Option<&Entry<C>> {
        self.entries
            .get(usize::try_from(number.checked_sub(self.base)?).ok()?)
    }

    /// Puts a cursor at the newest keyframe, or at the head until there is one.
    fn place(&self, cursor: &mut Cursor) {
        cursor.next = self.last_key.unwrap_or(self.head());
        cursor.needs_key = self.pictures && self.last_key.is_none();
        cursor.caught_up_at = self.head();
        cursor.started_ms = self.newest_ms;
    }

    fn is_too_slow(&self, cursor: &Cursor) -> bool {
        if cursor.next < self.base {
            return true;
        }
        let Some(entry) = self.entry(cursor.next) else {
            return false;
        };
        let reference = if cursor.next < cursor.caught_up_at {
            cursor.started_ms
        } else {
            entry.at_ms
        };
        let lag = self.newest_ms - reference;
        lag > self.limits.max_lag_ms && self.last_key.is_some_and(|key| key > cursor.next)
    }

    fn skip(&self, cursor: &mut Cursor) {
        let before = cursor.next;
        self.place(cursor);
        cursor.skips += 1;
        cursor.skipped += cursor.next.saturating_sub(before);
        cursor.owes_config |= self
            .config
            .as_ref()
            .is_some_and(|(at, _)| (before..cursor.next).contains(at));
    }

    /// Drops what nobody is sent any more: what lies a whole lag before the newest keyframe.
    fn trim(&mut self) {
        let key = self.last_key.unwrap_or(0);
        let oldest_ms = match self.last_key.and_then(|key| self.entry(key)) {
            Some(entry) => entry.at_ms - self.limits.max_lag_ms,
            None => i64::MIN,
        };
        while let Some(front) = self.entries.front() {
            let unneeded = self.base < key && front.at_ms < oldest_ms;
            let too_much =
                self.bytes > self.limits.bytes || self.entries.len() > self.limits.entries;
            if !unneeded && !too_much {
                break;
            }
            self.bytes -= front.chunk.as_ref().len();
            self.entries.pop_front();
            self.base += 1;
        }
        if self.last_key.is_some_and(|key| key < self.base) {
            self.last_key = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    type Chunk = Arc<[u8]>;

    fn chunk(text: &str) -> Chunk {
        Arc::from(text.as_bytes())
    }

    /// 30 pictures a second, keyframes every `gop`, a sound after every picture; frame `n` is "K<n>" or "d<n>".
    struct Sim {
        ring: Ring<Chunk>,
        n: u64,
        gop: u64,
    }

    impl Sim {
        fn new() -> Self {
            let mut ring = Ring::new(Limits::default(), true);
            ring.set_preamble(chunk("FLV"));
            Self {
                ring,
                n: 0,
                gop: 60,
            }
        }

        fn frames(&mut self, count: u64) -> &mut Self {
            for _ in 0..count {
                let at = self.n as i64 * 1000 / 30;
                let (kind, name) = if self.n.is_multiple_of(self.gop) {
                    (Kind::Key, "K")
                } else {
                    (Kind::Delta, "d")
                };
                self.ring
                    .push(kind, at, chunk(&format!("{name}{}", self.n)));
                self.ring.push(Kind::Audio, at - 40, chunk("a"));
                self.n += 1;
            }
            self
        }

        fn drain(&self, cursor: &mut Cursor) -> Vec<String> {
            let mut out = Vec::new();
            while let Step::Send(chunk) = self.ring.poll(cursor) {
                out.push(String::from_utf8_lossy(&chunk).into_owned());
            }
            out
        }
    }

    fn pictures(sent: &[String]) -> Vec<&str> {
        sent.iter()
            .map(String::as_str)
            .filter(|name| *name != "a")
            .collect()
    }

    #[test]
    fn a_new_viewer_gets_the_preamble_and_the_current_gop_at_once() {
        let mut sim = Sim::new();
        sim.frames(150);
        let sent = sim.drain(&mut Cursor::default());
        assert_eq!(pictures(&sent)[..3], ["FLV", "K120", "d121"]);
        assert_eq!(sent.last().map(String::as_str), Some("a"));
        assert_eq!(sent.len(), 1 + 2 * 30);
    }

    #[test]
    fn nothing_is_sent_before_there_is_a_keyframe() {
        let mut ring = Ring::new(Limits::default(), true);
        let mut cursor = Cursor::default();
        assert_eq!(ring.poll(&mut cursor), Step::Wait);
        ring.set_preamble(chunk("FLV"));
        ring.push(Kind::Audio, 0, chunk("a"));
        assert_eq!(ring.poll(&mut cursor), Step::Wait);
        ring.push(Kind::Key, 1, chunk("K"));
        assert_eq!(ring.poll(&mut cursor), Step::Send(chunk("FLV")));
        assert_eq!(ring.poll(&mut cursor), Step::Send(chunk("K")));
    }

    #[test]
    fn fifty_viewers_that_keep_up_see_every_picture_once_and_one_that_stops_skips_alone() {
        let mut sim = Sim::new();
        sim.frames(1);
        let mut cursors = vec![Cursor::default(); 50];
        let mut seen = vec![Vec::new(); 50];
        let mut stopped = Cursor::default();
        sim.drain(&mut stopped);
        for _ in 0..400 {
            for (cursor, seen) in cursors.iter_mut().zip(&mut seen) {
                seen.extend(pictures(&sim.drain(cursor)).into_iter().map(str::to_owned));
            }
            sim.frames(1);
        }
        for (cursor, seen) in cursors.iter().zip(&seen) {
            assert_eq!((cursor.skips, seen.len()), (0, 401));
        }
        // 400 pictures were made; the keyframe before is 360.
        let sent = sim.drain(&mut stopped);
        assert_eq!(pictures(&sent)[0], "K360");
        assert_eq!((stopped.skips, sent.len()), (1, 2 * 41));
    }

    #[test]
    fn a_viewer_a_little_behind_is_not_moved_by_a_new_keyframe() {
        let mut sim = Sim::new();
        sim.frames(50);
        let mut cursor = Cursor::default();
        sim.drain(&mut cursor);
        sim.frames(25);
        assert_eq!(pictures(&sim.drain(&mut cursor))[0], "d50");
        assert_eq!(cursor.skips, 0);
    }

    #[test]
    fn a_viewer_that_takes_less_than_is_made_jumps_from_keyframe_to_keyframe() {
        let mut sim = Sim::new();
        sim.frames(61);
        let mut cursor = Cursor::default();
        let mut sent = Vec::new();
        for _ in 0..1200 {
            sim.frames(1);
            // Two entries are made a frame, one is taken.
            if let Step::Send(chunk) = sim.ring.poll(&mut cursor) {
                sent.push(String::from_utf8_lossy(&chunk).into_owned());
            }
        }
        assert!((10..=20).contains(&cursor.skips), "{}", cursor.skips);
        let mut last: Option<u64> = None;
        for name in pictures(&sent).into_iter().skip(1) {
            let n: u64 = name[1..].parse().unwrap();
            assert!(
                name.starts_with('K') || last == Some(n - 1),
                "{name} after {last:?}"
            );
            last = Some(n);
        }
    }

    #[test]
    fn memory_is_bounded_even_without_keyframes() {
        let mut sim = Sim::new();
        sim.ring.limits = Limits {
            bytes: 1_000,
            entries: 100,
            ..Limits::default()
        };
        sim.gop = u64::MAX;
        sim.frames(1);
        let mut cursor = Cursor::default();
        sim.drain(&mut cursor);
        sim.frames(10_000);
        assert!(sim.ring.len() <= 100 && sim.ring.bytes() <= 1_000);
        // Only sound until there is a keyframe again.
        assert!(pictures(&sim.drain(&mut cursor)).is_empty());
        sim.gop = 1;
        sim.frames(1);
        assert_eq!(pictures(&sim.drain(&mut cursor)), ["K10001"]);
    }

    #[test]
    fn a_configuration_that_was_skipped_is_sent_all_the_same() {
        let mut sim = Sim::new();
        sim.frames(60);
        let mut cursor = Cursor::default();
        sim.drain(&mut cursor);
        sim.frames(30);
        sim.ring.push(Kind::Config, 3_000, chunk("config"));
        sim.frames(60);
        assert_eq!(pictures(&sim.drain(&mut cursor))[..2], ["config", "K120"]);
        assert_eq!(pictures(&sim.drain(&mut cursor)), [""; 0]);
    }

    #[test]
    fn sound_alone_starts_at_the_head() {
        let mut ring = Ring::new(Limits::default(), false);
        ring.set_preamble(chunk("FLV"));
        for n in 0..500 {
            ring.push(Kind::Audio, n * 21, chunk(&format!("a{n}")));
        }
        assert!(ring.len() < 60);
        let mut cursor = Cursor::default();
        assert_eq!(ring.poll(&mut cursor), Step::Send(chunk("FLV")));
        assert_eq!(ring.poll(&mut cursor), Step::Send(chunk("a499")));
        assert_eq!(ring.poll(&mut cursor), Step::Wait);
    }

    #[test]
    fn a_cleared_ring_starts_anew_for_everyone() {
        let mut sim = Sim::new();
        sim.frames(70);
        let mut cursor = Cursor::default();
        sim.drain(&mut cursor);
        sim.ring.clear();
        assert!(sim.ring.is_empty() && !sim.ring.is_ready() && sim.ring.bytes() == 0);
        assert_eq!(sim.ring.poll(&mut Cursor::default()), Step::Wait);
        assert_eq!(sim.ring.poll(&mut cursor), Step::Wait);
    }
}
