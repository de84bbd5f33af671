//! From the causes that camera, radio and hub give to the failures a person is told.

use crate::api::{Failure, FailureCode};
use hub::Refusal;
use wire::soft_ap::Cause;
use wire::wifi::Ssid;

/// Why the camera did not get through, as it says itself. `network` is what it was told to join, `hub` where it was sent to.
pub(crate) fn camera(cause: Cause, network: Option<&Ssid>, hub: &str) -> Failure {
    use FailureCode as F;
    let failure = match cause {
        Cause::WrongPassword => Failure::new(F::NetworkWrongPassword),
        Cause::NetworkNotFound => Failure::new(F::NetworkNotFound),
        Cause::NoLease => Failure::new(F::NetworkNoAddress),
        Cause::JoinTimeout | Cause::JoinFailed(_) | Cause::NetworkLost(_) => {
            Failure::new(F::NetworkNotJoined).with("reason", cause)
        }
        Cause::HubUnreachable | Cause::TokenUnanswered => Failure::new(F::CameraNoHub),
        Cause::HubNotTrusted | Cause::HubRefused(_) | Cause::RegistrationRefused(_) => {
            Failure::new(F::CameraHubRefused).with("reason", cause)
        }
        Cause::TokenRefused(code) => Failure::new(F::TokenRefused).with("code", code),
        Cause::Timeout | Cause::Stopped | Cause::Busy => Failure::new(F::CameraSetupStopped),
        Cause::NoToken
        | Cause::WrongRegion
        | Cause::BadRequest
        | Cause::MissingField
        | Cause::HotspotFailed(_)
        | Cause::RadioFailed(_)
        | Cause::Other(_) => {
            let fault = cause.to_fault();
            Failure::new(F::CameraSetupFailed)
                .with("error", cause)
                .with("id", fault.id)
                .with("sub", fault.sub)
        }
    };
    failure
        .with("network", name_of(network))
        .with("hub", hub)
        .detail(format!("{} [{}]", cause, cause.to_fault()))
}

/// A network in a text; a dash for one whose name is not known.
pub(crate) fn name_of(network: Option<&Ssid>) -> String {
    network.map_or_else(|| "–".to_owned(), Ssid::to_string)
}

/// Why this machine did not get onto the camera's hotspot.
pub(crate) fn hotspot(error: &wifi::Error, hotspot: &Ssid) -> Failure {
    use FailureCode as F;
    let failure = match error {
        wifi::Error::WrongPassphrase { .. } => Failure::new(F::HotspotWrongPassphrase),
        wifi::Error::NotFound { .. } => Failure::new(F::HotspotNotFound),
        wifi::Error::NoLease { .. } | wifi::Error::Timeout { .. } => {
            Failure::new(F::HotspotNotJoined).with("reason", error)
        }
        _ => return radio(error),
    };
    failure.with("hotspot", hotspot).detail(error)
}

/// Why this machine's radio does not do what we ask.
pub(crate) fn radio(error: &wifi::Error) -> Failure {
    let failure = match error {
        wifi::Error::NotAllowed { allow, .. } => {
            Failure::new(FailureCode::WifiNotAllowed).with("how", allow)
        }
        wifi::Error::NoRadio { .. } | wifi::Error::Unsupported { .. } => {
            Failure::new(FailureCode::WifiUnavailable).with("reason", error)
        }
        _ => Failure::new(FailureCode::WifiFailed).with("reason", error),
    };
    failure.detail(error)
}

/// Whether the user can do by hand what the radio does not.
pub(crate) fn is_for_hands(error: &wifi::Error) -> bool {
    matches!(
        error,
        wifi::Error::NotAllowed { .. }
            | wifi::Error::NoRadio { .. }
            | wifi::Error::Unsupported { .. }
    )
}

/// Why this machine is not back on its own network.
pub(crate) fn home(error: &wifi::Error, network: Option<&Ssid>) -> Failure {
    Failure::new(FailureCode::HomeNotRejoined)
        .with("network", name_of(network))
        .with("reason", error)
        .detail(error)
}

