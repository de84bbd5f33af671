//! A DHCP message (RFC 2131, figure 1), as far as a server reads and writes it.
//!
//! ```text
//!  0 op  1 htype  2 hlen  3 hops │ 4 xid │ 8 secs  10 flags │ 12 ciaddr │ 16 yiaddr │ 20 siaddr │ 24 giaddr
//! 28 chaddr (16) │ 44 sname (64) │ 108 file (128) │ 236 magic │ 240 options: code, length, value … 255
//! ```

use std::net::Ipv4Addr;

const HEADER: usize = 240;
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// What every client must be able to take, and some do not take less (RFC 951).
const SHORTEST: usize = 300;
const BOOT_REQUEST: u8 = 1;
const BOOT_REPLY: u8 = 2;
const ETHERNET: [u8; 2] = [1, 6];

/// Options (RFC 2132).
pub(super) mod option {
    pub(in super::super) const PAD: u8 = 0;
    pub(in super::super) const MASK: u8 = 1;
    pub(in super::super) const ROUTER: u8 = 3;
    pub(in super::super) const NAME_SERVER: u8 = 6;
    pub(in super::super) const BROADCAST: u8 = 28;
    pub(in super::super) const REQUESTED_ADDRESS: u8 = 50;
    pub(in super::super) const LEASE_SECONDS: u8 = 51;
    pub(in super::super) const KIND: u8 = 53;
    pub(in super::super) const SERVER: u8 = 54;
    pub(in super::super) const END: u8 = 255;
}

/// Option 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Ack = 5,
    Nak = 6,
    Release = 7,
    Inform = 8,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        use Kind::{Ack, Decline, Discover, Inform, Nak, Offer, Release, Request};
        let all = [Discover, Offer, Request, Decline, Ack, Nak, Release, Inform];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// An Ethernet address.
pub(super) type Mac = [u8; 6];

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) transaction: [u8; 4],
    pub(super) flags: [u8; 2],
    /// The address that the client uses already.
    pub(super) client_address: Ipv4Addr,
    pub(super) mac: Mac,
    pub(super) requested: Option<Ipv4Addr>,
    /// Which server's offer the client takes.
    pub(super) server: Option<Ipv4Addr>,
}

impl Request {
    /// Reads a datagram; `None`: nothing that a server of our kind answers.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        let (header, mut rest) = datagram.split_at_checked(HEADER)?;
        let is_ours =
            header[0] == BOOT_REQUEST && header[1..3] == ETHERNET && header[236..240] == MAGIC;
        if !is_ours {
            return None;
        }
        let mut kind = None;
        let (mut requested, mut server) = (None, None);
        while let [code, after @ ..] = rest {
            match *code {
                option::PAD => rest = after,
                option::END => break,
                code => {
                    let (length, after) = after.split_first()?;
                    let (value, after) = after.split_at_checked(usize::from(*length))?;
                    match code {
                        option::KIND => kind = Kind::read(*value.first()?),
                        option::REQUESTED_ADDRESS => requested = Some(address(value)?),
                        option::SERVER => server = Some(address(value)?),
                        _ => {}
                    }
                    rest = after;
                }
            }
        }
        Some(Self {
            kind: kind?,
            transaction: header[4..8].try_into().ok()?,
            flags: header[10..12].try_into().ok()?,
            client_address: address(&header[12..16])?,
            mac: header[28..34].try_into().ok()?,
            requested,
            server,
        })
    }

    /// The reply to this, with `yours` as the client's address.
    pub(super) fn reply(&self, kind: Kind, yours: Ipv4Addr, options: &[(u8, [u8; 4])]) -> Vec<u8> {
        let mut reply = vec![0; HEADER];
        reply[0] = BOOT_REPLY;
        reply[1..3].copy_from_slice(&ETHERNET);
        reply[4..8].copy_from_slice(&self.transaction);
        reply[10..12].copy_from_slice(&self.flags);
        if kind == Kind::Ack {
            reply[12..16].copy_from_slice(&self.client_address.octets());
        }
        reply[16..20].copy_from_slice(&yours.octets());
        reply[28..34].copy_from_slice(&self.mac);
        reply[236..240].copy_from_slice(&MAGIC);
        reply.extend([option::KIND, 1, kind as u8]);
        for (code, value) in options {
            reply.extend([*code, 4]);
            reply.extend(value);
        }
        reply.push(option::END);
        reply.resize(reply.len().max(SHORTEST), option::PAD);
        reply
    }
}

fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    Some(<[u8; 4]>::try_from(bytes).ok()?.into())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A client's message, as busybox' udhcpc writes it: message type first, then the rest.
    pub(in super::super) fn client(kind: Kind, mac: Mac, options: &[(u8, [u8; 4])]) -> Vec<u8> {
        let mut message = vec![0; HEADER];
        message[..3].copy_from_slice(&[BOOT_REQUEST, 1, 6]);
        message[4..8].copy_from_slice(&[0xca, 0xfe, 0, 1]);
        message[28..34].copy_from_slice(&mac);
        message[236..240].copy_from_slice(&MAGIC);
        message.extend([option::KIND, 1, kind as u8]);
        for (code, value) in options {
            message.extend([*code, 4]);
            message.extend(value);
        }
        message.push(option::END);
        message
    }

    #[test]
    fn a_request_is_read() {
        let text = client(
            Kind::Request,
            [2, 0, 0, 0, 1, 0],
            &[
                (option::REQUESTED_ADDRESS, [192, 168, 4, 100]),
                (option::SERVER, [192, 168, 4, 1]),
            ],
        );
        let request = Request::read(&text).unwrap();
        assert_eq!(request.kind, Kind::Request);
        assert_eq!(request.requested, Some(Ipv4Addr::new(192, 168, 4, 100)));
        assert_eq!(request.server, Some(Ipv4Addr::new(192, 168, 4, 1)));
        assert_eq!(request.mac, [2, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn no_datagram_makes_the_reader_fall() {
        let whole = client(
            Kind::Discover,
            [2; 6],
            &[(option::REQUESTED_ADDRESS, [1; 4])],
        );
        for length in 0..whole.len() {
            let _ = Request::read(&whole[..length]);
        }
        for at in HEADER..whole.len() {
            for byte in 0..=255 {
                let mut broken = whole.clone();
                broken[at] = byte;
                let _ = Request::read(&broken);
            }
        }
        assert_eq!(Request::read(&[]), None);
        let reply = Request::read(&whole)
            .unwrap()
            .reply(Kind::Offer, Ipv4Addr::LOCALHOST, &[]);
        assert_eq!(
            Request::read(&reply),
            None,
            "a server's message is no client's"
        );
        assert_eq!(reply.len(), SHORTEST);
    }
}
