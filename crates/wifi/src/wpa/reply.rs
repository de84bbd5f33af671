//! What wpa_supplicant says (2.x): events, the status, the lists of networks and of access points.

use std::collections::HashMap;
use std::fmt::Write as _;

use wire::wifi::Ssid;

use crate::{Network, Security};

/// What happens on the radio, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Joined; keys are agreed.
    Connected,
    /// The link is gone, or an attempt at it.
    Disconnected,
    /// A network is not tried for a while.
    Disabled { network: u32, is_wrong_key: bool },
    /// The handshake failed in the way of a wrong passphrase.
    WrongKeySuspected,
    /// A scan did not find any network that is wanted.
    NothingFound,
    /// The access point refused us, with an IEEE 802.11 status code.
    Refused { status: u32 },
    /// A scan has begun.
    ScanStarted,
    /// A scan is over.
    ScanDone,
    /// A scan did not take place and is not tried again.
    ScanFailed,
    /// Our access point is open.
    ApOpen,
    /// wpa_supplicant ends.
    Terminating,
    /// Anything else.
    Other,
}

impl Event {
    /// Reads `[IFNAME=wlan0 ]<3>CTRL-EVENT-… name=value …`.
    pub(super) fn read(text: &str) -> Self {
        let text = match text.strip_prefix("IFNAME=") {
            Some(rest) => rest.split_once(' ').map_or("", |(_, rest)| rest),
            None => text,
        };
        let text = match text.strip_prefix('<') {
            Some(rest) => rest.split_once('>').map_or("", |(_, rest)| rest),
            None => text,
        };
        let (name, values) = text.split_once(' ').unwrap_or((text, ""));
        match name {
            "CTRL-EVENT-CONNECTED" => Self::Connected,
            "CTRL-EVENT-DISCONNECTED" => Self::Disconnected,
            "CTRL-EVENT-SSID-TEMP-DISABLED" => Self::Disabled {
                network: number(values, "id").unwrap_or(u32::MAX),
                // The name comes before the reason and may say anything.
                is_wrong_key: values.ends_with(" reason=WRONG_KEY"),
            },
            "CTRL-EVENT-NETWORK-NOT-FOUND" => Self::NothingFound,
            "CTRL-EVENT-ASSOC-REJECT" | "CTRL-EVENT-AUTH-REJECT" => Self::Refused {
                status: number(values, "status_code").unwrap_or(0),
            },
            "CTRL-EVENT-SCAN-STARTED" => Self::ScanStarted,
            "CTRL-EVENT-SCAN-RESULTS" => Self::ScanDone,
            "CTRL-EVENT-SCAN-FAILED" if !values.ends_with(" retry=1") => Self::ScanFailed,
            "AP-ENABLED" => Self::ApOpen,
            "CTRL-EVENT-TERMINATING" => Self::Terminating,
            "WPA:" if values.contains("pre-shared key may be incorrect") => Self::WrongKeySuspected,
            _ => Self::Other,
        }
    }
}

/// The first `name=number` among words.
fn number(words: &str, name: &str) -> Option<u32> {
    words.split(' ').find_map(|word| {
        let (key, value) = word.split_once('=')?;
        (key == name).then(|| value.parse().ok())?
    })
}

/// The `name=value` lines of a status or of one access point.
pub(super) struct Fields<'a>(HashMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        Self(
            text.lines()
                .filter_map(|line| line.split_once('='))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    /// A field that reads as a type.
    pub(super) fn parse<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// The network's name.
    pub(super) fn ssid(&self) -> Option<Ssid> {
        Ssid::from_bytes(unescape(self.get("ssid")?)).ok()
    }
}

/// An access point that wpa_supplicant has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bss {
    /// wpa_supplicant's own number.
    pub(super) id: u32,
    pub(super) network: Network,
    /// Seconds since it was heard.
    pub(super) age: u32,
}

/// Which fields of an access point to list, and a line after each: id, BSSID, frequency, level, age, flags, name.
pub(super) const BSS_MASK: u32 = 0x2_1a87;
/// A line of its own, so that no name is taken for it.
const BSS_END: &str = "\n====\n";

