//! What a sink plays, listened to while it plays.

use crate::programs::Running;
use crate::pulse::Server;
use anyhow::{Context, Result};
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Samples a second, one channel.
const RATE: f64 = 48_000.0;
/// Silence before a chime, samples: a tail is no onset.
const SILENCE: usize = 12_000;

/// Starts listening to what is played on a sink.
pub(super) fn listen(server: &Server, sink: &str) -> Result<Listener> {
    let mut command = Command::new("parec");
    command.arg(format!("--device={sink}.monitor"));
    command.args(["--rate=48000", "--channels=1", "--format=s16le", "--raw"]);
    command.arg("--latency-msec=5");
    server.attach(&mut command);
    let mut recorder = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let stdout = recorder.child().stdout.take();
    let mut stdout = stdout.context("parec has no output")?;
    let heard: Arc<Mutex<Heard>> = Arc::default();
    let writing = Arc::clone(&heard);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stdout.read(&mut bytes) {
            let mut heard = writing.lock().unwrap_or_else(PoisonError::into_inner);
            heard.take(&bytes[..count], Instant::now());
        }
    });
    Ok(Listener {
        _recorder: recorder,
        heard,
    })
}

/// What was heard so far.
pub(super) struct Listener {
    _recorder: Running,
    heard: Arc<Mutex<Heard>>,
}

impl Listener {
    /// Everything that was heard so far.
    pub(super) fn all(&self) -> Option<Sound> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        (!heard.starts.is_empty()).then(|| Sound {
            samples: crate::sound::at_rate(&heard.samples, RATE as u32),
            starts: heard.starts.clone(),
        })
    }

    /// When each chime began.
    pub(super) fn onsets(&self) -> Vec<Instant> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .onsets()
    }
}

/// What was heard, at 8 kHz.
pub(super) struct Sound {
    pub(super) samples: Vec<f32>,
    starts: Vec<Instant>,
}

impl Sound {
    /// When this sample was played.
    pub(super) fn at(&self, index: usize) -> Option<Instant> {
        let seconds = index as f64 / crate::sound::RATE as f64;
        let start = self.starts.get(seconds as usize).or(self.starts.last())?;
        Some(*start + Duration::from_secs_f64(seconds))
    }
}

#[derive(Default)]
struct Heard {
    samples: Vec<f32>,
    odd: Option<u8>,
    /// The earliest that sample 0 can have been played, arrival minus the samples before, as each second says by itself:
    /// late pieces do not move it, and a sink that stood still leaves out sound.
    starts: Vec<Instant>,
}

impl Heard {
    fn take(&mut self, bytes: &[u8], now: Instant) {
        let all: Vec<u8> = self
            .odd
            .take()
            .into_iter()
            .chain(bytes.iter().copied())
            .collect();
        let pairs = all.chunks_exact(2);
        self.odd = pairs.remainder().first().copied();
        self.samples
            .extend(pairs.map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0));
        let before = Duration::from_secs_f64(self.samples.len() as f64 / RATE);
        let start = now.checked_sub(before).unwrap_or(now);
        let second = (before.as_secs_f64() as usize).min(self.starts.len());
        match self.starts.get_mut(second) {
            Some(known) => *known = start.min(*known),
            None => self.starts.push(start),
        }
    }

    fn onsets(&self) -> Vec<Instant> {
        let Some(&start) = self.starts.iter().min() else {
            return Vec::new();
        };
        let peak = self
            .samples
            .iter()
            .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let threshold = (peak * 0.3).max(0.01);
        let mut onsets = Vec::new();
        let mut quiet = 0;
        for (index, sample) in self.samples.iter().enumerate() {
            if sample.abs() < threshold {
                quiet += 1;
                continue;
            }
            if quiet >= SILENCE {
                onsets.push(start + Duration::from_secs_f64(index as f64 / RATE));
            }
            quiet = 0;
        }
        onsets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chimes_are_found_where_they_begin() {
        let mut heard = Heard::default();
        let mut bytes = Vec::new();
        for index in 0..96_000_i32 {
            let is_chime = index % 48_000 >= 24_000 && index % 48_000 < 30_000;
            let sample: i16 = if is_chime { 9000 } else { 3 };
            bytes.extend(sample.to_le_bytes());
        }
        let end = Instant::now();
        heard.take(&bytes[..1001], end - Duration::from_secs(1));
        heard.take(&bytes[1001..], end);
        assert_eq!(heard.starts.len(), 2);
        let onsets = heard.onsets();
        assert_eq!(onsets.len(), 2);
        assert!((onsets[1] - onsets[0]).as_secs_f64() - 1.0 < 1e-6);
    }
}
