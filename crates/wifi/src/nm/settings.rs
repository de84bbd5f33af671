//! The profiles that we give to NetworkManager, as dictionaries of its settings.

use std::collections::HashMap;

use wire::wifi::Ssid;
use zbus::zvariant::{OwnedValue, Value};

use crate::{AccessPoint, Network, Passphrase, Security, Target};

/// A profile: settings by name, each with its properties.
pub(super) type Profile = HashMap<&'static str, HashMap<&'static str, Value<'static>>>;
/// A profile as NetworkManager tells it.
pub(super) type ToldProfile = HashMap<String, HashMap<String, OwnedValue>>;

/// In the profile's user data: it is ours.
const MARK: &str = "org.porthole.made";
/// How long NetworkManager asks for an address, seconds.
const LEASE_SECONDS: i32 = 25;
/// Worse than every other route: a camera's hotspot leads nowhere.
const LAST_METRIC: i64 = 20_000;

/// How long a profile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For as long as we are on the bus.
    Trial,
    /// The machine's network from now on.
    Kept,
}

/// A profile that joins a network. `sight`: the access point as it was heard last.
pub(super) fn station(target: &Target, sight: Option<&Network>, purpose: Purpose) -> Profile {
    let mut wireless = HashMap::from([
        ("ssid", ssid(&target.ssid)),
        ("hidden", target.hidden.into()),
    ]);
    if let Some(bssid) = target.bssid {
        wireless.insert("bssid", bssid.0.to_vec().into());
    }
    // Only its channel is looked at then, which is much faster; what stays may come back on another one.
    if let (Purpose::Trial, Some((band, channel))) = (
        purpose,
        sight.and_then(|network| channel(network.frequency_mhz)),
    ) {
        wireless.extend([("band", band.into()), ("channel", channel.into())]);
    }
    let mut ipv4 = HashMap::from([
        ("method", Value::from("auto")),
        ("dhcp-timeout", LEASE_SECONDS.into()),
        ("may-fail", false.into()),
    ]);
    if !target.keep {
        ipv4.insert("route-metric", LAST_METRIC.into());
    }
    let ipv6 = if target.keep { "auto" } else { "ignore" };
    let mut profile = HashMap::from([
        ("connection", connection(&target.ssid, purpose)),
        ("802-11-wireless", wireless),
        ("ipv4", ipv4),
        ("ipv6", HashMap::from([("method", ipv6.into())])),
        ("user", mark()),
    ]);
    if let Some(passphrase) = &target.passphrase {
        let is_wpa3 = sight.is_some_and(|network| network.security == Security::Wpa3Only);
        let key_management = if is_wpa3 { "sae" } else { "wpa-psk" };
        profile.insert(
            "802-11-wireless-security",
            security(key_management, passphrase),
        );
    }
    profile
}

/// A profile that opens an access point and gives addresses to its guests.
pub(super) fn access_point(wanted: &AccessPoint) -> Profile {
    let mut wireless = HashMap::from([
        ("ssid", ssid(&wanted.ssid)),
        ("mode", "ap".into()),
        ("band", "bg".into()),
    ]);
    if let Some(channel) = wanted.channel {
        wireless.insert("channel", u32::from(channel).into());
    }
    let address = HashMap::from([
        ("address", Value::from(wanted.address.to_string())),
        ("prefix", 24_u32.into()),
    ]);
    let mut profile = HashMap::from([
        ("connection", connection(&wanted.ssid, Purpose::Trial)),
        ("802-11-wireless", wireless),
        (
            "ipv4",
            HashMap::from([
                ("method", Value::from("shared")),
                ("address-data", vec![address].into()),
            ]),
        ),
        ("ipv6", HashMap::from([("method", "ignore".into())])),
        ("user", mark()),
    ]);
    if let Some(passphrase) = &wanted.passphrase {
        let mut security = security("wpa-psk", passphrase);
        // WPA2 with AES and nothing older.
        security.extend([
            ("proto", vec!["rsn"].into()),
            ("pairwise", vec!["ccmp"].into()),
            ("group", vec!["ccmp"].into()),
        ]);
        profile.insert("802-11-wireless-security", security);
    }
    profile
}

/// Whether a profile is one of ours.
pub(super) fn is_ours(profile: &ToldProfile) -> bool {
    let data = profile.get("user").and_then(|user| user.get("data"));
    let data = data.and_then(|data| HashMap::<String, String>::try_from(data.clone()).ok());
    data.is_some_and(|data| data.contains_key(MARK))
}

