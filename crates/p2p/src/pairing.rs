//! Pairing: one JSON line each way on the first stream of a connection of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use iroh::endpoint::{Connection, VarInt};
use wire::id::PeerId;
use wire::pair::{MAX_LINE_BYTES, Reply, Request};

use crate::convert::code;
use crate::session::Shared;
use crate::{Access, Error, convert, defaults};

/// Shows the secret to the camera; returns what the camera calls itself.
pub(crate) async fn ask(shared: &Shared, request: &Request) -> Result<Option<String>, Error> {
    let started = Instant::now();
    let ask = async {
        let give_up = |_: &Error, _: Duration| started.elapsed() >= defaults::CONNECT;
        let connection = crate::session::dial(
            shared,
            defaults::ALPN_PAIR,
            std::future::pending::<()>,
            give_up,
        )
        .await?;
        let reply = converse(&connection, request).await;
        connection.close(VarInt::from_u32(code::DONE), b"done");
        reply
    };
    let limit = defaults::CONNECT + defaults::PAIR_TIMEOUT;
    match tokio::time::timeout(limit, ask).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout {
            what: "answer to pairing",
            after: limit,
        }),
    }
}

async fn converse(connection: &Connection, request: &Request) -> Result<Option<String>, Error> {
    let (mut send, mut recv) = connection
        .open_bi()
        .await
        .map_err(|error| convert::closed(&error))?;
    let answer = async {
        send.write_all(request.encode().as_bytes())
            .await
            .map_err(|error| Error::io("send the secret", error))?;
        let _ = send.finish();
        let reply = recv.read_to_end(MAX_LINE_BYTES).await;
        Reply::decode(&reply.map_err(Error::protocol)?).map_err(Error::protocol)
    };
    match answer.await {
        Ok(Reply::Accepted { name }) => Ok(name),
        Ok(Reply::Refused) => Err(Error::Refused),
        // A camera that refuses closes the connection, and the stream's end may arrive before that.
        Err(error) => match tokio::time::timeout(CLOSING, connection.closed()).await {
            Ok(reason) => Err(convert::closed(&reason)),
            Err(_) => Err(error),
        },
    }
}

/// How long a stream that ended without an answer waits for the reason.
const CLOSING: Duration = Duration::from_secs(1);

/// The camera's side of one pairing connection.
pub(crate) async fn answer(
    connection: &Connection,
    viewer: &PeerId,
    access: &dyn Access,
    tries: &Tries,
    name: &str,
) {
    let close = |code: u32, why: &[u8]| connection.close(VarInt::from_u32(code), why);
    if !tries.allow(viewer, Instant::now()) {
        tracing::info!(viewer = %viewer.short(), "pairing attempts limited");
        return close(code::TOO_MANY, b"too many attempts");
    }
    let conversation = async {
        let (mut send, mut recv) = connection.accept_bi().await.ok()?;
        let line = recv.read_to_end(MAX_LINE_BYTES).await.ok()?;
        let request = Request::decode(&line).ok()?;
        if !access.pair(viewer, &request) {
            return None;
        }
        let reply = Reply::Accepted {
            name: Some(name.to_string()),
        };
        send.write_all(reply.encode().as_bytes()).await.ok()?;
        send.finish().ok()?;
        // The viewer closes when it has read the reply.
        connection.closed().await;
        Some(())
    };
    match tokio::time::timeout(defaults::PAIR_TIMEOUT, conversation).await {
        Ok(Some(())) => {
            tracing::info!(viewer = %viewer.short(), "paired");
            close(code::DONE, b"done");
        }
        // A wrong secret, a used one and nonsense look the same from outside.
        _ => close(code::REFUSED, b"refused"),
    }
}

/// Pairing attempts of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<HashMap<PeerId, Vec<Instant>>>);

impl Tries {
    /// Counts an attempt, unless there were too many in the minute before `now`.
    pub(crate) fn allow(&self, viewer: &PeerId, now: Instant) -> bool {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, times| {
            times.retain(|time| now.saturating_duration_since(*time) < Duration::from_secs(60));
            !times.is_empty()
        });
        let all: usize = tries.values().map(Vec::len).sum();
        let own = tries.get(viewer).map_or(0, Vec::len);
        if all >= defaults::PAIR_TRIES as usize || own >= defaults::PAIR_TRIES_PER_PEER as usize {
            return false;
        }
        tries.entry(*viewer).or_default().push(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_limited_by_peer_and_in_all() {
        let tries = Tries::default();
        let start = Instant::now();
        let allowed = |peer: u8, at: u64| {
            let now = start + Duration::from_secs(at);
            (0..10)
                .filter(|_| tries.allow(&PeerId([peer; 32]), now))
                .count()
        };
        assert_eq!(allowed(1, 0), 5);
        assert_eq!(allowed(1, 59), 0);
        assert_eq!((2..100).map(|peer| allowed(peer, 59)).sum::<usize>(), 295);
        assert_eq!(allowed(1, 61), 5);
        assert_eq!(allowed(30, 120), 5);
    }
}
