//! Where the app remembers: a table of named JSON values.
//!
//! The shell brings tauri-plugin-store, the command-line tool [`FileStore`]; both keep the same file, `store.json`. They
//! may run at the same time: a change is made to what the file says then, while its maker holds the folder's [`Lock`].

use crate::api::{Failure, FailureCode};
use serde_json::{Map, Value};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

mod lock;
pub use lock::Lock;

/// The file's name inside the data folder.
pub const FILE: &str = "store.json";

/// From the value that is saved to the one that is to be saved, see [`Store::update`].
pub type Change<'a> = dyn FnMut(Option<&Value>) -> Result<Option<Value>, Failure> + 'a;

/// A table of JSON values that outlives the program.
pub trait Store: Send + Sync {
    /// The value of `key`, if one was ever written; as it was when this program last read or changed anything.
    fn get(&self, key: &str) -> Option<Value>;

    /// Changes the value of `key` so that it survives the program's end. `change` gets what is saved now, by whichever
    /// program, and gives what is to be saved instead; `None` leaves it as it is. Nobody else writes in between.
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`], or what `change` says; the value before stays.
    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), Failure>;

    /// Writes `value`, whatever is there.
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`]; the value before stays.
    fn set(&self, key: &str, value: Value) -> Result<(), Failure> {
        self.update(key, &mut |_| Ok(Some(value.clone())))
    }

    /// What was wrong with the saved data when it was opened ([`FailureCode::DataUnreadable`]).
    fn damage(&self) -> Option<Failure> {
        None
    }
}

/// A store in one JSON file, replaced whole at every change. A damaged file is kept aside, never overwritten.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    values: Mutex<Map<String, Value>>,
    damage: Option<Failure>,
}

