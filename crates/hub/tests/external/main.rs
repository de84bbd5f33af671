//! The hub as a client of another broker: Debian's mosquitto, started here for each test.

#![allow(clippy::unwrap_used)]

mod mosquitto;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hub::broker::external::{Config, External};
use hub::broker::{Broker, Decision, Device, Error, Event, Login, Rules};
use rumqttc::mqttbytes::v4::{Packet, Publish};
use rumqttc::{AsyncClient, MqttOptions, QoS};
use tokio::sync::mpsc;

use mosquitto::Mosquitto;

const LONG: Duration = Duration::from_secs(60);
const UP: &str = "$thing/up/property/ABCDE12345/cam_01";
const DOWN: &str = "$thing/down/property/ABCDE12345/cam_01";

struct TopicsOnly;

#[async_trait]
impl Rules for TopicsOnly {
    async fn login(&self, _login: &Login) -> Decision {
        Decision::NotAuthorized
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work)
        .await
        .expect("done within a minute")
}

fn config(broker: &Mosquitto, name: &str) -> Config {
    Config {
        url: broker.url("hub", "hub-secret").parse().unwrap(),
        ca: broker.ca().map(str::to_owned),
        client_id: name.into(),
    }
}

async fn hub(broker: &Mosquitto, name: &str) -> (External, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel(64);
    let rules = Arc::new(TopicsOnly);
    let connected = External::connect(config(broker, name), rules, sender).await;
    (connected.unwrap(), events)
}

/// A device at the broker, and what it hears. Sends one report as soon as it can hear the answer.
fn device(broker: &Mosquitto) -> (AsyncClient, mpsc::UnboundedReceiver<Publish>) {
    let mut options = MqttOptions::new("ABCDE12345cam_01", "localhost", broker.port());
    options.set_credentials("cam_01", "cam-secret");
    if let Some(tls) = broker.tls() {
        options.set_transport(tls);
    }
    let (client, mut connection) = AsyncClient::new(options, 16);
    let (sender, heard) = mpsc::unbounded_channel();
    let speaker = client.clone();
    tokio::spawn(async move {
        loop {
            match connection.poll().await {
                Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => {
                    let _ = speaker.try_subscribe(DOWN, QoS::AtLeastOnce);
                }
                Ok(rumqttc::Event::Incoming(Packet::SubAck(_))) => {
                    let _ = speaker.try_publish(UP, QoS::AtLeastOnce, false, "report");
                }
                Ok(rumqttc::Event::Incoming(Packet::Publish(publish))) => {
                    let _ = sender.send(publish);
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    });
    (client, heard)
}

/// The next event that is a message.
async fn up(events: &mut mpsc::Receiver<Event>) -> (Device, String, Bytes) {
    loop {
        if let Event::Up(up) = within(events.recv()).await.unwrap() {
            return (up.device, up.topic, up.payload);
        }
    }
}

async fn round_trip(broker: &Mosquitto) {
    let (hub, mut events) = hub(broker, "hub-1").await;
    let (_device, mut heard) = device(broker);
    let Event::Presence(presence) = within(events.recv()).await.unwrap() else {
        panic!("its first message says that it is there");
    };
    let cam = Device::new("ABCDE12345", "cam_01").unwrap();
    assert_eq!((presence.device, presence.online), (cam.clone(), true));
    let report = Bytes::from_static(b"report");
    assert_eq!(up(&mut events).await, (cam, UP.to_owned(), report));
    hub.push(DOWN, Bytes::from_static(b"reply")).await.unwrap();
    let reply = within(heard.recv()).await.unwrap();
    assert_eq!(
        (&reply.topic[..], &reply.payload[..]),
        (DOWN, &b"reply"[..])
    );
    assert_eq!(hub.connected(), 1);
    hub.stop().await;
    let pushed = hub.push(DOWN, Bytes::from_static(b"late")).await;
    assert!(matches!(pushed, Err(Error::Stopped)), "{pushed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_up_and_its_answer_comes_down() {
    round_trip(&Mosquitto::plain()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_over_tls_with_an_authority_of_its_own() {
    round_trip(&Mosquitto::tls_with_own_authority()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_back_is_used_again() {
    let mut broker = Mosquitto::plain();
    let (hub, mut events) = hub(&broker, "hub-1").await;
    let (device, _heard) = device(&broker);
    up(&mut events).await;
    // As a device does that gets no answer: it may be back before the hub is.
    let speaking = tokio::spawn(async move {
        loop {
            let _ = device.try_publish(UP, QoS::AtLeastOnce, false, "again");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    broker.kill();
    let lost = async {
        while hub.push(DOWN, Bytes::from_static(b"x")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within(lost).await;
    while events.try_recv().is_ok() {}
    broker.start_again();
    up(&mut events).await;
    speaking.abort();
    let back = async {
        while hub.push(DOWN, Bytes::from_static(b"x")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within(back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_or_is_not_there_is_an_error_without_the_password() {
    let mut broker = Mosquitto::plain();
    let (sender, _events) = mpsc::channel(1);
    let mut wrong = config(&broker, "hub-1");
    wrong.url = broker.url("hub", "wrong-secret").parse().unwrap();
    let rules = Arc::new(TopicsOnly);
    let refused = External::connect(wrong, rules.clone(), sender.clone()).await;
    let refused = refused.err().unwrap().to_string();
    broker.kill();
    let away = External::connect(config(&broker, "hub-1"), rules, sender).await;
    let away = away.err().unwrap().to_string();
    for error in [refused, away] {
        assert!(
            error.contains("localhost") && !error.contains("secret"),
            "{error}"
        );
    }
}
