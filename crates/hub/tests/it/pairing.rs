//! A token's life: made, reported, bound; handed over, confirmed, revoked.

use std::time::Duration;

use hub::config::Limits;
use hub::{Desk, HubEvent, Refusal, TokenState};
use wire::id::PeerId;
use wire::thing::{Answer, Body, code};
use wire::token::Token;

use crate::support::{Camera, Online, Rig, device, reported, soon, until, viewer};

/// Takes the viewer key that the hub hands over and says so.
async fn confirm_bind(online: &mut Online) -> wire::thing::Bind {
    let is_bind = |body: &Body| matches!(body, Body::BindDevice(_));
    let message = online.hear_one(is_bind).await;
    online
        .say(&message.client_token, Body::BindDeviceReply(Answer::ok()))
        .await;
    let Body::BindDevice(bind) = message.body else {
        panic!("not a binding");
    };
    bind
}

async fn confirm_unbind(online: &mut Online) -> PeerId {
    let is_unbind = |body: &Body| matches!(body, Body::UnbindDevice { .. });
    let message = online.hear_one(is_unbind).await;
    online
        .say(&message.client_token, Body::UnbindDeviceReply(Answer::ok()))
        .await;
    let Body::UnbindDevice { viewer, .. } = message.body else {
        panic!("not an unbinding");
    };
    viewer.unwrap()
}

#[tokio::test]
async fn a_camera_fresh_from_its_box_is_paired_watched_and_removed() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let mut events = rig.hub.events();
    let (mut online, token) = reported(&rig, &desk, "cam_a", 1).await;
    loop {
        let event = soon("an event", events.recv()).await.unwrap();
        if let HubEvent::TokenReported {
            token: told,
            device,
        } = event
        {
            assert_eq!(
                (told, device),
                (token.clone(), online.camera.device.clone())
            );
            break;
        }
    }

    let params = wire::Json::parse(r#"{"_sys_xp2p_info":"XP2PAQIDBA==%0.1.0"}"#).unwrap();
    online
        .say(
            "r1",
            Body::Report {
                timestamp: None,
                params,
            },
        )
        .await;
    let answer = online.hear().await;
    assert_eq!(answer.body, Body::ReportReply(Answer::ok()));

    let binding = desk.bind(&token);
    let (bound, bind) = tokio::join!(binding, confirm_bind(&mut online));
    let bound = bound.unwrap();
    assert_eq!(bind.viewer, Some(viewer(1).key));
    assert_eq!(bind.name.as_deref(), Some("viewer 1"));
    assert!(bound.confirmed);
    assert_eq!(bound.device, device("cam_a"));
    assert_eq!(bound.camera, Some(online.camera.key));
    assert_eq!(bound.xp2p_info.as_deref(), Some("XP2PAQIDBA==%0.1.0"));
    assert_eq!(desk.bind(&token).await.unwrap(), bound, "asked again");
    assert_eq!(
        desk.token_state(&token).await.unwrap(),
        TokenState::Bound(device("cam_a"))
    );
    let state = desk.devices().await.unwrap().remove(0);
    assert!(state.online && state.confirmed);

    online
        .say("q", Body::BindDeviceQuery { timestamp: 0 })
        .await;
    let answer = online.hear().await;
    assert_eq!(answer.body, Body::BindDeviceQueryReply(Answer::ok()));

    let since = std::time::Instant::now();
    desk.unbind(&device("cam_a")).await.unwrap();
    assert_eq!(confirm_unbind(&mut online).await, viewer(1).key);
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "{:?}",
        since.elapsed()
    );
    assert!(desk.devices().await.unwrap().is_empty());
    online
        .say("q", Body::BindDeviceQuery { timestamp: 0 })
        .await;
    let answer = online
        .hear_one(|body| matches!(body, Body::BindDeviceQueryReply(_)))
        .await;
    assert!(matches!(answer.body, Body::BindDeviceQueryReply(answer) if answer.code != 0));
    assert_eq!(
        desk.unbind(&device("cam_a")).await.unwrap_err().refusal(),
        Some(Refusal::DeviceNotExist)
    );
    rig.hub.stop().await;
}

