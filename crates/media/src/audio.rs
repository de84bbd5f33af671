//! Sound: decoding what a stream carries, encoding AAC, changing the sample rate.
//!
//! G.711 and PCM are pure Rust and always there; AAC and Opus need the feature `ffmpeg`.

mod decode;
#[cfg(feature = "ffmpeg")]
mod encode;
pub mod g711;
mod gain;
mod limiter;
#[cfg(feature = "ffmpeg")]
mod opus;
mod resample;
mod stretch;
mod voice;

pub use decode::{Decoder, TagDecoder};
#[cfg(feature = "ffmpeg")]
pub use encode::{AAC_FRAME, AacEncoder, Transcoder};
pub use gain::Gain;
pub use limiter::Limiter;
#[cfg(feature = "ffmpeg")]
pub use opus::{OPUS_RATE, OpusEncoder};
pub use resample::Resampler;
pub(crate) use resample::{Kernel, TAPS};
pub use stretch::Stretch;
pub use voice::VoiceEncoder;

/// The highest sample rate that is accepted, hertz.
pub const MAX_RATE: u32 = 192_000;
/// The most channels that are accepted.
pub const MAX_CHANNELS: u8 = 8;

/// A piece of decoded sound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples {
    /// Frames a second, hertz.
    pub rate: u32,
    /// Channels, interleaved.
    pub channels: u8,
    /// `frames() * channels` values in −1..1.
    pub data: Vec<f32>,
}

impl Samples {
    /// Samples of one channel.
    pub fn frames(&self) -> usize {
        self.data.len() / usize::from(self.channels.max(1))
    }

    /// How long it sounds, microseconds.
    pub fn duration_us(&self) -> i64 {
        (self.frames() as i64).saturating_mul(1_000_000) / i64::from(self.rate.max(1))
    }

    /// One channel: the mean of all.
    pub fn to_mono(&self) -> Samples {
        let channels = usize::from(self.channels.max(1));
        let data = self
            .data
            .chunks_exact(channels)
            .map(|f| f.iter().sum::<f32>() / channels as f32)
            .collect();
        Samples {
            rate: self.rate,
            channels: 1,
            data,
        }
    }
}
