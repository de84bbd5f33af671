//! A playback as one FLV, for files and pipes: not paced, gaps taken out, across lost connections without a seam.

use super::line::{Guess, Line};
use super::pull;
use super::speed::Speed;
use crate::api::{Failure, FailureCode};
use crate::continuous::Tags;
use crate::fail;
use crate::live::source::Source;
use crate::live::{Unit, VideoUnit};
use crate::session::{Hold, Session};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use wire::stream::{MIN_SPAN_SECONDS, Playback};

/// Wait before a lost stream is asked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// Attempts in a row without a unit between them after which it is given up.
const MAX_LOST: u32 = 60;

/// What was recorded from one moment to another, as an FLV that is written piece by piece.
pub struct Written {
    session: Arc<Session>,
    from_ms: i64,
    to_ms: i64,
    speed: Speed,
    source: Option<Source>,
    guess: Guess,
    waiting: VecDeque<Unit>,
    line: Line,
    tags: Tags,
    /// The picture written last: decode time and moment, unix ms.
    last: Option<(i64, i64)>,
    lost: u32,
    _hold: Hold,
}

impl Written {
    /// From the keyframe at or before `from_ms` to `to_ms`, unix ms; backward from `to_ms` if the speed is. FLV time passes as
    /// fast as the speed says. Sound is written at normal speed alone.
    pub fn new(session: Arc<Session>, from_ms: i64, to_ms: i64, speed: Speed) -> Self {
        Self {
            _hold: session.hold(),
            session,
            from_ms,
            to_ms,
            speed,
            source: None,
            guess: Guess::default(),
            waiting: VecDeque::new(),
            line: Line::default(),
            tags: Tags::default(),
            last: None,
            lost: 0,
        }
    }

    /// The moment written last, unix ms.
    pub fn at_ms(&self) -> Option<i64> {
        self.last.map(|(_, ms)| ms)
    }

    /// Appends the next piece to `out`; `false` at the end.
    ///
    /// # Errors
    /// It cannot be had: [`FailureCode::NoRecording`] if there is none at all, what the camera and the transport say.
    pub async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, Failure> {
        let before = out.len();
        while out.len() == before {
            if let Some(unit) = self.waiting.pop_front() {
                if self.is_past(&unit) {
                    return Ok(false);
                }
                self.unit(unit, out);
                continue;
            }
            match self.more().await {
                Ok(true) => {}
                Ok(false) if self.last.is_some() => return Ok(false),
                Ok(false) => {
                    let nothing = Failure::new(FailureCode::NoRecording);
                    return Err(nothing.with("camera", self.session.name()));
                }
                Err(failure) => {
                    self.source = None;
                    self.lost += 1;
                    let passing = fail::is_passing(failure.code) && self.lost < MAX_LOST;
                    match failure.code {
                        FailureCode::NoRecording if self.last.is_some() => return Ok(false),
                        _ if passing && self.last.is_some() => tokio::time::sleep(AGAIN).await,
                        _ => return Err(failure),
                    }
                }
            }
        }
        Ok(true)
    }

    fn is_past(&self, unit: &Unit) -> bool {
        let Unit::Video(video) = unit else {
            return false;
        };
        if self.speed.is_backward() {
            video.moment_ms() < self.from_ms
        } else {
            video.moment_ms() > self.to_ms
        }
    }

    async fn more(&mut self) -> Result<bool, Failure> {
        let source = match &mut self.source {
            Some(source) => source,
            None => {
                self.guess = Guess::default();
                let wanted = self.wanted();
                let opened = pull::open(&self.session, &wanted, None).await?;
                self.source.insert(opened)
            }
        };
        let more = source.more().await?;
        while let Some(mut unit) = source.demux.pop() {
            self.guess.fill(&mut unit, self.from_ms);
            self.waiting.push_back(unit);
        }
        Ok(more)
    }

    /// What is still to come.
    fn wanted(&self) -> Playback {
        let seconds = |ms: i64| u64::try_from(ms.div_euclid(1000)).unwrap_or(0);
        let (mut start, mut end) = (
            seconds(self.from_ms),
            seconds(self.to_ms.saturating_add(999)),
        );
        match self.last {
            Some((_, ms)) if self.speed.is_backward() => end = seconds(ms.saturating_add(999)),
            Some((_, ms)) => start = seconds(ms),
            None => {}
        }
        let pictures = self.speed.pictures();
        if end < start.saturating_add(MIN_SPAN_SECONDS) {
            if self.speed.is_backward() {
                start = end.saturating_sub(MIN_SPAN_SECONDS);
            }
            end = end.max(start.saturating_add(MIN_SPAN_SECONDS));
        }
        Playback {
            ff: pictures.step,
            direction: pictures.direction,
            ..Playback::new(start, end)
        }
    }

    /// Whether it was written before the stream was lost.
    fn is_known(&self, video: &VideoUnit) -> bool {
        self.last.is_some_and(|(decoded, ms)| {
            if self.speed.is_backward() {
                video.moment_ms() >= ms
            } else {
                video.decoded_ms() <= decoded
            }
        })
    }

    fn unit(&mut self, unit: Unit, out: &mut Vec<u8>) {
        match unit {
            Unit::Video(video) if self.is_known(&video) => {}
            Unit::Video(mut video) => {
                self.lost = 0;
                // A stream asked for again is no gap.
                if let Some(moment) = &mut video.moment {
                    moment.jump &= self
                        .last
                        .is_none_or(|(_, ms)| (moment.ms - ms).abs() > 2000);
                }
                self.last = Some((video.decoded_ms(), video.moment_ms()));
                self.line.push(Unit::Video(video));
            }
            audio => self.line.push(audio),
        }
        let rate = self.speed.rate();
        let scaled = |due: f64| (due / rate).round() as i64;
        while let Some(next) = self.line.take_picture() {
            let video = &next.unit;
            let composition = scaled((video.pts - video.dts) as f64);
            self.tags
                .video(video, scaled(next.due), composition, out)
                .unwrap_or_else(|error| tracing::warn!(%error, "left out"));
        }
        while let Some(next) = self.line.take_sound(f64::INFINITY) {
            if self.speed == Speed::NORMAL && next.due >= 0.0 {
                self.tags
                    .audio(&next.unit, scaled(next.due), out)
                    .unwrap_or_else(|error| tracing::warn!(%error, "left out"));
            }
        }
    }
}
