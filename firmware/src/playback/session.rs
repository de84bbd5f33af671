//! One playback: where it is, how it plays, and what is sent next. No I/O, no clock, no thread.
//!
//! ```text
//!                     poll                              found
//!  commands ──act──> Session ──> Find(which) ──> tape ───────> Session
//!                       │
//!                       ├──> Send(tags)     each picture once, the clock of the stream never jumps
//!                       ├──> Wait           a command must come
//!                       ├──> Follow         the recording must grow
//!                       └──> End
//! ```

mod steer;

use std::sync::Arc;

use flv::{Position, WriteError, Writer};
use wire::stream::{Direction, FastForward, Playback};

use super::line::Line;
use super::tape::{Found, Gop, Tracks, Which};
use crate::live::tags;

/// Two groups of pictures further apart than this are not one recording.
const GAP_MS: i64 = 500;
/// How long after `end_time` the group of pictures that holds it may still be written: the longest there is, and a slow card.
const LATE_MS: i64 = 15_000;

/// What a session wants.
#[derive(Debug)]
pub enum Step {
    /// Look this up and hand it to [`Session::found`] with the number.
    Find(Which, Turn),
    /// Send these bytes: whole tags.
    Send(Vec<u8>),
    /// It stands still until the next [`Session::act`].
    Wait,
    /// Everything is sent: poll again when the recording has grown, after an [`Session::act`], or in a second.
    Follow,
    /// It is over.
    End,
}

/// Counts what makes an answer to [`Step::Find`] worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn(u64);

/// Which pictures are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All of them, with sound.
    All,
    /// All of them, without sound, this many milliseconds apart.
    Spaced(u32),
    /// Every n-th keyframe.
    Keys { step: u32, direction: Direction },
}

/// Where to go on.
#[derive(Debug, Clone, Copy)]
enum Next {
    Find(Which),
    /// The answer is on its way.
    Looking(Which),
    /// Nothing was there.
    Grow(Which),
}

/// A group of pictures that is being sent.
#[derive(Debug)]
struct Held {
    gop: Gop,
    video: usize,
    audio: usize,
}

/// See the module's text.
#[derive(Debug)]
pub struct Session {
    start_ms: i64,
    end_ms: i64,
    audio_only: bool,
    mode: Mode,
    /// Where going backward ends.
    stop_ms: i64,
    /// Going backward was asked for by the URL: the stream ends with it.
    ends_at_stop: bool,
    paused: bool,
    /// While it is paused: pictures up to this moment are still sent.
    until_ms: Option<i64>,
    next: Next,
    turn: Turn,
    held: Option<Held>,
    /// The group whose keyframe was sent last: start and end.
    last: Option<(i64, i64)>,
    /// How far a forgotten group was sent.
    resume: Option<(i64, usize, usize)>,
    /// The next keyframe does not follow on what was sent.
    sought: bool,
    line: Line,
    tracks: Option<Arc<Tracks>>,
    over: bool,
}

impl Session {
    /// A session at its start.
    pub fn new(wanted: &Playback) -> Self {
        let ms = |seconds: u64| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        let (start_ms, end_ms) = (ms(wanted.start_time), ms(wanted.end_time));
        let step = wanted.ff.number().max(1);
        let (mode, which) = match (wanted.direction, wanted.ff) {
            (Direction::Backward, _) => (
                Mode::Keys {
                    step,
                    direction: Direction::Backward,
                },
                Which::UpTo(end_ms),
            ),
            (Direction::Forward, FastForward::Normal) => (Mode::All, Which::At(start_ms)),
            (Direction::Forward, _) => (
                Mode::Keys {
                    step,
                    direction: Direction::Forward,
                },
                Which::At(start_ms),
            ),
        };
        Self {
            start_ms,
            end_ms,
            audio_only: wanted.audio_only,
            mode,
            stop_ms: start_ms,
            ends_at_stop: wanted.direction == Direction::Backward,
            paused: false,
            until_ms: None,
            next: Next::Find(which),
            turn: Turn(0),
            held: None,
            last: None,
            resume: None,
            sought: true,
            line: Line::default(),
            tracks: None,
            over: false,
        }
    }

    /// Unix milliseconds of the keyframe that is sent next or was sent last; `None` before there is one.
    pub fn key_ms(&self) -> Option<i64> {
        match (&self.held, self.last) {
            (Some(held), _) => Some(held.gop.start_ms),
            (None, last) => last.map(|(start_ms, _)| start_ms),
        }
    }

