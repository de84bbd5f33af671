//! A camera that reads a code, and one that is on the network already.

use super::stage::{Act, CAMERA, HOME, PASSWORD, Stage, by, ended, login, until};
use super::{fails_as, failure};
use crate::api::{FailureCode, Pairing, PairingState, PairingStep, PairingWay, Reply, WayKind};
use crate::pairing::Pairings;
use std::net::Ipv4Addr;
use std::time::Duration;
use wire::qr;
use wire::soft_ap::{Cause, Join, Request};

fn code() -> PairingWay {
    PairingWay::Code {
        network: login(HOME, PASSWORD),
    }
}

fn on_network(address: Option<&str>) -> PairingWay {
    PairingWay::OnNetwork {
        address: address.map(str::to_owned),
    }
}

fn steps(pairing: &Pairing) -> Vec<PairingStep> {
    pairing.steps.iter().map(|time| time.step).collect()
}

/// What the lens would read.
fn read(pairings: &Pairings) -> Join {
    match pairings.code().unwrap() {
        Reply::PairingCode { code, short } => {
            let join = qr::parse(code.text.expose()).unwrap();
            let short = qr::parse(short.unwrap().text.expose()).unwrap();
            assert_eq!((&short.token, short.hub), (&join.token, None));
            join
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_reads_the_code_is_paired_and_this_machine_stays_where_it_is() {
    let stage = Stage::with(&[], false).await;
    let (pairings, mut told) = stage.pairings();
    let none = pairings.code().unwrap_err().code;
    assert_eq!(none, FailureCode::NoPairingCode);
    let mut request = by(code());
    request.name = None;
    pairings.start(request).unwrap();
    let shown = until(&mut told, |p| p.step == PairingStep::ShowCode).await;
    assert_eq!((shown.way, shown.name), (WayKind::Code, None));
    let join = read(&pairings);
    assert_eq!(join.ssid.to_string(), HOME);
    assert_eq!(join.hub.unwrap().host, "192.168.1.20");
    // A person takes a while to get to the camera.
    tokio::time::sleep(Duration::from_secs(100)).await;
    *stage.desk.reported.lock().unwrap() = true;
    let pairing = ended(&mut told).await;
    assert_eq!(
        steps(&pairing),
        [
            PairingStep::Token,
            PairingStep::ShowCode,
            PairingStep::Bind,
            PairingStep::FirstPicture
        ]
    );
    assert_eq!(stage.phone_is_on().await.as_deref(), Some(HOME));
    assert!(stage.asked.lock().unwrap().is_empty(), "nothing is sent");
    let name = stage.saved.lock().unwrap()[0].name.clone();
    assert!(name.starts_with("Camera "), "{name}");
    let gone = pairings.code().unwrap_err().code;
    assert_eq!(gone, FailureCode::NoPairingCode);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_nobody_reads_ends_in_time_and_the_next_one_has_another_token() {
    let stage = Stage::with(&[], false).await;
    let (pairings, mut told) = stage.pairings();
    pairings.start(by(code())).unwrap();
    until(&mut told, |p| p.step == PairingStep::ShowCode).await;
    let first = read(&pairings);
    let pairing = ended(&mut told).await;
    assert_eq!(fails_as(&pairing), FailureCode::CodeNotRead);
    let network = login(HOME, "abcd1235");
    pairings.retry(None, Some(network)).unwrap();
    until(&mut told, |p| {
        p.step == PairingStep::ShowCode && matches!(p.state, PairingState::Running { .. })
    })
    .await;
    let second = read(&pairings);
    assert_ne!(first.token, second.token);
    assert_eq!(second.passphrase, Some("abcd1235".parse().unwrap()));
    pairings.stop();
    assert_eq!(ended(&mut told).await.state, PairingState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_camera_on_the_network_is_found_and_gets_the_token_alone() {
    let stage = Stage::with(&[Act::Stay(None)], false).await;
    *stage.on_lan.lock().unwrap() = Some(Duration::from_secs(2));
    *stage.deaf.lock().unwrap() = vec![Ipv4Addr::new(10, 9, 9, 9)];
    let (pairings, mut told) = stage.pairings();
    let mut request = by(on_network(None));
    request.camera = Some(CAMERA.to_string());
    pairings.start(request).unwrap();
    let pairing = ended(&mut told).await;
    let done = PairingState::Done {
        camera: "porch".into(),
    };
    assert_eq!(pairing.state, done);
    assert_eq!((pairing.way, pairing.network), (WayKind::OnNetwork, None));
    assert_eq!(
        pairing
            .steps
            .iter()
            .map(|time| time.step)
            .collect::<Vec<_>>(),
        [
            PairingStep::Token,
            PairingStep::FindCamera,
            PairingStep::SendCredentials,
            PairingStep::WaitForCamera,
            PairingStep::Bind,
            PairingStep::FirstPicture
        ]
    );
    let asked = stage.asked.lock().unwrap();
    let mut places: Vec<_> = asked
        .iter()
        .map(|(spot, request)| {
            assert!(matches!(request, Request::Token(token) if token.hub.is_some()));
            format!("{}:{}", spot.camera, spot.port)
        })
        .collect();
    places.sort();
    assert_eq!(places, ["10.9.9.9:8266", "192.168.1.30:8266"]);
}

#[tokio::test(start_paused = true)]
async fn a_camera_on_the_network_fails_in_its_own_ways() {
    let ends =
        async |acts: &[Act], lan: Option<Duration>, address: Option<&str>, camera: String| {
            let stage = Stage::with(acts, false).await;
            *stage.on_lan.lock().unwrap() = lan;
            let (pairings, mut told) = stage.pairings();
            let mut request = by(on_network(address));
            request.camera = Some(camera);
            pairings.start(request).unwrap();
            let pairing = ended(&mut told).await;
            (fails_as(&pairing), pairing.has_log)
        };
    let ours = || CAMERA.to_string();
    let at = Some("192.168.1.30");
    let soon = Some(Duration::from_secs(1));
    // Nobody of that key is there; nobody listens there; somebody else does.
    assert_eq!(
        ends(&[], None, None, ours()).await,
        (FailureCode::CameraNotFound, false)
    );
    assert_eq!(
        ends(&[Act::Silent, Act::Silent], soon, None, ours()).await,
        (FailureCode::CameraNotOpen, false)
    );
    assert_eq!(
        ends(&[Act::Stay(None)], None, at, "ab".repeat(32)).await,
        (FailureCode::CameraNotFound, false)
    );
    // It says why: at once, and after a while.
    assert_eq!(
        ends(&[Act::Tell(Cause::Busy)], None, at, ours()).await,
        (FailureCode::CameraSetupStopped, true)
    );
    assert_eq!(
        ends(
            &[Act::Stay(Some(Cause::TokenRefused(404)))],
            None,
            at,
            ours()
        )
        .await,
        (FailureCode::TokenRefused, true)
    );
    assert_eq!(
        ends(&[Act::Stay(Some(Cause::HubUnreachable))], None, at, ours()).await,
        (FailureCode::CameraNoHub, true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_camera_on_the_network_that_never_reports_does_not_reach_the_hub() {
    let stage = Stage::with(&[Act::Lost], false).await;
    let (pairings, mut told) = stage.pairings();
    pairings.start(by(on_network(Some("10.0.0.2:99")))).unwrap();
    let pairing = ended(&mut told).await;
    assert_eq!(fails_as(&pairing), FailureCode::CameraNoHub);
    assert_eq!(failure(&pairing).params["network"], "–");
    assert_eq!(stage.asked.lock().unwrap()[0].0.port, 99);
}
