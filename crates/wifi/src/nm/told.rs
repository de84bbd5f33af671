//! What NetworkManager tells of access points, addresses and leases.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use wire::wifi::Ssid;
use zbus::zvariant::OwnedValue;

use super::bus::Properties;
use crate::{Bssid, Network, Security};

/// A property that is there and of this type.
pub(super) fn read<T: TryFrom<OwnedValue>>(properties: &Properties, name: &str) -> Option<T> {
    T::try_from(properties.get(name)?.clone()).ok()
}

/// An access point's name.
pub(super) fn name(access_point: &Properties) -> Option<Ssid> {
    Ssid::from_bytes(read::<Vec<u8>>(access_point, "Ssid")?).ok()
}

/// An access point that tells its name.
pub(super) fn network(properties: &Properties) -> Option<Network> {
    let flag = |name| read::<u32>(properties, name).unwrap_or(0);
    let bssid: Bssid = read::<String>(properties, "HwAddress")?.parse().ok()?;
    Some(Network {
        ssid: name(properties)?,
        bssid,
        signal_percent: read::<u8>(properties, "Strength")?.min(100),
        frequency_mhz: read(properties, "Frequency")?,
        security: security(flag("Flags"), flag("WpaFlags") | flag("RsnFlags")),
        known: false,
    })
}

/// Reads `NM80211ApFlags` and `NM80211ApSecurityFlags`.
fn security(flags: u32, protection: u32) -> Security {
    const PRIVACY: u32 = 0x1;
    const PSK: u32 = 0x100;
    const ENTERPRISE: u32 = 0x200 | 0x2000;
    const SAE: u32 = 0x400;
    let has = |flag| protection & flag != 0;
    if has(PSK) {
        Security::Personal
    } else if has(SAE) {
        Security::Wpa3Only
    } else if has(ENTERPRISE) {
        Security::Enterprise
    } else if protection != 0 || flags & PRIVACY != 0 {
        Security::Other
    } else {
        Security::Open
    }
}

/// The first address of an interface.
pub(super) fn address(config: &Properties) -> Option<Ipv4Addr> {
    let list = Vec::<HashMap<String, OwnedValue>>::try_from(config.get("AddressData")?.clone());
    let first = list.ok()?.into_iter().next()?;
    read::<String>(&first, "address")?.parse().ok()
}

/// The first router of a DHCP lease; without one the server.
pub(super) fn gateway(lease: &Properties) -> Option<Ipv4Addr> {
    let options: Properties = read(lease, "Options")?;
    let named = |name| read::<String>(&options, name);
    let routers = named("routers").unwrap_or_default();
    let first = routers.split(' ').find_map(|text| text.parse().ok());
    first.or_else(|| named("dhcp_server_identifier")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_is_read_from_flags() {
        let cases = [
            (0, 0, Security::Open),
            (1, 0x100, Security::Personal),
            (1, 0x100 | 0x400, Security::Personal),
            (1, 0x400, Security::Wpa3Only),
            (1, 0x200, Security::Enterprise),
            (1, 0, Security::Other),
            (0, 0x800, Security::Other),
        ];
        for (flags, protection, expected) in cases {
            assert_eq!(
                security(flags, protection),
                expected,
                "{flags:x} {protection:x}"
            );
        }
    }
}
