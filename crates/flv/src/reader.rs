//! Reading: bytes in any pieces, items out.
//!
//! ```text
//!             push                 next                       next_in (a slice that is at hand)
//!  bytes ───────────> buffer ─────────────> Item<'_>     bytes ─────────────────────────────────> Item<'_>
//!          one copy            no copy                      no copy, but for a tag cut by the slice's end
//! ```
//!
//! A tag is given out as soon as its last byte is there; the PreviousTagSize behind it is taken as the head of the next
//! one, since some senders write it only then.

mod body;
mod search;

use std::ops::Range;

use crate::clock::{Clock, TimestampPolicy};
use crate::error::{Error, LostSync, Unsupported};
use crate::format::*;
use crate::item::{AudioTag, Item, Stream, VideoTag};
use body::{Body, Reason, Sound};
use search::Search;

/// What a reader spends at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest tag body in bytes; a larger one is taken for garbage. The buffer never holds more than one tag of this
    /// size and what was pushed last, provided that the caller calls `next` until it gives nothing.
    pub max_tag_size: usize,
}

impl Default for Limits {
    /// 4 MiB: ten times a 4K key frame of a camera.
    fn default() -> Self {
        Self {
            max_tag_size: 4 << 20,
        }
    }
}

/// Usual distance of two pictures before a stream has shown its own: 25 frames a second.
const USUAL_VIDEO_STEP_MS: i64 = 40;
/// Usual distance of two audio packets before a stream has shown its own: 1024 samples at 48 kHz.
const USUAL_AUDIO_STEP_MS: i64 = 21;
/// Least capacity of the buffer once anything is pushed.
const MIN_BUFFER: usize = 64 << 10;

/// Reads FLV from pieces of any size.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    /// First byte of `buffer` that is not yet read.
    start: usize,
    parser: Parser,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Reader {
    /// A reader at the start of a stream, with [`TimestampPolicy::default`] for both streams.
    pub fn new(limits: Limits) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            parser: Parser::new(limits),
        }
    }

    /// The same reader with that policy for one stream's timestamps.
    pub fn with_timestamps(mut self, stream: Stream, policy: TimestampPolicy) -> Self {
        match stream {
            Stream::Video => self.parser.video_clock.policy = policy,
            Stream::Audio => self.parser.audio_clock.policy = policy,
        }
        self
    }

    /// Takes the next bytes of the stream, any number. Call [`Reader::next`] until it gives nothing before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        if self.buffer.len() + bytes.len() > self.buffer.capacity() {
            // What is left is less than a tag, and moves once in a tag's life at most.
            self.buffer.drain(..self.start);
            self.start = 0;
            if self.buffer.capacity() == 0 {
                self.buffer.reserve(bytes.len().max(MIN_BUFFER));
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next item in what was pushed, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// Reports what was wrong and goes on with the next call; see [`Error`].
    #[allow(clippy::should_implement_trait)] // items borrow the reader
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        loop {
            let window = &self.buffer[self.start..];
            match self.parser.step(window) {
                Step::Need(_) => return Ok(None),
                Step::Skip(count) => self.start += count,
                Step::Report(count, error) => {
                    self.start += count;
                    return Err(error);
                }
                Step::Found(count, found) => {
                    let from = self.start;
                    self.start += count;
                    return Ok(Some(found.borrow(&self.buffer[from..])));
                }
            }
        }
    }

    /// The next item in what was pushed followed by `input`, or `None` when more bytes are needed and `input` is used
    /// up. A tag that lies in `input` whole is borrowed from there and not copied. `input` moves forward by what was
    /// read of it.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn next_in<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, Error> {
        loop {
            let buffered = self.buffer.len() - self.start;
            let window = if buffered == 0 {
                *input
            } else {
                &self.buffer[self.start..]
            };
            let step = self.parser.step(window);
            let count = match &step {
                Step::Need(_) if input.is_empty() => return Ok(None),
                Step::Need(total) => {
                    let missing = if buffered == 0 {
                        input.len()
                    } else {
                        total.saturating_sub(buffered).max(1)
                    };
                    let (head, tail) = input.split_at(missing.min(input.len()));
                    self.push(head);
                    *input = tail;
                    if buffered == 0 {
                        return Ok(None);
                    }
                    continue;
                }
                Step::Skip(count) | Step::Report(count, _) | Step::Found(count, _) => *count,
            };
            let from = self.start;
            let source = *input;
            if buffered == 0 {
                *input = &source[count..];
            } else {
                self.start += count;
            }
            match step {
                Step::Report(_, error) => return Err(error),
                Step::Found(_, found) if buffered == 0 => return Ok(Some(found.borrow(source))),
                Step::Found(_, found) => return Ok(Some(found.borrow(&self.buffer[from..]))),
                Step::Need(_) | Step::Skip(_) => {}
            }
        }
    }

    /// How many bytes of the stream were read so far.
    pub fn position(&self) -> u64 {
        self.parser.position
    }

    /// How many bytes wait for the rest of their tag.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }
}

