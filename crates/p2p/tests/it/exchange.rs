//! Requests, responses, streaming and giving up, both ways.

use std::time::{Duration, Instant};

use p2p::{Body, Error, PathKind, Priority, Request, State, defaults};
use wire::command::reply::Refusal;
use wire::event::SessionEvent;

use crate::support::{Seen, hello, pair, until_connected, within};

const SOON: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_request_gets_its_response() {
    let (camera, _viewer, session) = pair().await;
    assert_eq!(session.state().get(), State::Idle);
    let response = session.request(Request::get("/hello")).await.unwrap();
    assert_eq!(
        (response.status, response.header_value("X-Test")),
        (200, Some("yes"))
    );
    assert_eq!(response.body.read_to_end(5).await.unwrap(), b"hello");

    let upload: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let response = session
        .request(Request::post("/echo", upload.clone()))
        .await
        .unwrap();
    assert_eq!(
        response.body.read_to_end(upload.len()).await.unwrap(),
        upload
    );

    for status in [404, 503] {
        let response = session
            .request(Request::get(format!("/status?{status}")))
            .await
            .unwrap();
        assert_eq!(response.status, status, "an answer, not an error");
        assert_eq!(response.body.read_to_end(10).await.unwrap(), b"no");
    }
    until_connected(&session).await;
    let stats = session.stats();
    let path = stats.path.clone().unwrap();
    assert_eq!(path.kind, PathKind::Lan);
    assert_eq!(path.remote, Some(camera.address().addrs[0]));
    assert!(path.rtt < Duration::from_millis(500), "{path:?}");
    assert!(
        stats.received_bytes > 300_000 && stats.sent_bytes > 300_000,
        "{stats:?}"
    );
    assert_eq!(stats.connections, 1);
    assert_eq!(camera.server.viewers().len(), 1);
    assert!(
        camera
            .server
            .stats(&camera.server.viewers()[0])
            .unwrap()
            .path
            .is_some()
    );
}

#[tokio::test]
async fn a_target_that_is_no_path_is_refused_here() {
    let (_camera, _viewer, session) = pair().await;
    for target in ["", "hello", "http://elsewhere/", "/with space"] {
        let error = session.request(Request::get(target)).await.unwrap_err();
        assert!(
            matches!(error, Error::Invalid { what: "target", .. }),
            "{target}: {error}"
        );
    }
}

#[tokio::test]
async fn bodies_stream_both_ways_at_the_same_time() {
    let (_camera, _viewer, session) = pair().await;
    hello(&session).await.unwrap();
    let (sender, body) = Body::channel(4);
    let mut echo = session
        .request(Request::post("/echo", body).priority(Priority::Audio))
        .await
        .unwrap()
        .body;
    for n in 0..20u8 {
        sender.send(vec![n; 320]).await.unwrap();
        let sent = Instant::now();
        assert_eq!(
            *within(LONG, echo.chunk()).await.unwrap().unwrap(),
            [n; 320],
            "one by one, not at the end"
        );
        assert!(sent.elapsed() < SOON);
    }
    drop(sender);
    assert_eq!(within(LONG, echo.chunk()).await, None);
}

#[tokio::test]
async fn the_camera_notices_at_once_that_a_viewer_gave_up_a_body() {
    let (mut camera, _viewer, session) = pair().await;
    for target in ["/live?20", "/quiet?1", "/quiet?0"] {
        let body = session.request(Request::get(target)).await.unwrap().body;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let dropped = Instant::now();
        drop(body);
        let Seen::Closed(closed) = camera.next().await else {
            panic!("not closed")
        };
        let took = closed.duration_since(dropped);
        println!("{target}: noticed after {took:?}");
        assert!(took < SOON, "{target}: {took:?}");
    }
    assert_eq!(
        hello(&session).await.unwrap(),
        b"hello",
        "the connection is as good as before"
    );
}

#[tokio::test]
async fn giving_up_before_the_answer_drops_the_call() {
    let (mut camera, _viewer, session) = pair().await;
    hello(&session).await.unwrap();
    let asked = tokio::time::timeout(
        Duration::from_millis(100),
        session.request(Request::get("/slow")),
    )
    .await;
    assert!(asked.is_err());
    let given_up = Instant::now();
    let Seen::Dropped(at) = camera.next().await else {
        panic!("not dropped")
    };
    assert!(at.duration_since(given_up) < SOON);
}

#[tokio::test]
async fn an_upload_arrives_piece_by_piece_and_ends_cleanly() {
    let (mut camera, _viewer, session) = pair().await;
    let (sender, body) = Body::channel(4);
    let asking = tokio::spawn({
        let session = session.clone();
        async move {
            session
                .request(Request::post("/upload", body).priority(Priority::Audio))
                .await
        }
    });
    for _ in 0..5 {
        sender.send(vec![3; 320]).await.unwrap();
        assert!(matches!(camera.next().await, Seen::Piece(320)));
    }
    drop(sender);
    assert!(matches!(camera.next().await, Seen::End(Ok(()))));
    let response = within(LONG, asking).await.unwrap().unwrap();
    assert_eq!(response.body.read_to_end(10).await.unwrap(), b"1600");
}

