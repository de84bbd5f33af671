//! The viewer's end of pairing: sends its request until the camera answers. No socket, no clock, no thread inside.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wire::ParseError;
use wire::soft_ap::{Cause, DeviceReply, ErrorReply, Fault, Join, Reply, Report, Request, State};

/// How long a viewer is patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Between two sends.
    pub every: Duration,
    /// How often the request is sent before the camera counts as silent.
    pub sends: u32,
}

impl Dialect {
    /// Every 2 s, 5 times (the documents).
    pub const DOCUMENTS: Self = Self {
        every: Duration::from_secs(2),
        sends: 5,
    };
    /// Every second, 10 times (the Android SDK).
    pub const ANDROID: Self = Self {
        every: Duration::from_secs(1),
        sends: 10,
    };
}

/// What an engine is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// What is asked of the camera: [`Request::Join`] or [`Request::Token`].
    pub request: Request,
    /// How long to be patient.
    pub dialect: Dialect,
    /// Whether to go on asking an own camera after its reply, to see how far it is, for as long as it is to be heard.
    pub follow: bool,
}

impl Config {
    /// Hands over a network and a token, in the documents' dialect, and stops at the reply.
    pub fn join(join: Join) -> Self {
        Self {
            request: Request::Join(join),
            dialect: Dialect::DOCUMENTS,
            follow: false,
        }
    }
}

/// What an engine has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The camera has received the request, and this is who it is. Once.
    DeviceReplied(DeviceReply),
    /// How far the camera is; each state once. Only own cameras tell.
    State(State),
    /// An error of the attempt before: for a report, it changes nothing.
    PreviousError {
        /// What it means; `None` if the text does not say.
        cause: Option<Cause>,
        /// The camera's text.
        log: String,
    },
    /// The attempt has failed: the camera says why. The last event.
    Failed {
        /// What it means; an error without a readable tail is [`Cause::Other`] of fault (0, 0).
        cause: Cause,
        /// The camera's text.
        log: String,
    },
    /// The camera has not answered any of the sends. The last event.
    NoReply,
    /// The camera has answered before, and does so no longer: it has left its hotspot for the network, or is out of
    /// range. The last event.
    Silent,
    /// There is nothing more to do here: the reply has been heard (without `follow`, or of a foreign camera), or the
    /// camera is bound. The last event.
    Done,
}

impl Event {
    /// Whether the engine says nothing after this.
    pub fn is_last(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. } | Self::NoReply | Self::Silent | Self::Done
        )
    }
}

/// Most errors of the attempt before that are told.
const MAX_PREVIOUS: usize = crate::defaults::MAX_ERRORS;

/// The viewer's engine. Feed it datagrams and time; take out datagrams and events until there are none.
#[derive(Debug)]
pub struct Engine {
    request: Vec<u8>,
    heard: Vec<u8>,
    dialect: Dialect,
    follow: bool,
    phase: Phase,
    /// Sends since the last answer.
    unanswered: u32,
    state: Option<State>,
    previous: Vec<Option<Fault>>,
    transmits: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Phase {
    /// No reply yet.
    Asking {
        next: Instant,
    },
    /// Replied: the camera is asked how far it is.
    Following {
        next: Instant,
    },
    Over,
}

impl Engine {
    /// An engine that sends its first datagram at once.
    ///
    /// # Errors
    /// A request that is no `cmdType` 0 or 1, or does not fit a datagram.
    pub fn new(now: Instant, config: Config) -> Result<Self, ParseError> {
        let token = match &config.request {
            Request::Join(join) => join.token.clone(),
            Request::Token(token_only) => token_only.token.clone(),
            Request::Log | Request::Heard(_) => {
                return Err(ParseError::Unsupported {
                    message: "softAP request",
                    field: "cmdType",
                    got: "3 or 4".into(),
                    expected: "0 or 1",
                });
            }
        };
        let mut engine = Self {
            request: config.request.encode()?,
            heard: Request::Heard(token).encode()?,
            dialect: config.dialect,
            follow: config.follow,
            phase: Phase::Asking { next: now },
            unanswered: 0,
            state: None,
            previous: Vec::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        };
        engine.handle_timeout(now);
        Ok(engine)
    }

    /// A datagram has arrived from the camera. What cannot be read is skipped.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.handle_timeout(now);
        match Reply::decode(datagram) {
            Ok(Reply::Device(reply)) => self.replied(now, reply),
            Ok(Reply::Error(error)) => self.told(error),
            Err(_) => {}
        }
    }

    /// Time has passed: call it when [`Engine::poll_timeout`] says so.
    pub fn handle_timeout(&mut self, now: Instant) {
        let (Phase::Asking { next } | Phase::Following { next }) = &mut self.phase else {
            return;
        };
        if *next > now {
            return;
        }
        if self.unanswered < self.dialect.sends {
            self.unanswered += 1;
            *next = now + self.dialect.every;
            self.transmits.push_back(self.request.clone());
            return;
        }
        let last = match self.phase {
            Phase::Following { .. } => Event::Silent,
            _ => Event::NoReply,
        };
        self.finish(last);
    }

    /// When [`Engine::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Asking { next } | Phase::Following { next } => Some(*next),
            Phase::Over => None,
        }
    }

    /// The next datagram to send to the camera, port [`wire::soft_ap::PORT`].
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    /// The next event; after the last one there are no more.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn replied(&mut self, now: Instant, reply: DeviceReply) {
        let is_first = match self.phase {
            Phase::Asking { .. } => true,
            Phase::Following { .. } => false,
            Phase::Over => return,
        };
        self.unanswered = 0;
        // Only our own cameras wait for it; twice at first, because the viewer may be about to leave the hotspot.
        let waits = reply.camera.is_some() && reply.state == Some(State::Received);
        for _ in 0..if !waits {
            0
        } else if is_first {
            2
        } else {
            1
        } {
            self.transmits.push_back(self.heard.clone());
        }
        let state = reply.state;
        if is_first {
            self.events.push_back(Event::DeviceReplied(reply));
            let next = now + self.dialect.every;
            self.phase = Phase::Following { next };
        }
        // A late reply of an earlier state says nothing new.
        if let Some(new) = state.filter(|new| self.state.is_none_or(|known| *new > known)) {
            self.state = Some(new);
            self.events.push_back(Event::State(new));
        }
        // A foreign camera says nothing more, and the reference firmware no longer listens.
        if !self.follow || matches!(state, None | Some(State::Bound)) {
            self.finish(Event::Done);
        }
    }

    fn told(&mut self, error: ErrorReply) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        let cause = error.fault.map(Cause::from_fault);
        match error.report {
            Report::Current => {
                let unknown = Cause::Other(Fault { id: 0, sub: 0 });
                self.finish(Event::Failed {
                    cause: cause.unwrap_or(unknown),
                    log: error.log,
                });
            }
            Report::Previous => {
                // The camera answers, if with bad news only: but it has not said yet that it has the request.
                if self.previous.contains(&error.fault) || self.previous.len() == MAX_PREVIOUS {
                    return;
                }
                self.previous.push(error.fault);
                self.events.push_back(Event::PreviousError {
                    cause,
                    log: error.log,
                });
            }
        }
    }

    fn finish(&mut self, last: Event) {
        self.phase = Phase::Over;
        self.events.push_back(last);
    }
}
