//! Recordings of four cameras on one timeline: one moment on all of them, standing and playing.

use crate::live::{add, add_and_watch};
use crate::recordings::{centre, state};
use crate::window::{PATIENCE, Setup, Window};
use media::marks;
use std::time::Duration;
use tests::programs::{Camera, Folder};
use tests::screen;

const NAMES: [&str; 4] = ["Front door", "Garden", "Garage", "Hall"];
/// Pictures a second: what two cores draw, keep and show four times.
const FPS: u32 = 10;
/// How much more is on each card when anybody looks than what came while the cameras were added.
const RECORDED: Duration = Duration::from_secs(12);
/// How long they play.
const PLAYED: Duration = Duration::from_secs(4);

/// What the canvases show, unix ms, first to last; `None` while one shows nothing.
async fn moments(window: &Window) -> Option<Vec<i64>> {
    let mut moments = Vec::new();
    for canvas in 0..NAMES.len() {
        let counter = window.marks_on(canvas).await?.counter;
        let us = marks::time_of(counter, FPS, screen::unix_us());
        moments.push(i64::try_from(us / 1000).ok()?);
    }
    Some(moments)
}

fn spread(moments: &[i64]) -> i64 {
    let ends = moments.iter().max().zip(moments.iter().min());
    ends.map_or(0, |(last, first)| last - first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_cameras_show_one_moment_and_play_on_in_step() {
    let cards: Vec<Folder> = NAMES.iter().map(|_| Folder::temporary()).collect();
    let start = |(name, card): (&&str, &Folder)| {
        let card = card.path().to_string_lossy();
        Camera::start(&["--name", name, "--card", &card, "--fps", &FPS.to_string()])
    };
    let cameras: Vec<Camera> = NAMES.iter().zip(&cards).map(start).collect();
    let data = Folder::temporary();
    let window = Window::open(&Setup::new(data.path())).await;
    for camera in &cameras[1..] {
        add(&window, camera).await;
        window.press("add-another").await;
        window
            .until("the next link is asked for", PATIENCE, async || {
                !window.has("add-watch").await
            })
            .await;
    }
    add_and_watch(&window, &cameras[0]).await;
    tokio::time::sleep(RECORDED).await;
    window.press("recordings").await;
    window.find("playback-canvas").await;
    for beside in 2..=NAMES.len() {
        window.press("beside").await;
        window
            .until("one more camera", PATIENCE, async || {
                let press = "document.querySelector('[data-testid^=\"beside-\"][aria-checked=\"false\"]')?.click();";
                if window.count("playback-tile").await < beside {
                    window.run(press, vec![]).await;
                }
                window.count("playback-tile").await == beside
            })
            .await;
    }
    if state(&window).await != "paused" {
        window.press("play").await;
    }
    // What opened may be before the youngest card's beginning, where each camera shows its own first picture.
    window.press("skip-on").await;
    let mut stood = Vec::new();
    window
        .until("all of them at one moment", PATIENCE, async || {
            let at = centre(&window).await;
            let Some(all) = moments(&window).await else {
                return false;
            };
            let stands = state(&window).await == "paused" && centre(&window).await == at;
            // A picture is a tenth of a second.
            let there = all.iter().all(|moment| (moment - at).abs() <= 150);
            stood = all;
            stands && there
        })
        .await;
    window.keep("playback-four").await;

    window.press("play").await;
    tokio::time::sleep(PLAYED).await;
    let mut played = Vec::new();
    window
        .until("all of them farther on, in step", PATIENCE, async || {
            played = moments(&window).await.unwrap_or_default();
            let on = |(moment, stood): (&i64, &i64)| moment - stood > 2_000;
            played.len() == NAMES.len()
                && played.iter().zip(&stood).all(on)
                && spread(&played) <= 500
        })
        .await;
    println!(
        "standing {} ms apart, {} ms later {} ms apart",
        spread(&stood),
        played[0] - stood[0],
        spread(&played)
    );
    window.close().await;
}
