//! The drivers on real sockets, in virtual time where a wait would be long.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use provision::Log;
use provision::camera::{Engine, Event, Wanted};
use provision::driver::{Camera, Viewer, fetch_log, serve_log};
use provision::viewer::{self, Config};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use wire::soft_ap::{Cause, Request, State};

use crate::common::{PASSWORD, config, join, token};

/// Generous: only a hang lasts that long.
const LONG: Duration = Duration::from_secs(60);
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

async fn camera(keeps_hotspot: bool) -> (Camera, SocketAddr) {
    let now = Instant::now();
    let mut config = config(now);
    config.keeps_hotspot = keeps_hotspot;
    let mut camera = Camera::new(Engine::new(now, config));
    let address = camera.listen(LOCAL).await.unwrap();
    (camera, address)
}

async fn next(camera: &mut Camera) -> Event {
    timeout(LONG, camera.next())
        .await
        .expect("the camera hangs")
}

async fn heard(viewer: &mut Viewer) -> Option<viewer::Event> {
    timeout(LONG, viewer.next())
        .await
        .expect("the viewer hangs")
}

/// Runs the camera until somebody aborts it.
fn serve(
    mut camera: Camera,
    to_start: impl Fn(&mut Camera) + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            if let Event::Start(wanted) = camera.next().await {
                assert_eq!(wanted, Wanted::Join(join()));
                to_start(&mut camera);
            }
        }
    })
}

