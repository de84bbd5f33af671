//! What is on the card, in memory: every question about times is answered from here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use media::fmp4::{Head, Place};
use wire::calendar::month;

use super::name::{Content, Name};
use super::record::{Record, What};
use super::{Event, Kind, PictureFile, Segment, Stretch, lock};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Bit of a label: the clock was right.
const CLOCK_KNOWN: u8 = 0x10;

/// The label of a segment's head and records.
pub(super) fn label(kind: Kind, clock_known: bool) -> u8 {
    kind as u8 | if clock_known { CLOCK_KNOWN } else { 0 }
}

/// One complete segment. One without a length is a file that cannot be read; it is only kept to be deleted in its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) label: u8,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) bytes: u64,
    pub(super) sha256: Option<[u8; 32]>,
}

impl Entry {
    pub(super) fn kind(&self) -> Kind {
        Kind::of(self.label)
    }

    pub(super) fn clock_known(&self) -> bool {
        self.label & CLOCK_KNOWN != 0
    }

    fn segment(&self, number: u64, open: bool) -> Segment {
        Segment {
            number,
            kind: self.kind(),
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            from_ms: self.start_ms,
            to_ms: self.end_ms,
            bytes: self.bytes,
            open,
            clock_known: self.clock_known(),
            sha256: self.sha256,
        }
    }
}

/// A picture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Still {
    pub(super) at_ms: i64,
    pub(super) bytes: u64,
}

/// The segment that is being written, shared with those who read it meanwhile.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) number: u64,
    pub(super) head: Head,
    places: Mutex<Vec<Place>>,
    open: AtomicBool,
}

impl Growing {
    pub(super) fn new(head: Head, places: Vec<Place>) -> Self {
        Self {
            number: head.number,
            head,
            places: Mutex::new(places),
            open: AtomicBool::new(true),
        }
    }

    pub(super) fn add(&self, place: Place) {
        lock(&self.places).push(place);
    }

    pub(super) fn places(&self) -> Vec<Place> {
        lock(&self.places).clone()
    }

    pub(super) fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// What it is so far.
    pub(super) fn entry(&self) -> Entry {
        let places = lock(&self.places);
        let last = places.last();
        Entry {
            label: self.head.label,
            start_ms: self.head.start_ms,
            end_ms: last.map_or(self.head.start_ms, |last| last.end_ms),
            bytes: last.map_or(0, Place::end),
            sha256: None,
        }
    }
}

/// See the module's text. By number is in the order in which things were recorded.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) segments: BTreeMap<u64, Entry>,
    /// Start and number of every segment, so that a moment is found without a look at all of a full card.
    pub(super) by_time: BTreeSet<(i64, u64)>,
    /// No segment is longer.
    pub(super) longest_ms: i64,
    pub(super) pictures: BTreeMap<u64, Still>,
    pub(super) events: VecDeque<Event>,
    pub(super) growing: Option<Arc<Growing>>,
    pub(super) pins: BTreeMap<u64, u32>,
    /// Bytes of complete segments and pictures.
    pub(super) used: u64,
    /// The number of the next file.
    pub(super) next: u64,
}

/// Something that retention may delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oldest {
    pub(super) name: Name,
    pub(super) end_ms: i64,
    pub(super) clock_known: bool,
}

impl Book {
    /// Takes over what a record tells.
    pub(super) fn apply(&mut self, record: &Record) {
        self.next = self.next.max(record.number.saturating_add(1));
        match record.what {
            What::Segment => {
                self.remove(record.number);
                let entry = Entry {
                    label: record.label,
                    start_ms: record.start_ms,
                    end_ms: record.end_ms,
                    bytes: record.bytes,
                    sha256: record.sha256,
                };
                let length = entry.end_ms.saturating_sub(entry.start_ms);
                self.longest_ms = self.longest_ms.max(length);
                self.by_time.insert((entry.start_ms, record.number));
                self.segments.insert(record.number, entry);
                self.used = self.used.saturating_add(record.bytes);
            }
            What::Picture => {
                self.remove(record.number);
                let still = Still {
                    at_ms: record.start_ms,
                    bytes: record.bytes,
                };
                self.pictures.insert(record.number, still);
                self.used = self.used.saturating_add(record.bytes);
            }
            What::Deleted => {
                self.remove(record.number);
            }
            What::Event => self.events.push_back(Event {
                start_ms: record.start_ms,
                end_ms: record.end_ms,
            }),
        }
    }

