//! AAC-LC by FFmpeg's own encoder, and from any codec to AAC for files.

use std::collections::VecDeque;

use ffmpeg_next as ff;
use flv::AudioCodec;

use crate::Packet;
use crate::audio::{Decoder, Samples};
use crate::av;
use crate::error::{Error, Result};

const OPENING: &str = "opening the AAC encoder";
const ENCODING: &str = "encoding AAC";

/// Samples of one channel in an AAC-LC frame (ISO/IEC 14496-3).
pub const AAC_FRAME: usize = 1024;

/// Encodes AAC-LC. A packet leaves as soon as its 1024 samples are in; what is heard in a packet entered
/// one frame earlier (the codec's overlap), so the sound is 2 frames old when its packet leaves: 43 ms at
/// 48 kHz, 128 ms at 16 kHz. Packet times say when the packet's sound was captured.
pub struct AacEncoder {
    encoder: ff::encoder::audio::Encoder,
    rate: u32,
    channels: u8,
    config: [u8; 2],
    pending: VecDeque<f32>,
    /// Frames of 1024 handed to the encoder.
    frames: i64,
    /// Media time, in samples, of the first sample of frame 0.
    origin: i64,
    /// Times of frames in the encoder, in samples.
    times: VecDeque<i64>,
}

impl AacEncoder {
    /// `rate` one of the AAC rates (8000 … 96000 Hz), 1 or 2 `channels`, `bit_rate` in bits a second.
    ///
    /// # Errors
    /// [`Error::Input`] for settings AAC-LC does not have, [`Error::Ffmpeg`] if the encoder does not open.
    pub fn open(rate: u32, channels: u8, bit_rate: u32) -> Result<Self> {
        let Some(index) = RATES
            .iter()
            .position(|&r| r == rate)
            .filter(|_| (1..=2).contains(&channels))
        else {
            let got = format!("{rate} Hz, {channels} channels");
            return Err(Error::input(
                OPENING,
                got,
                "an AAC sample rate and 1 or 2 channels",
            ));
        };
        av::init();
        let codec = ff::encoder::find(ff::codec::Id::AAC).ok_or_else(|| Error::Unsupported {
            doing: OPENING,
            what: "AAC".into(),
        })?;
        let mut context = ff::codec::Context::new_with_codec(codec);
        av::set_audio(&mut context, rate, channels);
        context.set_flags(ff::codec::Flags::GLOBAL_HEADER);
        context.set_time_base((1, rate as i32));
        let mut audio = context.encoder().audio().map_err(av::error(OPENING))?;
        audio.set_format(ff::format::Sample::F32(ff::format::sample::Type::Planar));
        audio.set_bit_rate(bit_rate as usize);
        // FFmpeg's default coder ("twoloop") bursts on steady tones: 440 Hz at 64 kbit/s comes back with
        // −20 dB of error, from this one with −37 dB; speech-like sound at 32 kbit/s has 17 and 31 dB of SNR.
        let mut options = ff::Dictionary::new();
        options.set("aac_coder", "fast");
        let encoder = audio
            .open_as_with(codec, options)
            .map_err(av::error(OPENING))?;
        Ok(Self {
            encoder,
            rate,
            channels,
            config: asc(index as u8, channels),
            pending: VecDeque::with_capacity(4 * AAC_FRAME),
            frames: 0,
            origin: 0,
            times: VecDeque::new(),
        })
    }

    /// The AudioSpecificConfig, the two-byte form that every decoder reads (ISO/IEC 14496-3, 1.6.2.1).
    pub fn config(&self) -> [u8; 2] {
        self.config
    }

    /// Says that the next sample given to [`encode`](Self::encode) was captured at `pts_ms`. Without it
    /// time starts at 0 and follows the samples alone.
    pub fn set_time(&mut self, pts_ms: i64) {
        let waiting = (self.pending.len() / usize::from(self.channels)) as i64;
        let now = pts_ms.saturating_mul(i64::from(self.rate)) / 1000;
        self.origin = now.saturating_sub(waiting + self.frames * AAC_FRAME as i64);
    }

