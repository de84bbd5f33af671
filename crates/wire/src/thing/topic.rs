//! Topics of the thing model.

use std::fmt;
use std::str::FromStr;

use crate::device::Device;
use crate::error::ParseError;

use super::MAX_TOPIC_BYTES;

const MESSAGE: &str = "topic";

/// Which way a topic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the device to the hub.
    Up,
    /// From the hub to the device.
    Down,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Up, Self::Down];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What a topic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Values that the device has.
    Property,
    /// Things that happen to it.
    Event,
    /// Binding and the like.
    Service,
    /// Things that it is told to do.
    Action,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Property, Self::Event, Self::Service, Self::Action];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Property => "property",
            Self::Event => "event",
            Self::Service => "service",
            Self::Action => "action",
        }
    }
}

/// `$thing/{direction}/{kind}/{productId}/{deviceName}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Which way it goes.
    pub direction: Direction,
    /// What it is about.
    pub kind: Kind,
    /// Whose it is.
    pub device: Device,
}

impl Topic {
    /// A device's topic to the hub.
    pub fn up(kind: Kind, device: &Device) -> Self {
        Self {
            direction: Direction::Up,
            kind,
            device: device.clone(),
        }
    }

    /// The hub's topic to a device.
    pub fn down(kind: Kind, device: &Device) -> Self {
        Self {
            direction: Direction::Down,
            kind,
            device: device.clone(),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "$thing/{}/{}/{}",
            self.direction.name(),
            self.kind.name(),
            self.device
        )
    }
}

impl FromStr for Topic {
    type Err = ParseError;

    /// Reads a topic. Wildcards are no topic.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        ParseError::limit(MESSAGE, "text", text.len(), MAX_TOPIC_BYTES)?;
        let invalid = |field, expected| ParseError::invalid(MESSAGE, field, text, expected);
        let rest = text
            .strip_prefix("$thing/")
            .ok_or_else(|| invalid("prefix", "$thing/"))?;
        let (direction, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let direction = Direction::ALL.into_iter().find(|d| d.name() == direction);
        let (kind, device) = rest.split_once('/').unwrap_or((rest, ""));
        let kind = Kind::ALL.into_iter().find(|k| k.name() == kind);
        Ok(Self {
            direction: direction.ok_or_else(|| invalid("direction", "up or down"))?,
            kind: kind.ok_or_else(|| invalid("kind", "property, event, service or action"))?,
            device: device.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back() {
        let device = Device::new("ABCDE12345", "cam_01").unwrap();
        for kind in Kind::ALL {
            for topic in [Topic::up(kind, &device), Topic::down(kind, &device)] {
                assert_eq!(topic.to_string().parse(), Ok(topic));
            }
        }
        assert_eq!(
            Topic::down(Kind::Service, &device).to_string(),
            "$thing/down/service/ABCDE12345/cam_01"
        );
    }

    #[test]
    fn wildcards_and_foreign_topics_are_none() {
        for (text, field) in [
            ("", "prefix"),
            ("thing/up/service/ABCDE12345/a", "prefix"),
            ("$thing", "prefix"),
            ("$thing/sideways/service/ABCDE12345/a", "direction"),
            ("$thing/+/service/ABCDE12345/a", "direction"),
            ("$thing/up/#", "kind"),
            ("$thing/up/service/ABCDE12345", "deviceId"),
            ("$thing/up/service/ABCDE12345/+", "deviceName"),
            ("$thing/up/service/ABCDE12345/a/b", "deviceName"),
            ("$thing/up/service/+/a", "productId"),
            (&"x".repeat(129), "text"),
        ] {
            assert_eq!(text.parse::<Topic>().unwrap_err().field(), field, "{text}");
        }
    }
}
