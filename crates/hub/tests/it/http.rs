//! The owners' API as the documents write it, and the pages for supervisors.

use std::time::Duration;

use hub::client::{Client, Invitation};
use hub::{Desk, Error, Refusal};
use serde_json::{Value, json};
use wire::hub::Pin;
use wire::thing::{Answer, Body};

use crate::support::{Camera, Rig, get, post, reported, soon, until, viewer};

const PATH: &str = "/api/exploreropen/tokenapi";

async fn call(rig: &Rig, access: &str, action: &str, fields: Value) -> Value {
    let mut request = json!({"Action": action, "RequestId": "f92406b3", "AccessToken": access});
    let fields = fields.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(fields);
    let (status, body) = post(&rig.address(), PATH, &[], request.to_string()).await;
    assert_eq!(status, 200);
    serde_json::from_slice(&body).unwrap()
}

fn code(answer: &Value) -> &str {
    answer["Response"]["Error"]["Code"]
        .as_str()
        .unwrap_or("none")
}

#[tokio::test]
async fn an_app_of_the_documents_pairs_by_their_calls_alone() {
    let rig = Rig::start().await;
    let (_, invitation) = rig.owner("ann").await;
    let access = invitation.access.as_str();
    let fields =
        json!({"ViewerKey": viewer(1).key.to_string(), "IotAppID": "x", "ClientIp": "::1"});
    let answer = call(&rig, access, "AppCreateDeviceBindToken", fields).await;
    let data = &answer["Response"]["Data"];
    assert_eq!(data["RequestId"], "f92406b3");
    let token = data["Token"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 32);

    let state = json!({"Token": token});
    let answer = call(&rig, access, "AppGetDeviceBindTokenState", state.clone()).await;
    assert_eq!(answer["Response"]["Data"]["State"], 1);
    let bind = json!({
        "Token": token, "ProductId": "PORTHOLE01", "DeviceName": "cam_a", "FamilyId": "default", "RoomId": "0",
    });
    let early = call(&rig, access, "AppTokenBindDeviceFamily", bind.clone()).await;
    assert_eq!(code(&early), "InvalidParameterValue.TokenNotBind");

    let camera = Camera::register(&rig.address(), "cam_a", &token.parse().unwrap()).await;
    let mut online = camera.connect().await;
    assert_eq!(online.report_token(&token.parse().unwrap()).await, 0);
    let answer = call(&rig, access, "AppGetDeviceBindTokenState", state).await;
    let data = &answer["Response"]["Data"];
    assert_eq!(data["State"], 2);
    assert_eq!(
        (&data["ProductId"], &data["DeviceName"]),
        (&json!("PORTHOLE01"), &json!("cam_a"))
    );

    let mut foreign = bind.clone();
    foreign["FamilyId"] = json!("f1");
    let answer = call(&rig, access, "AppTokenBindDeviceFamily", foreign).await;
    assert_eq!(code(&answer), "ResourceNotFound.StudioFamilyNotExist");
    let mut other = bind.clone();
    other["DeviceName"] = json!("cam_b");
    let answer = call(&rig, access, "AppTokenBindDeviceFamily", other).await;
    assert_ne!(code(&answer), "none");

    let taker = async {
        let message = online
            .hear_one(|body| matches!(body, Body::BindDevice(_)))
            .await;
        let answer = Body::BindDeviceReply(Answer::ok());
        online.say(&message.client_token, answer).await;
    };
    let (answer, ()) = tokio::join!(call(&rig, access, "AppTokenBindDeviceFamily", bind), taker);
    assert_eq!(answer["Response"]["Data"]["Confirmed"], true);

    let ids = json!({"DeviceIds": ["PORTHOLE01/cam_a", "PORTHOLE01/none", "x"]});
    let answer = call(&rig, access, "AppGetDeviceStatuses", ids).await;
    let statuses = json!([{"DeviceId": "PORTHOLE01/cam_a", "Online": 1}]);
    assert_eq!(answer["Response"]["Data"]["DeviceStatuses"], statuses);

    let params = wire::Json::parse(r#"{"power_switch":1}"#).unwrap();
    online
        .say(
            "r",
            Body::Report {
                timestamp: None,
                params,
            },
        )
        .await;
    online
        .hear_one(|body| matches!(body, Body::ReportReply(_)))
        .await;
    let id = json!({"DeviceId": "PORTHOLE01/cam_a"});
    let answer = call(&rig, access, "AppGetDeviceData", id).await;
    let data = answer["Response"]["Data"]["Data"].as_str().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["power_switch"]["Value"], 1);
    assert!(data["power_switch"]["LastUpdate"].as_i64().unwrap() > 1_600_000_000_000);

    let names = json!({"ProductId": "PORTHOLE01", "DeviceName": "cam_a"});
    let mut control = names.clone();
    control["Data"] = json!(r#"{"power_switch":0}"#);
    let answer = call(&rig, access, "AppControlDeviceData", control.clone()).await;
    assert_eq!(code(&answer), "none");
    let message = online
        .hear_one(|body| matches!(body, Body::Control { .. }))
        .await;
    let params = wire::Json::parse(r#"{"power_switch":0}"#).unwrap();
    assert_eq!(message.body, Body::Control { params });
    control["Data"] = json!("[1]");
    let answer = call(&rig, access, "AppControlDeviceData", control.clone()).await;
    assert_eq!(code(&answer), "InvalidParameterValue");

    let page = json!({"Offset": "0", "Limit": 20});
    let answer = call(&rig, access, "AppGetFamilyDeviceList", page).await;
    assert_eq!(
        answer["Response"]["Data"]["DeviceList"][0]["DeviceId"],
        "PORTHOLE01/cam_a"
    );
    let beyond = json!({"Offset": 1});
    let answer = call(&rig, access, "AppGetFamilyDeviceList", beyond).await;
    assert_eq!(answer["Response"]["Data"]["DeviceList"], json!([]));

    online.vanish().await;
    let away = || async {
        let answer = call(
            &rig,
            access,
            "AppControlDeviceData",
            json!({
                "ProductId": "PORTHOLE01", "DeviceName": "cam_a", "Data": "{}",
            }),
        )
        .await;
        code(&answer) == "FailedOperation.DeviceOffline"
    };
    until("offline", away).await;
    let answer = call(&rig, access, "AppDeleteDeviceInFamily", names.clone()).await;
    assert_eq!(code(&answer), "none");
    let answer = call(&rig, access, "AppDeleteDeviceInFamily", names).await;
    assert_eq!(code(&answer), "ResourceNotFound.DeviceNotExist");
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_call_without_a_good_access_token_says_nothing_and_guessing_is_stopped() {
    let rig = Rig::with(|config| config.limits.wrong_per_minute = 3).await;
    let (_, invitation) = rig.owner("ann").await;
    for access in ["", "0123456789abcdef", "home"] {
        let answer = call(&rig, access, "AppGetFamilyDeviceList", json!({})).await;
        assert_eq!(code(&answer), "InvalidParameterValue.InvalidAccessToken");
        assert_eq!(answer["Response"]["RequestId"], "f92406b3");
    }
    let good = invitation.access.as_str();
    let answer = call(&rig, good, "AppGetFamilyDeviceList", json!({})).await;
    assert_eq!(code(&answer), "RequestLimitExceeded");
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_locked_owner_is_out_and_a_new_token_ends_the_old_one() {
    let rig = Rig::start().await;
    let (old, _) = rig.owner("ann").await;
    assert!(old.devices().await.unwrap().is_empty());
    let (new, _) = rig.owner("ann").await;
    let refused = |error: Error| assert_eq!(error.refusal(), Some(Refusal::InvalidAccessToken));
    refused(old.devices().await.unwrap_err());
    assert!(new.devices().await.unwrap().is_empty());
    let keeper = hub::Keeper::open(&rig.config).await.unwrap();
    assert!(keeper.lock_owner("ann").await.unwrap());
    refused(new.devices().await.unwrap_err());
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_client_talks_to_the_pinned_key_only() {
    let rig = Rig::start().await;
    let (_, invitation) = rig.owner("ann").await;
    let mut wrong = invitation.clone();
    wrong.hub.pin = Pin([9; 32]);
    let error = Client::new(wrong).unwrap().devices().await.unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error}");
    let text = invitation.to_text();
    let client = Client::new(text.parse::<Invitation>().unwrap()).unwrap();
    assert!(client.devices().await.unwrap().is_empty());
    assert_eq!(client.address().await.unwrap(), rig.address());
    rig.hub.stop().await;
    let error = client.devices().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains(invitation.access.as_str()));
}

#[tokio::test]
async fn many_cameras_are_listed_page_by_page() {
    let rig = Rig::start().await;
    let (ann, _) = rig.owner("ann").await;
    // One more than a page.
    for number in 0..21 {
        let name = format!("cam_{number:03}");
        let token = ann.create_token(&viewer(1)).await.unwrap().token;
        let camera = Camera::register(&rig.address(), &name, &token).await;
        let mut online = camera.connect().await;
        assert_eq!(online.report_token(&token).await, 0);
        // This camera does not confirm, which is not waited for.
        let wait = Duration::from_millis(300);
        let _ = tokio::time::timeout(wait, ann.bind(&token)).await;
    }
    let all_bound = async || ann.devices().await.unwrap().len() == 21;
    until("all bound", all_bound).await;
    let mut names = ann.devices().await.unwrap();
    names.dedup_by_key(|state| state.device.clone());
    assert_eq!(names.len(), 21);
    rig.hub.stop().await;
}

#[tokio::test]
async fn health_and_figures_are_there_for_a_supervisor() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (_online, token) = reported(&rig, &desk, "cam_a", 1).await;
    desk.bind(&token).await.unwrap();
    let (status, text) = get(&rig.address(), "/health").await;
    assert_eq!(status, 200);
    let health: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(health["status"], "ok");
    assert!(
        health["time"]
            .as_u64()
            .unwrap()
            .abs_diff(crate::support::unix_seconds())
            < 60
    );
    let (_, page) = get(&rig.address(), "/metrics").await;
    for line in [
        "porthole_hub_devices 1",
        "porthole_hub_devices_bound 1",
        "porthole_hub_devices_online 1",
        "porthole_hub_connections 1",
        "porthole_hub_logins_total 1",
        "porthole_hub_registrations_total 1",
        "porthole_hub_token_reports_total 1",
    ] {
        assert!(
            page.contains(&format!("\n{line}\n")),
            "{line} is not in\n{page}"
        );
    }
    assert!(!page.contains("cam_a") && !page.contains(token.as_str()));
    let (status, _) = soon("an answer", get(&rig.address(), "/nothing")).await;
    assert_eq!(status, 404);
    rig.hub.stop().await;
}

#[tokio::test]
async fn cameras_and_apps_learn_where_the_relay_is() {
    let rig = Rig::start().await;
    assert_eq!(rig.hub.relay(), None);
    assert_eq!(get(&rig.address(), "/relay").await.0, 404);
    rig.hub.stop().await;
    let any = "127.0.0.1:0".parse().unwrap();
    let rig = Rig::with(|config| {
        config.relay = Some(hub::config::Relay {
            https: any,
            quic: any,
        });
    })
    .await;
    let relay = rig.hub.relay().unwrap();
    let (status, text) = get(&rig.address(), "/relay").await;
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 200);
    assert_eq!(page["url"], relay.url.as_str());
    assert_eq!(page["quic"], relay.quic_port);
    assert!(
        page["ca"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE")
    );
    let port = relay.url.rsplit_once(':').unwrap().1.parse().unwrap();
    let open = async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_ok()
    };
    assert!(open().await);
    rig.hub.stop().await;
    assert!(!open().await);
}
