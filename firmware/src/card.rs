//! The card: recordings as files that any player opens, an index of them, and what becomes of it all when the card is full,
//! slow, damaged or gone.
//!
//! ```text
//! DIR/video/20261130/20261130T143000Z-000123.mp4     60 s, fragmented MP4, one fragment a GOP
//! DIR/pictures/20261130/20261130T143000Z-000124.jpg  what moved
//! DIR/index                                          one record a file or event; made anew from the files if it is lost
//! ```
//!
//! A fragment is on the disk before anybody hears of it, a file before its record. What a power cut leaves is a file
//! without a record: it is read when the card is opened, cut behind its last whole fragment, and gets its record.
//!
//! **Times are unix milliseconds**, as the camera's clock had them. Where the clock was set back, the later recording counts.
//! Calls that only ask take a lock and touch memory; [`Card::open`], [`Card::open_file`], [`Card::sha256`],
//! [`Card::format`] and all reading wait for the disk.

mod book;
pub mod disk;
mod files;
pub mod index;
pub mod name;
mod read;
pub mod record;
mod room;
mod write;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use media::fmp4;
use tokio::sync::watch;

use crate::defaults::SLOW_SHOWN;
use book::Book;
use disk::{Disk, Fault, Space, SystemDisk};
use index::Index;
use name::{Content, Name};
use record::{Record, What};

pub use read::{FileReader, Pin, SegmentReader};
pub use write::SegmentWriter;

/// Which card, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its directory. It must exist; a card that is not in its slot has none.
    pub dir: PathBuf,
    /// Bytes that recordings may take; `None` for what the file system has, less a reserve.
    pub bytes: Option<u64>,
    /// Days after which recordings are deleted; `None` for when room is needed.
    pub keep_days: Option<u32>,
}

/// Why something was recorded. The numbers are those on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Around the clock.
    Continuous = 0,
    /// By the timetable.
    Scheduled = 1,
    /// Something moved.
    Event = 2,
}

impl Kind {
    fn of(label: u8) -> Self {
        match label & 0x0f {
            1 => Self::Scheduled,
            2 => Self::Event,
            _ => Self::Continuous,
        }
    }
}

/// One segment, or the part of one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its running number.
    pub number: u64,
    /// Why it was recorded.
    pub kind: Kind,
    /// When the file begins.
    pub start_ms: i64,
    /// When the file ends.
    pub end_ms: i64,
    /// From when on it counts: later than its start if the start was recorded over.
    pub from_ms: i64,
    /// Until when it counts.
    pub to_ms: i64,
    /// Length of the file.
    pub bytes: u64,
    /// It is still being written.
    pub open: bool,
    /// The camera knew the time.
    pub clock_known: bool,
    /// The file's hash, if it is known.
    pub sha256: Option<[u8; 32]>,
}

impl Segment {
    /// "20261130T143000Z-000123.mp4".
    pub fn name(&self) -> String {
        Name::new(Content::Video, self.start_ms, self.number).file_name()
    }
}

/// Recorded time without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Why it was recorded.
    pub kind: Kind,
    /// Its start.
    pub start_ms: i64,
    /// Its end.
    pub end_ms: i64,
}

/// Something moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Since when.
    pub start_ms: i64,
    /// Until when.
    pub end_ms: i64,
}

impl Event {
    fn record(&self) -> Record {
        Record {
            what: What::Event,
            label: 0,
            number: 0,
            start_ms: self.start_ms,
            end_ms: self.end_ms.max(self.start_ms),
            bytes: 0,
            sha256: None,
        }
    }
}

/// A picture on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureFile {
    /// Its running number.
    pub number: u64,
    /// When it was taken.
    pub at_ms: i64,
    /// Length of the file.
    pub bytes: u64,
}

impl PictureFile {
    /// "20261130T143000Z-000123.jpg".
    pub fn name(&self) -> String {
        Name::new(Content::Picture, self.at_ms, self.number).file_name()
    }
}

