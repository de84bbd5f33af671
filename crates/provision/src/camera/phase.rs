//! The states of an attempt, each with what only it knows.

use std::net::SocketAddr;
use std::time::Instant;

use wire::soft_ap::{Cause, State};

use super::Wanted;

/// An attempt: what is wanted, and who asked last.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) wanted: Wanted,
    pub(super) peer: SocketAddr,
}

#[derive(Debug)]
pub(super) enum Phase {
    Waiting,
    Received {
        attempt: Attempt,
        since: Instant,
        start_at: Instant,
    },
    Working {
        attempt: Attempt,
        state: State,
    },
    Failed {
        attempt: Attempt,
        cause: Cause,
    },
    Bound {
        attempt: Attempt,
        until: Instant,
    },
    Over {
        attempt: Attempt,
    },
}

/// What a request means to what is going on.
pub(super) enum Place {
    New,
    Again,
    Foreign,
}

impl Phase {
    pub(super) fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Waiting => None,
            Self::Received { attempt, .. }
            | Self::Working { attempt, .. }
            | Self::Failed { attempt, .. }
            | Self::Bound { attempt, .. }
            | Self::Over { attempt } => Some(attempt),
        }
    }

    pub(super) fn place(&self, wanted: &Wanted, from: SocketAddr) -> Place {
        let Some(attempt) = self.attempt() else {
            return Place::New;
        };
        let is_same = attempt.wanted == *wanted;
        let same_viewer = attempt.peer.ip() == from.ip();
        match self {
            _ if is_same => Place::Again,
            Self::Failed { .. } => Place::New,
            // Nothing has been started yet: a viewer may correct itself.
            Self::Received { .. } if same_viewer => Place::New,
            _ => Place::Foreign,
        }
    }
}
