//! Recordings: a moment found on the strip and played, a part of them saved and whole.

use crate::live::add_and_watch;
use crate::window::{PATIENCE, Setup, Window};
use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use media::marks;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tests::desktop::FPS;
use tests::programs::{Camera, Folder, finish};
use tests::screen;

/// How much is on the card before anybody looks.
const RECORDED: Duration = Duration::from_secs(30);
/// Between the moment asked for and the capture of the picture that shows it: one picture, and what separates the camera's
/// clock from the counter on the picture.
const EXACT_MS: i64 = 100;

/// A camera with a card, watched until the card has something, and then its recordings, standing still.
async fn open_recordings(window: &Window, camera: &Camera) {
    add_and_watch(window, camera).await;
    tokio::time::sleep(RECORDED).await;
    window.press("recordings").await;
    window.find("playback-canvas").await;
    window.press("play").await;
    until_paused(window).await;
}

async fn until_paused(window: &Window) {
    window
        .until("it stands", PATIENCE, async || {
            attribute(window, "playback-page", "data-state").await == "paused"
        })
        .await;
}

async fn attribute(window: &Window, id: &str, name: &str) -> String {
    let script = "return document.querySelector(`[data-testid=\"${arguments[0]}\"]`)?.getAttribute(arguments[1]) ?? ''";
    let value = window.run(script, vec![json!(id), json!(name)]).await;
    value.as_str().unwrap_or_default().to_owned()
}

/// The moment in the middle of the strip, unix ms.
async fn centre(window: &Window) -> i64 {
    attribute(window, "timeline", "data-centre")
        .await
        .parse()
        .expect("a moment")
}

/// When the picture on the canvas was captured, unix ms, by the counter on it.
async fn captured(window: &Window) -> Option<i64> {
    let marks = window.marks().await?;
    Some(capture_ms(marks.counter))
}

fn capture_ms(counter: u32) -> i64 {
    let us = marks::time_of(counter, FPS, screen::unix_us());
    i64::try_from(us / 1000).unwrap_or(i64::MAX)
}

/// Waits until the picture is the one of the moment in the middle of the strip; answers how far apart they are, ms.
async fn until_exact(window: &Window) -> i64 {
    let mut apart = i64::MAX;
    window
        .until("the picture of the moment", PATIENCE, async || {
            let at = centre(window).await;
            if let Some(shown) = captured(window).await {
                apart = shown - at;
            }
            apart.abs() <= EXACT_MS
        })
        .await;
    apart
}

