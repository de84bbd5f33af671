//! A stretch of the recording as one file, without re-encoding: the groups of pictures as they lie on the card, moved onto
//! one time line. Where they lie is all that is kept, so that any byte can be read at any time, and is always the same.
//!
//! ```text
//!  card   …[GOP][GOP][GOP]    (not recorded)    [GOP][GOP]…
//!              │    │                              │
//!  cut   [head][GOP][GOP]                          [GOP]     times moved together, numbers 1, 2, 3
//! ```

use std::io;

use media::fmp4::{self, Head, move_fragment};
use sha2::{Digest, Sha256};

use crate::card::{Card, CardError, Pin, Segment, SegmentReader};
use crate::defaults::MAX_CUT_MS;

/// A hole in the recording that is longer than this is taken out, ms.
const GAP_MS: i64 = 500;
/// Bytes of the hash in a tag.
const TAG_BYTES: usize = 12;

/// A group of pictures in a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    /// Its first byte in the cut.
    offset: u64,
    segment: u64,
    place: fmp4::Place,
    /// Time that was taken out before it, ms.
    removed_ms: i64,
}

/// See the module's text.
#[derive(Debug)]
pub struct Cut {
    head: Head,
    head_bytes: Vec<u8>,
    parts: Vec<Part>,
    length: u64,
    etag: String,
    /// Nothing of it is deleted meanwhile.
    _pins: Vec<Pin>,
}

