//! From the bytes of an FLV stream to units, bounded and indestructible.

use super::track::{AudioTrack, VideoTrack};
use super::{AudioUnit, Unit, VideoUnit};
use flv::{AudioKind, AudioTag, Error, Item, Limits, Reader, Stream, VideoKind, VideoTag};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Bytes without one good unit among them after which a stream is given up: more than the largest key picture
/// a camera sends.
const MAX_GARBAGE: u64 = 8 << 20;
/// Reports of trouble without one good unit between them after which a stream is given up.
const MAX_TROUBLES: u32 = 64;

/// Why a stream is given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// This is no FLV, or not any more.
    #[error("not readable as FLV: {0}")]
    Malformed(String),
    /// Its pictures are coded in a way we do not know.
    #[error("unsupported video codec: {0}")]
    Codec(String),
}

/// Reads one stream.
pub struct Demux {
    reader: Reader,
    video: Option<Arc<VideoTrack>>,
    audio: Option<Arc<AudioTrack>>,
    /// The stream has shown B-frames: from there on its track is one with the reordering left in.
    reorders: bool,
    units: VecDeque<Unit>,
    waiting_videos: usize,
    since_good: u64,
    troubles: u32,
}

impl Default for Demux {
    fn default() -> Self {
        Self::new()
    }
}

impl Demux {
    /// At the start of a stream.
    pub fn new() -> Self {
        Self {
            reader: Reader::new(Limits::default()),
            video: None,
            audio: None,
            reorders: false,
            units: VecDeque::new(),
            waiting_videos: 0,
            since_good: 0,
            troubles: 0,
        }
    }

    /// The next unit that was pushed whole.
    pub fn pop(&mut self) -> Option<Unit> {
        let unit = self.units.pop_front();
        if let Some(Unit::Video(_)) = unit {
            self.waiting_videos -= 1;
        }
        unit
    }

    /// Whether another picture is waiting.
    pub fn has_video(&self) -> bool {
        self.waiting_videos > 0
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// The stream is to be given up.
    pub fn push(&mut self, bytes: &[u8], now: Instant) -> Result<(), Trouble> {
        self.since_good += bytes.len() as u64;
        self.reader.push(bytes);
        loop {
            let before = self.units.len();
            let trouble = match self.reader.next() {
                Ok(None) => break,
                Ok(Some(Item::Video(tag))) => {
                    let parts = (&mut self.video, &mut self.reorders, &mut self.units);
                    take_video(parts, &tag, now).err()
                }
                Ok(Some(Item::Audio(tag))) => {
                    take_audio(&mut self.audio, &mut self.units, &tag, now);
                    None
                }
                Ok(Some(_)) => None,
                Err(Error::Unsupported {
                    stream: Stream::Video,
                    what,
                }) => return Err(Trouble::Codec(what.to_string())),
                // A jump was repaired, silence is better than no picture: neither counts as trouble.
                Err(Error::TimestampJump { .. } | Error::Unsupported { .. }) => None,
                Err(error) => Some(error.to_string()),
            };
            if let Some(trouble) = trouble {
                tracing::debug!(trouble, "in the stream");
                self.troubles += 1;
                if self.troubles > MAX_TROUBLES {
                    return Err(Trouble::Malformed(trouble));
                }
            }
            if self.units.len() > before {
                self.troubles = 0;
                self.since_good = 0;
                if let Some(Unit::Video(_)) = self.units.back() {
                    self.waiting_videos += 1;
                }
            }
        }
        if self.since_good > MAX_GARBAGE {
            return Err(Trouble::Malformed(format!(
                "{} bytes without picture or sound",
                self.since_good
            )));
        }
        Ok(())
    }
}

type VideoParts<'a> = (
    &'a mut Option<Arc<VideoTrack>>,
    &'a mut bool,
    &'a mut VecDeque<Unit>,
);

fn take_video(
    (video, reorders, units): VideoParts<'_>,
    tag: &VideoTag<'_>,
    now: Instant,
) -> Result<(), String> {
    match tag.kind {
        VideoKind::SequenceHeader => {
            let same = video
                .as_ref()
                .is_some_and(|track| track.codec == tag.codec && *track.record == *tag.data);
            if !same {
                *reorders = false;
                *video = Some(Arc::new(VideoTrack::new(tag.codec, tag.data, true)?));
            }
        }
        VideoKind::AccessUnit => {
            let Some(track) = video else {
                return Err("a picture before its configuration".into());
            };
            if tag.data.is_empty() {
                return Err("an empty picture".into());
            }
            if !*reorders && track.rewritten && track.shows_reordering(tag) {
                *reorders = true;
            }
            if *reorders && track.rewritten {
                *track = Arc::new(VideoTrack::new(track.codec, &track.record, false)?);
            }
            units.push_back(Unit::Video(VideoUnit {
                track: track.clone(),
                pts: tag.timestamp + i64::from(tag.composition_time),
                dts: tag.timestamp,
                key: tag.key,
                catch_up: false,
                data: tag.data.into(),
                arrived: now,
            }));
        }
        VideoKind::EndOfSequence => {}
    }
    Ok(())
}

