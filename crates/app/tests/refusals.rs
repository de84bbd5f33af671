//! Everything that a camera, a link or a stream can refuse, and what the user is told.

#![allow(clippy::unwrap_used, unreachable_pub)] // tests

mod common;

use app::api::{Call, FailureCode, Quality, Relay, Reply, Settings, Sink, ViewState};
use app::store::Change;
use app::{App, Failure, MemoryStore, Options, Store};
use common::{Camera, Mode, Screen, Viewer, flv_head, start_app};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_told_apart() {
    let camera = Camera::start().await;
    let full =
        r#"{"status":"405","error":"too_many_viewers","appConnectNum":"8","maxConnectNum":"8"}"#;
    let mut unknown_codec = Vec::new();
    flv::Writer::default().header(&mut unknown_codec, false, true);
    // A tag of codec id 4 (VP6): 11 bytes of header, 2 of body.
    unknown_codec.extend_from_slice(&[9, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 13]);
    let garbage: Vec<u8> = (0..3_000_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for (mode, code) in [
        (Mode::Status(503, full.into()), FailureCode::CameraFull),
        (Mode::Status(404, "{}".into()), FailureCode::StreamNotFound),
        (Mode::Bytes(unknown_codec), FailureCode::CodecUnsupported),
    ] {
        let mut viewer = Viewer::of(&camera).await;
        camera.brain.set(mode.clone());
        viewer
            .open(Quality::High, Sink::AccessUnits, &Screen::new())
            .await;
        let failure = viewer.failed(SOON).await;
        assert_eq!(failure.code, code, "{failure}");
        camera.brain.set(Mode::Live);
        viewer
            .app
            .call(
                Call::Retry {
                    camera: viewer.key.clone(),
                },
                None,
            )
            .await
            .unwrap();
        viewer.live(SOON).await;
    }
    for (mode, code) in [
        (Mode::Status(500, "{}".into()), FailureCode::CameraError),
        (
            Mode::Endless(garbage[..1000].to_vec(), garbage),
            FailureCode::StreamMalformed,
        ),
    ] {
        let mut viewer = Viewer::of(&camera).await;
        camera.brain.set(mode.clone());
        viewer
            .open(Quality::High, Sink::AccessUnits, &Screen::new())
            .await;
        let failure = viewer.failed(Duration::from_secs(40)).await;
        assert_eq!(failure.code, code, "{failure}");
        camera.brain.set(Mode::Live);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_stream_without_pictures_is_not_waited_for() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    // Script tags for ever, after a good beginning.
    let mut piece = Vec::new();
    flv::Writer::default()
        .metadata(&mut piece, 0, &flv::Metadata::default())
        .unwrap();
    camera
        .brain
        .set(Mode::Endless(flv_head(wire::stream::Quality::High), piece));
    viewer
        .open(Quality::High, Sink::AccessUnits, &Screen::new())
        .await;
    let state = viewer
        .state(Duration::from_secs(10), |state| {
            matches!(state, ViewState::Reconnecting { .. })
        })
        .await;
    let ViewState::Reconnecting { failure, .. } = state else {
        unreachable!()
    };
    assert_eq!(failure.code, FailureCode::StreamMalformed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_the_camera_forgets_is_told_so() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &Screen::new())
        .await;
    viewer.live(SOON).await;
    let Reply::Hello { viewer: id, .. } = viewer.app.call(Call::Hello, None).await.unwrap() else {
        panic!()
    };
    camera.forget(&id.parse().unwrap());
    assert_eq!(viewer.failed(SOON).await.code, FailureCode::CameraRefused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_fail_each_in_its_own_way() {
    let camera = Camera::start().await;
    let other = Camera::start().await;
    let dir = tempfile::tempdir().unwrap();
    let app = start_app(dir.path()).await;
    let add = |link: String| {
        let app = app.clone();
        async move {
            app.call(
                Call::AddCamera {
                    link,
                    name: None,
                    room: None,
                },
                None,
            )
            .await
        }
    };
    assert_eq!(
        add("porthole:nonsense".into()).await.unwrap_err().code,
        FailureCode::LinkMalformed
    );
    let link = camera.link();
    let id = |camera: &Camera| camera.address().id.to_string();
    // The link of one camera with the secret of another.
    let crossed = link
        .replace(&id(&camera), &id(&other))
        .replace(&port(&camera), &port(&other));
    assert_eq!(
        add(crossed).await.unwrap_err().code,
        FailureCode::LinkRefused
    );
    let without = wire::link::Link {
        address: camera.address(),
        secret: None,
        name: None,
    }
    .to_string();
    assert_eq!(
        add(without).await.unwrap_err().code,
        FailureCode::LinkWithoutSecret
    );
    let Ok(Reply::Camera { camera: added }) = add(link.clone()).await else {
        panic!()
    };
    assert_eq!(
        (added.key.as_str(), added.name.as_str()),
        ("front-door", "Front door")
    );
    assert_eq!(
        add(link.clone()).await.unwrap_err().code,
        FailureCode::CameraAlreadyAdded
    );
    let stranger = tempfile::tempdir().unwrap();
    let second = start_app(stranger.path()).await;
    let used = second
        .call(
            Call::AddCamera {
                link,
                name: None,
                room: None,
            },
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(used.code, FailureCode::LinkRefused);
}

fn port(camera: &Camera) -> String {
    camera.address().addrs[0].to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_reach_the_camera_and_its_refusals_come_back() {
    let camera = Camera::start().await;
    let viewer = Viewer::of(&camera).await;
    let key = viewer.key.clone();
    let command = |query: &str| Call::Command {
        camera: key.clone(),
        query: query.into(),
    };
    let status = viewer.app.call(
        command("action=inner_define&channel=0&cmd=get_device_st&type=live&quality=high"),
        None,
    );
    assert_eq!(
        status.await.unwrap(),
        Reply::Text {
            text: r#"[{"status":"0","appConnectNum":"1"}]"#.into()
        }
    );
    let bad = viewer.app.call(command("hello"), None).await.unwrap_err();
    assert_eq!(bad.code, FailureCode::CommandMalformed);
    let turned = viewer
        .app
        .call(
            Call::Ptz {
                camera: key.clone(),
                direction: None,
            },
            None,
        )
        .await
        .unwrap();
    assert_eq!(turned, Reply::Ptz { apex: true });
    let share = viewer
        .app
        .call(
            Call::ShareCamera {
                camera: key.clone(),
            },
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(share.code, FailureCode::CommandRefused);
    let unknown = viewer
        .app
        .call(
            Call::RemoveCamera {
                camera: "nobody".into(),
            },
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(unknown.code, FailureCode::CameraUnknown);
    viewer
        .app
        .call(
            Call::RemoveCamera {
                camera: key.clone(),
            },
            None,
        )
        .await
        .unwrap();
    assert!(
        camera
            .brain
            .commands
            .lock()
            .unwrap()
            .iter()
            .any(|command| command.contains("forget_me"))
    );
}

/// A disk that is full as soon as the settings are to be saved.
#[derive(Default)]
struct Full(MemoryStore);

impl Store for Full {
    fn get(&self, key: &str) -> Option<serde_json::Value> {
        self.0.get(key)
    }

    fn update(&self, key: &str, change: &mut Change<'_>) -> Result<(), Failure> {
        if key == "settings" {
            return Err(Failure::new(FailureCode::FileNotWritten));
        }
        self.0.update(key, change)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_be_saved_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(
        dir.path(),
        dir.path().join("media"),
        Box::new(Full::default()),
    );
    options.lan = false;
    let app = App::start(options).await.unwrap();
    let before = app.cameras().endpoint().ports();
    let settings = Settings {
        relay: Relay::Own {
            url: "https://relay.example".into(),
        },
        ..Settings::default()
    };
    let failure = app
        .call(Call::SetSettings { settings }, None)
        .await
        .unwrap_err();
    assert_eq!(failure.code, FailureCode::FileNotWritten);
    assert_eq!(app.cameras().endpoint().ports(), before, "the same sockets");
    app.shutdown().await;
}
