//! From captured sound to FLV: the camera's sound is taken out, the level is measured, the rest is encoded.

use super::far::{FarEnd, Speakers};
use crate::api::{EchoHealth, Failure, FailureCode};
use crate::fail;
use crate::live::sound::signed_ms;
use flv::{AudioCodec, AudioFormat, Metadata, Writer};
use media::audio::{Gain, Limiter, Resampler, VoiceEncoder};
use media::echo::{self, Canceller, EchoCanceller as _};
use std::sync::Arc;
use std::time::Instant;
use wire::talk::{VoiceCodec, VoiceFormat};

/// The level of silence, dB of full scale.
pub const SILENT_DB: f32 = -99.0;
/// From here on a microphone is overdriven.
const CLIPPED: f32 = 0.985;
/// How long an overdriven moment is shown, meter readings.
const CLIP_SHOWN: u32 = 4;
/// Time stamp of the first sample, ms: room for the encoder's negative first one.
const START_MS: i64 = 1_000;
/// Captured times that differ from what the samples say by more than this are a gap, ms.
const GAP_MS: f64 = 60.0;
/// Bits a second of AAC and Opus: a clear voice.
const BIT_RATE: u32 = 32_000;
/// An echo that is heard and lowered by less than this is not under control, dB.
const POOR_DB: f32 = 6.0;

/// Time stamps against time: the newest one, ms, and when it was captured.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Option<(f64, Instant)>);

impl Clock {
    /// How long ago the sound of this time stamp was captured, ms.
    pub fn age_ms(self, stamp: i64) -> Option<f32> {
        let (newest, at) = self.0?;
        let ago = newest - stamp as f64 + signed_ms(Instant::now(), at);
        (0.0..10_000.0).contains(&ago).then_some(ago as f32)
    }
}

/// One voice on its way.
pub struct Voice {
    format: AudioFormat,
    encoder: VoiceEncoder,
    far: FarEnd,
    canceller: Box<Canceller>,
    gain: Gain,
    limiter: Limiter,
    /// From the source's rate to the canceller's, and from that to the codec's.
    inward: Resampler,
    outward: Resampler,
    /// Samples at the canceller's rate that do not fill a block yet, and when the first of them was captured.
    pending: Vec<f32>,
    pending_at: Option<Instant>,
    rate: u32,
    in_rate: u32,
    /// Time stamp of the next sample, ms with fraction, and when that one is captured.
    clock: Option<(f64, Instant)>,
    muted: bool,
    peak: f32,
    clipped: u32,
}

impl Voice {
    /// For a codec of the camera, from a source at `in_rate`.
    ///
    /// # Errors
    /// [`FailureCode::TalkCodecRefused`] if this program cannot encode it.
    pub fn open(
        format: VoiceFormat,
        in_rate: u32,
        speakers: &Arc<Speakers>,
    ) -> Result<Self, Failure> {
        let codec = match format.codec {
            VoiceCodec::Aac => AudioCodec::Aac,
            VoiceCodec::Pcm => AudioCodec::Pcm,
            VoiceCodec::G711A => AudioCodec::G711A,
            VoiceCodec::G711U => AudioCodec::G711U,
            VoiceCodec::Opus => AudioCodec::Opus,
        };
        let encoder = VoiceEncoder::open(codec, format.sample_rate, BIT_RATE).map_err(|error| {
            Failure::new(FailureCode::TalkCodecRefused)
                .with("camera", "–")
                .with("plays", format)
                .with("wanted", &error)
                .detail(&error)
        })?;
        let rate = if format.sample_rate <= 16_000 {
            16_000
        } else {
            48_000
        };
        Ok(Self {
            format: AudioFormat {
                codec,
                sample_rate: format.sample_rate,
                channels: 1,
            },
            encoder,
            far: FarEnd::new(speakers.clone(), rate),
            canceller: echo::canceller(rate).map_err(fail::internal)?.lower_noise(),
            gain: Gain::new(rate),
            limiter: Limiter::new(rate),
            inward: Resampler::new(in_rate, rate, 1).map_err(fail::internal)?,
            outward: Resampler::new(rate, format.sample_rate, 1).map_err(fail::internal)?,
            pending: Vec::new(),
            pending_at: None,
            rate,
            in_rate,
            clock: None,
            muted: false,
            peak: 0.0,
            clipped: 0,
        })
    }

