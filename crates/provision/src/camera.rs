//! The camera's end of pairing: no socket, no clock, no thread inside.
//!
//! ```text
//!  Waiting -request-> Received -settled or heard-> Working -succeed-> Bound -5 s-> Over
//!                        ^        replies x3          |  set_state
//!                        |                            v fail, 300 s
//!                        +----- another request --- Failed: Current_Error to everybody who asks for the same again
//! ```

mod complaints;
mod config;
mod event;
mod outbox;
mod phase;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::ParseError;
use wire::soft_ap::{
    Cause, DeviceReply, ErrorReply, Fault, PROTOCOL_VERSION, Reply, Report, Request, State,
};
use wire::token::Token;

use crate::defaults::{
    AFTER_LOSS, LINGER, LONGEST_SETTLE, MAX_ERRORS, SESSION, SETTLE, TELL_PREVIOUS,
};
use crate::log::Log;
use complaints::Complaints;
pub use config::{Config, Identity};
pub use event::{Event, Wanted};
use outbox::Outbox;
use phase::{Attempt, Phase, Place};

const PLACE: &str = "provision";

/// The camera's engine. Feed it datagrams and time; take out datagrams and events until there are none.
#[derive(Debug)]
pub struct Engine {
    identity: Identity,
    log: Log,
    keeps_hotspot: bool,
    phase: Phase,
    /// When the session ends; `None` if there is none.
    session_end: Option<Instant>,
    /// Errors of attempts before this one, oldest first, and how often they have been told.
    previous: VecDeque<Fault>,
    told: u32,
    outbox: Outbox,
    events: VecDeque<Event>,
    complaints: Complaints,
}

impl Engine {
    /// An engine that waits for a viewer. Its session begins with [`Engine::open`].
    pub fn new(now: Instant, config: Config) -> Self {
        let mut engine = Self {
            identity: config.identity,
            log: config.log,
            keeps_hotspot: config.keeps_hotspot,
            phase: Phase::Waiting,
            session_end: None,
            previous: VecDeque::new(),
            told: 0,
            outbox: Outbox::default(),
            events: VecDeque::new(),
            complaints: Complaints::new(now),
        };
        config
            .previous
            .into_iter()
            .for_each(|fault| engine.remember(fault));
        engine
    }

