//! A camera, a network and a token to pair with.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use provision::Log;
use provision::camera::{Config, Engine, Event, Identity};
use wire::device::Device;
use wire::id::PeerId;
use wire::soft_ap::{Cause, Fault, Join, Reply, Report, Request, State};
use wire::token::Token;

pub(crate) const PASSWORD: &str = "hunter2hunter2";

pub(crate) fn identity() -> Identity {
    Identity {
        device: Device::new("PORTHOLE01", "cam_abababababab").unwrap(),
        region: None,
        camera: Some(PeerId([0xab; 32])),
    }
}

pub(crate) fn config(now: Instant) -> Config {
    Config {
        identity: identity(),
        previous: Vec::new(),
        log: Log::new(now),
        keeps_hotspot: false,
    }
}

pub(crate) fn token(number: u8) -> Token {
    Token::from_bytes([number; 16])
}

pub(crate) fn join() -> Join {
    Join::new(
        "Home".parse().unwrap(),
        Some(PASSWORD.parse().unwrap()),
        token(1),
    )
}

pub(crate) fn phone(number: u8) -> SocketAddr {
    ([192, 168, 4, number], 40_000).into()
}

pub(crate) fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// What a camera sent: the word that matters, to whom.
pub(crate) fn word(datagram: &[u8]) -> String {
    match Reply::decode(datagram) {
        Ok(Reply::Device(reply)) => reply.state.map_or("device", State::name).to_owned(),
        Ok(Reply::Error(error)) => {
            let cause = error
                .fault
                .map_or("?", |fault| Cause::from_fault(fault).name());
            match error.report {
                Report::Current => cause.to_owned(),
                Report::Previous => format!("previous {cause}"),
            }
        }
        Err(_) => "log".to_owned(),
    }
}

/// A camera's engine with a clock beside it.
pub(crate) struct Bench {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) engine: Engine,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let start = Instant::now();
        let mut config = config(start);
        change(&mut config);
        let mut engine = Engine::new(start, config);
        engine.open(start);
        Self {
            start,
            now: start,
            engine,
        }
    }

    /// A datagram arrives now.
    pub(crate) fn hears(&mut self, from: SocketAddr, request: &Request) {
        let datagram = request.encode().unwrap();
        self.engine.handle_datagram(self.now, from, &datagram);
    }

    /// What the camera sends at once: word and receiver's last number.
    pub(crate) fn sent(&mut self) -> Vec<(String, u8)> {
        std::iter::from_fn(|| self.engine.poll_transmit())
            .map(|(to, datagram)| match to {
                SocketAddr::V4(to) => (word(&datagram), to.ip().octets()[3]),
                SocketAddr::V6(_) => panic!("nobody is at {to}"),
            })
            .collect()
    }

    pub(crate) fn words(&mut self) -> Vec<String> {
        self.sent().into_iter().map(|(word, _)| word).collect()
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.poll_event()).collect()
    }

    /// Lets time pass as a driver does; what is sent meanwhile, with the milliseconds since the start.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<(u64, String)> {
        let end = self.now + time;
        let mut sent = Vec::new();
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= end) {
            assert!(due > self.now, "a timeout that does not move on");
            self.now = due;
            self.engine.handle_timeout(due);
            let at = (due - self.start).as_millis() as u64;
            sent.extend(self.words().into_iter().map(|word| (at, word)));
        }
        self.now = end;
        sent
    }

    /// An attempt that has been handed over.
    pub(crate) fn working() -> Self {
        let mut bench = Self::new();
        bench.hears(phone(2), &Request::Join(join()));
        bench.hears(phone(2), &Request::Heard(token(1)));
        bench.words();
        bench.events();
        bench
    }
}

pub(crate) fn fault(cause: Cause) -> Fault {
    cause.to_fault()
}
