//! The data directory: identity.key, viewers.json, invitation.json, settings.json. Files are replaced whole or not at
//! all, and only their owner reads them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Largest file that is read, bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Held by the camera that runs here.
const LOCK: &str = "camera.lock";

/// A directory that holds what a camera remembers.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// What the camera remembers of its own settings: settings.json.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What its owner calls it.
    pub name: Option<String>,
    /// The UDP port it was last reached at: viewers remember it.
    pub port: Option<u16>,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or the directory cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is damaged: {text}; restore it from a backup, or delete it and pair anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
    /// Two cameras with one key and one list of viewers would undo each other's changes.
    #[error(
        "another porthole-camera runs on this folder: {0}; end it, or give this one a --data of its own"
    )]
    Taken(PathBuf),
}

/// The right to be the camera of a directory, until it is dropped or its program ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataDir {
    /// The directory, made if it is not there.
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| DataError::Io {
            doing: "create",
            path: path.into(),
            source,
        })?;
        Ok(Self(path.into()))
    }

    /// Takes the directory for this program. A file system without locks lets everybody have it.
    ///
    /// # Errors
    /// [`DataError::Taken`], [`DataError::Io`].
    pub fn lock(&self) -> Result<DataLock, DataError> {
        let path = self.path(LOCK);
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let file = opened.map_err(|source| DataError::Io {
            doing: "open",
            path: path.clone(),
            source,
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataError::Taken(self.0.clone())),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %path.display(), %error, "a second camera here would not be noticed");
            }
        }
        Ok(DataLock { _file: file })
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Reads a JSON file; `None` if it does not exist.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Damaged`].
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, DataError> {
        let path = self.path(name);
        let text = match fs::metadata(&path) {
            Ok(meta) if meta.len() > MOST_BYTES => {
                return Err(DataError::Damaged {
                    path,
                    text: format!("{} bytes", meta.len()),
                });
            }
            Ok(_) => fs::read(&path),
            Err(error) => Err(error),
        };
        match text {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(DataError::Damaged {
                    path,
                    text: error.to_string(),
                }),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataError::Io {
                doing: "read",
                path,
                source,
            }),
        }
    }

    /// Replaces a JSON file: written beside it, on the disk, then renamed.
    ///
    /// # Errors
    /// [`DataError::Io`]; the old file is then still whole.
    pub fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), DataError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let path = self.path(name);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let beside = self.path(&format!(".{name}.{}.{number}", std::process::id()));
        let write = || {
            let mut text = serde_json::to_vec_pretty(value)?;
            text.push(b'\n');
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|source| {
            // Nothing of it is left behind; if that fails too, the first error says enough.
            let _ = fs::remove_file(&beside);
            DataError::Io {
                doing: "write",
                path: path.clone(),
                source,
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A directory of its own that goes with the value.
    pub(crate) struct Temporary(pub(crate) PathBuf);

    impl Temporary {
        pub(crate) fn new() -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir()
                .join(format!("porthole-camera-{}-{number}", std::process::id()));
            Self(path)
        }

        pub(crate) fn open(&self) -> DataDir {
            DataDir::open(&self.0).unwrap()
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let temporary = Temporary::new();
        let dir = temporary.open();
        assert_eq!(dir.read::<Settings>("settings.json").unwrap(), None);
        let settings = Settings {
            name: Some("Front".into()),
            port: Some(4000),
        };
        dir.write("settings.json", &settings).unwrap();
        dir.write("settings.json", &settings).unwrap();
        assert_eq!(dir.read("settings.json").unwrap(), Some(settings));
        let mode = fs::metadata(dir.path("settings.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(&temporary.0).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn a_directory_belongs_to_one_camera_at_a_time() {
        let temporary = Temporary::new();
        let held = temporary.open().lock().unwrap();
        let error = temporary.open().lock().unwrap_err().to_string();
        let path = temporary.0.display().to_string();
        assert!(
            error.starts_with("another porthole-camera runs on this folder")
                && error.contains(&path),
            "{error}"
        );
        drop(held);
        temporary.open().lock().unwrap();
    }

    #[test]
    fn a_damaged_file_is_named_and_kept() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        fs::write(dir.path("settings.json"), "{").unwrap();
        let error = dir
            .read::<Settings>("settings.json")
            .unwrap_err()
            .to_string();
        assert!(error.contains("settings.json is damaged"), "{error}");
        assert!(dir.path("settings.json").exists());
    }
}
