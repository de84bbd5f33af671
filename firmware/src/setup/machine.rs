//! What a camera does on its way onto the network and to its hub, without radio, socket or clock.
//!
//! ```text
//!            short press                    asked                 joined                accepted
//!  Resting ─────────────> Opening ──> Open ───────> Joining ───────────> Enrolling ───────────> Online
//!                            ^          ^              │ failed              │ refused             │ lost
//!                            └──────────┴──────────────┴─────────────────────┘                     v
//!                            hotspot again, with the true cause                                  Away ──> Online
//!                                                                                          back-off, for ever
//! ```
//!
//! [`Machine::handle`] takes what happened, [`Machine::poll`] gives what is to be done until it gives `None`, and
//! [`Machine::timeout`] says when to call [`Machine::handle_timeout`]. Of the actions that take time (see
//! [`Action::takes_time`]) one is under way at most: a new one takes the place of an old one, whose result is not wanted
//! any more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wire::hub::HubAddress;
use wire::soft_ap::{Cause, State as Progress};
use wire::token::Token;

use super::saved::{Account, Network, Saved};
use crate::backoff::Backoff;
use crate::board::Light;
use crate::defaults::{BIND_WAIT, HOTSPOT_LINGER, HOTSPOT_WAIT, REJOIN_WAIT, UNBIND_LINGER};

/// What holds for this camera as long as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// It has a radio. Without one it is on the network by cable, or the system sees to it.
    pub radio: bool,
    /// Open to be set up whenever it belongs to nobody.
    pub open_when_unbound: bool,
    /// The hub of a request that names none.
    pub hub: Option<HubAddress>,
}

/// What a viewer asks: from the hotspot, the network, or a code shown to the camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The network to join; `None`: stay on the one that is known.
    pub network: Option<Network>,
    /// Token of this attempt.
    pub token: Token,
    /// Where to report it.
    pub hub: Option<HubAddress>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The button, shortly.
    Pressed,
    /// A viewer asks.
    Asked(Ask),
    /// [`Action::Open`] is done: viewers can ask.
    Opened,
    /// [`Action::Open`] failed.
    NotOpened(Cause),
    /// [`Action::Join`] is done; `hidden`: the network had to be called by its name.
    Joined {
        /// See [`Network::hidden`].
        hidden: bool,
    },
    /// [`Action::Join`] failed.
    NotJoined(Cause),
    /// The network is lost.
    Lost,
    /// [`Action::Enrol`] is done: the hub has taken the token.
    Enrolled(Account),
    /// [`Action::Enrol`] failed.
    NotEnrolled(Cause),
    /// The time that one session may take is over.
    SessionOver,
    /// The hub has given the camera a new secret.
    Renewed(Account),
    /// The hub has named an owner, and it is on the list.
    Bound,
    /// The camera has no owner any more.
    Unbound,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the hotspot if there is a radio and it is not open, leave a network that is not to be remembered, and listen
    /// for viewers. Takes time.
    Open,
    /// Stop listening and close the hotspot.
    Close,
    /// Close the hotspot unless it can stay beside, and join. Takes time.
    Join {
        /// Which network.
        network: Network,
        /// A viewer waits for the outcome; otherwise the camera comes back to where it was.
        attempt: bool,
    },
    /// Reach this hub and report the token. Takes time.
    Enrol {
        /// Where.
        hub: HubAddress,
        /// What.
        token: Token,
    },
    /// Be at the hub of the saved account from now on, for ever trying.
    Serve,
    /// Leave the hub.
    Leave,
    /// Tell the viewer that asked how far it is.
    Tell(Progress),
    /// Tell it, and whoever asks from now on, that the attempt failed.
    TellFailed(Cause),
    /// Remember this.
    Save(Saved),
    /// The light.
    Light(Light),
}

impl Action {
    /// Whether its outcome comes back as an [`Input`].
    pub fn takes_time(&self) -> bool {
        matches!(self, Self::Open | Self::Join { .. } | Self::Enrol { .. })
    }
}

