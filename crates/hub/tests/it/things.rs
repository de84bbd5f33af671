//! The thing model's replies, xp2pInfo, presence and the clock.

use hub::HubEvent;
use rumqttc::QoS;
use serde_json::Value;
use wire::thing::{Answer, Body, EventKind, code};

use crate::support::{Rig, reported, soon, until};

fn json(text: &str) -> wire::Json {
    wire::Json::parse(text).unwrap()
}

fn report(text: &str) -> Body {
    Body::Report {
        timestamp: Some(1),
        params: json(text),
    }
}

#[tokio::test]
async fn every_message_that_wants_an_answer_gets_one() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (mut online, _) = reported(&rig, &desk, "cam_a", 1).await;
    online.say("1", report(r#"{"a":1,"b":{"c":"d"}}"#)).await;
    let answer = online.hear().await;
    assert_eq!(answer.client_token, "1");
    assert_eq!(answer.body, Body::ReportReply(Answer::ok()));
    online
        .say(
            "2",
            Body::ReportInfo {
                params: json(r#"{"module":"x"}"#),
            },
        )
        .await;
    assert_eq!(
        online.hear().await.body,
        Body::ReportInfoReply(Answer::ok())
    );
    online.say("3", Body::GetStatus { showmeta: false }).await;
    let expected = Body::GetStatusReply {
        answer: Answer::ok(),
        report: json(r#"{"a":1,"b":{"c":"d"},"module":"x"}"#),
    };
    assert_eq!(online.hear().await.body, expected);
    let mut events = rig.hub.events();
    let post = Body::EventPost {
        event_id: "motion".into(),
        kind: EventKind::Alert,
        timestamp: Some(2),
        params: json(r#"{"zone":3}"#),
    };
    online.say("4", post).await;
    assert_eq!(online.hear().await.body, Body::EventReply(Answer::ok()));
    let event = soon("an event", events.recv()).await.unwrap();
    assert_eq!(
        event,
        HubEvent::Event {
            device: online.camera.device.clone(),
            event_id: "motion".into(),
            params: r#"{"zone":3}"#.into(),
        }
    );
    rig.hub.stop().await;
}

#[tokio::test]
async fn what_cannot_be_kept_or_read_is_refused_with_a_code() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (mut online, _) = reported(&rig, &desk, "cam_a", 1).await;
    let long = format!(r#"{{"{}":1}}"#, "n".repeat(65));
    let big = format!(r#"{{"a":"{}"}}"#, "v".repeat(5000));
    let many: Vec<String> = (0..200).map(|i| format!(r#""p{i}":0"#)).collect();
    let many = format!("{{{}}}", many.join(","));
    let wrong = r#"{"_sys_xp2p_info":"here"}"#;
    let number = r#"{"_sys_xp2p_info":7}"#;
    for text in [long.as_str(), &big, &many, wrong, number] {
        online.say("x", report(text)).await;
        let Body::ReportReply(answer) = online.hear().await.body else {
            panic!("no report_reply");
        };
        assert_eq!(answer.code, code::BAD_VALUE, "{text:.40}");
    }
    let service = "$thing/up/service/PORTHOLE01/cam_a";
    let bad_token = r#"{"method":"app_bind_token","clientToken":"t","params":{"token":"short"}}"#;
    online.say_raw(service, bad_token).await;
    let answer = online.hear().await;
    assert_eq!(answer.client_token, "t");
    assert!(
        matches!(answer.body, Body::AppBindTokenReply(answer) if answer.code == code::BAD_REQUEST)
    );
    // Nothing of this is answered, and none of it does harm.
    let deep = "[".repeat(30_000);
    for payload in [
        "",
        "{",
        "null",
        "[]",
        "\u{0}",
        "{\"method\":7}",
        "{\"method\":\"bind_device\"}",
        deep.as_str(),
        r#"{"method":"control","params":{}}"#,
        r#"{"method":"no_such_method","clientToken":"x"}"#,
    ] {
        online.say_raw(service, payload).await;
        online
            .say_raw("$sys/operation/PORTHOLE01/cam_a", payload)
            .await;
    }
    online
        .say("still", Body::BindDeviceQuery { timestamp: 0 })
        .await;
    assert_eq!(online.hear().await.client_token, "still");
    rig.hub.stop().await;
}

#[tokio::test]
async fn xp2p_info_is_kept_current_and_told_once_a_change() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (mut online, token) = reported(&rig, &desk, "cam_a", 1).await;
    desk.bind(&token).await.unwrap();
    let mut events = rig.hub.events();
    let texts = ["XP2PAQ==%0.1", "XP2PAQ==%0.1", "XP2PAg==%0.1"];
    for text in texts {
        online
            .say("x", report(&format!(r#"{{"_sys_xp2p_info":"{text}"}}"#)))
            .await;
        online
            .hear_one(|body| matches!(body, Body::ReportReply(_)))
            .await;
    }
    let known = desk.devices().await.unwrap().remove(0).xp2p_info;
    assert_eq!(known.as_deref(), Some("XP2PAg==%0.1"));
    let mut told = Vec::new();
    while told.len() < 2 {
        if let HubEvent::Xp2pInfo { xp2p_info, .. } = soon("an event", events.recv()).await.unwrap()
        {
            told.push(xp2p_info);
        }
    }
    assert_eq!(told, ["XP2PAQ==%0.1", "XP2PAg==%0.1"]);
    rig.hub.stop().await;
}

#[tokio::test]
async fn presence_follows_the_connection() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (online, token) = reported(&rig, &desk, "cam_a", 1).await;
    desk.bind(&token).await.unwrap();
    assert!(desk.devices().await.unwrap()[0].online);
    let camera = online.camera.clone();
    online.vanish().await;
    until("offline", async || !desk.devices().await.unwrap()[0].online).await;
    // A take-over: the second login ends the first, and the camera stays online.
    let _first = camera.connect().await;
    let _second = camera.connect().await;
    until("online", async || desk.devices().await.unwrap()[0].online).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(desk.devices().await.unwrap()[0].online);
    rig.hub.stop().await;
}

#[tokio::test]
async fn the_hubs_clock_is_there_for_a_camera_without_one() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (mut online, _) = reported(&rig, &desk, "cam_a", 1).await;
    let filter = "$sys/operation/result/PORTHOLE01/cam_a";
    online
        .client
        .subscribe(filter, QoS::AtLeastOnce)
        .await
        .unwrap();
    let request = r#"{"type":"get","resource":["time"]}"#;
    online
        .say_raw("$sys/operation/PORTHOLE01/cam_a", request)
        .await;
    let (topic, payload) = soon("the time", online.messages.recv()).await.unwrap();
    assert_eq!(topic, filter);
    let answer: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(answer["type"], "get");
    let seconds = answer["time"].as_u64().unwrap();
    assert!(seconds.abs_diff(crate::support::unix_seconds()) < 60);
    let (one, two) = (
        answer["ntptime1"].as_u64().unwrap(),
        answer["ntptime2"].as_u64().unwrap(),
    );
    assert!(one / 1000 == seconds && one <= two);
    rig.hub.stop().await;
}
