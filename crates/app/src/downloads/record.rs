//! What is remembered of a download beside its bytes, so that it goes on after anything.
//!
//! ```text
//!  front 2026-11-30 14.30.00.mp4                 the finished file
//!  front 2026-11-30 14.30.00.mp4.download        the camera's bytes so far
//!  front 2026-11-30 14.30.00.mp4.download.json   this record
//! ```

use crate::api::{CameraKey, DownloadId, DownloadWhat, Failure};
use crate::snapshot::date_and_time;
use crate::store::{not_written, write_atomic};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// End of a record's name.
const RECORD: &str = ".download.json";
/// Longest name that is taken over from a camera, bytes.
const MAX_NAME: usize = 100;

/// A download as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub id: DownloadId,
    /// Which camera.
    pub camera: CameraKey,
    /// What.
    pub what: DownloadWhat,
    /// From, unix ms; 0 = not known yet.
    pub from_ms: i64,
    /// To, unix ms; 0 = not known yet.
    pub to_ms: i64,
    /// Bytes in all; 0 = not known yet.
    pub total: u64,
    /// What the camera calls these very bytes.
    pub etag: Option<String>,
    /// Their hash, 64 hex digits, if the camera has told.
    pub sha256: Option<String>,
    /// The rest of a recording that was coded otherwise from here on, unix ms: nothing earlier is meant.
    pub not_before_ms: Option<i64>,
    /// The user has stopped it.
    pub paused: bool,
    /// Why it cannot go on without the user.
    pub failure: Option<Failure>,
}

impl Record {
    /// Of a download that begins.
    pub fn new(id: DownloadId, camera: CameraKey, what: DownloadWhat) -> Self {
        let (from_ms, to_ms) = match &what {
            DownloadWhat::Range { from_ms, to_ms } => (*from_ms, *to_ms),
            DownloadWhat::File { name } => (start_of(name).unwrap_or(0), 0),
        };
        Self {
            id,
            camera,
            what,
            from_ms,
            to_ms,
            total: 0,
            etag: None,
            sha256: None,
            not_before_ms: None,
            paused: false,
            failure: None,
        }
    }

    /// The bytes so far are worth nothing: others will come.
    pub fn forget_bytes(&mut self) {
        (self.total, self.etag, self.sha256) = (0, None, None);
    }

    /// Whether it is a still picture.
    pub fn is_picture(&self) -> bool {
        let DownloadWhat::File { name } = &self.what else {
            return false;
        };
        let name = name.to_ascii_lowercase();
        name.ends_with(".jpg") || name.ends_with(".jpeg")
    }

    /// What its file is called: letters, digits and signs that every file system takes.
    pub fn file_name(&self) -> String {
        let extension = if self.is_picture() { "jpg" } else { "mp4" };
        let of = match &self.what {
            DownloadWhat::File { name } if self.from_ms == 0 => plain(name),
            _ => {
                let (date, time) = date_and_time(self.from_ms.max(0).unsigned_abs() / 1000);
                format!("{date} {time}")
            }
        };
        format!("{} {of}.{extension}", plain(&self.camera))
    }
}

/// Where the parts of a download are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The finished file.
    pub file: PathBuf,
    /// The camera's bytes.
    pub part: PathBuf,
    /// The record.
    pub record: PathBuf,
}

impl Paths {
    /// Of the download that becomes `file`.
    pub fn of(file: &Path) -> Self {
        let with = |end: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        Self {
            file: file.to_owned(),
            part: with(".download"),
            record: with(RECORD),
        }
    }

    /// Of a download whose file has no other's name in `dir`.
    pub fn free(dir: &Path, name: &str) -> Self {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "mp4"));
        (1u32..)
            .map(|n| match n {
                1 => format!("{stem}.{extension}"),
                n => format!("{stem} ({n}).{extension}"),
            })
            .map(|name| Self::of(&dir.join(name)))
            .find(|paths| !paths.file.exists() && !paths.record.exists() && !paths.part.exists())
            .unwrap_or_else(|| Self::of(&dir.join(name)))
    }

    /// Of the downloads that were begun in `dir`.
    pub fn all(dir: &Path) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(dir) else {
            return Vec::new();
        };
        let file = |name: &str| Some(Self::of(&dir.join(name.strip_suffix(RECORD)?)));
        entries
            .filter_map(|entry| file(entry.ok()?.file_name().to_str()?))
            .collect()
    }

    /// What the finished file is called.
    pub fn name(&self) -> String {
        let name = self.file.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Bytes so far.
    pub fn received(&self) -> u64 {
        std::fs::metadata(&self.part).map_or(0, |found| found.len())
    }

    /// The record, if one is there and can be read.
    pub fn read(&self) -> Option<Record> {
        let text = std::fs::read(&self.record).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(
                |error| tracing::warn!(%error, path = %self.record.display(), "unreadable"),
            )
            .ok()
    }

    /// Writes the record.
    ///
    /// # Errors
    /// [`crate::FailureCode::FileNotWritten`].
    pub fn write(&self, record: &Record) -> Result<(), Failure> {
        if let Some(folder) = self
            .record
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|error| not_written(folder, &error))?;
        }
        let text = serde_json::to_vec_pretty(record).unwrap_or_default();
        write_atomic(&self.record, &text).map_err(|error| not_written(&self.record, &error))
    }

    /// Removes what is not the finished file.
    pub fn clear(&self) {
        for path in [&self.part, &self.record] {
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, path = %path.display(), "not removed");
            }
        }
    }
}

