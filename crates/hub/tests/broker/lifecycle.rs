//! Starting, stopping, starting again; ending one connection.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use bytes::Bytes;
use hub::broker::embedded::Config;
use hub::broker::{Broker, Error};

use crate::raw::{Raw, login};
use crate::support::{Running, device, down, pem, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_broker_leaves_nothing_and_its_port_can_be_had_again() {
    let mut port = 0;
    for _ in 0..3 {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        let running = Running::start(Config::new(listen, None)).await.unwrap();
        port = running.address().port();
        let mut known = running.device("cam_01").await;
        let mut silent = Raw::connect(running.address()).await;
        within(running.broker.stop()).await;
        known.closed().await;
        silent.closed().await;
        assert_eq!(running.broker.connected(), 0);
        drop(TcpListener::bind(running.address()).unwrap());
        let payload = Bytes::from_static(b"x");
        let pushed = running.broker.push(&down("cam_01"), payload).await;
        assert!(matches!(pushed, Err(Error::Stopped)), "{pushed:?}");
        let kicked = running.broker.kick(&device("cam_01")).await;
        assert!(matches!(kicked, Err(Error::Stopped)), "{kicked:?}");
        // Once is enough.
        within(running.broker.stop()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_dropped_gives_its_port_back() {
    let running = Running::plain().await;
    let address = running.address();
    let mut known = running.device("cam_01").await;
    drop(running);
    known.closed().await;
    let free = async {
        while TcpListener::bind(address).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_an_error_and_nothing_more() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let error = Running::start(Config::new(vec![address], None)).await.err();
    match error {
        Some(Error::Listen { address: told, .. }) => assert_eq!(told, address),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_none_is_an_error_and_nothing_more() {
    let (mut pem, _) = pem();
    pem.key = "no key".into();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let error = Running::start(Config::new(vec![any], Some(pem)))
        .await
        .err();
    assert!(matches!(error, Some(Error::Start { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_device_is_gone_and_may_come_again() {
    let mut running = Running::plain().await;
    let mut raw = running.device("cam_01").await;
    let mut other = running.device("cam_02").await;
    assert!(running.broker.kick(&device("cam_01")).await.unwrap());
    raw.closed().await;
    running.presence("cam_01", false).await;
    assert!(!running.broker.kick(&device("cam_01")).await.unwrap());
    assert!(!running.broker.kick(&device("never")).await.unwrap());
    assert!(other.is_alive().await);
    assert!(running.device("cam_01").await.is_alive().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_kept_gets_what_was_pushed_meanwhile() {
    let mut running = Running::plain().await;
    let mut connect = login("cam_01");
    connect.clean_session = false;
    let mut raw = Raw::connect(running.address()).await;
    assert_eq!(raw.login(connect.clone()).await, Some(0));
    assert!(raw.subscribe(&down("cam_01")).await);
    drop(raw);
    running.presence("cam_01", false).await;
    for text in ["one", "two", "three"] {
        let payload = Bytes::from_static(text.as_bytes());
        running.broker.push(&down("cam_01"), payload).await.unwrap();
    }
    let mut raw = Raw::connect(running.address()).await;
    assert_eq!(raw.login(connect).await, Some(0));
    for text in ["one", "two", "three"] {
        assert_eq!(&raw.message().await.payload[..], text.as_bytes());
    }
}
