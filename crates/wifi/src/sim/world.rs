//! The folder that simulated radios share, and its files.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wire::wifi::{Passphrase, Ssid};

use crate::{Bssid, Error, Network, Security};

/// More than any of these files has in it.
const FILE_LIMIT: u64 = 1 << 20;

/// A network that is in the world from the start: an entry of `networks.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Home {
    ssid: String,
    passphrase: Option<String>,
    /// Percent.
    #[serde(default = "full_signal")]
    signal: u8,
    #[serde(default = "yes")]
    dhcp: bool,
    #[serde(default)]
    hidden: bool,
    #[serde(default = "yes")]
    in_range: bool,
    #[serde(default)]
    known: bool,
    #[serde(default = "first_channel")]
    frequency_mhz: u32,
}

/// How the world behaves: `world.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rules {
    join_ms: u64,
    scan_ms: u64,
    /// How long a radio asks for an address before it gives up.
    lease_ms: u64,
    pub(super) allowed: bool,
    pub(super) access_point: bool,
    pub(super) ap_while_joined: bool,
    /// Which network a radio is on that has not done anything itself, by the radio's name.
    pub(super) joined: HashMap<String, String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            join_ms: 300,
            scan_ms: 100,
            lease_ms: 1000,
            allowed: true,
            access_point: true,
            ap_while_joined: false,
            joined: HashMap::new(),
        }
    }
}

impl Rules {
    pub(super) fn join_time(&self) -> Duration {
        Duration::from_millis(self.join_ms)
    }

    pub(super) fn scan_time(&self) -> Duration {
        Duration::from_millis(self.scan_ms)
    }

    pub(super) fn lease_time(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

fn yes() -> bool {
    true
}

fn full_signal() -> u8 {
    100
}

fn first_channel() -> u32 {
    2412
}

/// An access point that a radio of this world has open: `access-points/NAME.json`, locked while it is open.
#[derive(Debug, Serialize, Deserialize)]
struct OpenAp {
    /// Bytes, since a name may be no text.
    ssid: Vec<u8>,
    passphrase: Option<String>,
    address: Ipv4Addr,
    frequency_mhz: u32,
}

/// A network that can be joined in this world at this moment.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) network: Network,
    pub(super) hidden: bool,
    pub(super) dhcp: bool,
    /// What a guest finds at the gateway's address.
    pub(super) gateway: Ipv4Addr,
    passphrase: Option<Passphrase>,
}

impl Place {
    /// Whether this opens it.
    pub(super) fn is_opened_by(&self, passphrase: Option<&Passphrase>) -> bool {
        self.passphrase.as_ref() == passphrase
    }
}

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct World {
    folder: PathBuf,
}

impl World {
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let world = Self {
            folder: folder.to_owned(),
        };
        std::fs::create_dir_all(world.access_points())
            .map_err(|error| failure("open its world", &world.folder, error))?;
        Ok(world)
    }

    /// The rules as they are now: tests and people edit the files while radios run.
    pub(super) fn rules(&self) -> Result<Rules, Error> {
        Ok(self
            .read(&self.folder.join("world.json"))?
            .unwrap_or_default())
    }

    /// Everything in range of the radio `me`, whose own access point it does not see.
    pub(super) fn places(&self, me: &str) -> Result<Vec<Place>, Error> {
        let homes: Option<Vec<Home>> = self.read(&self.folder.join("networks.json"))?;
        let mut places = Vec::new();
        for home in homes.unwrap_or_default() {
            if home.in_range {
                places.push(self.home(home)?);
            }
        }
        let names = std::fs::read_dir(self.access_points())
            .map_err(|error| failure("list access points", &self.folder, error))?;
        for entry in names.flatten() {
            let path = entry.path();
            let owner = path.file_stem().and_then(|stem| stem.to_str());
            if owner.is_some_and(|owner| owner != me)
                && let Some(place) = self.access_point(&path)
            {
                places.push(place);
            }
        }
        Ok(places)
    }

