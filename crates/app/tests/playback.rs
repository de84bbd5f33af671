//! Playing recordings of a camera whose card is known picture by picture.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use app::api::{
    Call, FailureCode, PlaybackAction, PlaybackState, Quality, RecordedCall, RecordedReply, Reply,
};
use base64::Engine;
use common::card::{GOP, LENGTH, SECOND, SECOND_COUNTER, START, STEP, counter, counter_at};
use common::{Camera, Frame, Screen, Viewer};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use wire::stream::{Direction, FastForward};

async fn begin() -> (Camera, Viewer, Arc<Screen>) {
    let camera = Camera::start().await;
    let viewer = Viewer::of(&camera).await;
    (camera, viewer, Screen::new())
}

fn rises(counters: &[u32]) -> bool {
    counters.windows(2).all(|pair| pair[0] < pair[1])
}

/// A playback that stands at `at_ms`.
async fn paused(at_ms: i64) -> (Camera, Viewer, Arc<Screen>) {
    let (camera, mut viewer, screen) = begin().await;
    viewer.play(at_ms, &screen).await;
    viewer.act(PlaybackAction::Pause).await.unwrap();
    viewer
        .playback(|playback| playback.state == PlaybackState::Paused)
        .await;
    screen.shows(0, counter_at(at_ms)).await;
    (camera, viewer, screen)
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_picture_of_the_moment_is_shown() {
    let at = START + 3_333;
    let (_camera, mut viewer, screen) = paused(at).await;
    assert_eq!(screen.counters(0), [83], "nothing else was drawn");
    for (at_ms, shown) in [
        (START, 0),
        (START + 39, 0),
        (START + 7_999, 199),
        (START + 8_000, 200),
        (SECOND + 5_000, 1125),
        // In the gap: what comes after it.
        (START + 30_000, SECOND_COUNTER),
    ] {
        let from = screen.count();
        viewer.act(PlaybackAction::Seek { at_ms }).await.unwrap();
        let told = viewer
            .playback(|playback| playback.state == PlaybackState::Paused)
            .await;
        screen.shows(from, shown).await;
        assert_eq!(screen.counters(from), [shown]);
        assert_eq!(counter_at(told.at_ms), shown, "{at_ms}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_plays_at_the_pace_of_the_clock() {
    let (_camera, mut viewer, screen) = paused(START + 1_000).await;
    let (from, start) = (screen.count(), Instant::now());
    viewer.act(PlaybackAction::Resume).await.unwrap();
    screen.reaches(from, 100).await;
    let passed = start.elapsed();
    let played = screen.counters(from);
    // Every one, but for those that a loaded machine is too late for.
    assert!(rises(&played) && played.len() > 25, "{played:?}");
    assert!(
        passed.as_millis() > 2_800,
        "3 s of recording took {passed:?}"
    );
    let told = viewer
        .playback(|playback| playback.at_ms > START + 3_500)
        .await;
    assert_eq!(
        (told.state, told.speed, told.at_live_edge),
        (PlaybackState::Playing, 1.0, false)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_jumped_and_the_end_is_told() {
    let (_camera, mut viewer, screen) = paused(START + LENGTH - 200).await;
    let from = screen.count();
    viewer.act(PlaybackAction::Resume).await.unwrap();
    let start = Instant::now();
    screen.reaches(from, SECOND_COUNTER + 10).await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "50 s lie between"
    );
    let played = screen.counters(from);
    let recorded = |n: &u32| (246..250).contains(n) || *n >= SECOND_COUNTER;
    assert!(rises(&played) && played.iter().all(recorded), "{played:?}");
    viewer
        .act(PlaybackAction::Seek {
            at_ms: SECOND + LENGTH - 300,
        })
        .await
        .unwrap();
    let ended = viewer
        .playback(|playback| playback.state == PlaybackState::Ended)
        .await;
    assert_eq!(ended.at_ms, SECOND + LENGTH - STEP);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_steps_by_one_picture_both_ways_and_over_a_keyframe() {
    let start = START + GOP * STEP * 3 + STEP;
    let (_camera, mut viewer, screen) = paused(start).await;
    let mut at = counter_at(start);
    for back in [false, false, true, true, true, true, true, false] {
        let from = screen.count();
        viewer.act(PlaybackAction::Step { back }).await.unwrap();
        at = if back { at - 1 } else { at + 1 };
        screen.shows(from, at).await;
        assert_eq!(screen.counters(from), [at], "back: {back}");
        let moment = START + i64::from(at) * STEP;
        viewer
            .playback(|playback| {
                playback.state == PlaybackState::Paused && playback.at_ms == moment
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fast_and_backward_are_keyframes_at_their_pace() {
    let (camera, mut viewer, screen) = paused(START + 1_000).await;
    viewer
        .act(PlaybackAction::Speed { speed: 8.0 })
        .await
        .unwrap();
    let (from, start) = (screen.count(), Instant::now());
    viewer.act(PlaybackAction::Resume).await.unwrap();
    screen.reaches(from, 9 * GOP as u32).await;
    let played = screen.counters(from);
    let keys = played.iter().all(|n| n % GOP as u32 == 0);
    assert!(rises(&played) && keys, "{played:?}");
    let passed = start.elapsed().as_millis();
    assert!((950..6_000).contains(&passed), "8 s took {passed} ms");
    let card = &camera.brain.card;
    assert!(card.has_asked(|playback| playback.ff == FastForward::Keyframes));

    viewer
        .act(PlaybackAction::Seek {
            at_ms: START + 9_500,
        })
        .await
        .unwrap();
    viewer
        .act(PlaybackAction::Speed { speed: -16.0 })
        .await
        .unwrap();
    let ended = viewer
        .playback(|playback| playback.state == PlaybackState::Ended)
        .await;
    assert_eq!((ended.at_ms, ended.speed), (START, -16.0));
    assert!(card.has_asked(|playback| playback.direction == Direction::Backward));
    // The screen draws what it was given a moment later.
    let drawn = Instant::now() + Duration::from_secs(5);
    while screen.counters(0).last() != Some(&0) && Instant::now() < drawn {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let played = screen.counters(0);
    let falling: Vec<_> = played
        .windows(2)
        .rev()
        .take_while(|pair| pair[0] > pair[1])
        .collect();
    assert!(falling.len() > 1 && played.last() == Some(&0), "{played:?}");
    let wrong = viewer.act(PlaybackAction::Speed { speed: 3.0 }).await;
    assert_eq!(wrong.unwrap_err().code, FailureCode::SettingInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_and_double_speed_play_every_picture() {
    let (_camera, viewer, screen) = paused(START + 1_000).await;
    for (speed, seconds) in [(2.0, 1.0), (0.5, 4.0)] {
        viewer
            .act(PlaybackAction::Seek {
                at_ms: START + 1_000,
            })
            .await
            .unwrap();
        viewer.act(PlaybackAction::Speed { speed }).await.unwrap();
        let (from, start) = (screen.count(), Instant::now());
        viewer.act(PlaybackAction::Resume).await.unwrap();
        screen.reaches(from, 75).await;
        let passed = start.elapsed().as_secs_f64();
        assert!(
            (0.9 * seconds..seconds + 8.0).contains(&passed),
            "{speed}: {passed} s"
        );
        viewer.act(PlaybackAction::Pause).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_camera_comes_back_at_the_same_moment() {
    let (mut camera, mut viewer, screen) = begin().await;
    viewer.play(START + 1_000, &screen).await;
    screen.reaches(0, 40).await;
    camera.stop().await;
    let lost = viewer.playback(|playback| playback.failure.is_some()).await;
    assert_eq!(
        lost.failure.unwrap().code,
        FailureCode::ConnectionLost,
        "while it was playing"
    );
    let from = screen.count();
    camera.begin().await;
    viewer
        .playback(|playback| playback.state == PlaybackState::Playing && playback.failure.is_none())
        .await;
    screen
        .until(Duration::from_secs(10), |frames| frames.len() > from + 10)
        .await;
    let frames = screen.frames();
    let (earlier, later) = frames.split_at(from);
    let counters = |frames: &[Frame]| -> Vec<u32> {
        let pictures = frames.iter().filter(|frame| frame.kind == 3);
        pictures.filter_map(counter).collect()
    };
    let (earlier, mut played) = (counters(earlier), counters(later));
    // The picture that stood on the screen may come once more.
    played.dedup();
    let before = earlier[earlier.len() - 1];
    assert!(
        (before..=before + 25).contains(&played[0]),
        "{before} {played:?}"
    );
    assert!(rises(&played), "{played:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_recorded_is_followed_and_called_the_edge() {
    let (camera, mut viewer, screen) = begin().await;
    let edge = &camera.brain.card.edge;
    edge.store(START + 2_000, Ordering::SeqCst);
    viewer.play(START + 1_500, &screen).await;
    viewer.playback(|playback| playback.at_live_edge).await;
    edge.store(START + 3_000, Ordering::SeqCst);
    screen.shows(0, 75).await;
    viewer.act(PlaybackAction::Pause).await.unwrap();
    let told = viewer
        .playback(|playback| playback.state == PlaybackState::Paused)
        .await;
    assert!(!told.at_live_edge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_comes_late_is_shown_all_the_same() {
    let (camera, mut viewer, screen) = paused(START + 1_000).await;
    let edge = &camera.brain.card.edge;
    edge.store(START + 5_000, Ordering::SeqCst);
    let from = screen.count();
    let at_ms = START + 5_600;
    viewer.act(PlaybackAction::Seek { at_ms }).await.unwrap();
    // The camera is silent for so long that what is at hand is taken for it.
    screen.shows(from, counter_at(START + 5_000)).await;
    let from = screen.count();
    edge.store(START + 8_000, Ordering::SeqCst);
    screen.shows(from, counter_at(at_ms)).await;
    viewer
        .playback(|playback| {
            playback.state == PlaybackState::Paused && playback.at_ms > START + 5_500
        })
        .await;
    assert_eq!(screen.counters(from), [counter_at(at_ms)]);
    let from = screen.count();
    viewer
        .act(PlaybackAction::Step { back: false })
        .await
        .unwrap();
    screen.shows(from, counter_at(at_ms) + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_played_is_told() {
    let (camera, mut viewer, screen) = begin().await;
    viewer.play(SECOND + 3_600_000, &screen).await;
    let failed = viewer
        .playback(|playback| playback.state == PlaybackState::Failed)
        .await;
    assert_eq!(failed.failure.unwrap().code, FailureCode::NoRecording);
    // Another moment is another try.
    viewer
        .act(PlaybackAction::Seek { at_ms: START })
        .await
        .unwrap();
    viewer
        .playback(|playback| playback.state == PlaybackState::Playing)
        .await;
    camera.brain.card.none.store(true, Ordering::SeqCst);
    viewer
        .act(PlaybackAction::Seek { at_ms: START })
        .await
        .unwrap();
    let failed = viewer
        .playback(|playback| playback.state == PlaybackState::Failed)
        .await;
    assert_eq!(failed.failure.unwrap().code, FailureCode::NoCard);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_view_does_its_own() {
    let (_camera, viewer, screen) = paused(START + 1_000).await;
    let saved = viewer.app.call(Call::Snapshot { view: 1 }, None).await;
    assert!(matches!(saved, Ok(Reply::File { bytes, .. }) if bytes > 1000));
    let quality = Quality::High;
    let refused = viewer.app.call(Call::SetQuality { view: 1, quality }, None);
    assert_eq!(refused.await.unwrap_err().code, FailureCode::WrongView);
    let recorded = viewer.app.call(Call::StartRecording { view: 1 }, None);
    assert_eq!(recorded.await.unwrap_err().code, FailureCode::WrongView);
    viewer
        .open(quality, app::api::Sink::AccessUnits, &screen)
        .await;
    let refused = viewer.act(PlaybackAction::Pause).await;
    assert_eq!(refused.unwrap_err().code, FailureCode::WrongView);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_stretches_files_thumbnails_and_the_card_are_told() {
    let (camera, viewer, _screen) = begin().await;
    let ask = |call: RecordedCall| {
        let app = viewer.app.clone();
        async move {
            match app.call(Call::Recorded(call), None).await {
                Ok(Reply::Recorded(reply)) => Ok(reply),
                Ok(other) => panic!("{other:?}"),
                Err(failure) => Err(failure),
            }
        }
    };
    let camera_key = || viewer.key.clone();
    let days = |utc_offset_min| RecordedCall::RecordedDays {
        camera: camera_key(),
        year: 2026,
        month: 7,
        utc_offset_min,
    };
    assert_eq!(
        ask(days(0)).await,
        Ok(RecordedReply::Days { days: vec![7] })
    );
    assert_eq!(
        ask(days(480)).await,
        Ok(RecordedReply::Days { days: vec![8] })
    );
    let (from_ms, to_ms) = (START - 3_600_000, START + 3_600_000);
    let recordings = RecordedCall::Recordings {
        camera: camera_key(),
        from_ms,
        to_ms,
    };
    let RecordedReply::Recordings { stretches, events } = ask(recordings).await.unwrap() else {
        panic!()
    };
    let spans: Vec<_> = stretches.iter().map(|s| (s.start_ms, s.end_ms)).collect();
    assert_eq!(spans, [(START, START + LENGTH), (SECOND, SECOND + LENGTH)]);
    assert_eq!((events.len(), events[0].kind.as_str()), (1, "motion"));
    let files = RecordedCall::RecordedFiles {
        camera: camera_key(),
        from_ms,
        to_ms,
        pictures: false,
    };
    let RecordedReply::Files { files } = ask(files).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (files.len(), files[0].name.as_str()),
        (1, common::card::FILE)
    );
    let card = RecordedCall::CardStatus {
        camera: camera_key(),
    };
    assert!(
        matches!(ask(card).await, Ok(RecordedReply::Card { card }) if card.newest_ms == SECOND + LENGTH)
    );
    let thumbnail = Call::Recorded(RecordedCall::RecordedThumbnail {
        camera: camera_key(),
        at_ms: START + 4_500,
        width: 160,
    });
    for _ in 0..2 {
        let reply = viewer.app.call(thumbnail.clone(), None).await.unwrap();
        let Reply::Thumbnail {
            jpeg: Some(jpeg),
            taken,
        } = reply
        else {
            panic!("{reply:?}")
        };
        let jpeg = base64::engine::general_purpose::STANDARD
            .decode(jpeg)
            .unwrap();
        assert_eq!(
            (&jpeg[..2], taken as i64),
            (&[0xff, 0xd8][..], START + 4_000)
        );
    }
    assert_eq!(
        camera.brain.card.asked.lock().unwrap().len(),
        1,
        "it is kept"
    );
    let format = Call::Recorded(RecordedCall::FormatCard {
        camera: camera_key(),
    });
    assert_eq!(viewer.app.call(format, None).await, Ok(Reply::Done));
    camera.brain.card.none.store(true, Ordering::SeqCst);
    assert_eq!(ask(days(0)).await.unwrap_err().code, FailureCode::NoCard);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seek_on_a_warm_session_shows_its_picture_soon() {
    let (_camera, viewer, screen) = paused(START).await;
    let mut took = Vec::new();
    for n in 1..=60_i64 {
        let at_ms = START + n * 3_797 % LENGTH;
        let (from, start) = (screen.count(), Instant::now());
        viewer.act(PlaybackAction::Seek { at_ms }).await.unwrap();
        let shown = counter_at(at_ms);
        screen.shows(from, shown).await;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    let (half, most) = (took[took.len() / 2], took[took.len() * 95 / 100]);
    println!("seek to picture: p50 {half:?}, p95 {most:?}");
    assert!(most < Duration::from_secs(2), "{took:?}");
}
