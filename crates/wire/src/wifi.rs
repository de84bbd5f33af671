//! The name and the passphrase of a Wi-Fi network, and the address of an access point.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;

use crate::error::ParseError;

/// Longest name of a network, in bytes (IEEE 802.11).
pub const MAX_SSID_BYTES: usize = 32;
/// Shortest passphrase, in bytes (IEEE 802.11, WPA2-PSK).
pub const MIN_PASSPHRASE_BYTES: usize = 8;
/// Longest passphrase, in bytes; 64 hex digits are the key itself.
pub const MAX_PASSPHRASE_BYTES: usize = 63;

const RAW_KEY_CHARS: usize = 64;

/// A network's name: 1 to 32 bytes, usually but not always UTF-8. `Display` replaces what is not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ssid(Vec<u8>);

impl Ssid {
    /// The name of these bytes.
    ///
    /// # Errors
    /// No byte, or more than 32.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, ParseError> {
        const MESSAGE: &str = "network";
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(ParseError::missing(MESSAGE, "ssid", "1 to 32 bytes"));
        }
        ParseError::limit(MESSAGE, "ssid", bytes.len(), MAX_SSID_BYTES)?;
        Ok(Self(bytes))
    }

    /// The name as the radio sends it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as text, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl FromStr for Ssid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Ssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Ssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ssid({:?})", String::from_utf8_lossy(&self.0))
    }
}

/// The address of one access point's radio: 48 bits, written `02:00:5e:00:53:01`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bssid(pub [u8; 6]);

impl fmt::Display for Bssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Bssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Bssid {
    type Err = ParseError;

    /// Reads six bytes in hex of either case with `:` or `-` between them.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let read = || {
            let mut bytes = [0; 6];
            let mut parts = text.split([':', '-']);
            for byte in &mut bytes {
                let part = parts.next()?.as_bytes();
                [*byte] = HEXLOWER_PERMISSIVE.decode(part).ok()?.try_into().ok()?;
            }
            parts.next().is_none().then_some(Self(bytes))
        };
        read().ok_or_else(|| ParseError::invalid("network", "bssid", text, "02:00:5e:00:53:01"))
    }
}

/// What opens a network: 8 to 63 bytes of text, or 64 hex digits that are the key itself. An open network has none.
/// `Debug` prints `***`, and there is no `Display`.
#[derive(Clone)]
pub struct Passphrase(String);

impl Passphrase {
    /// The text itself. A secret: it belongs into no log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Passphrase {
    type Err = ParseError;

    /// Reads a passphrase. The error tells the length, never the text.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        const MESSAGE: &str = "network";
        const EXPECTED: &str = "8 to 63 bytes without control characters, or 64 hex digits";
        let is_text = (MIN_PASSPHRASE_BYTES..=MAX_PASSPHRASE_BYTES).contains(&text.len())
            && !text.chars().any(char::is_control);
        let is_key =
            text.len() == RAW_KEY_CHARS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_text && !is_key {
            return Err(ParseError::secret(MESSAGE, "password", text, EXPECTED));
        }
        Ok(Self(text.to_owned()))
    }
}

impl PartialEq for Passphrase {
    /// In a time that does not tell where they differ.
    fn eq(&self, other: &Self) -> bool {
        crate::text::same_secret(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Passphrase {}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_32_bytes_of_any_kind() {
        assert_eq!("Home".parse::<Ssid>().unwrap().to_string(), "Home");
        assert_eq!("客厅".parse::<Ssid>().unwrap().as_str(), Some("客厅"));
        let gbk = Ssid::from_bytes([0xbf, 0xcd, 0xcc, 0xfc]).unwrap();
        assert_eq!(gbk.as_str(), None);
        assert_eq!(gbk.as_bytes(), [0xbf, 0xcd, 0xcc, 0xfc]);
        assert!("s".repeat(32).parse::<Ssid>().is_ok());
        for bad in [String::new(), "s".repeat(33)] {
            assert_eq!(bad.parse::<Ssid>().unwrap_err().field(), "ssid");
        }
    }

    #[test]
    fn an_address_reads_what_it_writes() {
        let bssid = Bssid([2, 0, 0x5e, 0, 0x53, 0xff]);
        assert_eq!(bssid.to_string(), "02:00:5e:00:53:ff");
        assert_eq!("02:00:5E:00:53:FF".parse(), Ok(bssid));
        assert_eq!("02-00-5e-00-53-ff".parse(), Ok(bssid));
        for wrong in [
            "",
            "02:00:5e:00:53",
            "02:00:5e:00:53:ff:",
            "2:0:5e:0:53:ff",
            "02:00:5e:00:53:+f",
            "02:00:5e:00:53:客",
        ] {
            assert_eq!(wrong.parse::<Bssid>().unwrap_err().field(), "bssid");
        }
    }

    #[test]
    fn a_passphrase_is_8_to_63_bytes_or_a_key() {
        for good in ["abcd1234", &"p".repeat(63), &"aF".repeat(32), "密码密码"] {
            assert_eq!(good.parse::<Passphrase>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "abcd123",
            &"p".repeat(64),
            &"a".repeat(65),
            "tab\tspace",
        ] {
            let error = bad.parse::<Passphrase>().unwrap_err();
            assert_eq!(error.field(), "password");
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
    }

    #[test]
    fn a_passphrase_is_never_shown_by_debug() {
        let passphrase: Passphrase = "abcd1234".parse().unwrap();
        assert_eq!(format!("{passphrase:?}"), "***");
        assert_eq!(passphrase, "abcd1234".parse().unwrap());
        assert_ne!(passphrase, "abcd1235".parse().unwrap());
        assert_ne!(passphrase, "abcd12345".parse().unwrap());
    }
}
