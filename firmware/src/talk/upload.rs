//! A viewer's FLV: read, decoded, and handed to the jitter buffer. What a stranger can send here is bounded.

use std::time::{Duration, Instant};

use flv::{AudioCodec, Item, Limits, Reader};
use media::audio::TagDecoder;
use media::playout::Feeder;
use wire::talk::{VoiceCodec, VoiceEvent, VoiceFormat, VoiceFormats};

/// Largest tag: 0.3 s of 16-bit stereo at 48 kHz.
const MAX_TAG: usize = 64 << 10;
/// Bytes that may come without any sound in them.
const MAX_SILENT_BYTES: usize = 256 << 10;
/// Bytes that are looked at together.
const PIECE: usize = 16 << 10;
/// Faults of the container or of a codec that a talk may have.
const MAX_FAULTS: u32 = 50;
/// Sound that may be ahead of the time that has passed: a viewer that was stopped, or a network that was.
const MAX_AHEAD: Duration = Duration::from_secs(10);

/// Why a voice is not played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// The camera does not play this.
    #[error("{got} is not among {plays}")]
    Codec {
        /// What came.
        got: String,
        /// What it plays.
        plays: String,
    },
    /// No FLV, or too broken.
    #[error("{0}")]
    Malformed(String),
    /// Far more sound than time.
    #[error("{0} s more sound than time has passed")]
    TooFast(u64),
}

impl Refused {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Codec { .. } => VoiceEvent::CODEC_REFUSED,
            Self::Malformed(_) => VoiceEvent::MALFORMED,
            Self::TooFast(_) => VoiceEvent::TOO_FAST,
        }
    }
}

/// See the module's text.
pub(super) struct Upload {
    formats: VoiceFormats,
    reader: Reader,
    sound: Sound,
    faults: u32,
    /// Since the last sound.
    bytes: usize,
}

/// Everything behind the container.
struct Sound {
    feeder: Feeder,
    decoder: TagDecoder,
    began: Option<Instant>,
    pushed: Duration,
}

impl Upload {
    pub(super) fn new(formats: VoiceFormats, feeder: Feeder) -> Self {
        Self {
            formats,
            reader: Reader::new(Limits {
                max_tag_size: MAX_TAG,
            }),
            sound: Sound {
                feeder,
                decoder: TagDecoder::default(),
                began: None,
                pushed: Duration::ZERO,
            },
            faults: 0,
            bytes: 0,
        }
    }

    /// Takes what arrived at `now`.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant) -> Result<(), Refused> {
        bytes
            .chunks(PIECE)
            .try_for_each(|piece| self.piece(piece, now))
    }

    fn piece(&mut self, bytes: &[u8], now: Instant) -> Result<(), Refused> {
        self.bytes += bytes.len();
        if self.bytes > MAX_SILENT_BYTES {
            return Err(Refused::Malformed("no sound in it".into()));
        }
        self.reader.push(bytes);
        loop {
            let fault = match self.reader.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Item::Audio(tag))) => {
                    check(&self.formats, tag.codec, tag.sample_rate, tag.channels)?;
                    match self.sound.take(&tag, now)? {
                        None => {
                            self.bytes = 0;
                            continue;
                        }
                        Some(fault) => fault,
                    }
                }
                Ok(Some(_)) => continue,
                Err(error) => error.to_string(),
            };
            self.faults += 1;
            if self.faults > MAX_FAULTS {
                return Err(Refused::Malformed(fault));
            }
        }
    }

    /// The viewer has sent everything.
    pub(super) fn finish(&self) -> Result<(), Refused> {
        match self.sound.began {
            Some(_) => Ok(()),
            None => Err(Refused::Malformed("no sound in it".into())),
        }
    }
}