impl Cut {
    /// Plans the cut from the group of pictures that holds `from_ms` to the one that holds `to_ms`, unix milliseconds; `None`
    /// if nothing was recorded there. It ends earlier where codecs change, and after [`MAX_CUT_MS`]. Reads the card.
    ///
    /// # Errors
    /// The card cannot be read.
    pub fn plan(card: &Card, from_ms: i64, to_ms: i64) -> Result<Option<Self>, CardError> {
        let to_ms = to_ms.min(from_ms.saturating_add(MAX_CUT_MS));
        let mut plan: Option<Plan> = None;
        for segment in card.segments(from_ms, to_ms.saturating_add(1)) {
            let mut reader = match card.open(segment.number) {
                Ok(reader) => reader,
                Err(CardError::NoSuchFile | CardError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            if let (Some(plan), Some(pin)) = (&mut plan, card.pin(segment.number)) {
                plan.pins.push(pin);
            }
            let places = reader.places();
            let wanted = places
                .into_iter()
                .filter(|place| place.start_ms <= to_ms && place.end_ms > from_ms)
                .filter(|place| counts(&segment, place));
            for place in wanted {
                let plan = match &mut plan {
                    Some(plan) => plan,
                    None => {
                        let pin = card.pin(segment.number);
                        plan.insert(Plan::new(reader.head(), &place, pin)?)
                    }
                };
                if !plan.head.same_tracks(reader.head()) {
                    return Ok(Some(plan.finish()));
                }
                plan.add(segment.number, place);
            }
        }
        Ok(plan.map(|mut plan| plan.finish()))
    }

    /// Its length, bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there is nothing in it; never so.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Changes when the bytes would; quoted.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Unix milliseconds of its first picture.
    pub fn start_ms(&self) -> i64 {
        self.head.start_ms
    }

    /// Unix milliseconds of the end of its last picture.
    pub fn end_ms(&self) -> i64 {
        self.parts
            .last()
            .map_or(self.head.start_ms, |part| part.place.end_ms)
    }
}

fn counts(segment: &Segment, place: &fmp4::Place) -> bool {
    place.start_ms >= segment.from_ms && (segment.open || place.start_ms < segment.to_ms)
}

/// A cut that is being planned.
struct Plan {
    head: Head,
    head_bytes: Vec<u8>,
    parts: Vec<Part>,
    length: u64,
    pins: Vec<Pin>,
}

impl Plan {
    fn new(head: &Head, first: &fmp4::Place, pin: Option<Pin>) -> Result<Self, CardError> {
        let head = Head {
            start_ms: first.start_ms,
            ..head.clone()
        };
        let head_bytes = head.to_bytes().map_err(CardError::Unfit)?;
        Ok(Self {
            length: head_bytes.len() as u64,
            head,
            head_bytes,
            parts: Vec::new(),
            pins: pin.into_iter().collect(),
        })
    }

    fn add(&mut self, segment: u64, place: fmp4::Place) {
        let (ended_ms, removed_ms) = match self.parts.last() {
            Some(last) => (last.place.end_ms, last.removed_ms),
            None => (place.start_ms, 0),
        };
        let hole = place.start_ms - ended_ms;
        self.parts.push(Part {
            offset: self.length,
            segment,
            place,
            removed_ms: removed_ms + if hole.abs() > GAP_MS { hole } else { 0 },
        });
        self.length += u64::from(place.bytes);
    }

    fn finish(&mut self) -> Cut {
        let mut hash = Sha256::new();
        hash.update(&self.head_bytes);
        for part in &self.parts {
            hash.update(part.segment.to_be_bytes());
            hash.update(part.place.offset.to_be_bytes());
            hash.update(part.place.bytes.to_be_bytes());
        }
        let hash: [u8; 32] = hash.finalize().into();
        let short: String = hash
            .iter()
            .take(TAG_BYTES)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Cut {
            head: self.head.clone(),
            head_bytes: std::mem::take(&mut self.head_bytes),
            parts: std::mem::take(&mut self.parts),
            length: self.length,
            etag: format!("\"{short}\""),
            _pins: std::mem::take(&mut self.pins),
        }
    }
}

/// Reads a cut. It holds one segment and one group of pictures at most.
#[derive(Debug)]
pub struct CutReader {
    card: Card,
    cut: Cut,
    open: Option<SegmentReader>,
    /// Which part is at hand, and its bytes.
    at_hand: Option<(usize, Vec<u8>)>,
}

impl CutReader {
    /// Nothing is read yet.
    pub fn new(card: Card, cut: Cut) -> Self {
        Self {
            card,
            cut,
            open: None,
            at_hand: None,
        }
    }

    /// What is read.
    pub fn cut(&self) -> &Cut {
        &self.cut
    }

    /// Some bytes from an offset on, at most `most`; none at the end.
    ///
    /// # Errors
    /// The card's, `NotFound` if a segment was deleted meanwhile.
    pub fn read(&mut self, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let tail = |bytes: &[u8], from: u64| {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            let rest = bytes.get(from..).unwrap_or_default();
            rest.get(..most).unwrap_or(rest).to_vec()
        };
        if offset < self.cut.head_bytes.len() as u64 {
            return Ok(tail(&self.cut.head_bytes, offset));
        }
        let after = self.cut.parts.partition_point(|part| part.offset <= offset);
        let Some(index) = after.checked_sub(1).filter(|_| offset < self.cut.length) else {
            return Ok(Vec::new());
        };
        let start = self.cut.parts.get(index).map_or(offset, |part| part.offset);
        let bytes = self.part(index)?;
        Ok(tail(bytes, offset - start))
    }

    fn part(&mut self, index: usize) -> io::Result<&[u8]> {
        let bytes = match self.at_hand.take() {
            Some((at, bytes)) if at == index => bytes,
            _ => self.load(index)?,
        };
        Ok(&self.at_hand.insert((index, bytes)).1)
    }

    fn load(&mut self, index: usize) -> io::Result<Vec<u8>> {
        let Some(part) = self.cut.parts.get(index).copied() else {
            return Ok(Vec::new());
        };
        let reader = match self.open.take() {
            Some(reader) if reader.number() == part.segment => reader,
            _ => self.card.open(part.segment).map_err(io_error)?,
        };
        let reader = self.open.insert(reader);
        let mut bytes = reader.read_bytes(&part.place).map_err(io_error)?;
        let to = Head {
            start_ms: self.cut.head.start_ms + part.removed_ms,
            ..self.cut.head.clone()
        };
        let sequence = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if let Err(error) = move_fragment(&mut bytes, reader.head(), &to, sequence) {
            tracing::warn!(%error, segment = part.segment, "a hole in a download");
            free(&mut bytes);
        }
        Ok(bytes)
    }
}

/// Pictures that were damaged on the card become a box that players pass over (ISO/IEC 14496-12, 8.1.2): every other byte of
/// the file stays where it is.
fn free(bytes: &mut [u8]) {
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    bytes.fill(0);
    if let Some(head) = bytes.first_chunk_mut::<8>() {
        *head = [size[0], size[1], size[2], size[3], b'f', b'r', b'e', b'e'];
    }
}

fn io_error(error: CardError) -> io::Error {
    match error {
        CardError::NoSuchFile => io::ErrorKind::NotFound.into(),
        CardError::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}