/// What the parser makes of the bytes in front of it. Counts are bytes to move forward.
enum Step {
    /// That many bytes must be in the window before anything can be said.
    Need(usize),
    Skip(usize),
    Report(usize, Error),
    Found(usize, Found),
}

/// An item whose data is still a range of the window.
enum Found {
    Bare(Item<'static>),
    Video(VideoTag<'static>, Range<usize>),
    Audio(AudioTag<'static>, Range<usize>),
}

impl Found {
    fn borrow<'a>(self, window: &'a [u8]) -> Item<'a> {
        match self {
            Self::Bare(item) => item,
            Self::Video(tag, range) => Item::Video(VideoTag {
                data: &window[range],
                ..tag
            }),
            Self::Audio(tag, range) => Item::Audio(AudioTag {
                data: &window[range],
                ..tag
            }),
        }
    }
}

/// Where in the grammar the next byte stands.
#[derive(Debug)]
enum Phase {
    FileHeader,
    /// Before a tag's header, with this many bytes of PreviousTagSize in front.
    Tag {
        lead: usize,
    },
    Search(Search),
}

/// The state of reading, apart from the bytes.
#[derive(Debug)]
struct Parser {
    limits: Limits,
    phase: Phase,
    /// Offset in the stream of the window's first byte.
    position: u64,
    video_clock: Clock,
    audio_clock: Clock,
    sound: Sound,
    /// What was reported as unsupported and is dropped silently since. Bounded by [`MAX_REPORTED`].
    reported: Vec<(Stream, Unsupported)>,
}

/// So many different unsupported things are reported; a hostile stream could name endless FourCCs.
const MAX_REPORTED: usize = 16;

impl Parser {
    fn new(limits: Limits) -> Self {
        Self {
            limits: Limits {
                max_tag_size: limits.max_tag_size.min(MAX_DATA_SIZE),
            },
            phase: Phase::FileHeader,
            position: 0,
            video_clock: Clock::new(TimestampPolicy::default(), USUAL_VIDEO_STEP_MS),
            audio_clock: Clock::new(TimestampPolicy::default(), USUAL_AUDIO_STEP_MS),
            sound: Sound::default(),
            reported: Vec::new(),
        }
    }

    /// Looks at the window and moves `position` by what the caller has to move forward.
    fn step(&mut self, window: &[u8]) -> Step {
        let step = match &mut self.phase {
            Phase::FileHeader => self.file_header(window),
            &mut Phase::Tag { lead } => self.tag(window, lead),
            Phase::Search(search) => match search.run(window, self.limits.max_tag_size) {
                search::Outcome::Need(0) => Step::Need(window.len() + 1),
                search::Outcome::Need(discard) => Step::Skip(discard),
                search::Outcome::Found { at, total } => {
                    let offset = self.position + at as u64 - total;
                    self.phase = Phase::Tag { lead: 0 };
                    Step::Found(
                        at,
                        Found::Bare(Item::Skipped {
                            offset,
                            bytes: total,
                        }),
                    )
                }
            },
        };
        if let Step::Skip(count) | Step::Report(count, _) | Step::Found(count, _) = step {
            self.position += count as u64;
        }
        step
    }

    fn lost(&mut self, reason: LostSync) -> Step {
        self.phase = Phase::Search(Search::default());
        Step::Report(
            0,
            Error::LostSync {
                offset: self.position,
                reason,
            },
        )
    }

    fn file_header(&mut self, window: &[u8]) -> Step {
        let seen = window.len().min(SIGNATURE.len());
        if window[..seen] != SIGNATURE[..seen] {
            return self.lost(LostSync::NoFileHeader);
        }
        let Some(&[.., version, flags, d0, d1, d2, d3]) = window.first_chunk::<FILE_HEADER_LEN>()
        else {
            return Step::Need(FILE_HEADER_LEN);
        };
        let data_offset = u32::from_be_bytes([d0, d1, d2, d3]) as usize;
        if version != VERSION || !(FILE_HEADER_LEN..=MAX_FILE_HEADER_LEN).contains(&data_offset) {
            return self.lost(LostSync::NoFileHeader);
        }
        if window.len() < data_offset {
            return Step::Need(data_offset);
        }
        self.phase = Phase::Tag {
            lead: PREVIOUS_TAG_SIZE_LEN,
        };
        let header = Item::Header {
            has_audio: flags & FLAG_AUDIO != 0,
            has_video: flags & FLAG_VIDEO != 0,
        };
        Step::Found(data_offset, Found::Bare(header))
    }

