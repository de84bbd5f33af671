//! Dialling: attempts that overlap, so that a camera that comes back is reached by the next one and not by the
//! slow retransmission of an old one.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use iroh::endpoint::Connection;
use tokio::task::JoinSet;
use tokio::time::Instant;
use wire::address::Address;

use super::Shared;
use crate::relay::Relays;
use crate::{Error, convert, defaults};

/// Dials until an attempt succeeds, or until `failed` (called after every failure and at every new attempt with the
/// last reason) says to stop. `kicked` resolves when new addresses or a new network are worth an attempt at once.
pub(crate) async fn dial<K: Future<Output = ()>>(
    shared: &Shared,
    alpn: &'static [u8],
    kicked: impl Fn() -> K,
    mut failed: impl FnMut(&Error, std::time::Duration) -> bool,
) -> Result<Connection, Error> {
    let started = Instant::now();
    let mut attempts = JoinSet::new();
    let mut order = VecDeque::new();
    let mut why = None;
    loop {
        let address = shared.address();
        if order.len() >= defaults::MAX_DIAL_ATTEMPTS {
            let oldest: Option<tokio::task::AbortHandle> = order.pop_front();
            oldest.inspect(|oldest| oldest.abort());
        }
        order.push_back(attempts.spawn(attempt(
            shared.endpoint.clone(),
            shared.relays.clone(),
            address.clone(),
            alpn,
        )));
        let begun = Instant::now();
        let interval = defaults::dial_interval(started.elapsed());
        let next = tokio::time::sleep(interval);
        tokio::pin!(next);
        loop {
            tokio::select! {
                () = shared.closed().cancelled() => return Err(Error::ClosedHere),
                Some(result) = attempts.join_next() => {
                    order.retain(|attempt| !attempt.is_finished());
                    match result {
                        Ok(Ok(connection)) => return Ok(connection),
                        // Strangers are told so, and asking again does not help.
                        Ok(Err(error @ (Error::Refused | Error::TooManyAttempts | Error::Invalid { .. }))) => {
                            return Err(error);
                        }
                        Ok(Err(error)) => why = Some(error),
                        Err(_aborted) => {}
                    }
                }
                () = &mut next => break,
                () = kicked() => {
                    let soonest = begun + defaults::DIAL_SPACING;
                    if soonest < next.deadline() {
                        next.as_mut().reset(soonest);
                    }
                }
            }
        }
        let reason = why.clone().unwrap_or_else(|| unreachable(&address));
        if failed(&reason, interval) {
            return Err(reason);
        }
    }
}

async fn attempt(
    endpoint: iroh::Endpoint,
    relays: Arc<Relays>,
    address: Address,
    alpn: &'static [u8],
) -> Result<Connection, Error> {
    let addr = relays.reach(&address)?;
    match tokio::time::timeout(defaults::DIAL_ATTEMPT, endpoint.connect(addr, alpn)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => {
            tracing::debug!(camera = %address.id.short(), %error, "dial failed");
            Err(reason(&error).unwrap_or_else(|| unreachable(&address)))
        }
        Err(_) => Err(unreachable(&address)),
    }
}

/// What a failed dial says beyond "nobody answered".
fn reason(error: &iroh::endpoint::ConnectError) -> Option<Error> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = source {
        if let Some(closed) = inner.downcast_ref::<iroh::endpoint::ConnectionError>() {
            return match convert::closed(closed) {
                Error::Closed { .. } => None,
                known => Some(known),
            };
        }
        source = inner.source();
    }
    None
}

fn unreachable(address: &Address) -> Error {
    let direct = address.addrs.iter().map(|addr| addr.to_string());
    Error::Unreachable {
        camera: address.id.to_string(),
        tried: direct.chain(address.relays.iter().cloned()).collect(),
    }
}
