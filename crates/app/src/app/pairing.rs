//! The calls of the pairing wizard.

use super::App;
use crate::api::{
    Call, Failure, HubChoice, RadioState, Reply, Secret, WifiLogin, WifiNetwork, WifiSecurity,
};
use crate::pairing::{causes, wanted};
use crate::record::Progress;
use crate::snapshot;
use crate::store::{not_written, write_private};
use std::path::PathBuf;
use wifi::{Joined, Network, Security};

/// How our cameras' hotspots begin.
const OURS: &str = "Porthole-";

impl App {
    /// Does a call of the wizard.
    ///
    /// # Errors
    /// What went wrong, with texts in [`crate::texts`].
    pub(super) async fn pairing_call(&self, call: Call) -> Result<Reply, Failure> {
        let app = &*self.0;
        match call {
            Call::ScanWifi => Ok(self.scan().await),
            Call::ReadLabel { label } => self.read_label(&label),
            Call::StartPairing { request } => app.pairings.start(request).map(|()| Reply::Done),
            Call::RetryPairing { hotspot, network } => {
                app.pairings.retry(hotspot, network).map(|()| Reply::Done)
            }
            Call::StopPairing => {
                app.pairings.stop();
                Ok(Reply::Done)
            }
            Call::PairingState => Ok(Reply::Pairing {
                pairing: app.pairings.state(),
            }),
            Call::PairingCode => app.pairings.code(),
            Call::SavePairingLog => self.save_log(),
            Call::CheckHub { invitation } => Ok(Reply::Hub {
                address: app.hubs.check(&invitation).await?,
            }),
            other => Err(crate::fail::internal(format!(
                "{other:?} is no call of the wizard"
            ))),
        }
    }

    async fn scan(&self) -> Reply {
        let (networks, current, failed) = match self.0.radios.open().await {
            Ok(radio) => {
                let current = radio.current().await.ok().flatten();
                match radio.scan().await {
                    Ok(networks) => (networks, current, None),
                    Err(error) => (Vec::new(), current, Some(error)),
                }
            }
            Err(error) => (Vec::new(), None, Some(error)),
        };
        Reply::Wifi {
            radio: match failed {
                None => RadioState::Ready,
                Some(error) => RadioState::ByHand {
                    failure: causes::radio(&error),
                },
            },
            networks: shown(&networks, current.as_ref()),
            current: current.map(|joined| joined.ssid.to_string()),
        }
    }

    fn read_label(&self, label: &Secret) -> Result<Reply, Failure> {
        let label = wanted::label(label)?;
        let saved = label.camera.and_then(|id| self.0.core.book.by_id(&id));
        Ok(Reply::Label {
            hotspot: WifiLogin {
                ssid: label.ssid.to_string(),
                passphrase: label
                    .passphrase
                    .map(|passphrase| Secret::new(passphrase.as_str())),
                hidden: false,
            },
            camera: label.camera.map(|id| id.to_string()),
            saved_as: saved.map(|saved| saved.key),
        })
    }

    fn save_log(&self) -> Result<Reply, Failure> {
        let log = self.0.pairings.log()?;
        let dir = &self.0.media_dir;
        std::fs::create_dir_all(dir).map_err(|error| not_written(dir, &error))?;
        let path: PathBuf = snapshot::free_path(dir, "camera-log", "txt");
        write_private(&path, log.as_bytes()).map_err(|error| not_written(&path, &error))?;
        Ok(super::file(Progress {
            path,
            bytes: log.len() as u64,
            ..Progress::default()
        }))
    }

    /// What the settings say about the hub, checked without asking it.
    pub(super) fn check_hub_choice(choice: &HubChoice) -> Result<(), Failure> {
        match choice {
            HubChoice::Embedded => Ok(()),
            HubChoice::External { invitation } => crate::hubs::read(invitation).map(|_| ()),
        }
    }
}

/// Every name once, the strongest first.
fn shown(networks: &[Network], current: Option<&Joined>) -> Vec<WifiNetwork> {
    let mut all: Vec<WifiNetwork> = Vec::with_capacity(networks.len());
    for network in networks {
        let ssid = network.ssid.to_string();
        if all.iter().any(|there| there.ssid == ssid) {
            continue;
        }
        all.push(WifiNetwork {
            signal_percent: network.signal_percent,
            frequency_mhz: network.frequency_mhz,
            security: match network.security {
                Security::Open => WifiSecurity::Open,
                Security::Personal | Security::Wpa3Only => WifiSecurity::Password,
                Security::Enterprise | Security::Other => WifiSecurity::Other,
            },
            known: network.known,
            current: current.is_some_and(|joined| joined.ssid == network.ssid),
            camera: ssid.starts_with(OURS),
            ssid,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use wifi::Bssid;

    #[test]
    fn a_name_is_listed_once_and_a_cameras_hotspot_is_seen() {
        let network = |ssid: &str, security, signal_percent| Network {
            ssid: ssid.parse().unwrap(),
            bssid: Bssid([1; 6]),
            signal_percent,
            frequency_mhz: 2437,
            security,
            known: false,
        };
        let shown = shown(
            &[
                network("Home", Security::Personal, 80),
                network("Porthole-1A2B", Security::Personal, 70),
                network("Home", Security::Open, 20),
                network("Office", Security::Enterprise, 10),
            ],
            None,
        );
        let listed: Vec<_> = shown
            .iter()
            .map(|network| (network.ssid.as_str(), network.security, network.camera))
            .collect();
        assert_eq!(
            listed,
            [
                ("Home", WifiSecurity::Password, false),
                ("Porthole-1A2B", WifiSecurity::Password, true),
                ("Office", WifiSecurity::Other, false),
            ]
        );
    }
}
