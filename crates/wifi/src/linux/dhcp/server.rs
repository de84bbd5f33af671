//! The DHCP server of an access point: a few addresses of one /24, and nothing that outlives the process.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::SERVER_PORT;
use super::message::{Kind, Mac, Request, option};

const CLIENT_PORT: u16 = SERVER_PORT + 1;
const LEASE: Duration = Duration::from_secs(3600);
/// An address that was offered, but not taken, is free again after this.
const OFFER: Duration = Duration::from_secs(30);
/// The last byte of the addresses given: room for far more guests than an access point takes.
const POOL: std::ops::RangeInclusive<u8> = 100..=149;

/// Who has which address: the server without its socket.
#[derive(Debug)]
struct Leases {
    server: Ipv4Addr,
    given: HashMap<Mac, (Ipv4Addr, Instant)>,
}

impl Leases {
    fn new(server: Ipv4Addr) -> Self {
        Self {
            server,
            given: HashMap::new(),
        }
    }

    /// Takes a datagram and gives the reply and where to.
    fn handle(&mut self, now: Instant, datagram: &[u8]) -> Option<(Vec<u8>, SocketAddrV4)> {
        let request = Request::read(datagram)?;
        let nowhere = Ipv4Addr::UNSPECIFIED;
        let (kind, yours) = match request.kind {
            Kind::Discover => (Kind::Offer, self.take(now, &request, OFFER)?),
            Kind::Request => match request.server {
                // The client took another server's offer.
                Some(server) if server != self.server => {
                    self.given.remove(&request.mac);
                    return None;
                }
                _ => self.acknowledge(now, &request),
            },
            // It has an address and asks for the rest.
            Kind::Inform => (Kind::Ack, nowhere),
            Kind::Release => {
                self.given.remove(&request.mac);
                return None;
            }
            Kind::Decline => {
                self.decline(now, &request);
                return None;
            }
            Kind::Offer | Kind::Ack | Kind::Nak => return None,
        };
        let reply = request.reply(kind, yours, &self.options(kind, request.kind));
        // A client that has no address yet hears a broadcast, whatever it asks for.
        let is_settled = kind == Kind::Ack && !request.client_address.is_unspecified();
        let to = if is_settled {
            request.client_address
        } else {
            Ipv4Addr::BROADCAST
        };
        Some((reply, SocketAddrV4::new(to, CLIENT_PORT)))
    }

    fn acknowledge(&mut self, now: Instant, request: &Request) -> (Kind, Ipv4Addr) {
        let wanted = request.requested.unwrap_or(request.client_address);
        match self.take(now, request, LEASE) {
            Some(address) if address == wanted => (Kind::Ack, address),
            _ => {
                self.given.remove(&request.mac);
                (Kind::Nak, Ipv4Addr::UNSPECIFIED)
            }
        }
    }

    /// An address for a client: its own, the one it asks for, or the next one that is free.
    fn take(&mut self, now: Instant, request: &Request, time: Duration) -> Option<Ipv4Addr> {
        self.given.retain(|_, (_, until)| *until > now);
        let taken: Vec<Ipv4Addr> = self.given.values().map(|(address, _)| *address).collect();
        let free = |address: &Ipv4Addr| self.is_in_pool(*address) && !taken.contains(address);
        let own = self.given.get(&request.mac).map(|(address, _)| *address);
        let wanted = request.requested.unwrap_or(request.client_address);
        let address = own
            .or_else(|| Some(wanted).filter(free))
            .or_else(|| POOL.map(|last| self.neighbour(last)).find(free))?;
        self.given.insert(request.mac, (address, now + time));
        Some(address)
    }

    /// Somebody else has the address: nobody gets it for a while.
    fn decline(&mut self, now: Instant, request: &Request) {
        let Some((address, _)) = self.given.remove(&request.mac) else {
            return;
        };
        let [_, _, _, last] = address.octets();
        self.given
            .insert([0, 0, 0, 0, 0, last], (address, now + LEASE));
    }

