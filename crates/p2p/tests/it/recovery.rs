//! Cameras that are killed, stopped and silent; viewers that are stopped.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use p2p::{Body, Error, Identity, Priority, Request, Session, State};
use wire::address::Address;

use crate::child::Process;
use crate::support::{Camera, Seen, hello, pair, until_connected, viewer, within};

const LONG: Duration = Duration::from_secs(15);

fn free_port() -> u16 {
    UdpSocket::bind("0.0.0.0:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

async fn watch(session: &Session) -> Body {
    let response = within(
        LONG,
        session.request(Request::get("/live?20").priority(Priority::Video)),
    )
    .await
    .unwrap();
    response.body
}

/// Reads until the body fails.
async fn failure(body: &mut Body) -> Error {
    loop {
        match body.chunk().await {
            Some(Ok(_)) => continue,
            Some(Err(error)) => return error,
            None => panic!("a clean end"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_was_killed_is_reached_again_when_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let viewer = viewer().await;
    let id = Identity::load_or_create(&dir.path().join("identity.key"))
        .unwrap()
        .id();
    let port = free_port();
    let camera = Process::camera(dir.path(), port, viewer.id());
    let session = viewer.session(Address {
        addrs: vec![([127, 0, 0, 1], port).into()],
        ..Address::new(id)
    });
    session.keep_warm(true);
    // Away for a moment, and for longer than dialling stays in its first rhythm.
    let mut camera = Some(camera);
    for away in [Duration::from_millis(300), Duration::from_secs(6)] {
        let mut body = watch(&session).await;
        assert!(body.chunk().await.unwrap().is_ok());
        camera.take().unwrap().signal("KILL");
        let killed = Instant::now();
        let error = within(LONG, failure(&mut body)).await;
        let noticed = killed.elapsed();
        assert_eq!(error, Error::Silent);
        tokio::time::sleep(away.saturating_sub(killed.elapsed())).await;
        camera = Some(Process::camera(dir.path(), port, viewer.id()));
        let returned = Instant::now();
        let mut body = watch(&session).await;
        assert!(body.chunk().await.unwrap().is_ok());
        println!(
            "killed: noticed after {noticed:?}; live {:?} after its return",
            returned.elapsed()
        );
        assert!(noticed < Duration::from_millis(1500), "{noticed:?}");
        assert!(
            returned.elapsed() < Duration::from_millis(1500),
            "{:?}",
            returned.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_session_is_restored_too() {
    let dir = tempfile::tempdir().unwrap();
    let viewer = viewer().await;
    let id = Identity::load_or_create(&dir.path().join("identity.key"))
        .unwrap()
        .id();
    let port = free_port();
    let camera = Process::camera(dir.path(), port, viewer.id());
    let session = viewer.session(Address {
        addrs: vec![([127, 0, 0, 1], port).into()],
        ..Address::new(id)
    });
    session.keep_warm(true);
    until_connected(&session).await;
    let mut state = session.state();
    let killed = Instant::now();
    drop(camera);
    within(
        LONG,
        state.until(|state| !matches!(state, State::Connected { .. })),
    )
    .await
    .unwrap();
    println!("nobody watching: noticed after {:?}", killed.elapsed());
    within(
        LONG,
        state.until(|state| matches!(state, State::Waiting { .. })),
    )
    .await
    .unwrap();
    let asked = tokio::spawn({
        let session = session.clone();
        async move { session.request(Request::get("/hello")).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _camera = Process::camera(dir.path(), port, viewer.id());
    assert_eq!(
        within(LONG, asked).await.unwrap().unwrap().status,
        200,
        "the request waited for the camera"
    );
    until_connected(&session).await;
    assert_eq!(session.stats().connections, 2);
}

#[tokio::test]
async fn a_silent_live_body_is_an_error_after_a_second_and_the_session_redials() {
    let (mut camera, _viewer, session) = pair().await;
    let mut body = session
        .request(Request::get("/quiet?1").priority(Priority::Video))
        .await
        .unwrap()
        .body;
    assert!(body.chunk().await.unwrap().is_ok());
    let start = Instant::now();
    assert_eq!(within(LONG, body.chunk()).await, Some(Err(Error::Silent)));
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_millis(1500),
        "{took:?}"
    );
    assert_eq!(body.chunk().await, None);
    assert!(matches!(camera.next().await, Seen::Closed(_)));
    let redial = Instant::now();
    let mut body = watch(&session).await;
    assert!(body.chunk().await.unwrap().is_ok());
    println!(
        "silent after {took:?}, live again {:?} later",
        redial.elapsed()
    );
    let stats = session.stats();
    assert_eq!((stats.connections, stats.silences), (2, 1));
}

#[tokio::test]
async fn a_live_request_without_an_answer_is_silence_too() {
    let (_camera, _viewer, session) = pair().await;
    let start = Instant::now();
    let error = session
        .request(Request::get("/slow").priority(Priority::Video))
        .await
        .unwrap_err();
    assert_eq!(error, Error::Silent);
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn silence_is_no_matter_where_it_is_allowed_or_nobody_listens() {
    let (_camera, _viewer, session) = pair().await;
    let mut paused = session
        .request(
            Request::get("/quiet?1")
                .priority(Priority::Video)
                .watched(false),
        )
        .await
        .unwrap();
    let mut file = session
        .request(Request::get("/quiet?1").priority(Priority::Download))
        .await
        .unwrap();
    let mut busy = watch(&session).await;
    assert!(paused.body.chunk().await.unwrap().is_ok() && file.body.chunk().await.unwrap().is_ok());
    // A caller that is busy elsewhere has pieces waiting, and those are no silence.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    for _ in 0..5 {
        assert!(busy.chunk().await.unwrap().is_ok());
    }
    for body in [&mut paused.body, &mut file.body] {
        assert!(
            tokio::time::timeout(Duration::from_millis(100), body.chunk())
                .await
                .is_err(),
            "still waiting"
        );
    }
    assert_eq!(session.stats().connections, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_camera_is_silence_and_live_again_when_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let viewer = viewer().await;
    let id = Identity::load_or_create(&dir.path().join("identity.key"))
        .unwrap()
        .id();
    let port = free_port();
    let camera = Process::camera(dir.path(), port, viewer.id());
    let session = viewer.session(Address {
        addrs: vec![([127, 0, 0, 1], port).into()],
        ..Address::new(id)
    });
    session.keep_warm(true);
    let mut body = watch(&session).await;
    assert!(body.chunk().await.unwrap().is_ok());
    camera.signal("STOP");
    assert_eq!(within(LONG, failure(&mut body)).await, Error::Silent);
    tokio::time::sleep(Duration::from_secs(3)).await;
    camera.signal("CONT");
    let start = Instant::now();
    let mut body = watch(&session).await;
    assert!(body.chunk().await.unwrap().is_ok());
    println!(
        "stopped camera: live {:?} after it went on",
        start.elapsed()
    );
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_viewer_is_live_again_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let mut camera = Camera::start().await;
    let id = Identity::load_or_create(&dir.path().join("identity.key"))
        .unwrap()
        .id();
    camera.guests.known.lock().unwrap().insert(id);
    let viewer = Process::viewer(dir.path(), camera.endpoint.id(), camera.address().addrs[0]);
    let first = joined(&mut camera).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    viewer.signal("STOP");
    let stopped = Instant::now();
    let left = async {
        loop {
            if let Seen::Left(viewer) = camera.seen.recv().await.unwrap() {
                return viewer;
            }
        }
    };
    assert_eq!(within(LONG, left).await, first);
    println!(
        "stopped viewer: the camera let go of it after {:?}",
        stopped.elapsed()
    );
    tokio::time::sleep(Duration::from_secs(10).saturating_sub(stopped.elapsed())).await;
    viewer.signal("CONT");
    let start = Instant::now();
    assert_ne!(joined(&mut camera).await, first);
    println!(
        "stopped viewer: back {:?} after it went on",
        start.elapsed()
    );
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

async fn joined(camera: &mut Camera) -> p2p::Viewer {
    let joined = async {
        loop {
            if let Seen::Joined(viewer) = camera.seen.recv().await.unwrap() {
                return viewer;
            }
        }
    };
    within(LONG, joined).await
}

#[tokio::test]
async fn a_camera_that_is_not_there_is_unreachable_with_what_was_tried() {
    let viewer = viewer().await;
    let id = Identity::ephemeral().unwrap().id();
    let port = free_port();
    let session = viewer.session(Address {
        addrs: vec![([127, 0, 0, 1], port).into()],
        ..Address::new(id)
    });
    let error = within(LONG, hello(&session)).await.unwrap_err();
    let Error::Unreachable { tried, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(tried, [format!("127.0.0.1:{port}")]);
    // Nobody waits any more: dialling ends.
    within(LONG, session.state().until(|state| *state == State::Idle))
        .await
        .unwrap();
}
