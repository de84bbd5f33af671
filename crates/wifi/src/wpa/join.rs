//! Joining a network, and why it failed.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wire::wifi::Ssid;

use super::control::Control;
use super::reply::{Bss, Event, Fields};
use super::trial::Trial;
use super::{BACKEND, Link, Radio};
use crate::linux::dhcp::client::Client;
use crate::{Error, Joined, Security, Target};

/// How long a DHCP server may take: it may check first that nobody has the address.
const LEASE_LIMIT: Duration = Duration::from_secs(25);
/// Heard this many seconds ago, an access point is most likely still there, on the same channel.
const FRESH_AGE: u32 = 15;
const HINT_AGE: u32 = 120;
/// Scans without a trace of the network before it counts as not there: one may miss a beacon.
const MISSES: u32 = 2;
/// Refusals before it counts as refused; an access point that is being restarted refuses once.
const REFUSALS: u32 = 3;
/// The 2.4 GHz channels 1 to 13, in MHz. A camera's hotspot is nowhere else, and looking at these takes a fraction of
/// the time of all.
const LOWER_BAND: std::ops::RangeInclusive<u32> = 2412..=2472;
const CHANNEL_WIDTH: usize = 5;

/// IEEE 802.11 status codes of a failed WPA3 handshake: unspecified, and wrong confirmation.
const WPA3_WRONG_KEY: [u32; 2] = [1, 15];

/// Where the network was found.
struct Sight {
    /// `None`: it does not show itself.
    security: Option<Security>,
    /// MHz; empty: anywhere.
    frequencies: Vec<u32>,
}

impl Radio {
    /// [`crate::Radio::join`], for one who has the radio already.
    pub(super) async fn join_network(
        &self,
        target: &Target,
        limit: Duration,
    ) -> Result<Joined, Error> {
        let deadline = Instant::now() + limit;
        let late = Error::Timeout {
            doing: "joining",
            limit,
        };
        let _at_last = super::GiveBack(self);
        let control = self.control().await?;
        self.close_access_point();
        self.leave_link();
        let linked = timeout_at(deadline, self.link(&control, target, deadline)).await;
        let trial = linked.unwrap_or(Err(late))?;
        let client = Client::start(
            &self.interface,
            target.keep,
            &self.scratch,
            self.host.clone(),
        )
        .await?;
        let lease_deadline = deadline.min(Instant::now() + LEASE_LIMIT);
        let lease = timeout_at(lease_deadline, client.lease()).await;
        let no_lease = Error::NoLease {
            ssid: target.ssid.clone(),
        };
        let lease = lease.unwrap_or(Err(no_lease))?;
        let link = Link {
            network: trial.network(),
            target: target.clone(),
            lease,
            _client: client,
        };
        self.state().link = Some(link);
        trial.keep();
        let joined = self.status(&control).await.ok().flatten();
        Ok(joined.map(|(_, joined)| joined).unwrap_or_else(|| Joined {
            ssid: target.ssid.clone(),
            bssid: target.bssid,
            interface: self.interface.clone(),
            address: lease.address.address,
            gateway: lease.gateway,
        }))
    }