/// When a file of our camera's begins, unix ms: `20261130T143000Z-000123.mp4`.
fn start_of(name: &str) -> Option<i64> {
    const SECOND: &str = "%Y%m%dT%H%M%SZ";
    let second = name.get(..16)?;
    let start = DateTime::strptime(SECOND, second).ok()?;
    let start = TimeZone::UTC.to_timestamp(start).ok()?;
    // Only as it is written: jiff also reads signs and fewer digits.
    let is_plain = start.strftime(SECOND).to_string() == second;
    Some(start.as_millisecond()).filter(|ms| is_plain && *ms >= 0)
}

/// A word with nothing in it that a file system could refuse or take for a path.
fn plain(word: &str) -> String {
    let word: String = word
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | ' ' => letter,
            letter if letter.is_alphanumeric() => letter,
            _ => '_',
        })
        .collect();
    let mut end = word.len().min(MAX_NAME);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    let word = word[..end].trim_matches([' ', '.']);
    if word.is_empty() {
        "recording".into()
    } else {
        word.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Record {
        Record::new(1, "front".into(), DownloadWhat::File { name: name.into() })
    }

    #[test]
    fn a_name_tells_its_beginning_only_as_cameras_write_it() {
        let start = Some(1_796_049_000_000);
        assert_eq!(start_of("20261130T143000Z-000123.mp4"), start);
        for name in [
            "",
            "20261130T143000",
            "+2026113T143000Z-000123.mp4",
            "20261330T143000Z-000123.mp4",
            "20261130T243000Z-000123.mp4",
            "20261130 143000Z-000123.mp4",
            "19691231T235959Z-000123.mp4",
            "20261130T14300\u{e9}Z-000123.mp4",
        ] {
            assert_eq!(start_of(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_say_camera_and_time() {
        assert_eq!(
            file("20261130T143000Z-000123.mp4").file_name(),
            "front 2026-11-30 14.30.00.mp4"
        );
        assert_eq!(
            file("20261130T143000Z-000123.jpg").file_name(),
            "front 2026-11-30 14.30.00.jpg"
        );
        let range = DownloadWhat::Range {
            from_ms: 1_795_197_871_500,
            to_ms: 1_795_197_900_000,
        };
        assert_eq!(
            Record::new(1, "front".into(), range).file_name(),
            "front 2026-11-20 18.04.31.mp4"
        );
    }

    #[test]
    fn no_name_of_a_camera_leaves_the_folder_or_is_refused_by_a_file_system() {
        for (name, expected) in [
            ("../../etc/passwd", "front _.._etc_passwd.mp4"),
            ("/etc/passwd\0.mp4", "front _etc_passwd_.mp4.mp4"),
            ("a:b*c?\"<>|\\.mp4", "front a_b_c______.mp4.mp4"),
            ("客厅 1.mp4", "front 客厅 1.mp4.mp4"),
            ("..", "front recording.mp4"),
            ("20261399T143000Z.mp4", "front 20261399T143000Z.mp4.mp4"),
        ] {
            assert_eq!(file(name).file_name(), expected);
        }
        let long = file(&"长".repeat(500)).file_name();
        assert!(long.len() < 120, "{}", long.len());
    }

    #[test]
    fn a_record_is_found_again_and_a_name_in_use_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let record = file("20261130T143000Z-000123.mp4");
        let paths = Paths::free(dir.path(), &record.file_name());
        paths.write(&record).unwrap();
        std::fs::write(&paths.part, b"12345").unwrap();
        assert_eq!(Paths::all(dir.path()), std::slice::from_ref(&paths));
        assert_eq!((paths.read(), paths.received()), (Some(record.clone()), 5));
        let second = Paths::free(dir.path(), &record.file_name());
        assert_eq!(second.name(), "front 2026-11-30 14.30.00 (2).mp4");
        paths.clear();
        assert!(Paths::all(dir.path()).is_empty());
        std::fs::write(&paths.record, b"{").unwrap();
        assert_eq!(paths.read(), None);
    }
}