#[tokio::test]
async fn an_aborted_upload_is_an_error_at_the_camera() {
    let (mut camera, _viewer, session) = pair().await;
    let (sender, body) = Body::channel(4);
    let asking = tokio::spawn({
        let session = session.clone();
        async move { session.request(Request::post("/upload", body)).await }
    });
    sender.send(vec![3; 320]).await.unwrap();
    assert!(matches!(camera.next().await, Seen::Piece(320)));
    sender.abort();
    let Seen::End(Err(error)) = camera.next().await else {
        panic!("a clean end")
    };
    assert!(
        matches!(error, Error::Aborted | Error::Truncated),
        "{error}"
    );
    assert!(within(LONG, asking).await.unwrap().is_err());
    assert_eq!(hello(&session).await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_viewer_notices_that_the_camera_does_not_read_its_upload() {
    let (_camera, _viewer, session) = pair().await;
    let (sender, body) = Body::channel(4);
    sender.send(vec![3; 320]).await.unwrap();
    let response = within(LONG, session.request(Request::post("/busy", body)))
        .await
        .unwrap();
    assert_eq!(response.status, 503);
    assert_eq!(
        response.body.read_to_end(100).await.unwrap(),
        b"camera full"
    );
    within(SOON, sender.closed()).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_taken_for_whole() {
    let (_camera, _viewer, session) = pair().await;
    for target in ["/abort", "/short"] {
        // A reset overtakes what was sent before it: the head may be lost as well.
        let error = match session.request(Request::get(target)).await {
            Err(error) => error,
            Ok(response) => within(LONG, response.body.read_to_end(1000))
                .await
                .unwrap_err(),
        };
        assert!(
            matches!(error, Error::Aborted | Error::Truncated),
            "{target}: {error}"
        );
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_all_answered() {
    let (_camera, _viewer, session) = pair().await;
    hello(&session).await.unwrap();
    let start = Instant::now();
    let asking: Vec<_> = (0..100)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { hello(&session).await })
        })
        .collect();
    for one in asking {
        assert_eq!(within(LONG, one).await.unwrap().unwrap(), b"hello");
    }
    println!("100 requests at once: {:?}", start.elapsed());
}

#[tokio::test]
async fn the_session_tells_what_happens() {
    let (camera, _viewer, session) = pair().await;
    let mut events = session.events();
    hello(&session).await.unwrap();
    drop(session.request(Request::get("/live?10")).await.unwrap());
    until_connected(&session).await;
    camera.server.shutdown().await;
    let mut all = Vec::new();
    while all.last() != Some(&SessionEvent::Disconnect) {
        all.push(within(LONG, events.next()).await.unwrap());
    }
    let names: Vec<_> = all.iter().map(SessionEvent::subtype).collect();
    for name in [
        "connected",
        "request",
        "parsed",
        "eof",
        "close",
        "disconnect",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let place = |name| names.iter().position(|other| *other == name);
    assert!(
        place("request") < place("parsed") && place("parsed") < place("eof"),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_closed_session_says_so_and_the_next_one_works() {
    let (camera, viewer, session) = pair().await;
    hello(&session).await.unwrap();
    let same = viewer.session(camera.address());
    assert_eq!(hello(&same).await.unwrap(), b"hello");
    assert_eq!(camera.server.viewers().len(), 1, "one connection a camera");
    session.close();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        same.request(Request::get("/hello")).await.unwrap_err(),
        Error::ClosedHere
    );
    assert_eq!(
        hello(&viewer.session(camera.address())).await.unwrap(),
        b"hello"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_bodies_that_nobody_reads_leave_room_for_a_command() {
    let (_camera, _viewer, session) = pair().await;
    let open = || async {
        let request = Request::get(format!("/file?{}", 1_usize << 30)).priority(Priority::Video);
        session.request(request).await.unwrap()
    };
    let mut unread = Vec::new();
    for n in 0..100 {
        let mut response = within(Duration::from_secs(5), open()).await;
        if n < defaults::MAX_BODIES {
            assert_eq!(response.status, 200);
            // Its stream is under way before the next one comes.
            response.body.chunk().await.unwrap().unwrap();
            unread.push(response);
        } else {
            assert_eq!(response.status, 503);
            let refusal = response.body.read_to_end(1000).await.unwrap();
            let refusal = Refusal::decode(&refusal).unwrap();
            assert_eq!(refusal, Refusal::too_many_streams());
        }
    }
    // All that fits into the streams has arrived when no window moves any more.
    for _ in 0..20 {
        let answer = within(Duration::from_secs(5), hello(&session)).await;
        assert_eq!(answer.unwrap(), b"hello");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A place that is given back is there for the next one.
    unread.truncate(1);
    let again = async {
        while open().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(Duration::from_secs(5), again).await;
}
