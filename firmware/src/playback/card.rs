//! The card as a tape: groups of pictures found by time, through segments, gaps and what is being written.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use media::fmp4;

use super::tape::{Found, Gop, Tape, TapeError, Tracks, Which};
use crate::card::{Card, CardError, Segment, SegmentReader};
use crate::live::tags::{AudioTrack, VideoTrack};

/// Spans of time that are looked through for the next segment, one after the other, ms.
const SPANS_MS: [i64; 3] = [2 * 60_000, 6 * 3_600_000, i64::MAX / 4];
/// So many damaged groups in a row are passed over.
const MOST_DAMAGED: usize = 256;
/// A recording whose newest picture is younger than this goes on, ms: between two segments none is open.
const FRESH_MS: i64 = 15_000;

/// See the module's text. It holds at most one segment, which is not deleted meanwhile.
#[derive(Debug)]
pub struct CardTape {
    card: Card,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    reader: SegmentReader,
    tracks: Arc<Tracks>,
    places: Vec<fmp4::Place>,
}

/// A group of pictures of the segment that is open.
#[derive(Debug, Clone, Copy)]
struct Spot {
    place: fmp4::Place,
    /// Pictures from here on do not count.
    to_ms: i64,
}

impl CardTape {
    /// Nothing of the card is held yet.
    pub fn new(card: Card) -> Self {
        Self { card, open: None }
    }

    /// The keyframe at or before a moment, not more than so many milliseconds before it.
    ///
    /// # Errors
    /// The card cannot be read.
    pub fn keyframe(&mut self, at_ms: i64, within_ms: i64) -> Result<Option<Gop>, TapeError> {
        let found = match self.find(Which::UpTo(at_ms))? {
            Found::Gop(gop) if gop.start_ms >= at_ms.saturating_sub(within_ms) => Some(gop),
            _ => None,
        };
        Ok(found.map(|mut gop| {
            gop.video.truncate(1);
            gop.audio.clear();
            gop
        }))
    }

    fn spot(&mut self, which: Which) -> Result<Option<Spot>, TapeError> {
        match which {
            Which::At(at) => {
                let before = self.previous(at.saturating_add(1))?;
                if before.is_some_and(|spot| at < spot.place.end_ms) {
                    return Ok(before);
                }
                match self.next(at)? {
                    Some(next) => Ok(Some(next)),
                    None if self.is_growing() => self.previous(at.saturating_add(1)),
                    None => Ok(None),
                }
            }
            Which::UpTo(at) => self.previous(at.saturating_add(1)),
            Which::After(at, count) => {
                let mut spot = self.next(at)?;
                for _ in 1..count {
                    let Some(here) = spot else { break };
                    spot = self.next(here.place.start_ms)?;
                }
                Ok(spot)
            }
            Which::Before(at, count) => {
                let mut spot = self.previous(at)?;
                for _ in 1..count {
                    let Some(here) = spot else { break };
                    spot = self.previous(here.place.start_ms)?;
                }
                Ok(spot)
            }
        }
    }

    /// The first group that begins after a moment.
    fn next(&mut self, after_ms: i64) -> Result<Option<Spot>, TapeError> {
        let from = after_ms.saturating_add(1);
        for span in SPANS_MS {
            for segment in self.card.segments(from, from.saturating_add(span)) {
                let wanted = |place: &&fmp4::Place| {
                    place.start_ms > after_ms && counts(&segment, place.start_ms)
                };
                let place = match self.load(&segment)? {
                    Some(open) => open.places.iter().find(wanted).copied(),
                    None => None,
                };
                if let Some(place) = place {
                    return Ok(Some(spot(&segment, place)));
                }
            }
        }
        Ok(None)
    }

    /// The last group that begins before a moment.
    fn previous(&mut self, before_ms: i64) -> Result<Option<Spot>, TapeError> {
        for span in SPANS_MS {
            let segments = self
                .card
                .segments(before_ms.saturating_sub(span), before_ms);
            for segment in segments.into_iter().rev() {
                let wanted = |place: &&fmp4::Place| {
                    place.start_ms < before_ms && counts(&segment, place.start_ms)
                };
                let place = match self.load(&segment)? {
                    Some(open) => open.places.iter().rev().find(wanted).copied(),
                    None => None,
                };
                if let Some(place) = place {
                    return Ok(Some(spot(&segment, place)));
                }
            }
        }
        Ok(None)
    }

