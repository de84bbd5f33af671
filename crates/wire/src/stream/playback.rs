//! `action=playback`: what the camera recorded, as a stream.
//!
//! ```text
//! action=playback&channel=0&start_time=<s>&end_time=<s>[&session=<name>][&ff=1..3][&rewind=1]
//! ```

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::query::Query;

use super::{MESSAGE, MIN_SPAN_SECONDS};

/// Longest name of a playback, in bytes.
pub const MAX_SESSION_BYTES: usize = 32;

const SESSION: &str = "1 to 32 of A-Z a-z 0-9 - _";
const STEPS: &str = "0, 1, 2 or 3";

/// The name a viewer gives one of its playbacks, so that commands reach that one and not its newest: 1 to 32 of
/// `A-Z a-z 0-9 - _`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionName(String);

impl SessionName {
    /// `p<number>`: for whoever names playbacks by counting.
    pub fn numbered(number: u64) -> Self {
        Self(format!("p{number}"))
    }

    /// The name as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads `session`, which may be missing.
    pub(crate) fn read(
        message: &'static str,
        query: &Query<'_>,
    ) -> Result<Option<Self>, ParseError> {
        query
            .raw("session")
            .map(|raw| Self::check(message, raw))
            .transpose()
    }

    fn check(message: &'static str, text: &str) -> Result<Self, ParseError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=MAX_SESSION_BYTES).contains(&text.len()) && text.bytes().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::invalid(message, "session", text, SESSION))
        }
    }
}

impl FromStr for SessionName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::check("playback", text)
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much of the picture a fast playback keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FastForward {
    /// `0`: every picture, normal speed.
    #[default]
    Normal,
    /// `1`: only keyframes.
    Keyframes,
    /// `2`: every second keyframe.
    EverySecond,
    /// `3`: every third keyframe.
    EveryThird,
}

impl FastForward {
    /// The number on the wire.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The step of that number.
    pub fn from_number(number: u32) -> Option<Self> {
        [
            Self::Normal,
            Self::Keyframes,
            Self::EverySecond,
            Self::EveryThird,
        ]
        .into_iter()
        .find(|step| step.number() == number)
    }

    /// Reads the step at `key`, which may be missing.
    pub(crate) fn read(
        message: &'static str,
        query: &Query<'_>,
        key: &'static str,
    ) -> Result<Option<Self>, ParseError> {
        let Some(number) = query.number(key, STEPS)? else {
            return Ok(None);
        };
        match Self::from_number(number) {
            Some(step) => Ok(Some(step)),
            None => Err(ParseError::invalid(
                message,
                key,
                &number.to_string(),
                STEPS,
            )),
        }
    }
}

/// Which way a playback goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// From `start_time` to `end_time`.
    #[default]
    Forward,
    /// `rewind=1`: keyframes only, from `end_time` to `start_time`.
    Backward,
}

/// What the camera recorded from one moment to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Playback {
    /// 0 for a camera, the child's index for an NVR.
    pub channel: u32,
    /// First moment, unix seconds.
    pub start_time: u64,
    /// Last moment, unix seconds, at least [`MIN_SPAN_SECONDS`] later. It may lie in the future: the stream then
    /// follows the recording.
    pub end_time: u64,
    /// `playback-audio`: sound without picture.
    pub audio_only: bool,
    /// The viewer's name for it, if it runs several at once.
    pub session: Option<SessionName>,
    /// Which pictures are sent.
    pub ff: FastForward,
    /// Which way.
    pub direction: Direction,
}

impl Playback {
    /// Every picture with its sound, of channel 0.
    pub fn new(start_time: u64, end_time: u64) -> Self {
        Self {
            channel: 0,
            start_time,
            end_time,
            audio_only: false,
            session: None,
            ff: FastForward::Normal,
            direction: Direction::Forward,
        }
    }

    pub(super) fn read(query: &Query<'_>, audio_only: bool) -> Result<Self, ParseError> {
        let (start_time, end_time) = query.times(MIN_SPAN_SECONDS)?;
        let direction = match query.raw("rewind") {
            None | Some("0") => Direction::Forward,
            Some("1") => Direction::Backward,
            Some(other) => return Err(ParseError::invalid(MESSAGE, "rewind", other, "0 or 1")),
        };
        Ok(Self {
            channel: query.channel()?,
            start_time,
            end_time,
            audio_only,
            session: SessionName::read(MESSAGE, query)?,
            ff: FastForward::read(MESSAGE, query, "ff")?.unwrap_or_default(),
            direction,
        })
    }

    pub(super) fn to_query(&self) -> String {
        let action = if self.audio_only {
            "playback-audio"
        } else {
            "playback"
        };
        let mut text = format!(
            "action={action}&channel={}&start_time={}&end_time={}",
            self.channel, self.start_time, self.end_time
        );
        if let Some(session) = &self.session {
            text.push_str(&format!("&session={session}"));
        }
        if self.ff != FastForward::Normal {
            text.push_str(&format!("&ff={}", self.ff.number()));
        }
        if self.direction == Direction::Backward {
            text.push_str("&rewind=1");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::StreamRequest;

    fn playback(rest: &str) -> Result<Playback, ParseError> {
        let path = format!("/ipc.p2p.com/ipc.flv?action=playback&start_time=10&end_time=20{rest}");
        match StreamRequest::parse(&path)? {
            StreamRequest::Playback(playback) => Ok(playback),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_documents_form_is_a_normal_playback_forward() {
        assert_eq!(playback(""), Ok(Playback::new(10, 20)));
        assert_eq!(playback("&ff=0&rewind=0"), Ok(Playback::new(10, 20)));
    }

    #[test]
    fn a_named_fast_playback_backward_round_trips() {
        let wanted = Playback {
            channel: 3,
            session: Some("left_4-k".parse().unwrap()),
            ff: FastForward::EverySecond,
            direction: Direction::Backward,
            ..Playback::new(10, 20)
        };
        let path = StreamRequest::Playback(wanted.clone()).to_path();
        assert_eq!(
            path,
            "/ipc.p2p.com/ipc.flv?action=playback&channel=3&start_time=10&end_time=20&session=left_4-k&ff=2&rewind=1"
        );
        assert_eq!(
            StreamRequest::parse(&path),
            Ok(StreamRequest::Playback(wanted))
        );
    }

    #[test]
    fn errors_name_the_parameter() {
        for (rest, field) in [
            ("&ff=4", "ff"),
            ("&ff=x", "ff"),
            ("&rewind=2", "rewind"),
            ("&session=a.b", "session"),
            ("&session=%41", "session"),
            ("&session=123456789012345678901234567890123", "session"),
        ] {
            assert_eq!(playback(rest).unwrap_err().field(), field, "{rest}");
        }
        let longest = SessionName::numbered(u64::MAX);
        assert_eq!(longest.as_str().parse(), Ok(longest));
        assert_eq!(
            "".parse::<SessionName>().unwrap_err().to_string(),
            "playback: session is \"\", expected 1 to 32 of A-Z a-z 0-9 - _"
        );
    }
}
