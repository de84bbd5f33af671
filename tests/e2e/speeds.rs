//! What is heard of a recording at other speeds than the day's own: the same tone.

use crate::live::add_and_watch;
use crate::window::{PATIENCE, Setup, Window};
use std::time::Duration;
use tests::programs::{Camera, Folder};
use tests::{pulse, sound};

/// What somebody in the camera's room hums, hertz.
const HUM: f64 = 330.0;
/// How much is on the card at least before anybody listens; it grows while they do.
const RECORDED: Duration = Duration::from_secs(10);
/// How long each speed is heard.
const HEARD: Duration = Duration::from_secs(4);
/// Samples of a piece: a tenth of a second, in which the buffer's own correction of the speed turns no tone into another.
const PIECE: usize = sound::RATE / 10;

/// How much of each piece of the sound the tone is, or its neighbours by up to the 1.5 % that the buffer may add.
fn share(heard: &[f32], hertz: f64) -> f64 {
    let share = |piece: &[f32]| {
        let near = (-3..=3).map(|step| hertz * (1.0 + f64::from(step) * 0.005));
        near.map(|hertz| sound::share_of_tone(piece, hertz))
            .fold(0.0, f64::max)
    };
    let mut shares: Vec<f64> = heard.chunks_exact(PIECE).map(share).collect();
    shares.sort_by(f64::total_cmp);
    shares.get(shares.len() / 2).copied().unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_tone_is_the_same_at_half_and_at_double_speed() {
    let server = pulse::Server::start(&["ear"]);
    let folder = Folder::temporary();
    let hum = folder.path().join("hum.wav");
    sound::hum(&hum, HUM, 30.0);
    let voice = format!("file:{}", hum.display());
    let card = Folder::temporary();
    let card = card.path().to_string_lossy();
    let arguments = ["--name", "Front door", "--room", "small", "--voice", &voice];
    let camera = Camera::start(&[&arguments[..], &["--card", &card]].concat());
    let address = server.address();
    let environment = [("PULSE_SERVER", address.as_str())];
    let data = Folder::temporary();
    let window = Window::open(&Setup {
        environment: &environment,
        ..Setup::new(data.path())
    })
    .await;
    add_and_watch(&window, &camera).await;
    tokio::time::sleep(RECORDED).await;
    window.press("recordings").await;
    window.find("playback-canvas").await;
    for (speed, label) in [(1.0, "speed-1"), (0.5, "speed-0.5"), (2.0, "speed-2")] {
        window.press("speed").await;
        window.press(label).await;
        for _ in 0..2 {
            window.press("skip-back").await;
        }
        window
            .until("it plays", PATIENCE, async || {
                crate::recordings::state(&window).await == "playing"
            })
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let file = folder.path().join(format!("{speed}.wav"));
        let recording = server.record("ear", &file);
        tokio::time::sleep(HEARD).await;
        pulse::stop(recording);
        let heard = sound::read(&file);
        let [below, itself, above] = [HUM / 2.0, HUM, HUM * 2.0].map(|hertz| share(&heard, hertz));
        println!(
            "at {speed}: {below:.3} {itself:.3} {above:.3} of the power, {} samples",
            heard.len()
        );
        assert!(itself >= 0.5, "at {speed}: the tone is {itself:.3} of it");
        assert!(below.max(above) < 0.1, "at {speed}: {below:.3} {above:.3}");
    }
    window.close().await;
}
