//! PTZ: moving the camera, in the simple dialect (`ptz_left`) and the topic dialect (`ptz_left_press`,
//! `ptz_release_pre`), and its reply.

use crate::error::ParseError;

use super::{MESSAGE, Topic};

pub use super::reply::PtzReply as Reply;

/// How long after a press without a repeat or release a camera stops its motor, in milliseconds: the delay with which
/// the documents' panel sends `ptz_release_pre` after the finger is up.
pub const RELEASE_AFTER_MS: u64 = 500;

/// Where the camera looks next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Tilt up.
    Up,
    /// Tilt down.
    Down,
    /// Pan left.
    Left,
    /// Pan right.
    Right,
}

impl Direction {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Left, Self::Right];
}

/// A movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ptz {
    /// Start to move and go on until released: `ptz_<direction>_press`.
    Press(Direction),
    /// Stop: `ptz_release_pre`.
    Release,
    /// Move one step: `ptz_<direction>`.
    Step(Direction),
}

impl Ptz {
    /// All nine.
    pub const ALL: [Self; 9] = [
        Self::Press(Direction::Up),
        Self::Press(Direction::Down),
        Self::Press(Direction::Left),
        Self::Press(Direction::Right),
        Self::Release,
        Self::Step(Direction::Up),
        Self::Step(Direction::Down),
        Self::Step(Direction::Left),
        Self::Step(Direction::Right),
    ];

    /// The word on the wire, the same in both dialects.
    pub fn name(self) -> &'static str {
        match self {
            Self::Press(Direction::Up) => "ptz_up_press",
            Self::Press(Direction::Down) => "ptz_down_press",
            Self::Press(Direction::Left) => "ptz_left_press",
            Self::Press(Direction::Right) => "ptz_right_press",
            Self::Release => "ptz_release_pre",
            Self::Step(Direction::Up) => "ptz_up",
            Self::Step(Direction::Down) => "ptz_down",
            Self::Step(Direction::Left) => "ptz_left",
            Self::Step(Direction::Right) => "ptz_right",
        }
    }

    /// The movement of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ptz| ptz.name() == name)
    }

    /// The movement in a `ptz` topic's `data.cmd`.
    pub(super) fn read(topic: &Topic) -> Result<Self, ParseError> {
        const EXPECTED: &str = "ptz_up_press, ptz_release_pre, ptz_up or another direction's";
        let Some(cmd) = topic.data.as_ref().and_then(|data| data.get("cmd")) else {
            return Err(ParseError::missing(MESSAGE, "data.cmd", EXPECTED));
        };
        cmd.as_str()
            .and_then(Self::from_name)
            .ok_or_else(|| ParseError::invalid(MESSAGE, "data.cmd", &cmd.to_string(), EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_movement_round_trips_by_name() {
        for ptz in Ptz::ALL {
            assert_eq!(Ptz::from_name(ptz.name()), Some(ptz));
            assert_eq!(Ptz::read(&Topic::ptz(ptz)), Ok(ptz));
        }
        for direction in Direction::ALL {
            assert!(Ptz::ALL.contains(&Ptz::Press(direction)));
            assert!(Ptz::ALL.contains(&Ptz::Step(direction)));
        }
        assert_eq!(Ptz::from_name("ptz_sideways"), None);
    }
}