/// What a file name names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A segment.
    Segment(Segment),
    /// A picture.
    Picture(PictureFile),
}

/// How the card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what it should.
    Ok,
    /// It cannot take what is recorded as fast as it comes.
    Slow,
    /// There is no room, and nothing that may be deleted.
    Full,
    /// It can be read and not written.
    ReadOnly,
    /// It is not there.
    Missing,
    /// It fails.
    Corrupt,
}

impl State {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }
}

/// How the card is, and what is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How it is.
    pub state: State,
    /// The same for people; empty when there is nothing to say.
    pub text: String,
    /// Bytes that recordings may take.
    pub total: u64,
    /// Bytes that they take.
    pub used: u64,
    /// When the oldest recording begins.
    pub oldest_ms: Option<i64>,
    /// When the newest one ends.
    pub newest_ms: Option<i64>,
    /// The camera knows the time.
    pub clock_known: bool,
    /// Segments on it.
    pub segments: usize,
}

/// Why something cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// There is no such file, or it was deleted meanwhile.
    #[error("no such file on the card")]
    NoSuchFile,
    /// The file is not what was written.
    #[error("{name}: {error}")]
    Damaged {
        /// The file.
        name: String,
        /// What is wrong.
        error: fmp4::Error,
    },
    /// What is to be written cannot be.
    #[error("cannot be recorded: {0}")]
    Unfit(fmp4::Error),
    /// No room, and nothing that may be deleted.
    #[error("the card is full")]
    Full,
    /// The system's word.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

/// A card; a cheap handle.
#[derive(Clone, Debug)]
pub struct Card(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    disk: Box<dyn Disk>,
    book: Mutex<Book>,
    /// Held by whoever changes what is on the card.
    log: Mutex<Log>,
    condition: Mutex<Condition>,
    /// Changes when all files are deleted: whoever writes one starts a new one.
    generation: AtomicU64,
    changed: watch::Sender<u64>,
}

/// What is needed for changing the card.
#[derive(Debug, Default)]
struct Log {
    /// `None` while nothing can be written.
    index: Option<Index>,
    /// The file system that the directory was in when there last was a card.
    device: Option<u64>,
}

#[derive(Debug, Default)]
struct Condition {
    fault: Option<(Fault, String)>,
    slow_at: Option<Instant>,
    clock_known: bool,
    space: Space,
}

impl Card {
    /// The card in that directory, with its index compared with what is there. A card that cannot be read or written is one
    /// too: [`Card::status`] says so, and [`Card::try_again`] looks again.
    pub fn new(options: Options) -> Self {
        Self::on(options, Box::new(SystemDisk))
    }

    /// The same on another disk than the system's.
    pub fn on(options: Options, disk: Box<dyn Disk>) -> Self {
        let card = Self::unread(options, disk);
        card.try_again();
        card
    }

    /// The same, before [`Card::try_again`] has looked at it: it does not touch the card.
    pub fn unread(options: Options, disk: Box<dyn Disk>) -> Self {
        Self(Arc::new(Inner {
            options,
            disk,
            book: Mutex::default(),
            log: Mutex::default(),
            condition: Mutex::default(),
            generation: AtomicU64::new(0),
            changed: watch::Sender::new(0),
        }))
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let book = self.book();
        let growing = book.growing.as_ref().map_or(0, |one| one.entry().bytes);
        let (used, span, segments) = (book.used + growing, book.span(), book.segments.len());
        drop(book);
        let condition = lock(&self.0.condition);
        let is_slow = condition
            .slow_at
            .is_some_and(|at| at.elapsed() < SLOW_SHOWN);
        let state = match &condition.fault {
            Some((Fault::Full, _)) => State::Full,
            Some((Fault::ReadOnly, _)) => State::ReadOnly,
            Some((Fault::Missing, _)) => State::Missing,
            Some((Fault::Corrupt, _)) => State::Corrupt,
            None if is_slow => State::Slow,
            None => State::Ok,
        };
        let fault = condition.fault.as_ref().map(|(_, text)| text.as_str());
        Status {
            state,
            text: text(state, fault.unwrap_or_default()),
            total: self.total(used, condition.space),
            used,
            oldest_ms: span.map(|span| span.0),
            newest_ms: span.map(|span| span.1),
            clock_known: condition.clock_known,
            segments: segments + usize::from(growing > 0),
        }
    }