    /// Finds the network and agrees on keys with it.
    async fn link<'a>(
        &'a self,
        control: &'a Control,
        target: &Target,
        deadline: Instant,
    ) -> Result<Trial<'a>, Error> {
        let sight = self.find(control, target, deadline).await?;
        let trial = Trial::add(self, control, &target.ssid).await?;
        if let Some(bssid) = target.bssid {
            trial.set("bssid", &bssid.to_string()).await?;
        }
        if target.hidden {
            trial.set("scan_ssid", "1").await?;
        }
        match &target.passphrase {
            None => trial.set("key_mgmt", "NONE").await?,
            Some(passphrase) => {
                trial.set_passphrase(passphrase).await?;
                self.set_key_management(control, &trial, sight.security)
                    .await?;
            }
        }
        self.select(control, trial.network(), &sight.frequencies)
            .await?;
        self.wait_for_link(control, target, &trial, sight).await?;
        Ok(trial)
    }

    async fn set_key_management(
        &self,
        control: &Control,
        trial: &Trial<'_>,
        security: Option<Security>,
    ) -> Result<(), Error> {
        let can = control.request("GET_CAPABILITY key_mgmt").await?;
        let knows_wpa3 = can.split(' ').any(|name| name == "SAE");
        // Protected management frames: WPA3 demands them (2), WPA2 may have them (1).
        let (names, protection) = match security {
            Some(Security::Wpa3Only) if !knows_wpa3 => {
                return Err(Error::Unsupported {
                    what: "join a WPA3 network: its wpa_supplicant is older",
                });
            }
            Some(Security::Wpa3Only) => ("SAE", "2"),
            None if knows_wpa3 => ("WPA-PSK SAE", "1"),
            _ => ("WPA-PSK", "1"),
        };
        trial.set("key_mgmt", names).await?;
        trial.set("ieee80211w", protection).await
    }

    /// Looks for the network: among what was heard lately, then by a scan, then by another one.
    async fn find(
        &self,
        control: &Control,
        target: &Target,
        deadline: Instant,
    ) -> Result<Sight, Error> {
        if target.hidden {
            return Ok(Sight {
                security: None,
                frequencies: Vec::new(),
            });
        }
        let lower_band = lower_band();
        // What is to stay joined shall find its best access point, also in the upper band.
        let looks: &[&[u32]] = match target.keep {
            true => &[&[], &[]],
            false => &[&lower_band, &[]],
        };
        let mut seen = self.matching(control, target, HINT_AGE).await?;
        if seen.iter().all(|bss| bss.age > FRESH_AGE) {
            for (number, channels) in looks.iter().enumerate() {
                let hint: Vec<u32> = seen.iter().map(|bss| bss.network.frequency_mhz).collect();
                // Where it was last is looked at first.
                let channels = if hint.is_empty() { channels } else { &hint[..] };
                let looking = self.look(control, channels);
                match number {
                    0 => looking.await?,
                    // No time for another one: it was not there in the first.
                    _ => timeout_at(deadline, looking).await.unwrap_or(Ok(()))?,
                }
                seen = self.matching(control, target, FRESH_AGE).await?;
                if !seen.is_empty() {
                    break;
                }
            }
        }
        if seen.is_empty() {
            return Err(Error::NotFound {
                ssid: target.ssid.clone(),
            });
        }
        sight(target, &seen)
    }

    /// Looks whether a network is in range, on the lower band only.
    pub(super) async fn look_for(&self, control: &Control, ssid: &Ssid) -> Result<bool, Error> {
        let begun = Instant::now();
        self.look(control, &lower_band()).await?;
        let target = Target::new(ssid.clone(), None);
        // Only what answered this time; ages are whole seconds.
        let age = u32::try_from(begun.elapsed().as_secs()).unwrap_or(FRESH_AGE) + 1;
        let found = self.matching(control, &target, age).await?;
        Ok(!found.is_empty())
    }

    async fn matching(
        &self,
        control: &Control,
        target: &Target,
        age: u32,
    ) -> Result<Vec<Bss>, Error> {
        let mut heard = self.heard(control).await?;
        heard.retain(|bss| {
            let is_it = target.bssid.is_none_or(|bssid| bssid == bss.network.bssid);
            bss.network.ssid == target.ssid && is_it && bss.age <= age
        });
        Ok(heard)
    }

    async fn wait_for_link(
        &self,
        control: &Control,
        target: &Target,
        trial: &Trial<'_>,
        sight: Sight,
    ) -> Result<(), Error> {
        let ssid = || target.ssid.clone();
        let is_wpa3 = sight.security == Some(Security::Wpa3Only);
        let (mut misses, mut refusals) = (0, 0);
        let mut is_narrow = !sight.frequencies.is_empty();
        loop {
            match control.event().await? {
                Event::Connected => {
                    let status = control.request("STATUS").await?;
                    if Fields::read(&status).parse("id") == Some(trial.network()) {
                        return Ok(());
                    }
                }
                Event::WrongKeySuspected => return Err(Error::WrongPassphrase { ssid: ssid() }),
                Event::Disabled {
                    network,
                    is_wrong_key: true,
                } if network == trial.network() => {
                    return Err(Error::WrongPassphrase { ssid: ssid() });
                }
                Event::Refused { status } if is_wpa3 && WPA3_WRONG_KEY.contains(&status) => {
                    return Err(Error::WrongPassphrase { ssid: ssid() });
                }
                Event::Refused { status } => {
                    refusals += 1;
                    if refusals == REFUSALS {
                        let detail = format!("the access point refuses with status {status}");
                        return Err(Error::backend(BACKEND, "join", detail));
                    }
                }
                Event::NothingFound => {
                    misses += 1;
                    if misses == MISSES && is_narrow {
                        (is_narrow, misses) = (false, 0);
                        self.select(control, trial.network(), &[]).await?;
                    } else if misses == MISSES {
                        return Err(Error::NotFound { ssid: ssid() });
                    }
                }
                _ => {}
            }
        }
    }
}

/// Frequencies of the 2.4 GHz channels, MHz.
fn lower_band() -> Vec<u32> {
    LOWER_BAND.step_by(CHANNEL_WIDTH).collect()
}

/// What the access points of one name say together.
fn sight(target: &Target, seen: &[Bss]) -> Result<Sight, Error> {
    let fits = |security: Security| match security {
        Security::Open => target.passphrase.is_none(),
        _ => target.passphrase.is_some(),
    };
    let joinable = || seen.iter().filter(|bss| bss.network.security.is_joinable());
    if joinable().next().is_none() {
        return Err(Error::Unsupported {
            what: "join a network with this kind of protection",
        });
    }
    let mut fitting: Vec<&Bss> = joinable()
        .filter(|bss| fits(bss.network.security))
        .collect();
    fitting.sort_by_key(|bss| bss.network.security);
    let Some(first) = fitting.first() else {
        return Err(Error::WrongPassphrase {
            ssid: target.ssid.clone(),
        });
    };
    let mut frequencies: Vec<u32> = fitting
        .iter()
        .map(|bss| bss.network.frequency_mhz)
        .collect();
    frequencies.sort_unstable();
    frequencies.dedup();
    Ok(Sight {
        security: Some(first.network.security),
        frequencies,
    })
}
