//! The documents' LAN probe: a broadcast question, an answer straight back (IoT Video, LAN probe protocol).

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use wire::address::Address;
use wire::probe::{Probe, ProbeMatch};
use wire::xp2p_info::Xp2pInfo;

use super::LanCamera;
use crate::{Endpoint, Error, defaults, path};

/// What a camera answers to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeOptions {
    /// UDP port to listen on; [`defaults::PROBE_PORT`], or 0 for any.
    pub port: u16,
    /// The product that the camera is one of.
    pub product_id: String,
    /// The camera's name for probes: letters, digits, underscores.
    pub device_name: String,
    /// The firmware's version, told in the xp2pInfo.
    pub version: String,
}

impl ProbeOptions {
    /// The documents' port, product `porthole`, and the camera's id as its name.
    pub fn new(endpoint: &Endpoint, version: impl Into<String>) -> Self {
        Self {
            port: defaults::PROBE_PORT,
            product_id: "porthole".into(),
            device_name: endpoint.id().to_string(),
            version: version.into(),
        }
    }
}

/// Answers probes while it lives; to addresses of the local network only, and at most
/// [`defaults::PROBES_PER_SECOND`].
#[derive(Debug)]
pub struct ProbeResponder {
    port: u16,
    _task: AbortOnDropHandle<()>,
}

impl ProbeResponder {
    /// Opens the port. [`Error::Bind`] if it is taken, which costs the camera this way of being found and nothing else.
    pub async fn start(endpoint: &Endpoint, options: ProbeOptions) -> Result<Self, Error> {
        let socket = bind(options.port).await?;
        let port = socket
            .local_addr()
            .map_err(|error| Error::io("open the probe port", error))?
            .port();
        let task = tokio::spawn(respond(socket, endpoint.clone(), options));
        Ok(Self {
            port,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.port
    }
}

async fn bind(port: u16) -> Result<UdpSocket, Error> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))
        .await
        .map_err(|error| Error::Bind {
            what: format!("UDP port {port} for the LAN probe"),
            detail: error.to_string(),
        })
}

async fn respond(socket: UdpSocket, endpoint: Endpoint, options: ProbeOptions) {
    let mut datagram = [0; defaults::MAX_PROBE + 1];
    let mut allowance = Allowance::new(Instant::now());
    loop {
        let (length, from) = match socket.recv_from(&mut datagram).await {
            Ok(received) => received,
            // An unreachable asker of before is reported here on some systems.
            Err(error) => {
                tracing::debug!(%error, "probe port");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(probe) = Probe::decode(&datagram[..length]) else {
            continue;
        };
        if !probe.asks_for(&options.product_id, &options.device_name)
            || !allowance.take(Instant::now())
        {
            continue;
        }
        let address = endpoint.address();
        let here: Vec<IpAddr> = address.addrs.iter().map(|addr| addr.ip()).collect();
        if !path::is_near(from.ip(), &here) {
            continue;
        }
        match answer(&probe, &endpoint, address, &options, from).await {
            Ok(answer) => {
                let _ = socket.send_to(&answer, from).await;
            }
            Err(error) => tracing::debug!(%error, "probe not answered"),
        }
    }
}

async fn answer(
    probe: &Probe,
    endpoint: &Endpoint,
    address: Address,
    options: &ProbeOptions,
    from: SocketAddr,
) -> Result<Vec<u8>, Error> {
    let local = local_address(from).await?;
    let ports = endpoint.ports();
    let port = ports
        .iter()
        .find(|socket| socket.is_ipv4() == local.is_ipv4())
        .map_or(0, SocketAddr::port);
    let xp2p_info = Some(Xp2pInfo {
        address: address.to_bytes(),
        version: options.version.clone(),
    });
    let mut answer = ProbeMatch {
        client_token: probe.client_token.clone(),
        timestamp: unix_seconds(),
        device_name: options.device_name.clone(),
        address: local,
        port,
        code: 0,
        status: String::new(),
        xp2p_info,
    };
    answer.encode().or_else(|_| {
        // Many addresses do not fit a datagram: the key and this one address do.
        let short = Address {
            id: address.id,
            relays: Vec::new(),
            addrs: vec![SocketAddr::new(local, port)],
        };
        answer.xp2p_info = Some(Xp2pInfo {
            address: short.to_bytes(),
            version: options.version.clone(),
        });
        answer.encode().map_err(Error::protocol)
    })
}

/// This machine's address on the way to a peer.
async fn local_address(to: SocketAddr) -> Result<IpAddr, Error> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let find = async {
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(to).await?;
        Ok::<_, std::io::Error>(socket.local_addr()?.ip())
    };
    find.await
        .map_err(|error| Error::io("find the own address", error))
}

/// Answers that may still be given: [`defaults::PROBES_PER_SECOND`], saved up for one second.
struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            left: defaults::PROBES_PER_SECOND.into(),
            at: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let rate = f64::from(defaults::PROBES_PER_SECOND);
        self.left = (self.left + (now - self.at).as_secs_f64() * rate).min(rate);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

/// Asks all local networks and this machine for cameras of a product, or for some of them by name, and collects the
/// answers for `timeout`.
pub async fn probe(
    product_id: &str,
    device_names: &[String],
    timeout: Duration,
) -> Result<Vec<ProbeMatch>, Error> {
    probe_at(
        &targets(defaults::PROBE_PORT),
        product_id,
        device_names,
        timeout,
    )
    .await
}

/// Every broadcast address of this machine, and itself.
fn targets(port: u16) -> Vec<SocketAddr> {
    let mut all = vec![Ipv4Addr::BROADCAST, Ipv4Addr::LOCALHOST];
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        if let if_addrs::IfAddr::V4(v4) = interface.addr
            && let Some(broadcast) = v4.broadcast
            && !all.contains(&broadcast)
        {
            all.push(broadcast);
        }
    }
    all.into_iter()
        .map(|ip| SocketAddr::new(ip.into(), port))
        .collect()
}

