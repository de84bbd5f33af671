//! How to reach a camera, as bytes small enough for an xp2pInfo.
//!
//! ```text
//! 01                       form, always 1
//! <32 bytes>               id: Ed25519 public key
//! then any number of:
//! 04 <4 bytes> <port>      IPv4 address, port high byte first
//! 06 <16 bytes> <port>     IPv6 address, port high byte first
//! 10 <length> <url>        relay URL, length in one byte
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::error::ParseError;
use crate::id::PeerId;

/// Most socket addresses that are written or read.
pub const MAX_ADDRS: usize = 16;
/// Most relays that are written or read.
pub const MAX_RELAYS: usize = 4;
/// Longest relay URL, in bytes.
pub const MAX_RELAY_BYTES: usize = 255;
/// Longest address, in bytes: all of the above at their most.
pub const MAX_BYTES: usize = 33 + MAX_ADDRS * 19 + MAX_RELAYS * (2 + MAX_RELAY_BYTES);

const MESSAGE: &str = "address";
const FORM: u8 = 1;
const IPV4: u8 = 4;
const IPV6: u8 = 6;
const RELAY: u8 = 0x10;

/// Who a camera is and where it may be found. The id is what counts; the rest are hints, best first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The camera's key.
    pub id: PeerId,
    /// Relays it is at, `https://…` or `http://…`, each as a [`Relay`](crate::relay::Relay) is written.
    pub relays: Vec<String>,
    /// Socket addresses it listens on.
    pub addrs: Vec<SocketAddr>,
}

impl Address {
    /// An address without hints.
    pub fn new(id: PeerId) -> Self {
        Self {
            id,
            relays: Vec::new(),
            addrs: Vec::new(),
        }
    }

    /// What of it is written: the first [`MAX_ADDRS`] addresses without IPv6 scope, the first [`MAX_RELAYS`] relays
    /// that are URLs of at most [`MAX_RELAY_BYTES`].
    pub(crate) fn hints(&self) -> (impl Iterator<Item = SocketAddr>, impl Iterator<Item = &str>) {
        let addrs = self.addrs.iter().take(MAX_ADDRS).map(|addr| plain(*addr));
        let relays = self
            .relays
            .iter()
            .map(String::as_str)
            .filter(|relay| is_relay(relay))
            .take(MAX_RELAYS);
        (addrs, relays)
    }

    /// The bytes, at most [`MAX_BYTES`]. Hints past the limits are left out, and so is the IPv6 scope, which means
    /// nothing on another machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(self.id.as_bytes());
        let (addrs, relays) = self.hints();
        for addr in addrs {
            match addr.ip() {
                IpAddr::V4(ip) => {
                    bytes.push(IPV4);
                    bytes.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    bytes.push(IPV6);
                    bytes.extend_from_slice(&ip.octets());
                }
            }
            bytes.extend_from_slice(&addr.port().to_be_bytes());
        }
        for relay in relays {
            // `hints` leaves out what does not fit one byte.
            bytes.extend_from_slice(&[RELAY, relay.len() as u8]);
            bytes.extend_from_slice(relay.as_bytes());
        }
        bytes
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// Which part is wrong; another form, an unknown entry, too many entries, bytes that end too early.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        ParseError::limit(MESSAGE, "text", bytes.len(), MAX_BYTES)?;
        let mut rest = bytes;
        let form = take::<1>(&mut rest, "form", "1")?;
        if form != [FORM] {
            return Err(ParseError::invalid(
                MESSAGE,
                "form",
                &form[0].to_string(),
                "1",
            ));
        }
        let mut address = Self::new(PeerId(take(&mut rest, "id", "32 bytes")?));
        while !rest.is_empty() {
            let [tag] = take::<1>(&mut rest, "entry", "an entry")?;
            match tag {
                IPV4 => {
                    let ip = Ipv4Addr::from(take::<4>(&mut rest, "addr", "4 bytes")?);
                    address.push_addr(ip.into(), &mut rest)?;
                }
                IPV6 => {
                    let ip = Ipv6Addr::from(take::<16>(&mut rest, "addr", "16 bytes")?);
                    address.push_addr(ip.into(), &mut rest)?;
                }
                RELAY => {
                    let [length] = take::<1>(&mut rest, "relay", "a length")?;
                    let Some((url, behind)) = rest.split_at_checked(length.into()) else {
                        return Err(ParseError::missing(MESSAGE, "relay", "a whole URL"));
                    };
                    rest = behind;
                    let url = String::from_utf8_lossy(url);
                    address.relays.push(read_relay(MESSAGE, &url)?);
                    ParseError::limit(MESSAGE, "relay", address.relays.len(), MAX_RELAYS)?;
                }
                other => {
                    return Err(ParseError::invalid(
                        MESSAGE,
                        "entry",
                        &other.to_string(),
                        "4, 6 or 16",
                    ));
                }
            }
        }
        Ok(address)
    }

    fn push_addr(&mut self, ip: IpAddr, rest: &mut &[u8]) -> Result<(), ParseError> {
        let port = u16::from_be_bytes(take(rest, "addr", "a port")?);
        self.addrs.push(SocketAddr::new(ip, port));
        ParseError::limit(MESSAGE, "addr", self.addrs.len(), MAX_ADDRS)
    }
}

