//! The trait that every radio answers to, and what goes in and out.

use std::any::Any;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use async_trait::async_trait;
use wire::wifi::{Bssid, Passphrase, Ssid};

use crate::Error;

/// A radio. One operation at a time: a second one gets [`Error::Busy`], except [`Radio::current`], which always answers.
///
/// Every future may be dropped at any point: what it had changed by then is taken back.
#[async_trait]
pub trait Radio: Send + Sync {
    /// What this radio can do. Known since it was opened.
    fn capabilities(&self) -> Capabilities;

    /// The networks in range, one entry a name and security, its strongest access point, strongest first.
    /// Hidden networks are not listed. Takes up to about 10 s.
    async fn scan(&self) -> Result<Vec<Network>, Error>;

    /// Whether a network that tells its name answers now on 2.4 GHz, where cameras open their hotspots. Sooner than
    /// [`Radio::scan`] with radios that can look at a part of the channels.
    async fn hears(&self, ssid: &Ssid) -> Result<bool, Error> {
        let networks = self.scan().await?;
        Ok(networks.iter().any(|network| network.ssid == *ssid))
    }

    /// Joins a network and gets an address by DHCP, in at most `limit`. A failed join leaves no profile behind, and
    /// leaves the radio unjoined or on what the system goes back to by itself; [`Radio::restore`] makes that sure.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], [`Error::NotFound`], [`Error::NoLease`], [`Error::Timeout`] when it cannot tell.
    async fn join(&self, target: &Target, limit: Duration) -> Result<Joined, Error>;

    /// Leaves what [`Radio::join`] joined and forgets it, also when it was to be kept. Nothing to leave is no error.
    async fn leave(&self) -> Result<(), Error>;

    /// The network that the radio is on, whoever joined it; `None` while it has no address.
    async fn current(&self) -> Result<Option<Joined>, Error>;

    /// Opens an access point with a DHCP server. A radio without [`Capabilities::ap_while_joined`] leaves its network.
    async fn start_access_point(&self, access_point: &AccessPoint) -> Result<RunningAp, Error>;

    /// Closes the access point. None running is no error.
    async fn stop_access_point(&self) -> Result<(), Error>;

    /// What is there now, for [`Radio::restore`].
    async fn remember(&self) -> Result<Before, Error>;

    /// Takes back what was done since `before` (access point, joined network) and returns to the network of then.
    ///
    /// # Errors
    /// As [`Radio::join`], when the network of then does not take us back.
    async fn restore(&self, before: Before) -> Result<(), Error>;
}

/// What a radio can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// It can be an access point.
    pub access_point: bool,
    /// It can be an access point and stay joined, or join, at the same time.
    pub ap_while_joined: bool,
    /// It lists what is in range.
    pub scans: bool,
}

/// How a network is protected, as far as joining it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Security {
    /// No passphrase.
    Open,
    /// WPA or WPA2 with a passphrase; also those that take WPA3 beside it.
    Personal,
    /// WPA3 with a passphrase and nothing older.
    Wpa3Only,
    /// User name, certificate: cannot be joined here.
    Enterprise,
    /// WEP, OWE and what else there is: cannot be joined here.
    Other,
}

impl Security {
    /// Whether [`Radio::join`] can join it with nothing but a name and a passphrase.
    pub fn is_joinable(self) -> bool {
        matches!(self, Self::Open | Self::Personal | Self::Wpa3Only)
    }
}

/// A network in range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub ssid: Ssid,
    /// The strongest access point of that name.
    pub bssid: Bssid,
    /// 0..=100.
    pub signal_percent: u8,
    /// Centre frequency of the main channel, MHz.
    pub frequency_mhz: u32,
    /// Its protection.
    pub security: Security,
    /// The system has a profile for it.
    pub known: bool,
}

impl Network {
    /// The order of a list for people: strongest first, then by name; one entry a name and security.
    pub(crate) fn tidy(mut networks: Vec<Self>) -> Vec<Self> {
        networks.sort_by(|a, b| {
            let by_signal = b.signal_percent.cmp(&a.signal_percent);
            by_signal.then_with(|| a.ssid.as_bytes().cmp(b.ssid.as_bytes()))
        });
        let mut seen = std::collections::HashSet::new();
        networks.retain(|network| seen.insert((network.ssid.clone(), network.security)));
        networks
    }
}

/// A network to join.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub ssid: Ssid,
    /// `None`: the network is open.
    pub passphrase: Option<Passphrase>,
    /// Only this access point.
    pub bssid: Option<Bssid>,
    /// The network does not tell its name by itself.
    pub hidden: bool,
    /// This is to be the machine's network: name servers included and, where the system keeps profiles
    /// (NetworkManager), also after this process has ended. Otherwise the join ends with the process at the latest.
    pub keep: bool,
}

impl Target {
    /// A network that tells its name, any of its access points, for as long as this process runs.
    pub fn new(ssid: Ssid, passphrase: Option<Passphrase>) -> Self {
        Self {
            ssid,
            passphrase,
            bssid: None,
            hidden: false,
            keep: false,
        }
    }
}

/// The network that a radio is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its name.
    pub ssid: Ssid,
    /// The access point, when known.
    pub bssid: Option<Bssid>,
    /// The interface, such as `wlan0`.
    pub interface: String,
    /// Our address on it.
    pub address: Ipv4Addr,
    /// The router; without one the DHCP server. In a camera's hotspot this is the camera.
    pub gateway: Option<Ipv4Addr>,
}

/// An access point to open.
#[derive(Debug, Clone)]
pub struct AccessPoint {
    /// Its name.
    pub ssid: Ssid,
    /// `None`: open to everybody.
    pub passphrase: Option<Passphrase>,
    /// 2.4 GHz channel 1..=13; `None`: the radio's choice.
    pub channel: Option<u8>,
    /// Our own address in its /24 network; guests get addresses of the same network.
    pub address: Ipv4Addr,
}

/// An access point that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningAp {
    /// Our own address in it: [`AccessPoint::address`], but a simulated radio has one of its own in 127.0.0.0/8.
    pub address: Ipv4Addr,
    /// The interface, such as `wlan0`.
    pub interface: String,
}

/// What there was on a radio at a moment; only that radio understands it.
pub struct Before(Box<dyn Any + Send>);

impl Before {
    /// A radio's own notes.
    pub fn new<T: Any + Send>(notes: T) -> Self {
        Self(Box::new(notes))
    }

    /// The notes back, when they are this radio's.
    ///
    /// # Errors
    /// [`Error::Unsupported`]: another radio took them.
    pub fn into_notes<T: Any + Send>(self) -> Result<T, Error> {
        match self.0.downcast() {
            Ok(notes) => Ok(*notes),
            Err(_) => Err(Error::Unsupported {
                what: "restore what another radio remembered",
            }),
        }
    }
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Before")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_for_people_has_a_name_once() {
        let network = |ssid: &str, signal_percent, security| Network {
            ssid: ssid.parse().unwrap(),
            bssid: Bssid([signal_percent; 6]),
            signal_percent,
            frequency_mhz: 2412,
            security,
            known: false,
        };
        let tidy = Network::tidy(vec![
            network("b", 40, Security::Personal),
            network("a", 40, Security::Open),
            network("b", 90, Security::Personal),
            network("b", 10, Security::Open),
        ]);
        let names: Vec<_> = tidy
            .iter()
            .map(|n| (n.ssid.to_string(), n.signal_percent))
            .collect();
        let expected = [("b", 90), ("a", 40), ("b", 10)].map(|(n, s)| (n.to_owned(), s));
        assert_eq!(names, expected);
    }
}
