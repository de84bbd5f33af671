//! What the app remembers, kept by tauri-plugin-store in the same file as the command-line tool's.

use app::api::{Failure, FailureCode};
use app::store::{FILE, FileStore, Store};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tauri::{AppHandle, Runtime};
use tauri_plugin_store::StoreExt as _;

/// `DIR/store.json` behind tauri-plugin-store, written at every change.
pub(crate) struct PluginStore<R: Runtime> {
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
        let store = Self {
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
}

impl<R: Runtime> Store for PluginStore<R> {
    fn get(&self, key: &str) -> Option<Value> {
        self.values.get(key)
    }

    fn set(&self, key: &str, value: Value) -> Result<(), Failure> {
        let before = self.values.get(key);
        self.values.set(key, value);
        self.values.save().map_err(|error| {
            match before {
                Some(value) => self.values.set(key, value),
                None => drop(self.values.delete(key)),
            }
            Failure::new(FailureCode::FileNotWritten)
                .with("path", FILE)
                .with("reason", error)
        })?;
        self.keep_private();
        Ok(())
    }

    fn damage(&self) -> Option<Failure> {
        self.damage.clone()
    }
}
