//! What the app remembers, kept by tauri-plugin-store in the same file as the command-line tool's.

use app::api::{Failure, FailureCode};
use app::store::{Change, FILE, FileStore, Lock, Store};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tauri::{AppHandle, Runtime};
use tauri_plugin_store::{Error, StoreExt as _};

/// `DIR/store.json` behind tauri-plugin-store, read anew and written at every change: the command-line tool may run too.
pub(crate) struct PluginStore<R: Runtime> {
    folder: PathBuf,
    /// One change at a time: the plugin's values are not to be read between reading the file and writing it.
    changing: Mutex<()>,
    values: Arc<tauri_plugin_store::Store<R>>,
    path: PathBuf,
    damage: Option<Failure>,
}

impl<R: Runtime> PluginStore<R> {
    /// Opens the store of a data folder. A damaged file is set aside first: the plugin would overwrite it.
    ///
    /// # Errors
    /// Those of [`FileStore::open`]; [`FailureCode::DataUnreadable`] if the plugin cannot open the file.
    pub(crate) fn open(app: &AppHandle<R>, folder: &Path) -> Result<Self, Failure> {
        let damage = FileStore::open(folder)?.damage();
        let lock = Lock::take(folder)?;
        // The plugin resolves relative names in a folder of its own.
        let path = std::path::absolute(folder)
            .unwrap_or_else(|_| folder.to_path_buf())
            .join(FILE);
        let values = app
            .store_builder(&path)
            .disable_auto_save()
            .build()
            .map_err(|error| {
                Failure::new(FailureCode::DataUnreadable)
                    .with("path", path.display())
                    .with("kept", path.display())
                    .detail(error)
            })?;
        // The plugin writes every store it knows when the program ends, over what others have saved since. This one is
        // written at every change: it needs no such rescue.
        values.close_resource();
        drop(lock);
        let store = Self {
            folder: folder.to_path_buf(),
            changing: Mutex::default(),
            values,
            path,
            damage,
        };
        store.keep_private();
        Ok(store)
    }
}

impl<R: Runtime> PluginStore<R> {
    /// The file holds the gateway's key: nobody else on this machine reads it. The plugin creates it with the
    /// system's default mode.
    #[cfg(unix)]
    fn keep_private(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o600);
        match std::fs::set_permissions(&self.path, mode) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "the saved data may be readable by others");
            }
            _ => {}
        }
    }

    #[cfg(not(unix))]
    fn keep_private(&self) {}

    /// Takes over what another program has saved.
    fn refresh(&self, lock: &Lock) -> Result<(), Failure> {
        match self.values.reload_ignore_defaults() {
            Ok(()) => Ok(()),
            // Somebody deleted it: what this program knows is all there is.
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(Error::Deserialize(error)) => {
                tracing::warn!(%error, "the saved data were damaged while in use");
                // Sets the file aside; what is known here is written instead.
                FileStore::open_locked(&self.folder, lock).map(drop)
            }
            Err(error) => Err(not_written(&error)),
        }
    }
}

fn not_written(reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureCode::FileNotWritten)
        .with("path", FILE)
        .with("reason", reason)
}

impl<R: Runtime> Store for PluginStore<R> {
    fn get(&self, key: &str) -> Option<Value> {
        self.values.get(key)
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), Failure> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = Lock::take(&self.folder)?;
        self.refresh(&lock)?;
        let before = self.values.get(key);
        let Some(value) = change(before.as_ref())? else {
            return Ok(());
        };
        self.values.set(key, value);
        self.values.save().map_err(|error| {
            match before {
                Some(value) => self.values.set(key, value),
                None => drop(self.values.delete(key)),
            }
            not_written(&error)
        })?;
        self.keep_private();
        Ok(())
    }

    fn damage(&self) -> Option<Failure> {
        self.damage.clone()
    }
}