/// The access points of a `BSS RANGE=` reply and the greatest number in it. An entry that is not understood, such as
/// one without a name, is left out.
pub(super) fn read_bss(text: &str) -> (Vec<Bss>, Option<u32>) {
    let mut list = Vec::new();
    let mut last = None;
    for entry in text.split(BSS_END) {
        let fields = Fields::read(entry);
        let id = fields.parse("id");
        last = last.max(id);
        list.extend(id.and_then(|id| bss(id, &fields)));
    }
    (list, last)
}

fn bss(id: u32, fields: &Fields<'_>) -> Option<Bss> {
    let ssid = fields.ssid()?;
    // Some drivers and hidden networks give zeros for a name.
    if ssid.as_bytes().iter().all(|byte| *byte == 0) {
        return None;
    }
    Some(Bss {
        id,
        age: fields.parse("age").unwrap_or(0),
        network: Network {
            ssid,
            bssid: fields.parse("bssid")?,
            signal_percent: percent(fields.parse("level")?),
            frequency_mhz: fields.parse("freq")?,
            security: security(fields.get("flags").unwrap_or("")),
            known: false,
        },
    })
}

/// -100 dBm or less is 0 %, -50 dBm or more is 100 %.
fn percent(dbm: i32) -> u8 {
    u8::try_from((2 * (dbm.saturating_add(100))).clamp(0, 100)).unwrap_or(0)
}

/// Reads `[WPA2-PSK-CCMP][WPA2-SAE-CCMP][ESS]`.
fn security(flags: &str) -> Security {
    let has = |part: &str| flags.contains(part);
    if has("PSK") {
        Security::Personal
    } else if has("SAE") {
        Security::Wpa3Only
    } else if has("EAP") {
        Security::Enterprise
    } else if has("WEP") || has("OWE") || has("WPA") || has("RSN") {
        Security::Other
    } else {
        Security::Open
    }
}

/// One of wpa_supplicant's own networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) id: u32,
    pub(super) ssid: Option<Ssid>,
    pub(super) is_disabled: bool,
}

/// Reads `LIST_NETWORKS`: a headline, then `id<TAB>ssid<TAB>bssid<TAB>[FLAGS]`.
pub(super) fn read_profiles(text: &str) -> Vec<Profile> {
    let profile = |line: &str| {
        let mut columns = line.split('\t');
        Some(Profile {
            id: columns.next()?.parse().ok()?,
            ssid: Ssid::from_bytes(unescape(columns.next()?)).ok(),
            is_disabled: line.rsplit('\t').next()?.contains("[DISABLED]"),
        })
    };
    text.lines().filter_map(profile).collect()
}

/// A name's bytes out of wpa_supplicant's `printf` style: `\xNN`, `\\`, `\"`, `\e`, `\n`, `\r`, `\t`.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let Some((code, after)) = rest.split_first() else {
            break;
        };
        rest = after;
        match code {
            b'e' => bytes.push(0x1b),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => {
                let digits = after
                    .get(..2)
                    .and_then(|digits| std::str::from_utf8(digits).ok());
                let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
                else {
                    continue;
                };
                bytes.push(byte);
                rest = &after[2..];
            }
            other => bytes.push(*other),
        }
    }
    bytes
}