/// The network of a Wi-Fi profile.
pub(super) fn told_ssid(profile: &ToldProfile) -> Option<Ssid> {
    let bytes = profile.get("802-11-wireless")?.get("ssid")?;
    Ssid::from_bytes(Vec::<u8>::try_from(bytes.clone()).ok()?).ok()
}

/// Whether NetworkManager goes to a profile by itself: ours only when it is kept.
pub(super) fn autoconnects(profile: &ToldProfile) -> bool {
    let setting = profile
        .get("connection")
        .and_then(|connection| connection.get("autoconnect"));
    // Left out, it is true.
    setting
        .and_then(|value| bool::try_from(value.clone()).ok())
        .unwrap_or(true)
}

fn connection(ssid: &Ssid, purpose: Purpose) -> HashMap<&'static str, Value<'static>> {
    // What the user sees in the list of networks.
    let name: String = ssid
        .to_string()
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    let mut connection = HashMap::from([
        ("id", Value::from(format!("Porthole: {name}"))),
        ("type", "802-11-wireless".into()),
        ("autoconnect", (purpose == Purpose::Kept).into()),
    ]);
    // A profile for everybody may need an administrator; one for this user alone does not.
    if let Some(user) = user() {
        connection.insert("permissions", vec![format!("user:{user}:")].into());
    }
    connection
}

/// The user's name; `None` for root, who may do everything.
fn user() -> Option<String> {
    // SAFETY: asks for a number.
    if unsafe { libc::geteuid() } == 0 {
        return None;
    }
    let name = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .ok()?;
    let is_name = !name.is_empty() && name != "root" && !name.contains(':');
    is_name.then_some(name)
}

fn mark() -> HashMap<&'static str, Value<'static>> {
    HashMap::from([("data", HashMap::from([(MARK, "1")]).into())])
}

fn ssid(ssid: &Ssid) -> Value<'static> {
    ssid.as_bytes().to_vec().into()
}

fn security(
    key_management: &'static str,
    passphrase: &Passphrase,
) -> HashMap<&'static str, Value<'static>> {
    HashMap::from([
        ("key-mgmt", key_management.into()),
        ("psk", passphrase.as_str().to_owned().into()),
    ])
}

/// Band and channel of a frequency in MHz, as far as NetworkManager has names for them.
fn channel(frequency: u32) -> Option<(&'static str, u32)> {
    match frequency {
        2412..=2472 => Some(("bg", (frequency - 2407) / 5)),
        2484 => Some(("bg", 14)),
        5160..=5885 => Some(("a", (frequency - 5000) / 5)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bssid;

    fn target() -> Target {
        Target::new(
            Ssid::from_bytes(*b"a\n\"\xff").unwrap(),
            Some("abcd1234".parse().unwrap()),
        )
    }

    fn sight(frequency_mhz: u32, security: Security) -> Network {
        Network {
            ssid: target().ssid,
            bssid: Bssid([2; 6]),
            signal_percent: 50,
            frequency_mhz,
            security,
            known: false,
        }
    }

    #[test]
    fn a_trial_looks_at_one_channel_and_is_not_for_every_day() {
        let profile = station(
            &target(),
            Some(&sight(2437, Security::Personal)),
            Purpose::Trial,
        );
        assert_eq!(profile["802-11-wireless"]["channel"], Value::from(6_u32));
        assert_eq!(
            profile["802-11-wireless"]["ssid"],
            Value::from(b"a\n\"\xff".to_vec())
        );
        assert_eq!(profile["connection"]["autoconnect"], Value::from(false));
        assert_eq!(
            profile["802-11-wireless-security"]["key-mgmt"],
            Value::from("wpa-psk")
        );
        assert_eq!(profile["ipv4"]["route-metric"], Value::from(LAST_METRIC));
        let name = String::try_from(profile["connection"]["id"].clone()).unwrap();
        assert!(!name.chars().any(char::is_control));
    }

    #[test]
    fn a_kept_network_may_move_to_another_channel() {
        let target = Target {
            keep: true,
            ..target()
        };
        let profile = station(
            &target,
            Some(&sight(5180, Security::Wpa3Only)),
            Purpose::Kept,
        );
        assert!(!profile["802-11-wireless"].contains_key("channel"));
        assert_eq!(profile["connection"]["autoconnect"], Value::from(true));
        assert_eq!(
            profile["802-11-wireless-security"]["key-mgmt"],
            Value::from("sae")
        );
        assert!(!profile["ipv4"].contains_key("route-metric"));
    }

    #[test]
    fn channels_have_their_bands() {
        assert_eq!(channel(2412), Some(("bg", 1)));
        assert_eq!(channel(5180), Some(("a", 36)));
        assert_eq!(channel(5975), None);
    }
}
