//! Watching a stream as a viewer would: FLV in, decoded pictures out, each with the marks the camera drew.

use crate::screen::{age, unix_us};
use flv::{AudioKind, Item, Reader, VideoKind};
use media::video::{Codec, Decoder};
use media::{Picture, marks};
use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// The marks of one decoded picture.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The frame counter; `None` when the mark cannot be read.
    pub counter: Option<u32>,
    /// Where the camera looks: pan and tilt.
    pub position: Option<(u16, u16)>,
    /// Width and height.
    pub size: (u32, u32),
    /// Whether decoding can start here.
    pub key: bool,
    /// Media time, ms.
    pub timestamp: i64,
    /// When it was decoded.
    pub at: Instant,
    /// Capture until decoded, by the counter and this machine's clock (30 pictures a second).
    pub age: Duration,
}

/// Reads FLV and decodes its video.
#[derive(Default)]
pub struct Decoding {
    reader: Reader,
    decoder: Option<Decoder>,
    /// Audio frames seen so far.
    pub audio_frames: u64,
    /// Reports of the reader and the decoder: a clean stream has none.
    pub reports: Vec<String>,
}

impl Decoding {
    /// Takes bytes of the stream and hands over what they complete.
    pub fn push(&mut self, bytes: &[u8], mut picture: impl FnMut(Frame, &Picture)) {
        self.reader.push(bytes);
        loop {
            let item = match self.reader.next() {
                Ok(Some(item)) => item,
                Ok(None) => return,
                Err(report) => {
                    self.reports.push(report.to_string());
                    continue;
                }
            };
            let tag = match item {
                Item::Video(tag) => tag,
                Item::Audio(tag) => {
                    self.audio_frames += u64::from(tag.kind == AudioKind::Frame);
                    continue;
                }
                _ => continue,
            };
            let codec = match tag.codec {
                flv::VideoCodec::H264 => Codec::H264,
                flv::VideoCodec::Hevc => Codec::Hevc,
            };
            if tag.kind == VideoKind::SequenceHeader {
                self.decoder = Decoder::open(codec, tag.data)
                    .map_err(|e| self.reports.push(e.to_string()))
                    .ok();
            }
            let (VideoKind::AccessUnit, Some(decoder)) = (tag.kind, &mut self.decoder) else {
                continue;
            };
            match decoder.decode(tag.data, tag.timestamp * 1000) {
                Ok(pictures) => pictures
                    .iter()
                    .for_each(|decoded| picture(frame(decoded, tag.key, tag.timestamp), decoded)),
                Err(error) => self.reports.push(error.to_string()),
            }
        }
    }
}

fn frame(picture: &Picture, key: bool, timestamp: i64) -> Frame {
    let (width, height) = (picture.width(), picture.height());
    let counter = marks::read_counter(picture.y(), width as usize, width, height);
    Frame {
        counter,
        position: marks::read_position(picture.y(), width as usize, width, height),
        size: (width, height),
        key,
        timestamp,
        at: Instant::now(),
        age: counter.map_or(Duration::MAX, |counter| age(counter, 30)),
    }
}

/// Decodes a whole file.
pub fn frames_of(file: &[u8]) -> (Vec<Frame>, Decoding) {
    let mut decoding = Decoding::default();
    let mut frames = Vec::new();
    decoding.push(file, |frame, _| frames.push(frame));
    (frames, decoding)
}

/// Decodes a stream on a thread of its own, so that a test can wait for what it wants to see.
pub struct Watching {
    frames: Receiver<Frame>,
}

impl Watching {
    /// Starts reading; ends with the stream, or when this is dropped.
    pub fn start(mut stream: impl Read + Send + 'static) -> Self {
        let (send, frames) = mpsc::channel();
        std::thread::spawn(move || {
            let mut decoding = Decoding::default();
            let mut buffer = vec![0; 64 << 10];
            let mut is_wanted = true;
            while let (true, Ok(count @ 1..)) = (is_wanted, stream.read(&mut buffer)) {
                decoding.push(&buffer[..count], |frame, _| {
                    is_wanted &= send.send(frame).is_ok()
                });
            }
        });
        Self { frames }
    }

    /// The next picture; `None` after `limit` or at the end of the stream.
    pub fn next(&self, limit: Duration) -> Option<Frame> {
        self.frames.recv_timeout(limit).ok()
    }

    /// The first picture for which `is_it`, among those that come within `limit`.
    pub fn find(&self, limit: Duration, mut is_it: impl FnMut(&Frame) -> bool) -> Option<Frame> {
        let deadline = Instant::now() + limit;
        loop {
            let frame = self.next(deadline.saturating_duration_since(Instant::now()))?;
            if is_it(&frame) {
                return Some(frame);
            }
        }
    }

    /// Throws away the pictures that wait.
    pub fn skip_waiting(&self) {
        while self.frames.try_recv().is_ok() {}
    }
}

/// Whether a picture was captured after `start` (microseconds since 1970), one frame of slack.
pub fn is_after(frame: &Frame, start: u64) -> bool {
    frame
        .counter
        .is_some_and(|counter| marks::time_of(counter, 30, unix_us()) + 34_000 > start)
}