/// [`probe`] at addresses of the caller's choice.
pub async fn probe_at(
    targets: &[SocketAddr],
    product_id: &str,
    device_names: &[String],
    timeout: Duration,
) -> Result<Vec<ProbeMatch>, Error> {
    let socket = Arc::new(bind(0).await?);
    socket
        .set_broadcast(true)
        .map_err(|error| Error::io("allow broadcast", error))?;
    let client_token = token()?;
    let question = Probe {
        client_token: client_token.clone(),
        timestamp: unix_seconds(),
        timeout_ms: timeout.as_millis().try_into().unwrap_or(u32::MAX),
        product_id: product_id.to_string(),
        device_names: device_names.to_vec(),
    };
    let question = question.encode().map_err(Error::protocol)?;
    let asking = AbortOnDropHandle::new(tokio::spawn(ask(
        socket.clone(),
        question,
        targets.to_vec(),
        timeout / 3,
    )));
    let answers = collect(&socket, &client_token, Instant::now() + timeout).await;
    drop(asking);
    Ok(answers)
}

/// Sends three times, since datagrams get lost.
async fn ask(socket: Arc<UdpSocket>, question: Vec<u8>, targets: Vec<SocketAddr>, pause: Duration) {
    for _ in 0..3 {
        for target in &targets {
            if let Err(error) = socket.send_to(&question, target).await {
                tracing::debug!(%target, %error, "probe not sent");
            }
        }
        tokio::time::sleep(pause).await;
    }
}

async fn collect(socket: &UdpSocket, token: &str, until: Instant) -> Vec<ProbeMatch> {
    const MOST: usize = 256;
    let mut answers = Vec::new();
    let mut seen = HashSet::new();
    let mut datagram = [0; defaults::MAX_PROBE + 1];
    while answers.len() < MOST {
        let received = match tokio::time::timeout_at(until, socket.recv_from(&mut datagram)).await {
            Err(_) => break,
            Ok(Ok((length, _))) => ProbeMatch::decode(&datagram[..length]),
            Ok(Err(_)) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
        };
        if let Ok(answer) = received
            && answer.client_token == token
            && seen.insert((answer.device_name.clone(), answer.port))
        {
            answers.push(answer);
        }
    }
    answers
}

impl LanCamera {
    /// The camera that answered a probe; `None` if it did not tell its key.
    pub fn from_probe(answer: &ProbeMatch) -> Option<Self> {
        let mut address = Address::from_bytes(&answer.xp2p_info.as_ref()?.address).ok()?;
        let seen = SocketAddr::new(answer.address, answer.port);
        address.addrs.retain(|addr| *addr != seen);
        address.addrs.insert(0, seen);
        Some(Self {
            id: address.id,
            name: answer.device_name.clone(),
            address,
        })
    }
}

fn token() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::io("get randomness", error))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_probes_is_answered_at_the_allowed_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let mut answered = |at: f64| {
            (0..1000)
                .filter(|_| allowance.take(start + Duration::from_secs_f64(at)))
                .count()
        };
        assert_eq!(answered(0.0), 20);
        assert_eq!(answered(0.5), 10);
        assert_eq!(answered(60.0), 20);
    }
}
