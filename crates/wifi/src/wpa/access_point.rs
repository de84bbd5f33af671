//! Being an access point: wpa_supplicant's own, with our DHCP server beside it.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::Radio;
use super::control::Control;
use super::reply::Event;
use super::trial::Trial;
use crate::linux::dhcp::server::Server;
use crate::{AccessPoint, Error, RunningAp};

/// How long an access point may take to open; it listens for radar on no 2.4 GHz channel.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// The 2.4 GHz channels that do not overlap, in order of preference.
const CHANNELS: [u8; 3] = [6, 1, 11];
const LAST_CHANNEL: u8 = 13;

/// An access point that is open. Dropped, its DHCP server is gone.
pub(super) struct OpenAp {
    pub(super) network: u32,
    _server: Option<Server>,
}

impl Radio {
    /// [`crate::Radio::start_access_point`], for one who has the radio already.
    pub(super) async fn open_access_point(&self, wanted: &AccessPoint) -> Result<RunningAp, Error> {
        if !self.capabilities.access_point {
            return Err(Error::Unsupported {
                what: "be an access point",
            });
        }
        let _at_last = super::GiveBack(self);
        let control = self.control().await?;
        self.close_access_point();
        self.leave_link();
        let channel = match wanted.channel {
            Some(channel) if (1..=LAST_CHANNEL).contains(&channel) => channel,
            Some(_) => {
                return Err(Error::Unsupported {
                    what: "open an access point on another channel than 1 to 13",
                });
            }
            None => self.quiet_channel(&control).await?,
        };
        let trial = Trial::add(self, &control, &wanted.ssid).await?;
        trial.set("mode", "2").await?;
        trial
            .set("frequency", &frequency(channel).to_string())
            .await?;
        match &wanted.passphrase {
            None => trial.set("key_mgmt", "NONE").await?,
            Some(passphrase) => {
                trial.set_passphrase(passphrase).await?;
                for (name, value) in [
                    ("key_mgmt", "WPA-PSK"),
                    ("proto", "RSN"),
                    ("pairwise", "CCMP"),
                ] {
                    trial.set(name, value).await?;
                }
            }
        }
        // wpa_supplicant looks around before it opens one; this channel is enough.
        self.select(&control, trial.network(), &[frequency(channel)])
            .await?;
        wait_for_open(&control).await?;
        let address = wanted.address;
        let server = self
            .host
            .serve(&self.interface, address)
            .map_err(not_served)?;
        self.state().access_point = Some(OpenAp {
            network: trial.keep(),
            _server: server,
        });
        Ok(RunningAp {
            address,
            interface: self.interface.clone(),
        })
    }

    /// The channel on which the fewest access points were heard lately; without any the first.
    async fn quiet_channel(&self, control: &Control) -> Result<u8, Error> {
        let heard = self.heard(control).await?;
        let neighbours = |channel: &u8| {
            // A channel is four wide: 20 of the 5 MHz steps.
            let near = |other: u32| other.abs_diff(frequency(*channel)) < 20;
            heard
                .iter()
                .filter(|bss| near(bss.network.frequency_mhz))
                .count()
        };
        Ok(CHANNELS
            .into_iter()
            .min_by_key(neighbours)
            .unwrap_or(CHANNELS[0]))
    }
}

/// The centre of a 2.4 GHz channel, MHz (IEEE 802.11, 15.4.4.3).
fn frequency(channel: u8) -> u32 {
    2407 + 5 * u32::from(channel)
}

async fn wait_for_open(control: &Control) -> Result<(), Error> {
    let open = async {
        // One that closed may be told of as well: the one before.
        while control.event().await? != Event::ApOpen {}
        Ok(())
    };
    timeout(OPEN_LIMIT, open)
        .await
        .unwrap_or(Err(Error::Timeout {
            doing: "opening an access point",
            limit: OPEN_LIMIT,
        }))
}

fn not_served(error: io::Error) -> Error {
    const DOING: &str = "give addresses to guests";
    match error.kind() {
        io::ErrorKind::PermissionDenied => Error::NotAllowed {
            doing: DOING,
            allow: "run as root or give the program CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE".to_owned(),
        },
        io::ErrorKind::AddrInUse => Error::Busy {
            with: "another DHCP server on UDP port 67",
        },
        _ => Error::backend("the DHCP server", DOING, error),
    }
}
