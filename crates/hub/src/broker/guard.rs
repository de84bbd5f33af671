//! Ends connections of peers that never send CONNECT.
//!
//! rmqtt 0.24 waits for the first MQTT packet for ever (`rmqtt_net::stream::Dispatcher::probe_version` has no limit) and gives its
//! embedder no hand on the connection before the login. The guard needs none: it looks at the process's own sockets,
//! knows by the peer's address which of them have logged in, and shuts the others down when their time is up.
//!
//! ```text
//!   accepted ── CONNECT within limit ──> admitted, while it is answered and when it was let in: left alone
//!       │
//!       ├── nothing within limit ──────> shut down; rmqtt sees the end of the stream and closes it
//!       └── too many from one address ─> the oldest of them likewise, but none younger than [`GRACE`]
//! ```
//!
//! Looking costs two system calls a socket and [`SWEEP`]. A second listener in front of the broker would need three
//! descriptors a device instead of one. Where a process cannot list its descriptors (Windows), silent peers stay until they
//! leave; with TLS they at least must have finished the handshake, which has a limit.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often the guard looks.
pub(super) const SWEEP: Duration = Duration::from_secs(1);

/// A peer younger than this does not count for its address: when a whole site comes back at once, its cameras shake
/// hands all together and are not silent yet. What may wait altogether bounds them too.
const GRACE: Duration = Duration::from_secs(2);

/// What a peer may do before it logs in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How long a connection may be open before its login is accepted.
    pub(super) limit: Duration,
    /// How many such connections, older than [`GRACE`], one address may have (IPv6: one /64).
    pub(super) per_address: usize,
    /// How many there may be altogether.
    pub(super) total: usize,
}

/// How long a login is remembered after its connection was last seen: one list of sockets may miss one of them.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Who has logged in, and how long everybody else has been silent.
pub(super) struct Guard {
    patience: Patience,
    /// When each was last seen.
    admitted: Mutex<HashMap<SocketAddr, Instant>>,
    silent: Mutex<HashMap<SocketAddr, Instant>>,
}

impl Guard {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            admitted: Mutex::default(),
            silent: Mutex::default(),
        }
    }

    /// The peer at this address asks to be let in: it is not silent while the answer is sought.
    pub(super) fn hear(&self, peer: SocketAddr) -> Asking<'_> {
        lock(&self.admitted).insert(peer, Instant::now());
        Asking { guard: self, peer }
    }

    /// The connection from this address is over; the next one from there has to log in anew.
    pub(super) fn forget(&self, peer: SocketAddr) {
        lock(&self.admitted).remove(&peer);
    }

    /// Looks once at the sockets that belong to the listeners at `ports` and shuts down those whose time is up.
    /// Returns how many.
    pub(super) fn sweep(&self, ports: &BTreeSet<u16>) -> usize {
        let now = Instant::now();
        let present = sockets::of(ports);
        let condemned = self.judge(now, present.keys().copied());
        self.end(&condemned, |peer| {
            if let Some(socket) = present.get(&peer) {
                sockets::shut_down(*socket, peer);
            }
        })
    }

    /// Ends the connections of those who have not logged in since they were judged. Gives how many.
    fn end(&self, condemned: &[SocketAddr], mut shut_down: impl FnMut(SocketAddr)) -> usize {
        let mut ended = 0;
        for peer in condemned {
            // Held until it is over: nobody is let in between the look and the end.
            let admitted = lock(&self.admitted);
            if !admitted.contains_key(peer) {
                shut_down(*peer);
                ended += 1;
            }
        }
        ended
    }

    /// Which of the peers that are there have to go. `now` is when the list was begun.
    fn judge(&self, now: Instant, present: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
        let present: std::collections::HashSet<SocketAddr> = present.collect();
        let mut admitted = lock(&self.admitted);
        admitted.retain(|peer, seen| {
            if present.contains(peer) {
                *seen = now.max(*seen);
            }
            now.saturating_duration_since(*seen) < REMEMBERED
        });
        let mut silent = lock(&self.silent);
        silent.retain(|peer, _| present.contains(peer) && !admitted.contains_key(peer));
        for peer in present {
            if !admitted.contains_key(&peer) {
                silent.entry(peer).or_insert(now);
            }
        }
        drop(admitted);

        // Youngest first: when there are too many, the oldest have had their chance.
        let mut waiting: Vec<_> = silent.iter().map(|(peer, since)| (*since, *peer)).collect();
        waiting.sort_by(|a, b| b.cmp(a));
        let mut by_address: HashMap<IpAddr, usize> = HashMap::new();
        let mut kept = 0;
        let mut condemned = Vec::new();
        for (since, peer) in waiting {
            let age = now.saturating_duration_since(since);
            let neighbours = by_address.entry(neighbourhood(peer.ip())).or_default();
            let crowded = age >= GRACE && *neighbours >= self.patience.per_address;
            if age >= self.patience.limit || crowded || kept >= self.patience.total {
                condemned.push(peer);
            } else {
                *neighbours += usize::from(age >= GRACE);
                kept += 1;
            }
        }
        condemned
    }
}

