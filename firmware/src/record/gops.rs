//! From the tags of a live lane to GOPs that a card can take, with wall times.
//!
//! ```text
//!  pictures   K d d d d d K d d d d
//!  sound       a a a a a a a a a a      is some 40 ms late: a GOP is over when the sound of the next one comes
//!             └── GOP ───┘└── GOP …
//! ```

use std::sync::Arc;

use flv::{
    AudioCodec, AudioFormat, AudioKind, AudioTag, Item, Limits, Reader, Stream, TimestampPolicy,
    VideoKind, VideoTag,
};
use media::Packet;
use media::fmp4::{AudioTrack, Fragment, VideoTrack};

/// Pictures further apart than this do not follow each other, milliseconds.
const GAP_MS: i64 = 1_500;
/// How long a GOP waits for its last sound, milliseconds of pictures.
const SOUND_LATE_MS: i64 = 500;
/// How long a picture is shown when nothing says so, milliseconds.
const PICTURE_MS: i64 = 33;
/// A GOP beyond these is cut off, and what follows left out up to the next keyframe.
const MOST_BYTES: usize = 16 << 20;
const MOST_PACKETS: usize = 8 << 10;
const MOST_MS: i64 = 30_000;

/// The streams of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tracks {
    pub(super) video: VideoTrack,
    pub(super) audio: Option<AudioTrack>,
}

/// One GOP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gop {
    pub(super) tracks: Arc<Tracks>,
    pub(super) fragment: Fragment,
    /// It goes on where the one before ended.
    pub(super) joins: bool,
    /// Bytes of its packets.
    pub(super) bytes: usize,
}

/// When a tag was taken: what turns its time into wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// Wall time minus media time, milliseconds.
    pub(super) epoch_ms: i64,
    /// Media time at that moment, milliseconds. Tags carry its low 32 bits.
    pub(super) media_ms: i64,
}

impl Taken {
    fn media(&self, raw: u32) -> i64 {
        let ahead = raw.wrapping_sub(self.media_ms as u32) as i32;
        self.media_ms + i64::from(ahead)
    }
}

#[derive(Debug)]
struct Building {
    tracks: Arc<Tracks>,
    epoch_ms: i64,
    video: Vec<Packet>,
    audio: Vec<Packet>,
    bytes: usize,
    joins: bool,
    start_ms: i64,
    last_ms: i64,
    picture_ms: i64,
}

impl Building {
    fn add(&mut self, packet: Packet) {
        if packet.dts > self.last_ms {
            self.picture_ms = packet.dts - self.last_ms;
        }
        self.last_ms = packet.dts;
        self.bytes += packet.data.len();
        self.video.push(packet);
    }

    fn is_too_much(&self) -> bool {
        self.bytes > MOST_BYTES
            || self.video.len() + self.audio.len() > MOST_PACKETS
            || self.last_ms - self.start_ms > MOST_MS
    }

    fn finish(self, end_ms: Option<i64>) -> Gop {
        let end_ms = end_ms.unwrap_or(self.last_ms + self.picture_ms);
        Gop {
            tracks: self.tracks,
            joins: self.joins,
            bytes: self.bytes,
            fragment: Fragment {
                start_ms: self.start_ms,
                end_ms,
                video: self.video,
                audio: self.audio,
            },
        }
    }
}

