//! The pairing link: everything a viewer needs to find a camera and be let in once.
//!
//! ```text
//! porthole:<id, 64 hex>?secret=<26 base32>&name=<name>&addr=<ip:port>&addr=…&relay=<url>
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::MAX_NAME_BYTES;
use crate::address::{Address, MAX_ADDRS, MAX_RELAYS, plain, read_relay};
use crate::error::ParseError;
use crate::id::Secret;
use crate::text::{bounded, digits, escape, unescape};

/// Longest link that is read, in bytes.
pub const MAX_LINK_BYTES: usize = 4096;
/// What a link starts with.
pub const SCHEME: &str = "porthole:";

const MESSAGE: &str = "link";

/// A pairing link. `Display` writes the secret, `Debug` does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which camera, and where it may be found.
    pub address: Address,
    /// Admits one viewer, once; a link without it only names a camera.
    pub secret: Option<Secret>,
    /// The camera's name, at most [`MAX_NAME_BYTES`].
    pub name: Option<String>,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.address.id)?;
        let mut sign = '?';
        let mut pair = |f: &mut fmt::Formatter<'_>, key: &str, value: &str| {
            write!(f, "{sign}{key}={value}")?;
            sign = '&';
            Ok(())
        };
        if let Some(secret) = &self.secret {
            pair(f, "secret", &secret.to_text())?;
        }
        if let Some(name) = &self.name {
            pair(f, "name", &escape(bounded(name, MAX_NAME_BYTES)))?;
        }
        let (addrs, relays) = self.address.hints();
        for addr in addrs {
            pair(f, "addr", &addr.to_string())?;
        }
        for relay in relays {
            pair(f, "relay", &escape(relay))?;
        }
        Ok(())
    }
}

impl FromStr for Link {
    type Err = ParseError;

    /// Reads a link. White space around it, a scheme in capitals, `porthole://` and unknown keys are tolerated.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        const ID: &str = "64 hex characters";
        ParseError::limit(MESSAGE, "text", text.len(), MAX_LINK_BYTES)?;
        let text = text.trim();
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => {
                // Without a colon the text may be anything, a bare secret too: it is not shown.
                let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
                return Err(ParseError::invalid(MESSAGE, "scheme", scheme, SCHEME));
            }
        };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (id, query) = rest.split_once('?').unwrap_or((rest, ""));
        let id = id.strip_suffix('/').unwrap_or(id);
        if id.is_empty() {
            return Err(ParseError::missing(MESSAGE, "id", ID));
        }
        let id = id.parse().map_err(|_| {
            // What stands behind the id may be a secret that lost its `?`.
            let end = id.find(|c: char| !c.is_alphanumeric()).unwrap_or(id.len());
            ParseError::invalid(MESSAGE, "id", &id[..end], ID)
        })?;
        let mut link = Self {
            address: Address::new(id),
            secret: None,
            name: None,
        };
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !value.is_empty() {
                link.read_pair(key, value)?;
            }
        }
        Ok(link)
    }
}

impl Link {
    fn read_pair(&mut self, key: &str, raw: &str) -> Result<(), ParseError> {
        match key {
            "secret" => {
                // A secret never shows in an error, so it is not percent-decoded by `value`.
                let text = unescape(raw).unwrap_or_default();
                let secret: Secret = text.parse().map_err(|error: ParseError| {
                    ParseError::invalid(
                        MESSAGE,
                        "secret",
                        error.got().unwrap_or_default(),
                        error.expected().unwrap_or_default(),
                    )
                })?;
                once("secret", &mut self.secret, secret)
            }
            "name" => {
                let name = value("name", raw)?;
                ParseError::limit(MESSAGE, "name", name.len(), MAX_NAME_BYTES)?;
                once("name", &mut self.name, name)
            }
            "addr" => {
                self.address.addrs.push(read_addr(&value("addr", raw)?)?);
                ParseError::limit(MESSAGE, "addr", self.address.addrs.len(), MAX_ADDRS)
            }
            "relay" => {
                let relay = read_relay(MESSAGE, &value("relay", raw)?)?;
                self.address.relays.push(relay);
                ParseError::limit(MESSAGE, "relay", self.address.relays.len(), MAX_RELAYS)
            }
            _ => Ok(()),
        }
    }
}

fn value(field: &'static str, raw: &str) -> Result<String, ParseError> {
    unescape(raw).ok_or_else(|| ParseError::invalid(MESSAGE, field, raw, "percent-encoded UTF-8"))
}

fn once<T>(field: &'static str, slot: &mut Option<T>, value: T) -> Result<(), ParseError> {
    if slot.replace(value).is_some() {
        return Err(ParseError::Repeated {
            message: MESSAGE,
            field: field.to_owned(),
        });
    }
    Ok(())
}

