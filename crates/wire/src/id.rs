//! Who is who: public keys as ids, and the one-time secret of a pairing link.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::error::ParseError;

/// An end's Ed25519 public key. Written as 64 lowercase hex characters. Knowing it opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub [u8; 32]);

/// The id of a camera.
pub type CameraId = PeerId;
/// The id of a viewer.
pub type ViewerKey = PeerId;

impl PeerId {
    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 10 hex characters: enough to tell cameras apart in a log or a list.
    pub fn short(&self) -> String {
        HEXLOWER.encode(&self.0[..5])
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({})", self.short())
    }
}

impl FromStr for PeerId {
    type Err = ParseError;

    /// Reads 64 hex characters of either case.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| ParseError::invalid("id", "id", text, "64 hex characters"))
    }
}

/// A one-time secret: 128 random bits that admit the first viewer, or the next one. `Debug` prints `***`.
#[derive(Clone)]
pub struct Secret([u8; 16]);

impl Secret {
    /// A secret of these bytes; the caller brings the randomness.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The text form: 26 characters of lowercase base32 (RFC 4648) without padding.
    pub fn to_text(&self) -> String {
        BASE32_NOPAD.encode(&self.0).to_ascii_lowercase()
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        crate::text::same_secret(&self.0, &other.0)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for Secret {
    type Err = ParseError;

    /// Reads 26 base32 characters of either case. The error tells the length, never the text.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        BASE32_NOPAD
            .decode(text.to_ascii_uppercase().as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| {
                ParseError::secret("secret", "secret", text, "26 base32 characters (a-z, 2-7)")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_round_trips_as_hex_of_either_case() {
        let id = PeerId(std::array::from_fn(|i| i as u8 * 7));
        let text = id.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_uppercase().parse(), Ok(id));
        assert_eq!(id.short(), text[..10]);
        assert_eq!(format!("{id:?}"), format!("PeerId({})", id.short()));
    }

    #[test]
    fn an_id_of_wrong_length_or_alphabet_is_refused() {
        for bad in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(66),
            &"g".repeat(64),
            "é",
        ] {
            assert_eq!(bad.parse::<PeerId>().unwrap_err().field(), "id", "{bad}");
        }
    }

    #[test]
    fn a_secret_round_trips_and_never_shows() {
        let secret = Secret::from_bytes(*b"0123456789abcdef");
        let text = secret.to_text();
        assert_eq!(text, "gaytemzugu3doobzmfrggzdfmy");
        assert!(secret.matches(&text.parse().unwrap()));
        assert!(secret.matches(&text.to_uppercase().parse().unwrap()));
        assert_eq!(format!("{secret:?}"), "***");
        assert!(!secret.matches(&Secret::from_bytes([0; 16])));
    }

    #[test]
    fn a_bad_secret_is_refused_without_showing_it() {
        let error = "gaytemzugu3doobzmfrggzdfm1".parse::<Secret>().unwrap_err();
        assert_eq!(error.got(), Some("*** (26 characters)"));
        assert!("".parse::<Secret>().is_err());
        // The last character's two spare bits must be zero, else two texts would name one secret.
        assert!("gaytemzugu3doobzmfrggzdfmz".parse::<Secret>().is_err());
    }
}