fn take_audio(
    audio: &mut Option<Arc<AudioTrack>>,
    units: &mut VecDeque<Unit>,
    tag: &AudioTag<'_>,
    now: Instant,
) {
    let config: &[u8] = match tag.kind {
        AudioKind::SequenceHeader => tag.data,
        AudioKind::Frame => audio
            .as_ref()
            .filter(|track| track.codec == tag.codec)
            .map_or(&[], |track| &track.config),
    };
    let same = audio.as_ref().is_some_and(|track| track.is(tag, config));
    if !same {
        *audio = Some(Arc::new(AudioTrack::new(tag, config)));
    }
    if let (AudioKind::Frame, Some(track)) = (tag.kind, audio) {
        // AAC without its configuration cannot be decoded: wait for it.
        if track.is_complete() && !tag.data.is_empty() {
            units.push_back(Unit::Audio(AudioUnit {
                track: track.clone(),
                pts: tag.timestamp,
                data: tag.data.into(),
                arrived: now,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flv::{AudioCodec, AudioFormat, VideoCodec, Writer};

    // 1280x720 Baseline without VUI, as an encoder for cameras writes it.
    const AVCC: &[u8] = &[
        1, 0x42, 0xC0, 0x1F, 0xFF, 0xE1, 0, 9, 0x67, 0x42, 0xC0, 0x1F, 0xDA, 0x01, 0x40, 0x16,
        0xE4, 1, 0, 4, 0x68, 0xCE, 0x3C, 0x80,
    ];
    const UNIT: &[u8] = &[0, 0, 0, 3, 0x65, 0x88, 0x84];

    fn stream(pictures: &[(i64, i32, bool)]) -> Vec<u8> {
        let writer = Writer::default();
        let mut out = Vec::new();
        writer.header(&mut out, true, true);
        writer
            .video_config(&mut out, 0, VideoCodec::H264, AVCC)
            .unwrap();
        for (at, composition, key) in pictures {
            writer
                .video(&mut out, *at, *composition, *key, VideoCodec::H264, UNIT)
                .unwrap();
        }
        out
    }

    fn drain(demux: &mut Demux) -> Vec<VideoUnit> {
        std::iter::from_fn(|| demux.pop())
            .filter_map(|unit| match unit {
                Unit::Video(video) => Some(video),
                Unit::Audio(_) => None,
            })
            .collect()
    }

    #[test]
    fn a_repeated_configuration_keeps_the_decoder() {
        let mut demux = Demux::new();
        let bytes = stream(&[(0, 0, true), (33, 0, false)]);
        demux.push(&bytes, Instant::now()).unwrap();
        demux.push(&bytes[13..], Instant::now()).unwrap();
        let units = drain(&mut demux);
        assert_eq!(units.len(), 4);
        assert!(
            units
                .iter()
                .all(|unit| Arc::ptr_eq(&unit.track, &units[0].track))
        );
        assert!(!demux.has_video());
    }

    #[test]
    fn a_stream_that_reorders_gets_its_own_parameter_sets_back() {
        let mut demux = Demux::new();
        demux
            .push(
                &stream(&[(0, 0, true), (33, 66, false), (66, 0, false)]),
                Instant::now(),
            )
            .unwrap();
        let units = drain(&mut demux);
        if units[0].track.rewritten {
            assert!(!units[1].track.rewritten, "told at once");
        }
        assert!(Arc::ptr_eq(&units[1].track, &units[2].track));
        assert_eq!((units[1].dts, units[1].pts), (33, 99));
    }

    #[test]
    fn sound_without_its_configuration_is_left_out() {
        let mut demux = Demux::new();
        let format = |codec| AudioFormat {
            codec,
            sample_rate: 8000,
            channels: 1,
        };
        let writer = Writer::default();
        let mut bytes = stream(&[]);
        writer
            .audio(&mut bytes, 0, format(AudioCodec::Aac), &[1, 2, 3])
            .unwrap();
        writer
            .audio(&mut bytes, 0, format(AudioCodec::G711A), &[1, 2, 3])
            .unwrap();
        demux.push(&bytes, Instant::now()).unwrap();
        let Some(Unit::Audio(audio)) = demux.pop() else {
            panic!()
        };
        assert_eq!(
            (audio.track.codec_name(), audio.track.rate),
            ("pcm_alaw", 8000)
        );
        assert!(demux.pop().is_none());
    }

    #[test]
    fn damage_anywhere_neither_stops_nor_grows_it() {
        let pictures: Vec<_> = (0..50).map(|n| (n * 33, 0, n % 10 == 0)).collect();
        let good = stream(&pictures);
        for seed in 0..400_u64 {
            let mut bytes = good.clone();
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            for _ in 0..=seed % 20 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let at = random as usize % bytes.len();
                bytes[at] = (random >> 32) as u8;
            }
            let mut demux = Demux::new();
            for piece in bytes.chunks(1 + seed as usize % 500) {
                if demux.push(piece, Instant::now()).is_err() {
                    break;
                }
            }
            assert!(drain(&mut demux).len() <= pictures.len() + 1);
        }
    }

    #[test]
    fn what_is_not_flv_is_given_up() {
        let mut demux = Demux::new();
        let page = b"<html>sign in</html>".repeat(1000);
        let given_up = (0..1000).find_map(|_| demux.push(&page, Instant::now()).err());
        assert!(matches!(given_up, Some(Trouble::Malformed(_))));
    }
}