/// Where a camera is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has set it up, and nobody has asked to.
    Resting,
    /// The hotspot is being opened.
    Opening,
    /// It waits for a viewer.
    Open,
    /// It joins the network that a viewer named.
    Joining,
    /// It reports the token.
    Enrolling,
    /// It tries to come back to its network.
    Away,
    /// It is on its network and, if it has one, at its hub.
    Online,
}

enum State {
    Resting,
    Opening {
        /// What went wrong in the attempt before, for whoever asks.
        failed: Option<Cause>,
        /// When to try again; `None` while a try is under way.
        again: Option<Instant>,
    },
    Open {
        failed: bool,
        /// When the session ends that a viewer has not used.
        until: Option<Instant>,
    },
    Joining(Attempt),
    Enrolling(Attempt),
    Away {
        /// When to try again; `None` while a try is under way.
        again: Option<Instant>,
    },
    Online {
        /// When the hotspot of a successful attempt closes.
        close: Option<Instant>,
        /// When a camera without owner opens its hotspot.
        open: Option<Instant>,
    },
}

/// What a viewer asked, with what the camera filled in.
struct Attempt {
    /// `None`: the camera is on the network already.
    network: Option<Network>,
    token: Token,
    hub: HubAddress,
}

/// See the module's text.
pub struct Machine {
    rules: Rules,
    saved: Saved,
    bound: bool,
    state: State,
    light: Light,
    actions: VecDeque<Action>,
    rejoin: Backoff,
    reopen: Backoff,
    random: fn() -> u8,
}

/// How long a camera that somebody opened by its button waits for a viewer (documents: 300 s).
const SESSION: Duration = Duration::from_secs(300);

impl Machine {
    /// A camera that starts, with what it remembers. `random` gives a byte for the waits between tries.
    pub fn new(rules: Rules, saved: Saved, bound: bool, random: fn() -> u8, now: Instant) -> Self {
        let mut machine = Self {
            rules,
            saved,
            bound,
            state: State::Resting,
            light: Light::Off,
            actions: VecDeque::new(),
            rejoin: Backoff::new(REJOIN_WAIT.0, REJOIN_WAIT.1),
            reopen: Backoff::new(HOTSPOT_WAIT.0, HOTSPOT_WAIT.1),
            random,
        };
        machine.go_home(now);
        // Printed once even if it is dark.
        machine.actions.push_front(Action::Light(machine.shown()));
        machine.light = machine.shown();
        machine
    }

