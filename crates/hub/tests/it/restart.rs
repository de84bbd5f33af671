//! The hub holds nothing outside its database: it may end at any moment and come back.

use hub::TokenState;
use wire::thing::{Answer, Body};

use crate::support::{Camera, Rig, device, until, viewer};

#[tokio::test]
async fn a_pairing_survives_restarts_between_all_its_steps() {
    let mut rig = Rig::start().await;
    let address = rig.address();
    let token = rig.hub.desk().create_token(&viewer(1)).await.unwrap().token;
    rig.restart().await;
    assert_eq!(rig.address(), address, "same ports, same key");

    let camera = Camera::register(&address, "cam_a", &token).await;
    rig.restart().await;
    let mut online = camera.connect().await;
    assert_eq!(online.report_token(&token).await, 0);
    rig.restart().await;
    let desk = rig.hub.desk();
    assert_eq!(
        desk.token_state(&token).await.unwrap(),
        TokenState::Reported(device("cam_a"))
    );
    assert!(
        !desk.bind(&token).await.unwrap().confirmed,
        "the camera is away"
    );
    rig.restart().await;

    let mut online = camera.connect().await;
    let message = online
        .hear_one(|body| matches!(body, Body::BindDevice(_)))
        .await;
    // Confirmed to a hub that was started after the question was asked.
    rig.restart().await;
    let online = camera.connect().await;
    online
        .say(&message.client_token, Body::BindDeviceReply(Answer::ok()))
        .await;
    let desk = rig.hub.desk();
    until("confirmed", async || {
        desk.devices().await.unwrap()[0].confirmed
    })
    .await;
    rig.hub.stop().await;
}

#[tokio::test]
async fn stopping_gives_the_ports_back_and_ends_the_desks() {
    let rig = Rig::start().await;
    let desk = rig.hub.desk();
    let address = rig.address();
    rig.hub.stop().await;
    rig.hub.stop().await;
    assert!(desk.devices().await.is_err());
    for port in [address.http_port, address.mqtt_port] {
        assert!(
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_hub_whose_old_port_is_taken_finds_another() {
    let rig = Rig::start().await;
    let before = rig.address();
    rig.hub.stop().await;
    let thief = std::net::TcpListener::bind(("127.0.0.1", before.http_port)).unwrap();
    let hub = hub::Hub::start(rig.config.clone()).await.unwrap();
    assert_ne!(hub.address().http_port, before.http_port);
    hub.stop().await;
    drop(thief);
}
