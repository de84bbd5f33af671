//! The card as a whole: comparing its index with its files, and starting over.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::Ordering;

use media::fmp4::{Check, Walk, keyframe_index, walk};

use super::book::{Book, Entry};
use super::disk::{Disk, Fault};
use super::index::Index;
use super::name::{Content, Name};
use super::record::{Record, What};
use super::{Card, CardError, Log, Segment, lock};

/// Records about what is gone that an index may have beyond as many as there are files.
pub(super) const SPARE_RECORDS: usize = 1000;

impl Card {
    /// Looks at the card anew after a failure, or after it was put in. Says whether it can be written.
    pub fn try_again(&self) -> bool {
        let mut log = lock(&self.0.log);
        let written = match self.load(&mut log) {
            Ok(()) => true,
            Err(error) => {
                let fault = Fault::of(&error, &self.0.options.dir);
                if fault == Fault::Missing {
                    let mut book = self.book();
                    *book = Book {
                        pins: std::mem::take(&mut book.pins),
                        next: book.next,
                        ..Book::default()
                    };
                }
                log.index = None;
                self.fail(fault, &error.to_string());
                false
            }
        };
        if written {
            self.works();
        }
        self.notify();
        written
    }

    /// Reads the index and the names of all files, and makes the two one.
    fn load(&self, log: &mut Log) -> io::Result<()> {
        let dir = &self.0.options.dir;
        let device = fs::metadata(dir)?.dev();
        let is_other = log.device.is_some_and(|last| last != device);
        if is_other && !dir.join(super::index::FILE).exists() && !is_mount_point(dir, device) {
            // The card's file system is gone from the directory, and this is what it lay on.
            return Err(ErrorKind::NotFound.into());
        }
        let contents = Index::read(dir)?;
        let growing = self.book().growing.clone().filter(|one| one.is_open());
        let writing = growing.as_ref().map(|growing| growing.number);
        let (found, repaired) = self.compare(&contents.records, writing)?;
        let stale = contents.records.len() > 2 * found.records().len() + SPARE_RECORDS;
        let fresh = !dir.join(super::index::FILE).exists();
        if contents.damaged > 0 {
            tracing::warn!(
                records = contents.damaged,
                "the index was damaged; read the files"
            );
        }
        {
            let mut book = self.book();
            *book = Book {
                pins: std::mem::take(&mut book.pins),
                next: book.next.max(found.next),
                growing,
                ..found
            };
        }
        lock(&self.0.condition).space = self.0.disk.space(dir)?;
        log.device = Some(device);
        if contents.damaged > 0 || repaired || stale || fresh {
            self.rewrite(log)
        } else {
            log.index = Some(Index::append_to(dir)?);
            Ok(())
        }
    }

    /// Writes the index anew from what is known.
    pub(super) fn rewrite(&self, log: &mut Log) -> io::Result<()> {
        let records = self.book().records();
        log.index = None;
        log.index = Some(Index::replace(
            &self.0.options.dir,
            &*self.0.disk,
            &records,
        )?);
        Ok(())
    }

    /// What the records say, as far as there are files; and the files that no record tells of, read, but for the one that
    /// is being written. Also whether the two differed.
    fn compare(&self, records: &[Record], writing: Option<u64>) -> io::Result<(Book, bool)> {
        let dir = &self.0.options.dir;
        let mut told = Book::default();
        records.iter().for_each(|record| told.apply(record));
        let mut names = list(dir, Content::Video)?;
        names.extend(list(dir, Content::Picture)?);
        let mut book = Book {
            next: told.next,
            events: std::mem::take(&mut told.events),
            ..Book::default()
        };
        let mut differed = false;
        for name in names {
            let number = name.number;
            if writing == Some(number) {
                continue;
            }
            let known = match name.content {
                Content::Video => told
                    .segments
                    .get(&number)
                    .filter(|entry| Name::new(name.content, entry.start_ms, number) == name)
                    .map(|entry| segment_record(number, entry)),
                Content::Picture => told
                    .pictures
                    .get(&number)
                    .filter(|still| Name::new(name.content, still.at_ms, number) == name)
                    .map(|still| picture_record(name, still.at_ms, still.bytes)),
            };
            let record = match known {
                Some(record) => record,
                None => {
                    differed = true;
                    match read_file(dir, name, &*self.0.disk)? {
                        Some(record) => record,
                        None => continue,
                    }
                }
            };
            book.apply(&record);
        }
        let count = |book: &Book| book.segments.len() + book.pictures.len();
        differed |= count(&told) != count(&book);
        book.trim_events();
        Ok((book, differed))
    }

    /// What a reading of all complete files gives, without a look at the index: what it should say.
    ///
    /// # Errors
    /// The system's.
    pub fn rescan(&self) -> io::Result<Vec<Segment>> {
        let _log = lock(&self.0.log);
        let growing = self.book().growing.clone();
        let (book, _) = self.compare(&[], growing.map(|growing| growing.number))?;
        let numbers = book.segments.keys();
        Ok(numbers.filter_map(|number| book.segment(*number)).collect())
    }

