//! Peers that mean harm, or are broken: the hub answers what is well formed and goes on.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Rig, device, get, post, reported, soon, tls, until, viewer};

const API: &str = "/api/exploreropen/tokenapi";

#[tokio::test]
async fn malformed_bodies_are_answered_in_the_documents_form() {
    let rig = Rig::start().await;
    let hub = rig.address();
    let deep = "[".repeat(60_000);
    let twice = r#"{"Action":"a","Action":"b"}"#;
    for body in [
        "",
        "{",
        "null",
        "[]",
        r#"["AppGetFamilyDeviceList","x"]"#,
        "7",
        "\"x\"",
        deep.as_str(),
        twice,
        r#"{"Action":{}}"#,
        "\u{0}\u{1}",
    ] {
        let (status, answer) = post(&hub, API, &[], body.to_owned()).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let code = answer["Response"]["Error"]["Code"].as_str().unwrap();
        assert_eq!((status, code), (200, "InvalidParameter"), "{body:.20}");
        for path in ["/register/dev", "/device/register"] {
            let (status, answer) = post(&hub, path, &[], body.to_owned()).await;
            assert_eq!(status, 200);
            let response = wire::register::Response::decode(&answer).unwrap();
            let is_refused = matches!(
                response,
                wire::register::Response::Refused { code: 400, .. }
            );
            assert!(is_refused, "{path} {body:.20}: {response:?}");
        }
    }
    let invalid = post(&hub, API, &[], b"{\"Action\":\"\xff\"}".to_vec()).await;
    assert_eq!(invalid.0, 200);
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let rig = Rig::start().await;
    let hub = rig.address();
    for path in [API, "/register/dev", "/device/register"] {
        let (status, _) = post(&hub, path, &[], vec![b'x'; 70_000]).await;
        assert_eq!(status, 413, "{path}");
    }
    // Without a length: chunks without end.
    let mut stream = tls(&hub).await;
    let head = format!("POST {API} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("4000\r\n{}\r\n", "y".repeat(0x4000));
    for _ in 0..100 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    let read = soon("an answer or an end", stream.read(&mut answer)).await;
    if let Ok(length) = read {
        assert!(
            length == 0 || answer.starts_with(b"HTTP/1.1 413"),
            "{answer:?}"
        );
    }
    assert_eq!(get(&hub, "/health").await.0, 200);
    rig.hub.stop().await;
}

#[tokio::test]
async fn heads_that_never_end_and_methods_that_do_not_fit_are_refused() {
    let rig = Rig::start().await;
    let hub = rig.address();
    assert_eq!(get(&hub, API).await.0, 405);
    let mut stream = tls(&hub).await;
    let line = format!("x: {}\r\n", "z".repeat(1000));
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\n").await;
    for _ in 0..100 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = soon("an end", stream.read_to_end(&mut answer)).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"));
    assert_eq!(get(&hub, "/health").await.0, 200);
    rig.hub.stop().await;
}

#[tokio::test]
async fn silent_peers_and_noise_do_not_keep_others_out() {
    let rig = Rig::start().await;
    let hub = rig.address();
    let mut silent = Vec::new();
    for port in [hub.http_port, hub.mqtt_port] {
        for _ in 0..20 {
            silent.push(TcpStream::connect((hub.host.as_str(), port)).await.unwrap());
        }
        let mut noise = TcpStream::connect((hub.host.as_str(), port)).await.unwrap();
        let _ = noise.write_all(&[0xa5; 4096]).await;
        silent.push(noise);
    }
    assert_eq!(soon("health", get(&hub, "/health")).await.0, 200);
    let desk = rig.hub.desk();
    soon("a pairing", reported(&rig, &desk, "cam_a", 1)).await;
    drop(silent);
    rig.hub.stop().await;
}

#[tokio::test]
async fn one_address_has_a_share_of_connections_and_of_requests() {
    let rig = Rig::with(|config| config.limits.requests_per_minute = 5).await;
    let hub = rig.address();
    let mut open = Vec::new();
    for _ in 0..80 {
        open.push(
            TcpStream::connect((hub.host.as_str(), hub.http_port))
                .await
                .unwrap(),
        );
    }
    let mut closed = 0;
    for stream in &mut open {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await;
        closed += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(closed >= 16, "{closed} of 80 were closed");
    drop(open);
    // Places are free again as soon as the others are gone.
    let answered = async || {
        let stream = TcpStream::connect((hub.host.as_str(), hub.http_port))
            .await
            .unwrap();
        let mut byte = [0];
        let peeked = tokio::time::timeout(Duration::from_millis(100), stream.peek(&mut byte)).await;
        peeked.is_err()
    };
    until("a free place", answered).await;
    for _ in 0..5 {
        assert_eq!(get(&hub, "/health").await.0, 200);
    }
    let (status, body) = get(&hub, "/health").await;
    assert_eq!(status, 429);
    assert!(body.contains("RequestLimitExceeded"));
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_camera_reaches_nobody_elses_things() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let (thief, _) = reported(&rig, &desk, "cam_a", 1).await;
    let (_victim, token) = reported(&rig, &desk, "cam_b", 1).await;
    desk.bind(&token).await.unwrap();
    let foreign = "$thing/up/property/PORTHOLE01/cam_b";
    let report =
        r#"{"method":"report","clientToken":"x","params":{"_sys_xp2p_info":"XP2PAQ==%666"}}"#;
    thief.say_raw(foreign, report).await;
    thief
        .say_raw(
            "$thing/down/service/PORTHOLE01/cam_b",
            r#"{"method":"unbind_device"}"#,
        )
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let victim = desk.devices().await.unwrap().remove(0);
    assert_eq!((victim.device, victim.xp2p_info), (device("cam_b"), None));
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_viewers_name_is_bounded() {
    let rig = Rig::start().await;
    let mut long = viewer(1);
    long.name = "n".repeat(wire::MAX_NAME_BYTES + 1);
    let error = rig.hub.desk().create_token(&long).await.unwrap_err();
    assert_eq!(error.refusal(), Some(hub::Refusal::InvalidParameterValue));
    rig.hub.stop().await;
}
