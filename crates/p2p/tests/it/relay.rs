//! Through a relay of our own: its own CA, a token, and the direct path that replaces it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iroh_relay::server::testing::self_signed_tls_certs_and_config;
use iroh_relay::server::{
    Access, AccessControl, CertConfig, ClientRequest, QuicConfig, RelayConfig, Server,
    ServerConfig, TlsConfig,
};
use p2p::{Endpoint, Error, Options, PathKind, RelayChoice, RelayUrl, Request, Role};
use wire::address::Address;
use wire::event::NatEvent;

use crate::support::{Camera, hello, options, until_connected, within};

const LONG: Duration = Duration::from_secs(20);
const TOKEN: &str = "let-me-in";

#[derive(Debug)]
struct ByToken;

impl AccessControl for ByToken {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        match request.auth_token().as_deref() {
            Some(TOKEN) => Access::Allow,
            _ => Access::Deny {
                reason: Some("wrong token".into()),
            },
        }
    }
}

async fn relay() -> (Server, RelayUrl) {
    let (certificates, server_config) = self_signed_tls_certs_and_config();
    let mut relay = RelayConfig::new((Ipv4Addr::LOCALHOST, 0));
    relay.tls = Some(TlsConfig::new(
        (Ipv4Addr::LOCALHOST, 0),
        CertConfig::Manual {
            server_config: server_config.clone(),
        },
    ));
    relay.access = Arc::new(ByToken);
    let mut quic = QuicConfig::new((Ipv4Addr::LOCALHOST, 0));
    quic.server_config = Some(server_config);
    let mut config = ServerConfig::default();
    config.relay = Some(relay);
    config.quic = Some(quic);
    let server = Server::spawn(config).await.unwrap();
    let base64 = data_encoding::BASE64.encode(&certificates[0]);
    let url = RelayUrl {
        url: format!("https://127.0.0.1:{}", server.https_addr().unwrap().port()),
        token: Some(TOKEN.into()),
        ca: Some(format!(
            "-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"
        )),
        quic_port: Some(server.quic_addr().unwrap().port()),
    };
    (server, url)
}

fn through(relay: &RelayUrl, role: Role) -> Options {
    Options {
        relays: RelayChoice::Urls(vec![relay.clone()]),
        ..options(role)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_through_a_relay_is_reported_as_relayed() {
    let (_relay, url) = relay().await;
    let camera = Camera::with(through(&url, Role::Camera)).await;
    let viewer = Endpoint::bind_relayed(through(&url, Role::Viewer))
        .await
        .unwrap();
    camera.guests.known.lock().unwrap().insert(viewer.id());
    within(LONG, camera.endpoint.online()).await;
    let known = camera.endpoint.address();
    assert_eq!(known.relays.len(), 1, "{known:?}");
    let start = Instant::now();
    let session = viewer.session(known);
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
    println!("relayed: first answer after {:?}", start.elapsed());
    let upload = vec![9; 300_000];
    let echo = session
        .request(Request::post("/echo", upload.clone()))
        .await
        .unwrap();
    assert_eq!(
        within(LONG, echo.body.read_to_end(upload.len()))
            .await
            .unwrap(),
        upload
    );
    let path = session.path().unwrap();
    assert_eq!((path.kind, path.remote), (PathKind::Relayed, None));
    assert!(path.relay.unwrap().starts_with(&url.url));
    until_connected(&session).await;
    let p2p::State::Connected { path, .. } = session.state().get() else {
        panic!("not connected")
    };
    assert_eq!(path.kind, PathKind::Relayed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_begins_at_the_relay_goes_on_directly() {
    let (_relay, url) = relay().await;
    let camera = Camera::with(through(&url, Role::Camera)).await;
    let viewer = Endpoint::bind(through(&url, Role::Viewer)).await.unwrap();
    camera.guests.known.lock().unwrap().insert(viewer.id());
    within(LONG, camera.endpoint.online()).await;
    let start = Instant::now();
    let session = viewer.session(Address {
        addrs: Vec::new(),
        ..camera.endpoint.address()
    });
    session.keep_warm(true);
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
    let mut state = session.state();
    let direct = state
        .until(|state| matches!(state, p2p::State::Connected { path, .. } if path.kind != PathKind::Relayed));
    within(LONG, direct).await.unwrap();
    println!("direct after {:?}: {:?}", start.elapsed(), session.path());
    assert_eq!(hello(&session).await.unwrap(), b"hello");
    assert_eq!(session.stats().connections, 1, "the same connection");
    assert!(
        !session.address().addrs.is_empty(),
        "the direct address is remembered"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_refuses_is_told_as_a_nat_error() {
    let (_relay, url) = relay().await;
    let wrong = RelayUrl {
        token: Some("wrong".into()),
        ..url
    };
    let viewer = Endpoint::bind(through(&wrong, Role::Viewer)).await.unwrap();
    let mut events = viewer.nat_events();
    let error = async { while events.next().await.unwrap() != NatEvent::NatError {} };
    within(LONG, error).await;
    assert!(
        viewer.address().relays.is_empty()
            || tokio::time::timeout(Duration::from_millis(300), viewer.online())
                .await
                .is_err()
    );
}

#[tokio::test]
async fn a_relay_that_is_none_is_an_error_when_binding() {
    let bad = RelayUrl::new("relay.example");
    let error = Endpoint::bind(through(&bad, Role::Viewer))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Invalid { what: "relay", .. }),
        "{error}"
    );
}
