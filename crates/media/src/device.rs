//! Finding sound devices: PulseAudio (and PipeWire behind it) first on Linux, ALSA next, the system's own elsewhere.

use cpal::traits::{DeviceTrait, HostTrait};

use crate::error::{Error, Result};

/// A sound device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What [`open`](crate::playout::Player::open) takes, stable across restarts where the system allows it.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// The system's own choice.
    pub default: bool,
}

/// Which way the sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Output,
    Input,
}

/// The hosts to try, best first.
fn hosts() -> Vec<cpal::Host> {
    #[cfg(target_os = "linux")]
    let ids = [cpal::HostId::PulseAudio, cpal::HostId::Alsa];
    #[cfg(not(target_os = "linux"))]
    let ids = [cpal::default_host().id()];
    ids.into_iter()
        .filter_map(|id| cpal::host_from_id(id).ok())
        .collect()
}

impl Direction {
    fn default_of(self, host: &cpal::Host) -> Option<cpal::Device> {
        match self {
            Self::Output => host.default_output_device(),
            Self::Input => host.default_input_device(),
        }
    }

    fn fits(self, device: &cpal::Device) -> bool {
        match self {
            Self::Output => device.supports_output(),
            Self::Input => device.supports_input(),
        }
    }
}

/// All devices of the best host that has any.
pub(crate) fn list(direction: Direction) -> Vec<Device> {
    for host in hosts() {
        let default = direction.default_of(&host).and_then(|d| d.id().ok());
        let Ok(devices) = host.devices() else {
            continue;
        };
        let found: Vec<_> = devices
            .filter(|d| direction.fits(d))
            .filter_map(|d| {
                let id = d.id().ok()?;
                Some(Device {
                    name: d.to_string(),
                    default: Some(&id) == default.as_ref(),
                    id: id.to_string(),
                })
            })
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Every device that may serve, best first: the one named, or each host's default.
pub(crate) fn candidates(direction: Direction, wanted: Option<&str>) -> Result<Vec<cpal::Device>> {
    let none = |text: String| Error::NoDevice {
        wanted: wanted.map(str::to_owned),
        text,
    };
    let Some(id) = wanted else {
        let found: Vec<_> = hosts()
            .iter()
            .filter_map(|host| direction.default_of(host))
            .collect();
        return if found.is_empty() {
            Err(none("none is installed".into()))
        } else {
            Ok(found)
        };
    };
    let parsed: cpal::DeviceId = id.parse().map_err(|e: cpal::Error| none(e.to_string()))?;
    let host = cpal::host_from_id(parsed.host()).map_err(|e| none(e.to_string()))?;
    let device = host.device_by_id(&parsed).filter(|d| direction.fits(d));
    device
        .map(|d| vec![d])
        .ok_or_else(|| none("it is not connected".into()))
}

/// A format that works for us: `rate` if the device has it, else the nearest; the wished channels, else the
/// fewest above, else the device's; `f32`, else 16 bits.
pub(crate) fn configuration(
    device: &cpal::Device,
    direction: Direction,
    rate: u32,
    channels: u16,
) -> Option<(cpal::StreamConfig, cpal::SampleFormat)> {
    let ranges: Vec<cpal::SupportedStreamConfigRange> = match direction {
        Direction::Output => device.supported_output_configs().ok()?.collect(),
        Direction::Input => device.supported_input_configs().ok()?.collect(),
    };
    let rank = |r: &cpal::SupportedStreamConfigRange| {
        let off = rate
            .clamp(r.min_sample_rate(), r.max_sample_rate())
            .abs_diff(rate);
        let format = match r.sample_format() {
            cpal::SampleFormat::F32 => 0,
            cpal::SampleFormat::I16 => 1,
            _ => return None,
        };
        let missing = if r.channels() < channels { 1 } else { 0 };
        Some((off, missing, r.channels().abs_diff(channels), format))
    };
    let best = ranges
        .iter()
        .filter(|r| rank(r).is_some())
        .min_by_key(|r| rank(r))?;
    let sample_rate = rate.clamp(best.min_sample_rate(), best.max_sample_rate());
    // Never the default size: PulseAudio then queues two seconds.
    let wanted = sample_rate / 100;
    let size = match *best.buffer_size() {
        cpal::SupportedBufferSize::Range { min, max } if min <= max => wanted.clamp(min, max),
        _ => wanted,
    };
    let config = cpal::StreamConfig {
        channels: best.channels(),
        sample_rate,
        buffer_size: cpal::BufferSize::Fixed(size.max(1)),
    };
    Some((config, best.sample_format()))
}

/// What to call a device in a message.
pub(crate) fn name(device: &cpal::Device) -> String {
    device.to_string()
}
