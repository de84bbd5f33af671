//! The camera for a small board: no encoder inside, size before speed.

use super::process::resident_kib;
use super::table::{Row, Target};
use crate::places;
use crate::programs::{Camera, Folder, Viewer, finish};
use anyhow::{Context, Result};
use std::process::{Command, Stdio};
use std::time::Duration;

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let program = places::target().join("camera").join("porthole-camera");
    let size = program
        .metadata()
        .with_context(|| format!("{} is not built", program.display()))?
        .len();
    let film = film()?;
    let source = format!("file:{}", film.display());
    let mut camera = Camera::start_program(&program, Folder::temporary(), &["--source", &source]);
    let viewer = Viewer::paired(&camera);
    let mut watching = viewer.start(&["live", "front", "-o", "/dev/null"]);
    let idle = resident_kib(camera.process().id());
    std::thread::sleep(Duration::from_secs(10));
    let with_one = resident_kib(camera.process().id());
    anyhow::ensure!(
        watching.child().try_wait()?.is_none(),
        "the viewer ended: the camera shows nothing"
    );
    let mib = |kib: f64| kib / 1024.0;
    Ok(vec![
        Row::new(
            "camera without encoder, program",
            Target::AtMost(12.0),
            Some(size as f64 / 1e6),
            "MB",
        )
        .note("profile camera, stripped"),
        Row::new(
            "camera without encoder, memory",
            Target::AtMost(20.0),
            with_one.map(mib),
            "MiB resident",
        )
        .note(format!(
            "one viewer of a passed-through 720p30 file; {:.1} before",
            idle.map_or(0.0, mib)
        )),
    ])
}

/// A film as a camera's hardware encoder would write it.
fn film() -> Result<std::path::PathBuf> {
    let folder = places::target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let film = folder.join("film.flv");
    if film.is_file() {
        return Ok(film);
    }
    let mut command = Command::new("ffmpeg");
    command.args([
        "-y",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=1280x720:rate=30",
        "-f",
        "lavfi",
        "-i",
    ]);
    command.args([
        "sine=frequency=440:sample_rate=48000",
        "-t",
        "10",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
    ]);
    command.args([
        "-profile:v",
        "baseline",
        "-pix_fmt",
        "yuv420p",
        "-b:v",
        "2M",
        "-g",
        "60",
        "-c:a",
        "aac",
        "-b:a",
        "64k",
    ]);
    finish(
        command.arg(&film).stdin(Stdio::null()),
        Duration::from_secs(120),
    )
    .succeeded();
    Ok(film)
}