/// Drags the strip by `dx` pixels and lets it rest before it is let go.
async fn drag(window: &Window, dx: f64) {
    let element = window.find("timeline").await;
    let to = |x: f64| PointerAction::MoveToElement {
        element: element.clone(),
        duration: Some(Duration::from_millis(200)),
        x,
        y: 20.0,
    };
    let dragged = MouseActions::new("mouse".to_owned())
        .then(to(0.0))
        .then(PointerAction::Down {
            button: MOUSE_BUTTON_LEFT,
        })
        .then(to(dx / 2.0))
        .then(to(dx))
        .then(PointerAction::Pause {
            duration: Duration::from_millis(300),
        })
        .then(PointerAction::Up {
            button: MOUSE_BUTTON_LEFT,
        });
    window
        .page
        .perform_actions(dragged)
        .await
        .expect("the strip is dragged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_dragged_to_is_the_one_on_the_screen() {
    let (card, data) = (Folder::temporary(), Folder::temporary());
    let card = card.path().to_string_lossy();
    let camera = Camera::start(&["--name", "Front door", "--card", &card]);
    let window = Window::open(&Setup::new(data.path())).await;
    open_recordings(&window, &camera).await;
    println!(
        "standing: the picture is {} ms from the moment on the strip",
        until_exact(&window).await
    );
    // From an hour to a minute across the strip.
    for _ in 0..3 {
        window.press("zoom-in").await;
    }
    let before = centre(&window).await;
    drag(&window, 100.0).await;
    until_paused(&window).await;
    let apart = until_exact(&window).await;
    let after = centre(&window).await;
    println!(
        "dragged from {before} to {after}: the picture is {apart} ms from the moment on the strip"
    );
    assert!(
        (2000..20_000).contains(&(before - after)),
        "a drag of 100 pixels moved the strip by {} ms",
        before - after
    );
    let stood = captured(&window).await.expect("a picture");
    window.press("step-on").await;
    window
        .until("the next picture", PATIENCE, async || {
            captured(&window).await.is_some_and(|now| now > stood)
        })
        .await;
    window.keep("playback").await;
    window.press("play").await;
    window
        .until("it plays on", PATIENCE, async || {
            captured(&window)
                .await
                .is_some_and(|now| now > stood + 1000)
        })
        .await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_saved_as_a_whole_file_with_its_pictures() {
    let (card, data) = (Folder::temporary(), Folder::temporary());
    let card = card.path().to_string_lossy();
    let camera = Camera::start(&["--name", "Front door", "--card", &card]);
    let window = Window::open(&Setup::new(data.path())).await;
    open_recordings(&window, &camera).await;
    window.press("skip-back").await;
    until_exact(&window).await;
    window.press("select").await;
    window.press("range-from").await;
    let from = centre(&window).await;
    window.press("skip-on").await;
    window
        .until("ten seconds on", PATIENCE, async || {
            centre(&window).await >= from + 9900
        })
        .await;
    window.press("range-to").await;
    let to = centre(&window).await;
    window.press("save-range").await;
    window.press("downloads").await;
    window
        .until("the download", PATIENCE * 2, async || {
            attribute(&window, "download", "data-state").await == "done"
        })
        .await;
    window.keep("downloads").await;
    let file = saved_video(data.path()).expect("an MP4 in the app's folder");
    let counters = counters(&file);
    let (first, last) = (
        capture_ms(*counters.first().expect("pictures")),
        capture_ms(*counters.last().expect("pictures")),
    );
    println!(
        "saved {} pictures, from {} ms before the beginning to {} ms after the end",
        counters.len(),
        from - first,
        last - to
    );
    assert!(
        first <= from + EXACT_MS && last >= to - EXACT_MS,
        "{first}..{last} does not hold {from}..{to}"
    );
    assert!(
        counters.is_sorted_by(|a, b| a < b),
        "pictures out of order: {counters:?}"
    );
    window.close().await;
}

/// The only video below a folder.
fn saved_video(folder: &Path) -> Option<PathBuf> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).ok()?.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "mp4") {
                return Some(path);
            }
        }
    }
    None
}

/// The frame counters of every picture of a file that `ffprobe` has nothing against.
fn counters(file: &Path) -> Vec<u32> {
    const SIZE: (u32, u32) = (640, 360);
    let mut probe = Command::new("ffprobe");
    probe
        .args(["-v", "error", "-show_format", "-of", "json"])
        .arg(file);
    let probed = finish(&mut probe, PATIENCE).succeeded();
    assert_eq!(probed.stderr, "", "ffprobe complains");
    let mut decode = Command::new("ffmpeg");
    let scale = format!("scale={}:{}", SIZE.0, SIZE.1);
    decode.args(["-v", "error", "-i"]).arg(file);
    decode.args(["-fps_mode", "passthrough", "-vf", &scale]);
    decode.args(["-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let decoded = finish(&mut decode, PATIENCE * 2).succeeded();
    assert_eq!(decoded.stderr, "", "ffmpeg complains");
    let picture = (SIZE.0 * SIZE.1) as usize;
    decoded
        .stdout
        .chunks_exact(picture)
        .map(|luma| marks::read_counter(luma, SIZE.0 as usize, SIZE.0, SIZE.1).expect("a counter"))
        .collect()
}
