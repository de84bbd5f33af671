//! NetworkManager over D-Bus: desktops, and boards that use it.
//!
//! A profile of ours is volatile and bound to a D-Bus connection of its own (`persist=volatile`,
//! `bind-activation=dbus-client`, NetworkManager 1.16): when that connection ends, with the join's future, with the
//! radio or with the process, NetworkManager deactivates and forgets the profile and goes back to the user's. So there
//! is nothing to tidy up, and no profile of the user's is ever touched. Only a network to be kept gets a profile on disk.

mod activate;
mod bus;
mod profiles;
mod progress;
mod settings;
mod sight;
mod told;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use wire::wifi::Ssid;

use crate::{
    AccessPoint, Before, Capabilities, Error, Joined, Network, RunningAp, Security, Target,
};
use activate::Activation;
use bus::{Bus, Path, Properties};
use progress::state;
use settings::Purpose;
use told::{name, read};

const BACKEND: &str = "NetworkManager";
const WIFI_DEVICE: u32 = 2;
const AP_CAPABILITY: u32 = 0x40;
const AP_MODE: u32 = 3;
/// How long the network of before may take to have us back.
const RETURN_LIMIT: Duration = Duration::from_secs(45);
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// For a property that has no signal to wait for.
const POLL: Duration = Duration::from_millis(200);

/// A radio that NetworkManager drives.
pub(crate) struct Radio {
    /// The bus; `None`: the system's.
    address: Option<String>,
    bus: Bus,
    device: Path,
    interface: String,
    capabilities: Capabilities,
    state: Mutex<State>,
    operation: tokio::sync::Mutex<()>,
}

/// What this process did to the radio.
#[derive(Default)]
struct State {
    link: Option<(Target, Activation)>,
    access_point: Option<Activation>,
}

/// What [`crate::Radio::remember`] notes.
struct Notes {
    /// We had joined it.
    ours: Option<Target>,
    /// A profile of the user's was active.
    theirs: Option<(Path, Ssid)>,
}

impl Radio {
    /// The Wi-Fi device of this name, or the first one that NetworkManager drives.
    pub(crate) async fn open(interface: Option<&str>) -> Result<Self, Error> {
        Self::open_at(None, interface).await
    }

