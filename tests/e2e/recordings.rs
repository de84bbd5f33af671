//! Recordings: a moment found on the strip is the one on the screen, and a part of them is saved whole whatever ends the app.

use crate::live::add_and_watch;
use crate::window::{PATIENCE, Setup, Window};
use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use media::marks;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::desktop::{self, FPS};
use tests::places;
use tests::programs::{Camera, Folder, Running};
use tests::recorded::{self, Kept};
use tests::screen;

/// How much is on the card at least before anybody looks.
const RECORDED: Duration = Duration::from_secs(40);
/// Bytes of a download at which the app is killed.
const HALF_WAY: u64 = 512 << 10;

/// A camera with a card that has something on it, and the page of its recordings, standing at the day's first picture.
async fn open_recordings(window: &Window, camera: &Camera) {
    add_and_watch(window, camera).await;
    tokio::time::sleep(RECORDED).await;
    window.press("recordings").await;
    window.find("playback-canvas").await;
    window.press("play").await;
    until_standing(window).await;
    window.press("date").await;
    window.find("month-sheet").await;
    window
        .until("a day with recordings", PATIENCE, async || {
            let press = "const day = document.querySelector('[data-testid=\"day\"][data-recorded=\"true\"]');
                day?.click(); return !!day;";
            window.run(press, vec![]).await == true
        })
        .await;
    window
        .until("the sheet is closed", PATIENCE, async || {
            !window.has("month-sheet").await
        })
        .await;
    until_standing(window).await;
}

async fn until_standing(window: &Window) {
    window
        .until("it stands", PATIENCE, async || {
            state(window).await == "paused"
        })
        .await;
}

async fn attribute(window: &Window, id: &str, name: &str) -> String {
    let script = "return document.querySelector(`[data-testid=\"${arguments[0]}\"]`)?.getAttribute(arguments[1]) ?? ''";
    let value = window.run(script, vec![json!(id), json!(name)]).await;
    value.as_str().unwrap_or_default().to_owned()
}

/// What the recordings do: `playing`, `paused` and others.
pub(crate) async fn state(window: &Window) -> String {
    attribute(window, "playback-page", "data-state").await
}

/// The moment in the middle of the strip, unix ms.
pub(crate) async fn centre(window: &Window) -> i64 {
    let centre = attribute(window, "timeline", "data-centre").await;
    centre.parse().expect("a moment")
}

/// When a picture was captured, unix ms, by the counter on it.
fn capture_ms(counter: u32) -> i64 {
    let us = marks::time_of(counter, FPS, screen::unix_us());
    i64::try_from(us / 1000).unwrap_or(i64::MAX)
}

