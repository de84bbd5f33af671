//! The hub's relay, used by real endpoints: who is bound is carried, who is not is refused.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hub::relay::{Config, Error, Guests, Relay};
use p2p::{
    Access, BoxFuture, Endpoint, Identity, Options, PathKind, RelayChoice, RelayUrl, Request,
    Response, Role, Service,
};
use wire::event::NatEvent;
use wire::id::PeerId;

const LONG: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Bound(Mutex<HashSet<PeerId>>);

#[async_trait]
impl Guests for Bound {
    async fn knows(&self, key: &PeerId) -> bool {
        self.0.lock().unwrap().contains(key)
    }
}

async fn relay(bound: Arc<Bound>) -> (Relay, RelayUrl) {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = Config {
        https: any,
        quic: any,
        names: vec!["127.0.0.1".into()],
        key_pem: rcgen::KeyPair::generate().unwrap().serialize_pem(),
    };
    let relay = Relay::start(config, bound).await.unwrap();
    let url = RelayUrl {
        url: format!("https://127.0.0.1:{}", relay.https().port()),
        token: None,
        ca: Some(relay.ca().to_owned()),
        quic_port: Some(relay.quic().port()),
    };
    (relay, url)
}

fn through(relay: &RelayUrl, role: Role) -> Options {
    Options {
        lan: false,
        relays: RelayChoice::Urls(vec![relay.clone()]),
        ..Options::new(Identity::ephemeral().unwrap(), role)
    }
}

struct Anybody;

impl Access for Anybody {
    fn admits(&self, _viewer: &PeerId) -> bool {
        true
    }

    fn pair(&self, _viewer: &PeerId, _request: &wire::pair::Request) -> bool {
        false
    }
}

struct Greeting;

impl Service for Greeting {
    fn call(&self, _request: Request) -> BoxFuture<Response> {
        Box::pin(async { Response::new(200, "hello") })
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work)
        .await
        .expect("done within a minute")
}

/// Waits until the endpoint is told that it cannot use its relay.
async fn refused(endpoint: &Endpoint) {
    let mut events = endpoint.nat_events();
    while within(events.next()).await.unwrap() != (NatEvent::NatError {}) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_camera_and_its_viewer_meet_at_the_relay() {
    let bound = Arc::new(Bound::default());
    let (relay, url) = relay(Arc::clone(&bound)).await;
    let (at_camera, at_viewer) = (through(&url, Role::Camera), through(&url, Role::Viewer));
    for options in [&at_camera, &at_viewer] {
        bound.0.lock().unwrap().insert(options.identity.id());
    }
    let camera = Endpoint::bind(at_camera).await.unwrap();
    let _serving = camera.serve(Arc::new(Anybody), Arc::new(Greeting));
    within(camera.online()).await;
    let viewer = Endpoint::bind_relayed(at_viewer).await.unwrap();
    let session = viewer.session(camera.address());
    let answer = within(session.request(Request::get("/"))).await.unwrap();
    let body = within(answer.body.read_to_end(100)).await.unwrap();
    assert_eq!(body, b"hello");
    assert_eq!(session.path().unwrap().kind, PathKind::Relayed);

    // Unbound: what goes through the relay ends, and the relay is not had again.
    bound.0.lock().unwrap().remove(&viewer.id());
    let told = tokio::spawn({
        let viewer = viewer.clone();
        async move { refused(&viewer).await }
    });
    assert!(relay.dismiss(&viewer.id()));
    within(told).await.unwrap();
    assert!(!relay.dismiss(&viewer.id()), "nothing is left of it");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_bound_is_refused() {
    let bound = Arc::new(Bound::default());
    let (_relay, url) = relay(Arc::clone(&bound)).await;
    let options = through(&url, Role::Viewer);
    let stranger = Endpoint::bind(options).await.unwrap();
    refused(&stranger).await;
    // The same key is let in once it is bound.
    bound.0.lock().unwrap().insert(stranger.id());
    within(stranger.online()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = |https: SocketAddr, key_pem: String| Config {
        https,
        quic: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        names: vec!["127.0.0.1".into()],
        key_pem,
    };
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let address = taken.local_addr().unwrap();
    let error = Relay::start(config(address, key), Arc::new(Bound::default())).await;
    let error = error.err().unwrap();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let no_key = config(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "no key".into());
    let error = Relay::start(no_key, Arc::new(Bound::default())).await.err();
    assert!(
        matches!(error, Some(Error::Certificate { .. })),
        "{error:?}"
    );
}
