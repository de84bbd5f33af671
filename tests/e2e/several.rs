//! Two cameras in one app.

use crate::live::{add, add_and_watch};
use crate::window::{PATIENCE, Setup, Window};
use std::time::Duration;
use tests::programs::{Camera, Folder};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cameras_are_on_the_home_page_and_each_can_be_watched() {
    let front = Camera::start(&["--name", "Front door"]);
    let garden = Camera::start(&["--name", "Garden"]);
    let data = Folder::temporary();
    let window = Window::open(&Setup::new(data.path())).await;
    add(&window, &front).await;
    window.press("add-another").await;
    window
        .until("the next link is asked for", PATIENCE, async || {
            !window.has("add-watch").await
        })
        .await;
    add_and_watch(&window, &garden).await;
    window
        .until_live(Duration::from_millis(1500), PATIENCE)
        .await;
    window.press("back").await;
    window
        .until("two cards", PATIENCE, async || {
            window.count("camera-card").await == 2
        })
        .await;
    let text = window.text().await;
    assert!(
        text.contains("Front door") && text.contains("Garden"),
        "{text}"
    );
    window.keep("home-two").await;
    window.press("camera-card").await;
    window
        .until_live(Duration::from_millis(1500), PATIENCE)
        .await;
    window.close().await;
}