    /// Forgets a file.
    pub(super) fn remove(&mut self, number: u64) {
        let segment = self.segments.remove(&number).map(|entry| {
            self.by_time.remove(&(entry.start_ms, number));
            entry.bytes
        });
        let picture = self.pictures.remove(&number).map(|still| still.bytes);
        let bytes = segment.or(picture).unwrap_or(0);
        self.used = self.used.saturating_sub(bytes);
    }

    /// The records that say all this, in their order.
    pub(super) fn records(&self) -> Vec<Record> {
        let segments = self.segments.iter().map(|(number, entry)| Record {
            what: What::Segment,
            label: entry.label,
            number: *number,
            start_ms: entry.start_ms,
            end_ms: entry.end_ms,
            bytes: entry.bytes,
            sha256: entry.sha256,
        });
        let pictures = self.pictures.iter().map(|(number, still)| Record {
            what: What::Picture,
            label: 0,
            number: *number,
            start_ms: still.at_ms,
            end_ms: still.at_ms,
            bytes: still.bytes,
            sha256: None,
        });
        let events = self.events.iter().map(Event::record);
        // So that a number is never given twice.
        let last = self
            .next
            .checked_sub(1)
            .filter(|last| !self.segments.contains_key(last) && !self.pictures.contains_key(last));
        let last = last.map(deleted);
        segments.chain(pictures).chain(events).chain(last).collect()
    }

    /// Forgets events from before everything that is still there.
    pub(super) fn trim_events(&mut self) {
        let oldest = self.segments.values().map(|entry| entry.start_ms).min();
        match oldest {
            Some(oldest) => self.events.retain(|event| event.end_ms >= oldest),
            None if self.growing.is_none() => self.events.clear(),
            None => {}
        }
    }

    /// The oldest file that nobody reads and that is complete.
    pub(super) fn oldest(&self) -> Option<Oldest> {
        let free = |number: &u64| !self.pins.contains_key(number);
        let segment = self.segments.iter().find(|(number, _)| free(number));
        let picture = self.pictures.iter().find(|(number, _)| free(number));
        let segment = segment.map(|(number, entry)| Oldest {
            name: Name::new(Content::Video, entry.start_ms, *number),
            end_ms: entry.end_ms,
            clock_known: entry.clock_known(),
        });
        let picture = picture.map(|(number, still)| Oldest {
            name: Name::new(Content::Picture, still.at_ms, *number),
            end_ms: still.at_ms,
            clock_known: true,
        });
        [segment, picture]
            .into_iter()
            .flatten()
            .min_by_key(|oldest| oldest.name.number)
    }

    /// A segment, also the one being written.
    pub(super) fn segment(&self, number: u64) -> Option<Segment> {
        match &self.growing {
            Some(growing) if growing.number == number => {
                Some(growing.entry().segment(number, true))
            }
            _ => Some(self.segments.get(&number)?.segment(number, false)),
        }
    }

    /// First and last moment that is recorded with a clock that was right, unix milliseconds.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let growing = self.growing.as_ref().map(|growing| growing.entry());
        let known = self.segments.values().copied().chain(growing);
        known
            .filter(|entry| entry.clock_known() && entry.end_ms > entry.start_ms)
            .map(|entry| (entry.start_ms, entry.end_ms))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The segments that touch a range, by time. Where the clock was set back the later recording counts: `from_ms` to
    /// `to_ms` of two of them never overlap, and one that a later one lies in comes as two.
    pub(super) fn segments(&self, from_ms: i64, to_ms: i64) -> Vec<Segment> {
        let growing = self.growing.as_ref();
        let growing = growing.map(|growing| growing.entry().segment(growing.number, true));
        let since = from_ms.saturating_sub(self.longest_ms);
        let near = (since, 0)..(to_ms.max(since), 0);
        let mut numbers: Vec<u64> = self
            .by_time
            .range(near)
            .map(|(_, number)| *number)
            .collect();
        numbers.sort_unstable();
        let mut found: Vec<Segment> = numbers
            .iter()
            .filter_map(|number| Some(self.segments.get(number)?.segment(*number, false)))
            .chain(growing)
            .filter(|one| one.start_ms < one.end_ms && one.start_ms < to_ms && one.end_ms > from_ms)
            .collect();
        let in_order = found
            .iter()
            .zip(found.iter().skip(1))
            .all(|(one, next)| one.end_ms <= next.start_ms);
        if !in_order {
            found = without_overlap(found);
            found.retain(|one| one.from_ms < to_ms && one.to_ms > from_ms);
        }
        found
    }