impl Sound {
    /// Decodes a tag; answers the fault of one that cannot be.
    fn take(&mut self, tag: &flv::AudioTag<'_>, now: Instant) -> Result<Option<String>, Refused> {
        let decoder = match self.decoder.of(tag) {
            Ok(Some(decoder)) => decoder,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let samples = match decoder.decode(tag.data) {
            Ok(samples) if samples.data.is_empty() => return Ok(None),
            Ok(samples) => samples.to_mono(),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let began = *self.began.get_or_insert(now);
        self.pushed += Duration::from_micros(samples.duration_us().unsigned_abs());
        let ahead = self
            .pushed
            .saturating_sub(now.saturating_duration_since(began));
        if ahead > MAX_AHEAD {
            return Err(Refused::TooFast(ahead.as_secs()));
        }
        let pushed = self.feeder.push(&samples, tag.timestamp, now);
        Ok(pushed.err().map(|error| error.to_string()))
    }
}

/// Whether the camera plays it. One channel is what it says; a second one is mixed in.
fn check(
    formats: &VoiceFormats,
    codec: AudioCodec,
    rate: u32,
    channels: u8,
) -> Result<(), Refused> {
    let format = VoiceFormat {
        codec: match codec {
            AudioCodec::Aac => VoiceCodec::Aac,
            AudioCodec::G711A => VoiceCodec::G711A,
            AudioCodec::G711U => VoiceCodec::G711U,
            AudioCodec::Pcm => VoiceCodec::Pcm,
            AudioCodec::Opus => VoiceCodec::Opus,
        },
        sample_rate: rate,
    };
    if channels <= 2 && formats.0.contains(&format) {
        return Ok(());
    }
    Err(Refused::Codec {
        got: format!("{format}, {channels} channels"),
        plays: formats.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::formats;
    use flv::{AudioFormat, Metadata, Writer};

    fn upload() -> Upload {
        Upload::new(formats(), media::playout::buffer(48_000).0)
    }

    /// FLV with PCM at 16 kHz: `count` packets of 20 ms.
    fn pcm(count: usize) -> Vec<u8> {
        let (writer, mut out) = (Writer::default(), Vec::new());
        writer.header(&mut out, true, false);
        let metadata = Metadata::new().with_number("audiosamplerate", 16_000.0);
        writer.metadata(&mut out, 0, &metadata).unwrap();
        let format = AudioFormat {
            codec: AudioCodec::Pcm,
            sample_rate: 16_000,
            channels: 1,
        };
        for i in 0..count {
            writer
                .audio(&mut out, 20 * i as i64, format, &[7; 640])
                .unwrap();
        }
        out
    }

    #[test]
    fn sound_in_pieces_of_any_size_is_taken() {
        let mut upload = upload();
        let now = Instant::now();
        for piece in pcm(20).chunks(97) {
            upload.push(piece, now).unwrap();
        }
        assert_eq!(upload.sound.pushed, Duration::from_millis(400));
        assert_eq!((upload.finish(), upload.faults), (Ok(()), 0));
    }

    #[test]
    fn a_format_that_is_not_played_is_refused_by_name() {
        let only = "g711a/8000".parse().unwrap();
        let mut upload = Upload::new(only, media::playout::buffer(48_000).0);
        let error = upload.push(&pcm(1), Instant::now()).unwrap_err();
        assert_eq!(error.word(), "codec_refused");
        assert_eq!(
            error.to_string(),
            "pcm/16000, 1 channels is not among g711a/8000"
        );
    }

    #[test]
    fn hostile_bytes_end_with_a_typed_refusal_and_a_bounded_buffer() {
        let now = Instant::now();
        let mut noise = 1u32;
        let mut random = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        for _ in 0..50 {
            let mut upload = upload();
            let mut start = pcm(3);
            let at = usize::from(random()) * 7 % start.len();
            start[at] ^= random() | 1;
            let mut result = upload.push(&start, now);
            for _ in 0..200 {
                if result.is_err() {
                    break;
                }
                let bytes: Vec<u8> = (0..8_192).map(|_| random()).collect();
                result = upload.push(&bytes, now);
                assert!(upload.reader.buffered() <= MAX_TAG + 16_384);
            }
            let word = result.map_err(|refused| refused.word());
            assert!(
                matches!(word, Err("malformed" | "codec_refused" | "too_fast")),
                "{word:?}"
            );
        }
        assert_eq!(self::upload().finish().unwrap_err().word(), "malformed");
    }

    #[test]
    fn hours_of_sound_at_once_are_refused() {
        let mut upload = upload();
        let error = upload.push(&pcm(2_000), Instant::now()).unwrap_err();
        assert_eq!(error.word(), "too_fast");
    }
}
