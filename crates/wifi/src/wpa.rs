//! wpa_supplicant through its control sockets: cameras, small boards, and desktops without NetworkManager.
//!
//! wpa_supplicant only makes the link. Addresses come from a DHCP client that this backend starts, and in an access
//! point from our own server. Networks of its configuration file are never changed: while one of ours is selected they
//! are disabled, as `SELECT_NETWORK` does, and afterwards those that were enabled are enabled again.

mod access_point;
mod control;
mod join;
mod reply;
mod supplicant;
mod trial;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use wire::wifi::Ssid;

use crate::linux::dhcp::client::{Client, Lease};
use crate::linux::host::{Host, Machine};
use crate::linux::scratch::Scratch;
use crate::{AccessPoint, Before, Capabilities, Error, Joined, Network, RunningAp, Target};
use access_point::OpenAp;
use control::Control;
use reply::{BSS_MASK, Bss, Event, Fields, Profile};
use supplicant::Supplicant;

const BACKEND: &str = "wpa_supplicant";
/// `id_str` of the networks that are ours: what a killed process left is found by it.
const MARK: &str = "\"porthole\"";
/// All channels, some of them only listened to, take 5 s, and an emulated machine ten times as long.
const SCAN_LIMIT: Duration = Duration::from_secs(60);
/// How long the network of before may take to have us back.
const RETURN_LIMIT: Duration = Duration::from_secs(30);
/// As a rule a name server's program sets the address itself a moment after the link is up.
const METRIC: u16 = 600;

/// A radio that wpa_supplicant drives.
pub(crate) struct Radio {
    interface: String,
    server: PathBuf,
    state: Mutex<State>,
    operation: tokio::sync::Mutex<()>,
    capabilities: Capabilities,
    host: Arc<dyn Host>,
    // Dropped in this order: our own wpa_supplicant, then the folder with its configuration.
    _supplicant: Option<Supplicant>,
    scratch: Scratch,
}

/// What this process did to the radio.
#[derive(Default)]
struct State {
    link: Option<Link>,
    access_point: Option<OpenAp>,
    /// wpa_supplicant's own networks that are disabled because of us.
    owed: Vec<u32>,
}

/// A network that we joined.
struct Link {
    network: u32,
    target: Target,
    lease: Lease,
    _client: Client,
}

/// What [`crate::Radio::remember`] notes.
struct Notes {
    /// We had joined it.
    ours: Option<Target>,
    /// wpa_supplicant had joined it by itself.
    theirs: Option<Theirs>,
}

struct Theirs {
    network: u32,
    ssid: Ssid,
    settled: Option<Lease>,
}

impl Radio {
    /// The radio of an interface, by the control socket in `control`. Without a socket at the usual place an own
    /// wpa_supplicant is started.
    pub(crate) async fn open(interface: &str, control: Option<&Path>) -> Result<Self, Error> {
        let scratch = Scratch::open(interface)?;
        let (server, supplicant) = match supplicant::find_socket(interface, control) {
            Some(server) => (server, None),
            None => {
                let own = Supplicant::start(interface, &scratch).await?;
                (own.socket(), Some(own))
            }
        };
        Self::open_with(interface, server, scratch, supplicant, Arc::new(Machine)).await
    }

    async fn open_with(
        interface: &str,
        server: PathBuf,
        scratch: Scratch,
        supplicant: Option<Supplicant>,
        host: Arc<dyn Host>,
    ) -> Result<Self, Error> {
        let control = Control::open(&server, &scratch).await?;
        let modes = control.request("GET_CAPABILITY modes").await?;
        let radio = Self {
            interface: interface.to_owned(),
            server,
            state: Mutex::default(),
            operation: tokio::sync::Mutex::default(),
            capabilities: Capabilities {
                access_point: modes.split(' ').any(|mode| mode == "AP"),
                ap_while_joined: false,
                scans: true,
            },
            host,
            _supplicant: supplicant,
            scratch,
        };
        radio.remove_leftovers(&control).await?;
        Ok(radio)
    }

