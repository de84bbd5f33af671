//! A folder of our own for sockets and scripts, one an interface.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::Error;

/// The folder: only we may look into it, and it is ours alone until this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// The folder for an interface: in systemd's runtime folder for the service, `/run`, the session's runtime folder,
    /// or the system's folder for temporary files, the first that works. What an earlier process left there is removed.
    ///
    /// # Errors
    /// [`Error::Busy`]: another process of ours has the interface.
    pub(crate) fn open(interface: &str) -> Result<Self, Error> {
        let places = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].map(std::env::var_os);
        let [service, session] = places.map(|place| place.map(PathBuf::from));
        let parents = [
            service,
            Some("/run".into()),
            session,
            Some(std::env::temp_dir()),
        ];
        let mut outcome = Err(Error::NoRadio {
            looked_for: "a folder for sockets".to_owned(),
        });
        for parent in parents.into_iter().flatten() {
            outcome = Self::open_in(&parent, interface);
            if matches!(outcome, Ok(_) | Err(Error::Busy { .. })) {
                break;
            }
        }
        outcome
    }

    /// The folder for an interface in this folder.
    pub(crate) fn open_in(parent: &Path, interface: &str) -> Result<Self, Error> {
        let folder = parent.join(format!("porthole-wifi-{interface}"));
        let broken = |error: io::Error| {
            let detail = format!("{}: {error}", folder.display());
            Error::backend("the file system", "make a folder for sockets", detail)
        };
        if let Err(error) = DirBuilder::new().mode(0o700).create(&folder)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(broken(error));
        }
        let found = folder.symlink_metadata().map_err(broken)?;
        // SAFETY: asks for a number.
        let me = unsafe { libc::geteuid() };
        if !found.is_dir() || found.uid() != me || found.mode() & 0o077 != 0 {
            return Err(broken(io::Error::other("it is there and not only ours")));
        }
        let lock = File::create(folder.join("lock")).map_err(broken)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy {
                    with: "another process of Porthole",
                });
            }
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
        let scratch = Self {
            folder,
            _lock: lock,
        };
        scratch.clear();
        Ok(scratch)
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Removes everything but the lock.
    fn clear(&self) {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries.filter(|entry| entry.file_name() != "lock") {
            let path = entry.path();
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The folder and its lock stay: removed, two processes could each lock one of that name.
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_for_one_process_and_starts_empty() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::open_in(parent.path(), "wlan0").unwrap();
        let second = Scratch::open_in(parent.path(), "wlan0");
        assert!(matches!(second, Err(Error::Busy { .. })));
        std::fs::write(scratch.path("left"), "").unwrap();
        std::fs::create_dir(scratch.path("folder")).unwrap();
        let folder = scratch.folder.clone();
        drop(scratch);
        std::fs::write(folder.join("later"), "").unwrap();
        let scratch = Scratch::open_in(parent.path(), "wlan0").unwrap();
        let names: Vec<_> = std::fs::read_dir(&scratch.folder)
            .unwrap()
            .flatten()
            .collect();
        assert_eq!(names.len(), 1, "the lock: {names:?}");
    }

    #[test]
    fn a_folder_that_others_made_or_may_read_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("porthole-wifi-wlan0");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(Scratch::open_in(parent.path(), "wlan0").is_err());
        std::fs::remove_dir(&folder).unwrap();
        std::os::unix::fs::symlink("/tmp", &folder).unwrap();
        assert!(Scratch::open_in(parent.path(), "wlan0").is_err());
    }
}