    /// Opens a segment; `None` if it is gone or damaged.
    fn load(&mut self, segment: &Segment) -> Result<Option<&Open>, TapeError> {
        let is_there = self
            .open
            .as_ref()
            .is_some_and(|open| open.reader.number() == segment.number);
        if !is_there {
            self.open = match self.card.open(segment.number) {
                Ok(reader) => Some(Open::new(reader)),
                Err(CardError::NoSuchFile) => None,
                Err(error @ CardError::Damaged { .. }) => {
                    tracing::warn!(%error, "segment passed over");
                    None
                }
                Err(error) => return Err(TapeError(error.to_string())),
            };
        }
        if let Some(open) = &mut self.open {
            open.places = open.reader.places();
        }
        Ok(self.open.as_ref())
    }

    /// Whether there will be more.
    fn is_growing(&self) -> bool {
        let Some(newest_ms) = self.card.status().newest_ms else {
            return false;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        let newest = self
            .card
            .segments(newest_ms - 1, newest_ms.saturating_add(1));
        newest.iter().any(|segment| segment.open) || (now_ms - newest_ms).abs() < FRESH_MS
    }
}

fn counts(segment: &Segment, start_ms: i64) -> bool {
    start_ms >= segment.from_ms && (segment.open || start_ms < segment.to_ms)
}

fn spot(segment: &Segment, place: fmp4::Place) -> Spot {
    let to_ms = if segment.open {
        i64::MAX
    } else {
        segment.to_ms
    };
    Spot { place, to_ms }
}

impl Open {
    fn new(reader: SegmentReader) -> Self {
        let head = reader.head();
        let tracks = Tracks {
            video: VideoTrack {
                codec: head.video.codec,
                record: head.video.record.clone(),
                fps: None,
            },
            audio: head.audio.as_ref().map(|audio| AudioTrack {
                format: audio.format,
                config: audio.config.clone(),
            }),
        };
        Self {
            tracks: Arc::new(tracks),
            reader,
            places: Vec::new(),
        }
    }
}

impl Tape for CardTape {
    fn find(&mut self, which: Which) -> Result<Found, TapeError> {
        let mut wanted = which;
        for _ in 0..MOST_DAMAGED {
            let Some(Spot { place, to_ms }) = self.spot(wanted)? else {
                let growing = self.is_growing();
                return Ok(Found::Nothing { growing });
            };
            let Some(open) = &self.open else {
                return Ok(Found::Nothing { growing: false });
            };
            match open.reader.read(&place) {
                Ok(fragment) => return Ok(Found::Gop(gop(fragment, to_ms, &open.tracks))),
                Err(error @ CardError::Damaged { .. }) => {
                    tracing::warn!(%error, at_ms = place.start_ms, "pictures passed over");
                    wanted = match which {
                        Which::At(_) | Which::After(..) => Which::After(place.start_ms, 1),
                        Which::UpTo(_) | Which::Before(..) => Which::Before(place.start_ms, 1),
                    };
                }
                Err(error) => return Err(TapeError(error.to_string())),
            }
        }
        Err(TapeError("too much of the recording is damaged".into()))
    }
}

/// A fragment up to where something else counts.
fn gop(mut fragment: fmp4::Fragment, to_ms: i64, tracks: &Arc<Tracks>) -> Gop {
    if fragment.end_ms > to_ms {
        fragment.end_ms = to_ms;
        fragment.video.retain(|picture| picture.pts < to_ms);
        fragment.audio.retain(|sound| sound.pts < to_ms);
    }
    Gop {
        start_ms: fragment.start_ms,
        end_ms: fragment.end_ms,
        tracks: Arc::clone(tracks),
        video: fragment.video,
        audio: fragment.audio,
    }
}
