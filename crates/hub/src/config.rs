//! What a hub is told: from a file, the environment and flags, later ones first.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use wire::hub::{HTTP_PORT, MQTT_PORT};

use crate::relay::QUIC_PORT;
use crate::{Error, Result};

/// TCP port of the relay unless told otherwise.
pub const RELAY_PORT: u16 = 8444;

/// The configuration's name inside the hub's folder.
pub const FILE: &str = "hub.toml";

/// Everything that a hub can be told. Every field has a default but `dir`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the TLS identity and, with SQLite, of the database. Made with mode 0700.
    #[serde(default)]
    pub dir: PathBuf,
    /// Where the hub remembers.
    #[serde(default)]
    pub database: Database,
    /// Name or address by which cameras reach this machine. By default this machine's address in its own network.
    #[serde(default)]
    pub host: Option<String>,
    /// Address and port of HTTPS; port 0 is any, which is then remembered in the database.
    #[serde(default = "http_default")]
    pub http: SocketAddr,
    /// Which broker.
    #[serde(default)]
    pub mqtt: Mqtt,
    /// File with the authority, PEM, of an external broker whose certificate no public one signed.
    #[serde(default)]
    pub mqtt_ca: Option<PathBuf>,
    /// The relay, if there is to be one.
    #[serde(default)]
    pub relay: Option<Relay>,
    /// What one owner, one camera or one address may ask for.
    #[serde(default)]
    pub limits: Limits,
}

impl Config {
    /// The defaults with this folder: ports 8883 and 8443, SQLite, no relay.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            database: Database::default(),
            host: None,
            http: http_default(),
            mqtt: Mqtt::default(),
            mqtt_ca: None,
            relay: None,
            limits: Limits::default(),
        }
    }

    /// For a hub inside an app: as [`Config::new`], but any free ports, the same ones again at the next start.
    pub fn embedded(dir: impl Into<PathBuf>) -> Self {
        Self {
            http: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            mqtt: Mqtt::Embedded(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            ..Self::new(dir)
        }
    }

    /// Reads a configuration file (TOML). A file without `dir` means its own folder.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Config`] with the line and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            doing: "read",
            path: path.to_path_buf(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| Error::Config {
            field: path.display().to_string(),
            // The parser's own text quotes the line, which may hold a password.
            got: format!("not understood ({})", error.message()),
            expected: "the settings that the hub's README lists",
        })?;
        if config.dir.as_os_str().is_empty() {
            config.dir = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        }
        Ok(config)
    }
}

fn http_default() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, HTTP_PORT))
}

/// Where the hub remembers. Written `sqlite` or as a `postgres://` URL; `Debug` and `Display` hide the URL's password.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Database {
    /// `hub.db` in the hub's folder, mode 0600.
    #[default]
    Sqlite,
    /// A PostgreSQL database by URL, `postgres://user:password@host/name`.
    Postgres(String),
}

impl FromStr for Database {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "sqlite" {
            return Ok(Self::Sqlite);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(Error::Config {
            field: "database".into(),
            got: "***".into(),
            expected: "`sqlite` or a postgres:// URL",
        })
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.write_str("sqlite"),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

/// Which MQTT broker. Written as an address to listen on, or as the URL of another broker.
#[derive(Clone, PartialEq, Eq)]
pub enum Mqtt {
    /// The hub's own broker, MQTT over TLS on this address; port 0 is any, which is then remembered.
    Embedded(SocketAddr),
    /// A broker or cluster that others run: `mqtts://user:password@host:port`.
    External(String),
}

impl Default for Mqtt {
    fn default() -> Self {
        Self::Embedded(SocketAddr::from((Ipv4Addr::UNSPECIFIED, MQTT_PORT)))
    }
}

impl FromStr for Mqtt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("mqtt://") || text.starts_with("mqtts://") {
            return Ok(Self::External(text.to_owned()));
        }
        text.parse().map(Self::Embedded).map_err(|_| Error::Config {
            field: "mqtt".into(),
            got: "***".into(),
            expected: "an address to listen on like 0.0.0.0:8883, or an mqtts:// URL",
        })
    }
}