    /// Deletes all recordings and pictures. Whoever reads one has it to the end.
    ///
    /// # Errors
    /// The system's; what could be deleted is gone.
    pub fn format(&self) -> Result<(), CardError> {
        let mut log = lock(&self.0.log);
        let dir = &self.0.options.dir;
        self.0.generation.fetch_add(1, Ordering::AcqRel);
        {
            let mut book = self.book();
            if let Some(growing) = &book.growing {
                growing.close();
            }
            *book = Book {
                pins: std::mem::take(&mut book.pins),
                next: book.next,
                ..Book::default()
            };
        }
        let erase = || -> io::Result<()> {
            fs::metadata(dir)?;
            for content in [Content::Video, Content::Picture] {
                match fs::remove_dir_all(dir.join(content.folder())) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            self.0.disk.sync_dir(dir)
        };
        let erased = erase().and_then(|()| self.rewrite(&mut log));
        drop(log);
        tracing::warn!(ok = erased.is_ok(), "the card was formatted");
        erased.map_err(|error| self.failed("format", dir, error))?;
        self.try_again();
        Ok(())
    }

    /// Notes a failure, and passes it on.
    pub(super) fn failed(&self, doing: &'static str, path: &Path, source: io::Error) -> CardError {
        let fault = Fault::of(&source, &self.0.options.dir);
        self.fail(fault, &source.to_string());
        CardError::Io {
            doing,
            path: path.into(),
            source,
        }
    }
}

fn is_mount_point(dir: &Path, device: u64) -> bool {
    let parent = dir.parent().and_then(|parent| fs::metadata(parent).ok());
    parent.is_some_and(|parent| parent.dev() != device)
}

/// The files of one kind that are where their names say, in the order of their numbers.
fn list(dir: &Path, content: Content) -> io::Result<Vec<Name>> {
    let mut names = BTreeMap::new();
    let folder = dir.join(content.folder());
    for day in entries(&folder)? {
        let day = day?;
        if !day.file_type()?.is_dir() {
            continue;
        }
        for file in entries(&day.path())? {
            let file = file?;
            let name = file.file_name().to_str().and_then(Name::parse);
            let Some(name) = name.filter(|name| name.content == content) else {
                continue;
            };
            if dir.join(name.path()) == file.path() && file.file_type()?.is_file() {
                names.insert(name.number, name);
            }
        }
    }
    Ok(names.into_values().collect())
}

/// What is in a directory; nothing if there is none.
fn entries(dir: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    match fs::read_dir(dir) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

/// The record of a file that has none. What a power cut left behind its last whole fragment is cut off, and the file closed; a
/// file without anything in it is removed.
fn read_file(dir: &Path, name: Name, disk: &dyn Disk) -> io::Result<Option<Record>> {
    let path = dir.join(name.path());
    let file = File::open(&path)?;
    let length = file.metadata()?.len();
    if name.content == Content::Picture {
        return Ok(Some(picture_record(name, name.start_ms, length)));
    }
    let walk = match read_segment(&file, length) {
        Ok(walk) => walk,
        // Another's file under a name of ours, or one whose head is damaged: kept until its turn to be deleted comes.
        Err(error) if error.kind() == ErrorKind::InvalidData && length > 0 => {
            tracing::warn!(file = name.file_name(), %error, "cannot be read");
            return Ok(Some(unreadable(name, length)));
        }
        Err(error) if error.kind() != ErrorKind::InvalidData => return Err(error),
        Err(_) => {
            remove(&path);
            return Ok(None);
        }
    };
    let Some(last) = walk.places.last() else {
        remove(&path);
        return Ok(None);
    };
    let start_ms = walk.head.start_ms;
    let is_named_so = Name::new(Content::Video, start_ms, name.number) == name;
    if !is_named_so || walk.head.number != name.number {
        tracing::warn!(
            file = name.file_name(),
            "is another file than its name says"
        );
        return Ok(Some(unreadable(name, length)));
    }
    let bytes = if walk.closed {
        length
    } else {
        close(&path, &walk, disk).unwrap_or_else(|error| {
            tracing::debug!(%error, "cannot close what was cut off");
            length
        })
    };
    let entry = Entry {
        label: walk.head.label,
        start_ms,
        end_ms: last.end_ms.max(start_ms),
        bytes,
        sha256: None,
    };
    Ok(Some(segment_record(name.number, &entry)))
}

/// The fragments of a segment: a closed one is believed, one that was cut off is read to its last byte.
pub(super) fn read_segment(file: &File, length: u64) -> io::Result<Walk> {
    let read = |at: u64, buffer: &mut [u8]| file.read_exact_at(buffer, at);
    let quick = walk(length, Check::Heads, read)?;
    if quick.closed {
        return Ok(quick);
    }
    walk(length, Check::Everything, read)
}

/// The record of a file that is only there to be deleted in its turn.
fn unreadable(name: Name, bytes: u64) -> Record {
    let entry = Entry {
        label: 0,
        start_ms: name.start_ms,
        end_ms: name.start_ms,
        bytes,
        sha256: None,
    };
    segment_record(name.number, &entry)
}

/// Closes a file behind its last whole fragment; gives its length.
fn close(path: &Path, walk: &Walk, disk: &dyn Disk) -> io::Result<u64> {
    let file = OpenOptions::new().write(true).open(path)?;
    let end = keyframe_index(&walk.head, &walk.places);
    file.set_len(walk.whole)?;
    disk.write(&file, walk.whole, &end)?;
    disk.sync(&file)?;
    Ok(walk.whole + end.len() as u64)
}

fn remove(path: &Path) {
    tracing::info!(file = %path.display(), "holds nothing that was recorded whole");
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(%error, "cannot remove it");
    }
}

pub(super) fn segment_record(number: u64, entry: &Entry) -> Record {
    Record {
        what: What::Segment,
        label: entry.label,
        number,
        start_ms: entry.start_ms,
        end_ms: entry.end_ms,
        bytes: entry.bytes,
        sha256: entry.sha256,
    }
}

pub(super) fn picture_record(name: Name, at_ms: i64, bytes: u64) -> Record {
    Record {
        what: What::Picture,
        label: 0,
        number: name.number,
        start_ms: at_ms,
        end_ms: at_ms,
        bytes,
        sha256: None,
    }
}