    /// Opens an access point that is there until the file is dropped, or this process has ended, however it ended.
    pub(super) fn open_access_point(
        &self,
        me: &str,
        ssid: &Ssid,
        passphrase: Option<&Passphrase>,
        channel: Option<u8>,
    ) -> Result<(Ipv4Addr, ApFile), Error> {
        let path = self.access_points().join(format!("{me}.json"));
        let broken = |error| failure("open an access point", &path, error);
        let address = own_address()?;
        let open = OpenAp {
            ssid: ssid.as_bytes().to_vec(),
            passphrase: passphrase.map(|passphrase| passphrase.as_str().to_owned()),
            address,
            frequency_mhz: 2407 + 5 * u32::from(channel.unwrap_or(6)),
        };
        let text = serde_json::to_vec(&open)
            .map_err(|error| Error::backend(super::BACKEND, "open an access point", error))?;
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy {
                    with: "an access point of another process",
                });
            }
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
        file.set_len(0).map_err(broken)?;
        file.write_all(&text).map_err(broken)?;
        Ok((address, ApFile { path, file }))
    }

    fn access_points(&self) -> PathBuf {
        self.folder.join("access-points")
    }

    fn home(&self, home: Home) -> Result<Place, Error> {
        const DOING: &str = "read networks.json";
        let broken = |error: wire::ParseError| Error::backend(super::BACKEND, DOING, error);
        let ssid: Ssid = home.ssid.parse().map_err(broken)?;
        let passphrase: Option<Passphrase> = match home.passphrase {
            Some(text) => Some(text.parse().map_err(broken)?),
            None => None,
        };
        Ok(Place {
            network: network(
                &ssid,
                passphrase.is_some(),
                home.frequency_mhz,
                home.signal,
                home.known,
            ),
            hidden: home.hidden,
            dhcp: home.dhcp,
            gateway: Ipv4Addr::LOCALHOST,
            passphrase,
        })
    }

    /// The access point of a file, unless its owner is gone or still writing.
    fn access_point(&self, path: &Path) -> Option<Place> {
        let file = File::open(path).ok()?;
        // Whoever holds the lock is alive; we never hold it, so that an owner finds it free.
        if file.try_lock_shared().is_ok() {
            return None;
        }
        let open: OpenAp = read_json(file).ok()?;
        let ssid = Ssid::from_bytes(open.ssid).ok()?;
        let passphrase = match open.passphrase {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        Some(Place {
            network: network(&ssid, passphrase.is_some(), open.frequency_mhz, 90, false),
            hidden: false,
            dhcp: true,
            gateway: open.address,
            passphrase,
        })
    }

    /// What is in a file; `None` when there is no such file.
    fn read<T: for<'a> Deserialize<'a>>(&self, path: &Path) -> Result<Option<T>, Error> {
        match File::open(path) {
            Ok(file) => match read_json(file) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(failure("read its world", path, error)),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure("read its world", path, error)),
        }
    }
}

/// An access point's file: dropped, the access point is gone.
#[derive(Debug)]
pub(super) struct ApFile {
    path: PathBuf,
    file: File,
}

impl Drop for ApFile {
    fn drop(&mut self) {
        // Emptied before it is unlocked: a reader in between sees nothing rather than what was.
        let _ = self.file.set_len(0);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn read_json<T: for<'a> Deserialize<'a>>(file: File) -> std::io::Result<T> {
    let mut text = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn network(ssid: &Ssid, is_closed: bool, frequency_mhz: u32, signal: u8, known: bool) -> Network {
    // The same name has the same BSSID in every process.
    let mut bssid = [2_u8, 0, 0, 0, 0, 0];
    for (at, byte) in ssid.as_bytes().iter().enumerate() {
        bssid[1 + at % 5] = bssid[1 + at % 5].wrapping_mul(31) ^ byte;
    }
    Network {
        ssid: ssid.clone(),
        bssid: Bssid(bssid),
        signal_percent: signal.min(100),
        frequency_mhz,
        security: if is_closed {
            Security::Personal
        } else {
            Security::Open
        },
        known,
    }
}

/// A loopback address that no other access point on this machine is likely to have: two worlds at a time, or two
/// cameras in one, must not share a port.
fn own_address() -> Result<Ipv4Addr, Error> {
    let mut random = [0; 3];
    getrandom::fill(&mut random)
        .map_err(|error| Error::backend(super::BACKEND, "choose an address", error))?;
    let [a, b, c] = random;
    Ok(Ipv4Addr::new(127, 64 | a & 63, b, 1 + c % 254))
}

fn failure(doing: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::backend(
        super::BACKEND,
        doing,
        format!("{}: {error}", path.display()),
    )
}
