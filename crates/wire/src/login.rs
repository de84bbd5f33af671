//! MQTT login of a device: user name and password, as texts. The key's arithmetic is `provision::credentials`.
//!
//! ```text
//! client id   ABCDE12345cam_01
//! user name   ABCDE12345cam_01;12010126;a1B2c;1700000000
//! password    <hex of the HMAC over the user name>;hmacsha256
//! ```

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::device::Device;
use crate::error::ParseError;
use crate::text::digits;

/// The documents' application id.
pub const SDK_APP_ID: u32 = 12_010_126;
/// Expiry of a device that knows no time: never (the largest number that every reader takes).
pub const NEVER: u64 = i64::MAX as u64;
/// Longest user name that is read, in bytes.
pub const MAX_USERNAME_BYTES: usize = 256;

const USERNAME: &str = "MQTT user name";
const PASSWORD: &str = "MQTT password";

/// `{clientId};{sdkappid};{connid};{expiry}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    /// Who logs in; its client id stands in front.
    pub device: Device,
    /// Application id: [`SDK_APP_ID`], or the one of the device's SDK.
    pub sdk_app_id: u32,
    /// Random letters and digits of this connection; 5 in the documents, 1 to 32 are read.
    pub conn_id: String,
    /// When the login ends, unix seconds.
    pub expiry: u64,
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client_id = self.device.client_id();
        write!(
            f,
            "{client_id};{};{};{}",
            self.sdk_app_id, self.conn_id, self.expiry
        )
    }
}

impl FromStr for Username {
    type Err = ParseError;

    /// Reads exactly what [`Display`](fmt::Display) writes: the password is made over this very text.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        const SHAPE: &str = "clientId;sdkappid;connid;expiry";
        ParseError::limit(USERNAME, "text", text.len(), MAX_USERNAME_BYTES)?;
        let parts: Vec<&str> = text.split(';').collect();
        let [client_id, sdk_app_id, conn_id, expiry] = parts[..] else {
            return Err(ParseError::invalid(USERNAME, "text", text, SHAPE));
        };
        let invalid = |field, got: &str| ParseError::invalid(USERNAME, field, got, SHAPE);
        let is_conn_id = (1..=32).contains(&conn_id.len())
            && conn_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_conn_id {
            return Err(invalid("connid", conn_id));
        }
        let name = Self {
            device: Device::from_client_id(client_id)?,
            sdk_app_id: digits(sdk_app_id).ok_or_else(|| invalid("sdkappid", sdk_app_id))?,
            conn_id: conn_id.to_owned(),
            expiry: digits(expiry).ok_or_else(|| invalid("expiry", expiry))?,
        };
        if name.to_string() != text {
            return Err(invalid("text", text));
        }
        Ok(name)
    }
}

/// How a password is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// HMAC-SHA256, 32 bytes.
    HmacSha256,
    /// HMAC-SHA1, 20 bytes.
    HmacSha1,
}

impl Method {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmacsha256",
            Self::HmacSha1 => "hmacsha1",
        }
    }

    /// Length of the HMAC, in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha1 => 20,
        }
    }

    /// Reads the word, in letters of either case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::HmacSha256, Self::HmacSha1]
            .into_iter()
            .find(|method| name.eq_ignore_ascii_case(method.name()))
    }
}

/// `{hex};{method}`. `Debug` does not show the HMAC: it opens the connection until it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// How it was made.
    pub method: Method,
    /// The HMAC, as long as the method makes it.
    pub mac: Vec<u8>,
}

impl Password {
    /// The text that is sent.
    pub fn to_text(&self) -> String {
        format!("{};{}", HEXLOWER.encode(&self.mac), self.method.name())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password(***;{})", self.method.name())
    }
}

impl FromStr for Password {
    type Err = ParseError;

    /// Reads a password; the error does not show it.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (hex, method) = text.split_once(';').unwrap_or((text, ""));
        let method = Method::from_name(method).ok_or_else(|| {
            ParseError::secret(PASSWORD, "method", "", "hmacsha256 or hmacsha1 behind a ;")
        })?;
        let mac = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
        match mac.filter(|mac| mac.len() == method.bytes()) {
            Some(mac) => Ok(Self { method, mac }),
            None => Err(ParseError::secret(PASSWORD, "mac", hex, "the HMAC in hex")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "ABCDE12345cam_01;12010126;a1B2c;1700000000";

    #[test]
    fn a_user_name_reads_back_to_the_letter() {
        let name: Username = NAME.parse().unwrap();
        assert_eq!(name.device, Device::new("ABCDE12345", "cam_01").unwrap());
        assert_eq!(
            (name.sdk_app_id, name.conn_id.as_str(), name.expiry),
            (SDK_APP_ID, "a1B2c", 1_700_000_000)
        );
        assert_eq!(name.to_string(), NAME);
        let for_ever = format!("ABCDE12345cam_01;21010406;a1B2c;{NEVER}");
        assert_eq!(for_ever.parse::<Username>().unwrap().expiry, NEVER);
    }

    #[test]
    fn a_user_name_that_would_be_written_otherwise_is_refused() {
        for (text, field) in [
            ("", "text"),
            ("ABCDE12345cam_01;12010126;a1B2c", "text"),
            ("ABCDE12345cam_01;12010126;a1B2c;1;", "text"),
            ("ABCDE12345;12010126;a1B2c;1", "deviceName"),
            ("ABCDE12345a/b;12010126;a1B2c;1", "deviceName"),
            ("ABCDE12345cam_01;+1;a1B2c;1", "sdkappid"),
            ("ABCDE12345cam_01;1;;1", "connid"),
            ("ABCDE12345cam_01;1;a b;1", "connid"),
            ("ABCDE12345cam_01;1;a1B2c;-1", "expiry"),
            ("ABCDE12345cam_01;1;a1B2c; 1", "expiry"),
            ("ABCDE12345cam_01;01;a1B2c;1", "text"),
            (&";".repeat(257), "text"),
        ] {
            assert_eq!(
                text.parse::<Username>().unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }

    #[test]
    fn a_password_says_its_method_and_hides_its_hmac() {
        for (method, bytes) in [(Method::HmacSha256, 32), (Method::HmacSha1, 20)] {
            let password = Password {
                method,
                mac: vec![0xab; bytes],
            };
            assert_eq!(password.to_text().parse(), Ok(password.clone()));
            assert_eq!(
                password.to_text().to_uppercase().parse(),
                Ok(password.clone())
            );
            assert!(!format!("{password:?}").contains("abab"));
        }
        let short = "abab".repeat(10);
        for (text, field) in [
            (short.clone(), "method"),
            (format!("{short};md5"), "method"),
            (format!("{short};hmacsha256"), "mac"),
            (format!("{short}zz;hmacsha1"), "mac"),
        ] {
            let error = text.parse::<Password>().unwrap_err();
            assert_eq!(error.field(), field, "{text}");
            assert!(!error.to_string().contains("abab"), "{error}");
        }
    }
}
