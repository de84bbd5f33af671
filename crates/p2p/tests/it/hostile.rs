//! Peers that do not keep to the protocol.

use std::time::{Duration, Instant};

use iroh::endpoint::{Connection, presets};
use p2p::{Error, Request, defaults};
use wire::address::Address;
use wire::id::PeerId;

use crate::support::{Camera, hello, pair, viewer, within};

const LONG: Duration = Duration::from_secs(15);

/// A viewer that the camera knows, with bare hands.
async fn known_stranger(camera: &Camera) -> (iroh::Endpoint, Connection) {
    let endpoint = iroh::Endpoint::bind(presets::Minimal).await.unwrap();
    camera
        .guests
        .known
        .lock()
        .unwrap()
        .insert(PeerId(*endpoint.id().as_bytes()));
    let id = iroh::PublicKey::from_bytes(&camera.endpoint.id().0).unwrap();
    let addr = iroh::EndpointAddr::new(id).with_ip_addr(camera.address().addrs[0]);
    let connection = endpoint.connect(addr, defaults::ALPN_HTTP).await.unwrap();
    (endpoint, connection)
}

async fn send(connection: &Connection, bytes: &[u8]) -> Vec<u8> {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    let _ = send.write_all(bytes).await;
    let _ = send.finish();
    within(LONG, recv.read_to_end(100_000))
        .await
        .unwrap_or_default()
}

#[tokio::test]
async fn garbage_on_a_stream_harms_that_stream_only() {
    let (camera, _viewer, session) = pair().await;
    let (_endpoint, connection) = known_stranger(&camera).await;
    let garbage: Vec<u8> = (0..5000u32).map(|n| (n * 7919) as u8).collect();
    let cases: [&[u8]; 7] = [
        &garbage,
        b"",
        b"\0\0\0\0",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW /hello HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /upload HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
    ];
    for case in cases {
        let answer = send(&connection, case).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || text.starts_with("HTTP/1.1 4"),
            "{case:.20?}: {text}"
        );
    }
    let answer = send(&connection, b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(
        String::from_utf8_lossy(&answer).ends_with("hello"),
        "the same connection still works"
    );
    assert_eq!(hello(&session).await.unwrap(), b"hello");
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    let (camera, _viewer, session) = pair().await;
    let (_endpoint, connection) = known_stranger(&camera).await;
    for line in [
        "x-more: 1\r\n".to_string(),
        format!("x-long: {}", "a".repeat(1000)),
    ] {
        let (mut send, _recv) = connection.open_bi().await.unwrap();
        send.write_all(b"GET /hello HTTP/1.1\r\n").await.unwrap();
        let flood = async {
            let mut sent = 0;
            while send.write_all(line.as_bytes()).await.is_ok() {
                sent += line.len();
            }
            sent
        };
        let sent = within(LONG, flood).await;
        assert!(sent < 2 * 1024 * 1024, "{sent} bytes before it was cut off");
    }
    assert_eq!(hello(&session).await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_request_that_never_comes_is_given_up() {
    let (camera, _viewer, session) = pair().await;
    let (_endpoint, connection) = known_stranger(&camera).await;
    let start = Instant::now();
    let mut streams = Vec::new();
    // As many as are served at once, so that this peer's next request has to wait, and nobody else's.
    for _ in 0..defaults::MAX_REQUESTS {
        let (mut send, recv) = connection.open_bi().await.unwrap();
        send.write_all(b"GET /hel").await.unwrap();
        streams.push((send, recv));
    }
    assert_eq!(hello(&session).await.unwrap(), b"hello");
    let next = send(&connection, b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(String::from_utf8_lossy(&next).ends_with("hello"));
    let took = start.elapsed();
    assert!(
        took >= defaults::REQUEST_HEAD && took < defaults::REQUEST_HEAD + Duration::from_secs(4),
        "{took:?}"
    );
}

/// A camera with bare hands: answers every stream with `answer`.
async fn false_camera(answer: Vec<u8>) -> (iroh::Endpoint, Address) {
    let endpoint = iroh::Endpoint::builder(presets::Minimal)
        .alpns(vec![
            defaults::ALPN_HTTP.to_vec(),
            defaults::ALPN_PAIR.to_vec(),
        ])
        .bind()
        .await
        .unwrap();
    let port = endpoint
        .bound_sockets()
        .iter()
        .find(|socket| socket.is_ipv4())
        .unwrap()
        .port();
    let mut address = Address::new(PeerId(*endpoint.id().as_bytes()));
    address.addrs.push(([127, 0, 0, 1], port).into());
    let accepting = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            let Ok(connection) = incoming.accept().unwrap().await else {
                continue;
            };
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut hello = connection.open_uni().await.unwrap();
                let _ = hello.write_all(&[1]).await;
                while let Ok((mut send, _recv)) = connection.accept_bi().await {
                    let answer = answer.clone();
                    tokio::spawn(async move {
                        if send.write_all(&answer).await.is_ok() && answer.ends_with(b"x") {
                            while send.write_all(&answer).await.is_ok() {}
                        }
                    });
                }
            });
        }
    });
    (endpoint, address)
}