    /// The camera can be heard from now on: a session of 300 s begins, unless an attempt is going on. The viewer that
    /// asked before the hotspot went away is told how things stand.
    pub fn open(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Bound { .. } | Phase::Over { .. }) {
            self.phase = Phase::Waiting;
        }
        if !self.is_busy() {
            self.session_end = Some(now + SESSION);
        }
        let (attempt, reply) = match &self.phase {
            Phase::Failed { attempt, cause } => (attempt, current_error(*cause)),
            Phase::Working { attempt, state } => (attempt, self.device_reply(*state).encode()),
            _ => return,
        };
        let peer = attempt.peer;
        self.outbox.repeat(now, peer, reply);
    }

    /// The camera cannot be heard any longer: the session is over, unless an attempt is going on.
    pub fn close(&mut self) {
        if !self.is_busy() {
            self.session_end = None;
        }
    }

    /// A datagram has arrived.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.handle_timeout(now);
        match Request::decode(datagram) {
            Ok(Request::Join(join)) => self.request(now, from, Wanted::Join(join)),
            Ok(Request::Token(token)) => self.request(now, from, Wanted::Token(token)),
            Ok(Request::Heard(token)) => self.heard(now, from, &token),
            Ok(Request::Log) => {
                self.log
                    .line(now, PLACE, format_args!("log asked by {from}"));
                self.outbox.log(now, from, self.log.text().into_bytes());
                self.events.push_back(Event::LogAsked { from });
            }
            Err(error) => self.complain(now, from, &error),
        }
    }

    /// Time has passed: call it when [`Engine::poll_timeout`] says so.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.session_end.is_some_and(|end| end <= now) {
            self.time_out(now);
        }
        match &self.phase {
            Phase::Received { start_at, .. } if *start_at <= now => self.start(now),
            Phase::Bound { until, .. } if *until <= now => {
                self.step(|phase| match phase {
                    Phase::Bound { attempt, .. } => Phase::Over { attempt },
                    other => other,
                });
                self.events.push_back(Event::Finished);
            }
            _ => {}
        }
        self.outbox.handle_timeout(now);
    }

    /// When [`Engine::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Received { start_at, .. } => Some(*start_at),
            Phase::Bound { until, .. } => Some(*until),
            _ => None,
        };
        [phase, self.session_end, self.outbox.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.outbox.pop()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How far the attempt is. Does nothing unless one is going on; only [`Engine::succeed`] makes it
    /// [`State::Bound`].
    pub fn set_state(&mut self, now: Instant, new: State) {
        if new == State::Bound {
            return;
        }
        let Phase::Working { attempt, state } = &mut self.phase else {
            return;
        };
        if *state != new {
            *state = new;
            let peer = attempt.peer;
            self.log
                .line(now, PLACE, format_args!("state {}", new.name()));
            let reply = self.device_reply(new).encode();
            self.outbox.once(peer, reply);
        }
    }

    /// The attempt has failed. Its viewer is told, three times; so is everybody who asks for the same again. The first
    /// cause is the true one: what fails after it, or after success, changes nothing. Without an attempt the cause is
    /// kept for the next viewer.
    pub fn fail(&mut self, now: Instant, cause: Cause) {
        let fault = cause.to_fault();
        let attempt = match &self.phase {
            Phase::Waiting => None,
            Phase::Received { attempt, .. } | Phase::Working { attempt, .. } => {
                Some(attempt.clone())
            }
            Phase::Failed { .. } | Phase::Bound { .. } | Phase::Over { .. } => return,
        };
        self.log
            .line(now, PLACE, format_args!("failed: {cause} [{fault}]"));
        match attempt {
            None => self.remember(fault),
            Some(attempt) => {
                self.outbox.repeat(now, attempt.peer, current_error(cause));
                self.phase = Phase::Failed { attempt, cause };
            }
        }
    }

    /// The hub has taken the token: the attempt is done, and its errors and those before it are settled.
    pub fn succeed(&mut self, now: Instant) {
        let Phase::Working { attempt, .. } = &self.phase else {
            return;
        };
        let peer = attempt.peer;
        self.log.line(now, PLACE, "bound");
        let until = now + LINGER;
        self.step(|phase| match phase {
            Phase::Working { attempt, .. } => Phase::Bound { attempt, until },
            other => other,
        });
        self.session_end = None;
        self.previous.clear();
        let reply = self.device_reply(State::Bound).encode();
        self.outbox.repeat(now, peer, reply);
    }

    /// The joined network was lost: what is left of the session shrinks to 50 s.
    pub fn station_lost(&mut self, now: Instant) {
        self.log.line(now, PLACE, "network lost");
        self.session_end = self.session_end.map(|end| end.min(now + AFTER_LOSS));
    }

    /// Why the last attempt failed; `None` if it has not.
    pub fn cause(&self) -> Option<Cause> {
        match &self.phase {
            Phase::Failed { cause, .. } => Some(*cause),
            _ => None,
        }
    }

    /// Errors to keep for the next start, oldest first, at most [`MAX_ERRORS`]: the last attempt's, and older ones that
    /// nobody has been told of.
    pub fn errors_to_keep(&self) -> Vec<Fault> {
        let untold = self.previous.iter().copied().filter(|_| self.told == 0);
        let current = self.cause().map(Cause::to_fault);
        let all: Vec<Fault> = untold.chain(current).collect();
        all[all.len().saturating_sub(MAX_ERRORS)..].to_vec()
    }

    fn request(&mut self, now: Instant, from: SocketAddr, wanted: Wanted) {
        match self.phase.place(&wanted, from) {
            Place::New => self.begin(now, from, wanted),
            Place::Again => self.repeated(now, from),
            Place::Foreign => {
                self.log
                    .line(now, PLACE, format_args!("busy: {from} asks as well"));
                self.outbox.repeat(now, from, current_error(Cause::Busy));
            }
        }
    }

    fn begin(&mut self, now: Instant, from: SocketAddr, wanted: Wanted) {
        if let Some(cause) = self.cause() {
            self.remember(cause.to_fault());
        }
        self.log.hide(wanted.token().as_str());
        if let Wanted::Join(join) = &wanted {
            if let Some(passphrase) = &join.passphrase {
                self.log.hide(passphrase.as_str());
            }
            self.log.line(
                now,
                PLACE,
                format_args!("{from} asks to join {}", join.ssid),
            );
        } else {
            self.log
                .line(now, PLACE, format_args!("{from} brings a token"));
        }
        self.session_end = Some(now + SESSION);
        self.events.push_back(Event::Received { from });
        self.tell_previous(from);
        let foreign_region = self.identity.region.as_deref();
        let wrong_region = foreign_region.is_some_and(|region| region != wanted.region());
        // A token needs no hotspot, and nor does a radio that serves both at once: nobody is about to go deaf.
        let settle = match wanted {
            Wanted::Join(_) if !self.keeps_hotspot => SETTLE,
            _ => Duration::ZERO,
        };
        self.phase = Phase::Received {
            attempt: Attempt { wanted, peer: from },
            since: now,
            start_at: now + settle,
        };
        if wrong_region {
            self.fail(now, Cause::WrongRegion);
            return;
        }
        let reply = self.device_reply(State::Received).encode();
        self.outbox.repeat(now, from, reply);
        if settle.is_zero() {
            self.start(now);
        }
    }

    /// The same request again: the viewer has not heard, or has come back to see how things are.
    fn repeated(&mut self, now: Instant, from: SocketAddr) {
        self.tell_previous(from);
        let reply = match &mut self.phase {
            Phase::Waiting => return,
            Phase::Received {
                attempt,
                since,
                start_at,
            } => {
                attempt.peer = from;
                *start_at = (now + SETTLE).min(*since + LONGEST_SETTLE);
                Ok(State::Received)
            }
            Phase::Working { attempt, state } => {
                attempt.peer = from;
                Ok(*state)
            }
            Phase::Failed { attempt, cause } => {
                attempt.peer = from;
                Err(*cause)
            }
            Phase::Bound { attempt, .. } | Phase::Over { attempt } => {
                attempt.peer = from;
                Ok(State::Bound)
            }
        };
        let reply = match reply {
            Ok(state) => self.device_reply(state).encode(),
            Err(cause) => current_error(cause),
        };
        self.outbox.repeat(now, from, reply);
    }

    fn heard(&mut self, now: Instant, from: SocketAddr, token: &Token) {
        if self.phase.attempt().map(|attempt| attempt.wanted.token()) != Some(token) {
            return;
        }
        self.outbox.stop(from);
        if matches!(self.phase, Phase::Received { .. }) {
            self.start(now);
        }
    }

    fn start(&mut self, now: Instant) {
        let mut wanted = None;
        self.step(|phase| match phase {
            Phase::Received { attempt, .. } => {
                wanted = Some(attempt.wanted.clone());
                Phase::Working {
                    attempt,
                    state: State::Received,
                }
            }
            other => other,
        });
        if let Some(wanted) = wanted {
            self.log.line(now, PLACE, "attempt starts");
            self.events.push_back(Event::Start(wanted));
        }
    }

    fn time_out(&mut self, now: Instant) {
        self.session_end = None;
        // That nobody came is no error to tell the next viewer of.
        if self.is_busy() {
            self.fail(now, Cause::Timeout);
        }
        self.events.push_back(Event::TimedOut);
    }

    fn tell_previous(&mut self, to: SocketAddr) {
        if self.told < TELL_PREVIOUS && !self.previous.is_empty() {
            self.told += 1;
            for fault in &self.previous {
                let reply = Reply::Error(ErrorReply::new(Report::Previous, *fault));
                self.outbox.once(to, reply.encode());
            }
        }
    }

    /// A datagram that is no request: its sender is told, but the session goes on.
    fn complain(&mut self, now: Instant, from: SocketAddr, error: &ParseError) {
        // Another camera's reply: answering it could go on for ever.
        let is_reply = error.field() == "cmdType" && error.got() == Some("2");
        if is_reply || !self.complaints.allow(now) {
            return;
        }
        self.log.line(now, PLACE, format_args!("{from}: {error}"));
        let cause = match error.field() {
            "text" | "cmdType" => Cause::BadRequest,
            _ => Cause::MissingField,
        };
        self.outbox.once(from, current_error(cause));
    }

    fn device_reply(&self, state: State) -> Reply {
        Reply::Device(DeviceReply {
            device: self.identity.device.clone(),
            region: self.identity.region.clone(),
            proto_version: PROTOCOL_VERSION.to_owned(),
            camera: self.identity.camera,
            state: Some(state),
        })
    }

    fn remember(&mut self, fault: Fault) {
        if self.told > 0 {
            self.previous.clear();
        }
        self.told = 0;
        self.previous.push_back(fault);
        if self.previous.len() > MAX_ERRORS {
            self.previous.pop_front();
        }
    }

    /// Whether an attempt is going on.
    fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Received { .. } | Phase::Working { .. })
    }

    fn step(&mut self, next: impl FnOnce(Phase) -> Phase) {
        self.phase = next(std::mem::replace(&mut self.phase, Phase::Waiting));
    }
}

fn current_error(cause: Cause) -> Vec<u8> {
    Reply::Error(ErrorReply::new(Report::Current, cause.to_fault())).encode()
}
