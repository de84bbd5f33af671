//! The pairing token of one attempt: what the hub gives the viewer, the viewer the camera, and the camera back to the hub.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use data_encoding::HEXLOWER;

use crate::error::ParseError;

/// Length of the text of our tokens, and the longest that is read, in characters.
pub const TOKEN_CHARS: usize = 32;
/// Shortest text that is read as a token, in characters.
pub const MIN_TOKEN_CHARS: usize = 16;

const MESSAGE: &str = "token";

/// A pairing token. Ours are 32 lowercase hex digits; 16 to 32 ASCII letters and digits are read, because the documents'
/// own samples are. `Debug` prints `***`, and there is no `Display`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token of these 128 bits; the caller brings the randomness.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(HEXLOWER.encode(&bytes))
    }

    /// The text that stands in the messages. A secret: it belongs into no log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = ParseError;

    /// Reads 16 to 32 letters and digits. The error tells the length, never the text.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_token = (MIN_TOKEN_CHARS..=TOKEN_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_token {
            return Err(ParseError::secret(MESSAGE, "token", text, "32 hex digits"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl PartialEq for Token {
    /// In a time that does not tell where they differ.
    fn eq(&self, other: &Self) -> bool {
        crate::text::same_secret(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Token {}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_32_hex_digits_and_reads_back() {
        let token = Token::from_bytes(std::array::from_fn(|i| i as u8 * 16 + 1));
        assert_eq!(token.as_str(), "01112131415161718191a1b1c1d1e1f1");
        assert_eq!(token.as_str().parse(), Ok(token));
    }

    #[test]
    fn the_documents_masked_samples_are_read() {
        for text in [
            "6aa11111x1x123x1aa546xx6x111xxxd",
            "6xx12345x9x1234ee777xx6e528a0fd",
        ] {
            assert_eq!(text.parse::<Token>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_wrong_token_is_refused_without_being_shown() {
        let long = "0".repeat(33);
        for text in [
            "",
            "000000000000000",
            &long,
            "0000000000000000000000000000000;",
            "客厅",
        ] {
            let error = text.parse::<Token>().unwrap_err();
            assert_eq!(error.field(), "token");
            assert!(!error.to_string().contains("0000"), "{error}");
        }
    }

    #[test]
    fn equality_sees_every_character_and_debug_shows_none() {
        let token = Token::from_bytes([7; 16]);
        for at in 0..16 {
            let mut other = [7; 16];
            other[at] = 8;
            assert_ne!(Token::from_bytes(other), token);
        }
        assert_eq!(format!("{token:?}"), "***");
    }
}
