//! Who comes in.

use hub::broker::{Broker, Event, Presence};
use rumqttc::QoS;
use rumqttc::mqttbytes::v4::LastWill;

use crate::raw::{Raw, login};
use crate::support::{PRODUCT, Running, device, down, up, within};

/// CONNACK: identifier rejected, unavailable, bad user name or password, not authorized.
const IDENTIFIER: u8 = 2;
const UNAVAILABLE: u8 = 3;
const CREDENTIALS: u8 = 4;
const NOT_AUTHORIZED: u8 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_comes_in_with_its_own_name_and_secret() {
    let mut running = Running::plain().await;
    let _device = running.device("cam_01").await;
    let Event::Presence(Presence {
        device: who,
        online,
        peer,
    }) = running.next().await
    else {
        panic!("presence first");
    };
    assert_eq!((who, online), (device("cam_01"), true));
    assert!(peer.unwrap().is_loopback());
    assert_eq!(running.broker.connected(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_not_in_order_is_refused_with_its_code() {
    let running = Running::plain().await;
    let other = format!("{PRODUCT}cam_02;12010126;a1B2c;4102444800");
    let expired = format!("{PRODUCT}cam_01;12010126;a1B2c;1600000000");
    let with = |username: &str, password: &str| {
        let mut connect = login("cam_01");
        connect.set_login(username, password);
        connect
    };
    let mut anonymous = login("cam_01");
    anonymous.login = None;
    let mut stranger = login("cam_01");
    stranger.client_id = "someone else".into();
    let mut forever = login("cam_01");
    forever.keep_alive = 0;
    let mut endless = login("cam_01");
    endless.client_id = format!("{PRODUCT}{}", "x".repeat(100));
    for (what, connect, code) in [
        (
            "wrong password",
            with(&format!("{PRODUCT}cam_01;1;a;4102444800"), "guess"),
            CREDENTIALS,
        ),
        (
            "another device's user name",
            with(&other, "secret-of-cam_01"),
            CREDENTIALS,
        ),
        (
            "another device's whole login",
            with(&other, "secret-of-cam_02"),
            CREDENTIALS,
        ),
        (
            "an expired login",
            with(&expired, "secret-of-cam_01"),
            CREDENTIALS,
        ),
        ("no fields", with("admin", "admin"), CREDENTIALS),
        ("a client id that is no device", stranger, CREDENTIALS),
        (
            "rules that let in somebody else",
            login("mixed"),
            CREDENTIALS,
        ),
        ("no user name at all", anonymous, CREDENTIALS),
        ("a barred device", login("barred"), NOT_AUTHORIZED),
        ("keep-alive 0", forever, UNAVAILABLE),
        ("a client id without end", endless, IDENTIFIER),
    ] {
        let mut raw = Raw::connect(running.address()).await;
        assert_eq!(raw.login(connect).await, Some(code), "{what}");
        raw.closed().await;
    }
    assert_eq!(running.broker.connected(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_do_not_answer_do_not_keep_a_device_waiting() {
    let running = Running::plain().await;
    let mut raw = Raw::connect(running.address()).await;
    assert_eq!(raw.login(login("slow")).await, Some(NOT_AUTHORIZED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_will_for_somebody_elses_topic_is_refused() {
    let running = Running::plain().await;
    let mut victim = running.device("cam_02").await;
    assert!(victim.subscribe(&down("cam_02")).await);
    for topic in [
        down("cam_02"),
        up("cam_02"),
        down("cam_01"),
        "$SYS/x".into(),
        "x".into(),
    ] {
        let mut connect = login("cam_01");
        connect.last_will = Some(LastWill::new(topic.clone(), "boo", QoS::AtLeastOnce, false));
        let mut raw = Raw::connect(running.address()).await;
        assert_eq!(raw.login(connect).await, Some(NOT_AUTHORIZED), "{topic}");
        drop(raw);
    }
    // Nothing of it arrives: the first thing the victim reads is the answer to its ping.
    assert!(victim.is_alive().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_will_for_its_own_topic_is_heard_when_a_device_is_lost() {
    let mut running = Running::plain().await;
    let mut connect = login("cam_01");
    connect.last_will = Some(LastWill::new(up("cam_01"), "lost", QoS::AtLeastOnce, false));
    let mut raw = Raw::connect(running.address()).await;
    assert_eq!(raw.login(connect).await, Some(0));
    drop(raw);
    let heard = running.up().await;
    assert_eq!(
        (heard.device, &heard.payload[..]),
        (device("cam_01"), &b"lost"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_device_again_takes_over() {
    let mut running = Running::plain().await;
    let mut first = running.device("cam_01").await;
    let mut second = running.device("cam_01").await;
    first.closed().await;
    assert!(second.is_alive().await);
    // That the first one went may be told in between or not at all, but never last.
    running.presence("cam_01", true).await;
    running.presence("cam_01", true).await;
    let last = tokio::time::timeout(std::time::Duration::from_secs(2), running.events.recv());
    assert!(last.await.is_err(), "nothing more is told");
    assert_eq!(running.broker.connected(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_devices_come_in() {
    let running = Running::with(|config| config.devices = 1).await;
    let _first = running.device("cam_01").await;
    let mut second = Raw::connect(running.address()).await;
    assert_eq!(second.login(login("cam_02")).await, Some(UNAVAILABLE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_hangs_up_during_its_login_does_not_stay_online() {
    let mut running = Running::plain().await;
    for ordinal in 0..50 {
        let raw = Raw::connect(running.address()).await;
        raw.hang_up_after(login(&format!("cam_{ordinal}"))).await;
    }
    let _last = running.device("cam_last").await;
    let mut online = std::collections::BTreeMap::new();
    let all_gone = async {
        loop {
            if let Event::Presence(presence) = running.next().await {
                online.insert(presence.device, presence.online);
            }
            let left: Vec<_> = online.iter().filter(|(_, online)| **online).collect();
            if left.len() == 1 && online.get(&device("cam_last")) == Some(&true) {
                return;
            }
        }
    };
    within(all_gone).await;
    let one = async {
        while running.broker.connected() != 1 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within(one).await;
}