    /// Takes interleaved samples, any number; gives the packets that became complete.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if the encoder fails.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Vec<Packet>> {
        self.pending.extend(samples);
        let channels = usize::from(self.channels);
        let mut packets = Vec::new();
        while self.pending.len() >= AAC_FRAME * channels {
            let layout = ff::ChannelLayout::default(i32::from(self.channels));
            let format = ff::format::Sample::F32(ff::format::sample::Type::Planar);
            let mut frame = ff::frame::Audio::new(format, AAC_FRAME, layout);
            frame.set_rate(self.rate);
            for (i, value) in self.pending.drain(..AAC_FRAME * channels).enumerate() {
                frame.plane_mut::<f32>(i % channels)[i / channels] = finite(value);
            }
            frame.set_pts(Some(self.frames * AAC_FRAME as i64));
            self.times
                .push_back(self.origin.saturating_add(self.frames * AAC_FRAME as i64));
            self.frames += 1;
            self.encoder
                .send_frame(&frame)
                .map_err(av::error(ENCODING))?;
            self.receive(&mut packets)?;
        }
        Ok(packets)
    }

    /// Pads the last frame with silence and gives what is left in the encoder. The encoder is used up.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if the encoder fails.
    pub fn finish(mut self) -> Result<Vec<Packet>> {
        let unit = AAC_FRAME * usize::from(self.channels);
        let missing = (unit - self.pending.len() % unit) % unit;
        let mut packets = self.encode(&vec![0.0; missing])?;
        self.encoder.send_eof().map_err(av::error(ENCODING))?;
        self.receive(&mut packets)?;
        Ok(packets)
    }

    fn receive(&mut self, packets: &mut Vec<Packet>) -> Result<()> {
        let mut packet = ff::Packet::empty();
        loop {
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(e) if av::is_again(e) || e == ff::Error::Eof => return Ok(()),
                Err(e) => return Err(av::error(ENCODING)(e)),
            }
            // FFmpeg numbers the priming frame −1024: the packet of frame k carries the sound of frame k − 1.
            let first = packet.pts().unwrap_or(0);
            let time = if first < 0 {
                self.origin.saturating_add(first)
            } else {
                self.times.pop_front().unwrap_or(first)
            };
            let pts = time.saturating_mul(1000).div_euclid(i64::from(self.rate));
            let data = packet.data().unwrap_or_default().to_vec();
            packets.push(Packet {
                data,
                pts,
                dts: pts,
                key: true,
            });
        }
    }
}

impl Drop for AacEncoder {
    fn drop(&mut self) {
        // FFmpeg warns of frames left inside; nobody wants them any more.
        let mut packet = ff::Packet::empty();
        if self.encoder.send_eof().is_ok() {
            while self.encoder.receive_packet(&mut packet).is_ok() {}
        }
    }
}

/// Sampling frequencies by index (ISO/IEC 14496-3, table 1.18).
const RATES: [u32; 12] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
];

/// Object type 2 (AAC-LC): 5 bits, rate index: 4 bits, channels: 4 bits, three zero bits.
fn asc(rate_index: u8, channels: u8) -> [u8; 2] {
    [2 << 3 | rate_index >> 1, rate_index << 7 | channels << 3]
}

/// The encoder must not see what no speaker can play.
pub(super) fn finite(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Any stream's sound as AAC, for files: players know G.711 in MP4 badly.
pub struct Transcoder {
    decoder: Decoder,
    encoder: AacEncoder,
}

impl Transcoder {
    /// From `codec` (as in [`Decoder::open`]) to AAC at the same rate, or the next AAC rate's error.
    ///
    /// # Errors
    /// As [`Decoder::open`] and [`AacEncoder::open`].
    pub fn open(
        codec: AudioCodec,
        rate: u32,
        channels: u8,
        asc: &[u8],
        bit_rate: u32,
    ) -> Result<Self> {
        Ok(Self {
            decoder: Decoder::open(codec, rate, channels, asc)?,
            encoder: AacEncoder::open(rate, channels, bit_rate)?,
        })
    }

    /// The AudioSpecificConfig of what comes out.
    pub fn config(&self) -> [u8; 2] {
        self.encoder.config()
    }

    /// Takes one coded frame heard at `pts_ms`, gives the AAC packets that became complete.
    ///
    /// # Errors
    /// As [`Decoder::decode`] and [`AacEncoder::encode`].
    pub fn transcode(&mut self, data: &[u8], pts_ms: i64) -> Result<Vec<Packet>> {
        let Samples {
            rate,
            channels,
            data,
        } = self.decoder.decode(data)?;
        if !data.is_empty() && (rate, channels) != (self.encoder.rate, self.encoder.channels) {
            let got = format!("{rate} Hz, {channels} channels");
            return Err(Error::input(
                "transcoding to AAC",
                got,
                "the rate and channels of the stream's header",
            ));
        }
        self.encoder.set_time(pts_ms);
        self.encoder.encode(&data)
    }
}
