//! A voice in any of the codecs that cameras play.

use flv::AudioCodec;

use crate::Packet;
use crate::audio::g711;
use crate::error::{Error, Result};

const OPENING: &str = "opening the voice encoder";
/// Packets a second of codecs that have no frames of their own.
const PACKETS: u32 = 50;

/// Encodes one channel. What is heard in a packet was captured at the packet's time.
pub struct VoiceEncoder {
    kind: Kind,
    rate: u32,
}

enum Kind {
    Plain(Plain),
    #[cfg(feature = "ffmpeg")]
    Aac(super::AacEncoder),
    #[cfg(feature = "ffmpeg")]
    Opus(super::OpusEncoder),
}

impl VoiceEncoder {
    /// For `codec` at `rate` hertz (Opus: 48000). `bit_rate` in bits a second, for AAC and Opus.
    ///
    /// # Errors
    /// [`Error::Input`] for a rate that the codec does not have, [`Error::Unsupported`] for AAC and Opus without the
    /// feature `ffmpeg`, [`Error::Ffmpeg`] if the encoder does not open.
    pub fn open(codec: AudioCodec, rate: u32, bit_rate: u32) -> Result<Self> {
        if !(8_000..=96_000).contains(&rate) || codec == AudioCodec::Opus && rate != 48_000 {
            let got = format!("{codec:?} at {rate} Hz");
            return Err(Error::input(
                OPENING,
                got,
                "8000 to 96000 Hz, Opus at 48000 Hz",
            ));
        }
        let kind = match codec {
            AudioCodec::Pcm | AudioCodec::G711A | AudioCodec::G711U => {
                Kind::Plain(Plain::new(codec, rate))
            }
            #[cfg(feature = "ffmpeg")]
            AudioCodec::Aac => Kind::Aac(super::AacEncoder::open(rate, 1, bit_rate)?),
            #[cfg(feature = "ffmpeg")]
            AudioCodec::Opus => Kind::Opus(super::OpusEncoder::open(bit_rate)?),
            #[cfg(not(feature = "ffmpeg"))]
            AudioCodec::Aac | AudioCodec::Opus => {
                let _ = bit_rate;
                return Err(Error::Unsupported {
                    doing: OPENING,
                    what: format!("{codec:?}"),
                });
            }
        };
        Ok(Self { kind, rate })
    }

    /// Samples a second that [`encode`](Self::encode) takes.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// AudioSpecificConfig, OpusHead, or nothing.
    pub fn config(&self) -> Vec<u8> {
        match &self.kind {
            Kind::Plain(_) => Vec::new(),
            #[cfg(feature = "ffmpeg")]
            Kind::Aac(encoder) => encoder.config().to_vec(),
            #[cfg(feature = "ffmpeg")]
            Kind::Opus(encoder) => encoder.config(),
        }
    }

    /// Says that the next sample given was captured at `pts_ms`. Without it time starts at 0 and follows the samples.
    pub fn set_time(&mut self, pts_ms: i64) {
        match &mut self.kind {
            Kind::Plain(encoder) => encoder.set_time(pts_ms),
            #[cfg(feature = "ffmpeg")]
            Kind::Aac(encoder) => encoder.set_time(pts_ms),
            #[cfg(feature = "ffmpeg")]
            Kind::Opus(encoder) => encoder.set_time(pts_ms),
        }
    }

    /// Takes samples, any number; gives the packets that became complete.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if the encoder fails.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Vec<Packet>> {
        match &mut self.kind {
            Kind::Plain(encoder) => Ok(encoder.encode(samples)),
            #[cfg(feature = "ffmpeg")]
            Kind::Aac(encoder) => encoder.encode(samples),
            #[cfg(feature = "ffmpeg")]
            Kind::Opus(encoder) => encoder.encode(samples),
        }
    }
}

/// Sample by sample, 20 ms a packet.
struct Plain {
    codec: AudioCodec,
    rate: u32,
    pending: Vec<f32>,
    /// Media time of the first pending sample, in samples.
    time: i64,
}

impl Plain {
    fn new(codec: AudioCodec, rate: u32) -> Self {
        Self {
            codec,
            rate,
            pending: Vec::new(),
            time: 0,
        }
    }