    /// Takes what happened. What no longer fits is dropped.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Pressed => self.pressed(now),
            Input::Asked(ask) => self.asked(now, ask),
            Input::Opened => {
                if let State::Opening { failed, .. } = self.state {
                    self.reopen.reset();
                    self.open(now, failed);
                }
            }
            Input::NotOpened(cause) => {
                if let State::Opening { failed, .. } = self.state {
                    let again = Some(now + self.reopen.next((self.random)()));
                    let failed = failed.or(Some(cause));
                    self.state = State::Opening { failed, again };
                }
            }
            Input::Joined { hidden } => match std::mem::replace(&mut self.state, State::Resting) {
                State::Joining(mut attempt) => {
                    if let Some(network) = &mut attempt.network {
                        network.hidden = hidden;
                    }
                    self.enrol(attempt);
                }
                State::Away { .. } => {
                    self.rejoin.reset();
                    self.online(now);
                }
                other => self.state = other,
            },
            Input::NotJoined(cause) => match self.state {
                State::Joining(_) => self.fail(now, cause),
                State::Away { .. } => {
                    let again = Some(now + self.rejoin.next((self.random)()));
                    self.state = State::Away { again };
                }
                _ => {}
            },
            Input::Lost => match self.state {
                State::Enrolling(_) if self.rules.radio => self.fail(now, Cause::NetworkLost(0)),
                State::Online { .. } if self.rules.radio => self.away(),
                _ => {}
            },
            Input::Enrolled(account) => self.enrolled(now, account),
            Input::NotEnrolled(cause) => {
                if matches!(self.state, State::Enrolling(_)) {
                    self.fail(now, cause);
                }
            }
            Input::SessionOver => match self.state {
                State::Joining(_) | State::Enrolling(_) => self.fail(now, Cause::Timeout),
                _ => {}
            },
            Input::Renewed(account) => {
                self.saved.account = Some(account);
                self.actions.push_back(Action::Save(self.saved.clone()));
            }
            Input::Bound => self.bound(),
            Input::Unbound => self.unbound(now),
        }
        self.show();
    }

    /// Goes on when [`Machine::timeout`] is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match self.state {
            State::Opening { failed, again } if due(again) => {
                self.state = State::Opening {
                    failed,
                    again: None,
                };
                self.actions.push_back(Action::Open);
            }
            State::Open { until, .. } if due(until) => {
                self.actions.push_back(Action::Close);
                self.go_home(now);
            }
            State::Away { again } if due(again) => self.away(),
            State::Online { close, open } if due(close) => {
                self.actions.push_back(Action::Close);
                self.state = State::Online { close: None, open };
            }
            State::Online { open, .. } if due(open) => self.start_opening(None),
            _ => {}
        }
        self.show();
    }

    /// When something is due next.
    pub fn timeout(&self) -> Option<Instant> {
        match self.state {
            State::Opening { again, .. } | State::Away { again } => again,
            State::Open { until, .. } => until,
            State::Online { close, open } => [close, open].into_iter().flatten().min(),
            State::Resting | State::Joining(_) | State::Enrolling(_) => None,
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Resting => Phase::Resting,
            State::Opening { .. } => Phase::Opening,
            State::Open { .. } => Phase::Open,
            State::Joining(_) => Phase::Joining,
            State::Enrolling(_) => Phase::Enrolling,
            State::Away { .. } => Phase::Away,
            State::Online { .. } => Phase::Online,
        }
    }

    /// What its light says.
    pub fn light(&self) -> Light {
        self.light
    }

    /// What it remembers.
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Whether it has an owner.
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    fn pressed(&mut self, now: Instant) {
        match self.state {
            State::Resting | State::Away { .. } | State::Online { .. } => {
                self.start_opening(None);
            }
            State::Opening { .. } | State::Open { .. } => {
                self.actions.push_back(Action::Close);
                // Whoever presses to close means it, also while the camera belongs to nobody.
                let rules = self.rules.open_when_unbound;
                self.rules.open_when_unbound = false;
                self.go_home(now);
                self.rules.open_when_unbound = rules;
            }
            // An attempt ends by itself, and soon.
            State::Joining(_) | State::Enrolling(_) => {}
        }
    }

    fn asked(&mut self, now: Instant, ask: Ask) {
        // A person has opened the camera, or nobody owns it: nothing else makes it listen.
        if !matches!(self.state, State::Opening { .. } | State::Open { .. }) {
            return;
        }
        let known = self.saved.account.as_ref().map(|account| &account.hub);
        let hub = ask.hub.as_ref().or(self.rules.hub.as_ref()).or(known);
        let Some(hub) = hub.cloned() else {
            tracing::warn!(
                "the request names no hub, and the camera knows none; give it one with --hub"
            );
            return self.refuse(now, Cause::HubUnreachable);
        };
        let network = match (self.rules.radio, ask.network, &self.saved.network) {
            (false, _, _) => None,
            (true, Some(network), _) => Some(network),
            (true, None, Some(network)) => Some(network.clone()),
            (true, None, None) => return self.refuse(now, Cause::MissingField),
        };
        let attempt = Attempt {
            network,
            token: ask.token,
            hub,
        };
        match &attempt.network {
            Some(network) => {
                self.actions.push_back(Action::Tell(Progress::Joining));
                self.actions.push_back(Action::Join {
                    network: network.clone(),
                    attempt: true,
                });
                self.state = State::Joining(attempt);
            }
            None => self.enrol(attempt),
        }
    }

    fn enrol(&mut self, attempt: Attempt) {
        self.actions.push_back(Action::Tell(Progress::Registering));
        self.actions.push_back(Action::Enrol {
            hub: attempt.hub.clone(),
            token: attempt.token.clone(),
        });
        self.state = State::Enrolling(attempt);
    }

    fn enrolled(&mut self, now: Instant, account: Account) {
        match std::mem::replace(&mut self.state, State::Resting) {
            State::Enrolling(attempt) => {
                // Only now: an attempt that fails leaves what was known before as it was.
                self.saved = Saved {
                    network: attempt.network.or(self.saved.network.take()),
                    account: Some(account),
                    expects_owner: true,
                };
                self.actions.push_back(Action::Save(self.saved.clone()));
                self.actions.push_back(Action::Tell(Progress::Bound));
                self.state = State::Online {
                    close: Some(now + HOTSPOT_LINGER),
                    open: self.opens_without_owner().then(|| now + BIND_WAIT),
                };
                self.actions.push_back(Action::Serve);
            }
            other => self.state = other,
        }
    }

    /// The attempt is over: the viewer hears why, on the hotspot, and may ask again.
    fn fail(&mut self, now: Instant, cause: Cause) {
        if self.rules.radio {
            self.start_opening(Some(cause));
        } else {
            self.actions.push_back(Action::Leave);
            self.open(now, Some(cause));
        }
    }

    /// The request is refused where it was made.
    fn refuse(&mut self, now: Instant, cause: Cause) {
        if matches!(self.state, State::Open { .. }) {
            self.open(now, Some(cause));
        }
    }

    fn open(&mut self, now: Instant, failed: Option<Cause>) {
        if let Some(cause) = failed {
            self.actions.push_back(Action::TellFailed(cause));
        }
        self.state = State::Open {
            failed: failed.is_some(),
            until: (!self.opens_without_owner()).then(|| now + SESSION),
        };
    }

    fn start_opening(&mut self, failed: Option<Cause>) {
        self.actions.push_back(Action::Leave);
        self.actions.push_back(Action::Open);
        self.state = State::Opening {
            failed,
            again: None,
        };
    }

    fn bound(&mut self) {
        self.bound = true;
        if self.saved.expects_owner {
            self.saved.expects_owner = false;
            self.actions.push_back(Action::Save(self.saved.clone()));
        }
        if let State::Online { open, .. } = &mut self.state {
            *open = None;
        }
    }

    fn unbound(&mut self, now: Instant) {
        let was = std::mem::replace(&mut self.bound, false);
        if let State::Online { open, .. } = &mut self.state
            && was
            && self.rules.open_when_unbound
        {
            *open = Some(now + UNBIND_LINGER);
        }
    }

    /// Where it belongs when nobody sets it up.
    fn go_home(&mut self, now: Instant) {
        if self.opens_without_owner() && !self.saved.expects_owner {
            return self.start_opening(None);
        }
        match (&self.saved.network, &self.saved.account) {
            (Some(_), _) if self.rules.radio => self.away(),
            (_, Some(_)) if !self.rules.radio => self.online(now),
            _ => self.state = State::Resting,
        }
    }

    fn away(&mut self) {
        let Some(network) = self.saved.network.clone() else {
            self.state = State::Resting;
            return;
        };
        // What the hub's client waits for ends with the network; a new one does not sit out an old wait.
        self.actions.push_back(Action::Leave);
        self.actions.push_back(Action::Join {
            network,
            attempt: false,
        });
        self.state = State::Away { again: None };
    }

    fn online(&mut self, now: Instant) {
        self.state = State::Online {
            close: None,
            open: self.opens_without_owner().then(|| now + BIND_WAIT),
        };
        if self.saved.account.is_some() {
            self.actions.push_back(Action::Serve);
        }
    }

    fn opens_without_owner(&self) -> bool {
        self.rules.open_when_unbound && !self.bound
    }

    fn shown(&self) -> Light {
        match self.state {
            State::Resting => Light::Off,
            State::Opening { failed: None, .. } | State::Open { failed: false, .. } => Light::Fast,
            State::Opening { .. } | State::Open { .. } => Light::Error,
            State::Joining(_) | State::Enrolling(_) | State::Away { .. } => Light::Slow,
            State::Online { .. } if self.bound || self.saved.account.is_none() => Light::On,
            State::Online { .. } => Light::Slow,
        }
    }

    fn show(&mut self) {
        let light = self.shown();
        if light != self.light {
            self.light = light;
            self.actions.push_back(Action::Light(light));
        }
    }
}

#[cfg(test)]
mod tests;