impl FileStore {
    /// Reads `dir/store.json`; a missing file is an empty store, a damaged one is renamed to `store.json.damaged`
    /// (`.damaged.2` … if that exists) and reported by [`Store::damage`].
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`] if the folder cannot be made or another program does not let go of it;
    /// [`FailureCode::DataUnreadable`] if the file is there but the system will not let it be read.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        make_private(dir)?;
        Self::open_locked(dir, &Lock::take(dir)?)
    }

    /// [`FileStore::open`] for who holds the lock of `dir`, which is there.
    ///
    /// # Errors
    /// Those of [`FileStore::open`].
    pub fn open_locked(dir: &Path, _: &Lock) -> Result<Self, Failure> {
        let path = dir.join(FILE);
        let (values, damage) = match read(&path) {
            Ok(Read::Values(values)) => (values, None),
            Ok(Read::Nothing) => (Map::new(), None),
            Ok(Read::Damaged(error)) => (Map::new(), Some(set_aside(&path, &error)?)),
            Err(error) => return Err(unreadable(&path, &path, &error)),
        };
        Ok(Self {
            path,
            values: Mutex::new(values),
            damage,
        })
    }

    fn values(&self) -> MutexGuard<'_, Map<String, Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Read {
    Values(Map<String, Value>),
    Nothing,
    Damaged(serde_json::Error),
}

fn read(path: &Path) -> std::io::Result<Read> {
    match fs::read(path) {
        Ok(bytes) => Ok(match serde_json::from_slice(&bytes) {
            Ok(values) => Read::Values(values),
            Err(error) => Read::Damaged(error),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Read::Nothing),
        Err(error) => Err(error),
    }
}

impl Store for FileStore {
    fn get(&self, key: &str) -> Option<Value> {
        self.values().get(key).cloned()
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), Failure> {
        let mut values = self.values();
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let _lock = Lock::take(folder)?;
        match read(&self.path).map_err(|error| not_written(&self.path, &error))? {
            Read::Values(fresh) => *values = fresh,
            // Somebody deleted it: what this program knows is all there is.
            Read::Nothing => {}
            Read::Damaged(error) => {
                let failure = set_aside(&self.path, &error)?;
                tracing::warn!(?failure, "the saved data were damaged while in use");
            }
        }
        let Some(value) = change(values.get(key))? else {
            return Ok(());
        };
        let mut changed = values.clone();
        changed.insert(key.to_owned(), value);
        let mut text = serde_json::to_vec_pretty(&changed).unwrap_or_default();
        text.push(b'\n');
        write_private(&self.path, &text).map_err(|error| not_written(&self.path, &error))?;
        *values = changed;
        Ok(())
    }

    fn damage(&self) -> Option<Failure> {
        self.damage.clone()
    }
}

/// A store that forgets, for tests.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Map<String, Value>>);

impl Store for MemoryStore {
    fn get(&self, key: &str) -> Option<Value> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), Failure> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = change(values.get(key))? {
            values.insert(key.to_owned(), value);
        }
        Ok(())
    }
}

/// Writes a file so that after a crash either the old or the new one is there, whole.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    replace(path, bytes, fs::OpenOptions::new())
}

/// [`write_atomic`] of a file that only this user may read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    replace(path, bytes, options)
}

/// Makes a folder that only this user may enter, unless it is there.
pub(crate) fn make_private(dir: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .recursive(true)
        .create(dir)
        .map_err(|error| not_written(dir, &error))
}

/// Keeps the temporary files of two threads apart.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

fn replace(path: &Path, bytes: &[u8], mut options: fs::OpenOptions) -> std::io::Result<()> {
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}-{number}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    let written = (|| {
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

/// A failure that says which file could not be written and why.
pub fn not_written(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureCode::FileNotWritten)
        .with("path", path.display())
        .with("reason", error)
}

fn unreadable(path: &Path, kept: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureCode::DataUnreadable)
        .with("path", path.display())
        .with("kept", kept.display())
        .detail(error)
}

fn set_aside(path: &Path, error: &serde_json::Error) -> Result<Failure, Failure> {
    let aside = (1..)
        .map(|n| {
            PathBuf::from(format!(
                "{}.damaged{}",
                path.display(),
                if n == 1 {
                    String::new()
                } else {
                    format!(".{n}")
                }
            ))
        })
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.with_extension("damaged"));
    fs::rename(path, &aside).map_err(|error| not_written(&aside, &error))?;
    Ok(unreadable(path, &aside, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(&dir.path().join("new/folder")).unwrap();
        store.set("settings", json!({"muted": true})).unwrap();
        store.set("cameras", json!([])).unwrap();
        let again = FileStore::open(&dir.path().join("new/folder")).unwrap();
        assert_eq!(again.get("settings"), Some(json!({"muted": true})));
        assert_eq!(again.get("nothing"), None);
        assert_eq!(
            fs::read_dir(dir.path().join("new/folder")).unwrap().count(),
            2,
            "the store and its lock: no temporary file stays"
        );
    }

    #[test]
    fn what_another_program_has_saved_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (
            FileStore::open(dir.path()).unwrap(),
            FileStore::open(dir.path()).unwrap(),
        );
        one.set("cameras", json!(["porch"])).unwrap();
        other.set("settings", json!({"muted": true})).unwrap();
        one.set("gateway", json!(1)).unwrap();
        let saved = FileStore::open(dir.path()).unwrap();
        assert_eq!(saved.get("cameras"), Some(json!(["porch"])));
        assert_eq!(saved.get("settings"), Some(json!({"muted": true})));
        assert_eq!(saved.get("gateway"), Some(json!(1)));
        assert_eq!(one.get("settings"), Some(json!({"muted": true})));
    }

    #[test]
    fn of_many_changes_at_once_none_is_lost() {
        const WRITERS: u64 = 6;
        const TURNS: u64 = 15;
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                let store = FileStore::open(dir.path()).unwrap();
                scope.spawn(move || {
                    for _ in 0..TURNS {
                        let mut add = |count: Option<&Value>| {
                            Ok(Some(json!(count.and_then(Value::as_u64).unwrap_or(0) + 1)))
                        };
                        store.update("count", &mut add).unwrap();
                    }
                });
            }
        });
        let saved = FileStore::open(dir.path()).unwrap();
        assert_eq!(saved.get("count"), Some(json!(WRITERS * TURNS)));
    }

    #[test]
    fn a_file_damaged_while_in_use_is_kept_aside() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path()).unwrap();
        store.set("a", json!(1)).unwrap();
        fs::write(dir.path().join(FILE), "{\"a\":").unwrap();
        store.set("b", json!(2)).unwrap();
        let saved = FileStore::open(dir.path()).unwrap();
        assert_eq!(
            (saved.get("a"), saved.get("b")),
            (Some(json!(1)), Some(json!(2)))
        );
        let aside = dir.path().join(format!("{FILE}.damaged"));
        assert_eq!(fs::read_to_string(aside).unwrap(), "{\"a\":");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_saved_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new/folder");
        let store = FileStore::open(&folder).unwrap();
        // A file of an earlier version becomes private with the next change.
        fs::write(folder.join(FILE), "{}").unwrap();
        store.set("gateway", json!({"key": "secret"})).unwrap();
        assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn a_file_written_by_many_at_once_is_always_one_of_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("picture.jpg");
        std::thread::scope(|scope| {
            for n in 1..=8u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        write_atomic(path, &vec![n; 1000 * usize::from(n)]).unwrap();
                    }
                });
            }
        });
        let written = fs::read(&path).unwrap();
        let n = written[0];
        assert_eq!(written, vec![n; 1000 * usize::from(n)]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_kept_aside_and_reported() {
        let dir = tempfile::tempdir().unwrap();
        for damage in ["", "{\"cameras\":[", "[1]", "\0\0\0\0"] {
            fs::write(dir.path().join(FILE), damage).unwrap();
            let store = FileStore::open(dir.path()).unwrap();
            let failure = store.damage().unwrap();
            assert_eq!(failure.code, FailureCode::DataUnreadable);
            assert_eq!(fs::read_to_string(&failure.params["kept"]).unwrap(), damage);
            store.set("a", json!(1)).unwrap();
            assert!(FileStore::open(dir.path()).unwrap().damage().is_none());
        }
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            6,
            "four damaged files, the store and its lock"
        );
    }

    #[test]
    fn a_failed_write_keeps_the_value_before() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path()).unwrap();
        store.set("a", json!(1)).unwrap();
        fs::remove_file(dir.path().join(FILE)).unwrap();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        fs::write(dir.path().join(FILE).join("x"), "").unwrap();
        assert_eq!(
            store.set("a", json!(2)).unwrap_err().code,
            FailureCode::FileNotWritten
        );
        assert_eq!(store.get("a"), Some(json!(1)));
    }
}