fn read_addr(text: &str) -> Result<SocketAddr, ParseError> {
    const EXPECTED: &str = "ip:port, such as 192.168.1.20:4433 or [2001:db8::1]:4433";
    let error = || ParseError::invalid(MESSAGE, "addr", text, EXPECTED);
    let port = text.rsplit_once(':').map(|(_, port)| port);
    let port: u16 = port.and_then(digits).ok_or_else(error)?;
    let addr: SocketAddr = text.parse().map_err(|_| error())?;
    debug_assert_eq!(addr.port(), port);
    Ok(plain(addr))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PeerId;

    const ID: &str = "abababababababababababababababababababababababababababababababab";

    fn full() -> Link {
        Link {
            address: Address {
                id: PeerId([0xab; 32]),
                relays: vec!["https://relay.example/".into()],
                addrs: vec![
                    "192.168.1.20:4433".parse().unwrap(),
                    "[2001:db8::1]:4433".parse().unwrap(),
                ],
            },
            secret: Some(Secret::from_bytes(*b"0123456789abcdef")),
            name: Some("Front door & 客厅".into()),
        }
    }

    #[test]
    fn writes_one_ascii_line_and_reads_it_back() {
        let text = full().to_string();
        assert_eq!(
            text,
            format!(
                "porthole:{ID}?secret=gaytemzugu3doobzmfrggzdfmy&name=Front%20door%20%26%20%E5%AE%A2%E5%8E%85\
                 &addr=192.168.1.20:4433&addr=[2001:db8::1]:4433&relay=https%3A%2F%2Frelay.example%2F"
            )
        );
        assert_eq!(text.parse(), Ok(full()));
    }

    #[test]
    fn an_id_alone_is_a_link() {
        let link: Link = format!("porthole:{ID}").parse().unwrap();
        assert_eq!(link.address, Address::new(PeerId([0xab; 32])));
        assert_eq!((link.secret.as_ref(), link.name.as_ref()), (None, None));
        assert_eq!(link.to_string(), format!("porthole:{ID}"));
    }

    #[test]
    fn what_phones_and_people_do_to_links_is_tolerated() {
        for text in [
            format!("  PORTHOLE:{}\n", ID.to_uppercase()),
            format!("porthole://{ID}/"),
            format!("porthole:{ID}?"),
            format!("porthole:{ID}?new_key=1&name="),
        ] {
            assert_eq!(
                text.parse::<Link>().unwrap().to_string(),
                format!("porthole:{ID}"),
                "{text}"
            );
        }
        let raw: Link = format!("porthole:{ID}?relay=https://relay.example/")
            .parse()
            .unwrap();
        assert_eq!(raw.address.relays, ["https://relay.example/"]);
    }

    #[test]
    fn debug_hides_the_secret() {
        assert!(!format!("{:?}", full()).contains("gayte"));
        assert!(format!("{:?}", full()).contains("***"));
    }

    #[test]
    fn errors_say_which_part_what_was_got_and_what_expected() {
        for (text, expected) in [
            ("", "link: scheme is \"\", expected porthole:"),
            ("https://x", "link: scheme is \"https\", expected porthole:"),
            ("客客客客客", "link: scheme is \"\", expected porthole:"),
            (
                "porthole:",
                "link: id is missing, expected 64 hex characters",
            ),
            (
                "porthole:12",
                "link: id is \"12\", expected 64 hex characters",
            ),
            (
                "porthole:12&secret=gaytemzugu3doobzmfrggzdfmy",
                "link: id is \"12\", expected 64 hex characters",
            ),
            (
                &format!("porthole:{ID}?addr=1.2.3.4"),
                "link: addr is \"1.2.3.4\", expected ip:port, such as 192.168.1.20:4433 or [2001:db8::1]:4433",
            ),
            (
                &format!("porthole:{ID}?relay=ftp://x"),
                "link: relay is \"ftp://x\", expected an https:// or http:// URL of at most 255 bytes",
            ),
            (
                &format!("porthole:{ID}?name=a&name=b"),
                "link: name is given twice, expected once",
            ),
            (
                &format!("porthole:{ID}?secret=tooshort"),
                "link: secret is \"*** (8 characters)\", expected 26 base32 characters (a-z, 2-7)",
            ),
        ] {
            assert_eq!(text.parse::<Link>().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn long_links_names_and_lists_are_refused() {
        let long = format!("porthole:{ID}?x={}", "y".repeat(4096));
        assert!(matches!(
            long.parse::<Link>(),
            Err(ParseError::TooLong { limit: 4096, .. })
        ));
        let name = format!("porthole:{ID}?name={}", "n".repeat(129));
        assert_eq!(name.parse::<Link>().unwrap_err().field(), "name");
        let many = format!("porthole:{ID}?{}", "addr=1.2.3.4:5&".repeat(17));
        assert_eq!(many.parse::<Link>().unwrap_err().field(), "addr");
        let mut wordy = full();
        wordy.name = Some("客".repeat(100));
        let read: Link = wordy.to_string().parse().unwrap();
        assert_eq!(read.name.unwrap().len(), 126);
    }
}
