//! A camera added from a photograph of its code: a desktop has seldom a camera of its own to hold the code before.

use crate::live::LIVE;
use crate::window::{PATIENCE, Setup, Window};
use firmware::board::sim::easel::Easel;
use media::Picture;
use media::jpeg;
use std::path::Path;
use tests::programs::{Camera, Folder};

/// Writes a photograph of a wall, with the code of a text on it if there is one.
fn photograph(file: &Path, text: Option<&str>) {
    let mut picture = Picture::new(1280, 720);
    picture.fill(0, 0, 1280, 720, (150, 120, 132));
    let easel = Easel::default();
    if let Some(text) = text {
        easel.show(text).expect("the text fits a code");
    }
    easel.draw(&mut picture);
    let file = std::fs::write(file, jpeg::encode(&picture, 80).expect("a JPEG"));
    file.expect("the photograph is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_is_added_from_a_picture_of_its_code() {
    let camera = Camera::start(&["--name", "Front door"]);
    let data = Folder::temporary();
    let (wall, code) = (data.path().join("wall.jpg"), data.path().join("code.jpg"));
    photograph(&wall, None);
    photograph(&code, Some(&camera.link));
    let window = Window::open(&Setup::new(data.path())).await;
    window.press("home-add").await;
    window.press("pair-by-link").await;
    window.press("add-by-scan").await;
    let choose = async |file: &Path| {
        let input = window.find("scan-file").await;
        let path = file.to_string_lossy();
        input.send_keys(&path).await.expect("the file is chosen");
    };
    choose(&wall).await;
    let trouble = window.find("scan-trouble").await;
    assert_eq!(
        trouble.attr("data-kind").await.expect("its kind"),
        Some("no_code".into())
    );
    window.keep("scan").await;
    choose(&code).await;
    window.press("add-watch").await;
    window.until_live(LIVE, PATIENCE).await;
    window.close().await;
}
