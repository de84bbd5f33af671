//! A camera fresh from its box, paired by the wizard over a simulated radio.

use crate::window::{PATIENCE, Setup, Window};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use tests::places;
use tests::programs::{Camera, Folder, finish};

/// What counts as live on a screen without a graphics card.
const LIVE: Duration = Duration::from_millis(1500);
/// Longest that a whole pairing may take on a loaded machine; the core itself gives up after 300 s.
const PAIRED: Duration = Duration::from_secs(180);
/// The home network of the world and what opens it.
const HOME: (&str, &str) = ("Home", "correct horse battery");
/// The steps of a pairing, in order (`app::api::PairingStep`).
const STEPS: [&str; 8] = [
    "token",
    "join_hotspot",
    "send_credentials",
    "camera_joins",
    "rejoin_home",
    "wait_for_camera",
    "bind",
    "first_picture",
];

/// Writes down every step that the page shows as begun, in the order in which it does, and every question it asks.
const WATCH_STEPS: &str = r#"
const seen = (window.seenSteps = []);
const asked = (window.seenQuestions = []);
const look = () => {
  for (const row of document.querySelectorAll('[data-testid="pair-steps"] [data-step]')) {
    const { step, mark } = row.dataset;
    if (mark !== "todo" && !seen.includes(step)) seen.push(step);
  }
  const question = document.querySelector('[data-testid="pair-page"]')?.dataset.step;
  if (question && asked.at(-1) !== question) asked.push(question);
};
new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
look();
"#;

/// A camera that waits to be set up, and a world with one home network, which the app is on.
struct World {
    folder: Folder,
    camera: Camera,
}

impl World {
    fn new() -> Self {
        let folder = Folder::temporary();
        let write = |name: &str, content: Value| {
            let path = folder.path().join(name);
            std::fs::write(&path, content.to_string()).expect("the world is written");
        };
        let networks = json!([
            { "ssid": HOME.0, "passphrase": HOME.1, "signal": 78, "known": true },
            { "ssid": "Next door", "passphrase": "not ours at all", "signal": 31, "frequency_mhz": 5180 },
        ]);
        write("networks.json", networks);
        write("world.json", json!({ "joined": { "app": HOME.0 } }));
        let radio = format!("sim:{}:camera", folder.path().display());
        let camera = Camera::start(&["--name", "Front door", "--radio", &radio, "--setup"]);
        Self { folder, camera }
    }

    /// The app's radio.
    fn radio(&self) -> String {
        format!("sim:{}:app", self.folder.path().display())
    }

    /// Name and passphrase of the camera's hotspot: what is printed on it.
    fn label(&self) -> (String, String) {
        let mut command = Command::new(places::program("firmware", "porthole-camera"));
        command
            .args(["label", "--json", "--data"])
            .arg(self.camera.data());
        let label = finish(&mut command, PATIENCE).succeeded().json();
        let field = |name: &str| label[name].as_str().unwrap_or_default().to_owned();
        (field("ssid"), field("passphrase"))
    }
}

/// Presses the row of a list that stands for a network.
async fn choose(window: &Window, list: &str, ssid: &str) {
    let row = "return document.querySelector(`[data-testid=\"${arguments[0]}\"][data-ssid=\"${arguments[1]}\"]`)";
    let what = format!("{ssid} in the list");
    let is_there = async || {
        !window
            .run(row, vec![json!(list), json!(ssid)])
            .await
            .is_null()
    };
    window.until(&what, PATIENCE, is_there).await;
    let press = format!("{}.click()", row.trim_start_matches("return "));
    window.run(&press, vec![json!(list), json!(ssid)]).await;
}

async fn type_into(window: &Window, field: &str, text: &str) {
    let field = window.find(field).await;
    field.send_keys(text).await.expect("typing works");
}