    async fn open_at(address: Option<String>, interface: Option<&str>) -> Result<Self, Error> {
        let bus = Bus::open(address.as_deref()).await?;
        let devices: Vec<Path> = bus
            .call("list devices", bus::ROOT, bus::NAME, "GetDevices", &())
            .await?;
        let mut found = None;
        for device in devices {
            let is_wifi = bus.get::<u32>(&device, bus::DEVICE, "DeviceType").await? == WIFI_DEVICE;
            let name: String = bus.get(&device, bus::DEVICE, "Interface").await?;
            let is_managed =
                bus.get::<u32>(&device, bus::DEVICE, "State").await? > state::UNMANAGED;
            if is_wifi && is_managed && interface.is_none_or(|wanted| wanted == name) {
                found = Some((device, name));
                break;
            }
        }
        let (device, name) = found.ok_or_else(|| Error::NoRadio {
            looked_for: format!(
                "a Wi-Fi device {} that NetworkManager drives",
                interface.unwrap_or("")
            ),
        })?;
        let can: u32 = bus
            .get(&device, bus::WIRELESS, "WirelessCapabilities")
            .await?;
        Ok(Self {
            address,
            bus,
            device,
            interface: name,
            capabilities: Capabilities {
                access_point: can & AP_CAPABILITY != 0,
                ap_while_joined: false,
                scans: true,
            },
            state: Mutex::default(),
            operation: tokio::sync::Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        self.operation.try_lock().map_err(|_| Error::Busy {
            with: "another request",
        })
    }

    async fn check_on(&self) -> Result<(), Error> {
        let is_on: bool = self
            .bus
            .get(bus::ROOT, bus::NAME, "WirelessEnabled")
            .await?;
        if is_on {
            return Ok(());
        }
        Err(Error::NotAllowed {
            doing: "use the radio",
            allow: "Wi-Fi is switched off: switch it on in the system's settings".to_owned(),
        })
    }

    async fn leave_link(&self) {
        let link = self.state().link.take();
        if let Some((_, activation)) = link {
            activation.end().await;
        }
    }

    async fn close_access_point(&self) {
        let open = self.state().access_point.take();
        if let Some(activation) = open {
            activation.end().await;
        }
    }

    async fn join_network(&self, target: &Target, limit: Duration) -> Result<Joined, Error> {
        let timeout = || Error::Timeout {
            doing: "joining",
            limit,
        };
        let deadline = Instant::now() + limit;
        self.check_on().await?;
        self.close_access_point().await;
        self.leave_link().await;
        let sight = self.find(target, deadline).await?;
        check_protection(target, sight.as_ref().map(|(_, network)| network))?;
        let profile = settings::station(
            target,
            sight.as_ref().map(|(_, network)| network),
            Purpose::Trial,
        );
        let place = sight.as_ref().map(|(path, _)| path);
        let activation =
            Activation::start(self.address.as_deref(), &self.device, profile, place).await?;
        let activation = activation.wait(&target.ssid, deadline, timeout()).await?;
        let joined = self.joined().await?.ok_or_else(|| Error::NoLease {
            ssid: target.ssid.clone(),
        })?;
        if target.keep {
            self.keep(target).await?;
        }
        self.state().link = Some((target.clone(), activation));
        Ok(joined)
    }

    /// The network that the device is on, when it has an address.
    async fn joined(&self) -> Result<Option<Joined>, Error> {
        let device = self.bus.all(&self.device, bus::DEVICE).await?;
        let wireless = self.bus.all(&self.device, bus::WIRELESS).await?;
        let is_joined = read::<u32>(&device, "State") == Some(state::ACTIVATED)
            && read::<u32>(&wireless, "Mode") != Some(AP_MODE);
        let place =
            read::<Path>(&wireless, "ActiveAccessPoint").filter(|path| path.as_str() != "/");
        let (true, Some(place)) = (is_joined, place) else {
            return Ok(None);
        };
        let place = self.bus.all(&place, bus::ACCESS_POINT).await?;
        let Some(ssid) = name(&place) else {
            return Ok(None);
        };
        let addresses = self.config(&device, "Ip4Config", bus::IP4_CONFIG).await;
        let lease = self.config(&device, "Dhcp4Config", bus::DHCP4_CONFIG).await;
        let Some(address) = told::address(&addresses) else {
            return Ok(None);
        };
        Ok(Some(Joined {
            ssid,
            bssid: read::<String>(&place, "HwAddress").and_then(|text| text.parse().ok()),
            interface: self.interface.clone(),
            address,
            gateway: told::gateway(&lease)
                .or_else(|| read::<String>(&addresses, "Gateway")?.parse().ok()),
        }))
    }

    /// The properties of one of the device's configurations; empty when it has none.
    async fn config(&self, device: &Properties, name: &str, interface: &str) -> Properties {
        let path = read::<Path>(device, name).filter(|path| path.as_str() != "/");
        match path {
            Some(path) => self.bus.all(&path, interface).await.unwrap_or_default(),
            None => Properties::new(),
        }
    }

    /// The profile that is active on the device.
    async fn active_profile(&self) -> Result<Option<Path>, Error> {
        let active: Path = self
            .bus
            .get(&self.device, bus::DEVICE, "ActiveConnection")
            .await?;
        if active.as_str() == "/" {
            return Ok(None);
        }
        Ok(Some(
            self.bus.get(&active, bus::ACTIVE, "Connection").await?,
        ))
    }

    /// Goes back to a profile of the user's.
    async fn return_to(&self, profile: &Path, ssid: &Ssid) -> Result<(), Error> {
        let not_found = || Error::NotFound { ssid: ssid.clone() };
        let is_there = async || -> Result<bool, Error> {
            let is_it = self.active_profile().await?.as_ref() == Some(profile);
            let reached: u32 = self.bus.get(&self.device, bus::DEVICE, "State").await?;
            Ok(is_it && reached == state::ACTIVATED)
        };
        if self.active_profile().await?.as_ref() != Some(profile) {
            let nowhere = Path::try_from("/").map_err(|_| not_found())?;
            let _: Path = self
                .bus
                .call(
                    "go back to a profile",
                    bus::ROOT,
                    bus::NAME,
                    "ActivateConnection",
                    &(profile, &self.device, nowhere),
                )
                .await?;
        }
        let deadline = Instant::now() + RETURN_LIMIT;
        while Instant::now() < deadline {
            if is_there().await? {
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(not_found())
    }
}

#[async_trait]
impl crate::Radio for Radio {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn scan(&self) -> Result<Vec<Network>, Error> {
        let _alone = self.begin()?;
        self.check_on().await?;
        self.look(None).await?;
        let profiles = self.profiles().await?;
        let known: Vec<Ssid> = profiles
            .iter()
            .filter_map(|(_, profile)| settings::told_ssid(profile))
            .collect();
        let networks = self.heard().await?.into_iter().map(|(_, network)| Network {
            known: known.contains(&network.ssid),
            ..network
        });
        Ok(Network::tidy(networks.collect()))
    }

    async fn join(&self, target: &Target, limit: Duration) -> Result<Joined, Error> {
        let _alone = self.begin()?;
        self.join_network(target, limit).await
    }

    async fn leave(&self) -> Result<(), Error> {
        let _alone = self.begin()?;
        self.leave_link().await;
        self.forget().await
    }

    async fn current(&self) -> Result<Option<Joined>, Error> {
        self.joined().await
    }

    async fn start_access_point(&self, wanted: &AccessPoint) -> Result<RunningAp, Error> {
        let _alone = self.begin()?;
        if !self.capabilities.access_point {
            return Err(Error::Unsupported {
                what: "be an access point",
            });
        }
        self.check_on().await?;
        self.close_access_point().await;
        self.leave_link().await;
        let profile = settings::access_point(wanted);
        let activation =
            Activation::start(self.address.as_deref(), &self.device, profile, None).await?;
        let timeout = Error::Timeout {
            doing: "opening an access point",
            limit: OPEN_LIMIT,
        };
        let deadline = Instant::now() + OPEN_LIMIT;
        let activation = activation.wait(&wanted.ssid, deadline, timeout).await?;
        self.state().access_point = Some(activation);
        Ok(RunningAp {
            address: wanted.address,
            interface: self.interface.clone(),
        })
    }

    async fn stop_access_point(&self) -> Result<(), Error> {
        let _alone = self.begin()?;
        self.close_access_point().await;
        Ok(())
    }

    async fn remember(&self) -> Result<Before, Error> {
        let ours = self.state().link.as_ref().map(|(target, _)| target.clone());
        let mut theirs = None;
        if ours.is_none()
            && let Some(path) = self.active_profile().await?
        {
            let told = self
                .bus
                .call("tell a profile", &path, bus::PROFILE, "GetSettings", &())
                .await?;
            // Our own access point is nothing to go back to.
            theirs = settings::told_ssid(&told)
                .filter(|_| !settings::is_ours(&told) || settings::autoconnects(&told))
                .map(|ssid| (path, ssid));
        }
        Ok(Before::new(Notes { ours, theirs }))
    }

    async fn restore(&self, before: Before) -> Result<(), Error> {
        let notes: Notes = before.into_notes()?;
        let _alone = self.begin()?;
        self.close_access_point().await;
        let is_there = {
            let state = self.state();
            let link = state.link.as_ref().map(|(target, _)| &target.ssid);
            link.is_some() && link == notes.ours.as_ref().map(|target| &target.ssid)
        };
        if is_there {
            return Ok(());
        }
        self.leave_link().await;
        match (notes.ours, notes.theirs) {
            (Some(target), _) => self.join_network(&target, RETURN_LIMIT).await.map(|_| ()),
            (None, Some((profile, ssid))) => self.return_to(&profile, &ssid).await,
            (None, None) => Ok(()),
        }
    }
}

/// Whether what was heard can be joined with what is given for it.
fn check_protection(target: &Target, sight: Option<&Network>) -> Result<(), Error> {
    let Some(network) = sight else {
        return Ok(());
    };
    if !network.security.is_joinable() {
        return Err(Error::Unsupported {
            what: "join a network with this kind of protection",
        });
    }
    if (network.security == Security::Open) != target.passphrase.is_none() {
        return Err(Error::WrongPassphrase {
            ssid: target.ssid.clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
