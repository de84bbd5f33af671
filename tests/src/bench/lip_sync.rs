//! The flash on the screen against the chime in the loudspeaker: both begin on the camera's whole second.

use super::sound::listen;
use super::table::{Row, Target};
use crate::desktop::{self, Desktop, FPS};
use crate::figures::{p50, p95};
use crate::programs::{Camera, Viewer};
use crate::pulse::Server;
use crate::screen::{Screen, Seen, unix_us};
use anyhow::{Context, Result};
use media::marks;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Sound and picture further apart than this do not belong together.
const SAME_SECOND: f64 = 0.45;

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let sound = Server::start(&["speaker"]);
    let camera = Camera::start(&[]);
    let viewer = Viewer::paired(&camera);
    let screen = Screen::start(1100, 720);
    let mut command = screen.command(desktop::program());
    desktop::arguments(&mut command, &viewer.data(), Some("front"));
    sound.attach(&mut command);
    let app = Desktop::start(command, &viewer.path("app.log"));
    let place = desktop::find_picture(&screen, Duration::from_secs(60))
        .context("no moving picture on the screen")?;
    // The jitter buffer and the clocks settle first.
    std::thread::sleep(Duration::from_secs(8));
    let listener = listen(&sound, "speaker")?;
    let watched = desktop::watch(&screen, &place, Duration::from_secs(32));
    let own = app
        .reported("/stats/lipSyncMs")
        .and_then(|value| value.as_f64());
    app.quit();
    let offsets = offsets(&flashes(&watched.pictures), &listener.onsets());
    let sizes: Vec<f64> = offsets.iter().map(|offset| offset.abs()).collect();
    let middle = p50(&offsets).unwrap_or(f64::NAN);
    Ok(vec![
        Row::new("lip-sync, |offset| p95", Target::AtMost(40.0), p95(&sizes), "ms")
            .note(format!("{} seconds, null sink's monitor against the framebuffer, median {middle:+.0} (+ = sound late)", sizes.len())),
        Row::new("lip-sync, as the app says", Target::Beside, own, "ms"),
    ])
}

/// When each whole second of the camera appeared on the screen. When its first picture was not drawn, the next ones
/// tell, less the time they were captured after it.
fn flashes(pictures: &[Seen]) -> BTreeMap<u64, Instant> {
    let mut flashes = BTreeMap::new();
    for seen in pictures {
        let captured = marks::time_of(seen.counter, FPS, unix_us());
        let (second, into) = (captured / 1_000_000, captured % 1_000_000);
        if into < 100_000 {
            flashes
                .entry(second)
                .or_insert_with(|| seen.at - Duration::from_micros(into));
        }
    }
    flashes
}

/// Sound minus picture of every second that has both, ms.
fn offsets(flashes: &BTreeMap<u64, Instant>, chimes: &[Instant]) -> Vec<f64> {
    let apart = |a: Instant, b: Instant| {
        if a >= b {
            (a - b).as_secs_f64()
        } else {
            -(b - a).as_secs_f64()
        }
    };
    let nearest = |flash: &Instant| {
        let all = chimes.iter().map(|chime| apart(*chime, *flash));
        all.min_by(|a, b| a.abs().total_cmp(&b.abs()))
            .filter(|offset| offset.abs() < SAME_SECOND)
    };
    flashes
        .values()
        .filter_map(nearest)
        .map(|seconds| seconds * 1000.0)
        .collect()
}
