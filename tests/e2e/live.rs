//! One camera: added by its link, watched, moved, lost and found.

use crate::window::{PATIENCE, Setup, Window};
use std::time::Duration;
use tests::programs::{Camera, Folder};

/// WebDriver's code of the key.
const ARROW_RIGHT: char = '\u{e014}';

/// What counts as live on a screen without a graphics card.
pub(crate) const LIVE: Duration = Duration::from_millis(1500);

/// Adds a camera the way a person does, by pasting its link, and stops where it asks for the name.
pub(crate) async fn add(window: &Window, camera: &Camera) {
    add_by_link(window, &camera.link).await;
}

/// The same with any link, of the camera or of somebody who shares it.
pub(crate) async fn add_by_link(window: &Window, link: &str) {
    if !window.has("add-link-input").await {
        window.press("home-add").await;
        window.press("pair-by-link").await;
    }
    window
        .find("add-link-input")
        .await
        .send_keys(link)
        .await
        .expect("typing works");
    window.press("add-submit").await;
    window.find("add-watch").await;
}

/// Adds a camera and goes on to its picture.
pub(crate) async fn add_and_watch(window: &Window, camera: &Camera) {
    add(window, camera).await;
    window.press("add-watch").await;
    window.find("live-canvas").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_is_added_by_link_and_its_picture_moves() {
    let camera = Camera::start(&["--name", "Front door"]);
    let data = Folder::temporary();
    let window = Window::open(&Setup::new(data.path())).await;
    window.find("home-add").await;
    window.keep("home-empty").await;
    add_and_watch(&window, &camera).await;
    let took = window.until_live(LIVE, PATIENCE).await;
    println!("canvas to moving picture: {took:?}");
    window.find("live-state").await;
    window.keep("live").await;
    window.press("back").await;
    window.find("camera-card").await;
    // The last picture fades in.
    tokio::time::sleep(Duration::from_secs(1)).await;
    window.keep("home").await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quality_changes_without_a_gap() {
    let camera = Camera::start(&["--name", "Front door"]);
    let data = Folder::temporary();
    let window = Window::open(&Setup::new(data.path())).await;
    add_and_watch(&window, &camera).await;
    window.until_live(LIVE, PATIENCE).await;
    for quality in ["standard", "super", "high"] {
        window.press(&format!("quality-{quality}")).await;
        // Meanwhile the old stream plays: the canvas is never without a readable, recent picture for long.
        let mut dark = Duration::ZERO;
        let step = Duration::from_millis(100);
        for _ in 0..20 {
            tokio::time::sleep(step).await;
            let is_dark = window
                .marks()
                .await
                .is_none_or(|marks| marks.age > LIVE * 2);
            dark = if is_dark { dark + step } else { Duration::ZERO };
            assert!(
                dark < Duration::from_secs(1),
                "no picture while changing to {quality}"
            );
        }
        window.until_live(LIVE, PATIENCE).await;
    }
    window.keep("quality").await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pan_and_tilt_move_the_scene() {
    let camera = Camera::start(&["--name", "Front door"]);
    let data = Folder::temporary();
    let window = Window::open(&Setup::new(data.path())).await;
    add_and_watch(&window, &camera).await;
    window.until_live(LIVE, PATIENCE).await;
    let before = window
        .marks()
        .await
        .and_then(|marks| marks.position)
        .expect("a position");
    let moved = async || {
        window
            .marks()
            .await
            .and_then(|marks| marks.position)
            .is_some_and(|now| now != before)
    };
    window.hold_key(ARROW_RIGHT, Duration::from_secs(1)).await;
    window
        .until(
            "the arrow key moves the scene",
            Duration::from_secs(10),
            moved,
        )
        .await;
    // The motor stops half a second after the last press at the latest.
    tokio::time::sleep(Duration::from_secs(2)).await;
    window.press("ptz-toggle").await;
    window.find("ptz-left").await;
    let before = window
        .marks()
        .await
        .and_then(|marks| marks.position)
        .expect("a position");
    window.hold("ptz-left", Duration::from_secs(1)).await;
    let moved = async || {
        window
            .marks()
            .await
            .and_then(|marks| marks.position)
            .is_some_and(|now| now != before)
    };
    window
        .until("the pad moves the scene", Duration::from_secs(10), moved)
        .await;
    window.keep("ptz").await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_camera_is_marked_and_comes_back_by_itself() {
    let mut camera = Camera::start(&["--name", "Front door"]);
    let data = Folder::temporary();
    let window = Window::open(&Setup::new(data.path())).await;
    add_and_watch(&window, &camera).await;
    window.until_live(LIVE, PATIENCE).await;
    camera.kill();
    let shown = window
        .until("it says that it reconnects", PATIENCE, async || {
            window.has("reconnecting").await
        })
        .await;
    println!("kill to reconnecting on the page: {shown:?}");
    let frozen = window.marks().await;
    assert!(frozen.is_some(), "the last picture stays");
    tokio::time::sleep(Duration::from_secs(2)).await;
    window.keep("reconnecting").await;
    camera.restart();
    let back = window.until_live(LIVE, Duration::from_secs(10)).await;
    println!("camera ready again to a moving picture on the canvas: {back:?}");
    assert!(back < Duration::from_secs(3), "{back:?}");
    window
        .until("it no longer says so", PATIENCE, async || {
            !window.has("reconnecting").await
        })
        .await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decoder_error_falls_back_to_decoding_in_the_core() {
    let camera = Camera::start(&["--name", "Front door"]);
    let data = Folder::temporary();
    // Without its FFmpeg plugins the web view says that it can decode, and then cannot.
    let ranks = "avdec_h264:NONE,avdec_h265:NONE,openh264dec:NONE,vah264dec:NONE,vaapih264dec:NONE";
    let environment = [("GST_PLUGIN_FEATURE_RANK", ranks)];
    let window = Window::open(&Setup {
        environment: &environment,
        ..Setup::new(data.path())
    })
    .await;
    add_and_watch(&window, &camera).await;
    // What WebGL draws cannot be read back from the canvas: look at the screen.
    let marks =
        tokio::task::block_in_place(|| tests::desktop::find_picture(&window.screen, PATIENCE));
    // WebCodecs draws in 2D, decoded pictures in WebGL: a canvas has one kind of context for life.
    let is_drawn_by = "const canvas = document.querySelector('[data-testid=\"live-canvas\"]');
        return canvas?.getContext('webgl2') ? 'webgl2' : 'other';";
    assert_eq!(
        window.run(is_drawn_by, vec![]).await,
        "webgl2",
        "the web view decodes after all"
    );
    window.keep("fallback").await;
    assert!(
        marks.is_some(),
        "no moving picture without the web view's decoder\n{}",
        window.text().await
    );
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_link_is_explained_on_the_page() {
    let data = Folder::temporary();
    let window = Window::open(&Setup::new(data.path())).await;
    window.press("home-add").await;
    window.press("pair-by-link").await;
    window
        .find("add-link-input")
        .await
        .send_keys("porthole:nonsense")
        .await
        .expect("typing works");
    window.press("add-submit").await;
    let failure = window.find("failure").await;
    let code = failure.attr("data-code").await.expect("an attribute");
    assert_eq!(code.as_deref(), Some("link_malformed"));
    let told = failure.text().await.expect("a text");
    for sentence in [
        "This is not a pairing link",
        "The camera's number cannot be read: expected 64 of the characters 0-9 and a-f, got nonsense.",
    ] {
        assert!(told.contains(sentence), "{sentence:?} is not in {told:?}");
    }
    window.keep("add-wrong-link").await;
    assert_eq!(window.count("camera-card").await, 0);
    window.close().await;
}