#[tokio::test]
async fn a_camera_and_a_viewer_pair_over_loopback() {
    let (camera, address) = camera(true).await;
    let camera = serve(camera, |camera| {
        camera.set_state(State::Joining);
        camera.set_state(State::Registering);
        camera.succeed();
    });
    let config = Config {
        follow: true,
        ..Config::join(join())
    };
    let mut viewer = Viewer::start(config, LOCAL, address).await.unwrap();
    let mut states = Vec::new();
    let mut replies = 0;
    while let Some(event) = heard(&mut viewer).await {
        match event {
            viewer::Event::DeviceReplied(_) => replies += 1,
            viewer::Event::State(state) => states.push(state),
            viewer::Event::Done => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(replies, 1);
    assert_eq!(states.last(), Some(&State::Bound));
    assert!(states.is_sorted(), "{states:?}");
    camera.abort();
}

#[tokio::test]
async fn a_camera_that_left_its_hotspot_tells_the_cause_when_it_is_back() {
    let (mut camera, address) = camera(false).await;
    let mut viewer = Viewer::start(Config::join(join()), LOCAL, address)
        .await
        .unwrap();
    let asking = tokio::spawn(async move {
        let mut events = Vec::new();
        while let Some(event) = heard(&mut viewer).await {
            events.push(event);
        }
        events
    });
    assert!(matches!(next(&mut camera).await, Event::Received { .. }));
    // The viewer says that it has heard, so that this does not take its five seconds.
    assert_eq!(next(&mut camera).await, Event::Start(Wanted::Join(join())));
    camera.close().await;
    assert_eq!(asking.await.unwrap().last(), Some(&viewer::Event::Done));
    camera.fail(Cause::NetworkNotFound);
    camera.listen(address).await.unwrap();
    let camera = serve(camera, |_| panic!("nothing is tried again"));
    let mut viewer = Viewer::start(Config::join(join()), LOCAL, address)
        .await
        .unwrap();
    let told = heard(&mut viewer).await;
    assert!(
        matches!(
            &told,
            Some(viewer::Event::Failed {
                cause: Cause::NetworkNotFound,
                ..
            })
        ),
        "{told:?}"
    );
    assert_eq!(heard(&mut viewer).await, None);
    camera.abort();
}

#[tokio::test(start_paused = true)]
async fn a_viewer_without_a_camera_gives_up_after_ten_seconds() {
    // Bound, so that nobody else has the port, and silent.
    let silent = UdpSocket::bind(LOCAL).await.unwrap();
    let address = silent.local_addr().unwrap();
    let began = tokio::time::Instant::now();
    let mut viewer = Viewer::start(Config::join(join()), LOCAL, address)
        .await
        .unwrap();
    assert_eq!(viewer.next().await, Some(viewer::Event::NoReply));
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(viewer.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_closed_port_and_a_missing_network_are_waited_out_too() {
    for nobody in ["127.0.0.1:9", "192.0.2.1:8266"] {
        let mut viewer = Viewer::start(Config::join(join()), LOCAL, nobody.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(
            viewer.next().await,
            Some(viewer::Event::NoReply),
            "{nobody}"
        );
    }
}

#[tokio::test]
async fn datagrams_from_elsewhere_are_not_the_cameras() {
    let silent = UdpSocket::bind(LOCAL).await.unwrap();
    let camera = silent.local_addr().unwrap();
    let bind = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut viewer = Viewer::start(Config::join(join()), bind, camera)
        .await
        .unwrap();
    let asking = tokio::spawn(async move { viewer.next().await });
    let mut buffer = [0; 2048];
    let (_, from) = timeout(LONG, silent.recv_from(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    let liar = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let error = br#"{"cmdType":2,"deviceReply":"Current_Error","log":"(10, 15)"}"#;
    liar.send_to(error, from).await.unwrap();
    let truth = br#"{"cmdType":2,"deviceReply":"Current_Error","log":"(10, 201)"}"#;
    tokio::time::sleep(Duration::from_millis(200)).await;
    silent.send_to(truth, from).await.unwrap();
    let told = timeout(LONG, asking).await.unwrap().unwrap();
    assert!(
        matches!(
            &told,
            Some(viewer::Event::Failed {
                cause: Cause::NetworkNotFound,
                ..
            })
        ),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_log_is_to_be_had_on_both_ports_and_holds_no_secret() {
    let now = Instant::now();
    let mut config = config(now);
    let log = Log::new(now);
    config.log = log.clone();
    let mut camera = Camera::new(Engine::new(now, config));
    let setup = camera.listen(LOCAL).await.unwrap();
    let camera = tokio::spawn(async move {
        loop {
            if matches!(camera.next().await, Event::Start(_)) {
                camera.fail(Cause::WrongPassword);
            }
        }
    });
    let config = Config {
        follow: true,
        ..Config::join(join())
    };
    let mut viewer = Viewer::start(config, LOCAL, setup).await.unwrap();
    while heard(&mut viewer).await.is_some() {}
    let text = timeout(LONG, fetch_log(LOCAL, setup))
        .await
        .unwrap()
        .unwrap();
    assert!(text.contains("the Wi-Fi password is wrong"), "{text}");
    assert!(
        !text.contains(PASSWORD) && !text.contains(token(1).as_str()),
        "{text}"
    );

    let probe = UdpSocket::bind(LOCAL).await.unwrap();
    let port = probe.local_addr().unwrap();
    drop(probe);
    let server = tokio::spawn(async move { serve_log(port, &log).await });
    let again = timeout(LONG, fetch_log(LOCAL, port))
        .await
        .unwrap()
        .unwrap();
    // The first query is logged.
    assert!(again.contains("log asked by"), "{again}");
    // It is there for the next one too, and other datagrams get nothing.
    let asker = UdpSocket::bind(LOCAL).await.unwrap();
    asker.send_to(b"{\"cmdType\":1}", port).await.unwrap();
    asker
        .send_to(&Request::Log.encode().unwrap(), port)
        .await
        .unwrap();
    let mut buffer = [0; 2048];
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (length, _) = timeout(LONG, asker.recv_from(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        answers.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    assert!(
        answers.iter().all(|answer| answer.starts_with(&again)),
        "{answers:?}"
    );
    server.abort();
    camera.abort();
}

#[tokio::test(start_paused = true)]
async fn the_log_server_ends_after_360_seconds() {
    let began = tokio::time::Instant::now();
    serve_log(LOCAL, &Log::new(Instant::now())).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 360);
}

#[tokio::test(start_paused = true)]
async fn a_camera_without_a_log_is_an_error_that_says_what_to_look_at() {
    let silent = UdpSocket::bind(LOCAL).await.unwrap();
    let error = fetch_log(LOCAL, silent.local_addr().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("within 5 s"), "{error}");
}
