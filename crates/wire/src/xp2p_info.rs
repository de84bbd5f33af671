//! xp2pInfo, the text that says how to reach a camera: `XP2P` + base64(address) + `%` + firmware version.
//!
//! ```text
//! XP2PAQIDBA==%2.4.33m
//! ----========-.......
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::ParseError;

/// Longest xp2pInfo that is read, in bytes.
pub const MAX_TEXT_BYTES: usize = 2048;
/// Longest version, in bytes.
pub const MAX_VERSION_BYTES: usize = 32;

pub(crate) const MESSAGE: &str = "xp2pInfo";

/// Writes padding, reads with and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How to reach a camera, and what it runs. For Porthole's own cameras `address` holds
/// [`Address::to_bytes`](crate::address::Address::to_bytes); for others it is opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Xp2pInfo {
    /// The address, opaque here; at least one byte.
    pub address: Vec<u8>,
    /// 1 to 32 of letters, digits, `.`, `_`, `-`; an `m` at its end marks a camera that sends MJPEG.
    pub version: String,
}

impl Xp2pInfo {
    /// Whether the camera sends MJPEG, which Porthole does not play.
    pub fn is_mjpeg(&self) -> bool {
        self.version.ends_with('m')
    }
}

impl fmt::Display for Xp2pInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XP2P{}%{}", BASE64.encode(&self.address), self.version)
    }
}

impl FromStr for Xp2pInfo {
    type Err = ParseError;

    /// Reads an xp2pInfo; white space around it and missing base64 padding are tolerated.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        const VERSION: &str = "% and 1 to 32 of letters, digits, . _ -";
        const BASE64_TEXT: &str = "base64 of at least one byte";
        ParseError::limit(MESSAGE, "text", text.len(), MAX_TEXT_BYTES)?;
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let rest = text
            .strip_prefix("XP2P")
            .ok_or_else(|| ParseError::invalid(MESSAGE, "prefix", text, "XP2P"))?;
        let (address, version) = rest
            .split_once('%')
            .ok_or_else(|| ParseError::missing(MESSAGE, "version", VERSION))?;
        let bytes = BASE64
            .decode(address)
            .ok()
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| ParseError::invalid(MESSAGE, "address", address, BASE64_TEXT))?;
        let plain = version
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if version.is_empty() || version.len() > MAX_VERSION_BYTES || !plain {
            return Err(ParseError::invalid(MESSAGE, "version", version, VERSION));
        }
        Ok(Self {
            address: bytes,
            version: version.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        let info = Xp2pInfo {
            address: vec![1, 2, 3, 4],
            version: "2.4.33m".into(),
        };
        assert_eq!(info.to_string(), "XP2PAQIDBA==%2.4.33m");
        assert_eq!("XP2PAQIDBA==%2.4.33m".parse(), Ok(info.clone()));
        assert_eq!(" XP2PAQIDBA%2.4.33m\0\n".parse(), Ok(info.clone()));
        assert!(info.is_mjpeg());
    }

    #[test]
    fn errors_name_the_part_and_carry_code_2001() {
        for (text, field) in [
            ("", "prefix"),
            ("xp2pAQ==%1", "prefix"),
            ("XP2PAQ==", "version"),
            ("XP2PAQ==%", "version"),
            ("XP2PAQ==%1%2", "version"),
            ("XP2PAQ==%客", "version"),
            ("XP2P%1", "address"),
            ("XP2P!!%1", "address"),
            ("XP2PAQ=%1 2", "version"),
        ] {
            let error = text.parse::<Xp2pInfo>().unwrap_err();
            assert_eq!(error.field(), field, "{text}");
            assert_eq!(error.code(), Code::BadXp2pInfo);
        }
        assert!(matches!(
            "X".repeat(2049).parse::<Xp2pInfo>(),
            Err(ParseError::TooLong { .. })
        ));
    }
}
