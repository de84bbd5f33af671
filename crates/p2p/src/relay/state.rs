//! How it stands with the relay that an endpoint is at.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use iroh::Watcher;
use iroh::endpoint::RelayStatus;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::Relays;

/// How long a relay may give no sign before that is told.
const PATIENCE: Duration = Duration::from_secs(8);

/// How it stands with the relay that an endpoint is at; [`RelayChoice`](super::RelayChoice) and
/// [`Endpoint::add_relay`](crate::Endpoint::add_relay) say which it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RelayState {
    /// It is to be at none.
    #[default]
    None,
    /// It looks for the nearest and connects.
    Connecting,
    /// It is connected: the way through the relay is open.
    Works {
        /// Which.
        url: String,
    },
    /// The relay does not let it in. It is asked again, less and less often (every 16 s at last).
    Refused {
        /// Which.
        url: String,
        /// What the relay says.
        reason: String,
    },
    /// None of them answers. They are tried again and again.
    Unreachable {
        /// What went wrong, for a log.
        reason: String,
    },
}

/// Keeps `state` current. `changed` tells of relays that were added or removed; `failed` is told of every failure.
pub(crate) async fn follow(
    endpoint: iroh::Endpoint,
    relays: Arc<Relays>,
    changed: Arc<Notify>,
    state: watch::Sender<RelayState>,
    failed: impl Fn(),
) {
    let mut watcher = endpoint.home_relay_status();
    let mut deadline = Instant::now() + PATIENCE;
    loop {
        let statuses = watcher.get();
        if statuses.iter().any(|status| status.last_error().is_some()) {
            failed();
        }
        let is_late = Instant::now() >= deadline;
        let before = state.borrow().clone();
        let now = judge(
            statuses.iter().map(Seen::from),
            relays.is_empty(),
            &before,
            is_late,
        );
        if now != before {
            tracing::info!(relay = ?now, "relay");
            if now == RelayState::Connecting {
                deadline = Instant::now() + PATIENCE;
            }
            state.send_replace(now.clone());
        }
        let late = async {
            match now {
                RelayState::Connecting => sleep_until(deadline).await,
                _ => pending().await,
            }
        };
        tokio::select! {
            update = watcher.updated() => if update.is_err() { return },
            () = changed.notified() => deadline = Instant::now() + PATIENCE,
            () = late => {}
        }
    }
}

/// What the transport says of one relay.
enum Seen {
    Trying,
    Connected(String),
    Denied(String, String),
    Failed(String),
}

impl From<&RelayStatus> for Seen {
    fn from(status: &RelayStatus) -> Self {
        let url = status.url().to_string();
        match (status.auth_denied_reason(), status.last_error()) {
            _ if status.is_connected() => Self::Connected(url),
            (Some(reason), _) => Self::Denied(url, reason.to_owned()),
            (None, Some(error)) => Self::Failed(format!("{url}: {error:#}")),
            (None, None) => Self::Trying,
        }
    }
}

/// While a relay that failed is tried again, what it failed with stands.
fn judge(
    all: impl Iterator<Item = Seen>,
    is_empty: bool,
    before: &RelayState,
    is_late: bool,
) -> RelayState {
    if is_empty {
        return RelayState::None;
    }
    let mut failure = None;
    for seen in all {
        match seen {
            Seen::Connected(url) => return RelayState::Works { url },
            Seen::Denied(url, reason) => failure = Some(RelayState::Refused { url, reason }),
            Seen::Failed(reason) => {
                failure.get_or_insert(RelayState::Unreachable { reason });
            }
            Seen::Trying => {}
        }
    }
    match (failure, before) {
        (Some(failure), _) => failure,
        (None, RelayState::Refused { .. } | RelayState::Unreachable { .. }) => before.clone(),
        (None, _) if is_late => RelayState::Unreachable {
            reason: "no relay answers".into(),
        },
        (None, _) => RelayState::Connecting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> RelayState {
        RelayState::Refused {
            url: "https://r/".into(),
            reason: "no".into(),
        }
    }

    #[test]
    fn a_failure_stands_until_the_relay_works_or_none_is_wanted() {
        let connecting = RelayState::Connecting;
        let judge = |seen: Vec<Seen>, before: &RelayState, is_late| {
            super::judge(seen.into_iter(), false, before, is_late)
        };
        assert_eq!(judge(vec![], &RelayState::None, false), connecting);
        assert_eq!(judge(vec![Seen::Trying], &connecting, false), connecting);
        let late = judge(vec![], &connecting, true);
        assert!(matches!(late, RelayState::Unreachable { .. }));
        let denied = || Seen::Denied("https://r/".into(), "no".into());
        assert_eq!(judge(vec![denied()], &connecting, false), refused());
        assert_eq!(judge(vec![Seen::Trying], &refused(), false), refused());
        let works = judge(
            vec![denied(), Seen::Connected("https://s/".into())],
            &refused(),
            true,
        );
        assert!(matches!(&works, RelayState::Works { url } if url == "https://s/"));
        assert_eq!(judge(vec![Seen::Trying], &works, false), connecting);
        let lost = judge(vec![Seen::Failed("gone".into())], &works, false);
        assert!(matches!(lost, RelayState::Unreachable { reason } if reason == "gone"));
        let none = super::judge([].into_iter(), true, &refused(), true);
        assert_eq!(none, RelayState::None);
    }
}
