//! One stream on one sound device.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};

use super::Stats;
use super::engine::Engine;
use super::feed::Feed;
use super::shared::Shared;
use super::tap::{Played, Tap};
use crate::audio::Samples;
pub use crate::device::Device;
use crate::device::{self, Direction};
use crate::error::{Error, Result};

/// The device is opened at this rate if it can, hertz.
const RATE: u32 = 48_000;
/// Output channels asked for.
const CHANNELS: u16 = 2;
/// A device that takes nothing for this long while sound is pushed counts as lost.
const SILENT_DEVICE: Duration = Duration::from_secs(2);
/// How long opening may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);
/// Frames rendered at a time for devices that do not take `f32`.
const CHUNK: usize = 256;

/// Which media time is heard when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MediaClock {
    /// Media time, milliseconds with fraction, in the time of the `pts` that were pushed.
    pub pts_ms: f64,
    /// The moment at which exactly that is audible.
    pub at: Instant,
}

/// The output devices, the system's choice marked. Empty without a sound system.
pub fn devices() -> Vec<Device> {
    device::list(Direction::Output)
}

/// Plays one stream on one device. Dropping it closes the device.
pub struct Player {
    feed: Feed,
    control: Control,
    name: String,
    opened: Instant,
    /// Since when sound is pushed and none taken. Not the time of the last callback: a program that was
    /// stopped for a while finds that old too.
    unheard: Option<Instant>,
    /// Keeps the device open.
    _stream: cpal::Stream,
}

/// Volume, clock and figures of a [`Player`]; cheap to clone, usable from any thread, outlives it harmlessly.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
    lost: Arc<Mutex<Option<String>>>,
    tap: Arc<Tap>,
}

impl Player {
    /// Opens the device with this id (from [`devices`]), or the system's choice. It plays silence until
    /// samples come.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if there is none or it cannot be opened: the caller goes on without sound.
    pub fn open(device: Option<&str>) -> Result<Self> {
        let mut last = String::new();
        for candidate in device::candidates(Direction::Output, device)? {
            match Self::open_on(&candidate) {
                Ok(player) => return Ok(player),
                Err(text) => last = text,
            }
        }
        Err(Error::NoDevice {
            wanted: device.map(str::to_owned),
            text: last,
        })
    }

    fn open_on(device: &cpal::Device) -> std::result::Result<Self, String> {
        let (config, format) = device::configuration(device, Direction::Output, RATE, CHANNELS)
            .ok_or("it has no 16-bit or float format")?;
        let opened = Instant::now();
        let shared = Arc::new(Shared::new(opened));
        let lost = Arc::new(Mutex::new(None));
        let engine = Engine::new(shared.clone(), config.sample_rate);
        let tap = Arc::new(Tap::new(opened, config.sample_rate));
        let ears = (shared.clone(), tap.clone());
        let stream =
            build(device, config, format, engine, ears, lost.clone()).map_err(|e| e.to_string())?;
        stream.play().map_err(|e| e.to_string())?;
        let control = Control {
            shared: shared.clone(),
            lost,
            tap,
        };
        Ok(Self {
            feed: Feed::new(shared),
            control,
            name: device::name(device),
            opened,
            unheard: None,
            _stream: stream,
        })
    }

    /// Hands over decoded sound whose first sample has media time `pts_ms`, and which arrived at `now` (the
    /// time of arrival from the network, before decoding, gives the best jitter estimate). Samples are
    /// expected in order; a gap in `pts_ms` is played as a gap, a jump starts the buffer anew. Never blocks.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] once the device is gone: open a new player. [`Error::Input`] for samples
    /// without rate or channels.
    pub fn push(&mut self, samples: &Samples, pts_ms: i64, now: Instant) -> Result<()> {
        let last = self.control.shared.last_callback().unwrap_or(self.opened);
        self.unheard = match self.unheard {
            _ if last.elapsed() < SILENT_DEVICE / 2 => None,
            None => Some(Instant::now()),
            since => since,
        };
        self.check()?;
        self.feed.push(samples, pts_ms.saturating_mul(1000), now)
    }

    /// Whether the device is still there.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] if not.
    pub fn check(&self) -> Result<()> {
        let told = self
            .control
            .lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let silent = || {
            let long = self
                .unheard
                .is_some_and(|since| since.elapsed() > SILENT_DEVICE);
            long.then(|| "it takes no more sound".to_owned())
        };
        match told.or_else(silent) {
            Some(text) => Err(Error::DeviceLost {
                device: self.name.clone(),
                text,
            }),
            None => Ok(()),
        }
    }

