//! Capture to pixels on the screen, read from the framebuffer.

use super::table::{Row, Target};
use crate::desktop::{self, Desktop};
use crate::figures::{p50, p95};
use crate::programs::{Camera, Viewer};
use crate::screen::Screen;
use anyhow::{Context, Result};
use std::time::Duration;

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let camera = Camera::start(&[]);
    let viewer = Viewer::paired(&camera);
    let screen = Screen::start(1100, 720);
    let mut command = screen.command(desktop::program());
    desktop::arguments(&mut command, &viewer.data(), Some("front"));
    let app = Desktop::start(command, &viewer.path("app.log"));
    let marks = desktop::find_picture(&screen, Duration::from_secs(60))
        .context("no moving picture on the screen")?;
    std::thread::sleep(Duration::from_secs(3));
    let watched = desktop::watch(&screen, &marks, Duration::from_secs(20));
    app.quit();
    let ages = watched.latencies();
    let note = format!(
        "720p30 in a window of 1100x720 under Xvfb, {} pictures, {:.1} a second",
        ages.len(),
        watched.fps()
    );
    Ok(vec![
        Row::new(
            "capture to screen, p50",
            Target::AtMost(120.0),
            p50(&ages),
            "ms",
        )
        .note(note),
        Row::new("capture to screen, p95", Target::Beside, p95(&ages), "ms"),
    ])
}
