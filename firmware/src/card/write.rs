//! Writing: one segment at a time, pictures, events.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use media::fmp4::{AudioTrack, Fragment, Head, VideoTrack, Writer};
use sha2::{Digest, Sha256};

use super::book::{Entry, Growing, label};
use super::files::{picture_record, segment_record};
use super::name::{Content, Name};
use super::{Card, CardError, Event, Kind, lock};

/// The segment that is being written. Dropped without [`SegmentWriter::close`] it ends with its last fragment, as after a power
/// cut.
#[derive(Debug)]
pub struct SegmentWriter {
    card: Card,
    path: PathBuf,
    file: File,
    writer: Writer,
    hash: Sha256,
    growing: Arc<Growing>,
    generation: u64,
    closed: bool,
}

impl Card {
    /// Begins a segment with its first fragment: it is on the disk when this returns.
    ///
    /// # Errors
    /// [`CardError::Full`], [`CardError::Io`], [`CardError::Unfit`].
    pub fn begin(
        &self,
        video: VideoTrack,
        audio: Option<AudioTrack>,
        (kind, clock_known): (Kind, bool),
        first: &Fragment,
    ) -> Result<SegmentWriter, CardError> {
        let mut log = lock(&self.0.log);
        let number = {
            let mut book = self.book();
            let number = book.next;
            book.next += 1;
            number
        };
        let head = Head {
            start_ms: first.start_ms,
            number,
            label: label(kind, clock_known),
            video,
            audio,
        };
        let (mut writer, mut bytes) = Writer::new(head.clone()).map_err(CardError::Unfit)?;
        bytes.extend(writer.fragment(first).map_err(CardError::Unfit)?);
        self.make_room(&mut log, bytes.len() as u64)?;
        let name = Name::new(Content::Video, first.start_ms, number);
        let (file, path) = self.create(name)?;
        let written = self
            .put(&file, 0, &bytes)
            .and_then(|()| self.sync_name(&path));
        if let Err(error) = written {
            // Nothing of it is left; if that fails too, the first error says enough.
            let _ = fs::remove_file(&path);
            return Err(self.failed("write", &path, error));
        }
        let growing = Arc::new(Growing::new(head, writer.places().to_vec()));
        self.book().growing = Some(Arc::clone(&growing));
        drop(log);
        self.works();
        self.notify();
        Ok(SegmentWriter {
            card: self.clone(),
            path,
            file,
            writer,
            hash: Sha256::new_with_prefix(&bytes),
            growing,
            generation: self.generation(),
            closed: false,
        })
    }

    /// Keeps a picture (a JPEG file).
    ///
    /// # Errors
    /// [`CardError::Full`], [`CardError::Io`].
    pub fn add_picture(&self, at_ms: i64, jpeg: &[u8]) -> Result<(), CardError> {
        let mut log = lock(&self.0.log);
        self.make_room(&mut log, jpeg.len() as u64)?;
        let number = {
            let mut book = self.book();
            let number = book.next;
            book.next += 1;
            number
        };
        let name = Name::new(Content::Picture, at_ms, number);
        let (file, path) = self.create(name)?;
        let written = self
            .put(&file, 0, jpeg)
            .and_then(|()| self.sync_name(&path));
        if let Err(error) = written {
            let _ = fs::remove_file(&path);
            return Err(self.failed("write", &path, error));
        }
        let record = picture_record(name, at_ms, jpeg.len() as u64);
        self.book().apply(&record);
        self.record(&mut log, &[record])?;
        self.notify();
        Ok(())
    }

    /// Keeps in mind that something moved.
    ///
    /// # Errors
    /// [`CardError::Io`].
    pub fn add_event(&self, event: Event) -> Result<(), CardError> {
        let mut log = lock(&self.0.log);
        self.book().events.push_back(event);
        self.record(&mut log, &[event.record()])?;
        self.notify();
        Ok(())
    }