fn take<const N: usize>(
    rest: &mut &[u8],
    field: &'static str,
    expected: &'static str,
) -> Result<[u8; N], ParseError> {
    match rest.split_first_chunk::<N>() {
        Some((head, behind)) => {
            *rest = behind;
            Ok(*head)
        }
        None => Err(ParseError::missing(MESSAGE, field, expected)),
    }
}

/// The address without IPv6 scope and flow.
pub(crate) fn plain(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip(), addr.port())
}

/// A relay URL, or the error that says what is wrong with it.
pub(crate) fn read_relay(message: &'static str, url: &str) -> Result<String, ParseError> {
    if is_relay(url) {
        return Ok(url.to_owned());
    }
    Err(ParseError::invalid(
        message,
        "relay",
        url,
        "an https:// or http:// URL of at most 255 bytes",
    ))
}

fn is_relay(url: &str) -> bool {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    url.len() <= MAX_RELAY_BYTES
        && host.is_some_and(|host| !host.is_empty())
        && url.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Address {
        Address {
            id: PeerId([0xab; 32]),
            relays: vec!["https://relay.example:443/".into()],
            addrs: vec![
                "192.168.1.20:4433".parse().unwrap(),
                "[fe80::1]:9".parse().unwrap(),
            ],
        }
    }

    #[test]
    fn bytes_are_as_drawn_and_round_trip() {
        let bytes = full().to_bytes();
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[1..33], [0xab; 32]);
        assert_eq!(bytes[33..40], [4, 192, 168, 1, 20, 0x11, 0x51]);
        assert_eq!(bytes[40..43], [6, 0xfe, 0x80]);
        assert_eq!(bytes[59..61], [0x10, 26]);
        assert_eq!(bytes.len(), 61 + 26);
        assert_eq!(Address::from_bytes(&bytes), Ok(full()));
        let bare = Address::new(PeerId([3; 32]));
        assert_eq!(Address::from_bytes(&bare.to_bytes()), Ok(bare));
    }

    #[test]
    fn every_cut_is_an_error_or_a_shorter_address() {
        let bytes = full().to_bytes();
        for end in 0..bytes.len() {
            let cut = Address::from_bytes(&bytes[..end]);
            assert_eq!(cut.is_ok(), [33, 40, 59].contains(&end), "{end}: {cut:?}");
        }
    }

    #[test]
    fn errors_name_the_part() {
        let mut id = vec![1];
        id.extend([0; 32]);
        for (tail, field) in [
            (&[9][..], "entry"),
            (&[4, 1, 2], "addr"),
            (&[4, 1, 2, 3, 4, 5], "addr"),
            (&[0x10], "relay"),
            (&[0x10, 3, b'a'], "relay"),
            (&[0x10, 3, b'a', b'b', b'c'], "relay"),
            (&[0x10, 1, 0xff], "relay"),
        ] {
            let bytes = [&id, tail].concat();
            assert_eq!(
                Address::from_bytes(&bytes).unwrap_err().field(),
                field,
                "{tail:?}"
            );
        }
        assert_eq!(Address::from_bytes(&[]).unwrap_err().field(), "form");
        assert_eq!(Address::from_bytes(&[2]).unwrap_err().field(), "form");
        assert_eq!(Address::from_bytes(&[1, 2]).unwrap_err().field(), "id");
    }

    #[test]
    fn hints_past_the_limits_are_not_written_and_refused_when_read() {
        let mut address = full();
        address.addrs = vec!["1.2.3.4:5".parse().unwrap(); 40];
        address.relays = vec!["https://r/".into(); 9];
        address.relays.insert(0, "no url".into());
        address
            .relays
            .insert(0, format!("https://{}", "r".repeat(300)));
        let read = Address::from_bytes(&address.to_bytes()).unwrap();
        assert_eq!(
            (read.addrs.len(), read.relays.len()),
            (MAX_ADDRS, MAX_RELAYS)
        );
        let mut bytes = Address::new(PeerId([0; 32])).to_bytes();
        for _ in 0..17 {
            bytes.extend([4, 1, 2, 3, 4, 0, 5]);
        }
        assert!(matches!(
            Address::from_bytes(&bytes),
            Err(ParseError::TooLong {
                field: "addr",
                got: 17,
                ..
            })
        ));
        assert!(Address::from_bytes(&vec![1; MAX_BYTES + 1]).is_err());
    }
}
