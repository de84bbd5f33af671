//! Peers that connect and then do not log in.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;

use crate::raw::{Raw, login};
use crate::support::{Running, pem, within};

const PATIENCE: Duration = Duration::from_secs(3);

async fn impatient() -> Running {
    Running::with(|config| config.patience = PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_say_nothing_or_half_a_word_are_closed() {
    let running = impatient().await;
    let mut device = running.device("cam_01").await;
    let mut whole = bytes::BytesMut::new();
    login("cam_02").write(&mut whole).unwrap();
    let mut silent = Vec::new();
    for said in [&whole[..0], &whole[..1], &whole[..8], &whole[..20]] {
        let mut raw = Raw::connect(running.address()).await;
        raw.bytes(said).await;
        silent.push(raw);
    }
    let start = std::time::Instant::now();
    for raw in &mut silent {
        raw.closed().await;
    }
    assert!(start.elapsed() + Duration::from_millis(500) >= PATIENCE);
    assert!(device.is_alive().await, "who has logged in stays");
    tokio::time::sleep(PATIENCE * 2).await;
    assert!(device.is_alive().await, "and stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_slow_but_speaks_comes_in() {
    let running = impatient().await;
    let mut raw = Raw::connect(running.address()).await;
    tokio::time::sleep(PATIENCE / 3).await;
    assert_eq!(raw.login(login("cam_01")).await, Some(0));
    tokio::time::sleep(PATIENCE * 2).await;
    assert!(raw.is_alive().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_only_so_many_silent_connections() {
    let running = Running::with(|config| {
        config.patience = Duration::from_secs(3600);
        config.silent_per_address = 4;
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(Raw::connect(running.address()).await);
    }
    let ended = async {
        let mut left = futures(&mut silent);
        let mut closed = 0;
        while closed < 6 {
            left.join_next().await.unwrap().unwrap();
            closed += 1;
        }
        left
    };
    let mut left = within(ended).await;
    // The other four stay, and a device comes in beside them.
    let more = tokio::time::timeout(Duration::from_secs(3), left.join_next()).await;
    assert!(more.is_err(), "four may stay");
    let mut device = running.device("cam_01").await;
    assert!(device.is_alive().await);
}

fn futures(all: &mut Vec<Raw>) -> tokio::task::JoinSet<()> {
    let mut set = tokio::task::JoinSet::new();
    for mut raw in all.drain(..) {
        set.spawn(async move { raw.closed_some_time().await });
    }
    set
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_peers_on_tls_are_closed_before_and_after_the_handshake() {
    let (pem, certificate) = pem();
    let running = Running::with(|config| {
        config.patience = PATIENCE;
        config.tls = Some(pem);
    })
    .await;
    let mut before = Raw::connect(running.address()).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = tokio::net::TcpStream::connect(running.address())
        .await
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, socket);
    let mut after = within(connecting).await.unwrap();
    before.closed().await;
    let read = within(after.read(&mut [0; 16])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}
