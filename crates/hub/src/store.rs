//! The hub's memory: one database, SQLite or PostgreSQL, and nothing beside it.
//!
//! The same SQL runs on both: `$1` placeholders, `TEXT` and `BIGINT` columns, times in unix milliseconds. SQLite has one writing connection
//! (it knows one writer at a time anyway, and waiting in the pool is fair) and several that read.

mod bindings;
mod devices;
mod owners;
mod properties;
mod tokens;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;

use crate::config::Database;
use crate::{Error, Result, tls};

pub(crate) use bindings::{Delivery, Task};
pub(crate) use devices::DeviceRow;
pub(crate) use properties::MAX_PROPERTIES;
pub(crate) use tokens::{Report, State, TokenRow};

/// The database's file inside the hub's folder.
const SQLITE_FILE: &str = "hub.db";

/// How long a statement waits for a connection, and SQLite for its lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that read from SQLite at the same time.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 8;

/// The open database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    read: AnyPool,
    write: AnyPool,
}

impl Store {
    /// Opens the database, makes it if it is SQLite's, and brings its tables up to date.
    pub(crate) async fn open(database: &Database, dir: &Path) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let store = match database {
            Database::Sqlite => Self::open_sqlite(dir).await?,
            Database::Postgres(url) => {
                let pool = AnyPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(PATIENCE)
                    .connect(url)
                    .await
                    .map_err(failed("connect to PostgreSQL"))?;
                Self {
                    read: pool.clone(),
                    write: pool,
                }
            }
        };
        sqlx::migrate!()
            .run(&store.write)
            .await
            .map_err(|error| Error::Store {
                doing: "bring its tables up to date",
                reason: error.to_string(),
            })?;
        Ok(store)
    }

    async fn open_sqlite(dir: &Path) -> Result<Self> {
        tls::make_private_folder(dir)?;
        let path = dir.join(SQLITE_FILE);
        // SQLite gives its journal files the mode of the main file, so that one has to be private from the start.
        tls::private_options()
            .open(&path)
            .map_err(|source| Error::Io {
                doing: "create",
                path: path.clone(),
                source,
            })?;
        let url = sqlite_url(&path);
        let options = || {
            AnyPoolOptions::new()
                .acquire_timeout(PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        for pragma in [
                            "PRAGMA busy_timeout = 5000",
                            "PRAGMA journal_mode = WAL",
                            "PRAGMA synchronous = NORMAL",
                            "PRAGMA foreign_keys = ON",
                        ] {
                            sqlx::query(pragma).execute(&mut *connection).await?;
                        }
                        Ok(())
                    })
                })
        };
        let open = failed("open");
        let write = options()
            .max_connections(1)
            .connect(&url)
            .await
            .map_err(open)?;
        let read = options()
            .max_connections(SQLITE_READERS)
            .connect(&url)
            .await
            .map_err(failed("open"))?;
        Ok(Self { read, write })
    }

    /// Waits for what is under way and closes the database.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1")
            .execute(&self.read)
            .await
            .map(drop)
            .map_err(failed("answer"))
    }

    /// What the hub noted under `name`.
    pub(crate) async fn setting(&self, name: &str) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.read)
            .await
            .map_err(failed("read a setting"))
    }

    /// Notes `value` under `name`.
    pub(crate) async fn set_setting(&self, name: &str, value: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(failed("write a setting"))
    }

    /// Forgets what time has made worthless: tokens an hour past their end, nonces past theirs.
    pub(crate) async fn tidy(&self, now: i64) -> Result<()> {
        const KEPT_MS: i64 = 3_600_000;
        let tidy = || failed("forget what is old");
        sqlx::query("DELETE FROM tokens WHERE expires < $1")
            .bind(now - KEPT_MS)
            .execute(&self.write)
            .await
            .map_err(tidy())?;
        sqlx::query("DELETE FROM nonces WHERE expires < $1")
            .bind(now)
            .execute(&self.write)
            .await
            .map_err(tidy())?;
        Ok(())
    }
}

/// Unix milliseconds of the wall clock.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The database's error as ours. No statement holds a value, so none of them gets into the text.
fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| Error::Store {
        doing,
        reason: error.to_string(),
    }
}

/// `sqlite://` and the path, percent-encoded where a URL needs it.
fn sqlite_url(path: &Path) -> String {
    let mut url = String::from("sqlite://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                url.push(char::from(*byte));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A store of its own in a folder that lives as long as the value.
    pub(crate) async fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite, dir.path()).await.unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn settings_survive_and_the_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("a b%?#é");
        let store = Store::open(&Database::Sqlite, &odd).await.unwrap();
        store.set_setting("http", "1").await.unwrap();
        store.set_setting("http", "2").await.unwrap();
        #[cfg(unix)]
        for entry in std::fs::read_dir(&odd).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
        store.close().await;
        let again = Store::open(&Database::Sqlite, &odd).await.unwrap();
        assert_eq!(again.setting("http").await.unwrap().as_deref(), Some("2"));
        assert_eq!(again.setting("none").await.unwrap(), None);
        again.ping().await.unwrap();
    }
}