impl fmt::Display for Mqtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(address) => address.fmt(f),
            Self::External(url) => f.write_str(&without_password(url)),
        }
    }
}

/// `scheme://user:***@host/…`.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "***".into();
    };
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{place}")
        }
        None => url.to_owned(),
    }
}

macro_rules! text_setting {
    ($($type:ty),+) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

text_setting!(Database, Mqtt);

/// Where the relay listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Relay {
    /// TCP address of the relay; port 0 is any.
    pub https: SocketAddr,
    /// UDP address of address discovery; port 0 is any.
    pub quic: SocketAddr,
}

impl Default for Relay {
    fn default() -> Self {
        let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Self {
            https: any(RELAY_PORT),
            quic: any(QUIC_PORT),
        }
    }
}

/// What one owner, one camera or one address may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Life of a pairing token, seconds.
    pub token_seconds: u64,
    /// Tokens that an owner may make in a minute.
    pub tokens_per_minute: u32,
    /// Wrong tokens that a camera may report, and refused registrations that an address may send, in a minute.
    pub wrong_per_minute: u32,
    /// HTTP requests that an address may send in a minute.
    pub requests_per_minute: u32,
    /// Cameras that an owner may have.
    pub devices_per_owner: u32,
    /// How far a registration's timestamp may be from the hub's clock, seconds.
    pub clock_seconds: u64,
    /// Connections that the embedded broker keeps at the same time.
    pub connections: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            token_seconds: 600,
            tokens_per_minute: 30,
            wrong_per_minute: 10,
            requests_per_minute: 600,
            devices_per_owner: 200,
            clock_seconds: 300,
            connections: 20_000,
        }
    }
}

impl Limits {
    /// Life of a pairing token.
    pub fn token_life(&self) -> Duration {
        Duration::from_secs(self.token_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn an_empty_file_means_the_defaults_beside_it() {
        let config = read("").unwrap();
        assert_eq!(config, Config::new(config.dir.clone()));
        assert!(config.dir.is_absolute());
        assert_eq!(
            (config.http.port(), config.limits.token_seconds),
            (8443, 600)
        );
        assert_eq!(config.mqtt.to_string(), "0.0.0.0:8883");
    }

    #[test]
    fn every_setting_is_read() {
        let config = read(
            r#"
            dir = "/srv/hub"
            database = "postgres://hub:secret@db.example/hub"
            host = "hub.example"
            http = "[::]:443"
            mqtt = "mqtts://hub:secret@mqtt.example:8883"
            [relay]
            https = "0.0.0.0:444"
            [limits]
            token_seconds = 60
            "#,
        )
        .unwrap();
        assert_eq!(config.dir, Path::new("/srv/hub"));
        assert_eq!(config.limits.token_seconds, 60);
        assert_eq!(config.limits.tokens_per_minute, 30);
        let relay = config.relay.unwrap();
        assert_eq!((relay.https.port(), relay.quic.port()), (444, 7842));
        assert_eq!(
            config.database.to_string(),
            "postgres://hub:***@db.example/hub"
        );
        assert_eq!(config.mqtt.to_string(), "mqtts://hub:***@mqtt.example:8883");
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn what_is_wrong_is_named_without_a_password() {
        for (text, names) in [
            ("htpp = 1", "htpp"),
            ("database = \"mysql://u:hunter2@h/d\"", "database"),
            ("mqtt = \"tcp://u:hunter2@h\"", "mqtt"),
            ("[limits]\ntoken_seconds = -1", "invalid value"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(names), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let missing = Config::read(Path::new("/nowhere/hub.toml")).unwrap_err();
        assert!(matches!(missing, Error::Io { .. }));
    }
}
