//! Decoding: G.711 and PCM in Rust, AAC and Opus by FFmpeg.

use flv::{AudioCodec, AudioKind, AudioTag};

use crate::audio::{MAX_CHANNELS, MAX_RATE, Samples, g711};
use crate::error::{Error, Result};

const OPENING: &str = "opening the audio decoder";

/// Decodes the audio frames of one stream.
pub struct Decoder {
    kind: Kind,
    rate: u32,
    channels: u8,
}

enum Kind {
    ALaw,
    MuLaw,
    /// Signed 16 bits, low byte first.
    Pcm,
    #[cfg(feature = "ffmpeg")]
    Ffmpeg(ffmpeg::Codec),
}

impl Decoder {
    /// For `codec` with what the stream says of itself: `rate` in hertz, `channels`, and for AAC the
    /// AudioSpecificConfig (`asc`, 2 or more bytes; empty for all others).
    ///
    /// # Errors
    /// [`Error::Input`] for a rate or channel count out of range, [`Error::Unsupported`] for AAC and Opus
    /// without the feature `ffmpeg`, [`Error::Ffmpeg`] if the configuration is refused.
    pub fn open(codec: AudioCodec, rate: u32, channels: u8, asc: &[u8]) -> Result<Self> {
        if !(1..=MAX_RATE).contains(&rate) || !(1..=MAX_CHANNELS).contains(&channels) {
            let got = format!("{rate} Hz, {channels} channels");
            return Err(Error::input(
                OPENING,
                got,
                "1 to 192000 Hz, 1 to 8 channels",
            ));
        }
        let kind = match codec {
            AudioCodec::G711A => Kind::ALaw,
            AudioCodec::G711U => Kind::MuLaw,
            AudioCodec::Pcm => Kind::Pcm,
            #[cfg(feature = "ffmpeg")]
            AudioCodec::Aac | AudioCodec::Opus => {
                Kind::Ffmpeg(ffmpeg::Codec::open(codec, rate, channels, asc)?)
            }
            #[allow(unreachable_patterns)]
            other => {
                let _ = asc;
                return Err(Error::Unsupported {
                    doing: OPENING,
                    what: format!("{other:?}"),
                });
            }
        };
        Ok(Self {
            kind,
            rate,
            channels,
        })
    }

    /// Decodes one frame. Rate and channels of the answer are those the codec found, which for AAC can
    /// differ from what the stream's header said. AAC gives 1024 samples a channel for each frame (2048
    /// with SBR); an odd trailing byte of PCM is ignored.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] on bytes that are no frame; the next call continues.
    pub fn decode(&mut self, data: &[u8]) -> Result<Samples> {
        let unit = |sample: i16| f32::from(sample) / 32_768.0;
        let data = match &mut self.kind {
            Kind::ALaw => data
                .iter()
                .map(|&b| unit(g711::alaw_to_linear(b)))
                .collect(),
            Kind::MuLaw => data
                .iter()
                .map(|&b| unit(g711::ulaw_to_linear(b)))
                .collect(),
            Kind::Pcm => data
                .chunks_exact(2)
                .map(|b| unit(i16::from_le_bytes([b[0], b[1]])))
                .collect(),
            #[cfg(feature = "ffmpeg")]
            Kind::Ffmpeg(codec) => return codec.decode(data),
        };
        Ok(Samples {
            rate: self.rate,
            channels: self.channels,
            data,
        })
    }
}

/// Decoders for the audio tags of an FLV: another one as soon as the coding changes on the way.
#[derive(Default)]
pub struct TagDecoder {
    config: Vec<u8>,
    open: Option<((AudioCodec, u32, u8), Decoder)>,
}