#[tokio::test]
async fn a_camera_that_talks_nonsense_is_an_error_and_no_harm() {
    let endless = [b"HTTP/1.1 200 OK\r\nx-long: ".to_vec(), vec![b'x'; 4000]].concat();
    for answer in [
        b"nonsense\r\n\r\n".to_vec(),
        Vec::new(),
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        endless,
    ] {
        let (_camera, address) = false_camera(answer.clone()).await;
        let viewer = viewer().await;
        let session = viewer.session(address);
        let error = within(LONG, session.request(Request::get("/hello")))
            .await
            .unwrap_err();
        let shown: String = String::from_utf8_lossy(&answer).chars().take(20).collect();
        assert!(
            matches!(
                error,
                Error::Protocol { .. } | Error::Truncated | Error::Closed { .. }
            ),
            "{shown:?}: {error:?}"
        );
        let pairing = wire::pair::Request {
            secret: wire::id::Secret::from_bytes([1; 16]),
            viewer_name: "x".into(),
        };
        let error = within(LONG, session.pair(pairing)).await.unwrap_err();
        assert!(
            matches!(error, Error::Protocol { .. }),
            "{shown:?}: {error:?}"
        );
        viewer.close().await;
    }
}

#[tokio::test]
async fn a_door_that_opens_and_closes_again_is_not_knocked_at_all_the_time() {
    let endpoint = iroh::Endpoint::builder(presets::Minimal)
        .alpns(vec![defaults::ALPN_HTTP.to_vec()])
        .bind()
        .await
        .unwrap();
    let port = endpoint
        .bound_sockets()
        .iter()
        .find(|socket| socket.is_ipv4())
        .unwrap()
        .port();
    let mut address = Address::new(PeerId(*endpoint.id().as_bytes()));
    address.addrs.push(([127, 0, 0, 1], port).into());
    let viewer = viewer().await;
    let session = viewer.session(address);
    session.keep_warm(true);
    let mut knocks = 0;
    let over = tokio::time::Instant::now() + Duration::from_secs(2);
    while let Ok(Some(incoming)) = tokio::time::timeout_at(over, endpoint.accept()).await {
        if let Ok(connection) = incoming.accept().unwrap().await {
            knocks += 1;
            connection.close(0u32.into(), b"not now");
        }
    }
    assert!(
        (2..12).contains(&knocks),
        "{knocks} connections in two seconds"
    );
}

#[tokio::test]
async fn a_refusal_that_arrives_after_the_streams_end_is_a_refusal() {
    let endpoint = iroh::Endpoint::builder(presets::Minimal)
        .alpns(vec![defaults::ALPN_PAIR.to_vec()])
        .bind()
        .await
        .unwrap();
    let sockets = endpoint.bound_sockets();
    let port = sockets.iter().find(|at| at.is_ipv4()).unwrap().port();
    let mut address = Address::new(PeerId(*endpoint.id().as_bytes()));
    address.addrs.push(([127, 0, 0, 1], port).into());
    let refusing = async {
        let connection = endpoint
            .accept()
            .await
            .unwrap()
            .accept()
            .unwrap()
            .await
            .unwrap();
        drop(connection.accept_bi().await.unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
        connection.close(0x403u32.into(), b"refused");
    };
    let viewer = viewer().await;
    let session = viewer.session(address);
    let pairing = session.pair(wire::pair::Request {
        secret: wire::id::Secret::from_bytes([1; 16]),
        viewer_name: "x".into(),
    });
    let (answer, ()) = within(LONG, async { tokio::join!(pairing, refusing) }).await;
    assert_eq!(answer, Err(Error::Refused));
    endpoint.close().await;
}
