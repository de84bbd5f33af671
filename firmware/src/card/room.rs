//! Room on the card: how much there is, and what is deleted to make some.

use std::io;

use super::book::deleted;
use super::disk::{Fault, Space};
use super::name::Name;
use super::{Card, CardError, Log, Record, lock};

/// Left free on the file system: a fortieth of it, and no more than this. A file system without room is slow, and the index
/// needs some.
const MOST_RESERVE: u64 = 256 << 20;
const RESERVE_PART: u64 = 40;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn reserve(space: Space) -> u64 {
    (space.total / RESERVE_PART).min(MOST_RESERVE)
}

impl Card {
    /// Bytes that recordings may take, of which `used` are taken.
    pub(super) fn total(&self, used: u64, space: Space) -> u64 {
        let most = (used + space.free).saturating_sub(reserve(space));
        self.0.options.bytes.map_or(most, |bytes| bytes.min(most))
    }

    /// Makes sure that so many bytes fit, by deleting the oldest files that nobody reads.
    pub(super) fn make_room(&self, log: &mut Log, bytes: u64) -> Result<(), CardError> {
        loop {
            let space = self.0.disk.space(&self.0.options.dir);
            let space =
                space.map_err(|error| self.failed("look at", &self.0.options.dir, error))?;
            lock(&self.0.condition).space = space;
            let book = self.book();
            let growing = book.growing.as_ref().map_or(0, |one| one.entry().bytes);
            let used = book.used + growing;
            drop(book);
            if used.saturating_add(bytes) <= self.total(used, space) {
                return Ok(());
            }
            if !self.delete_oldest(log)? {
                self.fail(Fault::Full, "");
                return Err(CardError::Full);
            }
        }
    }

    /// Deletes what is older than it is kept for. What was recorded with a wrong clock is as old as what follows it.
    ///
    /// # Errors
    /// The card's.
    pub fn forget_old(&self, now_ms: i64) -> Result<(), CardError> {
        let Some(days) = self.0.options.keep_days else {
            return Ok(());
        };
        let limit = now_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
        let mut log = lock(&self.0.log);
        loop {
            let book = self.book();
            let is_old = match book.oldest() {
                None => false,
                Some(oldest) if oldest.clock_known => oldest.end_ms < limit,
                Some(oldest) => {
                    let mut later = book.segments.range(oldest.name.number..);
                    later
                        .find(|(_, entry)| entry.clock_known())
                        .is_some_and(|(_, entry)| entry.end_ms < limit)
                }
            };
            drop(book);
            if !is_old || !self.delete_oldest(&mut log)? {
                return Ok(());
            }
        }
    }

    /// Deletes the oldest file that nobody reads; says whether there was one.
    fn delete_oldest(&self, log: &mut Log) -> Result<bool, CardError> {
        let name = {
            let mut book = self.book();
            let Some(oldest) = book.oldest() else {
                return Ok(false);
            };
            // From here on nobody finds it any more.
            book.remove(oldest.name.number);
            book.trim_events();
            oldest.name
        };
        self.unlink(name)?;
        tracing::debug!(file = name.file_name(), "deleted");
        self.record(log, &[deleted(name.number)])?;
        self.notify();
        Ok(true)
    }

    /// Removes a file, and its day when that is empty.
    pub(super) fn unlink(&self, name: Name) -> Result<(), CardError> {
        let path = self.0.options.dir.join(name.path());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.failed("delete", &path, error));
            }
            _ => {}
        }
        if let Some(day) = path.parent() {
            // Fails while there is anything in it, and that is what is wanted.
            let _ = std::fs::remove_dir(day);
        }
        Ok(())
    }

    /// Adds to the index, and writes it anew when most of it is about what is gone.
    pub(super) fn record(&self, log: &mut Log, records: &[Record]) -> Result<(), CardError> {
        let dir = &self.0.options.dir;
        let Some(index) = &mut log.index else {
            return Ok(());
        };
        let failed = |error| self.failed("write the index in", dir, error);
        index.add(&*self.0.disk, records).map_err(failed)?;
        let live = {
            let book = self.book();
            book.segments.len() + book.pictures.len() + book.events.len()
        };
        if index.records() > 2 * live + super::files::SPARE_RECORDS {
            self.rewrite(log)
                .map_err(|error| self.failed("write the index in", dir, error))?;
        }
        Ok(())
    }
}