    fn tag(&mut self, window: &[u8], lead: usize) -> Step {
        let body_at = lead + TAG_HEADER_LEN;
        if window.len() < body_at {
            return Step::Need(body_at);
        }
        // The PreviousTagSize is not compared: many senders write nonsense, and the header itself says enough.
        let Some(header) = TagHeader::read(&window[lead..]) else {
            if window[lead..].starts_with(SIGNATURE) {
                self.phase = Phase::FileHeader;
                return Step::Skip(lead);
            }
            return self.lost(LostSync::NoTagHeader);
        };
        if header.size > self.limits.max_tag_size {
            return self.lost(LostSync::TooLarge {
                size: header.size,
                limit: self.limits.max_tag_size,
            });
        }
        let end = body_at + header.size;
        if window.len() < end {
            return Step::Need(end);
        }
        let step = self.body(&header, &window[body_at..end], body_at, end);
        let repeat = matches!(step, Step::Report(0, _));
        if !repeat {
            self.phase = Phase::Tag {
                lead: PREVIOUS_TAG_SIZE_LEN,
            };
        }
        step
    }

    /// Interprets a whole tag. `at` is where the body begins in the window and `end` where it ends.
    fn body(&mut self, header: &TagHeader, bytes: &[u8], at: usize, end: usize) -> Step {
        let stream = if header.kind == TAG_AUDIO {
            Stream::Audio
        } else {
            Stream::Video
        };
        let offset = self.position + (at - TAG_HEADER_LEN) as u64;
        let result = if header.filtered {
            Err(Reason::Unsupported(Unsupported::Encrypted))
        } else {
            match header.kind {
                TAG_AUDIO => self.sound.read(bytes),
                TAG_VIDEO => body::read_video(bytes),
                _ => body::read_script(bytes),
            }
        };
        match result {
            Ok(Body::Nothing) => Step::Skip(end),
            Ok(Body::Meta(metadata)) => {
                self.sound.listen(&metadata);
                Step::Found(end, Found::Bare(Item::Meta(metadata)))
            }
            Ok(Body::Video {
                codec,
                kind,
                key,
                composition_time,
                data,
            }) => {
                let timestamp = match self.time(
                    Stream::Video,
                    header.timestamp,
                    kind == crate::VideoKind::AccessUnit,
                ) {
                    Ok(timestamp) => timestamp,
                    Err(error) => return Step::Report(0, error),
                };
                let raw_timestamp = header.timestamp;
                let tag = VideoTag {
                    timestamp,
                    raw_timestamp,
                    composition_time,
                    codec,
                    kind,
                    key,
                    data: &[],
                };
                Step::Found(end, Found::Video(tag, data.start + at..data.end + at))
            }
            Ok(Body::Audio {
                codec,
                kind,
                sample_rate,
                channels,
                data,
            }) => {
                let timestamp = match self.time(
                    Stream::Audio,
                    header.timestamp,
                    kind == crate::AudioKind::Frame,
                ) {
                    Ok(timestamp) => timestamp,
                    Err(error) => return Step::Report(0, error),
                };
                let raw_timestamp = header.timestamp;
                let tag = AudioTag {
                    timestamp,
                    raw_timestamp,
                    codec,
                    kind,
                    sample_rate,
                    channels,
                    data: &[],
                };
                Step::Found(end, Found::Audio(tag, data.start + at..data.end + at))
            }
            Err(Reason::Malformed(reason)) if header.kind == TAG_SCRIPT => {
                Step::Report(end, Error::BadScript { offset, reason })
            }
            Err(Reason::Malformed(reason)) => Step::Report(
                end,
                Error::BadTag {
                    offset,
                    stream,
                    reason,
                },
            ),
            Err(Reason::Unsupported(what)) => {
                if self.reported.contains(&(stream, what)) || self.reported.len() >= MAX_REPORTED {
                    return Step::Skip(end);
                }
                self.reported.push((stream, what));
                Step::Report(end, Error::Unsupported { stream, what })
            }
        }
    }

    /// The time of a tag. Only frames move the clock.
    fn time(&mut self, stream: Stream, raw: u32, frame: bool) -> Result<i64, Error> {
        let (clock, other) = match stream {
            Stream::Video => (&mut self.video_clock, &self.audio_clock),
            Stream::Audio => (&mut self.audio_clock, &self.video_clock),
        };
        if !frame {
            return Ok(clock.peek(raw));
        }
        match clock.repair(raw, other.offset()) {
            Some(jump) => Err(Error::TimestampJump {
                stream,
                from: jump.from,
                sent: jump.sent,
                to: jump.to,
            }),
            None => Ok(clock.advance(raw)),
        }
    }
}

#[cfg(test)]
mod tests;