    /// What goes first: header, metadata, configuration.
    ///
    /// # Errors
    /// [`FailureCode::Internal`]
    pub fn head(&self) -> Result<Vec<u8>, Failure> {
        let (writer, mut out) = (Writer::default(), Vec::new());
        writer.header(&mut out, true, false);
        let metadata =
            Metadata::new().with_number("audiosamplerate", f64::from(self.format.sample_rate));
        writer
            .metadata(&mut out, 0, &metadata)
            .map_err(fail::internal)?;
        writer
            .audio_config(&mut out, 0, self.format.codec, &self.encoder.config())
            .map_err(fail::internal)?;
        Ok(out)
    }

    /// Takes captured sound, the first sample of which is of `at`; gives the tags that became complete.
    ///
    /// # Errors
    /// [`FailureCode::Internal`] if the encoder fails.
    pub fn take(&mut self, samples: &[f32], at: Instant) -> Result<Vec<u8>, Failure> {
        self.keep_time(samples.len(), at);
        for sample in samples {
            self.peak = self.peak.max(sample.abs());
            if sample.abs() >= CLIPPED {
                self.clipped = CLIP_SHOWN;
            }
        }
        if self.pending.is_empty() || self.pending_at.is_none() {
            self.pending_at = Some(at);
        }
        self.inward.process(samples, &mut self.pending);
        let block = self.canceller.frame_len();
        let (mut far, mut clean) = (vec![0.0; block], vec![0.0; block]);
        let mut out = Vec::new();
        let mut done = 0;
        while self.pending.len() - done >= block {
            let near = &self.pending[done..done + block];
            let passed = f64::from(done as u32) / f64::from(self.rate);
            let block_at =
                self.pending_at.unwrap_or(at) + std::time::Duration::from_secs_f64(passed);
            self.far.read(block_at, &mut far);
            // Also while nothing plays: the noise is lowered, and to step in and out of the delay would cut words.
            self.canceller.process(&far, near, &mut clean);
            self.gain.process(&mut clean, self.canceller.near_speaks());
            self.limiter.process(&mut clean);
            if self.muted {
                clean.fill(0.0);
            }
            self.encode(&clean, &mut out)?;
            done += block;
        }
        if done > 0 {
            self.pending.drain(..done);
            let passed = f64::from(done as u32) / f64::from(self.rate);
            self.pending_at = self
                .pending_at
                .map(|at| at + std::time::Duration::from_secs_f64(passed));
        }
        Ok(out)
    }

    fn encode(&mut self, clean: &[f32], out: &mut Vec<u8>) -> Result<(), Failure> {
        let mut ready = Vec::new();
        self.outward.process(clean, &mut ready);
        for packet in self.encoder.encode(&ready).map_err(fail::internal)? {
            Writer::default()
                .audio(out, packet.pts, self.format, &packet.data)
                .map_err(fail::internal)?;
        }
        Ok(())
    }

    /// Time stamps follow the samples; where samples are missing they jump.
    fn keep_time(&mut self, count: usize, at: Instant) {
        let length = count as f64 * 1000.0 / f64::from(self.in_rate);
        let (stamp, expected) = match self.clock {
            Some(clock) => clock,
            None => {
                self.encoder.set_time(START_MS);
                (START_MS as f64, at)
            }
        };
        let gap = signed_ms(at, expected);
        let stamp = if gap > GAP_MS {
            self.pending.clear();
            self.pending_at = None;
            self.encoder.set_time((stamp + gap) as i64);
            stamp + gap
        } else {
            stamp
        };
        let length_time = std::time::Duration::from_secs_f64(length / 1000.0);
        self.clock = Some((stamp + length, at + length_time));
    }

    /// When the sound of which time stamp was captured, as of now.
    pub fn clock(&self) -> Clock {
        let held = self.canceller.delay() as f64 / f64::from(self.rate);
        let held = std::time::Duration::from_secs_f64(held);
        Clock(
            self.clock
                .map(|(stamp, at)| (stamp, at.checked_sub(held).unwrap_or(at))),
        )
    }

