//! What goes wrong between the two programs, and how soon it is right again.

use crate::two_programs::{camera, watch};
use std::time::{Duration, Instant};
use tests::programs::{Camera, PATIENCE, Viewer, exit};
use tests::screen::unix_us;
use tests::watching::is_after;

#[test]
fn a_text_that_is_no_link_is_refused_with_what_to_do() {
    let viewer = Viewer::new();
    for text in [
        "",
        "hello",
        "porthole:",
        "porthole:zz?secret=1",
        "https://example.org/",
    ] {
        let outcome = viewer.run(&["add", text]);
        assert_eq!(
            outcome.code,
            Some(exit::LINK),
            "`{text}`: {}",
            outcome.stderr
        );
        assert!(
            outcome.stderr.contains("link"),
            "`{text}`: {}",
            outcome.stderr
        );
    }
    let texts = std::collections::BTreeSet::from(["en", "zh"].map(|language| {
        let mut command = viewer.command(&["add", "hello"]);
        command
            .env(
                "LANG",
                if language == "zh" {
                    "zh_CN.UTF-8"
                } else {
                    "en_GB.UTF-8"
                },
            )
            .env_remove("LC_ALL");
        command.env_remove("LC_MESSAGES").env_remove("LANGUAGE");
        tests::programs::finish(&mut command, PATIENCE).stderr
    }));
    assert_eq!(
        texts.len(),
        2,
        "the text is the same in both languages: {texts:?}"
    );
}

#[test]
fn a_used_link_is_refused_with_what_to_do() {
    let camera = camera();
    let _owner = Viewer::paired(&camera);
    let late = Viewer::new().run(&["add", &camera.link]);
    assert_eq!(late.code, Some(exit::LINK), "{}", late.stderr);
    assert!(late.stderr.contains("refused"), "{}", late.stderr);
    assert!(late.took < Duration::from_secs(10), "{:?}", late.took);
}

/// The parts of a link's query, without the one that names the camera.
fn query(link: &str) -> (&str, Vec<&str>) {
    let (id, query) = link.split_once('?').expect("a link with a query");
    let parts = query.split('&').filter(|part| !part.starts_with("name="));
    (id, parts.collect())
}

#[test]
fn a_link_for_another_camera_leads_nowhere() {
    // Nobody announces the camera that the link is for, and at the link's addresses the far end cannot prove to be it.
    let (there, meant) = (camera(), Camera::start(&["--no-lan"]));
    let ((_, rest), (id, _)) = (query(&there.link), query(&meant.link));
    let outcome = Viewer::new().run_for(
        &["add", &format!("{id}?{}", rest.join("&"))],
        Duration::from_secs(60),
    );
    assert_eq!(outcome.code, Some(exit::UNREACHED), "{}", outcome.stderr);
}

#[test]
fn the_secret_of_another_camera_is_refused() {
    let (there, meant) = (camera(), camera());
    let is_secret = |part: &&str| part.starts_with("secret=");
    let (id, parts) = query(&meant.link);
    let (_, other) = query(&there.link);
    let parts: Vec<&str> = parts
        .into_iter()
        .filter(|part| !is_secret(part))
        .chain(other.into_iter().filter(is_secret))
        .collect();
    let outcome = Viewer::new().run_for(
        &["add", &format!("{id}?{}", parts.join("&"))],
        Duration::from_secs(60),
    );
    assert_eq!(outcome.code, Some(exit::LINK), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("refused"), "{}", outcome.stderr);
}

#[test]
fn a_full_camera_says_so_to_the_next_viewer() {
    let camera = Camera::start(&["--max-viewers", "1"]);
    let owner = Viewer::paired(&camera);
    let guest = Viewer::new();
    guest
        .run(&["add", &owner.share("front"), "--name", "front"])
        .succeeded();
    let (_watching, pictures) = watch(&owner);
    pictures.next(PATIENCE).expect("the owner's picture");
    let refused = guest.run(&["live", "front", "-o", "-", "--seconds", "2"]);
    assert_eq!(refused.code, Some(exit::FULL), "{}", refused.stderr);
    assert!(
        refused.stdout.is_empty(),
        "{} bytes of a stream",
        refused.stdout.len()
    );
    assert!(
        refused.stderr.contains('1'),
        "the text tells how many it serves: {}",
        refused.stderr
    );
    let query = "action=inner_define&channel=0&cmd=get_device_st&type=live&quality=high";
    let status = guest.run(&["command", "front", query]).succeeded().text();
    assert!(status.contains("405"), "{status}");
}

#[test]
fn a_killed_camera_is_watched_again_within_three_seconds_of_its_return() {
    let mut camera = camera();
    let viewer = Viewer::paired(&camera);
    let (_watching, pictures) = watch(&viewer);
    pictures
        .find(PATIENCE, |frame| frame.age < Duration::from_secs(1))
        .expect("a live picture");
    camera.kill();
    std::thread::sleep(Duration::from_secs(3));
    camera.restart();
    let (back, clock) = (Instant::now(), unix_us());
    pictures.skip_waiting();
    let fresh = pictures
        .find(PATIENCE, |frame| is_after(frame, clock))
        .expect("a picture taken after the return");
    let took = fresh.at - back;
    println!("ready again to the first new picture: {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_viewer_stopped_for_ten_seconds_is_live_within_one_and_does_not_hurry() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    let (watching, pictures) = watch(&viewer);
    pictures
        .find(PATIENCE, |frame| frame.age < Duration::from_secs(1))
        .expect("a live picture");
    watching.signal("STOP");
    std::thread::sleep(Duration::from_secs(10));
    pictures.skip_waiting();
    watching.signal("CONT");
    let back = Instant::now();
    let live = pictures.find(PATIENCE, |frame| frame.age < Duration::from_millis(500));
    let live = live.expect("a live picture");
    let took = live.at - back;
    println!("running again to the first live picture: {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    // From here the clock runs at its own pace: two seconds bring two seconds of pictures.
    let (mut last, mut count) = (live, 0);
    while last.at - live.at < Duration::from_secs(2) {
        last = pictures.next(PATIENCE).expect("the stream goes on");
        count += 1;
    }
    assert!(count <= 70, "{count} pictures in two seconds: fast-forward");
}

#[test]
fn a_removed_viewer_is_refused_afterwards() {
    let camera = camera();
    let owner = Viewer::paired(&camera);
    let guest = Viewer::new();
    guest
        .run(&["add", &owner.share("front"), "--name", "front"])
        .succeeded();
    // Keep the guest's identity and its saved camera: only the camera forgets.
    let saved = std::fs::read(guest.data().join("store.json")).expect("what the guest saved");
    guest.run(&["remove", "front"]).succeeded();
    std::fs::write(guest.data().join("store.json"), saved).expect("the guest remembers");
    let refused = guest.run(&["live", "front", "-o", "-", "--seconds", "2"]);
    assert_eq!(refused.code, Some(exit::REFUSED), "{}", refused.stderr);
    assert!(refused.stdout.is_empty());
}

#[test]
fn an_unknown_camera_name_is_answered_with_a_text() {
    let outcome = Viewer::new().run(&["live", "nowhere", "-o", "-", "--seconds", "1"]);
    assert_eq!(outcome.code, Some(exit::UNKNOWN), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("nowhere"), "{}", outcome.stderr);
}
