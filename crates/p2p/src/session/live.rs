//! The task of a session: idle, dialling, connected, and round again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use iroh::endpoint::{Connection, VarInt};
use tokio::time::{Instant, MissedTickBehavior};
use wire::event::SessionEvent;

use super::dial;
use super::link::Link;
use super::{Shared, State};
use crate::convert::code;
use crate::{Error, defaults, path};

/// How long a first attempt may take before the state says that the camera does not answer.
const PATIENCE: Duration = Duration::from_millis(1500);
/// A connection that did not live longer was closed at the door.
const SHORT: Duration = Duration::from_secs(1);
/// After this many short-lived connections in a row the pause between two is the longest.
const LONGEST_PAUSE: u32 = 7;
/// How often a connection is looked at.
const TICK: Duration = Duration::from_millis(250);

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut short_lived = 0;
    while !shared.closed.is_cancelled() {
        if !shared.is_wanted() {
            shared.state.send_replace(State::Idle);
        }
        while !shared.is_wanted() {
            tokio::select! {
                () = shared.closed.cancelled() => return end(&shared),
                () = shared.wanted.notified() => {}
            }
        }
        let started = Instant::now();
        let (ended, lived) = match connect(&shared).await {
            Ok(connection) => {
                let connected = Instant::now();
                let ended = live(&shared, connection, started).await;
                (ended, connected.elapsed())
            }
            Err(error) => (error, Duration::MAX),
        };
        short_lived = if lived < SHORT && ended != Error::Silent {
            short_lived + 1
        } else {
            0
        };
        match ended {
            Error::Refused | Error::Invalid { .. } => rest(&shared, ended).await,
            // Said while dialling: the door is not knocked on at once again.
            why @ Error::TooManyAttempts => {
                pause(&shared, why, short_lived.max(LONGEST_PAUSE)).await
            }
            why if short_lived > 0 => pause(&shared, why, short_lived).await,
            _ => {}
        }
    }
    end(&shared)
}

fn end(shared: &Shared) {
    shared.link.send_replace(None);
    shared.state.send_replace(State::Idle);
}

/// Tells who is waiting that it is in vain, and waits for somebody to ask again.
async fn rest(shared: &Shared, why: Error) {
    // Whoever asks after this line is heard; whoever asked before it hears the answer.
    shared.wanted.notified().now_or_never();
    shared.kick.notified().now_or_never();
    shared.state.send_replace(match why {
        Error::Refused => State::Refused,
        why => State::Waiting {
            retry_in: defaults::CONNECT,
            why,
        },
    });
    tokio::select! {
        () = shared.closed.cancelled() => {}
        () = shared.wanted.notified() => {}
        () = shared.kick.notified() => {}
    }
}

/// Keeps from knocking on and on where the door is opened and closed again: 100 ms, 200 ms, up to 6.4 s.
async fn pause(shared: &Shared, why: Error, times: u32) {
    let retry_in = Duration::from_millis(100) * (1 << (times - 1).min(LONGEST_PAUSE - 1));
    shared.state.send_replace(State::Waiting { retry_in, why });
    tokio::select! {
        () = shared.closed.cancelled() => {}
        () = shared.kick.notified() => {}
        () = tokio::time::sleep(retry_in) => {}
    }
}

async fn connect(shared: &Arc<Shared>) -> Result<Connection, Error> {
    shared.state.send_replace(State::Connecting);
    let started = Instant::now();
    // What was learnt before is used by the first attempt.
    shared.kick.notified().now_or_never();
    dial(
        shared,
        defaults::ALPN_HTTP,
        || shared.kick.notified(),
        |why, retry_in| {
            if started.elapsed() >= PATIENCE {
                let waiting = State::Waiting {
                    retry_in,
                    why: why.clone(),
                };
                shared.state.send_if_modified(|state| {
                    let changed = *state != waiting;
                    *state = waiting;
                    changed
                });
            }
            !shared.is_wanted()
        },
    )
    .await
}