/// Answers every question as a person does who holds the camera, up to the start of the pairing.
async fn answer(window: &Window, label: &(String, String), password: &str) {
    window.press("home-add").await;
    window.run(WATCH_STEPS, vec![]).await;
    window.press("pair-next").await;
    choose(window, "hotspot", &label.0).await;
    type_into(window, "password", &label.1).await;
    window.press("password-submit").await;
    choose(window, "network", HOME.0).await;
    type_into(window, "password", password).await;
    window.press("password-submit").await;
    window.find("pair-steps").await;
}

async fn list(window: &Window, name: &str) -> Vec<String> {
    let list = window.run(&format!("return window.{name}"), vec![]).await;
    serde_json::from_value(list).unwrap_or_default()
}

/// Waits until the pairing asks for the camera's name; tells what went wrong if it does not.
async fn until_named(window: &Window, world: &World) {
    let ended = async || window.has("add-name").await || window.has("failure").await;
    let took = window.until("the end of the pairing", PAIRED, ended).await;
    if !window.has("add-name").await {
        window.keep("failed").await;
        panic!(
            "not paired:\n{}\nthe camera says:\n{}",
            window.text().await,
            world.camera.log()
        );
    }
    println!("pairing: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wizard_pairs_a_camera_shows_every_step_and_ends_in_a_moving_picture() {
    let world = World::new();
    let data = Folder::temporary();
    let radio = world.radio();
    let environment = [("PORTHOLE_RADIO", radio.as_str())];
    let window = Window::open(&Setup {
        environment: &environment,
        ..Setup::new(data.path())
    })
    .await;
    answer(&window, &world.label(), HOME.1).await;
    window.keep("pair-steps").await;
    until_named(&window, &world).await;
    assert_eq!(list(&window, "seenSteps").await, STEPS);
    window.keep("pair-done").await;
    let name = window.find("add-name").await;
    name.clear().await.expect("the field is emptied");
    name.send_keys("Gate").await.expect("typing works");
    type_into(&window, "add-room", "Outside").await;
    window.press("add-watch").await;
    let took = window.until_live(LIVE, PATIENCE).await;
    println!("canvas to moving picture: {took:?}");
    window.keep("pair-live").await;
    window.press("back").await;
    let is_home = async || window.text().await.contains("Gate");
    window.until("the camera's card", PATIENCE, is_home).await;
    assert!(window.text().await.contains("Outside"));
    assert!(!window.has("pairing-bar").await);
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_corrected_without_answering_anything_else_again() {
    let world = World::new();
    let data = Folder::temporary();
    let radio = world.radio();
    let environment = [("PORTHOLE_RADIO", radio.as_str())];
    let window = Window::open(&Setup {
        environment: &environment,
        ..Setup::new(data.path())
    })
    .await;
    answer(&window, &world.label(), "wrong horse battery").await;
    let is_told = async || window.has("failure").await;
    let told = window.until("the reason", PAIRED, is_told).await;
    println!("wrong password told after {told:?}");
    window.keep("pair-wrong-password").await;
    let failure = window.find("failure").await;
    let code = failure.attr("data-code").await.expect("an attribute");
    assert_eq!(
        code.as_deref(),
        Some("network_wrong_password"),
        "{}\n{}",
        window.text().await,
        world.camera.log()
    );
    // What was typed is there to be mended.
    let field = window.find("retype-password").await;
    let typed = field.prop("value").await.expect("a value");
    assert_eq!(typed.as_deref(), Some("wrong horse battery"));
    field.clear().await.expect("the field is emptied");
    field.send_keys(HOME.1).await.expect("typing works");
    window.press("retype-submit").await;
    until_named(&window, &world).await;
    let asked = list(&window, "seenQuestions").await;
    let begun = asked.iter().position(|question| question == "progress");
    let after = begun.map(|at| &asked[at..]);
    assert_eq!(
        after,
        Some(&["progress".to_owned(), "done".to_owned()][..]),
        "{asked:?}"
    );
    window.press("add-watch").await;
    window.until_live(LIVE, PATIENCE).await;
    window.close().await;
}
