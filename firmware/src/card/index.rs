//! The index: a file of records of one length, to which records are only added. What damage takes from it is found again on
//! the card.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use super::disk::Disk;
use super::record::{Contents, RECORD, Record, parse};

/// Largest index that is read: more than a year of one segment a minute.
const MOST_BYTES: u64 = 64 << 20;
/// The file's name on the card, and that of the one that is to replace it.
pub const FILE: &str = "index";
const NEXT_FILE: &str = "index.new";

/// The index of a card, open for more records.
#[derive(Debug)]
pub struct Index {
    file: File,
    length: u64,
}

impl Index {
    /// What the index of a card says; nothing if there is none.
    ///
    /// # Errors
    /// The system's.
    pub fn read(dir: &Path) -> io::Result<Contents> {
        let mut bytes = Vec::new();
        match File::open(dir.join(FILE)) {
            Ok(file) => file.take(MOST_BYTES).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(parse(&bytes))
    }

    /// Goes on with the index of a card, which has no torn record at its end.
    ///
    /// # Errors
    /// The system's.
    pub fn append_to(dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(dir.join(FILE))?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Replaces the index of a card: there is always the old one or the new one, whole.
    ///
    /// # Errors
    /// The system's.
    pub fn replace(dir: &Path, disk: &dyn Disk, records: &[Record]) -> io::Result<Self> {
        let path = dir.join(NEXT_FILE);
        let file = File::create(&path)?;
        let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        disk.write(&file, 0, &bytes)?;
        disk.sync(&file)?;
        std::fs::rename(&path, dir.join(FILE))?;
        disk.sync_dir(dir)?;
        Ok(Self {
            file,
            length: bytes.len() as u64,
        })
    }

    /// Adds records; they are on the disk when this returns.
    ///
    /// # Errors
    /// The system's; the index is then as it was, but for a torn record that nobody reads.
    pub fn add(&mut self, disk: &dyn Disk, records: &[Record]) -> io::Result<()> {
        let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        disk.write(&self.file, self.length, &bytes)?;
        disk.sync(&self.file)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// How many records it has.
    pub fn records(&self) -> usize {
        usize::try_from(self.length / RECORD as u64).unwrap_or(usize::MAX)
    }
}