/// Serves requests over a connection until it ends; returns why.
async fn live(shared: &Arc<Shared>, connection: Connection, started: Instant) -> Error {
    let link = Arc::new(Link::new(connection.clone(), shared.events.clone()));
    let mut path_events = connection.path_events();
    shared.link.send_replace(Some(link.clone()));
    let greeting = greeting(&connection);
    tokio::pin!(greeting);
    let mut greeted = false;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_tick = Instant::now();
    let mut used = Instant::now();
    loop {
        tokio::select! {
            () = shared.closed.cancelled() => {
                connection.close(VarInt::from_u32(code::DONE), b"done");
                break;
            }
            _ = connection.closed() => break,
            welcome = &mut greeting, if !greeted => match welcome {
                true => {
                    greeted = true;
                    connected(shared, started);
                }
                false if connection.close_reason().is_some() => break,
                false => link.silent(),
            },
            event = path_events.next() => match event {
                Some(_) if greeted => follow_path(shared),
                Some(_) => {}
                // Only a closed connection has no more path events.
                None => { connection.closed().await; break; }
            },
            _ = ticks.tick() => {
                let gap = last_tick.elapsed();
                last_tick = Instant::now();
                if was_frozen(gap, link.watched()) {
                    tracing::debug!(gap_ms = gap.as_millis(), "this process was stopped: redialling");
                    link.silent();
                }
                if greeted {
                    follow_path(shared);
                }
                let warm = shared.warm.load(Ordering::Acquire);
                if warm || link.active() > 0 || shared.waiting.load(Ordering::Acquire) > 0 {
                    used = Instant::now();
                } else if used.elapsed() > defaults::IDLE_SESSION {
                    connection.close(VarInt::from_u32(code::DONE), b"idle");
                }
            }
        }
    }
    shared.link.send_replace(None);
    if link.is_stale() {
        shared.stats().silences += 1;
    }
    if greeted {
        link.tell(SessionEvent::Disconnect);
    }
    link.failure(Error::Closed {
        reason: "the connection ended".into(),
    })
}

/// A stopped process must not show what piled up: the camera has given this connection up, or its pictures are old.
fn was_frozen(gap: Duration, watched: usize) -> bool {
    gap >= defaults::PATH_IDLE + TICK || (watched > 0 && gap >= defaults::FROZEN)
}

/// Waits for the camera's word that it serves this viewer: one byte on a stream of its own.
async fn greeting(connection: &Connection) -> bool {
    let hello = async {
        let mut stream = connection.accept_uni().await.ok()?;
        let mut version = [0];
        stream.read_exact(&mut version).await.ok()
    };
    matches!(
        tokio::time::timeout(defaults::DIAL_ATTEMPT, hello).await,
        Ok(Some(()))
    )
}

fn connected(shared: &Shared, started: Instant) {
    {
        let mut stats = shared.stats();
        stats.connect_time = Some(started.elapsed());
        stats.connections += 1;
    }
    let _ = shared.events.send(SessionEvent::Connected);
    follow_path(shared);
}

/// Publishes the path, when its kind or its ends are others than before.
fn follow_path(shared: &Shared) {
    let link = shared.link.borrow().clone();
    let Some(path) = link.and_then(|link| path::selected(link.connection(), &shared.here())) else {
        return;
    };
    if let Some(remote) = path.remote {
        let mut known = shared.known();
        if known.addrs.first() != Some(&remote) {
            known.addrs.retain(|addr| *addr != remote);
            known.addrs.insert(0, remote);
            known.addrs.truncate(super::MAX_ADDRESSES);
        }
    }
    shared.state.send_if_modified(|state| match state {
        State::Connected { path: old, .. } => {
            let same =
                old.kind == path.kind && old.remote == path.remote && old.relay == path.relay;
            *old = path;
            !same
        }
        _ => {
            *state = State::Connected {
                since: std::time::Instant::now(),
                path,
            };
            true
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_not_a_stopped_one() {
        assert!(!was_frozen(Duration::from_millis(1400), 1));
        assert!(was_frozen(Duration::from_millis(1600), 1));
        assert!(!was_frozen(Duration::from_millis(2000), 0));
        assert!(was_frozen(Duration::from_secs(10), 0));
    }
}
