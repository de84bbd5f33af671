use super::*;
use crate::api::ByHand;
use crate::texts::{Lang, text};
use hub::Refusal;
use stage::{
    Act, CAMERA, HOME, HOTSPOT, HOTSPOT_PASSWORD, PASSWORD, Stage, ended, login, request, until,
};
use wire::soft_ap::Cause;

mod other_ways;
mod stage;

fn failure(pairing: &Pairing) -> Failure {
    match &pairing.state {
        PairingState::Failed { failure } => failure.clone(),
        other => panic!("not failed: {other:?}"),
    }
}

/// Runs one pairing to its end and holds that the phone is home again.
async fn pair(stage: &Arc<Stage>) -> Pairing {
    let (pairings, mut told) = stage.pairings();
    pairings.start(request()).unwrap();
    let pairing = ended(&mut told).await;
    assert_eq!(stage.phone_is_on().await.as_deref(), Some(HOME));
    pairing
}

async fn fails_with(stage: &Arc<Stage>) -> FailureCode {
    fails_as(&pair(stage).await)
}

/// The code of the failure that ended a pairing, with its texts complete.
fn fails_as(pairing: &Pairing) -> FailureCode {
    let failure = failure(pairing);
    for lang in [Lang::En, Lang::Zh] {
        let text = text(&failure, lang);
        assert!(!format!("{text:?}").contains('?'), "{failure}: {text:?}");
    }
    failure.code
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_leaves_its_hotspot_is_paired_through_the_hub() {
    let stage = Stage::new(&[Act::Leave(None)]).await;
    let pairing = pair(&stage).await;
    assert_eq!(
        pairing.state,
        PairingState::Done {
            camera: "porch".into()
        }
    );
    let steps: Vec<_> = pairing.steps.iter().map(|time| time.step).collect();
    let others = [PairingStep::FindCamera, PairingStep::ShowCode];
    let mut expected = PairingStep::ALL.to_vec();
    expected.retain(|step| !others.contains(step));
    assert_eq!(steps, expected);
    assert!(pairing.elapsed_ms < 15_000, "{pairing:?}");
    let saved = stage.saved.lock().unwrap();
    assert_eq!(
        (saved[0].address.id, saved[0].name.as_str()),
        (CAMERA, "Porch")
    );
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_keeps_its_hotspot_tells_how_far_it_is() {
    let stage = Stage::new(&[Act::Stay(None)]).await;
    *stage.on_lan.lock().unwrap() = Some(Duration::from_millis(100));
    let pairing = pair(&stage).await;
    assert_eq!(
        pairing.state,
        PairingState::Done {
            camera: "porch".into()
        }
    );
    let addresses = &stage.saved.lock().unwrap()[0].address.addrs;
    assert_eq!(
        addresses.len(),
        stage::SEEN_AT.len(),
        "where it was seen on the LAN"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_told_in_time_with_the_log_and_tried_again_without_retyping() {
    for act in [
        Act::Leave(Some(Cause::WrongPassword)),
        Act::Stay(Some(Cause::WrongPassword)),
    ] {
        let stage = Stage::new(&[act]).await;
        let (pairings, mut told) = stage.pairings();
        pairings.start(request()).unwrap();
        let sent = until(&mut told, |p| p.step == PairingStep::SendCredentials).await;
        let first = until(&mut told, |p| {
            matches!(p.state, PairingState::Failed { .. })
        })
        .await;
        assert_eq!(failure(&first).code, FailureCode::NetworkWrongPassword);
        let took = first.elapsed_ms - sent.elapsed_ms;
        assert!(took <= 15_000, "{took} ms");
        let pairing = ended(&mut told).await;
        assert!(pairing.has_log && pairing.notice.is_none(), "{pairing:?}");
        assert_eq!(stage.phone_is_on().await.as_deref(), Some(HOME));
        let log = pairings.log().unwrap();
        assert!(
            log.contains("joining Home") && !log.contains(PASSWORD),
            "{log}"
        );

        stage.acts.lock().unwrap().push_back(Act::Leave(None));
        let network = login(HOME, "abcd1235");
        pairings.retry(None, Some(network)).unwrap();
        let pairing = ended(&mut told).await;
        assert!(
            matches!(pairing.state, PairingState::Done { .. }),
            "{pairing:?}"
        );
        assert_eq!(*stage.desk.tokens.lock().unwrap(), 2, "a token an attempt");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_camera_says_is_what_is_told() {
    for (cause, code) in [
        (Cause::NetworkNotFound, FailureCode::NetworkNotFound),
        (Cause::NoLease, FailureCode::NetworkNoAddress),
        (Cause::JoinFailed(8), FailureCode::NetworkNotJoined),
        (Cause::HubUnreachable, FailureCode::CameraNoHub),
        (Cause::HubRefused(5), FailureCode::CameraHubRefused),
        (Cause::TokenRefused(404), FailureCode::TokenRefused),
        (Cause::Busy, FailureCode::CameraSetupStopped),
        (Cause::BadRequest, FailureCode::CameraSetupFailed),
    ] {
        for act in [
            Act::Tell(cause),
            Act::Stay(Some(cause)),
            Act::Leave(Some(cause)),
        ] {
            let stage = Stage::new(std::slice::from_ref(&act)).await;
            assert_eq!(fails_with(&stage).await, code, "{act:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_to_the_hotspot_fails_in_its_own_ways() {
    let stage = Stage::with(&[], false).await;
    assert_eq!(fails_with(&stage).await, FailureCode::HotspotNotFound);
    let stage = Stage::new(&[]).await;
    let (pairings, mut told) = stage.pairings();
    let mut wrong = request();
    wrong.way = PairingWay::Hotspot {
        hotspot: login(HOTSPOT, "not-the-one"),
        network: login(HOME, PASSWORD),
    };
    pairings.start(wrong).unwrap();
    let code = failure(&ended(&mut told).await).code;
    assert_eq!(code, FailureCode::HotspotWrongPassphrase);
    // Only what was wrong is typed again.
    stage.acts.lock().unwrap().push_back(Act::Leave(None));
    let right = login(HOTSPOT, HOTSPOT_PASSWORD);
    pairings.retry(Some(right), None).unwrap();
    let pairing = ended(&mut told).await;
    assert!(
        matches!(pairing.state, PairingState::Done { .. }),
        "{pairing:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_does_not_answer_is_silent_and_another_one_is_refused() {
    let stage = Stage::new(&[Act::Silent]).await;
    assert_eq!(fails_with(&stage).await, FailureCode::CameraSilent);
    let stage = Stage::new(&[Act::Leave(None)]).await;
    let (pairings, mut told) = stage.pairings();
    let mut other = request();
    other.camera = Some("ab".repeat(32));
    pairings.start(other).unwrap();
    let code = failure(&ended(&mut told).await).code;
    assert_eq!(code, FailureCode::AnotherCamera);
}

#[tokio::test(start_paused = true)]
async fn a_hotspot_lost_in_the_middle_is_joined_again() {
    let vanish = || Act::Vanish(Duration::from_secs(3));
    let stage = Stage::new(&[vanish(), Act::Leave(None)]).await;
    let pairing = pair(&stage).await;
    assert!(
        matches!(pairing.state, PairingState::Done { .. }),
        "{pairing:?}"
    );
    let stage = Stage::new(&[vanish(), vanish(), vanish()]).await;
    assert_eq!(fails_with(&stage).await, FailureCode::HotspotLost);
    let stage = Stage::new(&[Act::Vanish(Duration::from_secs(500))]).await;
    assert_eq!(fails_with(&stage).await, FailureCode::CameraSetupStopped);
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_has_forgotten_what_it_was_told_is_told_again() {
    let stage = Stage::new(&[Act::Restart, Act::Leave(None)]).await;
    let pairing = pair(&stage).await;
    assert!(
        matches!(pairing.state, PairingState::Done { .. }),
        "{pairing:?}"
    );
    assert_eq!(stage.asked.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hotspot_that_closes_while_it_is_joined_is_told_from_one_that_cannot_be_joined() {
    for (closes, code) in [
        (true, FailureCode::CameraSetupStopped),
        (false, FailureCode::HotspotNotJoined),
    ] {
        let stage = Stage::with(&[], false).await;
        stage.rules(r#"{"joined":{"phone":"Home"},"lease_ms":5000}"#);
        let home = format!(r#"{{"ssid":"{HOME}","passphrase":"{PASSWORD}"}}"#);
        let hotspot =
            format!(r#"{{"ssid":"{HOTSPOT}","passphrase":"{HOTSPOT_PASSWORD}","dhcp":false}}"#);
        stage.networks(&format!("[{home},{hotspot}]"));
        let (pairings, mut told) = stage.pairings();
        pairings.start(request()).unwrap();
        until(&mut told, |p| p.step == PairingStep::JoinHotspot).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        if closes {
            stage.networks(&format!("[{home}]"));
        }
        assert_eq!(fails_as(&ended(&mut told).await), code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_is_never_heard_of_again_is_told_apart_from_one_without_hub() {
    let stage = Stage::new(&[Act::Lost]).await;
    assert_eq!(fails_with(&stage).await, FailureCode::CameraNotHeard);
    let stage = Stage::new(&[Act::Lost]).await;
    *stage.on_lan.lock().unwrap() = Some(Duration::from_secs(5));
    assert_eq!(fails_with(&stage).await, FailureCode::CameraNoHub);
}

#[tokio::test(start_paused = true)]
async fn the_hubs_refusals_are_told_apart() {
    for (refusal, code) in [
        (Refusal::TokenIsExpire, FailureCode::TokenExpired),
        (Refusal::BoundToAnother, FailureCode::CameraOwned),
        (Refusal::InvalidAccessToken, FailureCode::HubAccessRefused),
        (Refusal::TooManyDevices, FailureCode::BindFailed),
    ] {
        let stage = Stage::new(&[Act::Leave(None)]).await;
        *stage.desk.refuses.lock().unwrap() = Some(refusal);
        assert_eq!(fails_with(&stage).await, code);
    }
    let stage = Stage::new(&[]).await;
    let gone = Failure::new(FailureCode::HubUnavailable)
        .with("hub", "h")
        .with("reason", "no");
    *stage.no_hub.lock().unwrap() = Some(gone);
    assert_eq!(fails_with(&stage).await, FailureCode::HubUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_any_moment_puts_the_network_back() {
    for step in 0..60 {
        let act = [Act::Leave(Some(Cause::NoLease)), Act::Leave(None)][step % 2].clone();
        let stage = Stage::new(&[act]).await;
        let (pairings, mut told) = stage.pairings();
        pairings.start(request()).unwrap();
        tokio::time::sleep(Duration::from_millis(step as u64 * 150)).await;
        pairings.stop();
        let pairing = ended(&mut told).await;
        assert_eq!(
            stage.phone_is_on().await.as_deref(),
            Some(HOME),
            "{pairing:?}"
        );
        // Stopping what has ended forgets it.
        pairings.stop();
        assert_eq!(pairings.state(), None);
        assert_eq!(
            pairings.retry(None, None).unwrap_err().code,
            FailureCode::NoPairing
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_system_forbids_it_the_user_joins_by_hand() {
    let stage = Stage::new(&[Act::Leave(None)]).await;
    stage.rules(r#"{"allowed":false,"joined":{"phone":"Home"}}"#);
    let (pairings, mut told) = stage.pairings();
    pairings.start(request()).unwrap();
    let asked = until(&mut told, |p| {
        matches!(p.state, PairingState::Running { by_hand: Some(_) })
    })
    .await;
    let PairingState::Running {
        by_hand: Some(ByHand::JoinHotspot { ssid, why }),
    } = asked.state
    else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (ssid.as_str(), why.code),
        (HOTSPOT, FailureCode::WifiNotAllowed)
    );
    tokio::time::sleep(Duration::from_secs(20)).await;
    // The camera's radio is of the same world: it is allowed again before it moves.
    stage.rules(&format!(r#"{{"joined":{{"phone":"{HOTSPOT}"}}}}"#));
    until(&mut told, |p| p.step == PairingStep::CameraJoins).await;
    stage.rules(r#"{"joined":{"phone":"Home"}}"#);
    let pairing = ended(&mut told).await;
    assert!(
        matches!(pairing.state, PairingState::Done { .. }),
        "{pairing:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pairing_ends_after_five_minutes() {
    let stage = Stage::new(&[]).await;
    stage.rules(r#"{"allowed":false,"joined":{"phone":"Home"}}"#);
    let pairing = pair(&stage).await;
    assert_eq!(failure(&pairing).code, FailureCode::PairingTimeout);
    assert_eq!(pairing.elapsed_ms / 1000, WHOLE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_is_saved_but_shows_nothing_is_only_asked_for_its_picture_again() {
    let stage = Stage::new(&[Act::Leave(None)]).await;
    let gone = Failure::new(FailureCode::CameraUnreachable);
    stage.picture.lock().unwrap().push_back(gone);
    let (pairings, mut told) = stage.pairings();
    pairings.start(request()).unwrap();
    let code = failure(&ended(&mut told).await).code;
    assert_eq!(code, FailureCode::CameraUnreachable);
    pairings.retry(None, None).unwrap();
    let pairing = ended(&mut told).await;
    assert_eq!(
        pairing.state,
        PairingState::Done {
            camera: "porch".into()
        }
    );
    assert_eq!(*stage.desk.tokens.lock().unwrap(), 1);
    assert_eq!(stage.saved.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_pairing_runs_at_a_time() {
    let stage = Stage::new(&[Act::Leave(None)]).await;
    let (pairings, mut told) = stage.pairings();
    assert_eq!(
        pairings.retry(None, None).unwrap_err().code,
        FailureCode::NoPairing
    );
    assert_eq!(pairings.log().unwrap_err().code, FailureCode::NoPairingLog);
    pairings.start(request()).unwrap();
    assert_eq!(
        pairings.start(request()).unwrap_err().code,
        FailureCode::PairingRunning
    );
    until(&mut told, |p| p.step == PairingStep::CameraJoins).await;
    // The end of the app waits until the network is back.
    pairings.end().await;
    assert_eq!(stage.phone_is_on().await.as_deref(), Some(HOME));
}
