//! A virtual camera that records, and the app showing it. With a display it runs until the window is closed; with
//! `--headless` it looks at a virtual screen, checks that the picture moves and something was recorded, and says what it measured.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use tests::desktop::{self, Desktop};
use tests::figures::{p50, p95, shown};
use tests::places;
use tests::programs::{Camera, Folder, Viewer};
use tests::screen::Screen;

/// How long the first picture may take on a loaded machine.
const FIRST_PICTURE: Duration = Duration::from_secs(60);
/// How long the picture is watched once it is there.
const WATCHED: Duration = Duration::from_secs(10);
/// Recordings take no more room than this: about an hour.
const CARD_BYTES: &str = "1000000000";
/// Fewer pictures a second than this is no moving picture.
const MOVING_FPS: f64 = 5.0;

fn main() -> ExitCode {
    let is_headless = std::env::args().any(|argument| argument == "--headless");
    let folder = places::target().join("demo");
    let card = Folder::fresh(folder.join("card"));
    let camera = Camera::start_in(
        Folder::fresh(folder.join("camera")),
        &[
            "--name",
            "Front door",
            "--card",
            &card.path().to_string_lossy(),
            "--card-bytes",
            CARD_BYTES,
        ],
    );
    println!("camera    ready, {}", camera.link);
    let viewer = Viewer::new_in(Folder::fresh(folder.join("viewer")));
    let started = Instant::now();
    viewer.run(&["add", &camera.link]).succeeded();
    println!(
        "paired    in {:.0} ms (porthole add)",
        started.elapsed().as_secs_f64() * 1000.0
    );
    let Some(key) = first_key(&viewer) else {
        eprintln!("the camera is not in the list after adding it");
        return ExitCode::FAILURE;
    };
    if is_headless {
        check(&viewer, &key, &folder, card.path())
    } else {
        show(&viewer, &key, &folder)
    }
}

/// The key under which the only camera is saved.
fn first_key(viewer: &Viewer) -> Option<String> {
    let list = viewer.run(&["list", "--json"]).succeeded().json();
    let cameras = list.as_array().or_else(|| list["cameras"].as_array())?;
    cameras.first()?["key"].as_str().map(str::to_owned)
}

fn show(viewer: &Viewer, key: &str, folder: &Path) -> ExitCode {
    let mut command = Command::new(desktop::program());
    desktop::arguments(&mut command, &viewer.data(), Some(key));
    let mut app = Desktop::start(command, &folder.join("app.log"));
    println!("app       running; close its window to end the demonstration");
    match app.process().wait(Duration::MAX / 4) {
        Some(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn check(viewer: &Viewer, key: &str, folder: &Path, card: &Path) -> ExitCode {
    let screen = Screen::start(1100, 720);
    let mut command = screen.command(desktop::program());
    desktop::arguments(&mut command, &viewer.data(), Some(key));
    let app = Desktop::start(command, &folder.join("app.log"));
    let marks = desktop::find_picture(&screen, FIRST_PICTURE);
    let appeared = app.started().elapsed();
    let watched = marks.map(|marks| desktop::watch(&screen, &marks, WATCHED));
    let screenshot = folder.join("screenshot.png");
    // The controls hide while nobody moves: a screenshot should show them.
    let moved = screen
        .command("xdotool")
        .args(["mousemove", "550", "300", "mousemove_relative", "20", "0"])
        .status();
    if moved.is_ok() {
        std::thread::sleep(Duration::from_millis(600));
    }
    let is_saved = screen.save(&screenshot);
    let number = |pointer: &str| app.first_reported(pointer).and_then(|value| value.as_f64());
    println!("connect   {}", shown(number("/stats/connectMs"), "ms"));
    println!(
        "picture   first after {} (request to drawn)",
        shown(number("/stats/firstPictureMs"), "ms")
    );
    if is_saved {
        println!("screen    {}", screenshot.display());
    }
    let path = app
        .reported("/camera/path/kind")
        .and_then(|kind| kind.as_str().map(str::to_owned));
    println!("path      {}", path.as_deref().unwrap_or("–"));
    let Some(watched) = watched else {
        println!(
            "FAILED    no moving picture on the screen after {:.0} s",
            appeared.as_secs_f64()
        );
        eprintln!(
            "{}\n{}",
            places::text(&folder.join("app.log")),
            places::text(&folder.join("camera/log"))
        );
        return ExitCode::FAILURE;
    };
    let ages = watched.latencies();
    println!(
        "on screen {:.1} s after the app was started",
        appeared.as_secs_f64()
    );
    println!(
        "latency   capture to screen p50 {}, p95 {}",
        shown(p50(&ages), "ms"),
        shown(p95(&ages), "ms")
    );
    println!(
        "rate      {:.1} pictures a second on the screen",
        watched.fps()
    );
    let has_quit = app.quit();
    if !has_quit {
        println!("FAILED    the app did not end when asked to");
    }
    if watched.fps() < MOVING_FPS {
        println!("FAILED    the picture does not move");
        return ExitCode::FAILURE;
    }
    let recorded: u64 = places::files(card, &["mp4"])
        .iter()
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    println!("card      {:.1} MB recorded", recorded as f64 / 1e6);
    if recorded == 0 {
        println!("FAILED    the camera has recorded nothing");
        return ExitCode::FAILURE;
    }
    if has_quit && is_saved {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