/// A peer whose login is being decided. Dropped without [`Asking::admit`], also when the peer hangs up meanwhile, it
/// counts as one that has not logged in.
pub(super) struct Asking<'a> {
    guard: &'a Guard,
    peer: SocketAddr,
}

impl Asking<'_> {
    /// The peer has logged in.
    pub(super) fn admit(self) {
        std::mem::forget(self);
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.guard.forget(self.peer);
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has to itself.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // The maps stay whole whatever panics beside them.
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(unix)]
mod sockets {
    use std::collections::{BTreeSet, HashMap};
    use std::mem::ManuallyDrop;
    use std::net::{Shutdown, SocketAddr, TcpStream};
    use std::os::fd::{FromRawFd, RawFd};

    /// Where the process's own descriptors are listed, one file each.
    const LISTED: &str = if cfg!(target_os = "linux") {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };

    /// Connected sockets whose own port is one of `ports`, by peer.
    pub(super) fn of(ports: &BTreeSet<u16>) -> HashMap<SocketAddr, RawFd> {
        let Ok(listed) = std::fs::read_dir(LISTED) else {
            return HashMap::new();
        };
        listed
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|descriptor: RawFd| Some((peer(descriptor, ports)?, descriptor)))
            .collect()
    }

    /// The peer of this descriptor, if it is a connection to one of our ports.
    fn peer(descriptor: RawFd, ports: &BTreeSet<u16>) -> Option<SocketAddr> {
        let socket = look(descriptor);
        let local = socket.local_addr().ok()?;
        if !ports.contains(&local.port()) {
            return None;
        }
        socket.peer_addr().ok()
    }

    /// Ends the connection to `peer`, unless the descriptor has become something else since.
    pub(super) fn shut_down(descriptor: RawFd, peer: SocketAddr) {
        let socket = look(descriptor);
        if socket.peer_addr().is_ok_and(|now| now == peer) {
            // Somebody else owns it and will close it; a failure means that it is already over.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// A descriptor to ask, never to read, write or close.
    fn look(descriptor: RawFd) -> ManuallyDrop<TcpStream> {
        // SAFETY: it is never closed (ManuallyDrop) and only asked getsockname and getpeername, or told shutdown. For a
        // descriptor that is no socket or was closed meanwhile the kernel answers with an error. In the moment between the
        // last question and shutdown the number may come to mean another connection; then that peer connects again.
        ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(descriptor) })
    }
}

#[cfg(not(unix))]
mod sockets {
    use std::collections::{BTreeSet, HashMap};
    use std::net::SocketAddr;

    pub(super) fn of(_ports: &BTreeSet<u16>) -> HashMap<SocketAddr, ()> {
        HashMap::new()
    }

