//! What a camera that was set up remembers: setup.json.
//!
//! ```json
//! {"network":{"ssid":"Home","password":"…","bssid":null,"hidden":false},
//!  "account":{"host":"192.168.1.20","mqtt":8883,"http":8443,"pin":"…","product_id":"PORTHOLE01","device_name":"cam_…","secret":"…"},
//!  "expects_owner":false}
//! ```

use provision::DeviceSecret;
use serde::{Deserialize, Serialize};
use wifi::{Bssid, Passphrase, Ssid, Target};
use wire::device::Device;
use wire::hub::HubAddress;

use crate::data::{DataDir, DataError};

/// The file's name in the data directory.
pub const FILE: &str = "setup.json";

/// See the module's text. `Debug` shows no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The network that it joins.
    pub network: Option<Network>,
    /// The hub that it is at.
    pub account: Option<Account>,
    /// The hub has taken a token, and the owner has not been named yet. Only then a new owner is let in: the hub alone
    /// cannot add one.
    pub expects_owner: bool,
}

/// A network with what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub ssid: Ssid,
    /// `None`: it is open.
    pub passphrase: Option<Passphrase>,
    /// Only this access point.
    pub bssid: Option<Bssid>,
    /// It does not tell its name by itself.
    pub hidden: bool,
}

impl Network {
    /// For the radio. `keep`: come back to it by itself.
    pub fn target(&self, keep: bool) -> Target {
        Target {
            ssid: self.ssid.clone(),
            passphrase: self.passphrase.clone(),
            bssid: self.bssid,
            hidden: self.hidden,
            keep,
        }
    }
}

/// Who the camera is at a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which hub.
    pub hub: HubAddress,
    /// The camera's name there.
    pub device: Device,
    /// What it logs in with.
    pub secret: DeviceSecret,
}

impl Saved {
    /// Reads the file; a camera without one remembers nothing.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn load(dir: &DataDir) -> Result<Self, DataError> {
        let Some(file) = dir.read::<File>(FILE)? else {
            return Ok(Self::default());
        };
        // The words of a reader may hold what it could not read: the field's name is enough.
        file.read().map_err(|field| DataError::Damaged {
            path: dir.path(FILE),
            text: format!("{field} cannot be read"),
        })
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(&self, dir: &DataDir) -> Result<(), DataError> {
        dir.write(FILE, &File::of(self))
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    network: Option<NetworkFile>,
    account: Option<AccountFile>,
    expects_owner: bool,
}

#[derive(Serialize, Deserialize)]
struct NetworkFile {
    ssid: String,
    /// The name's bytes in hex, if it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ssid_hex: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    bssid: Option<String>,
    #[serde(default)]
    hidden: bool,
}

#[derive(Serialize, Deserialize)]
struct AccountFile {
    host: String,
    mqtt: u16,
    http: u16,
    pin: String,
    product_id: String,
    device_name: String,
    secret: String,
}

impl File {
    fn of(saved: &Saved) -> Self {
        Self {
            network: saved.network.as_ref().map(NetworkFile::of),
            account: saved.account.as_ref().map(AccountFile::of),
            expects_owner: saved.expects_owner,
        }
    }

    fn read(self) -> Result<Saved, &'static str> {
        Ok(Saved {
            network: self.network.map(NetworkFile::read).transpose()?,
            account: self.account.map(AccountFile::read).transpose()?,
            expects_owner: self.expects_owner,
        })
    }
}

impl NetworkFile {
    fn of(network: &Network) -> Self {
        let bytes = network.ssid.as_bytes();
        let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            ssid: network.ssid.to_string(),
            ssid_hex: network.ssid.as_str().is_none().then(hex),
            password: network
                .passphrase
                .as_ref()
                .map(|one| one.as_str().to_owned()),
            bssid: network.bssid.map(|bssid| bssid.to_string()),
            hidden: network.hidden,
        }
    }

    fn read(self) -> Result<Network, &'static str> {
        let ssid = match &self.ssid_hex {
            Some(hex) => Ssid::from_bytes(bytes(hex).ok_or("ssid_hex")?),
            None => self.ssid.parse(),
        };
        let passphrase = self.password.map(|text| text.parse()).transpose();
        Ok(Network {
            ssid: ssid.map_err(|_| "ssid")?,
            passphrase: passphrase.map_err(|_| "password")?,
            bssid: match self.bssid {
                Some(text) => Some(text.parse().map_err(|_| "bssid")?),
                None => None,
            },
            hidden: self.hidden,
        })
    }
}

impl AccountFile {
    fn of(account: &Account) -> Self {
        Self {
            host: account.hub.host.clone(),
            mqtt: account.hub.mqtt_port,
            http: account.hub.http_port,
            pin: account.hub.pin.to_string(),
            product_id: account.device.product_id.to_string(),
            device_name: account.device.device_name.to_string(),
            secret: account.secret.as_str().to_owned(),
        }
    }

    fn read(self) -> Result<Account, &'static str> {
        Ok(Account {
            hub: HubAddress {
                host: self.host,
                mqtt_port: self.mqtt,
                http_port: self.http,
                pin: self.pin.parse().map_err(|_| "pin")?,
            },
            device: Device::new(&self.product_id, &self.device_name).map_err(|_| "device")?,
            secret: self.secret.parse().map_err(|_| "secret")?,
        })
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::Temporary;
    use wire::hub::Pin;

    fn saved() -> Saved {
        Saved {
            network: Some(Network {
                ssid: "Home".parse().unwrap(),
                passphrase: Some("abcd1234".parse().unwrap()),
                bssid: Some("02:00:5e:00:53:01".parse().unwrap()),
                hidden: true,
            }),
            account: Some(Account {
                hub: HubAddress {
                    host: "192.168.1.20".into(),
                    mqtt_port: 8883,
                    http_port: 8443,
                    pin: Pin([7; 32]),
                },
                device: Device::new("PORTHOLE01", "cam_01").unwrap(),
                secret: "c2VjcmV0".parse().unwrap(),
            }),
            expects_owner: true,
        }
    }

    #[test]
    fn everything_reads_back_and_debug_shows_no_secret() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        assert_eq!(Saved::load(&dir).unwrap(), Saved::default());
        saved().store(&dir).unwrap();
        assert_eq!(Saved::load(&dir).unwrap(), saved());
        let shown = format!("{:?}", saved());
        assert!(
            !shown.contains("abcd1234") && !shown.contains("c2VjcmV0"),
            "{shown}"
        );
    }

    #[test]
    fn a_name_that_is_no_text_reads_back() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        let mut saved = saved();
        let network = saved.network.as_mut().unwrap();
        network.ssid = Ssid::from_bytes([0xbf, 0xcd, 0xcc, 0xfc]).unwrap();
        network.passphrase = None;
        saved.store(&dir).unwrap();
        assert_eq!(Saved::load(&dir).unwrap(), saved);
    }

    #[test]
    fn a_damaged_file_is_named_by_field_without_its_value() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        let text = r#"{"network":{"ssid":"Home","password":"short"}}"#;
        std::fs::write(dir.path(FILE), text).unwrap();
        let error = Saved::load(&dir).unwrap_err().to_string();
        assert!(
            error.contains("password") && !error.contains("short"),
            "{error}"
        );
    }
}