    /// See [`super::Card::stretches`].
    pub(super) fn stretches(&self, from_ms: i64, to_ms: i64, join_ms: i64) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for one in self.segments(from_ms, to_ms) {
            match stretches.last_mut() {
                Some(last) if last.kind == one.kind && one.from_ms - last.end_ms < join_ms => {
                    last.end_ms = one.to_ms;
                }
                _ => stretches.push(Stretch {
                    kind: one.kind,
                    start_ms: one.from_ms,
                    end_ms: one.to_ms,
                }),
            }
        }
        stretches
    }

    /// See [`super::Card::days`].
    pub(super) fn days(&self, year: i32, month_number: u32, utc_offset_min: i32) -> u32 {
        let Some((start, end)) = month(year, month_number, utc_offset_min) else {
            return 0;
        };
        let mut days = 0;
        let growing = self.growing.as_ref().map(|growing| growing.entry());
        for entry in self.segments.values().copied().chain(growing) {
            let (from, to) = (entry.start_ms.max(start), entry.end_ms.min(end));
            if from >= to {
                continue;
            }
            for day in (from - start) / DAY_MS..=(to - 1 - start) / DAY_MS {
                days |= 1_u32.checked_shl(day as u32).unwrap_or(0);
            }
        }
        days
    }

    /// Events that touch a range, in order.
    pub(super) fn events(&self, from_ms: i64, to_ms: i64) -> Vec<Event> {
        let touches = |event: &&Event| event.start_ms < to_ms && event.end_ms >= from_ms;
        let mut events: Vec<Event> = self.events.iter().filter(touches).copied().collect();
        events.sort_by_key(|event| event.start_ms);
        events
    }

    /// Pictures of a range, in order.
    pub(super) fn pictures(&self, from_ms: i64, to_ms: i64) -> Vec<PictureFile> {
        let inside = |still: &Still| still.at_ms >= from_ms && still.at_ms < to_ms;
        let pictures = self.pictures.iter().filter(|(_, still)| inside(still));
        let mut pictures: Vec<PictureFile> = pictures
            .map(|(number, still)| still.file(*number))
            .collect();
        pictures.sort_by_key(|picture| picture.at_ms);
        pictures
    }
}

impl Still {
    pub(super) fn file(&self, number: u64) -> PictureFile {
        PictureFile {
            number,
            at_ms: self.at_ms,
            bytes: self.bytes,
        }
    }
}

/// The record of a file that is gone.
pub(super) fn deleted(number: u64) -> Record {
    Record {
        what: What::Deleted,
        label: 0,
        number,
        start_ms: 0,
        end_ms: 0,
        bytes: 0,
        sha256: None,
    }
}

/// Cuts out of each what was recorded later; `all` is in the order of recording, the result in that of time.
fn without_overlap(all: Vec<Segment>) -> Vec<Segment> {
    let mut taken: BTreeMap<i64, i64> = BTreeMap::new();
    let mut out = Vec::with_capacity(all.len());
    for one in all.into_iter().rev() {
        let mut from = one.start_ms;
        while from < one.end_ms {
            let before = taken.range(..=from).next_back();
            if let Some((_, end)) = before.filter(|(_, end)| **end > from) {
                from = *end;
                continue;
            }
            let next = taken.range(from..).next();
            let to = next.map_or(one.end_ms, |(start, _)| one.end_ms.min(*start));
            out.push(Segment {
                from_ms: from,
                to_ms: to,
                ..one.clone()
            });
            from = to;
        }
        cover(&mut taken, one.start_ms, one.end_ms);
    }
    out.sort_by_key(|one| one.from_ms);
    out
}

/// Adds a range to ranges that do not touch.
fn cover(taken: &mut BTreeMap<i64, i64>, mut start: i64, mut end: i64) {
    while let Some((other_start, other_end)) = taken
        .range(..=end)
        .next_back()
        .map(|(start, end)| (*start, *end))
        .filter(|(_, other_end)| *other_end >= start)
    {
        taken.remove(&other_start);
        (start, end) = (start.min(other_start), end.max(other_end));
    }
    taken.insert(start, end);
}

#[cfg(test)]
mod tests;