    fn set_time(&mut self, pts_ms: i64) {
        let now = pts_ms.saturating_mul(i64::from(self.rate)) / 1000;
        self.time = now.saturating_sub(self.pending.len() as i64);
    }

    fn encode(&mut self, samples: &[f32]) -> Vec<Packet> {
        self.pending.extend_from_slice(samples);
        let size = (self.rate / PACKETS) as usize;
        let whole = self.pending.len() / size * size;
        let pending = self.pending.split_off(whole);
        let ready = std::mem::replace(&mut self.pending, pending);
        let mut packets = Vec::new();
        for frame in ready.chunks_exact(size) {
            let pts = self
                .time
                .saturating_mul(1000)
                .div_euclid(i64::from(self.rate));
            self.time = self.time.saturating_add(size as i64);
            packets.push(Packet {
                data: self.bytes(frame),
                pts,
                dts: pts,
                key: true,
            });
        }
        packets
    }

    fn bytes(&self, frame: &[f32]) -> Vec<u8> {
        // `as` makes silence of what is no number.
        let linear = frame.iter().map(|s| (s.clamp(-1.0, 1.0) * 32_767.0) as i16);
        match self.codec {
            AudioCodec::G711A => linear.map(g711::linear_to_alaw).collect(),
            AudioCodec::G711U => linear.map(g711::linear_to_ulaw).collect(),
            _ => linear.flat_map(i16::to_le_bytes).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Decoder;

    fn tone(rate: u32) -> Vec<f32> {
        (0..rate)
            .map(|i| (i as f32 / rate as f32 * 2_764.6).sin() * 0.4)
            .collect()
    }

    /// Encodes a second, decodes it, and says how loud it is in the middle and which time its first packet has.
    fn there_and_back(codec: AudioCodec, rate: u32) -> (f32, i64, usize) {
        let mut encoder = VoiceEncoder::open(codec, rate, 32_000).expect("opens");
        encoder.set_time(7_000);
        let mut packets = Vec::new();
        for piece in tone(rate).chunks(333) {
            packets.extend(encoder.encode(piece).expect("encodes"));
        }
        let mut decoder = Decoder::open(codec, rate, 1, &encoder.config()).expect("opens");
        let mut heard = Vec::new();
        for packet in &packets {
            heard.extend(
                decoder
                    .decode(&packet.data)
                    .expect("decodes")
                    .to_mono()
                    .data,
            );
        }
        let middle = &heard[heard.len() / 4..heard.len() * 3 / 4];
        let level = (middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32).sqrt();
        (level, packets[0].pts, packets.len())
    }

    #[test]
    fn plain_codecs_keep_level_and_time() {
        for (codec, rate) in [
            (AudioCodec::Pcm, 16_000),
            (AudioCodec::Pcm, 8_000),
            (AudioCodec::G711A, 8_000),
            (AudioCodec::G711U, 16_000),
        ] {
            let (level, first, count) = there_and_back(codec, rate);
            assert!((level - 0.283).abs() < 0.01, "{codec:?}: {level}");
            assert_eq!((first, count), (7_000, 50), "{codec:?}");
        }
    }

    #[cfg(feature = "ffmpeg")]
    #[test]
    fn coded_voices_keep_level_and_time() {
        for (codec, rate) in [
            (AudioCodec::Aac, 16_000),
            (AudioCodec::Aac, 8_000),
            (AudioCodec::Aac, 44_100),
            (AudioCodec::Opus, 48_000),
        ] {
            let (level, first, _) = there_and_back(codec, rate);
            assert!((level - 0.283).abs() < 0.02, "{codec:?} {rate}: {level}");
            assert!(
                (6_870..=7_000).contains(&first),
                "{codec:?} {rate}: {first}"
            );
        }
    }

    #[test]
    fn absurd_rates_are_refused() {
        assert!(VoiceEncoder::open(AudioCodec::Pcm, 0, 0).is_err());
        assert!(VoiceEncoder::open(AudioCodec::Opus, 16_000, 24_000).is_err());
    }
}
