//! Finding the fragments of a file, whatever has become of it.

use std::io;

use super::boxes::{BOX, Cursor};
use super::fragment::{self, GOP_BOX, GOP_START, read_front};
use super::{Error, Head, MOST_HEAD, Place};

/// Bytes that nearly every head fits.
const SHORT_HEAD: usize = 4 << 10;
/// Bytes searched at a time for the next fragment behind damage.
const SEARCH: usize = 64 << 10;

/// How closely a walk looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The head of every fragment: a few bytes are read of each.
    Heads,
    /// Every byte, against the checksums.
    Everything,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Its head.
    pub head: Head,
    /// Length of the head, bytes.
    pub head_bytes: u64,
    /// The fragments that are whole, in order. What lies between them is damaged.
    pub places: Vec<Place>,
    /// Bytes up to the end of the last whole fragment.
    pub whole: u64,
    /// The file was closed: its index of keyframes stands behind the last fragment, and nothing else.
    pub closed: bool,
}

/// Walks through a file of `length` bytes; `read` fills a buffer from an offset, or fails.
///
/// # Errors
/// What `read` says; `InvalidData` with an [`Error`] inside if the file has no head that can be read.
pub fn walk(
    length: u64,
    check: Check,
    mut read: impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<Walk> {
    let (head, head_bytes) = read_head(length, &mut read)?;
    let mut walk = Walk {
        head,
        head_bytes: head_bytes as u64,
        places: Vec::new(),
        whole: head_bytes as u64,
        closed: false,
    };
    let mut at = walk.whole;
    while let Some(offset) = next(at, length, &mut read)? {
        match fragment_at(offset, length, check, &mut read)? {
            Some(place) => {
                // A copy of another place of the file, or of another file, is no part of this one.
                let follows = walk
                    .places
                    .last()
                    .is_none_or(|last| last.start_ms <= place.start_ms);
                if follows {
                    walk.places.push(place);
                    walk.whole = place.end();
                }
                at = place.end();
            }
            None => at = offset + 1,
        }
    }
    walk.closed = is_index(walk.whole, length, &mut read)?;
    Ok(walk)
}

/// The head, of which nearly every one is short.
fn read_head(
    length: u64,
    read: &mut impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<(Head, usize)> {
    let mut parsed = Err(Error::Damaged("nothing in it"));
    for most in [SHORT_HEAD, MOST_HEAD] {
        let mut start = vec![0; usize::try_from(length).unwrap_or(most).min(most)];
        read(0, &mut start)?;
        parsed = Head::parse(&start);
        if parsed.is_ok() || start.len() < most {
            break;
        }
    }
    parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The whole fragment at that offset.
fn fragment_at(
    offset: u64,
    length: u64,
    check: Check,
    read: &mut impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<Option<Place>> {
    if length.saturating_sub(offset) < GOP_BOX as u64 {
        return Ok(None);
    }
    let mut front = [0; GOP_BOX];
    read(offset, &mut front)?;
    let Ok((place, _)) = read_front(&front, offset) else {
        return Ok(None);
    };
    if place.end() > length {
        return Ok(None);
    }
    if check == Check::Everything {
        let mut bytes = vec![0; place.bytes as usize];
        read(offset, &mut bytes)?;
        if fragment::check(&bytes).is_err() {
            return Ok(None);
        }
    }
    Ok(Some(place))
}

/// Where the next fragment seems to begin, at or behind `at`.
fn next(
    mut at: u64,
    length: u64,
    read: &mut impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<Option<u64>> {
    // Nearly always it is right here.
    let mut here = [0; GOP_START.len()];
    let mut buffer = Vec::new();
    while length.saturating_sub(at) >= GOP_BOX as u64 {
        if buffer.is_empty() {
            read(at, &mut here)?;
            if here == GOP_START {
                return Ok(Some(at));
            }
            if is_index(at, length, read)? {
                return Ok(None);
            }
        }
        let left = usize::try_from(length - at).unwrap_or(SEARCH);
        buffer.resize(left.min(SEARCH), 0);
        read(at, &mut buffer)?;
        let found = buffer
            .windows(GOP_START.len())
            .position(|window| window == GOP_START);
        match found {
            Some(found) => return Ok(Some(at + found as u64)),
            // The last bytes may be the first ones of it.
            None if left > SEARCH => at += (SEARCH - GOP_START.len() + 1) as u64,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Whether an index of keyframes fills the file from there.
fn is_index(
    at: u64,
    length: u64,
    read: &mut impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<bool> {
    let left = length.saturating_sub(at);
    if left < (BOX + 16) as u64 {
        return Ok(false);
    }
    let (mut front, mut back) = ([0; BOX], [0; 16]);
    read(at, &mut front)?;
    read(length - 16, &mut back)?;
    let mut front = Cursor(&front);
    let mut back = Cursor(&back);
    let mut fits = || -> Result<bool, Error> {
        let (size, name) = (front.u32()?, front.array()?);
        let back = (back.u32()?, back.array()?, back.u32()?, back.u32()?);
        Ok((u64::from(size), name) == (left, *b"mfra") && back == (16, *b"mfro", 0, size))
    };
    Ok(fits().unwrap_or(false))
}
