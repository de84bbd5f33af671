//! The microphone.

mod times;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};

use crate::audio::Resampler;
pub use crate::device::Device;
use crate::device::{self, Direction};
use crate::error::{Error, Result};
use times::Times;

const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// The input devices, the system's choice marked. Empty without a sound system.
pub fn devices() -> Vec<Device> {
    device::list(Direction::Input)
}

/// An open microphone. Dropping it closes it.
pub struct Input {
    name: String,
    lost: Arc<Mutex<Option<String>>>,
    _stream: cpal::Stream,
}

impl Input {
    /// Opens the device with this id (from [`devices`]), or the system's choice, and calls `on_samples` with
    /// one channel at `rate` hertz and the moment at which the first of the samples was captured.
    ///
    /// The calls come from the audio thread, with any number of samples (often 10 ms): hand them on and return.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if there is none or it cannot be opened, [`Error::Input`] for an absurd rate.
    pub fn open(
        device: Option<&str>,
        rate: u32,
        on_samples: impl FnMut(&[f32], Instant) + Send + 'static,
    ) -> Result<Self> {
        Resampler::new(rate, rate, 1)?;
        // Only one of the candidates gets to use it.
        let on_samples = Arc::new(Mutex::new(on_samples));
        let mut last = String::new();
        for candidate in device::candidates(Direction::Input, device)? {
            let callback = on_samples.clone();
            // Uncontended: the callback of a device that failed to open is never called.
            let call = move |samples: &[f32], at: Instant| {
                callback.lock().unwrap_or_else(PoisonError::into_inner)(samples, at);
            };
            match Self::open_on(&candidate, rate, call) {
                Ok(input) => return Ok(input),
                Err(text) => last = text,
            }
        }
        Err(Error::NoDevice {
            wanted: device.map(str::to_owned),
            text: last,
        })
    }

    fn open_on(
        device: &cpal::Device,
        rate: u32,
        mut call: impl FnMut(&[f32], Instant) + Send + 'static,
    ) -> std::result::Result<Self, String> {
        let (config, format) = device::configuration(device, Direction::Input, rate, 1)
            .ok_or("it has no 16-bit or float format")?;
        let lost = Arc::new(Mutex::new(None));
        let told = lost.clone();
        let failed = move |e: cpal::Error| {
            use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
            if !matches!(e.kind(), DeviceChanged | RealtimeDenied | Xrun) {
                told.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(e.to_string());
            }
        };
        let channels = usize::from(config.channels.max(1));
        let mut resampler =
            Resampler::new(config.sample_rate, rate, 1).map_err(|e| e.to_string())?;
        let (mut mono, mut out) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
        let (mut times, device_rate) = (Times::default(), f64::from(config.sample_rate));
        let mut take = move |frames: &mut dyn Iterator<Item = f32>,
                             info: &cpal::InputCallbackInfo| {
            let stamp = info.timestamp();
            let age = stamp.callback.saturating_duration_since(stamp.capture);
            mono.clear();
            mono.extend(frames);
            let length = Duration::from_secs_f64(mono.len() as f64 / device_rate);
            let at = times.captured(Instant::now(), age, length);
            out.clear();
            resampler.process(&mono, &mut out);
            call(&out, at);
        };
        let mean = move |frame: f32| frame / channels as f32;
        let stream = match format {
            cpal::SampleFormat::F32 => device.build_input_stream::<f32, _, _>(
                config,
                move |data, info| {
                    take(
                        &mut data.chunks_exact(channels).map(|f| mean(f.iter().sum())),
                        info,
                    )
                },
                failed,
                Some(OPEN_TIMEOUT),
            ),
            _ => device.build_input_stream::<i16, _, _>(
                config,
                move |data, info| {
                    let sum = |f: &[i16]| mean(f.iter().map(|&s| f32::from(s) / 32_768.0).sum());
                    take(&mut data.chunks_exact(channels).map(sum), info);
                },
                failed,
                Some(OPEN_TIMEOUT),
            ),
        }
        .map_err(|e| e.to_string())?;
        stream.play().map_err(|e| e.to_string())?;
        Ok(Self {
            name: device::name(device),
            lost,
            _stream: stream,
        })
    }

    /// The name of the device.
    pub fn device(&self) -> &str {
        &self.name
    }

    /// Whether the device is still there.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] if not: open a new one.
    pub fn check(&self) -> Result<()> {
        match self
            .lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
        {
            Some(text) => Err(Error::DeviceLost {
                device: self.name.clone(),
                text,
            }),
            None => Ok(()),
        }
    }
}
