//! Views over a real session with a camera inside the test.

#![allow(clippy::unwrap_used, unreachable_pub)] // tests

mod common;

use app::api::frame::{self, Config};
use app::api::{Call, Event, FailureCode, Quality, Relay, Reply, Settings, Sink, ViewState};
use app::live::sound::Device;
use common::{Camera, Mode, Screen, Viewer};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_begins_with_configuration_and_key_picture_and_hides_the_cached_gop() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let screen = Screen::new();
    viewer.open(Quality::High, Sink::AccessUnits, &screen).await;
    viewer.live(SOON).await;
    screen.until(SOON, |frames| frames.len() > 60).await;
    let frames = screen.frames();
    assert_eq!(frames[0].kind, frame::KIND_CONFIG);
    let config: Config = serde_json::from_slice(&frames[0].body).unwrap();
    assert_eq!(
        (config.width, config.height, config.quality),
        (640, 360, Quality::High)
    );
    assert!(config.codec.starts_with("avc1."), "{}", config.codec);
    assert_eq!(frames[1].flags & frame::FLAG_KEY, frame::FLAG_KEY);
    assert!(
        frames[1].body.starts_with(&[0, 0, 0, 1, 0x67]),
        "parameter sets stand before a key picture"
    );
    let hidden = frames
        .iter()
        .filter(|frame| frame.flags & frame::FLAG_CATCH_UP != 0)
        .count();
    assert!(hidden >= 10, "{hidden} of the cached pictures hidden");
    let last_hidden = frames
        .iter()
        .rposition(|frame| frame.flags & frame::FLAG_CATCH_UP != 0)
        .unwrap();
    let drawn = &frames[last_hidden + 1];
    assert!(
        drawn.at - frames[0].at < Duration::from_millis(300),
        "caught up after {:?}",
        drawn.at - frames[0].at
    );
    assert!(frames.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_that_sleeps_gets_few_frames_and_then_a_marked_key_picture() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    viewer.live(SOON).await;
    screen.until(SOON, |frames| frames.len() > 20).await;
    screen.sleeping.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let asleep = screen.count();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        screen.count(),
        asleep,
        "nothing is sent to a screen that does not take it"
    );
    screen.sleeping.store(false, Ordering::SeqCst);
    let last = screen.frames().last().unwrap().clone();
    screen.clone().ack(last.seq, last.pts).await;
    screen
        .until(SOON, |frames| frames.len() > asleep + 20)
        .await;
    let first = &screen.frames()[asleep];
    assert_eq!(first.flags, frame::FLAG_KEY | frame::FLAG_DISCONTINUITY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_quality_leaves_no_gap() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    viewer.live(SOON).await;
    screen.until(SOON, |frames| frames.len() > 30).await;
    viewer
        .app
        .call(
            Call::SetQuality {
                view: 1,
                quality: Quality::High,
            },
            None,
        )
        .await
        .unwrap();
    viewer
        .state(SOON, |state| {
            *state
                == ViewState::Live {
                    quality: Quality::High,
                }
        })
        .await;
    let until = screen.count() + 30;
    screen.until(SOON, |frames| frames.len() > until).await;
    let frames = screen.frames();
    let configs: Vec<_> = frames
        .iter()
        .filter(|frame| frame.kind == frame::KIND_CONFIG)
        .collect();
    assert_eq!(configs.len(), 2);
    assert!(configs[1].generation > configs[0].generation);
    let widest = frames
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .max()
        .unwrap();
    assert!(widest < Duration::from_millis(400), "{widest:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        camera.brain.open.load(Ordering::SeqCst),
        1,
        "the old stream is stopped"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quality_that_is_refused_leaves_the_old_one() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    viewer.live(SOON).await;
    screen.until(SOON, |frames| frames.len() > 30).await;
    camera.brain.set(Mode::Status(404, "{}".into()));
    viewer
        .app
        .call(
            Call::SetQuality {
                view: 1,
                quality: Quality::Super,
            },
            None,
        )
        .await
        .unwrap();
    viewer
        .state(SOON, |state| {
            *state
                == ViewState::Live {
                    quality: Quality::Standard,
                }
        })
        .await;
    let until = screen.count() + 20;
    screen.until(SOON, |frames| frames.len() > until).await;
    assert!(screen.frames().iter().all(|frame| frame.generation == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_restarts_is_live_again_within_three_seconds() {
    let mut camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    viewer.live(SOON).await;
    screen.until(SOON, |frames| frames.len() > 30).await;
    let stopped = Instant::now();
    camera.stop().await;
    viewer
        .state(SOON, |state| {
            matches!(state, ViewState::Reconnecting { .. })
        })
        .await;
    println!("frozen after {:?}", stopped.elapsed());
    assert!(stopped.elapsed() < Duration::from_secs(1));
    let frozen = viewer.app.call(Call::Snapshot { view: 1 }, None).await;
    assert!(
        matches!(frozen, Ok(Reply::File { .. })),
        "the frozen picture can be saved"
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    camera.begin().await;
    let back = Instant::now();
    viewer.live(SOON).await;
    println!("live again after {:?}", back.elapsed());
    assert!(back.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_falls_silent_is_frozen_at_once_and_comes_back() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    viewer.live(SOON).await;
    screen.until(SOON, |frames| frames.len() > 60).await;
    camera.brain.stalled.store(true, Ordering::SeqCst);
    let stalled = Instant::now();
    viewer
        .state(SOON, |state| {
            matches!(state, ViewState::Reconnecting { .. })
        })
        .await;
    println!("frozen after {:?}", stalled.elapsed());
    assert!(stalled.elapsed() < Duration::from_millis(600));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    camera.brain.stalled.store(false, Ordering::SeqCst);
    viewer.live(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_decoded_here_show_what_the_camera_drew() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer.open(Quality::High, Sink::AccessUnits, &screen).await;
    viewer.live(SOON).await;
    let reason = "the decoder failed".to_owned();
    viewer
        .app
        .call(
            Call::SetSink {
                view: 1,
                sink: Sink::Pictures,
                max_width: 640,
                reason,
            },
            None,
        )
        .await
        .unwrap();
    let pictures = |frames: &[common::Frame]| {
        frames
            .iter()
            .filter(|frame| frame.kind == frame::KIND_PICTURE)
            .count()
    };
    screen.until(SOON, |frames| pictures(frames) > 10).await;
    let frames = screen.frames();
    let picture = frames
        .iter()
        .rfind(|frame| frame.kind == frame::KIND_PICTURE)
        .unwrap();
    let side = |at: usize| {
        u32::from(u16::from_le_bytes(
            picture.body[at..at + 2].try_into().unwrap(),
        ))
    };
    let (width, height) = (side(0), side(2));
    assert_eq!((width, height), (640, 360));
    assert_eq!(
        picture.body.len(),
        4 + media::Picture::len_of(width, height)
    );
    let counter = media::marks::read_counter(&picture.body[4..], width as usize, width, height);
    assert!(counter.is_some_and(|counter| counter < 60), "{counter:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_a_thumbnail_and_a_recording_that_survives_a_restart() {
    let mut camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    let early = viewer
        .app
        .call(Call::Snapshot { view: 1 }, None)
        .await
        .unwrap_err();
    assert_eq!(early.code, FailureCode::ViewUnknown);
    viewer.open(Quality::High, Sink::AccessUnits, &screen).await;
    viewer.live(SOON).await;
    let Reply::File { path, .. } = viewer
        .app
        .call(Call::Snapshot { view: 1 }, None)
        .await
        .unwrap()
    else {
        panic!()
    };
    let picture = media::jpeg::decode(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (640, 360));

    viewer
        .app
        .call(Call::StartRecording { view: 1 }, None)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    camera.stop().await;
    viewer
        .state(SOON, |state| {
            matches!(state, ViewState::Reconnecting { .. })
        })
        .await;
    camera.begin().await;
    viewer.live(SOON).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let stopped = viewer
        .app
        .call(Call::StopRecording { view: 1 }, None)
        .await
        .unwrap();
    let Reply::File {
        path,
        bytes,
        duration_ms,
    } = stopped
    else {
        panic!()
    };
    let file = std::fs::read(&path).unwrap();
    let has = |name: &[u8]| file.windows(name.len()).any(|window| window == name);
    assert!(has(b"avc1") && has(b"mp4a"), "picture and sound");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
    assert!((2400..20_000).contains(&duration_ms), "{duration_ms} ms");

    viewer
        .app
        .call(Call::CloseView { view: 1 }, None)
        .await
        .unwrap();
    let thumbnail = viewer
        .app
        .call(
            Call::Thumbnail {
                camera: viewer.key.clone(),
            },
            None,
        )
        .await
        .unwrap();
    assert!(matches!(thumbnail, Reply::Thumbnail { jpeg: Some(_), taken } if taken > 0));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        camera.brain.open.load(Ordering::SeqCst),
        0,
        "a closed view ends its stream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_say_how_each_stage_went() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer
        .app
        .call(
            Call::KeepWarm {
                cameras: vec![viewer.key.clone()],
            },
            None,
        )
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    let stats = tokio::time::timeout(SOON, async {
        loop {
            if let Ok(Event::Stats { stats, .. }) = viewer.events.recv().await
                && stats.fps > 20.0
                && stats.path.is_some()
            {
                return stats;
            }
        }
    });
    let stats = stats.await.unwrap();
    println!("{stats:?}");
    assert_eq!(stats.connect_ms, Some(0.0), "the session was warm");
    assert!(stats.first_picture_ms.unwrap() >= stats.first_byte_ms.unwrap());
    assert_eq!(
        (
            stats.width,
            stats.height,
            stats.video_codec.as_str(),
            stats.audio_codec.as_str()
        ),
        (320, 180, "h264", "aac")
    );
    assert!(stats.bit_rate > 10_000.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sound_device_the_picture_goes_on_and_the_user_is_told() {
    let camera = Camera::start().await;
    let device = Device::Named("no such device".into());
    let mut viewer = Viewer::hearing(&camera, device).await;
    let mut events = viewer.app.events();
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    viewer.live(SOON).await;
    let told = tokio::time::timeout(SOON, async {
        loop {
            if let Ok(Event::Audio { failure }) = events.recv().await {
                return failure;
            }
        }
    });
    assert_eq!(
        told.await.unwrap().unwrap().code,
        FailureCode::NoAudioDevice
    );
    let until = screen.count() + 30;
    screen.until(SOON, |frames| frames.len() > until).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_relay_takes_effect_under_a_running_view() {
    let camera = Camera::start().await;
    let mut viewer = Viewer::of(&camera).await;
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    viewer.live(SOON).await;
    let relay = |url: &str| Settings {
        relay: Relay::Own { url: url.into() },
        ..Settings::default()
    };
    let wrong = Call::SetSettings {
        settings: relay("ftp://nowhere"),
    };
    assert_eq!(
        viewer.app.call(wrong, None).await.unwrap_err().code,
        FailureCode::SettingInvalid
    );
    let own = Call::SetSettings {
        settings: relay("https://127.0.0.1:9"),
    };
    viewer.app.call(own, None).await.unwrap();
    viewer.live(SOON).await;
    let until = screen.count() + 30;
    screen.until(SOON, |frames| frames.len() > until).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cameras_are_watched_side_by_side() {
    let (one, two) = (Camera::start().await, Camera::start().await);
    let viewer = Viewer::of(&one).await;
    let link = two.link();
    let added = viewer
        .app
        .call(
            Call::AddCamera {
                link,
                name: None,
                room: None,
            },
            None,
        )
        .await
        .unwrap();
    let Reply::Camera { camera } = added else {
        panic!()
    };
    assert_eq!(camera.key, "front-door-2");
    let screen = Screen::new();
    viewer
        .open(Quality::Standard, Sink::AccessUnits, &screen)
        .await;
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (count, app) = (taken.clone(), viewer.app.clone());
    let runtime = tokio::runtime::Handle::current();
    let sink: app::FrameSink = std::sync::Arc::new(move |bytes: Vec<u8>| {
        count.fetch_add(1, Ordering::SeqCst);
        let seq = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
        let app = app.clone();
        runtime.spawn(async move {
            let ack = Call::Ack {
                view: 2,
                seq,
                drawn: None,
                decode_ms: None,
                draw_ms: None,
            };
            let _ = app.call(ack, None).await;
        });
        true
    });
    let (view, quality, carries) = (2, Quality::Standard, Sink::AccessUnits);
    let open = Call::OpenView {
        view,
        camera: camera.key,
        quality,
        sink: carries,
        max_width: 0,
        audio: false,
    };
    viewer.app.call(open, Some(sink)).await.unwrap();
    screen.until(SOON, |frames| frames.len() > 60).await;
    assert!(taken.load(Ordering::SeqCst) > 30);
    viewer.app.shutdown().await;
}
