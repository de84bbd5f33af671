//! The local gateway, spoken to as other programs and web pages would.

#![allow(clippy::unwrap_used, unreachable_pub)] // tests

mod common;

use app::api::{Call, Reply, Settings};
use app::live::sound::Device;
use app::{App, FileStore, Options};
use common::{Camera, Mode, Viewer};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `http://127.0.0.1:PORT/KEY/CAMERA/ipc.flv?…` in its parts.
struct Url {
    host: String,
    path: String,
}

async fn gateway(viewer: &Viewer) -> Url {
    gateway_of(&viewer.app).await
}

async fn gateway_of(app: &App) -> Url {
    let settings = Settings {
        gateway: true,
        ..Settings::default()
    };
    app.call(Call::SetSettings { settings }, None)
        .await
        .unwrap();
    let Reply::Gateway { on: true, urls } = app.call(Call::Gateway, None).await.unwrap() else {
        panic!()
    };
    let (host, path) = urls[0]
        .url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    Url {
        host: host.to_owned(),
        path: format!("/{path}"),
    }
}

/// Sends a request and gives the first `limit` bytes of what comes back.
async fn ask(url: &Url, method: &str, path: &str, headers: &str, limit: usize) -> String {
    let mut socket = TcpStream::connect(&url.host).await.unwrap();
    socket
        .write_all(
            format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").as_bytes(),
        )
        .await
        .unwrap();
    let mut answer = vec![0; limit];
    let mut filled = 0;
    while filled < limit {
        match tokio::time::timeout(Duration::from_secs(8), socket.read(&mut answer[filled..]))
            .await
            .unwrap()
        {
            Ok(0) | Err(_) => break,
            Ok(read) => filled += read,
        }
    }
    answer.truncate(filled);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_programs_that_know_the_key_and_no_web_pages_are_served() {
    let camera = Camera::start().await;
    let viewer = Viewer::of(&camera).await;
    let url = gateway(&viewer).await;
    let own = format!("Host: {}\r\n", url.host);
    let port = url.host.split(':').nth(1).unwrap();
    let wrong = url.path.replacen(&url.path[1..33], &"0".repeat(32), 1);
    let origin = |origin: &str| format!("{own}Origin: {origin}\r\n");
    for (path, headers, expected) in [
        (&wrong, own.clone(), 403),
        (&"/".to_owned(), own.clone(), 403),
        (&url.path, "Host: evil.example\r\n".to_owned(), 403),
        (&url.path, format!("Host: evil.example:{port}\r\n"), 403),
        (&url.path, "Host: 127.0.0.1\r\n".to_owned(), 403),
        (&url.path, format!("{own}Host: evil.example\r\n"), 403),
        (&url.path, origin("https://evil.example"), 403),
        (&url.path, origin("null"), 403),
        (&url.path, origin(&format!("http://{}", url.host)), 200),
        (&url.path, format!("Host: localhost:{port}\r\n"), 200),
    ] {
        let answer = ask(&url, "HEAD", path, &headers, 4096).await;
        assert_eq!(status(&answer), expected, "{path} {headers}: {answer}");
        assert!(
            !answer.to_lowercase().contains("access-control"),
            "{answer}"
        );
    }
    assert_eq!(status(&ask(&url, "POST", &url.path, &own, 4096).await), 405);
    let elsewhere = url.path.replace("/front-door/", "/nobody/");
    assert_eq!(status(&ask(&url, "GET", &elsewhere, &own, 4096).await), 404);
    let strange = url.path.replace("action=live", "action=dance");
    assert_eq!(status(&ask(&url, "GET", &strange, &own, 4096).await), 400);
    assert_eq!(
        camera.brain.streams.load(Ordering::SeqCst),
        0,
        "none of these reached the camera"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_come_as_they_are_and_end_with_their_clients() {
    let camera = Camera::start().await;
    let viewer = Viewer::of(&camera).await;
    let url = gateway(&viewer).await;
    let own = format!("Host: {}\r\n", url.host);
    let (one, two) = tokio::join!(
        ask(&url, "GET", &url.path, &own, 20_000),
        ask(&url, "GET", &url.path, &own, 20_000)
    );
    for answer in [&one, &two] {
        assert_eq!(status(answer), 200, "{answer}");
        assert!(answer.contains("content-type: video/x-flv"), "{answer}");
        assert!(answer.contains("FLV\u{1}"));
        assert!(answer.len() >= 20_000, "a stream, not a page");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        camera.brain.open.load(Ordering::SeqCst),
        0,
        "the camera stops when the client goes"
    );

    let command = url
        .path
        .split('?')
        .next()
        .unwrap()
        .replace("ipc.flv", "command");
    let query = "action=inner_define&channel=0&cmd=get_device_st&type=live&quality=high";
    let answer = ask(&url, "GET", &format!("{command}?{query}"), &own, 4096).await;
    assert!(
        status(&answer) == 200 && answer.ends_with(r#"[{"status":"0","appConnectNum":"1"}]"#),
        "{answer}"
    );

    let full = r#"{"status":"405","error":"too_many_viewers"}"#;
    camera.brain.set(Mode::Status(503, full.into()));
    let answer = ask(&url, "GET", &url.path, &own, 4096).await;
    assert!(status(&answer) == 503 && answer.ends_with(full), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_address_and_key_stay_the_same() {
    let camera = Camera::start().await;
    let viewer = Viewer::of(&camera).await;
    let first = gateway(&viewer).await;
    viewer
        .app
        .call(
            Call::SetSettings {
                settings: Settings::default(),
            },
            None,
        )
        .await
        .unwrap();
    assert!(TcpStream::connect(&first.host).await.is_err(), "off is off");
    let again = gateway(&viewer).await;
    assert_eq!((first.host, first.path), (again.host, again.path));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_recording_is_served_with_what_the_camera_says_of_it() {
    let camera = Camera::start().await;
    let viewer = Viewer::of(&camera).await;
    let url = gateway(&viewer).await;
    let path = url.path.split('?').next().unwrap();
    let file = &common::card::FILM.file;
    let from = file.len() - 1000;
    let path = format!(
        "{path}?action=download&channel=0&file_name={}&offset=0",
        common::card::FILE
    );
    let headers = format!("Host: {}\r\nRange: bytes={from}-\r\n", url.host);
    let answer = ask(&url, "GET", &path, &headers, 1 << 20)
        .await
        .to_lowercase();
    assert_eq!(status(&answer), 206, "{answer}");
    for line in [
        "content-type: video/mp4".to_owned(),
        "content-length: 1000".to_owned(),
        format!(
            "content-range: bytes {from}-{}/{}",
            file.len() - 1,
            file.len()
        ),
        "etag: \"1\"".to_owned(),
    ] {
        assert!(
            answer.lines().any(|other| other == line),
            "{line}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_program_does_not_take_the_address_away() {
    let camera = Camera::start().await;
    let dir = tempfile::tempdir().unwrap();
    let start = async || {
        let store = FileStore::open(dir.path()).unwrap();
        let mut options = Options::new(dir.path(), dir.path().join("media"), Box::new(store));
        options.lan = false;
        options.sound = Device::None;
        App::start(options).await.unwrap()
    };
    let first = start().await;
    let added = Call::AddCamera {
        link: camera.link(),
        name: None,
        room: None,
    };
    first.call(added, None).await.unwrap();
    let home = gateway_of(&first).await;
    let second = start().await;
    let beside = gateway_of(&second).await;
    assert_ne!(home.host, beside.host, "the port is taken");
    assert_eq!(home.path, beside.path, "the key is the same");
    first.shutdown().await;
    second.shutdown().await;
    let again = gateway_of(&start().await).await;
    assert_eq!((home.host, home.path), (again.host, again.path));
}