    /// Removes the networks of a process of ours that was killed, and enables what it had disabled.
    async fn remove_leftovers(&self, control: &Control) -> Result<(), Error> {
        let mut found = false;
        for profile in profiles(control).await? {
            let mark = control
                .request(&format!("GET_NETWORK {} id_str", profile.id))
                .await?;
            if mark == MARK {
                control
                    .order(&format!("REMOVE_NETWORK {}", profile.id))
                    .await?;
                found = true;
            }
        }
        if found {
            control.order("ENABLE_NETWORK all").await?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        self.operation.try_lock().map_err(|_| Error::Busy {
            with: "another request",
        })
    }

    /// A connection for one operation, when the radio is on.
    async fn control(&self) -> Result<Control, Error> {
        let control = Control::open(&self.server, &self.scratch).await?;
        let status = control.request("STATUS").await?;
        if Fields::read(&status).get("wpa_state") == Some("INTERFACE_DISABLED") {
            return Err(Error::NotAllowed {
                doing: "use the radio",
                allow: "it is switched off: `rfkill unblock wifi` switches it on".to_owned(),
            });
        }
        Ok(control)
    }

    /// Makes `network` the only one that wpa_supplicant tries, and notes which others it disables by that.
    async fn select(
        &self,
        control: &Control,
        network: u32,
        frequencies: &[u32],
    ) -> Result<(), Error> {
        let others = profiles(control).await?;
        {
            let mut state = self.state();
            let state = &mut *state;
            let enabled = others.iter().filter(|profile| !profile.is_disabled);
            for id in enabled
                .map(|profile| profile.id)
                .filter(|id| *id != network)
            {
                if !state.owed.contains(&id) {
                    state.owed.push(id);
                }
            }
        }
        let mut command = format!("SELECT_NETWORK {network}");
        if !frequencies.is_empty() {
            let list: Vec<_> = frequencies.iter().map(u32::to_string).collect();
            command = format!("{command} freq={}", list.join(","));
        }
        control.forget_events();
        control.order(&command).await
    }

    /// Enables what was disabled because of us, once neither a network nor an access point of ours is there.
    fn give_back(&self) {
        let mut state = self.state();
        if state.link.is_none() && state.access_point.is_none() {
            let orders = state
                .owed
                .drain(..)
                .map(|network| format!("ENABLE_NETWORK {network}"));
            control::tell(&self.server, orders);
        }
    }

    fn leave_link(&self) {
        let link = self.state().link.take();
        let order = link.map(|link| format!("REMOVE_NETWORK {}", link.network));
        control::tell(&self.server, order);
    }

    fn close_access_point(&self) {
        let open = self.state().access_point.take();
        let order = open.map(|open| format!("REMOVE_NETWORK {}", open.network));
        control::tell(&self.server, order);
    }

    /// Every access point that wpa_supplicant knows of.
    async fn heard(&self, control: &Control) -> Result<Vec<Bss>, Error> {
        let mut all = Vec::new();
        let mut next = 0;
        loop {
            // A reply has room for a few of them; the next one goes on after the last.
            let text = control
                .request(&format!("BSS RANGE={next}- MASK={BSS_MASK:#x}"))
                .await?;
            let (list, last) = reply::read_bss(&text);
            all.extend(list);
            match last {
                Some(last) if last >= next => next = last.saturating_add(1),
                _ => return Ok(all),
            }
        }
    }

    /// Looks at the channels of these frequencies in MHz, or at all.
    async fn look(&self, control: &Control, frequencies: &[u32]) -> Result<(), Error> {
        let mut command = "SCAN TYPE=ONLY".to_owned();
        if !frequencies.is_empty() {
            let list: Vec<_> = frequencies.iter().map(u32::to_string).collect();
            command = format!("{command} freq={}", list.join(","));
        }
        let scan = async {
            loop {
                match control.request(&command).await?.as_str() {
                    "OK" => return scanned(control).await,
                    // Another scan is under way, or the interface changes from access point to station.
                    "FAIL-BUSY" => {
                        let _ = timeout(Duration::from_millis(500), control.event()).await;
                    }
                    _ => {
                        return Err(Error::Busy {
                            with: "an access point",
                        });
                    }
                }
            }
        };
        timeout(SCAN_LIMIT, scan)
            .await
            .unwrap_or(Err(Error::Timeout {
                doing: "scanning",
                limit: SCAN_LIMIT,
            }))
    }

    async fn status(&self, control: &Control) -> Result<Option<(u32, Joined)>, Error> {
        let status = control.request("STATUS").await?;
        let fields = Fields::read(&status);
        let is_joined = fields.get("wpa_state") == Some("COMPLETED")
            && fields.get("mode").is_none_or(|mode| mode == "station");
        if !is_joined {
            return Ok(None);
        }
        let ours = self.state().link.as_ref().map(|link| link.lease);
        let joined = fields
            .ssid()
            .zip(ours.or_else(|| self.host.settled(&self.interface)));
        Ok(joined.map(|(ssid, lease)| {
            let joined = Joined {
                ssid,
                bssid: fields.parse("bssid"),
                interface: self.interface.clone(),
                address: lease.address.address,
                gateway: lease.gateway,
            };
            (fields.parse("id").unwrap_or(u32::MAX), joined)
        }))
    }

    /// Goes back to a network of wpa_supplicant's own.
    async fn return_to(&self, control: &Control, theirs: &Theirs) -> Result<(), Error> {
        let _at_last = GiveBack(self);
        let back = async {
            // Alone at first, so that it is this one; the others are enabled again at last.
            self.select(control, theirs.network, &[]).await?;
            loop {
                let status = control.request("STATUS").await?;
                let fields = Fields::read(&status);
                let is_it = fields.parse("id") == Some(theirs.network);
                if is_it && fields.get("wpa_state") == Some("COMPLETED") {
                    return Ok(());
                }
                // Events that came before do not matter, and the status is asked again at least every second.
                let _ = timeout(Duration::from_secs(1), control.event()).await;
            }
        };
        let nowhere = Err(Error::NotFound {
            ssid: theirs.ssid.clone(),
        });
        timeout(RETURN_LIMIT, back).await.unwrap_or(nowhere)?;
        // Whoever got that address may have noticed nothing, and its time is hardly over.
        if let Some(lease) = theirs.settled
            && self.host.settled(&self.interface).is_none()
            && let Err(error) = self.host.settle(&self.interface, lease, METRIC)
        {
            tracing::warn!(interface = %self.interface, %error, "the address of before was not set again");
        }
        Ok(())
    }
}

/// Gives back when an operation ends, however it ends.
struct GiveBack<'a>(&'a Radio);

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// Waits until the scan that was asked for is over. What is told before it starts is of an earlier one.
async fn scanned(control: &Control) -> Result<(), Error> {
    let mut is_ours = false;
    loop {
        match control.event().await? {
            Event::ScanStarted => is_ours = true,
            Event::ScanDone if is_ours => return Ok(()),
            // Told of what was heard until now, the caller decides.
            Event::ScanFailed => return Ok(()),
            _ => {}
        }
    }
}

