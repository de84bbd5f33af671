//! The `playback_…` commands: they steer a playback that runs.
//!
//! ```text
//! cmd=playback_seek&progress=<ms>[&session=<name>]
//! ```

use crate::error::ParseError;
use crate::query::Query;
use crate::stream::FastForward;

use super::MESSAGE;

/// Where to go in a playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seek {
    /// `time`, unix seconds (older firmware).
    Time(u64),
    /// `progress`, milliseconds from the start of the playback (newer firmware; taken if both are given).
    Progress(u64),
}

/// What a running playback shall do. Times are unix seconds unless a name says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaybackAct {
    /// Stand still. Reply of this and the following: [`PlaybackStatus`](super::reply::PlaybackStatus).
    Pause,
    /// Go on after a pause.
    Resume,
    /// Go elsewhere.
    Seek(Seek),
    /// Where is it? Reply: [`Progress`](super::reply::Progress).
    Progress,
    /// Set the time between two pictures.
    Speed {
        /// Milliseconds; more than the recording's own interval is slow motion, 0 the recording's own.
        interval_ms: u32,
    },
    /// Skip pictures.
    Ff(FastForward),
    /// Play backward.
    Rewind {
        /// Where rewinding stops.
        start_time: u64,
        /// Where it begins, not before `start_time`.
        end_time: u64,
    },
}

impl PlaybackAct {
    /// The value of `cmd`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pause => "playback_pause",
            Self::Resume => "playback_resume",
            Self::Seek(_) => "playback_seek",
            Self::Progress => "playback_progress",
            Self::Speed { .. } => "playback_speed",
            Self::Ff(_) => "playback_ff",
            Self::Rewind { .. } => "playback_rewind",
        }
    }

    /// Reads the command of that name; `None` if it is no playback command.
    pub(super) fn read(cmd: &str, query: &Query<'_>) -> Result<Option<Self>, ParseError> {
        Ok(Some(match cmd {
            "playback_pause" => Self::Pause,
            "playback_resume" => Self::Resume,
            "playback_seek" => Self::Seek(read_seek(query)?),
            "playback_progress" => Self::Progress,
            "playback_speed" => Self::Speed {
                interval_ms: query.required_number("speed", "milliseconds between pictures")?,
            },
            "playback_ff" => Self::Ff(
                FastForward::read(MESSAGE, query, "speed")?
                    .ok_or_else(|| ParseError::missing(MESSAGE, "speed", "0, 1, 2 or 3"))?,
            ),
            "playback_rewind" => {
                let (start_time, end_time) = query.times(0)?;
                Self::Rewind {
                    start_time,
                    end_time,
                }
            }
            _ => return Ok(None),
        }))
    }

    /// Adds the parameters, in the documents' order.
    pub(super) fn write(&self, text: &mut String) {
        match self {
            Self::Pause | Self::Resume | Self::Progress => {}
            Self::Seek(Seek::Time(time)) => text.push_str(&format!("&time={time}")),
            Self::Seek(Seek::Progress(ms)) => text.push_str(&format!("&progress={ms}")),
            Self::Speed { interval_ms } => text.push_str(&format!("&speed={interval_ms}")),
            Self::Ff(step) => text.push_str(&format!("&speed={}", step.number())),
            Self::Rewind {
                start_time,
                end_time,
            } => text.push_str(&format!("&start_time={start_time}&end_time={end_time}")),
        }
    }
}

fn read_seek(query: &Query<'_>) -> Result<Seek, ParseError> {
    if let Some(ms) = query.number("progress", "milliseconds from the start")? {
        return Ok(Seek::Progress(ms));
    }
    match query.number("time", "unix seconds")? {
        Some(time) => Ok(Seek::Time(time)),
        None => Err(ParseError::missing(
            MESSAGE,
            "progress",
            "milliseconds from the start, or time in unix seconds",
        )),
    }
}
