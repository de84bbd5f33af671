//! Choosing and testing sound devices.

use crate::api::{Failure, FailureCode, Reply, SoundDevice};
use crate::live::sound::signed_ms;
use media::audio::Samples;
use media::capture;
use media::playout::{self, Player};
use std::f32::consts::TAU;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Rate of the tests.
const RATE: u32 = 48_000;
/// The tone: 440 Hz, a second, −14 dB.
const TONE_HERTZ: f32 = 440.0;
const TONE_LEVEL: f32 = 0.2;
/// The noise of the loop-back test: a rising tone of 0.3 s that correlates with nothing but itself.
const CHIRP_SECONDS: f32 = 0.3;
/// How long the echo of it is waited for.
const LISTEN: Duration = Duration::from_millis(900);
/// The chirp is found if it stands out from everything else by this factor.
const FOUND: f32 = 5.0;

/// What can be talked into and heard from.
pub fn list() -> Reply {
    let shown = |devices: Vec<media::playout::Device>| {
        let device = |device: media::playout::Device| SoundDevice {
            id: device.id,
            name: device.name,
            default: device.default,
        };
        devices.into_iter().map(device).collect()
    };
    Reply::TalkDevices {
        microphones: shown(capture::devices()),
        speakers: shown(playout::devices()),
    }
}

/// Plays a tone of a second; returns when it is over.
///
/// # Errors
/// [`FailureCode::NoAudioDevice`].
pub fn tone(speaker: Option<&str>) -> Result<(), Failure> {
    let sample = |i: u32| {
        let time = i as f32 / RATE as f32;
        let fade = (time / 0.02).min(1.0).min((1.0 - time) / 0.05).max(0.0);
        TONE_LEVEL * fade * (time * TONE_HERTZ * TAU).sin()
    };
    let (_player, _) = play(speaker, (0..RATE).map(sample).collect())?;
    std::thread::sleep(Duration::from_millis(1_150));
    Ok(())
}

/// Plays a chirp and listens for it.
///
/// # Errors
/// [`FailureCode::NoAudioDevice`], [`FailureCode::NoMicrophone`].
pub fn loopback(microphone: Option<&str>, speaker: Option<&str>) -> Result<Reply, Failure> {
    type Heard = Arc<Mutex<(Option<Instant>, Vec<f32>)>>;
    let heard: Heard = Arc::default();
    let into = heard.clone();
    let limit = RATE as usize * 3;
    let input = capture::Input::open(microphone, RATE, move |samples, at| {
        let mut heard = into.lock().unwrap_or_else(PoisonError::into_inner);
        heard.0.get_or_insert(at);
        if heard.1.len() < limit {
            heard.1.extend_from_slice(samples);
        }
    });
    let _input = input.map_err(|error| {
        Failure::new(FailureCode::NoMicrophone)
            .with("reason", &error)
            .detail(error)
    })?;
    // The microphone needs a moment before it gives anything.
    std::thread::sleep(Duration::from_millis(200));
    let chirp = chirp();
    let (player, pushed) = play(speaker, chirp.clone())?;
    std::thread::sleep(LISTEN);
    let delay = Duration::from_secs_f64(player.stats().delay_ms.max(0.0) / 1000.0);
    let (began, samples) =
        std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    let peak = samples.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
    let found = began.and_then(|began| {
        let at = find(&chirp, &samples)?;
        let at = began + Duration::from_secs_f64(at as f64 / f64::from(RATE));
        Some(signed_ms(at, pushed + delay) as f32)
    });
    Ok(Reply::Loopback {
        delay_ms: found.map(|delay| delay.max(0.0)),
        level_db: (20.0 * peak.max(1e-5).log10()).max(super::voice::SILENT_DB),
    })
}

/// Opens a speaker and hands it everything; when that was.
fn play(speaker: Option<&str>, samples: Vec<f32>) -> Result<(Player, Instant), Failure> {
    let failed = |error| Failure::new(FailureCode::NoAudioDevice).detail(error);
    let mut player = Player::open(speaker).map_err(failed)?;
    let now = Instant::now();
    let samples = Samples {
        rate: RATE,
        channels: 1,
        data: samples,
    };
    player.push(&samples, 0, now).map_err(failed)?;
    Ok((player, now))
}

fn chirp() -> Vec<f32> {
    let count = (CHIRP_SECONDS * RATE as f32) as u32;
    let sample = |i: u32| {
        let time = i as f32 / RATE as f32;
        let fade = (time / 0.02)
            .min((CHIRP_SECONDS - time) / 0.02)
            .clamp(0.0, 1.0);
        // 500 Hz to 3500 Hz: every loudspeaker has them.
        let phase = 500.0 * time + 1_500.0 / CHIRP_SECONDS * 2.0 * time * time / 2.0;
        0.25 * fade * (phase * TAU).sin()
    };
    (0..count).map(sample).collect()
}

/// Where the chirp begins in what was heard; every fourth sample is enough for its frequencies.
fn find(chirp: &[f32], heard: &[f32]) -> Option<usize> {
    let thin = |samples: &[f32]| -> Vec<f32> {
        let mean = |four: &[f32]| four.iter().sum::<f32>() / 4.0;
        samples.chunks_exact(4).map(mean).collect()
    };
    let (chirp, heard) = (thin(chirp), thin(heard));
    let last = heard.len().checked_sub(chirp.len())?;
    let product = |at: usize| -> f32 {
        let pairs = chirp.iter().zip(&heard[at..]);
        pairs.map(|(a, b)| a * b).sum::<f32>().abs()
    };
    let products: Vec<f32> = (0..last).map(product).collect();
    let best = (0..products.len()).max_by(|a, b| products[*a].total_cmp(&products[*b]))?;
    let mean = products.iter().sum::<f32>() / products.len().max(1) as f32;
    (products[best] > mean * FOUND && products[best] > 1e-3).then_some(best * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chirp_is_found_in_noise_and_not_where_it_is_not() {
        let chirp = chirp();
        let mut noise = 1u32;
        let mut heard: Vec<f32> = (0..RATE)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((noise >> 8) as f32 / 8_388_608.0 - 1.0) * 0.05
            })
            .collect();
        assert_eq!(find(&chirp, &heard), None);
        heard[9_000..]
            .iter_mut()
            .zip(&chirp)
            .for_each(|(h, c)| *h += c * 0.2);
        let at = find(&chirp, &heard).unwrap();
        assert!(at.abs_diff(9_000) <= 8, "{at}");
        assert_eq!(find(&chirp, &[]), None);
        assert_eq!(find(&chirp, &vec![0.0; 48_000]), None);
    }
}
