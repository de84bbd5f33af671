//! Reading: what is read is not deleted meanwhile.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use media::fmp4::{self, Fragment, Head, MOST_FRAGMENT, Place, read_fragment};
use sha2::{Digest, Sha256};

use super::book::Growing;
use super::files::read_segment;
use super::name::{Content, Name};
use super::{Card, CardError};

/// Bytes hashed at a time.
const PIECE: usize = 64 << 10;

/// Keeps a file from being deleted while it is there.
#[derive(Debug)]
pub struct Pin {
    card: Card,
    number: u64,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut book = self.card.book();
        if let Some(count) = book.pins.get_mut(&self.number) {
            *count -= 1;
            if *count == 0 {
                book.pins.remove(&self.number);
            }
        }
    }
}

/// One segment, fragment by fragment.
#[derive(Debug)]
pub struct SegmentReader {
    file: File,
    name: Name,
    head: Head,
    places: Vec<Place>,
    growing: Option<Arc<Growing>>,
    _pin: Pin,
}

/// A whole file.
#[derive(Debug)]
pub struct FileReader {
    file: File,
    length: u64,
    sha256: Option<[u8; 32]>,
    _pin: Pin,
}

impl Card {
    /// Keeps a segment from being deleted until the pin is dropped; `None` if there is none of that number.
    pub fn pin(&self, number: u64) -> Option<Pin> {
        let mut book = self.book();
        book.segment(number)?;
        *book.pins.entry(number).or_default() += 1;
        Some(Pin {
            card: self.clone(),
            number,
        })
    }

    /// Opens a segment by its number, also the one being written. It is not deleted before the reader is dropped.
    ///
    /// # Errors
    /// [`CardError::NoSuchFile`], [`CardError::Damaged`], [`CardError::Io`].
    pub fn open(&self, number: u64) -> Result<SegmentReader, CardError> {
        let (segment, growing) = {
            let mut book = self.book();
            let segment = book.segment(number).ok_or(CardError::NoSuchFile)?;
            *book.pins.entry(number).or_default() += 1;
            let growing = book.growing.clone().filter(|one| one.number == number);
            (segment, growing)
        };
        let pin = Pin {
            card: self.clone(),
            number,
        };
        let name = Name::new(Content::Video, segment.start_ms, number);
        let (file, path) = self.open_name(name)?;
        let (head, places) = match &growing {
            Some(growing) => (growing.head.clone(), Vec::new()),
            None => {
                let length = file
                    .metadata()
                    .map_err(|error| io_error(&path, error))?
                    .len();
                let walk =
                    read_segment(&file, length).map_err(|error| damage(name, &path, error))?;
                (walk.head, walk.places)
            }
        };
        Ok(SegmentReader {
            file,
            name,
            head,
            places,
            growing,
            _pin: pin,
        })
    }

    /// Opens a whole file by its name: what there is of it now. It is not deleted before the reader is dropped.
    ///
    /// # Errors
    /// [`CardError::NoSuchFile`], also for every name that is none of ours; [`CardError::Io`].
    pub fn open_file(&self, file_name: &str) -> Result<FileReader, CardError> {
        let name = Name::parse(file_name).ok_or(CardError::NoSuchFile)?;
        let (length, sha256) = {
            let mut book = self.book();
            let (start_ms, told) = match name.content {
                Content::Video => {
                    let segment = book.segment(name.number).ok_or(CardError::NoSuchFile)?;
                    (segment.start_ms, (segment.bytes, segment.sha256))
                }
                Content::Picture => {
                    let still = book.pictures.get(&name.number);
                    let still = still.ok_or(CardError::NoSuchFile)?;
                    (still.at_ms, (still.bytes, None))
                }
            };
            if Name::new(name.content, start_ms, name.number) != name {
                return Err(CardError::NoSuchFile);
            }
            *book.pins.entry(name.number).or_default() += 1;
            told
        };
        let pin = Pin {
            card: self.clone(),
            number: name.number,
        };
        let (file, path) = self.open_name(name)?;
        let there = file
            .metadata()
            .map_err(|error| io_error(&path, error))?
            .len();
        Ok(FileReader {
            file,
            length: length.min(there),
            // A file that lost its end is not the one that was hashed.
            sha256: sha256.filter(|_| there == length),
            _pin: pin,
        })
    }

