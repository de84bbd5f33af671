//! Which way the packets take, and what that costs.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use iroh::TransportAddr;
use iroh::endpoint::Connection;

/// What kind of way it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// The same local network, or the same machine.
    Lan,
    /// Straight through the internet.
    Direct,
    /// Through a relay, which sees encrypted packets.
    Relayed,
}

/// The way that a connection uses now.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// LAN, direct or relayed.
    pub kind: PathKind,
    /// The peer's address on this way; `None` when relayed.
    pub remote: Option<SocketAddr>,
    /// The relay's URL when relayed.
    pub relay: Option<String>,
    /// Round trip, smoothed.
    pub rtt: Duration,
    /// Share of the packets sent by this end on this way that were lost, 0 to 1.
    pub loss: f32,
}

/// Figures of a connection (and, for a session, of the attempts to have one).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// The way used now; `None` without a connection.
    pub path: Option<Path>,
    /// Ways open now, the spare ones included.
    pub paths: usize,
    /// Bytes sent by this connection on all ways, UDP payload.
    pub sent_bytes: u64,
    /// Bytes received by this connection on all ways, UDP payload.
    pub received_bytes: u64,
    /// Packets that this end sent and had to send again.
    pub lost_packets: u64,
    /// Time from the first attempt to the established connection, of the last connection.
    pub connect_time: Option<Duration>,
    /// Connections established so far.
    pub connections: u64,
    /// Connections given up because a live body fell silent.
    pub silences: u64,
}

/// The way used now, if one is open. `here` are this endpoint's own addresses.
pub(crate) fn selected(connection: &Connection, here: &[IpAddr]) -> Option<Path> {
    let paths = connection.paths();
    let path = paths
        .iter()
        .find(|path| path.is_selected())
        .or_else(|| paths.iter().next())?;
    let stats = path.stats();
    let loss = if stats.sent_packets == 0 {
        0.0
    } else {
        stats.lost_packets.saturating_sub(stats.lost_plpmtud_probes) as f32
            / stats.sent_packets as f32
    };
    let (kind, remote, relay) = match path.remote_addr() {
        TransportAddr::Ip(addr) if is_near(addr.ip(), here) => (PathKind::Lan, Some(*addr), None),
        TransportAddr::Ip(addr) => (PathKind::Direct, Some(*addr), None),
        TransportAddr::Relay(url) => (PathKind::Relayed, None, Some(url.to_string())),
        _ => (PathKind::Direct, None, None),
    };
    Some(Path {
        kind,
        remote,
        relay,
        rtt: stats.rtt,
        loss,
    })
}

/// Adds the connection's figures.
pub(crate) fn fill(stats: &mut Stats, connection: &Connection, here: &[IpAddr]) {
    let total = connection.stats();
    stats.path = selected(connection, here);
    stats.paths = connection.paths().len();
    stats.sent_bytes = total.udp_tx.bytes;
    stats.received_bytes = total.udp_rx.bytes;
    stats.lost_packets = total.lost_packets;
}

/// Whether an address belongs to a local network: private by its number, or of the same IPv6 /64 as this machine.
pub(crate) fn is_near(ip: IpAddr, here: &[IpAddr]) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || here.contains(&IpAddr::V4(ip))
        }
        IpAddr::V6(ip) => {
            let net = |ip: std::net::Ipv6Addr| ip.to_bits() >> 64;
            ip.is_loopback()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || here
                    .iter()
                    .any(|own| matches!(own, IpAddr::V6(own) if net(*own) == net(ip)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_what_a_home_network_is() {
        let here: Vec<IpAddr> = vec![
            "2001:db8:1:2::5".parse().unwrap(),
            "203.0.113.9".parse().unwrap(),
        ];
        for near in [
            "192.168.1.2",
            "10.0.0.1",
            "172.16.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:192.168.1.2",
            "2001:db8:1:2::77",
            "203.0.113.9",
        ] {
            assert!(is_near(near.parse().unwrap(), &here), "{near}");
        }
        for far in ["8.8.8.8", "100.64.0.1", "172.32.0.1", "2001:db8:1:3::5"] {
            assert!(!is_near(far.parse().unwrap(), &here), "{far}");
        }
    }
}
