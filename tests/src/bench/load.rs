//! CPU of showing 1080p30 in a window: the app, mpv and ffplay on the same camera, one after the other.

use super::process::tree_cpu_seconds;
use super::table::{Row, Target};
use crate::desktop::{self, Desktop};
use crate::programs::{Camera, Running, Viewer};
use crate::screen::Screen;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(15);

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let camera = Camera::start(&[]);
    let viewer = Viewer::paired(&camera);
    open_in_full_quality(&viewer)?;
    let ours = app(&viewer)?;
    let gateway = viewer.gateway();
    let url = gateway.url().replace("quality=high", "quality=super");
    let mpv = player(&[
        "mpv",
        "--no-config",
        "--profile=low-latency",
        "--vo=x11",
        "--ao=null",
        "--geometry=1100x619",
        &url,
    ])?;
    let ffplay = player(&[
        "ffplay", "-v", "quiet", "-fflags", "nobuffer", "-an", "-x", "1100", "-y", "619", &url,
    ])?;
    let row = |name: &str, cost: Cost, note: &str| {
        Row::new(
            format!("CPU, 1080p30, {name}"),
            Target::Beside,
            Some(cost.percent),
            "% of a core",
        )
        .note(format!(
            "{:.1} pictures a second on the screen; {note}",
            cost.fps
        ))
    };
    let per_picture = |cost: Cost| cost.percent * 10.0 / cost.fps;
    let best = per_picture(mpv).min(per_picture(ffplay));
    Ok(vec![
        row(
            "the app",
            ours,
            "window 1100x720, no graphics card, the web view's processes included",
        ),
        row("mpv", mpv, "--vo=x11, the gateway not counted"),
        row("ffplay", ffplay, "no sound, the gateway not counted"),
        Row::new(
            "CPU a picture, the app",
            Target::Beside,
            Some(per_picture(ours)),
            "ms",
        ),
        Row::new(
            "CPU a picture, the better player",
            Target::Beside,
            Some(best),
            "ms",
        ),
    ])
}

/// What showing the stream cost.
#[derive(Clone, Copy)]
struct Cost {
    /// CPU time of the program and its children, per cent of one core.
    percent: f64,
    /// Pictures a second that reached the screen.
    fps: f64,
}

/// Makes the app open its views in 1080p.
fn open_in_full_quality(viewer: &Viewer) -> Result<()> {
    let file = viewer.data().join("store.json");
    let mut saved: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
    if !saved["settings"].is_object() {
        saved["settings"] = json!({});
    }
    saved["settings"]["quality"] = json!("super");
    Ok(std::fs::write(&file, serde_json::to_vec(&saved)?)?)
}

fn app(viewer: &Viewer) -> Result<Cost> {
    let screen = Screen::start(1100, 720);
    let mut command = screen.command(desktop::program());
    desktop::arguments(&mut command, &viewer.data(), Some("front"));
    let mut app = Desktop::start(command, &viewer.path("app.log"));
    let cost = measure(&screen, app.process().id()).context("the app")?;
    app.quit();
    Ok(cost)
}

fn player(words: &[&str]) -> Result<Cost> {
    let screen = Screen::start(1100, 720);
    let (program, arguments) = words.split_first().context("a program")?;
    let mut command = screen.command(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let player = Running::start(&mut command);
    measure(&screen, player.id()).with_context(|| (*program).to_owned())
}

fn measure(screen: &Screen, id: u32) -> Result<Cost> {
    let marks = desktop::find_picture(screen, Duration::from_secs(60))
        .context("no moving picture on the screen")?;
    std::thread::sleep(WARM_UP);
    let (start, before) = (Instant::now(), tree_cpu_seconds(id));
    let watched = desktop::watch(screen, &marks, MEASURED);
    let used = tree_cpu_seconds(id) - before;
    Ok(Cost {
        percent: used / start.elapsed().as_secs_f64() * 100.0,
        fps: watched.fps(),
    })
}
