//! Who says and hears what.

use bytes::Bytes;
use hub::broker::{Broker, Error, Event, MAX_PACKET};
use rumqttc::mqttbytes::v4::{Packet, Publish};
use rumqttc::{AsyncClient, MqttOptions, QoS};

use crate::support::{PRODUCT, Running, device, down, password, up, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_up_and_its_answer_comes_down() {
    let mut running = Running::plain().await;
    let address = running.address();
    let client_id = format!("{PRODUCT}cam_01");
    let mut options = MqttOptions::new(&client_id, address.ip().to_string(), address.port());
    options.set_credentials(format!("{client_id};1;a;4102444800"), password("cam_01"));
    let (client, mut connection) = AsyncClient::new(options, 8);
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let polling = tokio::spawn(async move {
        while let Ok(event) = connection.poll().await {
            if let rumqttc::Event::Incoming(Packet::Publish(publish)) = event {
                sender.send(publish).unwrap();
            }
        }
    });
    client
        .subscribe(down("cam_01"), QoS::AtLeastOnce)
        .await
        .unwrap();
    client
        .publish(up("cam_01"), QoS::AtLeastOnce, false, "report")
        .await
        .unwrap();
    let said = running.up().await;
    assert_eq!(said.device, device("cam_01"));
    assert_eq!(
        (said.topic, &said.payload[..]),
        (up("cam_01"), &b"report"[..])
    );
    let answer = Bytes::from_static(b"reply");
    running.broker.push(&down("cam_01"), answer).await.unwrap();
    let reply = within(heard.recv()).await.unwrap();
    assert_eq!(
        (reply.topic, &reply.payload[..]),
        (down("cam_01"), &b"reply"[..])
    );
    polling.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_hears_when_a_device_can_be_reached() {
    let mut running = Running::plain().await;
    let mut raw = running.device("cam_01").await;
    let filter = format!("$thing/down/+/{PRODUCT}/cam_01");
    assert!(raw.subscribe(&filter).await);
    running.presence("cam_01", true).await;
    let subscribed = Event::Subscribed {
        device: device("cam_01"),
        filter,
    };
    assert_eq!(running.next().await, subscribed);
    let service = format!("$thing/down/service/{PRODUCT}/cam_01");
    running
        .broker
        .push(&service, Bytes::from_static(b"bind"))
        .await
        .unwrap();
    assert_eq!(raw.message().await.topic, service);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_reaches_further_than_the_device_is_refused() {
    let running = Running::plain().await;
    let mut raw = running.device("cam_01").await;
    for filter in [
        "#".to_owned(),
        "+/+/+/+/+".into(),
        "$thing/#".into(),
        "$thing/+/+/+/+".into(),
        "$thing/down/#".into(),
        "$SYS/#".into(),
        format!("$thing/down/+/{PRODUCT}/cam_02"),
        format!("$thing/down/+/{PRODUCT}/+"),
        "$thing/down/+/+/cam_01".into(),
        format!("$thing/up/+/{PRODUCT}/cam_01"),
        format!("$share/g/{}", down("cam_01")),
        format!("$share/g/{}", down("cam_02")),
        format!("$limit/5/{}", down("cam_01")),
        format!("$exclusive/{}", down("cam_01")),
        down("cam_02"),
    ] {
        assert!(!raw.subscribe(&filter).await, "{filter}");
    }
    assert!(raw.subscribe(&down("cam_01")).await);
    // What is for another does not arrive in spite of all that.
    let push = |topic: String| {
        let broker = running.broker.clone();
        async move { broker.push(&topic, Bytes::from_static(b"x")).await.unwrap() }
    };
    push(down("cam_02")).await;
    push(down("cam_01")).await;
    assert_eq!(raw.message().await.topic, down("cam_01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_says_elsewhere_is_dropped() {
    let mut running = Running::plain().await;
    let mut victim = running.device("cam_02").await;
    assert!(victim.subscribe(&down("cam_02")).await);
    let mut raw = running.device("cam_01").await;
    for topic in [
        down("cam_02"),
        up("cam_02"),
        down("cam_01"),
        "$SYS/brokers".into(),
        "anything".into(),
    ] {
        // MQTT 3.1.1 has no "no": PUBACK comes, the message goes nowhere.
        raw.publish(&topic, "forged").await;
    }
    raw.publish(&up("cam_01"), "mine").await;
    let heard = running.up().await;
    assert_eq!(
        (heard.device, heard.topic),
        (device("cam_01"), up("cam_01"))
    );
    assert!(victim.is_alive().await, "and nothing arrived before");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_nobody_listens_is_not_kept() {
    let running = Running::plain().await;
    let mut raw = running.device("cam_01").await;
    let mut retained = Publish::new(up("cam_01"), QoS::AtLeastOnce, "keep me");
    (retained.pkid, retained.retain) = (3, true);
    raw.send(Packet::Publish(retained)).await;
    assert!(matches!(raw.next().await, Some(Packet::PubAck(_))));
    running
        .broker
        .push(&down("cam_01"), Bytes::from_static(b"early"))
        .await
        .unwrap();
    assert!(raw.subscribe(&down("cam_01")).await);
    assert!(raw.is_alive().await, "and nothing arrived before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_is_too_large_ends_the_connection() {
    let mut running = Running::plain().await;
    let mut raw = running.device("cam_01").await;
    let largest = "x".repeat(64 << 10);
    raw.publish(&up("cam_01"), &largest).await;
    assert_eq!(running.up().await.payload.len(), largest.len());
    let mut publish = Publish::new(up("cam_01"), QoS::AtLeastOnce, vec![0; MAX_PACKET as usize]);
    publish.pkid = 4;
    raw.send(Packet::Publish(publish)).await;
    raw.closed().await;
    running.presence("cam_01", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_does_not_push_what_no_packet_holds() {
    let running = Running::plain().await;
    let payload = Bytes::from(vec![0; MAX_PACKET as usize]);
    let error = running.broker.push(&down("cam_01"), payload).await;
    assert!(matches!(error, Err(Error::TooLarge { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_or_topic_that_is_no_mqtt_ends_only_its_own_connection() {
    let running = Running::plain().await;
    let mut good = running.device("cam_02").await;
    for bytes in [
        // SUBSCRIBE without a filter, PUBLISH with a wildcard, a second CONNECT's first byte, a reserved type, a length without end.
        &[0x82, 2, 0, 1][..],
        &[0x30, 3, 0, 1, b'#'][..],
        &[0x10, 0][..],
        &[0xf0, 0][..],
        &[0x30, 0xff, 0xff, 0xff, 0xff, 0xff][..],
    ] {
        let mut raw = running.device("cam_01").await;
        raw.bytes(bytes).await;
        drop(raw);
        assert!(good.is_alive().await, "{bytes:02x?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_talks_too_fast_is_slowed_and_loses_nothing() {
    let mut running = Running::plain().await;
    let mut raw = running.device("cam_01").await;
    let start = std::time::Instant::now();
    for ordinal in 0..90 {
        let text = ordinal.to_string();
        raw.send(Packet::Publish(Publish::new(
            up("cam_01"),
            QoS::AtMostOnce,
            text,
        )))
        .await;
    }
    for ordinal in 0..90 {
        let heard = running.up().await;
        assert_eq!(heard.payload, ordinal.to_string());
    }
    // 60 at once, 30 more at 30 a second.
    assert!(
        start.elapsed().as_secs_f64() >= 0.9,
        "{:?}",
        start.elapsed()
    );
}
