//! One endless stream out of streams that come and go, for files and pipes.

use crate::api::{Failure, FailureCode, Quality};
use crate::fail;
use crate::live::pull::{Numbered, Opened, Pull, Pulled};
use crate::live::{AudioTrack, AudioUnit, Unit, VideoTrack, VideoUnit};
use crate::session::{Hold, Session};
use crate::timeline::Timeline;
use flv::{AudioFormat, Writer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Wait before a lost stream is asked for again, after the first attempt.
const AGAIN: Duration = Duration::from_millis(500);
/// Troubles in a row after which it is given up.
const MAX_TROUBLES: u32 = 5;

/// What a feed gives.
#[derive(Debug)]
pub enum Fed {
    /// The camera answers.
    Opened(Opened),
    /// A unit.
    Unit(Unit),
    /// The stream was lost; it is being asked for again. Units of another stream follow.
    Lost(Failure),
}

/// A camera's live stream that comes back by itself.
pub struct Feed {
    session: Arc<Session>,
    quality: Quality,
    units: (mpsc::Sender<Numbered>, mpsc::Receiver<Numbered>),
    pull: Pull,
    troubles: u32,
    /// Streams in a row that gave nothing.
    lost: u32,
    ever: bool,
    bytes: u64,
    _hold: Hold,
}

impl Feed {
    /// Asks for the stream.
    pub fn open(session: Arc<Session>, quality: Quality) -> Self {
        let units = mpsc::channel(256);
        let pull = Pull::start(1, session.clone(), quality, units.0.clone());
        Self {
            _hold: session.hold(),
            session,
            quality,
            units,
            pull,
            troubles: 0,
            lost: 0,
            ever: false,
            bytes: 0,
        }
    }

    /// Bytes received so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What comes next.
    ///
    /// # Errors
    /// It cannot be had: the camera refuses, or was never reached.
    pub async fn next(&mut self) -> Result<Fed, Failure> {
        loop {
            let Some((id, pulled)) = self.units.1.recv().await else {
                return Err(fail::internal("the stream's task has gone"));
            };
            if id != self.pull.id {
                continue;
            }
            match pulled {
                Pulled::Opened(opened) => return Ok(Fed::Opened(opened)),
                Pulled::Received(bytes) => self.bytes += bytes as u64,
                Pulled::Unit(unit) => {
                    (self.ever, self.troubles, self.lost) = (true, 0, 0);
                    return Ok(Fed::Unit(unit));
                }
                Pulled::Ended(failure) => {
                    self.again(&failure).await?;
                    return Ok(Fed::Lost(failure));
                }
            }
        }
    }

    async fn again(&mut self, failure: &Failure) -> Result<(), Failure> {
        self.troubles += u32::from(fail::is_trouble(failure.code));
        let passing = fail::is_passing(failure.code) && self.troubles < MAX_TROUBLES;
        if !passing || !self.ever {
            return Err(failure.clone());
        }
        self.lost += 1;
        if self.lost > 1 || failure.code != FailureCode::ConnectionLost {
            tokio::time::sleep(AGAIN).await;
        }
        self.pull = Pull::start(
            self.pull.id + 1,
            self.session.clone(),
            self.quality,
            self.units.0.clone(),
        );
        Ok(())
    }
}

/// Writes units as one FLV whose time never jumps.
#[derive(Default)]
pub struct Continuous {
    tags: Tags,
    timeline: Timeline,
}

impl Continuous {
    /// Another stream follows.
    pub fn interrupt(&mut self) {
        self.timeline.interrupt();
    }

    /// Milliseconds written.
    pub fn duration(&self) -> u64 {
        self.timeline.duration()
    }

    /// Appends a unit, with what must stand before it.
    ///
    /// # Errors
    /// A unit that does not fit FLV; nothing of it was appended.
    pub fn unit(&mut self, unit: &Unit, out: &mut Vec<u8>) -> Result<(), flv::WriteError> {
        match unit {
            Unit::Video(video) => {
                let Some(dts) = self.timeline.video(video.dts, video.key, video.arrived) else {
                    return Ok(());
                };
                self.tags.video(video, dts, video.pts - video.dts, out)
            }
            Unit::Audio(audio) => match self.timeline.audio(audio.pts) {
                Some(pts) => self.tags.audio(audio, pts, out),
                None => Ok(()),
            },
        }
    }
}

/// The tags of one FLV, with what must stand before each.
#[derive(Default)]
pub(crate) struct Tags {
    writer: Writer,
    begun: bool,
    video: Option<Arc<VideoTrack>>,
    audio: Option<Arc<AudioTrack>>,
}

impl Tags {
    /// Appends a picture at `dts`, shown `composition` later, ms.
    ///
    /// # Errors
    /// It does not fit FLV; nothing of it was appended.
    pub(crate) fn video(
        &mut self,
        video: &VideoUnit,
        dts: i64,
        composition: i64,
        out: &mut Vec<u8>,
    ) -> Result<(), flv::WriteError> {
        if !std::mem::replace(&mut self.begun, true) {
            self.writer.header(out, true, true);
        }
        let track = &video.track;
        let known = self
            .video
            .as_ref()
            .is_some_and(|known| known.record == track.record);
        if !known {
            self.writer
                .video_config(out, dts, track.codec, &track.record)?;
            self.video = Some(track.clone());
        }
        let composition = i32::try_from(composition).unwrap_or_default();
        self.writer
            .video(out, dts, composition, video.key, track.codec, &video.data)
    }

    /// Appends sound at `pts`, ms; nothing before the first picture.
    ///
    /// # Errors
    /// It does not fit FLV; nothing of it was appended.
    pub(crate) fn audio(
        &mut self,
        audio: &AudioUnit,
        pts: i64,
        out: &mut Vec<u8>,
    ) -> Result<(), flv::WriteError> {
        if !self.begun {
            return Ok(());
        }
        let track = &audio.track;
        let known = self.audio.as_ref().is_some_and(|known| known == track);
        if !known {
            self.writer
                .audio_config(out, pts, track.codec, &track.config)?;
            self.audio = Some(track.clone());
        }
        let format = AudioFormat {
            codec: track.codec,
            sample_rate: track.rate,
            channels: track.channels,
        };
        self.writer.audio(out, pts, format, &audio.data)
    }
}
