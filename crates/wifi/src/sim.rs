//! A radio that is none: networks and access points are files in a folder, which all processes of a simulation share.
//!
//! ```text
//! DIR/networks.json        [{"ssid":"Home-WiFi","passphrase":"abcd1234"}]     what is in range, see the README
//! DIR/world.json           {"join_ms":300,"allowed":true}                     how it behaves; may be missing
//! DIR/access-points/N.json the access point of radio N, locked while it is open
//! ```
//!
//! The files are read anew at every step, so a test moves a router out of range by writing `networks.json`.
//! Nothing keeps guests apart: everything is on the loopback interface, and a simulated radio only says who is where.

mod world;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{sleep, timeout};
use wire::wifi::Ssid;

use crate::{AccessPoint, Before, Capabilities, Error, Joined, Network, RunningAp, Target};
use world::{ApFile, Place, World};

/// What a radio of a world is called that has no name.
pub const DEFAULT_NAME: &str = "radio";

const BACKEND: &str = "the simulated radio";

/// Whether a text can be a simulated radio's name: letters, digits, `-` and `_`, at most 64.
pub fn is_name(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(is_fit)
}

/// A radio of a simulated world. What it is joined to, and its access point, end with it.
#[derive(Debug)]
pub struct Radio {
    world: World,
    name: String,
    state: Mutex<State>,
    operation: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the radio is; `Untouched` as long as it did nothing itself.
    link: Link,
    access_point: Option<ApFile>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Link {
    #[default]
    Untouched,
    Nowhere,
    On(Ssid),
}

impl Radio {
    /// The radio `name` of the world in a folder, which is made when there is none.
    ///
    /// # Errors
    /// [`Error::Backend`]: the folder cannot be used, or the name is no [name](is_name).
    pub fn open(folder: &Path, name: &str) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::backend(
                BACKEND,
                "open",
                "its name has other characters than letters, digits, - and _",
            ));
        }
        Ok(Self {
            world: World::open(folder)?,
            name: name.to_owned(),
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

    fn check_allowed(&self, doing: &'static str) -> Result<(), Error> {
        if self.world.rules()?.allowed {
            return Ok(());
        }
        Err(Error::NotAllowed {
            doing,
            allow: "write \"allowed\":true into world.json".to_owned(),
        })
    }

    /// The place that the radio is on, if that is still there.
    fn here(&self) -> Result<Option<Place>, Error> {
        let ssid = match &self.state().link {
            Link::Nowhere => return Ok(None),
            Link::On(ssid) => ssid.clone(),
            Link::Untouched => {
                let rules = self.world.rules()?;
                match rules.joined.get(&self.name).map(|text| text.parse()) {
                    Some(Ok(ssid)) => ssid,
                    _ => return Ok(None),
                }
            }
        };
        let mut places = self.world.places(&self.name)?;
        places.retain(|place| place.network.ssid == ssid);
        Ok(places.pop())
    }

    fn joined(&self, place: &Place) -> Joined {
        Joined {
            ssid: place.network.ssid.clone(),
            bssid: Some(place.network.bssid),
            interface: self.name.clone(),
            address: Ipv4Addr::LOCALHOST,
            gateway: Some(place.gateway),
        }
    }

    async fn try_join(&self, target: &Target) -> Result<Joined, Error> {
        let rules = self.world.rules()?;
        sleep(rules.join_time()).await;
        let ssid = &target.ssid;
        let places = self.world.places(&self.name)?;
        let is_meant = |place: &Place| {
            place.network.ssid == *ssid
                && (target.hidden || !place.hidden)
                && target
                    .bssid
                    .is_none_or(|bssid| bssid == place.network.bssid)
        };
        let Some(place) = places.into_iter().find(is_meant) else {
            return Err(Error::NotFound { ssid: ssid.clone() });
        };
        if !place.is_opened_by(target.passphrase.as_ref()) {
            return Err(Error::WrongPassphrase { ssid: ssid.clone() });
        }
        if !place.dhcp {
            sleep(rules.lease_time()).await;
            return Err(Error::NoLease { ssid: ssid.clone() });
        }
        self.state().link = Link::On(ssid.clone());
        Ok(self.joined(&place))
    }
}

#[async_trait]
impl crate::Radio for Radio {
    fn capabilities(&self) -> Capabilities {
        let rules = self.world.rules().unwrap_or_default();
        Capabilities {
            access_point: rules.access_point,
            ap_while_joined: rules.ap_while_joined,
            scans: true,
        }
    }

    async fn scan(&self) -> Result<Vec<Network>, Error> {
        let _alone = self.begin()?;
        self.check_allowed("scan")?;
        sleep(self.world.rules()?.scan_time()).await;
        let mut places = self.world.places(&self.name)?;
        places.retain(|place| !place.hidden);
        Ok(Network::tidy(
            places.into_iter().map(|place| place.network).collect(),
        ))
    }

    async fn join(&self, target: &Target, limit: Duration) -> Result<Joined, Error> {
        let _alone = self.begin()?;
        self.check_allowed("join a network")?;
        let keeps_access_point = self.world.rules()?.ap_while_joined;
        {
            let mut state = self.state();
            state.link = Link::Nowhere;
            if !keeps_access_point {
                state.access_point = None;
            }
        }
        timeout(limit, self.try_join(target))
            .await
            .unwrap_or(Err(Error::Timeout {
                doing: "joining",
                limit,
            }))
    }

    async fn leave(&self) -> Result<(), Error> {
        let _alone = self.begin()?;
        let mut state = self.state();
        if state.link != Link::Untouched {
            state.link = Link::Nowhere;
        }
        Ok(())
    }

    async fn current(&self) -> Result<Option<Joined>, Error> {
        Ok(self.here()?.map(|place| self.joined(&place)))
    }

    async fn start_access_point(&self, access_point: &AccessPoint) -> Result<RunningAp, Error> {
        let _alone = self.begin()?;
        self.check_allowed("open an access point")?;
        let rules = self.world.rules()?;
        if !rules.access_point {
            return Err(Error::Unsupported {
                what: "be an access point",
            });
        }
        {
            let mut state = self.state();
            state.access_point = None;
            if !rules.ap_while_joined {
                state.link = Link::Nowhere;
            }
        }
        sleep(rules.join_time()).await;
        let (address, file) = self.world.open_access_point(
            &self.name,
            &access_point.ssid,
            access_point.passphrase.as_ref(),
            access_point.channel,
        )?;
        self.state().access_point = Some(file);
        Ok(RunningAp {
            address,
            interface: self.name.clone(),
        })
    }

    async fn stop_access_point(&self) -> Result<(), Error> {
        let _alone = self.begin()?;
        self.state().access_point = None;
        Ok(())
    }

    async fn remember(&self) -> Result<Before, Error> {
        Ok(Before::new(self.state().link.clone()))
    }

    async fn restore(&self, before: Before) -> Result<(), Error> {
        let link: Link = before.into_notes()?;
        let _alone = self.begin()?;
        self.state().access_point = None;
        if self.state().link == link {
            return Ok(());
        }
        self.state().link = Link::Nowhere;
        sleep(self.world.rules()?.join_time()).await;
        self.state().link = link.clone();
        match (link, self.here()?) {
            (Link::On(ssid), None) => Err(Error::NotFound { ssid }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
