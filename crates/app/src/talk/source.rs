//! Where a voice comes from: a microphone, or a WAV file in real time.

use crate::api::{Failure, FailureCode};
use media::audio::Resampler;
use media::{capture, wav};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Samples a second of what leaves here: wide enough for every codec.
pub const RATE: u32 = 48_000;
/// Samples of a block of a file: 10 ms.
const BLOCK: usize = RATE as usize / 100;
/// Pieces that wait for the talk, about 300 ms: what is older when the camera answers is left out.
const QUEUE: usize = 30;
/// A microphone that gives nothing for this long is gone. Less than a camera waits (1.5 s): it would say that it hears
/// nothing, and not why.
const SILENCE: Duration = Duration::from_secs(1);

/// Where a voice comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A microphone by its id; `None` for the system's choice.
    Microphone(Option<String>),
    /// A WAV file, once.
    File(PathBuf),
}

/// What comes next.
#[derive(Debug)]
pub enum Piece {
    /// Sound at [`RATE`], one channel.
    Sound {
        /// The samples.
        samples: Vec<f32>,
        /// When the first of them was captured.
        at: Instant,
    },
    /// The file is over.
    End,
    /// The microphone is gone.
    Lost(Failure),
}

/// An open source.
pub struct Pieces {
    kind: Kind,
    device: String,
}

enum Kind {
    Microphone {
        input: capture::Input,
        pieces: mpsc::Receiver<(Vec<f32>, Instant)>,
    },
    File {
        samples: Vec<f32>,
        next: usize,
        began: Option<Instant>,
    },
}

impl Source {
    /// Opens it; may take a second.
    ///
    /// # Errors
    /// [`FailureCode::NoMicrophone`], [`FailureCode::VoiceUnreadable`].
    pub fn open(self) -> Result<Pieces, Failure> {
        match self {
            Self::Microphone(device) => {
                let (sender, pieces) = mpsc::channel(QUEUE);
                let input = capture::Input::open(device.as_deref(), RATE, move |samples, at| {
                    // Full: the talk has not begun yet, or the machine stands still. The newest is lost, as the talk
                    // jumps over the rest by its time.
                    let _ = sender.try_send((samples.to_vec(), at));
                });
                let input = input.map_err(|error| {
                    Failure::new(FailureCode::NoMicrophone)
                        .with("reason", &error)
                        .detail(error)
                })?;
                Ok(Pieces {
                    device: input.device().to_owned(),
                    kind: Kind::Microphone { input, pieces },
                })
            }
            Self::File(path) => {
                let failed = |error: media::Error| {
                    Failure::new(FailureCode::VoiceUnreadable)
                        .with("path", path.display())
                        .with("reason", &error)
                        .detail(error)
                };
                let read = wav::read(&path).map_err(failed)?.to_mono();
                let mut resampler = Resampler::new(read.rate, RATE, 1).map_err(failed)?;
                let mut samples = Vec::new();
                resampler.process(&read.data, &mut samples);
                Ok(Pieces {
                    device: path.display().to_string(),
                    kind: Kind::File {
                        samples,
                        next: 0,
                        began: None,
                    },
                })
            }
        }
    }
}

impl Pieces {
    /// The microphone's name, or the file's path.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        RATE
    }

    /// Waits for what comes next. Cancel-safe.
    pub async fn next(&mut self) -> Piece {
        match &mut self.kind {
            Kind::Microphone { input, pieces } => match timeout(SILENCE, pieces.recv()).await {
                Ok(Some((samples, at))) => Piece::Sound { samples, at },
                Ok(None) | Err(_) => {
                    let text = input.check().err().map(|error| error.to_string());
                    let failure = Failure::new(FailureCode::MicrophoneLost)
                        .with("device", &self.device)
                        .detail(text.unwrap_or_else(|| "it gives no sound".into()));
                    Piece::Lost(failure)
                }
            },
            Kind::File {
                samples,
                next,
                began,
            } => {
                let began = *began.get_or_insert_with(Instant::now);
                let end = (*next + BLOCK).min(samples.len());
                if *next >= end {
                    return Piece::End;
                }
                let time =
                    |count: usize| began + Duration::from_secs_f64(count as f64 / f64::from(RATE));
                // As a microphone does: a block is there when its last sample is.
                tokio::time::sleep_until(time(end).into()).await;
                let piece = Piece::Sound {
                    samples: samples[*next..end].to_vec(),
                    at: time(*next),
                };
                *next = end;
                piece
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_comes_in_real_time_once_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("voice.wav");
        let mut writer = wav::Writer::create(&path, 16_000).unwrap();
        writer.write(&[0.25; 1_600]).unwrap();
        drop(writer);
        let mut pieces = Source::File(path).open().unwrap();
        let (mut count, started) = (0, Instant::now());
        loop {
            match pieces.next().await {
                Piece::Sound { samples, .. } => count += samples.len(),
                Piece::End => break,
                Piece::Lost(failure) => panic!("{failure}"),
            }
        }
        assert!(
            started.elapsed() >= Duration::from_millis(95),
            "{:?}",
            started.elapsed()
        );
        assert!((4_700..=4_900).contains(&count), "{count}");
    }

    #[test]
    fn a_file_that_is_none_says_what_to_give() {
        let failure = Source::File("/nowhere/voice.wav".into())
            .open()
            .err()
            .unwrap();
        assert_eq!(failure.code, FailureCode::VoiceUnreadable);
        assert!(failure.params["path"].contains("voice.wav"));
    }
}