    pub(super) fn shut_down(_socket: (), _peer: SocketAddr) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(Patience {
            limit: Duration::from_secs(15),
            per_address: 3,
            total: 5,
        })
    }

    fn peer(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], port))
    }

    fn later(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn who_is_silent_for_too_long_has_to_go() {
        let (guard, start) = (guard(), Instant::now());
        let here = [peer(1, 1)];
        assert!(guard.judge(start, here.into_iter()).is_empty());
        assert!(guard.judge(later(start, 14), here.into_iter()).is_empty());
        assert_eq!(guard.judge(later(start, 15), here.into_iter()), here);
    }

    #[test]
    fn who_has_logged_in_stays() {
        let (guard, start) = (guard(), Instant::now());
        guard.judge(start, [peer(1, 1)].into_iter());
        guard.hear(peer(1, 1)).admit();
        assert!(
            guard
                .judge(later(start, 60), [peer(1, 1)].into_iter())
                .is_empty()
        );
    }

    #[test]
    fn a_login_while_the_list_is_made_is_not_forgotten() {
        let (guard, begun) = (guard(), Instant::now());
        guard.hear(peer(1, 1)).admit();
        // The list that was begun before the login does not have it yet.
        guard.judge(begun, [].into_iter());
        assert!(
            guard
                .judge(later(begun, 60), [peer(1, 1)].into_iter())
                .is_empty()
        );
    }

    #[test]
    fn an_address_that_is_used_again_starts_anew() {
        let (guard, start) = (guard(), Instant::now());
        guard.hear(peer(1, 1)).admit();
        guard.judge(later(start, 1), [peer(1, 1)].into_iter());
        guard.forget(peer(1, 1));
        guard.judge(later(start, 3), [peer(1, 1)].into_iter());
        assert_eq!(
            guard.judge(later(start, 18), [peer(1, 1)].into_iter()),
            [peer(1, 1)]
        );
    }

    #[test]
    fn who_is_missing_from_one_list_is_not_forgotten() {
        let (guard, start) = (guard(), Instant::now());
        guard.hear(peer(1, 1)).admit();
        guard.judge(later(start, 1), [].into_iter());
        for seconds in 2..100 {
            let condemned = guard.judge(later(start, seconds), [peer(1, 1)].into_iter());
            assert!(condemned.is_empty(), "after {seconds} s");
        }
        // Who is gone for good is.
        guard.judge(later(start, 200), [].into_iter());
        assert!(lock(&guard.admitted).is_empty());
    }

    #[test]
    fn the_oldest_go_when_one_address_has_too_many() {
        let (guard, start) = (guard(), Instant::now());
        let mut here = vec![];
        for port in 1..=3 {
            here.push(peer(1, port));
            let now = later(start, u64::from(port));
            assert!(guard.judge(now, here.iter().copied()).is_empty());
        }
        // The fourth is too young to count, then it is one too many.
        here.push(peer(1, 4));
        for seconds in [4, 5] {
            let now = later(start, seconds);
            assert!(guard.judge(now, here.iter().copied()).is_empty());
        }
        assert_eq!(
            guard.judge(later(start, 6), here.iter().copied()),
            [peer(1, 1)]
        );
        // Another address has its own count.
        here[0] = peer(2, 1);
        for seconds in [7, 9] {
            let now = later(start, seconds);
            assert!(guard.judge(now, here.iter().copied()).is_empty());
        }
    }

    #[test]
    fn a_site_that_comes_back_at_once_is_not_turned_away() {
        let guard = Guard::new(Patience {
            limit: Duration::from_secs(15),
            per_address: 3,
            total: 1000,
        });
        let start = Instant::now();
        let here: Vec<_> = (1..=200).map(|port| peer(1, port)).collect();
        assert!(guard.judge(start, here.iter().copied()).is_empty());
        let soon = start + Duration::from_millis(1900);
        assert!(guard.judge(soon, here.iter().copied()).is_empty());
        let condemned = guard.judge(later(start, 2), here.iter().copied());
        assert_eq!(condemned.len(), 197, "who stays silent is counted");
    }

    #[test]
    fn who_logs_in_between_the_judgement_and_the_end_stays() {
        let (guard, start) = (guard(), Instant::now());
        let here = [peer(1, 1), peer(1, 2)];
        guard.judge(start, here.into_iter());
        let condemned = guard.judge(later(start, 15), here.into_iter());
        assert_eq!(condemned.len(), 2);
        guard.hear(peer(1, 1)).admit();
        let mut ended = Vec::new();
        assert_eq!(guard.end(&condemned, |peer| ended.push(peer)), 1);
        assert_eq!(ended, [peer(1, 2)]);
    }

    #[test]
    fn a_peer_whose_login_is_being_decided_is_not_silent() {
        let (guard, start) = (guard(), Instant::now());
        guard.judge(start, [peer(1, 1)].into_iter());
        let asking = guard.hear(peer(1, 1));
        let judged = guard.judge(later(start, 15), [peer(1, 1)].into_iter());
        assert!(judged.is_empty());
        // Refused, or gone: from here on it is like any other.
        drop(asking);
        guard.judge(later(start, 16), [peer(1, 1)].into_iter());
        let judged = guard.judge(later(start, 31), [peer(1, 1)].into_iter());
        assert_eq!(judged, [peer(1, 1)]);
    }

    #[test]
    fn all_addresses_together_have_a_limit() {
        let (guard, start) = (guard(), Instant::now());
        let here: Vec<_> = (1..=7).map(|host| peer(host, 1)).collect();
        assert_eq!(guard.judge(start, here.into_iter()).len(), 2);
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one_address() {
        let parse = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:1"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
    }
}
