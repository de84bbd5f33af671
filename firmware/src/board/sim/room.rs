//! The room around the sim board: what the speaker plays comes back to the microphone, beside a voice of its own.
//!
//! ```text
//!  speaker ──> ring ── impulse response (direct sound, echoes that fade) ──┐
//!  voice (synthesised, or a WAV file, over and over) ──────────────────────┴──> microphone
//! ```

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use media::audio::Resampler;

use super::voice;
use crate::board::Fault;
use crate::defaults::SAMPLE_RATE;

/// How much of the speaker's sound is kept, samples: the longest echo and what plays ahead.
const KEPT: usize = SAMPLE_RATE as usize;
/// Most single echoes of a room.
const ECHOES: usize = 160;

/// How large the room is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomSize {
    /// The microphone does not hear the speaker.
    #[default]
    None,
    /// Decays within 0.12 s.
    Small,
    /// Decays within 0.35 s.
    Large,
}

impl std::str::FromStr for RoomSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "small" => Ok(Self::Small),
            "large" => Ok(Self::Large),
            other => Err(format!("got {other:?}, expected none, small or large")),
        }
    }
}

/// Who speaks in the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Voice {
    /// Nobody: the chime of the lamp sounds, or nothing where there is a room.
    #[default]
    None,
    /// A synthesised voice.
    Synthetic,
    /// A WAV file, over and over.
    File(PathBuf),
}

impl std::str::FromStr for Voice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("file:")) {
            ("none", _) => Ok(Self::None),
            ("synthetic", _) => Ok(Self::Synthetic),
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(format!(
                "got {text:?}, expected none, synthetic or file:PATH"
            )),
        }
    }
}

/// See the module's text. Times are numbers of samples since 1970, as the sim board's microphone counts.
pub(super) struct Room {
    /// Delay in samples, and loudness.
    echoes: Vec<(usize, f32)>,
    voice: Vec<f32>,
    heard: Mutex<Heard>,
}

/// What the speaker played lately.
#[derive(Default)]
struct Heard {
    samples: VecDeque<f32>,
    /// Number of the sample behind the newest.
    end: i64,
}

impl Room {
    /// Nothing, if there is neither room nor voice.
    ///
    /// # Errors
    /// The voice's file cannot be read.
    pub(super) fn open(size: RoomSize, who: &Voice) -> Result<Option<Self>, Fault> {
        if size == RoomSize::None && *who == Voice::None {
            return Ok(None);
        }
        let voice = match who {
            Voice::None => Vec::new(),
            Voice::Synthetic => voice::phrase(),
            Voice::File(path) => {
                let text = |error: media::Error| Fault::Failed {
                    what: "the room's voice",
                    text: error.to_string(),
                };
                let read = media::wav::read(path).map_err(text)?.to_mono();
                let mut resampler = Resampler::new(read.rate, SAMPLE_RATE, 1).map_err(text)?;
                let mut voice = Vec::new();
                resampler.process(&read.data, &mut voice);
                voice
            }
        };
        Ok(Some(Self {
            echoes: echoes(size),
            voice,
            heard: Mutex::default(),
        }))
    }

    /// The speaker plays this from sample `first` on.
    pub(super) fn play(&self, first: i64, samples: &[f32]) {
        let mut heard = self.lock();
        let gap = usize::try_from(first - heard.end).unwrap_or(0);
        if gap >= KEPT {
            heard.samples.clear();
        } else {
            heard.samples.extend(std::iter::repeat_n(0.0, gap));
        }
        heard.samples.extend(samples);
        heard.end = first + samples.len() as i64;
        let surplus = heard.samples.len().saturating_sub(KEPT);
        heard.samples.drain(..surplus);
    }

    /// What the microphone hears from sample `first` on.
    pub(super) fn hear(&self, first: i64, count: usize) -> Vec<f32> {
        let mut out: Vec<f32> = (first..)
            .take(count)
            .map(|number| self.voice_at(number))
            .collect();
        let heard = self.lock();
        let begin = heard.end - heard.samples.len() as i64;
        if heard.end + (KEPT as i64) < first {
            return out;
        }
        for &(delay, loud) in &self.echoes {
            let from = first - delay as i64 - begin;
            for (at, sample) in (from..).zip(&mut out) {
                let played = usize::try_from(at)
                    .ok()
                    .and_then(|at| heard.samples.get(at));
                *sample += loud * played.copied().unwrap_or(0.0);
            }
        }
        out
    }

    fn voice_at(&self, number: i64) -> f32 {
        match self.voice.len() {
            0 => 0.0,
            length => self.voice[number.rem_euclid(length as i64) as usize],
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Direct sound, then echoes at random, ever denser and fainter: −60 dB after the decay.
fn echoes(size: RoomSize) -> Vec<(usize, f32)> {
    let (delay, decay, loud) = match size {
        RoomSize::None => return Vec::new(),
        RoomSize::Small => (0.003, 0.12, 0.5),
        RoomSize::Large => (0.012, 0.35, 0.5),
    };
    let rate = SAMPLE_RATE as f32;
    let mut echoes = vec![((delay * rate) as usize, loud)];
    let mut seed = 7u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / 16_777_216.0
    };
    for i in 0..ECHOES {
        let time = decay * 0.8 * ((i as f32 + random()) / ECHOES as f32).powf(1.3);
        let fade = 10f32.powf(-3.0 * time / decay);
        let sign = if random() < 0.5 { -1.0 } else { 1.0 };
        let at = ((delay + 0.001 + time) * rate) as usize;
        echoes.push((at, sign * loud * 0.35 * fade * (0.4 + 0.6 * random())));
    }
    echoes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn energy(samples: &[f32]) -> f32 {
        samples.iter().map(|s| s * s).sum()
    }

    #[test]
    fn a_click_comes_back_and_fades() {
        for (size, decay) in [(RoomSize::Small, 0.12), (RoomSize::Large, 0.35)] {
            let room = Room::open(size, &Voice::None).unwrap().unwrap();
            let mut click = vec![0.0; 480];
            click[0] = 1.0;
            room.play(1_000_000, &click);
            let heard = room.hear(1_000_000, 48_000);
            let first = heard.iter().position(|s| s.abs() > 0.1).unwrap();
            assert_eq!(first, room.echoes[0].0);
            let end = ((decay + 0.02) * 48_000.0) as usize;
            assert!(energy(&heard[..end]) > 0.3 && energy(&heard[end..]) < 1e-4);
            // Long after, nothing is left.
            assert_eq!(energy(&room.hear(9_000_000, 480)), 0.0);
        }
    }

    #[test]
    fn the_voice_goes_on_wherever_one_listens_in() {
        let room = Room::open(RoomSize::None, &Voice::Synthetic)
            .unwrap()
            .unwrap();
        let whole = room.hear(5_000, 960);
        assert_eq!(whole[480..], room.hear(5_480, 480));
        assert!(Room::open(RoomSize::None, &Voice::None).unwrap().is_none());
        assert!(Room::open(RoomSize::None, &Voice::File("/none.wav".into())).is_err());
    }
}