impl TagDecoder {
    /// The decoder of a tag's frame; `None` for a tag that only configures.
    ///
    /// # Errors
    /// Those of [`Decoder::open`].
    pub fn of(&mut self, tag: &AudioTag<'_>) -> Result<Option<&mut Decoder>> {
        if tag.kind == AudioKind::SequenceHeader {
            if self.config != tag.data {
                self.config = tag.data.to_vec();
                self.open = None;
            }
            return Ok(None);
        }
        let coding = (tag.codec, tag.sample_rate, tag.channels);
        let open = match self.open.take() {
            Some(open) if open.0 == coding => open,
            _ => {
                let decoder =
                    Decoder::open(tag.codec, tag.sample_rate, tag.channels, &self.config)?;
                (coding, decoder)
            }
        };
        Ok(Some(&mut self.open.insert(open).1))
    }
}

#[cfg(feature = "ffmpeg")]
mod ffmpeg {
    use ffmpeg_next as ff;
    use flv::AudioCodec;

    use super::OPENING;
    use crate::audio::Samples;
    use crate::av;
    use crate::error::{Error, Result};

    const DECODING: &str = "decoding audio";
    /// Longest coded frame that is accepted, bytes. AAC allows 768 bytes a channel, Opus 1275 a frame.
    const MAX_FRAME: usize = 64 << 10;

    pub(super) struct Codec {
        decoder: ff::decoder::Audio,
        frame: ff::frame::Audio,
    }

    impl Codec {
        pub(super) fn open(codec: AudioCodec, rate: u32, channels: u8, asc: &[u8]) -> Result<Self> {
            av::init();
            let id = if codec == AudioCodec::Opus {
                ff::codec::Id::OPUS
            } else {
                ff::codec::Id::AAC
            };
            let codec = ff::decoder::find(id).ok_or_else(|| Error::Unsupported {
                doing: OPENING,
                what: format!("{id:?}"),
            })?;
            let mut context = ff::codec::Context::new_with_codec(codec);
            av::set_extradata(&mut context, asc, OPENING)?;
            av::set_audio(&mut context, rate, channels);
            let decoder = context.decoder().audio().map_err(av::error(OPENING))?;
            Ok(Self {
                decoder,
                frame: ff::frame::Audio::empty(),
            })
        }

        pub(super) fn decode(&mut self, data: &[u8]) -> Result<Samples> {
            if data.is_empty() || data.len() > MAX_FRAME {
                return Err(Error::input(
                    DECODING,
                    format!("{} bytes", data.len()),
                    "1 to 65536 bytes",
                ));
            }
            self.decoder
                .send_packet(&ff::Packet::copy(data))
                .map_err(av::error(DECODING))?;
            let mut samples = Samples::default();
            loop {
                match self.decoder.receive_frame(&mut self.frame) {
                    Ok(()) => av::append_samples(&self.frame, &mut samples, DECODING)?,
                    Err(e) if av::is_again(e) || e == ff::Error::Eof => return Ok(samples),
                    Err(e) => return Err(av::error(DECODING)(e)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g711_and_pcm_decode_without_ffmpeg() {
        let mut decoder = Decoder::open(AudioCodec::G711A, 8000, 1, &[]).expect("opens");
        let samples = decoder.decode(&[0xaa, 0x2a]).expect("decodes");
        assert_eq!(
            (samples.rate, samples.channels, samples.data),
            (8000, 1, vec![0.984_375, -0.984_375])
        );
        let mut decoder = Decoder::open(AudioCodec::Pcm, 16_000, 2, &[]).expect("opens");
        let samples = decoder.decode(&[0, 0x40, 0, 0xc0, 9]).expect("decodes");
        assert_eq!((samples.frames(), samples.data), (1, vec![0.5, -0.5]));
    }

    #[test]
    fn absurd_settings_are_refused() {
        assert!(Decoder::open(AudioCodec::G711U, 0, 1, &[]).is_err());
        assert!(Decoder::open(AudioCodec::G711U, 8000, 200, &[]).is_err());
        assert!(Decoder::open(AudioCodec::Aac, u32::MAX, 1, &[]).is_err());
    }
}