    /// Milliseconds of the wall clock from the start that was asked for to the picture that was sent last.
    pub fn progress_ms(&self) -> u64 {
        let at = self.line.wall_ms().unwrap_or(self.start_ms);
        u64::try_from(at.saturating_sub(self.start_ms)).unwrap_or(0)
    }

    /// Ends it, whatever it does.
    pub fn stop(&mut self) {
        self.over = true;
    }

    /// Whether nothing comes any more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    fn is_backward(&self) -> bool {
        matches!(
            self.mode,
            Mode::Keys {
                direction: Direction::Backward,
                ..
            }
        )
    }

    /// Drops the pictures in hand, so that a viewer that does not read costs nothing; they are looked up again.
    pub fn forget(&mut self) {
        if let Some(held) = self.held.take() {
            self.resume = Some((held.gop.start_ms, held.video, held.audio));
            self.turn.0 += 1;
            self.next = Next::Find(Which::At(held.gop.start_ms));
        }
    }

    /// What to do next.
    ///
    /// # Errors
    /// A picture that does not fit FLV.
    pub fn poll(&mut self) -> Result<Step, WriteError> {
        loop {
            if self.over {
                return Ok(Step::End);
            }
            if self.paused && self.until_ms.is_none() {
                return Ok(Step::Wait);
            }
            if let Some(mut held) = self.held.take() {
                let sent = self.next_tags(&mut held)?;
                match sent {
                    Some(bytes) => {
                        self.held = Some(held);
                        return Ok(Step::Send(bytes));
                    }
                    None => self.leave(&held),
                }
                continue;
            }
            match self.next {
                Next::Find(which) | Next::Looking(which) => {
                    self.next = Next::Looking(which);
                    return Ok(Step::Find(which, self.turn));
                }
                Next::Grow(which) => {
                    self.next = Next::Find(which);
                    return Ok(Step::Follow);
                }
            }
        }
    }

    /// All of a group is sent: where the next one is.
    fn leave(&mut self, held: &Held) {
        let start = held.gop.start_ms;
        self.next = Next::Find(match self.mode {
            Mode::All | Mode::Spaced(_) => Which::After(start, 1),
            Mode::Keys {
                step,
                direction: Direction::Forward,
            } => Which::After(start, step),
            Mode::Keys { step, .. } => Which::Before(start, step),
        });
    }

    /// Takes the answer to [`Step::Find`]; one that has been overtaken by a command is dropped.
    ///
    /// * `now_ms` - unix milliseconds, for an end that lies in the future.
    pub fn found(&mut self, turn: Turn, found: Found, now_ms: i64) {
        let Next::Looking(which) = self.next else {
            return;
        };
        if turn != self.turn {
            return;
        }
        match found {
            Found::Nothing { growing } => self.none(which, growing, now_ms),
            Found::Gop(gop) if gop.video.is_empty() => self.none(which, false, now_ms),
            Found::Gop(gop) if self.is_backward() && gop.start_ms < self.stop_ms => {
                self.stop_here();
            }
            Found::Gop(gop) if !self.is_backward() && gop.start_ms > self.end_ms => {
                self.over = true;
            }
            Found::Gop(gop) => self.begin(gop),
        }
    }

    fn none(&mut self, which: Which, growing: bool, now_ms: i64) {
        if self.is_backward() {
            return self.stop_here();
        }
        let patience = if growing { LATE_MS } else { 0 };
        if self.end_ms.saturating_add(patience) > now_ms {
            self.next = Next::Grow(which);
        } else {
            self.over = true;
        }
    }

    /// A rewind is where it should stop.
    fn stop_here(&mut self) {
        if self.ends_at_stop {
            self.over = true;
        } else {
            (self.paused, self.until_ms) = (true, None);
            let at = self.line.wall_ms().unwrap_or(self.stop_ms);
            self.next = Next::Find(Which::At(at));
            self.stop_ms = at;
        }
    }

    fn begin(&mut self, gop: Gop) {
        let (mut video, mut audio) = (0, 0);
        match self.resume.take() {
            Some((start, v, a)) if start == gop.start_ms => (video, audio) = (v, a),
            _ => {}
        }
        self.held = Some(Held { gop, video, audio });
    }

    /// The next tags of a group, `None` when all are sent.
    fn next_tags(&mut self, held: &mut Held) -> Result<Option<Vec<u8>>, WriteError> {
        let keys_only = matches!(self.mode, Mode::Keys { .. });
        loop {
            let gop = &held.gop;
            let picture = gop
                .video
                .get(held.video)
                .filter(|_| !keys_only || held.video == 0);
            let sound = gop
                .audio
                .get(held.audio)
                .filter(|_| self.mode == Mode::All && held.video > 0);
            if let Some(picture) = picture
                && sound.is_none_or(|sound| picture.dts <= sound.dts)
            {
                if !self.is_backward() && picture.pts > self.end_ms {
                    self.over = true;
                    return Ok(None);
                }
                let first = held.video == 0;
                held.video += 1;
                let bytes = self.picture(gop, picture, first)?;
                if self.until_ms.is_some_and(|until| next_pts(held) > until) {
                    self.until_ms = None;
                }
                if !bytes.is_empty() {
                    return Ok(Some(bytes));
                }
            } else if let Some(sound) = sound {
                held.audio += 1;
                let format = gop.tracks.audio.as_ref().map(|track| track.format);
                if let (Some(format), Some(at)) = (format, self.line.sound(sound.dts)) {
                    return Ok(Some(tags::audio(format, at, &sound.data)?.into_vec()));
                }
            } else {
                return Ok(None);
            }
        }
    }

    /// A picture, and in front of a keyframe what belongs there.
    fn picture(
        &mut self,
        gop: &Gop,
        picture: &media::Packet,
        first: bool,
    ) -> Result<Vec<u8>, WriteError> {
        let mut out = Vec::with_capacity(picture.data.len() + if first { 512 } else { 32 });
        if first {
            self.keyframe(gop, picture.dts, &mut out)?;
        }
        let at = self.line.picture(picture.dts);
        if !self.audio_only {
            let codec = gop.tracks.video.codec;
            let late = i32::try_from(picture.pts - picture.dts).unwrap_or(0);
            Writer::default().video(&mut out, at, late, first, codec, &picture.data)?;
        }
        Ok(out)
    }

    /// Moves the stream's clock to a keyframe, and writes configurations if they are new, and the position.
    fn keyframe(&mut self, gop: &Gop, dts: i64, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let jump = self.is_jump(gop);
        (self.sought, self.last) = (false, Some((gop.start_ms, gop.end_ms)));
        self.line
            .key(dts, jump, interval(self.mode, gop), usual(gop));
        let at = self.line.next_ms();
        let (video, audio) = self.wanted(&gop.tracks);
        match &self.tracks {
            None => out.extend_from_slice(&tags::preamble(video, audio)?),
            Some(sent) if **sent != *gop.tracks => {
                out.extend_from_slice(&tags::configs(at, video, audio)?);
            }
            Some(_) => {}
        }
        self.tracks = Some(Arc::clone(&gop.tracks));
        let time_ms = gop.start_ms;
        Writer::default().metadata(out, at, &Position { time_ms, jump }.to_metadata())
    }

    fn wanted<'a>(
        &self,
        tracks: &'a Tracks,
    ) -> (Option<&'a tags::VideoTrack>, Option<&'a tags::AudioTrack>) {
        let video = (!self.audio_only).then_some(&tracks.video);
        (video, tracks.audio.as_ref())
    }

    /// Whether a group does not follow on what was sent last.
    fn is_jump(&self, gop: &Gop) -> bool {
        let Some((start, end)) = self.last.filter(|_| !self.sought) else {
            return self.sought || self.tracks.is_none();
        };
        let apart = (gop.start_ms - start).abs();
        let longest = (end - start).max(gop.end_ms - gop.start_ms);
        match self.mode {
            // The same group again, or its neighbour.
            Mode::All | Mode::Spaced(_) => {
                gop.start_ms != start && (gop.start_ms - end).abs() > GAP_MS
            }
            Mode::Keys { step, .. } => apart > longest * i64::from(step) + GAP_MS,
        }
    }
}

/// When the next picture is shown; never, if there is none.
fn next_pts(held: &Held) -> i64 {
    held.gop
        .video
        .get(held.video)
        .map_or(held.gop.end_ms, |picture| picture.pts)
}

/// The usual distance of two pictures, ms.
fn usual(gop: &Gop) -> i64 {
    let count = i64::try_from(gop.video.len()).unwrap_or(1).max(1);
    ((gop.end_ms - gop.start_ms) / count).clamp(1, 1000)
}

/// How much longer than it was a group shall take: a fraction.
fn interval(mode: Mode, gop: &Gop) -> (i64, i64) {
    match mode {
        Mode::All | Mode::Keys { .. } => (1, 1),
        Mode::Spaced(ms) => {
            let count = i64::try_from(gop.video.len()).unwrap_or(1).max(1);
            (i64::from(ms) * count, (gop.end_ms - gop.start_ms).max(1))
        }
    }
}

#[cfg(test)]
mod tests;
