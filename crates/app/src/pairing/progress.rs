//! How far a pairing is, told at every change.

use super::code::Shown;
use crate::api::{ByHand, Failure, Pairing, PairingState, PairingStep, StepTime, WayKind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Where a pairing's state goes.
pub(crate) type Tell = Box<dyn Fn(Pairing) + Send + Sync>;

/// The state of one pairing.
pub(crate) struct Progress {
    tell: Tell,
    told: Mutex<Told>,
}

struct Told {
    pairing: Pairing,
    /// What the camera is to read. Not told: it is fetched once, and holds secrets.
    code: Option<Shown>,
    started: Instant,
    step_started: Instant,
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Progress {
    /// A pairing that begins now.
    pub(crate) fn new(
        way: WayKind,
        name: Option<String>,
        network: Option<String>,
        tell: Tell,
    ) -> Self {
        let now = Instant::now();
        let first = PairingStep::Token;
        Self {
            tell,
            told: Mutex::new(Told {
                code: None,
                pairing: Pairing {
                    way,
                    name,
                    network,
                    state: PairingState::Running { by_hand: None },
                    step: first,
                    steps: vec![StepTime { step: first, ms: 0 }],
                    elapsed_ms: 0,
                    notice: None,
                    restoring: false,
                    has_log: false,
                },
                started: now,
                step_started: now,
            }),
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is now.
    pub(crate) fn now(&self) -> Pairing {
        let mut told = self.told();
        told.count();
        told.pairing.clone()
    }

    /// Tells how it is now; also what the clock has changed.
    pub(crate) fn tell(&self) {
        (self.tell)(self.now());
    }

    fn change(&self, change: impl FnOnce(&mut Told)) {
        let mut told = self.told();
        told.count();
        let before = told.pairing.clone();
        change(&mut told);
        let changed = told.pairing != before;
        drop(told);
        if changed {
            self.tell();
        }
    }

    /// The next step begins. A step that was begun before is not begun again: time only adds up forward.
    pub(crate) fn step(&self, step: PairingStep) {
        self.change(|told| {
            if step <= told.pairing.step {
                return;
            }
            told.pairing.step = step;
            told.pairing.steps.push(StepTime { step, ms: 0 });
            told.step_started = Instant::now();
        });
    }

    /// The camera is to read this code from now on.
    pub(crate) fn show(&self, code: Shown) {
        self.told().code = Some(code);
        self.step(PairingStep::ShowCode);
    }

    /// The code that the camera is to read now.
    pub(crate) fn code(&self) -> Option<Shown> {
        let told = self.told();
        let showing = told.pairing.step == PairingStep::ShowCode;
        told.code.clone().filter(|_| showing)
    }

    /// Asks the user to do something, or no longer.
    pub(crate) fn by_hand(&self, by_hand: Option<ByHand>) {
        self.change(|told| {
            if let PairingState::Running { .. } = told.pairing.state {
                told.pairing.state = PairingState::Running { by_hand };
            }
        });
    }

    /// Something worth knowing.
    pub(crate) fn notice(&self, notice: Failure) {
        self.change(|told| told.pairing.notice = Some(notice));
    }

    /// It has ended; whether this machine's network is still to be put back.
    pub(crate) fn end(&self, state: PairingState, restoring: bool) {
        self.change(|told| {
            told.code = None;
            told.pairing.state = state;
            told.pairing.restoring = restoring;
        });
    }

    /// This machine's network is back.
    pub(crate) fn restored(&self) {
        self.change(|told| told.pairing.restoring = false);
    }

    /// The camera's log is there.
    pub(crate) fn has_log(&self) {
        self.change(|told| told.pairing.has_log = true);
    }
}

impl Told {
    /// Brings the times up to now; they stand still once it has ended.
    fn count(&mut self) {
        if !matches!(self.pairing.state, PairingState::Running { .. }) {
            return;
        }
        self.pairing.elapsed_ms = ms(self.started.elapsed());
        if let Some(last) = self.pairing.steps.last_mut() {
            last.ms = ms(self.step_started.elapsed());
        }
    }
}