/// See the module's text.
pub(super) struct Assembler {
    reader: Reader,
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    tracks: Option<Arc<Tracks>>,
    /// All its pictures are there; with where it ends.
    closing: Option<(Building, i64)>,
    current: Option<Building>,
    ready: Vec<Gop>,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Self {
            reader: reader(),
            video: None,
            audio: None,
            tracks: None,
            closing: None,
            current: None,
            ready: Vec::new(),
        }
    }

    /// Takes the bytes of whole tags, and gives the GOPs that are complete.
    pub(super) fn push(&mut self, bytes: &[u8], taken: Taken) -> Vec<Gop> {
        if bytes.starts_with(b"FLV") {
            self.reader = reader();
            (self.video, self.audio, self.tracks) = (None, None, None);
        }
        let mut reader = std::mem::replace(&mut self.reader, reader());
        reader.push(bytes);
        loop {
            match reader.next() {
                Ok(Some(Item::Video(tag))) => self.video(&tag, taken),
                Ok(Some(Item::Audio(tag))) => self.audio(&tag, taken),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => tracing::debug!(%error, "a tag is left out of the recording"),
            }
        }
        self.reader = reader;
        std::mem::take(&mut self.ready)
    }

    /// Gives what there is: nothing comes any more, or not for long.
    pub(super) fn flush(&mut self) -> Vec<Gop> {
        self.release();
        if let Some(current) = self.current.take() {
            self.ready.push(current.finish(None));
        }
        std::mem::take(&mut self.ready)
    }

    fn release(&mut self) {
        if let Some((closing, end_ms)) = self.closing.take() {
            self.ready.push(closing.finish(Some(end_ms)));
        }
    }

    /// The current GOP ends with its last picture; what follows does not join.
    fn break_off(&mut self) {
        self.release();
        if let Some(current) = self.current.take() {
            self.ready.push(current.finish(None));
        }
    }

    fn video(&mut self, tag: &VideoTag<'_>, taken: Taken) {
        match tag.kind {
            VideoKind::SequenceHeader => {
                let track = VideoTrack {
                    codec: tag.codec,
                    record: tag.data.to_vec(),
                };
                if self.video.as_ref() != Some(&track) {
                    (self.video, self.tracks) = (Some(track), None);
                }
            }
            VideoKind::EndOfSequence => {}
            VideoKind::AccessUnit => {
                let media_ms = taken.media(tag.raw_timestamp);
                if tag.key {
                    self.begin(taken.epoch_ms, taken.epoch_ms + media_ms);
                }
                let Some(current) = &mut self.current else {
                    return;
                };
                let dts = current.epoch_ms + media_ms;
                if !(0..=GAP_MS).contains(&(dts - current.last_ms)) || current.is_too_much() {
                    self.break_off();
                    return;
                }
                current.add(Packet {
                    data: tag.data.to_vec(),
                    pts: dts + i64::from(tag.composition_time),
                    dts,
                    key: tag.key,
                });
                if current.last_ms - current.start_ms > SOUND_LATE_MS {
                    self.release();
                }
            }
        }
    }

    /// A keyframe: the GOP before it has all its pictures.
    fn begin(&mut self, epoch_ms: i64, start_ms: i64) {
        let Some(video) = self.video.clone() else {
            return;
        };
        let audio = self.audio.clone();
        let tracks = self
            .tracks
            .get_or_insert_with(|| Arc::new(Tracks { video, audio }));
        let next = Building {
            tracks: Arc::clone(tracks),
            epoch_ms,
            video: Vec::new(),
            audio: Vec::new(),
            bytes: 0,
            joins: false,
            start_ms,
            last_ms: start_ms,
            picture_ms: PICTURE_MS,
        };
        self.release();
        let Some(last) = self.current.replace(next) else {
            return;
        };
        let joins = (1..=GAP_MS).contains(&(start_ms - last.last_ms));
        if let Some(current) = &mut self.current {
            current.joins = joins;
        }
        if joins && last.tracks.audio.is_some() {
            self.closing = Some((last, start_ms));
        } else {
            self.ready.push(last.finish(joins.then_some(start_ms)));
        }
    }

    fn audio(&mut self, tag: &AudioTag<'_>, taken: Taken) {
        let has_config = matches!(tag.codec, AudioCodec::Aac | AudioCodec::Opus);
        if tag.kind == AudioKind::SequenceHeader || !has_config {
            let config = if has_config { tag.data } else { &[] };
            let is_known = self
                .audio
                .as_ref()
                .is_some_and(|audio| (audio.format, &audio.config[..]) == (format(tag), config));
            if !is_known {
                let (format, config) = (format(tag), config.to_vec());
                (self.audio, self.tracks) = (Some(AudioTrack { format, config }), None);
            }
        }
        let Some(current) = self
            .current
            .as_mut()
            .filter(|_| tag.kind == AudioKind::Frame)
        else {
            return;
        };
        let pts = current.epoch_ms + taken.media(tag.raw_timestamp);
        let packet = Packet {
            data: tag.data.to_vec(),
            pts,
            dts: pts,
            key: true,
        };
        let belongs = |building: &Building| {
            let audio = building.tracks.audio.as_ref();
            audio.is_some_and(|audio| audio.format == format(tag))
        };
        if pts < current.start_ms {
            if let Some((closing, _)) = self.closing.as_mut().filter(|(one, _)| belongs(one)) {
                closing.bytes += packet.data.len();
                closing.audio.push(packet);
            }
            return;
        }
        if belongs(current) {
            current.bytes += packet.data.len();
            current.audio.push(packet);
        }
        self.release();
    }
}

fn format(tag: &AudioTag<'_>) -> AudioFormat {
    AudioFormat {
        codec: tag.codec,
        sample_rate: tag.sample_rate,
        channels: tag.channels,
    }
}

fn reader() -> Reader {
    Reader::new(Limits::default())
        .with_timestamps(Stream::Video, TimestampPolicy::Trust)
        .with_timestamps(Stream::Audio, TimestampPolicy::Trust)
}

#[cfg(test)]
mod tests;
