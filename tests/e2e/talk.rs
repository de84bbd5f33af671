//! Talking to a camera, in two windows at once, with a microphone and a loudspeaker of null sinks.

use crate::live::add_by_link;
use crate::window::{PATIENCE, Setup, Window};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::programs::{Camera, Folder, Viewer};
use tests::{pulse, sound};

/// What counts as live on a screen without a graphics card, two of them at once.
const LIVE: Duration = Duration::from_secs(3);
/// The sinks: what the windows play on, and what their microphone hears.
const EAR: &str = "ear";
const MOUTH: &str = "mouth";
const WORDS: &str = "Good evening, this is the front door speaking. Please leave the parcel behind the green flower pot.";

/// A camera whose speaker is kept in a file, its owner, and the sound system of the windows.
struct House {
    camera: Camera,
    owner: Viewer,
    sound: pulse::Server,
    folder: Folder,
}

impl House {
    fn new() -> Self {
        let folder = Folder::temporary();
        let speaker = folder.path().join("speaker.wav").display().to_string();
        let arguments = ["--name", "Front door", "--no-talk-chime", "--speaker"];
        let camera = Camera::start(&[&arguments[..], &[&speaker]].concat());
        Self {
            owner: Viewer::paired(&camera),
            camera,
            sound: pulse::Server::start(&[EAR, MOUTH]),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A window with the camera's picture.
    async fn window(&self, data: &Path) -> Window {
        let server = self.sound.address();
        let environment = [("PULSE_SERVER", server.as_str())];
        let setup = Setup {
            environment: &environment,
            ..Setup::new(data)
        };
        let window = Window::open(&setup).await;
        add_by_link(&window, &self.owner.share("front")).await;
        window.press("add-watch").await;
        window.until_live(LIVE, PATIENCE).await;
        window
    }

    /// Speaks the words into the microphone to their end, three times: a busy machine swallows some.
    async fn speak(&self) -> Vec<f32> {
        let words = self.path("words.wav");
        sound::speak(&words, "en", 40, WORDS);
        for _ in 0..3 {
            let mut mouth = self.sound.play(MOUTH, &words);
            let spoken = tokio::task::spawn_blocking(move || mouth.wait(PATIENCE));
            let spoken = spoken.await.expect("it is waited for");
            assert!(spoken.is_some_and(|status| status.success()), "paplay");
        }
        sound::read(&words)
    }
}

/// Waits until the page says that this is who talks: "me", a name, or nobody.
async fn until_talker(window: &Window, what: &str, is_it: impl Fn(&str) -> bool) {
    let said = async || {
        let talker = window.attribute("talk-bar", "data-talker").await;
        talker.is_some_and(|talker| is_it(&talker))
    };
    window.until(what, PATIENCE, said).await;
}

async fn until_phase(window: &Window, phase: &str) {
    let reached = async || window.attribute("talk", "data-phase").await.as_deref() == Some(phase);
    window
        .until(&format!("the talk is {phase}"), PATIENCE, reached)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_the_button_is_heard_and_the_other_window_shows_the_floor_taken_until_it_is_released()
 {
    let house = House::new();
    let (anna, ben) = (Folder::temporary(), Folder::temporary());
    let anna = house.window(anna.path()).await;
    let ben = house.window(ben.path()).await;
    until_talker(&ben, "the floor is free", str::is_empty).await;

    anna.pointer_down("talk").await;
    until_phase(&anna, "talking").await;
    until_talker(&anna, "it shows that it talks", |talker| talker == "me").await;
    until_talker(&ben, "the other one shows who talks", |talker| {
        !talker.is_empty() && talker != "me"
    })
    .await;
    assert!(ben.has("talk-ask").await && ben.has("talk-take").await);
    ben.keep("talk-taken").await;
    let said = house.speak().await;
    anna.keep("talk-held").await;
    anna.pointer_up().await;
    until_phase(&anna, "idle").await;
    for window in [&anna, &ben] {
        until_talker(window, "the floor is free again", str::is_empty).await;
    }
    assert!(!ben.has("talk-take").await);

    let heard = sound::read(&house.path("speaker.wav"));
    let likeness = sound::likeness(&said, &heard);
    println!("correlation of what was said and what the camera played: {likeness:.3}");
    assert!(likeness >= 0.8, "{likeness:.3}");
    anna.close().await;
    ben.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_space_bar_talks_while_it_is_down_and_another_may_take_over() {
    let house = House::new();
    let (anna, ben) = (Folder::temporary(), Folder::temporary());
    let anna = house.window(anna.path()).await;
    let ben = house.window(ben.path()).await;

    anna.key_down(' ').await;
    until_phase(&anna, "talking").await;
    anna.key_up(' ').await;
    until_phase(&anna, "idle").await;
    until_talker(&anna, "the floor is free", str::is_empty).await;

    anna.key_down(' ').await;
    until_talker(&ben, "the other one shows who talks", |talker| {
        !talker.is_empty() && talker != "me"
    })
    .await;
    ben.press("talk-take").await;
    until_talker(&ben, "it has the floor", |talker| talker == "me").await;
    until_phase(&anna, "idle").await;
    until_talker(&anna, "it shows who has taken it", |talker| {
        !talker.is_empty() && talker != "me"
    })
    .await;
    // What is on the page is drawn a moment later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    anna.keep("talk-lost").await;
    anna.key_up(' ').await;
    ben.keep("talk-open-line").await;
    // An open line is hung up by its button.
    ben.press("talk-open").await;
    until_phase(&ben, "idle").await;
    until_talker(&anna, "the floor is free again", str::is_empty).await;
    anna.close().await;
    ben.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_devices_are_listed_and_the_microphone_hears_the_speaker() {
    let house = House::new();
    // The air between the loudspeaker and the microphone.
    let air = format!("source={EAR}.monitor");
    let sink = format!("sink={MOUTH}");
    house.sound.control(&[
        "load-module",
        "module-loopback",
        "latency_msec=20",
        &air,
        &sink,
    ]);
    let data = Folder::temporary();
    let window = house.window(data.path()).await;
    window.press("talk-devices").await;
    window.find("talk-sheet").await;
    let shown = async || {
        let options = window.run(OPTIONS, vec![]).await;
        options[0].as_u64() == Some(3) && options[1].as_u64() == Some(3)
    };
    window
        .until("the devices are listed", PATIENCE, shown)
        .await;
    window.keep("talk-devices").await;
    window.press("talk-loopback").await;
    let told = async || {
        let result = window.run(RESULT, vec![]).await;
        result
            .as_str()
            .is_some_and(|result| result.contains("hears the speaker after"))
    };
    window.until("the chirp is heard", PATIENCE, told).await;
    window.keep("talk-loopback").await;
    window.close().await;
    assert!(!house.camera.log().contains("panicked"));
}

/// How many microphones and speakers there are to choose from, the system's choice being one.
const OPTIONS: &str = "return ['talk-microphone', 'talk-speaker'].map((id) => document.querySelectorAll(`[data-testid=\"${id}\"] option`).length)";
/// What the test of the devices says.
const RESULT: &str = "return document.querySelector('[data-testid=\"talk-result\"]')?.innerText";