/// Bytes in hexadecimal: how a name is told to wpa_supplicant, whatever is in it.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_wpa_supplicant_2_10_writes_them() {
        let disabled = "<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid=\"ESP8266-SAP\" auth_failures=1 duration=10 \
                        reason=WRONG_KEY";
        let cases = [
            (
                disabled,
                Event::Disabled {
                    network: 0,
                    is_wrong_key: true,
                },
            ),
            (
                "<3>CTRL-EVENT-SSID-TEMP-DISABLED id=4 ssid=\"a reason=WRONG_KEY\" auth_failures=1 duration=10 reason=CONN_FAILED",
                Event::Disabled {
                    network: 4,
                    is_wrong_key: false,
                },
            ),
            (
                "<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=0 id_str=]",
                Event::Connected,
            ),
            (
                "IFNAME=wlan1 <3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:00:00 reason=15",
                Event::Disconnected,
            ),
            (
                "<3>WPA: 4-Way Handshake failed - pre-shared key may be incorrect",
                Event::WrongKeySuspected,
            ),
            (
                "<3>CTRL-EVENT-ASSOC-REJECT bssid=02:00:00:00:00:00 status_code=17",
                Event::Refused { status: 17 },
            ),
            ("<3>CTRL-EVENT-NETWORK-NOT-FOUND ", Event::NothingFound),
            ("<3>CTRL-EVENT-SCAN-STARTED ", Event::ScanStarted),
            ("<3>CTRL-EVENT-SCAN-RESULTS ", Event::ScanDone),
            ("<3>CTRL-EVENT-SCAN-FAILED ret=-16 retry=1", Event::Other),
            ("<3>CTRL-EVENT-SCAN-FAILED ret=-22", Event::ScanFailed),
            ("<3>AP-ENABLED ", Event::ApOpen),
            ("<3>AP-DISABLED ", Event::Other),
            ("<3>CTRL-EVENT-TERMINATING ", Event::Terminating),
            ("<", Event::Other),
            ("", Event::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(Event::read(text), expected, "{text}");
        }
    }

    #[test]
    fn access_points_are_read_and_one_without_a_name_is_left_out() {
        let text = "id=3\nbssid=02:00:00:00:00:00\nfreq=2437\nlevel=-60\nage=2\nflags=[WPA2-PSK-CCMP][ESS]\nssid=ESP8266-SAP\n====\n\
                    id=4\nbssid=02:00:00:00:01:00\nfreq=5180\nlevel=-30\nage=0\nflags=[WPA2-SAE-CCMP][ESS]\nssid=a\\x00\\n\\\"\\xe5\\xae\\xb6\n====\n\
                    id=9\nbssid=02:00:00:00:02:00\nfreq=2412\nlevel=-95\nage=0\nflags=[ESS]\nssid=\n====\n####\n";
        let (list, last) = read_bss(text);
        assert_eq!(last, Some(9));
        let told: Vec<_> = list
            .iter()
            .map(|bss| {
                (
                    bss.id,
                    bss.network.ssid.as_bytes(),
                    bss.network.signal_percent,
                    bss.network.security,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (3, &b"ESP8266-SAP"[..], 80, Security::Personal),
                (4, &b"a\0\n\"\xe5\xae\xb6"[..], 100, Security::Wpa3Only),
            ]
        );
    }

    #[test]
    fn a_name_cannot_end_its_entry() {
        let text = "id=1\nbssid=02:00:00:00:00:00\nfreq=2437\nlevel=-60\nage=2\nflags=[ESS]\nssid=====\n====\n";
        let (list, _) = read_bss(text);
        assert_eq!(list[0].network.ssid.as_bytes(), b"====");
    }

    #[test]
    fn security_is_read_from_flags() {
        let cases = [
            ("[WPA-PSK-TKIP][WPA2-PSK-CCMP][ESS]", Security::Personal),
            ("[WPA2-PSK+SAE-CCMP][ESS]", Security::Personal),
            ("[WPA2-EAP-CCMP][ESS]", Security::Enterprise),
            ("[WEP][ESS]", Security::Other),
            ("[RSN-OWE-CCMP][ESS]", Security::Other),
            ("[ESS]", Security::Open),
        ];
        for (flags, expected) in cases {
            assert_eq!(security(flags), expected, "{flags}");
        }
    }

    #[test]
    fn profiles_are_read() {
        let text = "network id / ssid / bssid / flags\n0\tHome\tany\t[CURRENT]\n1\ta\\n\\\"\tany\t[DISABLED]\n2\tb\tany\t";
        let profiles = read_profiles(text);
        assert_eq!(profiles.len(), 3);
        assert_eq!(profiles[1].ssid.as_ref().unwrap().as_bytes(), b"a\n\"");
        let disabled: Vec<_> = profiles.iter().map(|profile| profile.is_disabled).collect();
        assert_eq!(disabled, [false, true, false]);
    }

    #[test]
    fn a_name_survives_broken_escapes() {
        assert_eq!(unescape(r"a\x4"), b"a4");
        assert_eq!(unescape(r"\xzz\"), b"zz");
        assert_eq!(unescape(r"\e\t\\"), b"\x1b\t\\");
        assert_eq!(hex(b"a\n\""), "610a22");
    }
}