#[tokio::test]
async fn what_a_camera_missed_it_is_told_at_its_next_login() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (online, token) = reported(&rig, &desk, "cam_a", 1).await;
    let camera = online.camera.clone();
    online.vanish().await;
    let bound = desk.bind(&token).await.unwrap();
    assert!(!bound.confirmed);

    let mut online = camera.connect().await;
    assert_eq!(confirm_bind(&mut online).await.viewer, Some(viewer(1).key));
    let is_confirmed = async || desk.devices().await.unwrap()[0].confirmed;
    until("confirmed", is_confirmed).await;
    online.vanish().await;
    let is_offline = async || !desk.devices().await.unwrap()[0].online;
    until("offline", is_offline).await;

    desk.unbind(&device("cam_a")).await.unwrap();
    let mut online = camera.connect().await;
    assert_eq!(confirm_unbind(&mut online).await, viewer(1).key);
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_binding_is_handed_over_again_until_the_camera_confirms() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (mut online, token) = reported(&rig, &desk, "cam_a", 1).await;
    desk.bind(&token).await.unwrap();
    for _ in 0..2 {
        let is_bind = |body: &Body| matches!(body, Body::BindDevice(_));
        online.hear_one(is_bind).await;
        // Confirmations that are not this one's change nothing.
        online
            .say("0-00", Body::BindDeviceReply(Answer::ok()))
            .await;
        online.say("", Body::BindDeviceReply(Answer::ok())).await;
    }
    assert!(!desk.devices().await.unwrap()[0].confirmed);
    confirm_bind(&mut online).await;
    until("confirmed", async || {
        desk.devices().await.unwrap()[0].confirmed
    })
    .await;
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_token_expires_and_says_so_to_both() {
    let rig = Rig::with(|config| {
        config.limits = Limits {
            token_seconds: 1,
            ..config.limits.clone()
        }
    })
    .await;
    let desk = rig.hub.desk();
    let token = desk.create_token(&viewer(1)).await.unwrap().token;
    let camera = Camera::register(&rig.address(), "cam_a", &token).await;
    let mut online = camera.connect().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(online.report_token(&token).await, code::EXPIRED);
    for error in [
        desk.token_state(&token).await.unwrap_err(),
        desk.bind(&token).await.unwrap_err(),
    ] {
        assert_eq!(error.refusal(), Some(Refusal::TokenIsExpire));
    }
    let nobody = Token::from_bytes([3; 16]);
    assert_eq!(online.report_token(&nobody).await, code::NOT_FOUND);
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_token_binds_one_camera() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (mut first, token) = reported(&rig, &desk, "cam_a", 1).await;
    let other = desk.create_token(&viewer(1)).await.unwrap().token;
    assert_eq!(
        desk.bind(&other).await.unwrap_err().refusal(),
        Some(Refusal::TokenNotBind)
    );
    let camera = Camera::register(&rig.address(), "cam_b", &other).await;
    let mut second = camera.connect().await;
    assert_eq!(second.report_token(&token).await, code::USED);
    assert_eq!(
        first.report_token(&token).await,
        code::OK,
        "the first may repeat itself"
    );
    rig.hub.stop().await;
}

#[tokio::test]
async fn tokens_are_not_to_be_guessed_and_not_to_be_had_without_end() {
    let rig = Rig::with(|config| {
        config.limits.wrong_per_minute = 3;
        config.limits.tokens_per_minute = 2;
    })
    .await;
    let desk = rig.hub.desk();
    let (mut online, _) = reported(&rig, &desk, "cam_a", 1).await;
    let good = desk.create_token(&viewer(1)).await.unwrap().token;
    for byte in 0..3 {
        let guess = Token::from_bytes([byte; 16]);
        assert_eq!(online.report_token(&guess).await, code::NOT_FOUND);
    }
    assert_eq!(online.report_token(&good).await, code::TOO_MANY);
    assert_eq!(
        desk.create_token(&viewer(1)).await.unwrap_err().refusal(),
        Some(Refusal::TooMany)
    );
    rig.hub.stop().await;
}

#[tokio::test]
async fn two_apps_have_each_their_own_cameras() {
    let rig = Rig::start().await;
    let (ann, _) = rig.owner("ann").await;
    let (bob, _) = rig.owner("bob").await;
    let token = ann.create_token(&viewer(1)).await.unwrap().token;
    let camera = Camera::register(&rig.address(), "cam_a", &token).await;
    let mut online = camera.connect().await;
    assert_eq!(online.report_token(&token).await, 0);
    // A token is worth nothing in another owner's hands.
    for error in [
        bob.token_state(&token).await.unwrap_err(),
        bob.bind(&token).await.unwrap_err(),
    ] {
        assert_eq!(error.refusal(), Some(Refusal::TokenNotExist));
    }
    let (bound, _) = tokio::join!(ann.bind(&token), confirm_bind(&mut online));
    assert!(bound.unwrap().confirmed);
    assert!(bob.devices().await.unwrap().is_empty());
    assert_eq!(ann.devices().await.unwrap().len(), 1);
    let theft = bob.unbind(&device("cam_a")).await.unwrap_err();
    assert_eq!(theft.refusal(), Some(Refusal::DeviceNotExist));

    let token = bob.create_token(&viewer(2)).await.unwrap().token;
    assert_eq!(online.report_token(&token).await, code::FORBIDDEN);
    assert_eq!(
        bob.token_state(&token).await.unwrap(),
        TokenState::Refused(device("cam_a"))
    );
    assert_eq!(
        bob.bind(&token).await.unwrap_err().refusal(),
        Some(Refusal::BoundToAnother)
    );

    // A second app of the same owner is one more key for the same camera.
    let token = ann.create_token(&viewer(3)).await.unwrap().token;
    assert_eq!(online.report_token(&token).await, 0);
    let (bound, bind) = tokio::join!(ann.bind(&token), confirm_bind(&mut online));
    assert!(bound.unwrap().confirmed);
    assert_eq!(bind.viewer, Some(viewer(3).key));

    ann.unbind(&device("cam_a")).await.unwrap();
    let mut revoked = [confirm_unbind(&mut online).await, PeerId([0; 32])];
    while revoked[1] == PeerId([0; 32]) {
        let next = confirm_unbind(&mut online).await;
        if next != revoked[0] {
            revoked[1] = next;
        }
    }
    revoked.sort();
    assert_eq!(revoked, [viewer(1).key, viewer(3).key]);
    let token = bob.create_token(&viewer(2)).await.unwrap().token;
    assert_eq!(
        online.report_token(&token).await,
        0,
        "free for the next owner"
    );
    rig.hub.stop().await;
}

#[tokio::test]
async fn an_owner_has_a_bounded_number_of_cameras() {
    let rig = Rig::with(|config| config.limits.devices_per_owner = 1).await;
    let desk = rig.hub.desk();
    let (_first, token) = reported(&rig, &desk, "cam_a", 1).await;
    let (_second, other) = reported(&rig, &desk, "cam_b", 1).await;
    desk.bind(&token).await.unwrap();
    assert_eq!(
        desk.bind(&other).await.unwrap_err().refusal(),
        Some(Refusal::TooManyDevices)
    );
    rig.hub.stop().await;
}
