//! The home's router: an access point (hostapd) and DHCP (dnsmasq) in a place of its own.

use crate::air::{Place, says};
use anyhow::Result;
use std::fs;
use std::time::Duration;
use tests::programs::Running;

/// The router's own address.
pub(crate) const ADDRESS: &str = "192.168.1.1";
/// Name of the home network.
pub(crate) const SSID: &str = "Home";
/// Its password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A router that is on.
pub(crate) struct Router {
    place: Place,
    _radio: Running,
    dhcp: Option<Running>,
}

impl Router {
    /// Turns it on, handing out addresses.
    pub(crate) fn start(place: Place) -> Result<Self> {
        let mut router = Self::without_dhcp(place)?;
        router.dhcp = Some(dhcp(&router.place)?);
        Ok(router)
    }

    /// Turns on a router that hands out no addresses.
    pub(crate) fn without_dhcp(place: Place) -> Result<Self> {
        let radio = radio(&place)?;
        place.must(
            "ip",
            &[
                "address",
                "replace",
                &format!("{ADDRESS}/24"),
                "dev",
                &place.interface,
            ],
        )?;
        Ok(Self {
            place,
            _radio: radio,
            dhcp: None,
        })
    }

    /// Where it is: programs that run on the router run here.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }
}

/// hostapd repeats the key exchange's messages after a tenth of a second, which a slow machine takes for a new exchange
/// that fails: no repeats, nothing is lost on this air.
fn radio(place: &Place) -> Result<Running> {
    let configuration = format!(
        "interface={}\ndriver=nl80211\nssid={SSID}\nhw_mode=g\nchannel=6\nwpa=2\nwpa_key_mgmt=WPA-PSK\n\
         rsn_pairwise=CCMP\nwpa_passphrase={PASSWORD}\n\
         wpa_disable_eapol_key_retries=1\n",
        place.interface
    );
    fs::write("hostapd.conf", configuration)?;
    let radio = place.start("hostapd", "hostapd", &["-t", "hostapd.conf"])?;
    says("hostapd", "AP-ENABLED", Duration::from_secs(20))?;
    Ok(radio)
}

fn dhcp(place: &Place) -> Result<Running> {
    let arguments = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--port=0",
        "--bind-interfaces",
        "--dhcp-authoritative",
        "--no-ping",
        "--user=root",
        "--dhcp-range=192.168.1.50,192.168.1.99,1h",
        "--dhcp-leasefile=/tmp/router-leases",
        "--log-dhcp",
        "--log-facility=-",
    ];
    let interface = format!("--interface={}", place.interface);
    place.start(
        "dnsmasq",
        "dnsmasq",
        &[&arguments[..], &[&interface]].concat(),
    )
}