    /// A new file under that name.
    fn create(&self, name: Name) -> Result<(File, PathBuf), CardError> {
        let dir = &self.0.options.dir;
        let path = dir.join(name.path());
        let create = || -> io::Result<File> {
            // The directory itself is the card's: it is never made.
            fs::metadata(dir)?;
            if let Some(day) = path.parent()
                && !day.is_dir()
            {
                fs::create_dir_all(day)?;
                self.0.disk.sync_dir(day.parent().unwrap_or(dir))?;
                self.0.disk.sync_dir(dir)?;
            }
            OpenOptions::new().write(true).create_new(true).open(&path)
        };
        let file = create().map_err(|error| self.failed("create", &path, error))?;
        Ok((file, path))
    }

    fn put(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.disk.write(file, at, bytes)?;
        self.0.disk.sync(file)
    }

    fn sync_name(&self, path: &Path) -> io::Result<()> {
        self.0
            .disk
            .sync_dir(path.parent().unwrap_or(&self.0.options.dir))
    }
}

impl SegmentWriter {
    /// Adds a fragment: it is on the disk when this returns.
    ///
    /// # Errors
    /// [`CardError::Full`], [`CardError::Io`], [`CardError::NoSuchFile`] if the card was formatted meanwhile,
    /// [`CardError::Unfit`]. Without the fragment the file is as it was: it may be closed.
    pub fn append(&mut self, fragment: &Fragment) -> Result<(), CardError> {
        let card = self.card.clone();
        let mut log = lock(&card.0.log);
        if self.generation != card.generation() {
            return Err(CardError::NoSuchFile);
        }
        let at = self.writer.length();
        let bytes = self.writer.fragment(fragment).map_err(CardError::Unfit)?;
        card.make_room(&mut log, bytes.len() as u64)
            .inspect_err(|_| self.writer.take_back())?;
        // Readers and lists do not wait for the card, and neither does who only asks.
        drop(log);
        let written = match self.file.metadata() {
            Ok(told) if told.nlink() == 0 => Err(io::ErrorKind::NotFound.into()),
            Ok(_) => card.put(&self.file, at, &bytes),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            // Nothing torn is left behind; if that fails too, the next start cuts it off.
            let _ = self.file.set_len(at);
            self.writer.take_back();
            return Err(card.failed("write", &self.path, error));
        }
        self.hash.update(&bytes);
        if let Some(place) = self.writer.places().last() {
            self.growing.add(*place);
        }
        card.notify();
        Ok(())
    }

    /// When it began.
    pub fn start_ms(&self) -> i64 {
        self.writer.head().start_ms
    }

    /// When its last fragment ends.
    pub fn end_ms(&self) -> i64 {
        self.writer
            .places()
            .last()
            .map_or(self.start_ms(), |place| place.end_ms)
    }

    /// Its tracks and number.
    pub fn head(&self) -> &Head {
        self.writer.head()
    }

    /// Closes it: index of keyframes, then the record.
    ///
    /// # Errors
    /// [`CardError::Io`], [`CardError::NoSuchFile`] if the card was formatted meanwhile.
    pub fn close(mut self) -> Result<(), CardError> {
        let card = self.card.clone();
        let mut log = lock(&card.0.log);
        if self.generation != card.generation() {
            return Err(CardError::NoSuchFile);
        }
        let bytes = self.writer.finish();
        let at = self.writer.length();
        if let Err(error) = card.put(&self.file, at, &bytes) {
            let _ = self.file.set_len(at);
            return Err(card.failed("write", &self.path, error));
        }
        self.hash.update(&bytes);
        let entry = Entry {
            bytes: at + bytes.len() as u64,
            sha256: Some(self.hash.clone().finalize().into()),
            ..self.growing.entry()
        };
        let record = segment_record(self.growing.number, &entry);
        self.closed = true;
        {
            let mut book = card.book();
            book.apply(&record);
            book.growing = None;
            self.growing.close();
        }
        let recorded = card.record(&mut log, &[record]);
        drop(log);
        card.notify();
        recorded
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        self.growing.close();
        if self.closed || self.generation != self.card.generation() {
            return;
        }
        {
            let mut book = self.card.book();
            let is_there = book
                .growing
                .as_ref()
                .is_some_and(|growing| Arc::ptr_eq(growing, &self.growing));
            if is_there {
                book.growing = None;
                let entry = self.growing.entry();
                book.apply(&segment_record(self.growing.number, &entry));
            }
        }
        self.card.notify();
    }
}