async fn profiles(control: &Control) -> Result<Vec<Profile>, Error> {
    Ok(reply::read_profiles(
        &control.request("LIST_NETWORKS").await?,
    ))
}

#[async_trait]
impl crate::Radio for Radio {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn scan(&self) -> Result<Vec<Network>, Error> {
        let _alone = self.begin()?;
        let control = self.control().await?;
        self.look(&control, &[]).await?;
        let known = profiles(&control).await?;
        let heard = self.heard(&control).await?;
        // What was not heard this time is told by wpa_supplicant for some minutes more.
        let recent = heard.into_iter().filter(|bss| bss.age <= 30);
        let networks = recent.map(|bss| Network {
            known: known
                .iter()
                .any(|profile| profile.ssid.as_ref() == Some(&bss.network.ssid)),
            ..bss.network
        });
        Ok(Network::tidy(networks.collect()))
    }

    async fn hears(&self, ssid: &Ssid) -> Result<bool, Error> {
        let _alone = self.begin()?;
        let control = self.control().await?;
        self.look_for(&control, ssid).await
    }

    async fn join(&self, target: &Target, limit: Duration) -> Result<Joined, Error> {
        let _alone = self.begin()?;
        self.join_network(target, limit).await
    }

    async fn leave(&self) -> Result<(), Error> {
        let _alone = self.begin()?;
        self.leave_link();
        self.give_back();
        Ok(())
    }

    async fn current(&self) -> Result<Option<Joined>, Error> {
        let control = Control::open(&self.server, &self.scratch).await?;
        Ok(self.status(&control).await?.map(|(_, joined)| joined))
    }

    async fn start_access_point(&self, access_point: &AccessPoint) -> Result<RunningAp, Error> {
        let _alone = self.begin()?;
        self.open_access_point(access_point).await
    }

    async fn stop_access_point(&self) -> Result<(), Error> {
        let _alone = self.begin()?;
        self.close_access_point();
        self.give_back();
        Ok(())
    }

    async fn remember(&self) -> Result<Before, Error> {
        let ours = self.state().link.as_ref().map(|link| link.target.clone());
        let theirs = match ours {
            Some(_) => None,
            None => {
                let control = self.control().await?;
                let status = control.request("STATUS").await?;
                let fields = Fields::read(&status);
                let is_station = fields.get("mode") == Some("station");
                fields
                    .parse("id")
                    .zip(fields.ssid())
                    .filter(|_| is_station)
                    .map(|(network, ssid)| Theirs {
                        network,
                        ssid,
                        settled: self.host.settled(&self.interface),
                    })
            }
        };
        Ok(Before::new(Notes { ours, theirs }))
    }

    async fn restore(&self, before: Before) -> Result<(), Error> {
        let notes: Notes = before.into_notes()?;
        let _alone = self.begin()?;
        let control = self.control().await?;
        self.close_access_point();
        let is_there = {
            let state = self.state();
            let link = state.link.as_ref().map(|link| &link.target.ssid);
            link.is_some() && link == notes.ours.as_ref().map(|target| &target.ssid)
        };
        if is_there {
            return Ok(());
        }
        self.leave_link();
        match (notes.ours, notes.theirs) {
            (Some(target), _) => self.join_network(&target, RETURN_LIMIT).await.map(|_| ()),
            (None, Some(theirs)) => self.return_to(&control, &theirs).await,
            (None, None) => {
                self.give_back();
                Ok(())
            }
        }
    }
}

impl Drop for Radio {
    fn drop(&mut self) {
        self.close_access_point();
        self.leave_link();
        self.give_back();
    }
}

#[cfg(test)]
mod tests;
