//! What the state machine asks of the radio, and the radio's errors as causes for viewers.

use std::sync::Arc;
use std::time::Duration;

use wifi::{AccessPoint, Error, Radio};
use wire::soft_ap::Cause;

use super::saved::Network;
use crate::defaults::{JOIN, REJOIN};

/// Codes of [`Cause::RadioFailed`] and [`Cause::HotspotFailed`].
fn code(error: &Error) -> i32 {
    match error {
        Error::Busy { .. } => 1,
        Error::NotAllowed { .. } => 2,
        Error::NoRadio { .. } => 3,
        Error::Unsupported { .. } => 4,
        _ => 5,
    }
}

fn not_joined(error: &Error) -> Cause {
    match error {
        Error::WrongPassphrase { .. } => Cause::WrongPassword,
        Error::NotFound { .. } => Cause::NetworkNotFound,
        Error::NoLease { .. } => Cause::NoLease,
        Error::Timeout { .. } => Cause::JoinTimeout,
        other => Cause::RadioFailed(code(other)),
    }
}

/// Opens the hotspot; gives the camera's own address on it.
pub(super) async fn open(
    radio: Arc<dyn Radio>,
    access_point: AccessPoint,
) -> Result<std::net::Ipv4Addr, Cause> {
    match radio.start_access_point(&access_point).await {
        Ok(running) => Ok(running.address),
        Err(error) => {
            tracing::warn!(%error, "no hotspot");
            Err(Cause::HotspotFailed(code(&error)))
        }
    }
}

/// Joins the network that a viewer named. One that does not show itself is called by its name. Gives
/// [`Network::hidden`].
pub(super) async fn join(radio: Arc<dyn Radio>, network: Network) -> Result<bool, Cause> {
    // A radio that can do one thing only: the hotspot goes.
    if !radio.capabilities().ap_while_joined
        && let Err(error) = radio.stop_access_point().await
    {
        tracing::warn!(%error, "the hotspot does not close");
    }
    let mut hidden = network.hidden;
    let mut outcome = try_join(&radio, &network, hidden, JOIN).await;
    if !hidden && matches!(outcome, Err(Error::NotFound { .. })) {
        hidden = true;
        outcome = try_join(&radio, &network, hidden, JOIN).await;
    }
    match outcome {
        Ok(()) => Ok(hidden),
        Err(error) => {
            tracing::warn!(%error, "not joined");
            Err(not_joined(&error))
        }
    }
}

/// Comes back to the camera's own network, unless the system has done so already.
pub(super) async fn rejoin(radio: Arc<dyn Radio>, network: Network) -> Result<bool, Cause> {
    if let Ok(Some(current)) = radio.current().await
        && current.ssid == network.ssid
    {
        return Ok(network.hidden);
    }
    match try_join(&radio, &network, network.hidden, REJOIN).await {
        Ok(()) => Ok(network.hidden),
        Err(error) => {
            tracing::info!(%error, "not back on the network yet");
            Err(not_joined(&error))
        }
    }
}

async fn try_join(
    radio: &Arc<dyn Radio>,
    network: &Network,
    hidden: bool,
    limit: Duration,
) -> Result<(), Error> {
    let mut target = network.target(true);
    target.hidden = hidden;
    radio.join(&target, limit).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_cause_of_its_own() {
        let ssid = || "Home".parse().unwrap();
        let causes = [
            Error::WrongPassphrase { ssid: ssid() },
            Error::NotFound { ssid: ssid() },
            Error::NoLease { ssid: ssid() },
            Error::Timeout {
                doing: "joining",
                limit: JOIN,
            },
            Error::Unsupported { what: "join" },
        ]
        .map(|error| not_joined(&error));
        let expected = [
            Cause::WrongPassword,
            Cause::NetworkNotFound,
            Cause::NoLease,
            Cause::JoinTimeout,
            Cause::RadioFailed(4),
        ];
        assert_eq!(causes, expected);
    }
}
