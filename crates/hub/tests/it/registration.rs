//! Dynamic registration over HTTPS, both forms, and what must not get in.

use hub::Keeper;
use provision::credentials::{self, ProductSecret};
use wire::id::PeerId;
use wire::register::{EXPLORER_PATH, HUB_PATH, Headers, HubRequest, Response};
use wire::token::Token;

use crate::support::{PRODUCT, Rig, device, post, register, reported, unix_seconds, viewer};

const SECRET: &str = "hzvf5LF9S0isvBhDSauWMaIk";

async fn product(rig: &Rig) -> ProductSecret {
    let secret: ProductSecret = SECRET.parse().unwrap();
    let keeper = Keeper::open(&rig.config).await.unwrap();
    keeper
        .add_product(&PRODUCT.parse().unwrap(), Some(&secret))
        .await
        .unwrap();
    secret
}

fn code(response: &Response) -> i32 {
    match response {
        Response::Registered { .. } => 0,
        Response::Refused { code, .. } => *code,
    }
}

#[tokio::test]
async fn a_products_secret_registers_its_cameras_in_both_spellings_and_forms() {
    let rig = Rig::start().await;
    let secret = product(&rig).await;
    let hub = rig.address();
    let first = register(&hub, "cam_a", None, &secret).await.unwrap();
    assert_eq!(first.as_str().len(), 24);

    // The C-SDK's spelling: base64 of the hex digits.
    let mut request = credentials::sign_registration(&secret, &device("cam_b"), 1, unix_seconds());
    let raw = data_encoding::BASE64
        .decode(request.signature.as_bytes())
        .unwrap();
    let hex = data_encoding::HEXLOWER.encode(&raw);
    request.signature = data_encoding::BASE64.encode(hex.as_bytes());
    let (_, body) = post(&hub, EXPLORER_PATH, &[], request.encode()).await;
    assert_eq!(code(&Response::decode(&body).unwrap()), 0);

    let body = HubRequest {
        device: device("cam_c"),
        camera: None,
    }
    .encode();
    for (host, expected) in [("hub.example:8443", 0_i32), ("other.example", 401)] {
        let nonce = u64::from(expected.unsigned_abs()) + 7;
        let signed = credentials::sign_headers(
            &secret,
            "hub.example",
            nonce,
            unix_seconds(),
            body.as_bytes(),
        );
        let values = signed.values();
        let mut headers: Vec<(&str, &str)> = Headers::NAMES
            .iter()
            .zip(&values)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        headers.push(("host", host));
        let (status, answer) = post(&hub, HUB_PATH, &headers, body.clone()).await;
        assert_eq!(status, 200);
        let response = Response::decode(&answer).unwrap();
        assert_eq!(code(&response), expected);
        if let Response::Registered { payload, .. } = response {
            credentials::open(&secret, &payload).unwrap();
        }
    }
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_wrong_signature_an_old_one_and_a_replay_are_refused() {
    let rig = Rig::start().await;
    let secret = product(&rig).await;
    let hub = rig.address();
    let other: ProductSecret = "0123456789abcdefghijklmn".parse().unwrap();
    assert_eq!(register(&hub, "cam_a", None, &other).await, Err(401));
    let token = ProductSecret::from(&Token::from_bytes([5; 16]));
    assert_eq!(register(&hub, "cam_a", None, &token).await, Err(401));

    let now = unix_seconds();
    for (timestamp, expected) in [
        (now, 0),
        (now, 409),
        (now - 3600, 408),
        (now + 3600, 408),
        (0, 408),
        (u64::MAX, 408),
    ] {
        let request = credentials::sign_registration(&secret, &device("cam_a"), 9, timestamp);
        let (_, body) = post(&hub, EXPLORER_PATH, &[], request.encode()).await;
        let response = Response::decode(&body).unwrap();
        assert_eq!(code(&response), expected, "{timestamp}");
        if let Response::Refused { message, .. } = response {
            assert!(
                expected != 408 || message.contains("the hub's time"),
                "{message}"
            );
        }
    }
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_name_belongs_to_the_key_that_came_first() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let hub = rig.address();
    let (online, token) = reported(&rig, &desk, "cam_a", 1).await;
    let key = online.camera.key;
    let secret = ProductSecret::from(&token);
    assert!(
        register(&hub, "cam_a", Some(key), &secret).await.is_ok(),
        "its own name again"
    );
    let next = desk.create_token(&viewer(2)).await.unwrap().token;
    let next = ProductSecret::from(&next);
    assert_eq!(
        register(&hub, "cam_a", Some(PeerId([9; 32])), &next).await,
        Err(403)
    );
    assert_eq!(
        register(&hub, "cam_b", None, &next).await,
        Err(400),
        "a token needs a key"
    );
    let key = Some(PeerId([8; 32]));
    assert!(register(&hub, "cam_b", key, &next).await.is_ok());
    assert!(register(&hub, "cam_b", key, &next).await.is_ok(), "again");
    assert_eq!(
        register(&hub, "cam_c", key, &next).await,
        Err(403),
        "a token registers one camera"
    );
    rig.hub.stop().await;
}

#[tokio::test]
async fn a_token_opens_neither_a_factory_camera_nor_another_owners() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let hub = rig.address();
    let keeper = Keeper::open(&rig.config).await.unwrap();
    keeper.add_device(&device("factory"), None).await.unwrap();
    keeper.close().await;
    let (online, token) = reported(&rig, &desk, "cam_a", 1).await;
    desk.bind(&token).await.unwrap();
    let (ann, _) = rig.owner("ann").await;
    let anns = hub::Desk::create_token(&ann, &viewer(2))
        .await
        .unwrap()
        .token;
    let anns = ProductSecret::from(&anns);
    let key = online.camera.key;
    assert_eq!(register(&hub, "factory", Some(key), &anns).await, Err(403));
    assert_eq!(register(&hub, "cam_a", Some(key), &anns).await, Err(403));
    rig.hub.stop().await;
}

#[tokio::test]
async fn an_expired_token_registers_nobody() {
    let rig = Rig::with(|config| config.limits.token_seconds = 1).await;
    let token = rig.hub.desk().create_token(&viewer(1)).await.unwrap().token;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let secret = ProductSecret::from(&token);
    let key = Some(PeerId([1; 32]));
    assert_eq!(
        register(&rig.address(), "cam_a", key, &secret).await,
        Err(401)
    );
    rig.hub.stop().await;
}

#[tokio::test]
async fn guessing_a_signature_is_stopped() {
    let rig = Rig::with(|config| config.limits.wrong_per_minute = 3).await;
    let secret = product(&rig).await;
    let hub = rig.address();
    let other: ProductSecret = "0123456789abcdefghijklmn".parse().unwrap();
    for _ in 0..3 {
        assert_eq!(register(&hub, "cam_a", None, &other).await, Err(401));
    }
    assert_eq!(register(&hub, "cam_a", None, &secret).await, Err(429));
    rig.hub.stop().await;
}
