//! From the bytes of an FLV stream to units, bounded and indestructible.

use super::track::{AudioTrack, VideoTrack};
use super::{AudioUnit, Moment, Unit, VideoUnit};
use flv::{
    AudioKind, AudioTag, Error, Item, Limits, Position, Reader, Stream, TimestampPolicy, VideoKind,
    VideoTag,
};
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
    moments: Moments,
}

/// What a recording's script tags say about where it is.
#[derive(Debug, Default)]
struct Moments {
    /// Of the key picture that follows.
    said: Option<Position>,
    /// Of the key picture before: unix ms minus stream time.
    offset: Option<i64>,
}

impl Moments {
    fn of_picture(&mut self, pts: i64, key: bool) -> Option<Moment> {
        let said = if key { self.said.take() } else { None };
        if let Some(Position { time_ms: ms, jump }) = said {
            self.offset = Some(ms.saturating_sub(pts));
            return Some(Moment { ms, jump });
        }
        let ms = self.of_sound(pts)?;
        Some(Moment { ms, jump: false })
    }

    fn of_sound(&self, pts: i64) -> Option<i64> {
        Some(self.offset?.saturating_add(pts))
    }
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
            moments: Moments::default(),
        }
    }

    /// At the start of a stream of recorded pictures, whose times may leap. If it is coded like `before`, the pictures
    /// shown so far, it goes to the same decoder.
    pub fn recorded(before: Option<Arc<VideoTrack>>) -> Self {
        let trust = TimestampPolicy::Trust;
        let reader = Reader::new(Limits::default())
            .with_timestamps(Stream::Video, trust)
            .with_timestamps(Stream::Audio, trust);
        let reorders = before.as_ref().is_some_and(|track| !track.rewritten);
        Self {
            reader,
            video: before,
            reorders,
            ..Self::new()
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
                    take_video(parts, &mut self.moments, &tag, now).err()
                }
                Ok(Some(Item::Audio(tag))) => {
                    let moment_ms = self.moments.of_sound(tag.timestamp);
                    take_audio(&mut self.audio, &mut self.units, &tag, now, moment_ms);
                    None
                }
                Ok(Some(Item::Meta(said))) => {
                    self.moments.said = Position::from_metadata(&said).or(self.moments.said);
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
    moments: &mut Moments,
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
            let pts = tag.timestamp + i64::from(tag.composition_time);
            units.push_back(Unit::Video(VideoUnit {
                track: track.clone(),
                pts,
                dts: tag.timestamp,
                key: tag.key,
                catch_up: false,
                data: tag.data.into(),
                arrived: now,
                moment: moments.of_picture(pts, tag.key),
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
    moment_ms: Option<i64>,
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
                moment_ms,
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
    fn a_recording_says_when_each_picture_was_taken() {
        let said = |time_ms, jump| Position { time_ms, jump }.to_metadata();
        let writer = Writer::default();
        let mut out = stream(&[]);
        for (time, jump, pts) in [(5_000_000, true, 0), (9_000_000, true, 80)] {
            writer.metadata(&mut out, pts, &said(time, jump)).unwrap();
            for (n, key) in [true, false].into_iter().enumerate() {
                let at = pts + 40 * n as i64;
                writer
                    .video(&mut out, at, 0, key, VideoCodec::H264, UNIT)
                    .unwrap();
            }
        }
        // Without a word the time goes on.
        writer
            .video(&mut out, 160, 0, true, VideoCodec::H264, UNIT)
            .unwrap();
        let mut demux = Demux::new();
        demux.push(&out, Instant::now()).unwrap();
        let moments: Vec<_> = drain(&mut demux)
            .iter()
            .map(|unit| unit.moment.map(|moment| (moment.ms, moment.jump)).unwrap())
            .collect();
        assert_eq!(
            moments,
            [
                (5_000_000, true),
                (5_000_040, false),
                (9_000_000, true),
                (9_000_040, false),
                (9_000_080, false)
            ]
        );
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