    /// The segments that touch a range, by time, also the one being written. `from_ms` to `to_ms` of two of them never
    /// overlap.
    pub fn segments(&self, from_ms: i64, to_ms: i64) -> Vec<Segment> {
        self.book().segments(from_ms, to_ms)
    }

    /// What is recorded of a range, neighbours of one kind less than `join_ms` apart as one. The ends of the first and the
    /// last may lie outside the range.
    pub fn stretches(&self, from_ms: i64, to_ms: i64, join_ms: i64) -> Vec<Stretch> {
        self.book().stretches(from_ms, to_ms, join_ms)
    }

    /// Days of a month with recordings, bit 0 for the first, by a clock so many minutes ahead of UTC.
    pub fn days(&self, year: i32, month: u32, utc_offset_min: i32) -> u32 {
        self.book().days(year, month, utc_offset_min)
    }

    /// Events that touch a range.
    pub fn events(&self, from_ms: i64, to_ms: i64) -> Vec<Event> {
        self.book().events(from_ms, to_ms)
    }

    /// Pictures of a range.
    pub fn pictures(&self, from_ms: i64, to_ms: i64) -> Vec<PictureFile> {
        self.book().pictures(from_ms, to_ms)
    }

    /// What a file name names; nothing else on the card, or off it, has a name.
    pub fn find(&self, file_name: &str) -> Option<Found> {
        let name = Name::parse(file_name)?;
        let book = self.book();
        match name.content {
            Content::Video => {
                let segment = book.segment(name.number)?;
                (segment.name() == file_name).then_some(Found::Segment(segment))
            }
            Content::Picture => {
                let picture = book.pictures.get(&name.number)?.file(name.number);
                (picture.name() == file_name).then_some(Found::Picture(picture))
            }
        }
    }

    /// Counts on with everything that changes: a fragment, a file, the state.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Says that the card took too long. Shown for a minute.
    pub fn report_slow(&self) {
        lock(&self.0.condition).slow_at = Some(Instant::now());
        self.notify();
    }

    /// Says whether the camera knows the time.
    pub fn set_clock_known(&self, known: bool) {
        lock(&self.0.condition).clock_known = known;
    }

    /// It takes what is written.
    fn works(&self) {
        if lock(&self.0.condition).fault.take().is_some() {
            tracing::info!("the card works");
        }
    }

    fn fail(&self, fault: Fault, text: &str) {
        let mut condition = lock(&self.0.condition);
        let is_new = condition.fault.as_ref().is_none_or(|old| old.0 != fault);
        if is_new {
            tracing::warn!(?fault, text, "the card");
        }
        condition.fault = Some((fault, text.to_owned()));
        drop(condition);
        if is_new {
            self.notify();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0.book)
    }

    fn notify(&self) {
        self.0
            .changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }
}

/// What a person is told about a state, with what to do.
fn text(state: State, detail: &str) -> String {
    let advice = match state {
        State::Ok => return String::new(),
        State::Slow => {
            "the card is too slow: parts of the recording are left out; use a faster card or a lower quality"
        }
        State::Full => {
            "the card is full and nothing on it may be deleted: delete other files from it, or format it"
        }
        State::ReadOnly => "the card cannot be written: slide its lock, or make it writable",
        State::Missing => "there is no card: put one in, or make its directory",
        State::Corrupt => "the card fails: copy what you need, then format or replace it",
    };
    match detail {
        "" => advice.to_owned(),
        detail => format!("{advice} ({detail})"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests;
