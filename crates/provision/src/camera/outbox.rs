//! Datagrams that wait to be sent, once or several times. UDP loses them, so that what matters is said again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::defaults::{LOG_GAP, LOG_REPLIES, MAX_ERRORS, MAX_PEERS, REPLIES, REPLY_GAP};

/// Most datagrams that wait at a time: what a driver does not take is dropped, the oldest first.
const MAX_WAITING: usize = 4 * (MAX_ERRORS + MAX_PEERS);

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
    repeats: Vec<Repeat>,
}

/// A datagram that goes to a peer again; a peer has one at a time.
#[derive(Debug)]
struct Repeat {
    to: SocketAddr,
    datagram: Vec<u8>,
    at: Instant,
    gap: Duration,
    left: u32,
}

impl Outbox {
    /// Sends a datagram once.
    pub(super) fn once(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((to, datagram));
    }

    /// Sends a reply three times, a second apart, in place of what was being repeated to that peer.
    pub(super) fn repeat(&mut self, now: Instant, to: SocketAddr, datagram: Vec<u8>) {
        self.start(now, to, datagram, REPLY_GAP, REPLIES);
    }

    /// Sends the log twice, half a second apart.
    pub(super) fn log(&mut self, now: Instant, to: SocketAddr, datagram: Vec<u8>) {
        self.start(now, to, datagram, LOG_GAP, LOG_REPLIES);
    }

    /// Repeats nothing to that peer any longer.
    pub(super) fn stop(&mut self, to: SocketAddr) {
        self.repeats.retain(|repeat| repeat.to != to);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let mut due = Vec::new();
        for repeat in &mut self.repeats {
            while repeat.left > 0 && repeat.at <= now {
                due.push((repeat.to, repeat.datagram.clone()));
                repeat.left -= 1;
                repeat.at += repeat.gap;
            }
        }
        self.repeats.retain(|repeat| repeat.left > 0);
        for (to, datagram) in due {
            self.once(to, datagram);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.repeats.iter().map(|repeat| repeat.at).min()
    }

    pub(super) fn pop(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.waiting.pop_front()
    }

    fn start(
        &mut self,
        now: Instant,
        to: SocketAddr,
        datagram: Vec<u8>,
        gap: Duration,
        times: u32,
    ) {
        self.stop(to);
        self.once(to, datagram.clone());
        if self.repeats.len() < MAX_PEERS {
            self.repeats.push(Repeat {
                to,
                datagram,
                at: now + gap,
                gap,
                left: times - 1,
            });
        }
    }
}
