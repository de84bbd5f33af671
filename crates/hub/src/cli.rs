//! What can be typed after `porthole-hub`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use hub::Config;
use hub::config::{Database, FILE, Mqtt};

/// Where a hub that runs as a system service keeps its things.
const SYSTEM_DIR: &str = "/var/lib/porthole-hub";

/// The meeting point of cameras and viewers that one can own.
#[derive(Debug, Parser)]
#[command(name = "porthole-hub", version, about)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings of every command. A flag goes before the environment, the environment before the file.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Folder of the key and, with SQLite, of the database.
    #[arg(long, global = true, env = "PORTHOLE_HUB_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Configuration file; by default hub.toml in the folder, if it is there.
    #[arg(long, global = true, env = "PORTHOLE_HUB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// `sqlite`, or a postgres:// URL.
    #[arg(
        long,
        global = true,
        env = "PORTHOLE_HUB_DATABASE",
        value_name = "URL",
        hide_env_values = true
    )]
    database: Option<Database>,
    /// Name or address by which cameras reach this machine.
    #[arg(long, global = true, env = "PORTHOLE_HUB_HOST", value_name = "HOST")]
    host: Option<String>,
    /// Address and port of HTTPS.
    #[arg(long, global = true, env = "PORTHOLE_HUB_HTTP", value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Address and port of MQTT, or the mqtts:// URL of another broker.
    #[arg(
        long,
        global = true,
        env = "PORTHOLE_HUB_MQTT",
        value_name = "ADDRESS|URL",
        hide_env_values = true
    )]
    mqtt: Option<Mqtt>,
    /// Run a relay on this TCP address too; its address discovery has UDP port 7842 unless the file says otherwise.
    #[arg(
        long,
        global = true,
        env = "PORTHOLE_HUB_RELAY",
        value_name = "ADDRESS"
    )]
    relay: Option<SocketAddr>,
}

impl Settings {
    /// Everything put together.
    pub(crate) fn config(&self) -> hub::Result<Config> {
        let dir = self.dir.clone().unwrap_or_else(|| SYSTEM_DIR.into());
        let mut config = match self.file(&dir) {
            Some(path) => Config::read(&path)?,
            None => Config::new(dir),
        };
        if let Some(dir) = &self.dir {
            config.dir.clone_from(dir);
        }
        if let Some(database) = &self.database {
            config.database.clone_from(database);
        }
        if self.host.is_some() {
            config.host.clone_from(&self.host);
        }
        if let Some(http) = self.http {
            config.http = http;
        }
        if let Some(mqtt) = &self.mqtt {
            config.mqtt.clone_from(mqtt);
        }
        if let Some(https) = self.relay {
            config.relay.get_or_insert_default().https = https;
        }
        Ok(config)
    }

    fn file(&self, dir: &Path) -> Option<PathBuf> {
        let usual = || Some(dir.join(FILE)).filter(|path| path.is_file());
        self.config.clone().or_else(usual)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the folder, the key and the database, and say where the hub is.
    Init,
    /// Run the hub until it is told to end (SIGINT, SIGTERM).
    Run,
    /// Say where the hub is and by which key it is known.
    Address,
    /// Owners: who may bind cameras.
    #[command(subcommand)]
    Owner(Owner),
    /// Products: kinds of cameras.
    #[command(subcommand)]
    Product(Product),
    /// Cameras.
    #[command(subcommand)]
    Device(Device),
    /// Pairing tokens.
    #[command(subcommand)]
    Token(Token),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Owner {
    /// Make an owner, or give one a new access token, and print the invitation for the app: a secret.
    Add {
        /// The owner's name.
        name: String,
    },
    /// End an owner's access token. The owner's cameras stay bound.
    Lock {
        /// The owner's name.
        name: String,
    },
    /// List the owners.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Product {
    /// Make a product. Its secret, if it has one, is read from a file or from standard input (`-`).
    Add {
        /// 10 letters and digits.
        product_id: String,
        /// File with the product's secret.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Make a camera that needs no registration, and print its secret.
    Add {
        /// 10 letters and digits.
        product_id: String,
        /// At most 48 letters, digits, `_`, `:`, `-`.
        device_name: String,
        /// File with the camera's secret (base64), `-` for standard input; made if not given.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// List the cameras.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// List the live pairing tokens, without their text.
    List,
}
