//! What a camera's engine has to say.

use std::net::SocketAddr;

use wire::soft_ap::{Join, TokenOnly};
use wire::token::Token;

/// What a viewer wants of the camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Join this network, then report the token.
    Join(Join),
    /// Report the token: the camera is on the network already.
    Token(TokenOnly),
}

impl Wanted {
    /// The token of the attempt.
    pub fn token(&self) -> &Token {
        match self {
            Self::Join(join) => &join.token,
            Self::Token(token_only) => &token_only.token,
        }
    }

    pub(super) fn region(&self) -> &str {
        match self {
            Self::Join(join) => &join.region,
            Self::Token(token_only) => &token_only.region,
        }
    }
}

/// What an engine has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A viewer's request has arrived: an attempt begins. What it wants follows when the reply has had its time.
    Received {
        /// Who sent it.
        from: SocketAddr,
    },
    /// Go and do it; then say [`super::Engine::set_state`], and [`super::Engine::fail`] or [`super::Engine::succeed`].
    Start(Wanted),
    /// A viewer has asked for the log and got it.
    LogAsked {
        /// Who asked.
        from: SocketAddr,
    },
    /// The session has lasted its 300 s (or 50 s after a loss) without success. Whoever asks still gets the true cause.
    TimedOut,
    /// The attempt has succeeded and its viewer has had time to hear of it: nothing is left to do.
    Finished,
}