    fn options(&self, kind: Kind, asked: Kind) -> Vec<(u8, [u8; 4])> {
        let server = self.server.octets();
        let mut options = vec![(option::SERVER, server)];
        if kind == Kind::Nak {
            return options;
        }
        if asked != Kind::Inform {
            let seconds = u32::try_from(LEASE.as_secs()).unwrap_or(u32::MAX);
            options.push((option::LEASE_SECONDS, seconds.to_be_bytes()));
        }
        options.extend([
            (option::MASK, [255, 255, 255, 0]),
            // Apps find the camera by asking for the gateway, and Android takes a network without router or name
            // server for one that does not work.
            (option::ROUTER, server),
            (option::NAME_SERVER, server),
            (option::BROADCAST, self.neighbour(255).octets()),
        ]);
        options
    }

    fn is_in_pool(&self, address: Ipv4Addr) -> bool {
        let [_, _, _, last] = address.octets();
        POOL.contains(&last) && address == self.neighbour(last) && address != self.server
    }

    /// The address of our /24 with this last byte.
    fn neighbour(&self, last: u8) -> Ipv4Addr {
        let [a, b, c, _] = self.server.octets();
        Ipv4Addr::new(a, b, c, last)
    }
}

/// A running server. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Server {
    task: JoinHandle<()>,
}

