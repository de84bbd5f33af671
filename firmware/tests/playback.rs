//! Playback, thumbnails and downloads over real P2P sessions, from a card whose every picture is known.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "playback/film.rs"]
mod film;
#[path = "playback/reel.rs"]
mod reel;
#[path = "pair/rig.rs"]
#[allow(dead_code, reason = "shared with the tests of live")]
mod rig;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use film::T;
use reel::{PATIENCE, Seen, get, number};
use rig::{Rig, Viewer};
use wire::command::RecordMode;
use wire::command::reply::{
    CardState, CardStatus, DeviceStatus, Events, FileHash, FileList, MonthRecord, PlaybackStatus,
    Progress, RecordIndex, Refusal, Status, UserReply,
};
use wire::stream::header::{END_MS, SESSION, SHA256, START_MS, TIME_MS};

/// A camera with the film on its card.
async fn start() -> (Rig, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    film::record(dir.path());
    let rig = Rig::start(|options| options.record = Some(film::options(dir.path()))).await;
    // A card is looked through while the camera is up already.
    let deadline = Instant::now() + PATIENCE;
    while rig.camera.stats().card.is_none_or(|card| card.segments < 6) {
        assert!(Instant::now() < deadline, "the card was not read");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (rig, dir)
}

fn status_of(reply: &str) -> Status {
    PlaybackStatus::decode(reply.as_bytes()).unwrap().status
}

async fn progress(viewer: &Viewer) -> u64 {
    let reply = viewer.steer("playback_progress").await;
    Progress::decode(reply.as_bytes())
        .unwrap()
        .progress_ms
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playback_shows_every_picture_across_segments_and_marks_the_gap() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let mut reel = viewer.play(3, 65, "&session=front").await;
    let header = |name| reel.response.header_value(name);
    assert_eq!(header(SESSION), Some("front"));
    let start_ms = ((T + 3) * 1000).to_string();
    assert_eq!(header(START_MS), Some(start_ms.as_str()));
    reel.play_out().await;

    // Three segment borders, the gap, and the picture at the end that was asked for.
    let want: Vec<u32> = (30..200).chain(600..=650).collect();
    assert_eq!(reel.numbers(), want);
    let positions = reel.positions();
    let times: Vec<i64> = positions.iter().map(|p| p.0).collect();
    let seconds: Vec<i64> = (3..20).chain(60..=65).map(|s| s * 1000).collect();
    assert_eq!(times, seconds);
    let jumps: Vec<i64> = positions.iter().filter(|p| p.1).map(|p| p.0).collect();
    assert_eq!(jumps, [3_000, 60_000]);
    // The clock of the stream does not know of the gap.
    for pair in reel.pictures().windows(2) {
        assert!((95..=105).contains(&(pair[1].0 - pair[0].0)), "{pair:?}");
    }
    assert!(
        reel.seen
            .iter()
            .filter(|s| matches!(s, Seen::Sound { .. }))
            .count()
            > 200
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_between_keyframes_begins_at_the_one_before_and_a_gap_at_the_one_after() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let mut reel = viewer.play(40, 62, "").await;
    let start_ms = ((T + 60) * 1000).to_string();
    assert_eq!(
        reel.response.header_value(START_MS),
        Some(start_ms.as_str())
    );
    reel.play_out().await;
    assert_eq!(reel.positions()[0], (60_000, true));

    for (from, to) in [(30, 50), (1_000, 2_000)] {
        let query = format!(
            "action=playback&start_time={}&end_time={}",
            T + from,
            T + to
        );
        let response = viewer.session.request(get(&query)).await.unwrap();
        assert_eq!(response.status, 404);
        let body = response.body.read_to_end(10_000).await.unwrap();
        assert_eq!(Refusal::decode(&body).unwrap(), Refusal::no_recording());
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_playback_sends_nothing_and_goes_on_where_it_stood() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let mut reel = viewer.play(0, 70, "").await;
    reel.until(|seen| matches!(seen, Seen::Picture { number: 5, .. }))
        .await;
    assert_eq!(
        status_of(&viewer.steer("playback_pause").await),
        Status::Accept
    );
    reel.drain(Duration::from_millis(300)).await;
    let (bytes, at) = (reel.bytes, progress(&viewer).await);
    reel.drain(Duration::from_millis(500)).await;
    assert_eq!(
        (reel.bytes, progress(&viewer).await),
        (bytes, at),
        "not a byte"
    );
    assert_eq!(
        status_of(&viewer.steer("playback_resume").await),
        Status::Accept
    );
    reel.play_out().await;
    let want: Vec<u32> = (0..200).chain(600..700).collect();
    assert_eq!(reel.numbers(), want, "each picture once");
    assert_eq!(
        status_of(&viewer.steer("playback_pause").await),
        Status::BadRequest,
        "it is over"
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seek_goes_there_in_both_dialects_and_marks_it() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    // Following, so that the playback is there as long as the test wants it.
    let mut reel = viewer.play(0, 400_000_000, "").await;
    for (command, second) in [
        (format!("playback_seek&time={}", T + 63), 63),
        ("playback_seek&progress=12345".to_owned(), 12),
        (format!("playback_seek&time={}", T + 40), 60),
    ] {
        reel.drain(Duration::from_millis(200)).await;
        reel.seen.clear();
        let asked = Instant::now();
        assert_eq!(status_of(&viewer.steer(&command).await), Status::Accept);
        reel.until(|seen| matches!(seen, Seen::Picture { .. }))
            .await;
        println!("{command}: first picture after {:?}", asked.elapsed());
        assert_eq!(reel.positions()[0], (second * 1000, true), "{command}");
        assert_eq!(reel.numbers()[0], second as u32 * 10);
    }
    let refused = viewer.steer("playback_seek&time=99999999999").await;
    assert_eq!(status_of(&refused), Status::BadRequest);
    let stranger = rig.another(&viewer).await;
    let none = stranger.steer("playback_pause").await;
    assert_eq!(status_of(&none), Status::BadRequest, "each viewer its own");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keyframes_alone_run_forward_and_backward() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let mut reel = viewer.play(0, 19, "&ff=2").await;
    reel.play_out().await;
    let want: Vec<u32> = (0..=18).step_by(2).map(|s| s * 10).collect();
    assert_eq!(reel.numbers(), want);
    assert!(
        !reel
            .seen
            .iter()
            .any(|seen| matches!(seen, Seen::Sound { .. }))
    );

    let mut reel = viewer.play(15, 63, "&rewind=1").await;
    reel.play_out().await;
    let want: Vec<u32> = [63, 62, 61, 60, 19, 18, 17, 16, 15]
        .map(|s| s * 10)
        .to_vec();
    assert_eq!(reel.numbers(), want);
    let jumps: Vec<i64> = reel
        .positions()
        .iter()
        .filter(|p| p.1)
        .map(|p| p.0)
        .collect();
    assert_eq!(jumps, [63_000, 19_000]);

    // The same while it runs.
    let mut reel = viewer.play(0, 400_000_000, "&session=x").await;
    reel.drain(Duration::from_millis(300)).await;
    reel.seen.clear();
    let rewind = format!(
        "playback_rewind&start_time={}&end_time={}&session=x",
        T + 5,
        T + 9
    );
    assert_eq!(status_of(&viewer.steer(&rewind).await), Status::Accept);
    reel.drain(Duration::from_millis(300)).await;
    assert_eq!(reel.numbers(), [90, 80, 70, 60, 50]);
    assert_eq!(
        status_of(&viewer.steer("playback_ff&speed=1&session=x").await),
        Status::Accept
    );
    assert_eq!(
        status_of(&viewer.steer("playback_resume&session=x").await),
        Status::Accept
    );
    reel.until(|seen| matches!(seen, Seen::Picture { number: 690, .. }))
        .await;
    let fast: Vec<u32> = (6..20).chain(60..70).map(|s| s * 10).collect();
    assert_eq!(reel.numbers()[5..], fast);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_playbacks_at_once_are_served_and_cost_nothing_when_they_have_left() {
    let (rig, _dir) = start().await;
    let first = rig.paired().await;
    // One session has no place for so many: twenty viewers with five each.
    let mut viewers = Vec::new();
    for _ in 1..20 {
        viewers.push(rig.another(&first).await);
    }
    let mut reels = Vec::new();
    for n in 0..100_usize {
        let viewer = viewers.get(n % 20).unwrap_or(&first);
        let name = format!("&session=s{n}");
        reels.push(viewer.play(n as u64 % 20, 400_000_000, &name).await);
    }
    let most = Instant::now();
    let all = reels.iter_mut().enumerate().map(|(n, reel)| async move {
        let wanted = (n as u32 % 20) * 10;
        reel.until(|seen| matches!(seen, Seen::Picture { .. }))
            .await;
        assert_eq!(reel.numbers()[0], wanted);
    });
    futures(all).await;
    println!(
        "first picture of a hundred playbacks within {:?}",
        most.elapsed()
    );
    let device = first.steer("get_device_st&type=playback").await;
    let device = DeviceStatus::decode(device.as_bytes()).unwrap();
    assert_eq!(
        (device.status, device.app_connect_num),
        (Status::Accept, Some(100))
    );

    // All but one go without a word, that one closes its streams.
    drop((viewers, reels));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let device = first.steer("get_device_st&type=playback").await;
        if DeviceStatus::decode(device.as_bytes())
            .unwrap()
            .app_connect_num
            == Some(0)
        {
            break;
        }
        assert!(Instant::now() < deadline, "{device}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_playbacks_of_one_session_that_nobody_reads_do_not_hold_up_its_commands() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let mut unread = Vec::new();
    let mut refused = 0;
    for n in 0..100_u64 {
        let (from, to) = (T + n % 20, T + 400_000_000);
        let query = format!("action=playback&channel=0&start_time={from}&end_time={to}");
        let asked = tokio::time::timeout(PATIENCE, viewer.session.request(get(&query)));
        let response = asked.await.expect("an answer").unwrap();
        match response.status {
            200 => unread.push(response),
            _ => {
                let body = response.body.read_to_end(1000).await.unwrap();
                let refusal = Refusal::decode(&body).unwrap();
                assert_eq!(refusal.status, Status::TooManyConnections);
                refused += 1;
            }
        }
    }
    assert_eq!((unread.len(), refused), (48, 52));
    // The streams fill up meanwhile; a look at the card and a command are answered all the same.
    for _ in 0..20 {
        let days = viewer.steer("get_month_record&time=202611");
        let days = tokio::time::timeout(PATIENCE, days).await;
        MonthRecord::decode(days.expect("a reply").as_bytes()).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let paused = tokio::time::timeout(PATIENCE, viewer.steer("playback_pause")).await;
    assert_eq!(status_of(&paused.expect("a reply")), Status::Accept);
    drop(unread);
    rig.stop().await;
}

/// All of them, side by side in this task.
async fn futures(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if all.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playback_that_takes_a_name_ends_the_one_that_had_it() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let mut old = viewer.play(0, 400_000_000, "&session=x").await;
    old.drain(Duration::from_millis(300)).await;
    let mut new = viewer.play(60, 70, "&session=x").await;
    old.play_out().await;
    new.play_out().await;
    assert_eq!(new.numbers(), (600..700).collect::<Vec<_>>());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_say_what_is_on_the_card() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    // 2026-11-30.
    let month = viewer.steer("get_month_record&time=202611").await;
    let days: Vec<u8> = MonthRecord::decode(month.as_bytes())
        .unwrap()
        .days()
        .collect();
    assert_eq!(days, [30]);
    let range = format!("start_time={}&end_time={}", T - 100, T + 1_000);
    let index = viewer.steer(&format!("get_record_index&{range}")).await;
    let index = RecordIndex::decode(index.as_bytes()).unwrap().video_list;
    let spans: Vec<_> = index
        .iter()
        .map(|r| (r.kind, r.start_time - T, r.end_time - T))
        .collect();
    assert_eq!(spans, [(Some(0), 0, 20), (Some(0), 60, 70)]);
    let none = viewer
        .steer(&format!("get_record_index&{range}&type=2"))
        .await;
    assert!(
        RecordIndex::decode(none.as_bytes())
            .unwrap()
            .video_list
            .is_empty()
    );

    let files = viewer
        .steer(&format!("get_file_list&{range}&file_type=0"))
        .await;
    let files = FileList::decode(files.as_bytes()).unwrap().file_list;
    assert_eq!(files.len(), 6);
    assert!(files[0].extra_info.starts_with(r#"{"kind":"0","sha256":""#));
    let pictures = viewer
        .steer(&format!("get_file_list&{range}&file_type=1"))
        .await;
    let pictures = FileList::decode(pictures.as_bytes()).unwrap().file_list;
    assert_eq!((pictures.len(), pictures[0].file_size), (1, 4));
    assert!(pictures[0].file_name.ends_with(".jpg"));

    let card = CardStatus::decode(&viewer.user(r#"{"topic":"card_status"}"#).await).unwrap();
    assert_eq!(card.state, CardState::Ok);
    assert_eq!((card.oldest, card.newest), (Some(T), Some(T + 70)));
    assert_eq!((card.mode, card.recording), (RecordMode::Off, false));
    assert!(card.used > 0 && card.total >= card.used);
    let ask = format!(
        r#"{{"topic":"events","data":{{"start_time":{},"end_time":{}}}}}"#,
        T,
        T + 100
    );
    let events = Events::decode(&viewer.user(&ask).await).unwrap().events;
    assert_eq!(
        (
            events.len(),
            events[0].start_time - T,
            events[0].end_time - T
        ),
        (1, 3, 5)
    );

    let unconfirmed = UserReply::decode(&viewer.user(r#"{"topic":"sd_format"}"#).await).unwrap();
    assert_eq!(
        unconfirmed.refusal().unwrap().error,
        UserReply::CONFIRMATION_NEEDED
    );
    let erase = r#"{"topic":"sd_format","data":{"confirm":"erase"}}"#;
    assert!(UserReply::decode(&viewer.user(erase).await).unwrap().ok());
    let index = viewer.steer(&format!("get_record_index&{range}")).await;
    assert!(
        RecordIndex::decode(index.as_bytes())
            .unwrap()
            .video_list
            .is_empty()
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_recorded_is_followed_and_sought_in() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::start(|options| {
        options.encoding.gop_seconds = 1;
        options.record = Some(firmware::record::Options {
            mode: Some(RecordMode::Off),
            quality: wire::stream::Quality::Standard,
            ..firmware::record::Options::new(dir.path())
        });
    })
    .await;
    let viewer = rig.paired().await;
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let began = now();
    let nothing = format!(
        "action=playback&start_time={began}&end_time={}",
        began + 900
    );
    assert_eq!(
        viewer.session.request(get(&nothing)).await.unwrap().status,
        404
    );

    let mode = r#"{"topic":"record_mode","data":{"mode":"continuous"}}"#;
    assert!(UserReply::decode(&viewer.user(mode).await).unwrap().ok());
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        let status = CardStatus::decode(&viewer.user(r#"{"topic":"card_status"}"#).await).unwrap();
        if status
            .newest
            .zip(status.oldest)
            .is_some_and(|(newest, oldest)| newest > oldest + 2)
        {
            break status;
        }
        assert!(Instant::now() < deadline, "{status:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(
        (status.mode, status.recording),
        (RecordMode::Continuous, true)
    );

    // From the first second on, past what was there when it was asked for.
    let oldest = status.oldest.unwrap();
    let mut reel = viewer.play(oldest - T, now() + 900 - T, "").await;
    let until = (now() + 3 - T) as i64 * 1000;
    reel.until(|seen| matches!(seen, Seen::Position { at, .. } if *at >= until))
        .await;
    let numbers = reel.numbers();
    assert!(numbers.len() > 60 && numbers.windows(2).all(|pair| pair[1] > pair[0]));
    let positions = reel.positions();
    assert!(
        positions[1..].iter().all(|(_, jump)| !jump),
        "{positions:?}"
    );
    // The number in a keyframe is its moment: 30 pictures a second of the wall clock.
    let key = reel
        .seen
        .iter()
        .rposition(|seen| matches!(seen, Seen::Position { .. }))
        .unwrap();
    if let (Seen::Position { at, .. }, Some(Seen::Picture { number, .. })) = (
        reel.seen[key],
        reel.seen[key + 1..]
            .iter()
            .find(|s| matches!(s, Seen::Picture { .. })),
    ) {
        let wall_us = (at + T as i64 * 1000) as u64 * 1000;
        let captured = media::marks::time_of(*number, 30, wall_us);
        let apart = captured.abs_diff(wall_us) / 1000;
        assert!(apart < 60, "{apart} ms");
    }
    reel.seen.clear();
    assert_eq!(
        status_of(
            &viewer
                .steer(&format!("playback_seek&time={}", oldest + 1))
                .await
        ),
        Status::Accept
    );
    reel.until(|seen| matches!(seen, Seen::Position { jump: true, .. }))
        .await;
    let sought = reel.positions().into_iter().find(|p| p.1).unwrap().0 / 1000;
    assert!((oldest - T) as i64 <= sought && sought <= (oldest + 1 - T) as i64);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumbnail_is_the_keyframe_before_its_moment() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    for (second, width, shown, size) in [
        (0, "&width=640", 0, (640, 360)),
        (13, "&width=320", 13, (320, 180)),
        (25, "", 19, (320, 180)),
        (66, "&width=1280", 66, (640, 360)),
    ] {
        let query = format!("action=thumbnail&channel=0&time={}{width}", T + second);
        let asked = Instant::now();
        let response = viewer.session.request(get(&query)).await.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.header_value("content-type"), Some("image/jpeg"));
        let at = ((T + shown) * 1000).to_string();
        assert_eq!(response.header_value(TIME_MS), Some(at.as_str()));
        let file = response.body.read_to_end(1 << 20).await.unwrap();
        println!(
            "thumbnail {size:?} after {:?}, {} bytes",
            asked.elapsed(),
            file.len()
        );
        let picture = media::jpeg::decode(&file).unwrap();
        assert_eq!((picture.width(), picture.height()), size);
        assert_eq!(number(&picture), Some(shown as u32 * 10));
    }
    for second in [-1, 200] {
        let time = T.checked_add_signed(second).unwrap();
        let query = format!("action=thumbnail&channel=0&time={time}");
        assert_eq!(
            viewer.session.request(get(&query)).await.unwrap().status,
            404
        );
    }
    rig.stop().await;
}

#[path = "playback/downloads.rs"]
mod downloads;
