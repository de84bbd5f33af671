//! A camera is set up by a viewer over its simulated hotspot, at a real hub: MQTT over TLS, registration, owner.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "setup/rig.rs"]
mod rig;

use std::time::Instant;

use firmware::data::DataDir;
use hub::Device;
use p2p::Request;
use provision::viewer::Event;
use rig::{
    HOME, PASSWORD, Phone, World, ask_token, hand_over, is_served, open, status, try_in_vain, until,
};
use wire::hub::Pin;
use wire::soft_ap::{Cause, DEFAULT_REGION, Join, State, TokenOnly};
use wire::token::Token;

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_is_paired_watched_and_unbound() {
    let (world, phone) = (World::new().await, Phone::new().await);
    let camera = world.camera(|_| {}).await;
    let at = open(&camera).await;
    assert_eq!(camera.setup().unwrap().status().borrow().light, "fast");
    let token = world.token(&phone.key).await;
    let events = hand_over(at, world.join(&token)).await;
    let Some(Event::DeviceReplied(reply)) = events.first() else {
        panic!("{events:?}")
    };
    assert_eq!(reply.camera, Some(camera.id()));
    let device = Device::new(
        reply.device.product_id.as_str(),
        reply.device.device_name.as_str(),
    );
    let bound = world.bind(&token).await;
    assert_eq!(Ok(&bound.device), device.as_ref());
    assert_eq!(bound.camera, Some(camera.id()));
    let done = status(&camera, "an owner", |status| {
        status.bound && status.at_hub && status.open.is_none()
    })
    .await;
    assert_eq!((done.light, done.phase), ("on", "online"));
    assert_eq!(done.network.as_deref(), Some(HOME));
    let session = phone.session(&camera);
    assert!(is_served(&session).await);
    let desk = world.hub.desk();
    until("the address at the hub", || async {
        let devices = desk.devices().await.unwrap();
        let info = devices[0].xp2p_info.clone();
        devices[0].online && info.is_some_and(|info| info.starts_with("XP2P"))
    })
    .await;
    until("the hub's clock", || async {
        camera
            .setup()
            .unwrap()
            .status()
            .borrow()
            .clock_off_ms
            .is_some()
    })
    .await;
    // What the hub takes away is gone at once, the running connection too.
    desk.unbind(&bound.device).await.unwrap();
    let told = Instant::now();
    status(&camera, "no owner", |status| !status.bound).await;
    until("the connection closed", || async {
        !is_served(&session).await
    })
    .await;
    println!("unbound after {:?}", told.elapsed());
    assert!(!is_served(&phone.session(&camera)).await);
    // It belongs to nobody: open for the next one.
    open(&camera).await;
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_its_owner_removes_is_open_for_the_next_one() {
    let (world, phone) = (World::new().await, Phone::new().await);
    let camera = world.camera(|_| {}).await;
    let token = world.token(&phone.key).await;
    hand_over(open(&camera).await, world.join(&token)).await;
    world.bind(&token).await;
    status(&camera, "an owner", |status| {
        status.bound && status.open.is_none()
    })
    .await;
    let forget =
        "/ipc.p2p.com/command?action=user_define&channel=0&cmd=%7B%22topic%22%3A%22forget_me%22%7D";
    let session = phone.session(&camera);
    let reply = session.request(Request::get(forget)).await.unwrap();
    assert_eq!(reply.status, 200);
    let free = status(&camera, "no owner", |status| !status.bound).await;
    assert_eq!(free.phase, "online");
    // Nobody's, by the light too: open as a new camera is.
    open(&camera).await;
    status(&camera, "the light", |status| status.light == "fast").await;
    assert!(!is_served(&phone.session(&camera)).await);
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_is_told_and_the_camera_can_be_tried_again() {
    let (world, phone) = (World::new().await, Phone::new().await);
    let camera = world.camera(|_| {}).await;
    let token = world.token(&phone.key).await;
    let good = world.join(&token);
    let change = |change: &dyn Fn(&mut Join)| {
        let mut join = good.clone();
        change(&mut join);
        join
    };
    let network = |ssid: &str, passphrase: Option<&str>| {
        let (ssid, passphrase) = (ssid.to_owned(), passphrase.map(str::to_owned));
        change(&move |join| {
            join.ssid = ssid.parse().unwrap();
            join.passphrase = passphrase.as_ref().map(|text| text.parse().unwrap());
        })
    };
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = nobody.local_addr().unwrap().port();
    drop(nobody);
    let attempts = [
        (
            network(HOME, Some("not the password")),
            Cause::WrongPassword,
        ),
        (network("Nowhere", Some(PASSWORD)), Cause::NetworkNotFound),
        (network("Dead", None), Cause::NoLease),
        (
            change(&|join| {
                let hub = join.hub.as_mut().unwrap();
                (hub.http_port, hub.mqtt_port) = (closed, closed);
            }),
            Cause::HubUnreachable,
        ),
        (
            change(&|join| join.hub.as_mut().unwrap().pin = Pin([9; 32])),
            Cause::HubNotTrusted,
        ),
        (
            change(&|join| join.token = Token::from_bytes([9; 16])),
            Cause::TokenRefused(401),
        ),
        (change(&|join| join.hub = None), Cause::HubUnreachable),
    ];
    for (join, expected) in attempts {
        let started = Instant::now();
        try_in_vain(&camera, join, expected).await;
        println!("{} told after {:?}", expected.name(), started.elapsed());
    }
    // The log of all that, for whoever is on the hotspot: without a secret.
    let log_at = camera.setup().unwrap().status().borrow().log.unwrap();
    let bind = "127.0.0.1:0".parse().unwrap();
    let log = provision::driver::fetch_log(bind, log_at).await.unwrap();
    assert!(log.contains("setup: failed"), "{log}");
    for secret in ["not the password", PASSWORD, token.as_str()] {
        assert!(!log.contains(secret), "{log}");
    }
    // Nothing of it has stuck.
    hand_over(open(&camera).await, good).await;
    let bound = world.bind(&token).await;
    status(&camera, "an owner", |status| status.bound).await;
    assert_eq!(bound.camera, Some(camera.id()));
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paired_camera_comes_back_by_itself_and_hears_what_it_missed() {
    let (mut world, phone) = (World::new().await, Phone::new().await);
    let camera = world.camera(|_| {}).await;
    let token = world.token(&phone.key).await;
    hand_over(open(&camera).await, world.join(&token)).await;
    let bound = world.bind(&token).await;
    status(&camera, "an owner", |status| status.bound).await;
    camera.stop().await;
    // The router is away when the camera starts, and the hub as well.
    world.router(false);
    let place = world.stop_hub().await;
    let camera = world.camera(|_| {}).await;
    status(&camera, "away", |status| status.phase == "away").await;
    assert_eq!(camera.setup().unwrap().status().borrow().light, "slow");
    world.router(true);
    status(&camera, "online", |status| status.phase == "online").await;
    let session = phone.session(&camera);
    assert!(is_served(&session).await, "watching needs no hub");
    world.restart_hub(&place).await;
    status(&camera, "at its hub", |status| status.at_hub).await;
    // The router goes and comes while the camera runs.
    world.router(false);
    status(&camera, "lost", |status| status.phase == "away").await;
    world.router(true);
    status(&camera, "back", |status| {
        status.phase == "online" && status.at_hub
    })
    .await;
    camera.stop().await;
    // What its owner says while it is off counts when it is on.
    world.hub.desk().unbind(&bound.device).await.unwrap();
    let camera = world.camera(|_| {}).await;
    status(&camera, "no owner", |status| {
        !status.bound && status.phase == "open"
    })
    .await;
    assert!(!is_served(&phone.session(&camera)).await);
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_without_radio_needs_the_token_only() {
    let (world, phone) = (World::new().await, Phone::new().await);
    let camera = world
        .camera(|setup| {
            setup.radio = None;
            setup.ports = (0, 0);
        })
        .await;
    let mut at = open(&camera).await;
    at.set_ip([127, 0, 0, 1].into());
    let token = world.token(&phone.key).await;
    let request = TokenOnly {
        token: token.clone(),
        region: DEFAULT_REGION.into(),
        hub: Some(world.hub.address()),
    };
    let events = ask_token(at, request).await;
    assert!(events.contains(&Event::State(State::Bound)), "{events:?}");
    assert_eq!(events.last(), Some(&Event::Done));
    world.bind(&token).await;
    status(&camera, "an owner", |status| status.bound).await;
    assert!(is_served(&phone.session(&camera)).await);
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_shown_to_the_camera_pairs_it() {
    let (world, phone) = (World::new().await, Phone::new().await);
    // The text form names no hub: the camera knows one from its maker.
    let hub = world.hub.address();
    let camera = world.camera(|setup| setup.hub = Some(hub)).await;
    let token = world.token(&phone.key).await;
    let mut join = world.join(&token);
    join.ssid = "Secret".parse().unwrap();
    open(&camera).await;
    let setup = camera.setup().unwrap();
    let error = setup.scanned("https://example.org/").unwrap_err();
    assert!(error.to_string().contains("show the code"), "{error}");
    setup.scanned(&wire::qr::to_text(&join).unwrap()).unwrap();
    world.bind(&token).await;
    status(&camera, "an owner", |status| status.bound).await;
    camera.stop().await;
    // At the start, in the JSON form, which names the hub; and the former owner is out when the keys are gone.
    let dir = DataDir::open(&world.data()).unwrap();
    let label = || std::fs::read_to_string(world.data().join("hotspot.json")).unwrap();
    let before = label();
    firmware::reset::erase(&dir).unwrap();
    let other = Phone::new().await;
    let token = world.token(&other.key).await;
    let code = wire::qr::to_json(&world.join(&token));
    let camera = world.camera(|setup| setup.scan = Some(code)).await;
    world.bind(&token).await;
    status(&camera, "an owner", |status| status.bound).await;
    assert!(is_served(&other.session(&camera)).await);
    assert!(!is_served(&phone.session(&camera)).await);
    assert_eq!(label(), before, "the label stays true");
    camera.stop().await;
}

/// The whole way of light: what the viewer shows stands before the lens, is found in the sensor's pictures, and pairs.
#[cfg(feature = "ffmpeg")]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_before_the_lens_is_read_from_the_pictures_and_pairs() {
    let (world, phone) = (World::new().await, Phone::new().await);
    let easel = firmware::board::sim::easel::Easel::default();
    let camera = world.camera_before(&easel).await;
    open(&camera).await;
    // A code with a wrong password first, then what any camera sees on a door.
    let spoilt = world.token(&phone.key).await;
    let mut join = world.join(&spoilt);
    join.passphrase = Some("not the password".parse().unwrap());
    easel.show(&wire::qr::to_json(&join)).unwrap();
    let told = status(&camera, "the cause", |status| {
        status.phase == "open" && status.cause == Some("wrong_password")
    })
    .await;
    assert_eq!(told.light, "error");
    easel.show("WIFI:T:WPA;S:Guests;P:welcome-in;;").unwrap();
    let token = world.token(&phone.key).await;
    let started = Instant::now();
    easel.show(&wire::qr::to_json(&world.join(&token))).unwrap();
    status(&camera, "read", |status| {
        matches!(status.phase, "joining" | "enrolling" | "online")
    })
    .await;
    println!("read after {:?}", started.elapsed());
    let bound = world.bind(&token).await;
    assert_eq!(bound.camera, Some(camera.id()));
    status(&camera, "an owner", |status| status.bound).await;
    assert!(is_served(&phone.session(&camera)).await);
    // Looking for codes has encoded nothing.
    let lanes = camera.stats().lanes;
    assert!(
        lanes.iter().all(|lane| lane.encoder.pictures == 0),
        "{lanes:?}"
    );
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_opens_an_owned_camera_and_its_owner_stays() {
    let (world, phone) = (World::new().await, Phone::new().await);
    let camera = world.camera(|setup| setup.open = false).await;
    status(&camera, "resting", |status| status.phase == "resting").await;
    camera.setup().unwrap().press();
    let token = world.token(&phone.key).await;
    hand_over(open(&camera).await, world.join(&token)).await;
    world.bind(&token).await;
    status(&camera, "an owner", |status| {
        status.bound && status.open.is_none()
    })
    .await;
    camera.setup().unwrap().press();
    // Somebody tries, and fails: the camera goes back to where it was.
    let mut join = world.join(&Token::from_bytes([9; 16]));
    join.passphrase = Some("not the password".parse().unwrap());
    try_in_vain(&camera, join, Cause::WrongPassword).await;
    camera.setup().unwrap().press();
    status(&camera, "home", |status| {
        status.phase == "online" && status.at_hub
    })
    .await;
    assert!(is_served(&phone.session(&camera)).await);
    camera.stop().await;
}