    /// Forgets what is buffered, with a short fade; for a seek or another stream.
    pub fn flush(&mut self) {
        self.feed.flush();
    }

    /// The name of the device.
    pub fn device(&self) -> &str {
        &self.name
    }

    /// A handle for other threads.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// As [`Control::set_volume`].
    pub fn set_volume(&self, volume: f32) {
        self.control.set_volume(volume);
    }

    /// As [`Control::set_muted`].
    pub fn set_muted(&self, muted: bool) {
        self.control.set_muted(muted);
    }

    /// As [`Control::set_delay_target`].
    pub fn set_delay_target(&self, ms: f64) {
        self.control.set_delay_target(ms);
    }

    /// As [`Control::clock`].
    pub fn clock(&self) -> Option<MediaClock> {
        self.control.clock()
    }

    /// As [`Control::stats`].
    pub fn stats(&self) -> Stats {
        self.control.stats()
    }
}

impl Control {
    /// Loudness, 0 to 1 (linear), reached within about 10 ms.
    pub fn set_volume(&self, volume: f32) {
        self.shared.set_volume(volume);
    }

    /// Silence without forgetting the volume. The clock goes on.
    pub fn set_muted(&self, muted: bool) {
        self.shared.set_muted(muted);
    }

    /// The least delay from the earliest possible arrival of a sample to its sound, milliseconds, 0 to 1000:
    /// hold sound back with it until it meets the picture. 0 leaves it to the jitter.
    pub fn set_delay_target(&self, ms: f64) {
        self.shared
            .set_floor_us((ms.clamp(0.0, 1000.0) * 1000.0) as i64);
    }

    /// Which media time is audible now, device latency included. `None` while nothing plays.
    pub fn clock(&self) -> Option<MediaClock> {
        let at = Instant::now();
        let pts_us = self.shared.media_time(at)?;
        Some(MediaClock {
            pts_ms: pts_us as f64 / 1000.0,
            at,
        })
    }

    /// Figures of the moment.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Follows what is played from now on, for an echo canceller.
    pub fn played(&self) -> Played {
        Played::new(self.tap.clone())
    }
}

fn build(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    format: cpal::SampleFormat,
    mut engine: Engine,
    (clock, tap): (Arc<Shared>, Arc<Tap>),
    lost: Arc<Mutex<Option<String>>>,
) -> std::result::Result<cpal::Stream, cpal::Error> {
    let channels = usize::from(config.channels);
    let rate = i64::from(config.sample_rate);
    let begin = move |info: &cpal::OutputCallbackInfo| {
        let times = info.timestamp();
        let latency = times.playback.saturating_duration_since(times.callback);
        (
            clock.now_us(),
            i64::try_from(latency.as_micros()).unwrap_or(0),
        )
    };
    let failed = move |e: cpal::Error| {
        use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
        // These three go by themselves; the error callback may lock, it is not the audio thread's.
        if !matches!(e.kind(), DeviceChanged | RealtimeDenied | Xrun) {
            lost.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(e.to_string());
        }
    };
    match format {
        cpal::SampleFormat::F32 => device.build_output_stream::<f32, _, _>(
            config,
            move |out, info| {
                let (now, latency) = begin(info);
                engine.render(out, channels, now, latency);
                tap.write(out, channels, now + latency);
            },
            failed,
            Some(OPEN_TIMEOUT),
        ),
        _ => device.build_output_stream::<i16, _, _>(
            config,
            move |out, info| {
                let (now, latency) = begin(info);
                let mut scratch = [0.0f32; CHUNK];
                let step = (CHUNK / channels.max(1)).max(1) * channels.max(1);
                let mut ahead = 0;
                for chunk in out.chunks_mut(step.min(CHUNK)) {
                    let scratch = &mut scratch[..chunk.len()];
                    engine.render(scratch, channels, now, latency + ahead);
                    tap.write(scratch, channels, now + latency + ahead);
                    ahead += (chunk.len() / channels.max(1)) as i64 * 1_000_000 / rate;
                    for (to, from) in chunk.iter_mut().zip(scratch.iter()) {
                        *to = (from.clamp(-1.0, 1.0) * 32_767.0) as i16;
                    }
                }
            },
            failed,
            Some(OPEN_TIMEOUT),
        ),
    }
}