    /// Sends silence instead of the microphone.
    pub fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Level since the last call in dB of full scale, whether the microphone was overdriven, and the canceller's health.
    pub fn meter(&mut self) -> (f32, bool, Option<EchoHealth>) {
        let level = if self.muted {
            SILENT_DB
        } else {
            (20.0 * self.peak.max(1e-5).log10()).clamp(SILENT_DB, 0.0)
        };
        self.peak = 0.0;
        let clipping = self.clipped > 0;
        self.clipped = self.clipped.saturating_sub(1);
        let echo = self.far.is_there().then(|| {
            let health = self.canceller.health();
            EchoHealth {
                loss_db: health.echo_return_loss_db,
                delay_ms: health.echo_delay_ms,
                poor: health.echo_delay_ms.is_some()
                    && (0.1..POOR_DB).contains(&health.echo_return_loss_db),
            }
        });
        (level, clipping, echo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flv::{AudioKind, Item, Reader};
    use std::time::Duration;

    fn voice(format: &str) -> Voice {
        let formats: wire::talk::VoiceFormats = format.parse().unwrap();
        Voice::open(formats.choose(None).unwrap(), 48_000, &Arc::default()).unwrap()
    }

    /// Time stamps of the frames in `bytes`.
    fn stamps(reader: &mut Reader, bytes: &[u8]) -> Vec<i64> {
        reader.push(bytes);
        let mut stamps = Vec::new();
        while let Some(item) = reader.next().unwrap() {
            if let Item::Audio(tag) = item
                && tag.kind == AudioKind::Frame
            {
                stamps.push(tag.timestamp);
            }
        }
        stamps
    }

    #[test]
    fn every_codec_leaves_as_flv_with_time_stamps_of_the_audio_clock() {
        for format in [
            "aac/16000",
            "aac/8000",
            "aac/44100",
            "pcm/16000",
            "g711a/8000",
            "g711u/8000",
            "opus/48000",
        ] {
            let (mut voice, mut reader) = (voice(format), Reader::default());
            let mut seen = stamps(&mut reader, &voice.head().unwrap());
            let start = Instant::now();
            let block: Vec<f32> = (0..480).map(|i| (i as f32 * 0.1).sin() * 0.3).collect();
            for i in 0..200 {
                // The microphone's thread runs a little before or behind its sound.
                let jitter = Duration::from_millis([0, 12, 3, 7][i % 4]);
                let at = start + Duration::from_millis(10 * i as u64) + jitter;
                seen.extend(stamps(&mut reader, &voice.take(&block, at).unwrap()));
            }
            let first = *seen.first().unwrap();
            assert!((850..=START_MS).contains(&first), "{format}: {first}");
            let last = *seen.last().unwrap();
            assert!((2_400..=3_000).contains(&last), "{format}: {last}");
            assert!(
                seen.windows(2)
                    .all(|pair| (15..=130).contains(&(pair[1] - pair[0]))),
                "{format}: {seen:?}"
            );
        }
    }

    #[test]
    fn the_meter_shows_level_clipping_and_mute() {
        let mut voice = voice("pcm/16000");
        let now = Instant::now();
        voice.take(&[0.5; 480], now).unwrap();
        let (level, clipping, echo) = voice.meter();
        assert!((level + 6.0).abs() < 0.1 && !clipping && echo.is_none());
        voice
            .take(&[1.0; 480], now + Duration::from_millis(10))
            .unwrap();
        assert!(voice.meter().1);
        voice.mute(true);
        let tags = voice
            .take(&[0.5; 960], now + Duration::from_millis(20))
            .unwrap();
        assert_eq!(voice.meter().0, SILENT_DB);
        let mut reader = Reader::default();
        reader.push(&voice.head().unwrap());
        reader.push(&tags);
        let mut loudest = 0;
        while let Some(item) = reader.next().unwrap() {
            if let Item::Audio(tag) = item
                && tag.timestamp > START_MS + 20
            {
                loudest = tag.data.iter().copied().max().unwrap_or(0).max(loudest);
            }
        }
        assert_eq!(loudest, 0);
    }

    #[test]
    fn missing_sound_is_a_jump_of_the_time_stamps() {
        let (mut voice, mut reader) = (voice("pcm/16000"), Reader::default());
        stamps(&mut reader, &voice.head().unwrap());
        let start = Instant::now() - Duration::from_secs(1);
        let at = |ms| start + Duration::from_millis(ms);
        let mut seen = Vec::new();
        for ms in (0..100).step_by(10).chain((600..700).step_by(10)) {
            seen.extend(stamps(
                &mut reader,
                &voice.take(&[0.1; 480], at(ms)).unwrap(),
            ));
        }
        let jump = seen.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!((500..=540).contains(&jump), "{seen:?}");
        let age = voice.clock().age_ms(1_600).unwrap();
        assert!(age < 1_000.0, "{age}");
    }
}
