//! Who is let in, and what the others learn.

use std::time::{Duration, Instant};

use iroh::endpoint::{ConnectionError, presets};
use p2p::{Error, Request, State, defaults};
use wire::id::{PeerId, Secret};

use crate::support::{Camera, SECRET, hello, pair, until_connected, viewer, within};

const LONG: Duration = Duration::from_secs(10);

fn secret(bytes: [u8; 16]) -> wire::pair::Request {
    wire::pair::Request {
        secret: Secret::from_bytes(bytes),
        viewer_name: "Phone".into(),
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    let camera = Camera::start().await;
    let viewer = viewer().await;
    let session = viewer.session(camera.address());
    assert_eq!(within(LONG, hello(&session)).await, Err(Error::Refused));
    within(
        LONG,
        session.state().until(|state| *state == State::Refused),
    )
    .await
    .unwrap();
    assert!(camera.server.viewers().is_empty());
    // Also later, and also while the session is kept warm.
    session.keep_warm(true);
    for _ in 0..3 {
        let started = Instant::now();
        assert_eq!(within(LONG, hello(&session)).await, Err(Error::Refused));
        assert!(started.elapsed() < Duration::from_secs(2), "at once");
    }
    // Once it is known, the next request goes through.
    camera.guests.known.lock().unwrap().insert(viewer.id());
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
}

#[tokio::test]
async fn an_unknown_key_learns_nothing_but_refused() {
    let camera = Camera::start().await;
    let stranger = iroh::Endpoint::bind(presets::Minimal).await.unwrap();
    let id = iroh::PublicKey::from_bytes(&camera.endpoint.id().0).unwrap();
    let addr = iroh::EndpointAddr::new(id).with_ip_addr(camera.address().addrs[0]);
    let connection = stranger
        .connect(addr.clone(), defaults::ALPN_HTTP)
        .await
        .unwrap();
    let received = async {
        match connection.open_bi().await {
            Ok((mut send, mut recv)) => {
                let _ = send
                    .write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n")
                    .await;
                recv.read_to_end(1000).await.unwrap_or_default()
            }
            Err(_) => Vec::new(),
        }
    };
    assert_eq!(within(LONG, received).await, b"");
    assert!(
        within(LONG, connection.accept_uni()).await.is_err(),
        "no greeting for strangers"
    );
    let ConnectionError::ApplicationClosed(close) = connection.closed().await else {
        panic!("not closed")
    };
    assert_eq!(
        (u64::from(close.error_code), &close.reason[..]),
        (0x403, &b"refused"[..])
    );
    // A protocol that does not exist gets no connection at all.
    assert!(
        within(LONG, stranger.connect(addr, b"porthole/9"))
            .await
            .is_err()
    );
    stranger.close().await;
}

#[tokio::test]
async fn a_secret_admits_one_viewer_once() {
    let camera = Camera::start().await;
    camera.invite();
    let (first, second) = (viewer().await, viewer().await);
    let session = first.session(camera.address());
    assert_eq!(
        within(LONG, session.pair(secret([8; 16]))).await,
        Err(Error::Refused),
        "a wrong one"
    );
    within(LONG, session.pair(secret(SECRET))).await.unwrap();
    assert_eq!(session.camera_name().as_deref(), Some("Front door"));
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
    let other = second.session(camera.address());
    assert_eq!(
        within(LONG, other.pair(secret(SECRET))).await,
        Err(Error::Refused),
        "used up"
    );
    assert_eq!(within(LONG, hello(&other)).await, Err(Error::Refused));
}

#[tokio::test]
async fn guessing_is_limited() {
    let camera = Camera::start().await;
    camera.invite();
    let viewer = viewer().await;
    let session = viewer.session(camera.address());
    for guess in 0..defaults::PAIR_TRIES_PER_PEER as u8 {
        assert_eq!(
            within(LONG, session.pair(secret([guess + 100; 16]))).await,
            Err(Error::Refused)
        );
    }
    assert_eq!(
        within(LONG, session.pair(secret(SECRET))).await,
        Err(Error::TooManyAttempts),
        "even the right one"
    );
}

#[tokio::test]
async fn a_viewer_that_is_removed_is_out_at_once() {
    let (camera, viewer, session) = pair().await;
    session.keep_warm(true);
    until_connected(&session).await;
    let mut live = session
        .request(Request::get("/live?10"))
        .await
        .unwrap()
        .body;
    assert!(live.chunk().await.unwrap().is_ok());
    camera.guests.known.lock().unwrap().clear();
    camera.server.disconnect(&viewer.id());
    let ended = async {
        loop {
            if let Err(error) = live.chunk().await.unwrap() {
                return error;
            }
        }
    };
    assert_eq!(within(LONG, ended).await, Error::Refused);
    within(
        LONG,
        session.state().until(|state| *state == State::Refused),
    )
    .await
    .unwrap();
    assert!(camera.server.viewers().is_empty());
}

#[tokio::test]
async fn an_id_that_is_no_key_is_an_error_here() {
    let viewer = viewer().await;
    let mut bytes = [0xff; 32];
    bytes[0] = 2;
    let session = viewer.session(wire::address::Address::new(PeerId(bytes)));
    let started = Instant::now();
    assert!(matches!(
        within(LONG, hello(&session)).await,
        Err(Error::Invalid { .. })
    ));
    assert!(started.elapsed() < Duration::from_secs(2), "at once");
}