/// Waits until the strip stands at another moment than `before`, and the picture is that moment's; answers moment and counter.
async fn until_moved(window: &Window, before: i64) -> (i64, u32) {
    let mut found = None;
    window
        .until("the picture of another moment", PATIENCE, async || {
            let at = centre(window).await;
            let Some(shown) = window.marks().await else {
                return false;
            };
            // The strip glides there: it has arrived when it does not move any more.
            let stands = centre(window).await == at && state(window).await == "paused";
            let apart = at - capture_ms(shown.counter);
            found = Some((at, shown.counter));
            at != before && stands && apart.abs() < 1000
        })
        .await;
    found.expect("just seen")
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
    let dragged = window.page.perform_actions(dragged).await;
    dragged.expect("the strip is dragged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_dragged_to_is_the_one_on_the_screen() {
    let (card, data) = (Folder::temporary(), Folder::temporary());
    let directory = card.path().to_string_lossy();
    let mut camera = Camera::start(&["--name", "Front door", "--card", &directory]);
    let window = Window::open(&Setup::new(data.path())).await;
    open_recordings(&window, &camera).await;
    // From an hour to a minute across the strip.
    for _ in 0..3 {
        window.press("zoom-in").await;
    }
    let before = centre(&window).await;
    drag(&window, -250.0).await;
    let (after, shown) = until_moved(&window, before).await;
    window.keep("playback").await;
    assert!(
        (5_000..35_000).contains(&(after - before)),
        "a drag of 250 pixels moved the strip by {} ms",
        after - before
    );
    window.press("step-on").await;
    let (_, next) = until_moved(&window, after).await;
    window.press("play").await;
    window
        .until("it plays on", PATIENCE, async || {
            window
                .marks()
                .await
                .is_some_and(|now| now.counter > next + FPS)
        })
        .await;
    camera.kill();
    window.close().await;

    let kept = recorded::on_card(card.path());
    let place = |counter: u32| kept.iter().position(|kept| *kept == counter);
    let shown_at = place(shown).expect("the picture shown is on the card");
    let asked_at = kept
        .iter()
        .rposition(|counter| capture_ms(*counter) <= after)
        .expect("something was recorded before that moment");
    println!(
        "dragged by {} ms; shown is picture {shown_at} of the card, the moment's is {asked_at}",
        after - before
    );
    // The strip rests on whole pixels, a picture is half of one.
    assert!(shown_at.abs_diff(asked_at) <= 1, "{shown_at} {asked_at}");
    assert_eq!(place(next), Some(shown_at + 1), "a step is one picture");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_saved_whole_though_the_app_is_killed_half_way() {
    let (card, data) = (Folder::temporary(), Folder::temporary());
    let directory = card.path().to_string_lossy();
    let mut camera = Camera::start(&["--name", "Front door", "--card", &directory]);
    let window = Window::open(&Setup::new(data.path())).await;
    open_recordings(&window, &camera).await;
    let first = centre(&window).await;
    window.press("skip-on").await;
    let (from, _) = until_moved(&window, first).await;
    window.press("select").await;
    window.press("range-from").await;
    window.press("skip-on").await;
    let (middle, _) = until_moved(&window, from).await;
    window.press("skip-on").await;
    let (to, _) = until_moved(&window, middle).await;
    window.press("range-to").await;
    window.keep("range").await;

    let slow = slowed_down(camera.process());
    window.press("save-range").await;
    let mut killed_at = 0;
    window
        .until("a part of the download", PATIENCE, async || {
            killed_at = size_of(data.path(), "download");
            killed_at >= HALF_WAY
        })
        .await;
    kill_app(data.path());
    assert!(
        recorded::videos(data.path()).is_empty(),
        "finished before the app was killed"
    );
    drop(window);
    drop(slow);
    camera.process().signal("STOP");

    let window = Window::open(&Setup::new(data.path())).await;
    window.press("downloads").await;
    window.find("download").await;
    let mut least = size_of(data.path(), "download");
    camera.process().signal("CONT");
    window
        .until("the download", PATIENCE * 2, async || {
            match size_of(data.path(), "download") {
                0 => {}
                size => least = least.min(size),
            }
            attribute(&window, "download", "data-state").await == "done"
        })
        .await;
    // The screen is painted later than the page knows.
    tokio::time::sleep(Duration::from_secs(1)).await;
    window.keep("downloads").await;
    window.press("download-copy").await;
    let copied = async || {
        let xclip = ["-selection", "clipboard", "-t", "text/uri-list", "-o"];
        let output = window.screen.command("xclip").args(xclip).output();
        String::from_utf8_lossy(&output.expect("xclip").stdout).into_owned()
    };
    window
        .until("the file on the clipboard", PATIENCE, async || {
            copied().await.trim_end().ends_with(".mp4")
        })
        .await;
    assert!(
        least >= killed_at,
        "begun anew: {least} bytes after {killed_at}"
    );
    window.close().await;
    camera.kill();

    let files = recorded::videos(data.path());
    let [file] = files.as_slice() else {
        panic!("not one file: {files:?}")
    };
    let saved = recorded::whole(file);
    let all = recorded::on_card(card.path());
    println!(
        "killed after {killed_at} bytes; saved {} pictures",
        saved.len()
    );
    assert_is_part(&saved, &all, from, to);
}

/// What was saved is what the card holds from the keyframe before `from` to `to`, unix ms, picture by picture.
fn assert_is_part(saved: &Kept, all: &Kept, from: i64, to: i64) {
    let (first, last) = match saved.as_slice() {
        [first, .., last] => (*first, *last),
        _ => panic!("{} pictures", saved.len()),
    };
    let picture = 1000 / i64::from(FPS) + 1;
    assert!(
        capture_ms(first) <= from + picture && capture_ms(last) >= to - picture,
        "{}..{} does not hold {from}..{to}",
        capture_ms(first),
        capture_ms(last)
    );
    let held: Kept = all
        .iter()
        .copied()
        .filter(|counter| (first..=last).contains(counter))
        .collect();
    assert_eq!(*saved, held, "not the card's pictures");
}

/// Lets a program run a tenth of the time, until what it returns is dropped; it may stand then.
fn slowed_down(process: &Running) -> Running {
    let id = process.id();
    let turns = format!("while kill -STOP {id}; do sleep 0.09; kill -CONT {id}; sleep 0.01; done");
    Running::start(Command::new("sh").args(["-c", &turns]))
}

/// Ends the app that keeps its data in `data`, as a power cut would.
fn kill_app(data: &Path) {
    let (program, data) = (desktop::program(), data.to_string_lossy());
    let is_it = |id: &str| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).collect();
        words
            .first()
            .is_some_and(|word| *word == program.as_os_str().as_encoded_bytes())
            && words.contains(&data.as_bytes())
    };
    let running = std::fs::read_dir("/proc").expect("processes");
    let id = running
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|id| is_it(id))
        .expect("the app runs");
    let killed = Command::new("kill").args(["-KILL", &id]).status();
    assert!(killed.is_ok_and(|status| status.success()), "killing {id}");
}

/// The size of the only file below `folder` with this extension; 0 while there is none.
fn size_of(folder: &Path, extension: &str) -> u64 {
    places::files(folder, &[extension])
        .first()
        .and_then(|file| file.metadata().ok())
        .map_or(0, |data| data.len())
}