    /// The hash of a file; it is read if the index does not know it.
    ///
    /// # Errors
    /// As [`Card::open_file`].
    pub fn sha256(&self, file_name: &str) -> Result<[u8; 32], CardError> {
        let reader = self.open_file(file_name)?;
        if let Some(sha256) = reader.sha256 {
            return Ok(sha256);
        }
        let path = PathBuf::from(file_name);
        let sha256 = reader.hash().map_err(|error| io_error(&path, error))?;
        let mut book = self.book();
        let number = reader._pin.number;
        let is_open = book
            .growing
            .as_ref()
            .is_some_and(|one| one.number == number);
        if let Some(entry) = book.segments.get_mut(&number)
            && !is_open
            && entry.bytes == reader.length
        {
            entry.sha256 = Some(sha256);
        }
        Ok(sha256)
    }

    fn open_name(&self, name: Name) -> Result<(File, PathBuf), CardError> {
        let path = self.0.options.dir.join(name.path());
        match File::open(&path) {
            Ok(file) => Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(CardError::NoSuchFile),
            Err(error) => Err(io_error(&path, error)),
        }
    }
}

fn io_error(path: &std::path::Path, source: io::Error) -> CardError {
    CardError::Io {
        doing: "read",
        path: path.into(),
        source,
    }
}

fn damage(name: Name, path: &std::path::Path, error: io::Error) -> CardError {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(inner) => CardError::Damaged {
            name: name.file_name(),
            error: *inner,
        },
        None => io_error(path, error),
    }
}

impl SegmentReader {
    /// Its tracks.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.name.number
    }

    /// Its fragments so far, in order; those that are damaged are left out. It does not touch the card.
    pub fn places(&mut self) -> Vec<Place> {
        if let Some(growing) = &self.growing {
            // Asked in this order: what was added before it was closed is there.
            let is_open = growing.is_open();
            self.places = growing.places();
            if !is_open {
                self.growing = None;
            }
        }
        self.places.clone()
    }

    /// Whether more may come: wait for [`Card::changes`] and ask for the places again.
    pub fn is_open(&self) -> bool {
        self.growing.as_ref().is_some_and(|one| one.is_open())
    }

    /// Reads one fragment.
    ///
    /// # Errors
    /// [`CardError::Damaged`] if it is not what was written: the ones behind it may be; [`CardError::Io`].
    pub fn read(&self, place: &Place) -> Result<Fragment, CardError> {
        let bytes = self.read_bytes(place)?;
        read_fragment(&self.head, &bytes).map_err(|error| self.damaged(error))
    }

    /// The bytes of one fragment, as they are.
    ///
    /// # Errors
    /// [`CardError::Io`], [`CardError::Damaged`] for a place that no fragment has.
    pub fn read_bytes(&self, place: &Place) -> Result<Vec<u8>, CardError> {
        if place.bytes as usize > MOST_FRAGMENT {
            return Err(self.damaged(fmp4::Error::Damaged("the length of a fragment")));
        }
        let mut bytes = vec![0; place.bytes as usize];
        match self.file.read_exact_at(&mut bytes, place.offset) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(fmp4::Error::Damaged("the file lost its end")))
            }
            Err(error) => Err(io_error(&self.name.path(), error)),
        }
    }

    fn damaged(&self, error: fmp4::Error) -> CardError {
        CardError::Damaged {
            name: self.name.file_name(),
            error,
        }
    }
}

impl FileReader {
    /// Its length, bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Its hash, if the index knows it.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.sha256
    }

    /// Reads from an offset; less than the buffer holds at the end, nothing behind it.
    ///
    /// # Errors
    /// The system's.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        match buffer.get_mut(..wanted) {
            Some([]) | None => Ok(0),
            Some(buffer) => self.file.read_at(buffer, offset),
        }
    }

    fn hash(&self) -> io::Result<[u8; 32]> {
        let (mut hash, mut at) = (Sha256::new(), 0);
        let mut buffer = vec![0; PIECE];
        loop {
            let count = self.read_at(at, &mut buffer)?;
            if count == 0 {
                break;
            }
            hash.update(buffer.get(..count).unwrap_or_default());
            at += count as u64;
        }
        if at < self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(hash.finalize().into())
    }
}
