//! Through a relay of our own: its own CA, a token, and the direct path that replaces it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iroh_relay::server::testing::self_signed_tls_certs_and_config;
use iroh_relay::server::{
    Access, AccessControl, CertConfig, ClientRequest, QuicConfig, RelayConfig, Server,
    ServerConfig, TlsConfig,
};
use p2p::{
    Endpoint, Error, Options, PathKind, RelayChoice, RelayState, RelayUrl, Request, Role, State,
};
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

/// A relay that asks for [`TOKEN`].
async fn relay() -> (Server, RelayUrl) {
    relay_for(Some(TOKEN)).await
}

/// A relay that asks for this token, or for none.
async fn relay_for(token: Option<&str>) -> (Server, RelayUrl) {
    let (certificates, server_config) = self_signed_tls_certs_and_config();
    let mut relay = RelayConfig::new((Ipv4Addr::LOCALHOST, 0));
    relay.tls = Some(TlsConfig::new(
        (Ipv4Addr::LOCALHOST, 0),
        CertConfig::Manual {
            server_config: server_config.clone(),
        },
    ));
    if token.is_some() {
        relay.access = Arc::new(ByToken);
    }
    let mut quic = QuicConfig::new((Ipv4Addr::LOCALHOST, 0));
    quic.server_config = Some(server_config);
    let mut config = ServerConfig::default();
    config.relay = Some(relay);
    config.quic = Some(quic);
    let server = Server::spawn(config).await.unwrap();
    let base64 = data_encoding::BASE64.encode(&certificates[0]);
    let url = RelayUrl {
        url: format!("https://127.0.0.1:{}", server.https_addr().unwrap().port()),
        token: token.map(Into::into),
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
    let (mut events, mut relay) = (viewer.nat_events(), viewer.relay());
    let error = async { while events.next().await.unwrap() != NatEvent::NatError {} };
    within(LONG, error).await;
    let refused = relay.until(|state| {
        matches!(state, RelayState::Refused { url, reason }
            if url.starts_with("https://127.0.0.1:") && reason == "wrong token")
    });
    within(LONG, refused).await.unwrap();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_only_the_cameras_address_names_carries_its_pictures_and_nothing_else() {
    let (_relay, url) = relay_for(None).await;
    let camera = Camera::with(through(&url, Role::Camera)).await;
    within(LONG, camera.endpoint.online()).await;
    let named = camera.endpoint.address();
    assert!(named.relays[0].contains("#key="), "{named:?}");
    // As it comes out of a link or an xp2pInfo.
    let address = Address::from_bytes(&named.to_bytes()).unwrap();
    let viewer = Endpoint::bind_relayed(options(Role::Viewer)).await.unwrap();
    camera.guests.known.lock().unwrap().insert(viewer.id());
    let session = viewer.session(address.clone());
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
    assert_eq!(session.path().unwrap().kind, PathKind::Relayed);
    assert_eq!(viewer.relay().get(), RelayState::None);
    assert_eq!(
        viewer.address().relays,
        Vec::<String>::new(),
        "it is at no relay"
    );
    // Without the key it could be anybody.
    let wary = Endpoint::bind_relayed(options(Role::Viewer)).await.unwrap();
    camera.guests.known.lock().unwrap().insert(wary.id());
    let session = wary.session(Address {
        relays: vec![url.url],
        ..address
    });
    session.keep_warm(true);
    let mut state = session.state();
    let waiting = state.until(|state| matches!(state, State::Waiting { .. }));
    within(LONG, waiting).await.unwrap();
    assert_eq!(session.stats().connections, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_does_not_answer_keeps_nobody_from_the_direct_path() {
    // A port that takes connections and says nothing, and one that refuses them.
    let silent = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let silent = format!("https://{}", silent.local_addr().unwrap());
    let camera = Camera::with(options(Role::Camera)).await;
    let viewer = Endpoint::bind(through(&RelayUrl::new("https://127.0.0.1:9"), Role::Viewer))
        .await
        .unwrap();
    camera.guests.known.lock().unwrap().insert(viewer.id());
    let mut address = camera.address();
    address.relays = vec![silent, "https://127.0.0.1:9/".into()];
    let session = viewer.session(address);
    let start = Instant::now();
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
    println!(
        "beside dead relays: first answer after {:?}",
        start.elapsed()
    );
    assert_eq!(session.path().unwrap().kind, PathKind::Lan);
    let mut relay = viewer.relay();
    let told = relay.until(|state| matches!(state, RelayState::Unreachable { .. }));
    within(LONG, told).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_can_be_added_and_removed_while_running() {
    let (_relay, url) = relay_for(None).await;
    let camera = Camera::with(options(Role::Camera)).await;
    let mut state = camera.endpoint.relay();
    assert_eq!(state.get(), RelayState::None);
    camera.endpoint.add_relay(&url).await.unwrap();
    let works = state.until(|state| matches!(state, RelayState::Works { .. }));
    within(LONG, works).await.unwrap();
    let named = camera.endpoint.address();
    assert!(named.relays[0].starts_with(&url.url), "{named:?}");
    let viewer = Endpoint::bind_relayed(options(Role::Viewer)).await.unwrap();
    camera.guests.known.lock().unwrap().insert(viewer.id());
    let session = viewer.session(named);
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
    camera.endpoint.remove_relay(&url.url).await;
    let none = state.until(|state| *state == RelayState::None);
    within(LONG, none).await.unwrap();
    assert_eq!(camera.endpoint.address().relays, Vec::<String>::new());
    let bad = camera.endpoint.add_relay(&RelayUrl::new("nowhere")).await;
    assert!(matches!(bad, Err(Error::Invalid { what: "relay", .. })));
}
