//! The loudspeaker and the microphone on a real sound server with a null sink.
#![cfg(all(feature = "audio", target_os = "linux"))]

mod common;
#[path = "common/pulse.rs"]
mod pulse;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{level_at, tone};
use media::audio::Samples;
use media::playout::{self, Player};
use media::{Error, capture};
use pulse::{Pulse, in_own_process};

const RATE: u32 = 48_000;
/// Samples a push: 20 ms.
const PIECE: usize = 960;

/// Starts a server and runs the test named `name` again beside it; `Some` in that process. With
/// `PORTHOLE_TEST_INSIDE` set the server already runs.
fn beside(name: &str) -> bool {
    if std::env::var_os("PORTHOLE_TEST_INSIDE").is_some() {
        return true;
    }
    let pulse = Pulse::start();
    in_own_process(name, &pulse.address())
}

/// Pushes a tone for a while in real time, media time starting at `from_ms`.
fn play(player: &mut Player, from_ms: i64, pieces: i64) -> Result<(), Error> {
    let sine = tone(RATE, 1, 440.0, 0.5, PIECE * pieces as usize);
    let begun = Instant::now();
    for n in 0..pieces {
        let due = begun + Duration::from_millis(n as u64 * 20);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let data = sine[n as usize * PIECE..][..PIECE].to_vec();
        player.push(
            &Samples {
                rate: RATE,
                channels: 1,
                data,
            },
            from_ms + n * 20,
            due,
        )?;
    }
    Ok(())
}

#[test]
fn a_tone_goes_through_the_speaker_into_the_microphone() {
    if !beside("a_tone_goes_through_the_speaker_into_the_microphone") {
        return;
    }
    let speakers = playout::devices();
    let speaker = speakers
        .iter()
        .find(|d| d.id == "pulseaudio:spk")
        .expect("the null sink is listed");
    let (sender, receiver) = mpsc::channel();
    let microphone =
        capture::Input::open(Some("pulseaudio:spk.monitor"), 16_000, move |samples, _| {
            let _ = sender.send(samples.to_vec());
        })
        .expect("opens");
    let mut player = Player::open(Some(&speaker.id)).expect("opens");
    assert!(player.clock().is_none());
    play(&mut player, 100_000, 150).expect("plays");

    // The clock: 3 s of media were pushed, what is heard is the delay behind that.
    let clock = player.clock().expect("playing");
    let stats = player.stats();
    let behind = 100_000.0 + 150.0 * 20.0 - clock.pts_ms;
    assert!(
        (0.0..250.0).contains(&behind),
        "{behind} ms behind, {stats:?}"
    );
    assert!(stats.playing && stats.delay_ms < 300.0, "{stats:?}");
    microphone.check().expect("still there");
    drop(player);
    drop(microphone);

    let heard: Vec<f32> = receiver.try_iter().flatten().collect();
    let best = heard
        .chunks_exact(1600)
        .map(|c| level_at(c, 16_000, 440.0))
        .fold(0.0, f64::max);
    assert!(
        (best - 0.5).abs() < 0.05,
        "level {best} in {} samples",
        heard.len()
    );
}

#[test]
fn the_clock_predicts_when_a_sound_is_heard() {
    if !beside("the_clock_predicts_when_a_sound_is_heard") {
        return;
    }
    let (sender, receiver) = mpsc::channel();
    let _microphone =
        capture::Input::open(Some("pulseaudio:spk.monitor"), RATE, move |samples, at| {
            let _ = sender.send((samples.to_vec(), at));
        })
        .expect("opens");
    let mut player = Player::open(None).expect("opens");
    // Two seconds of silence, then a burst at media time 2000 ms.
    let sine = tone(RATE, 1, 1000.0, 0.5, PIECE);
    let begun = Instant::now();
    let mut predicted = None;
    for n in 0..115 {
        let due = begun + Duration::from_millis(n * 20);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let data = if n < 100 {
            vec![0.0; PIECE]
        } else {
            sine.clone()
        };
        player
            .push(
                &Samples {
                    rate: RATE,
                    channels: 1,
                    data,
                },
                n as i64 * 20,
                due,
            )
            .expect("plays");
        if n == 99 {
            let clock = player.clock().expect("playing");
            predicted =
                Some(clock.at + Duration::from_secs_f64((2000.0 - clock.pts_ms).max(0.0) / 1000.0));
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    let predicted = predicted.expect("taken");
    let heard = receiver.try_iter().find_map(|(samples, at)| {
        let first = samples.iter().position(|s| s.abs() > 0.1)?;
        Some(at + Duration::from_secs_f64(first as f64 / f64::from(RATE)))
    });
    let heard = heard.expect("the burst was heard");
    let off = heard.saturating_duration_since(predicted).as_secs_f64() * 1000.0
        - predicted.saturating_duration_since(heard).as_secs_f64() * 1000.0;
    println!(
        "heard {off:.1} ms after the clock's word, {:?}",
        player.stats()
    );
    assert!(
        off.abs() < 60.0,
        "heard {off} ms after the clock's word, {:?}",
        player.stats()
    );
}

#[test]
fn mute_is_silence() {
    if !beside("mute_is_silence") {
        return;
    }
    let (sender, receiver) = mpsc::channel();
    let mut player = Player::open(None).expect("opens the default");
    player.set_muted(true);
    play(&mut player, 0, 20).expect("plays");
    let _microphone =
        capture::Input::open(Some("pulseaudio:spk.monitor"), 48_000, move |samples, _| {
            let _ = sender.send(samples.iter().fold(0.0f32, |m, s| m.max(s.abs())));
        })
        .expect("opens");
    play(&mut player, 400, 40).expect("plays");
    let peaks: Vec<f32> = receiver.try_iter().collect();
    assert!(
        !peaks.is_empty() && peaks.iter().all(|&p| p == 0.0),
        "{peaks:?}"
    );
}

#[test]
fn a_lost_sound_server_is_a_typed_error() {
    if std::env::var_os("PORTHOLE_TEST_INSIDE").is_none() {
        let mut pulse = Pulse::start();
        let address = pulse.address();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(3));
            pulse.kill();
        });
        in_own_process("a_lost_sound_server_is_a_typed_error", &address);
        killer.join().expect("ends");
        return;
    }
    let mut player = Player::open(None).expect("opens");
    let begun = Instant::now();
    let error = loop {
        if let Err(error) = play(&mut player, begun.elapsed().as_millis() as i64, 10) {
            break error;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "the loss was not noticed"
        );
    };
    assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    assert!(!player.device().is_empty());
    drop(player);
}

#[test]
fn without_a_device_there_is_a_typed_error() {
    if std::env::var_os("PORTHOLE_TEST_INSIDE").is_none() {
        in_own_process(
            "without_a_device_there_is_a_typed_error",
            "unix:/nonexistent/native",
        );
        return;
    }
    for wanted in [
        "pulseaudio:spk",
        "pulseaudio:",
        "nonsense",
        "alsa:no such card",
    ] {
        let error = Player::open(Some(wanted)).err().expect("there is none");
        assert!(
            matches!(&error, Error::NoDevice { wanted: Some(w), .. } if w == wanted),
            "{error}"
        );
    }
    assert!(
        playout::devices()
            .iter()
            .all(|d| !d.id.starts_with("pulseaudio"))
    );
    assert!(capture::Input::open(Some("pulseaudio:spk"), 16_000, |_, _| {}).is_err());
}
