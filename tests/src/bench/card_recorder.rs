//! What recording costs: the recorder's thread in the camera, beside `ffmpeg -c copy` writing the same stream.

use super::process::{thread_cpu_seconds, tree_cpu_seconds};
use super::table::{Row, Target};
use crate::programs::{Camera, Folder, Running, Viewer};
use anyhow::{Context, Result};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long both are watched.
const WATCHED: Duration = Duration::from_secs(30);

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let card = Folder::temporary();
    let mut camera = Camera::start(&["--card", &card.path().to_string_lossy()]);
    let viewer = Viewer::paired(&camera);
    let gateway = viewer.gateway();
    let copy = card.path().join("copy.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args([
            "-v",
            "error",
            "-i",
            gateway.url(),
            "-c",
            "copy",
            "-movflags",
            "frag_keyframe+empty_moov",
        ])
        .arg(&copy)
        .stdin(Stdio::null());
    let ffmpeg = Running::start(&mut ffmpeg);
    // What both need once is over.
    std::thread::sleep(Duration::from_secs(5));
    let id = camera.process().id();
    let used = || {
        let recorder = thread_cpu_seconds(id, "record").context("the camera has no recorder")?;
        anyhow::Ok((recorder, tree_cpu_seconds(ffmpeg.id())))
    };
    let before = used()?;
    std::thread::sleep(WATCHED);
    let after = used()?;
    let share = |used: f64| Some(used / WATCHED.as_secs_f64() * 100.0);
    let note = format!("720p30 with sound, {} s", WATCHED.as_secs());
    Ok(vec![
        Row::new(
            "recorder's thread, processor",
            Target::Beside,
            share(after.0 - before.0),
            "% of a core",
        )
        .note(&note),
        Row::new(
            "ffmpeg -c copy, processor",
            Target::Beside,
            share(after.1 - before.1),
            "% of a core",
        )
        .note(format!("{note}, read from the gateway")),
    ])
}