/// Why the hub called `hub` did not do what the app asked.
pub(crate) fn desk(error: &hub::Error, hub: &str) -> Failure {
    use FailureCode as F;
    let failure = match error.refusal() {
        Some(Refusal::InvalidAccessToken) => Failure::new(F::HubAccessRefused),
        Some(Refusal::TokenIsExpire | Refusal::TokenNotExist) => Failure::new(F::TokenExpired),
        Some(Refusal::BoundToAnother) => Failure::new(F::CameraOwned),
        Some(refusal) => Failure::new(F::BindFailed).with("reason", refusal),
        None => Failure::new(F::HubUnavailable).with("reason", error),
    };
    failure.with("hub", hub).detail(error)
}

/// Whether asking the hub again later may help.
pub(crate) fn is_passing(error: &hub::Error) -> bool {
    match error.refusal() {
        Some(refusal) => matches!(
            refusal,
            Refusal::TooMany | Refusal::InternalError | Refusal::TokenNotBind
        ),
        None => !matches!(error, hub::Error::WrongKey { .. }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Lang, text};
    use wire::soft_ap::{ErrorId, Fault, SubId};

    fn ssid() -> Ssid {
        "Home".parse().unwrap()
    }

    #[test]
    fn every_fault_of_the_table_has_its_texts_filled() {
        for id in ErrorId::ALL {
            for sub in SubId::ALL
                .iter()
                .map(|sub| sub.number())
                .chain([0, 2, 15, 201, -7])
            {
                let cause = Cause::from_fault(Fault {
                    id: id.number(),
                    sub,
                });
                let failure = camera(cause, Some(&ssid()), "192.168.1.20:8883");
                for lang in [Lang::En, Lang::Zh] {
                    let text = text(&failure, lang);
                    let all = format!("{}{}{}", text.title, text.cause, text.next);
                    assert!(!all.contains('?'), "{cause:?}: {text:?}");
                }
            }
        }
    }

    #[test]
    fn the_causes_a_user_can_mend_are_told_apart() {
        use FailureCode as F;
        for (cause, code) in [
            (Cause::WrongPassword, F::NetworkWrongPassword),
            (Cause::NetworkNotFound, F::NetworkNotFound),
            (Cause::NoLease, F::NetworkNoAddress),
            (Cause::JoinTimeout, F::NetworkNotJoined),
            (Cause::HubUnreachable, F::CameraNoHub),
            (Cause::HubNotTrusted, F::CameraHubRefused),
            (Cause::TokenRefused(404), F::TokenRefused),
            (Cause::Busy, F::CameraSetupStopped),
        ] {
            assert_eq!(camera(cause, Some(&ssid()), "h").code, code, "{cause:?}");
            let again = Cause::from_fault(cause.to_fault());
            assert_eq!(
                camera(again, None, "h").code,
                code,
                "{cause:?} over the wire"
            );
        }
    }

    #[test]
    fn texts_of_radio_and_hub_failures_are_filled() {
        let limit = std::time::Duration::from_secs(1);
        let radio_errors = [
            wifi::Error::WrongPassphrase { ssid: ssid() },
            wifi::Error::NotFound { ssid: ssid() },
            wifi::Error::NoLease { ssid: ssid() },
            wifi::Error::Timeout {
                doing: "joining",
                limit,
            },
            wifi::Error::Busy { with: "a scan" },
            wifi::Error::NotAllowed {
                doing: "join",
                allow: "ask an administrator".into(),
            },
            wifi::Error::NoRadio {
                looked_for: "auto".into(),
            },
            wifi::Error::Unsupported { what: "join" },
        ];
        let mut failures: Vec<_> = radio_errors.iter().map(|e| hotspot(e, &ssid())).collect();
        failures.extend(radio_errors.iter().map(radio));
        failures.extend(radio_errors.iter().map(|e| home(e, None)));
        failures.extend(Refusal::ALL.iter().map(|r| desk(&(*r).into(), "here")));
        failures.push(desk(&hub::Error::Broker("no".into()), "here"));
        for failure in failures {
            for lang in [Lang::En, Lang::Zh] {
                let text = text(&failure, lang);
                assert!(!format!("{text:?}").contains('?'), "{failure}: {text:?}");
            }
        }
    }
}
