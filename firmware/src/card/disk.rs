//! What is asked of the file system, so that tests can give a slow, full or broken one.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How much room there is, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// All that the file system has.
    pub total: u64,
    /// What a user may still write.
    pub free: u64,
}

/// Writing to a card.
pub trait Disk: Debug + Send + Sync {
    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// The system's.
    fn write(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Waits until the file's bytes and length are on the disk.
    ///
    /// # Errors
    /// The system's.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Waits until the names in a directory are on the disk.
    ///
    /// # Errors
    /// The system's.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// The room of the file system that a directory lies in.
    ///
    /// # Errors
    /// The system's.
    fn space(&self, dir: &Path) -> io::Result<Space>;
}

/// The system's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn write(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        let path = std::ffi::CString::new(dir.as_os_str().as_bytes())?;
        let mut told = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
        // SAFETY: the path ends with a zero and the struct is as large as the call writes; zeroes are a valid value of it.
        let told = unsafe {
            if libc::statvfs(path.as_ptr(), told.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            told.assume_init()
        };
        #[allow(clippy::unnecessary_cast, reason = "narrower on 32-bit boards")]
        let unit = told.f_frsize as u64;
        #[allow(clippy::unnecessary_cast, reason = "narrower on 32-bit boards")]
        Ok(Space {
            total: unit.saturating_mul(told.f_blocks as u64),
            free: unit.saturating_mul(told.f_bavail as u64),
        })
    }
}

/// What an error says about the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No room, and nothing that may be deleted.
    Full,
    /// Nothing can be written.
    ReadOnly,
    /// It is not there.
    Missing,
    /// It does not do what it should.
    Corrupt,
}

impl Fault {
    /// Judges an error that came while `dir` was used.
    pub fn of(error: &io::Error, dir: &Path) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full
            }
            _ if !dir.is_dir() => Self::Missing,
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Self::ReadOnly,
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Missing,
            _ => match error.raw_os_error() {
                Some(libc::ENODEV | libc::ENXIO | libc::ENOMEDIUM) => Self::Missing,
                _ => Self::Corrupt,
            },
        }
    }
}
