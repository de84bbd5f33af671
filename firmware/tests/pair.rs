//! A camera and its viewers in one process: real endpoints on loopback, real FLV, a real decoder that reads the marks.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "pair/rig.rs"]
mod rig;
#[path = "pair/talk.rs"]
mod talk;

use std::time::{Duration, Instant};

use firmware::board::sim::lamp;
use p2p::{Error, Request};
use wire::command::reply::{DeviceStatus, PtzReply, Refusal, Status, UserReply};
use wire::stream::Quality;

use rig::{Rig, Viewer, live};

const HIGH: &str = "action=live&channel=0&quality=high";
const STANDARD: &str = "action=live&channel=0&quality=standard";

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_pairs_and_sees_every_frame_with_its_sound() {
    let rig = Rig::start(|_| {}).await;
    let viewer = Viewer::new(&rig).await;
    assert_eq!(
        viewer.session.request(live(HIGH)).await.err(),
        Some(Error::Refused)
    );
    viewer.pair(rig.camera.link()).await.unwrap();
    assert!(rig.camera.link().secret.is_none());

    let mut stream = viewer.open(HIGH).await;
    let pictures = stream.pictures(90).await;
    let (first, last) = (&pictures[0], &pictures[89]);
    assert!(
        first.key
            && pictures
                .windows(2)
                .all(|pair| pair[1].counter > pair[0].counter)
    );
    // A machine under load misses a slot of the grid now and then; the stream itself loses nothing.
    assert!(
        last.counter - first.counter < 120,
        "{} to {}",
        first.counter,
        last.counter
    );
    assert_eq!(rig.camera.stats().streams[0].skipped_tags, 0);
    assert_eq!((pictures[0].width, pictures[0].height), (1280, 720));
    assert!(
        pictures
            .iter()
            .all(|picture| picture.position == (2047, 2047))
    );
    // The last one was captured a moment ago, says the counter and no timestamp.
    let age = pictures.last().unwrap().age_ms();
    assert!((0..500).contains(&age), "{age} ms");

    // 90 frames hold two whole seconds or more: flash and chime begin together.
    let flashes: Vec<i64> = pictures
        .windows(2)
        .filter(|pair| !pair[0].lamp && pair[1].lamp)
        .map(|pair| pair[1].pts_ms)
        .collect();
    let chimes = stream.chimes();
    let offsets: Vec<i64> = flashes
        .iter()
        .filter_map(|flash| {
            chimes
                .iter()
                .map(|chime| chime - flash)
                .min_by_key(|offset| offset.abs())
        })
        .filter(|offset| offset.abs() < 500)
        .collect();
    assert!(
        !offsets.is_empty() && offsets.iter().all(|offset| offset.abs() <= 5),
        "{flashes:?} {chimes:?}"
    );
    println!("lip-sync: {offsets:?} ms");
    assert!(lamp::lens(1280, 720).2 > 16);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_viewer_shares_the_encoder_and_gets_the_current_gop_at_once() {
    let rig = Rig::start(|_| {}).await;
    let first = rig.paired().await;
    let mut one = first.open(STANDARD).await;
    one.pictures(50).await;

    let second = Viewer::new(&rig).await;
    let shared = UserReply::decode(&first.user(r#"{"topic":"share"}"#).await).unwrap();
    assert_eq!(shared.expires_in(), Some(24 * 60 * 60));
    let link = shared.link().unwrap();
    assert!(rig.camera.link().secret.is_none());
    second.pair(link.clone()).await.unwrap();
    let third = Viewer::new(&rig).await;
    assert_eq!(
        third.pair(link).await.err(),
        Some(Error::Refused),
        "a link works once"
    );

    second.device_status().await;
    let asked = Instant::now();
    let mut two = second.open(STANDARD).await;
    let pictures = two.pictures(1).await;
    println!(
        "first picture of the second viewer after {:?}",
        asked.elapsed()
    );
    assert!(
        asked.elapsed() < Duration::from_millis(400),
        "{:?}",
        asked.elapsed()
    );
    assert!(pictures[0].key);
    let stats = rig.camera.stats();
    let lane = stats
        .lanes
        .iter()
        .find(|lane| lane.lane == "standard")
        .unwrap();
    assert_eq!((stats.viewers, lane.viewers), (2, 2), "one lane for both");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_stops_reading_jumps_to_a_keyframe_and_nobody_else_notices() {
    let rig = Rig::start(|_| {}).await;
    let viewer = rig.paired().await;
    let slow = rig.another(&viewer).await;
    let mut stopped = slow.open_unwatched(HIGH).await;
    stopped.pictures(5).await;
    let mut fast = viewer.open(HIGH).await;
    fast.pictures(210).await;

    // What lay in the windows comes first; then there is a jump, to a keyframe of now.
    let pictures = stopped
        .pictures_until(|picture| picture.age_ms() < 500)
        .await;
    let is_jump = |pair: &&[rig::Seen]| pair[1].counter - pair[0].counter > 15;
    let jumps: Vec<_> = pictures.windows(2).filter(is_jump).collect();
    assert!(
        !jumps.is_empty() && jumps.iter().all(|pair| pair[1].key),
        "only to a keyframe: {jumps:?}"
    );
    let stats = rig.camera.stats();
    let mut skips: Vec<(u64, u64)> = stats
        .streams
        .iter()
        .map(|stream| (stream.skips, stream.skipped_tags))
        .collect();
    skips.sort_unstable();
    println!("skips and skipped tags: {skips:?}");
    assert_eq!(skips[0], (0, 0));
    assert!(skips[1].0 >= 1 && skips[1].1 > 30);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_camera_says_so_with_its_numbers() {
    let rig = Rig::start(|options| options.max_viewers = 1).await;
    let viewer = rig.paired().await;
    let next = rig.another(&viewer).await;
    assert_eq!(next.device_status().await.status, Status::Accept);
    let stream = viewer.open(STANDARD).await;
    // The same viewer may have a second stream: a quality switch without a gap.
    let mut switched = viewer.open(HIGH).await;
    switched.pictures(1).await;

    let response = next.session.request(live(HIGH)).await.unwrap();
    assert_eq!(response.status, 503);
    let refusal = Refusal::decode(&response.body.read_to_end(1_000).await.unwrap()).unwrap();
    assert_eq!(refusal, Refusal::too_many_viewers(1, 1));
    let full = DeviceStatus::new(Status::TooManyConnections, Some(1), Some(1));
    assert_eq!(next.device_status().await, full);
    assert_eq!(viewer.device_status().await.status, Status::Accept);

    drop((stream, switched));
    let deadline = Instant::now() + Duration::from_secs(5);
    while next.device_status().await.status != Status::Accept {
        assert!(Instant::now() < deadline, "the seat is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    next.open(HIGH).await.pictures(1).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_camera_turns_in_both_dialects_and_never_runs_away() {
    let rig = Rig::start(|_| {}).await;
    let viewer = rig.paired().await;
    let mut stream = viewer.open(STANDARD).await;
    stream.pictures(2).await;
    let ptz = async |cmd: &str| PtzReply::decode(&viewer.user(cmd).await).unwrap();

    let reply = ptz(r#"{"topic":"ptz","data":{"cmd":"ptz_left_press"}}"#).await;
    assert_eq!(
        (reply.ok(), reply.apex, reply.max_x, reply.min_y),
        (true, Some(false), Some(4095), Some(0))
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stopped = ptz("ptz_release_pre").await.current_x.unwrap();
    assert!((1_500..2_040).contains(&stopped), "{stopped}");
    let seen = stream
        .pictures_until(|picture| i32::from(picture.position.0) == stopped)
        .await;
    assert!(
        seen.windows(2)
            .all(|pair| pair[1].position.0 <= pair[0].position.0)
    );

    // Simple dialect: one step, which ends by itself.
    let before = ptz("ptz_down").await.current_y.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(
        ptz("ptz_release_pre").await.current_y.unwrap(),
        before + 160
    );

    // The dead man: one press, then silence.
    let start = ptz(r#"{"topic":"ptz","data":{"cmd":"ptz_right_press"}}"#)
        .await
        .current_x
        .unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    let end = ptz("ptz_release_pre").await.current_x.unwrap();
    assert_eq!(end - start, 400, "500 ms at 800 a second");

    // A link that dies stops the motor before that.
    ptz("ptz_up_press").await;
    let motor = rig.camera.motor().unwrap();
    assert!(motor.lock().unwrap().is_moving(Instant::now()));
    viewer.session.close();
    let deadline = Instant::now() + Duration::from_millis(400);
    while motor.lock().unwrap().is_moving(Instant::now()) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_do_it_refuses_by_name() {
    let rig = Rig::start(|_| {}).await;
    let viewer = rig.paired().await;
    let get = async |path: &str| {
        let response = viewer
            .session
            .request(Request::get(format!("/ipc.p2p.com/{path}")))
            .await
            .unwrap();
        (
            response.status,
            Refusal::decode(&response.body.read_to_end(10_000).await.unwrap())
                .unwrap()
                .error,
        )
    };
    for (path, status, error) in [
        (
            "ipc.flv?action=playback&channel=0&start_time=100&end_time=200",
            404,
            "no_card",
        ),
        (
            "ipc.flv?action=download&channel=0&file_name=a.mp4",
            404,
            "no_card",
        ),
        (
            "command?action=inner_define&channel=0&cmd=playback_pause",
            404,
            "no_card",
        ),
        (
            "ipc.flv?action=live&channel=0&quality=huge",
            404,
            "bad_request",
        ),
        ("ipc.flv?action=live-mjpg&channel=0", 404, "unsupported"),
        (
            "ipc.flv?action=live&channel=7&quality=high",
            404,
            "no_such_channel",
        ),
        ("teapot", 404, "bad_request"),
    ] {
        assert_eq!(get(path).await, (status, error.to_owned()), "{path}");
    }
    let refusal = UserReply::decode(&viewer.user(r#"{"topic":"make_coffee"}"#).await)
        .unwrap()
        .refusal()
        .unwrap();
    assert_eq!(
        (
            refusal.result,
            refusal.error.as_str(),
            refusal.topic.as_deref()
        ),
        (-2004, "unknown_topic", Some("make_coffee"))
    );
    let refusal = UserReply::decode(&viewer.user(r#"{"topic":"ptz"}"#).await)
        .unwrap()
        .refusal()
        .unwrap();
    assert_eq!(
        (refusal.result, refusal.error.as_str()),
        (-2000, "bad_parameter")
    );
    let stats = String::from_utf8(viewer.user("stats").await).unwrap();
    assert!(stats.contains("\"max_viewers\":8"), "{stats}");

    assert!(
        UserReply::decode(&viewer.user(r#"{"topic":"forget_me"}"#).await)
            .unwrap()
            .ok()
    );
    // Nothing any more on the connection that stands a moment longer, and then no connection.
    match viewer.session.request(live(HIGH)).await {
        Ok(response) => assert_eq!(response.status, 403),
        Err(error) => assert_eq!(error, Error::Refused),
    }
    let deadline = Instant::now() + Duration::from_secs(3);
    while viewer.session.request(live(HIGH)).await.err() != Some(Error::Refused) {
        assert!(Instant::now() < deadline, "still served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        rig.camera.link().secret.is_some(),
        "nobody's camera invites again"
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encoders_stop_when_nobody_watches_and_start_again() {
    let rig = Rig::start(|_| {}).await;
    let viewer = rig.paired().await;
    let running = || {
        rig.camera
            .stats()
            .lanes
            .iter()
            .filter(|lane| lane.running && lane.lane != "audio")
            .count()
    };
    assert_eq!(running(), 0);
    for quality in Quality::ALL {
        let asked = Instant::now();
        let mut stream = viewer
            .open(&format!("action=live&channel=0&quality={quality}"))
            .await;
        stream.pictures(1).await;
        println!(
            "{quality}: first picture of a cold encoder after {:?}",
            asked.elapsed()
        );
    }
    assert_eq!(running(), 3);
    let mut sound = viewer
        .open("action=live-audio&channel=0&quality=high")
        .await;
    assert!(
        !sound
            .chimes_within(Duration::from_millis(2_500))
            .await
            .is_empty()
    );
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(running(), 0);
    viewer.open(HIGH).await.pictures(2).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_camera_is_the_same_at_the_same_place() {
    let rig = Rig::start(|options| options.name = Some("Porch".into())).await;
    let viewer = rig.paired().await;
    let (id, link) = (rig.camera.id(), rig.camera.link());
    let rig = rig.restart().await;
    assert_eq!((rig.camera.id(), rig.camera.name()), (id, "Porch"));
    let port = |link: &wire::link::Link| link.address.addrs.first().map(std::net::SocketAddr::port);
    assert_eq!(port(&rig.camera.link()), port(&link));
    viewer.open(STANDARD).await.pictures(1).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_camera_at_a_time() {
    let rig = Rig::start(|_| {}).await;
    let second = firmware::Camera::start(rig.options()).await;
    let error = second.err().unwrap().to_string();
    assert!(
        error.starts_with("another porthole-camera runs on this folder"),
        "{error}"
    );
    rig.restart().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_there_is_told_at_the_start() {
    let rig = Rig::start(|_| {}).await;
    let none = firmware::board::sim::Source::File(rig.file("none.mp4"));
    let text = rig.file("text.mp4");
    std::fs::write(&text, "no film").unwrap();
    let text = firmware::board::sim::Source::File(text);
    for source in [none, text] {
        let options = firmware::Options {
            board: firmware::BoardChoice::Sim(source),
            ..firmware::Options::new(rig.file("other"))
        };
        let error = firmware::Camera::start(options).await.err().unwrap();
        assert!(matches!(error, firmware::Error::Source(_)), "{error}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_stream_is_a_source_and_h265_a_codec() {
    let rig = Rig::start(|options| options.encoding.codec = flv::VideoCodec::Hevc).await;
    let viewer = rig.paired().await;
    let mut stream = viewer.open(STANDARD).await;
    let pictures = stream.pictures(40).await;
    assert!(
        pictures
            .windows(2)
            .all(|pair| pair[1].counter > pair[0].counter)
    );
    rig.stop().await;

    // FFmpeg reads no H.265 in FLV everywhere: the film is H.264.
    let rig = Rig::start(|_| {}).await;
    let viewer = rig.paired().await;
    let mut stream = viewer.open(STANDARD).await;
    stream.pictures(40).await;
    let path = rig.file("film.flv");
    std::fs::write(&path, stream.bytes()).unwrap();
    let film = firmware::board::sim::Source::File(path);
    let other = Rig::start(|options| options.board = firmware::BoardChoice::Sim(film)).await;
    let viewer = other.paired().await;
    let mut stream = viewer.open(HIGH).await;
    // Marks of now are drawn over those of the film.
    let pictures = stream.pictures(60).await;
    assert!(
        pictures
            .windows(2)
            .all(|pair| pair[1].counter > pair[0].counter)
    );
    assert!(pictures.last().unwrap().age_ms() < 500);
    let refused = UserReply::decode(&viewer.user("ptz_left").await)
        .unwrap()
        .refusal()
        .unwrap();
    assert_eq!(refused.error, "no_motor");
    other.stop().await;
    rig.stop().await;
}
