//! A machine without a sound device.

use crate::live::add_and_watch;
use crate::window::{PATIENCE, Setup, Window};
use std::time::Duration;
use tests::places;
use tests::programs::{Camera, Folder};

/// What the button beside the volume says, once the volume cannot be set.
const WHY_SILENT: &str = "const [volume, mute] = ['volume', 'mute'].map((id) => document.querySelector(`[data-testid=\"${id}\"]`));
return volume?.disabled ? mute?.getAttribute('aria-label') ?? '' : '';";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sound_device_the_picture_moves_and_the_page_says_why_it_is_silent() {
    let camera = Camera::start(&["--name", "Front door"]);
    let data = Folder::temporary();
    let nowhere = Folder::temporary();
    let runtime = nowhere.path().to_string_lossy().into_owned();
    let environment = [
        ("PULSE_SERVER", "unix:/nonexistent"),
        ("XDG_RUNTIME_DIR", runtime.as_str()),
    ];
    let window = Window::open(&Setup {
        environment: &environment,
        ..Setup::new(data.path())
    })
    .await;
    add_and_watch(&window, &camera).await;
    window
        .until_live(Duration::from_millis(1500), PATIENCE)
        .await;
    let title = no_audio_title();
    let is_told = async || {
        let why = window.run(WHY_SILENT, vec![]).await;
        why.as_str().is_some_and(|why| why.contains(&title))
    };
    window
        .until("it says that there is no sound", PATIENCE, is_told)
        .await;
    window.keep("no-sound").await;
    window.close().await;
}

/// The English title of the failure, from the table that the UI has too.
fn no_audio_title() -> String {
    let path = places::repository().join("crates/app/texts/failures.json");
    let texts: serde_json::Value =
        serde_json::from_str(&places::text(&path)).expect("failures.json is JSON");
    texts["no_audio_device"]["en"]["title"]
        .as_str()
        .expect("a title")
        .to_owned()
}