impl Server {
    /// Serves the /24 network of `address`, which the interface has already, on that interface only.
    pub(crate) fn start(interface: &str, address: Ipv4Addr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        // Another server may be there for another interface.
        socket.set_reuse_address(true)?;
        socket.set_broadcast(true)?;
        socket.bind_device(Some(interface.as_bytes()))?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT).into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self {
            task: tokio::spawn(serve(socket, address)),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, address: Ipv4Addr) {
    let mut leases = Leases::new(address);
    let mut datagram = [0; 1500];
    loop {
        match socket.recv_from(&mut datagram).await {
            Ok((length, _)) => {
                let reply = leases.handle(Instant::now(), &datagram[..length]);
                if let Some((reply, to)) = reply
                    && let Err(error) = socket.send_to(&reply, to).await
                {
                    tracing::debug!(%error, %to, "a DHCP reply was not sent");
                }
            }
            // An interface that goes down and up again is an error a time.
            Err(error) => {
                tracing::debug!(%error, "no DHCP request was received");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::client;
    use super::*;

    const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 4, 1);
    const PHONE: Mac = [2, 0, 0, 0, 1, 0];
    const TABLET: Mac = [2, 0, 0, 0, 2, 0];

    /// Kind and address of a reply, and where it goes.
    fn told(reply: Option<(Vec<u8>, SocketAddrV4)>) -> Option<(u8, [u8; 4], Ipv4Addr)> {
        let (reply, to) = reply?;
        assert_eq!(&reply[240..242], [option::KIND, 1]);
        assert_eq!(to.port(), 68);
        Some((reply[242], reply[16..20].try_into().unwrap(), *to.ip()))
    }

    fn request(address: [u8; 4]) -> Vec<u8> {
        client(
            Kind::Request,
            PHONE,
            &[
                (option::REQUESTED_ADDRESS, address),
                (option::SERVER, SERVER.octets()),
            ],
        )
    }

    #[test]
    fn a_client_gets_an_address_router_and_name_server() {
        let (mut leases, now) = (Leases::new(SERVER), Instant::now());
        let offer = leases.handle(now, &client(Kind::Discover, PHONE, &[]));
        assert_eq!(
            told(offer),
            Some((2, [192, 168, 4, 100], Ipv4Addr::BROADCAST))
        );
        let ack = leases.handle(now, &request([192, 168, 4, 100]));
        let text = ack.clone().unwrap().0;
        assert_eq!(
            told(ack),
            Some((5, [192, 168, 4, 100], Ipv4Addr::BROADCAST))
        );
        for code in [option::ROUTER, option::NAME_SERVER, option::SERVER] {
            let wanted = [code, 4, 192, 168, 4, 1];
            assert!(text.windows(6).any(|part| part == wanted), "option {code}");
        }
    }

    #[test]
    fn two_clients_get_two_addresses_and_keep_them() {
        let (mut leases, now) = (Leases::new(SERVER), Instant::now());
        let discover = |mac| client(Kind::Discover, mac, &[]);
        assert_eq!(
            told(leases.handle(now, &discover(PHONE))).unwrap().1[3],
            100
        );
        assert_eq!(
            told(leases.handle(now, &discover(TABLET))).unwrap().1[3],
            101
        );
        assert_eq!(
            told(leases.handle(now, &discover(PHONE))).unwrap().1[3],
            100
        );
        let later = now + OFFER + Duration::from_secs(1);
        assert_eq!(
            told(leases.handle(later, &discover(TABLET))).unwrap().1[3],
            100
        );
    }

    #[test]
    fn an_address_of_yesterday_is_given_again_or_refused() {
        let (mut leases, now) = (Leases::new(SERVER), Instant::now());
        let again = |address| {
            client(
                Kind::Request,
                PHONE,
                &[(option::REQUESTED_ADDRESS, address)],
            )
        };
        let ack = leases.handle(now, &again([192, 168, 4, 120]));
        assert_eq!(told(ack).unwrap().0, 5, "it is free");
        let foreign = leases.handle(now, &again([10, 0, 0, 7]));
        assert_eq!(told(foreign), Some((6, [0; 4], Ipv4Addr::BROADCAST)));
        let ours = leases.handle(now, &again([192, 168, 4, 1]));
        assert_eq!(told(ours).unwrap().0, 6, "it is the server's own");
    }

    #[test]
    fn a_renewal_is_answered_to_the_client_alone() {
        let (mut leases, now) = (Leases::new(SERVER), Instant::now());
        leases.handle(now, &client(Kind::Discover, PHONE, &[]));
        let mut renewal = client(Kind::Request, PHONE, &[]);
        renewal[12..16].copy_from_slice(&[192, 168, 4, 100]);
        let ack = leases.handle(now, &renewal);
        assert_eq!(
            told(ack),
            Some((5, [192, 168, 4, 100], Ipv4Addr::new(192, 168, 4, 100)))
        );
    }

    #[test]
    fn who_takes_another_servers_offer_gets_no_answer() {
        let (mut leases, now) = (Leases::new(SERVER), Instant::now());
        let other = client(Kind::Request, PHONE, &[(option::SERVER, [192, 168, 4, 2])]);
        assert_eq!(leases.handle(now, &other), None);
        assert_eq!(leases.handle(now, &client(Kind::Release, PHONE, &[])), None);
        assert_eq!(leases.handle(now, b"noise"), None);
    }

    #[test]
    fn many_made_up_clients_fill_the_pool_and_no_memory() {
        let (mut leases, now) = (Leases::new(SERVER), Instant::now());
        for number in 0..10_000_u16 {
            let [high, low] = number.to_be_bytes();
            leases.handle(now, &client(Kind::Discover, [2, 9, 9, 9, high, low], &[]));
        }
        assert_eq!(leases.given.len(), POOL.count());
        let later = now + OFFER + Duration::from_secs(1);
        let offer = leases.handle(later, &client(Kind::Discover, PHONE, &[]));
        assert!(offer.is_some(), "what was only offered is free again");
    }

    #[test]
    fn an_address_that_somebody_has_is_not_offered_again() {
        let (mut leases, now) = (Leases::new(SERVER), Instant::now());
        leases.handle(now, &client(Kind::Discover, PHONE, &[]));
        leases.handle(now, &client(Kind::Decline, PHONE, &[]));
        let offer = leases.handle(now, &client(Kind::Discover, PHONE, &[]));
        assert_eq!(told(offer).unwrap().1[3], 101);
    }
}
