//! What files on the card are called: `20261130T143000Z-000123.mp4`, start in UTC and a running number.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::path::PathBuf;

/// A second, in UTC, as it stands in a name.
const SECOND: &str = "%Y%m%dT%H%M%SZ";
/// The folder of a day.
const DAY: &str = "%Y%m%d";

/// What a file holds, and so where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A segment: `video/<day>/<name>.mp4`.
    Video,
    /// A picture: `pictures/<day>/<name>.jpg`.
    Picture,
}

impl Content {
    /// The folder on the card.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Picture => "pictures",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Video => "mp4",
            Self::Picture => "jpg",
        }
    }
}

/// A file's name, which says all that is needed to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// What it holds.
    pub content: Content,
    /// The second it begins, unix milliseconds of it; between 1970 and 9999.
    pub start_ms: i64,
    /// Its running number on this card.
    pub number: u64,
}

impl Name {
    /// The name of what begins then.
    pub fn new(content: Content, start_ms: i64, number: u64) -> Self {
        let start_ms = start_ms.clamp(0, Timestamp::MAX.as_millisecond());
        Self {
            content,
            start_ms: start_ms - start_ms % 1000,
            number,
        }
    }

    /// Reads a name; anything else than what [`Name::file_name`] writes is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (stem, content) = match text.split_once('.')? {
            (stem, "mp4") => (stem, Content::Video),
            (stem, "jpg") => (stem, Content::Picture),
            _ => return None,
        };
        let (time, number) = stem.split_once('-')?;
        let number = number.parse().ok()?;
        let time = DateTime::strptime(SECOND, time).ok()?;
        let start = TimeZone::UTC.to_timestamp(time).ok()?;
        let name = Self::new(content, start.as_millisecond(), number);
        // One way to write each name: no signs, no spare zeros, no 31st of February.
        (name.file_name() == text).then_some(name)
    }

    /// "20261130T143000Z-000123.mp4".
    pub fn file_name(&self) -> String {
        let start = self.start().strftime(SECOND);
        format!("{start}-{:06}.{}", self.number, self.content.extension())
    }

    /// Where it lies on the card: "video/20261130/20261130T143000Z-000123.mp4".
    pub fn path(&self) -> PathBuf {
        let day = self.start().strftime(DAY).to_string();
        [self.content.folder(), &day, &self.file_name()]
            .iter()
            .collect()
    }

    fn start(&self) -> Timestamp {
        // What was clamped fits; a number put there by hand need not.
        Timestamp::from_millisecond(self.start_ms).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_the_file_is_and_reads_back() {
        let name = Name::new(Content::Video, 1_796_049_000_123, 123);
        assert_eq!(name.file_name(), "20261130T143000Z-000123.mp4");
        assert_eq!(
            name.path(),
            PathBuf::from("video/20261130/20261130T143000Z-000123.mp4")
        );
        assert_eq!(Name::parse("20261130T143000Z-000123.mp4"), Some(name));
        for at in [
            i64::MIN,
            -1,
            0,
            951_782_399_000,
            4_102_444_800_000,
            i64::MAX,
        ] {
            let name = Name::new(Content::Picture, at, u64::MAX);
            assert_eq!(Name::parse(&name.file_name()), Some(name), "{at}");
        }
    }

    #[test]
    fn nothing_else_is_a_name() {
        for text in [
            "",
            "../index",
            "20261130T143000Z-000123.mp4/../../x",
            "20261130T143000Z-000123.mp4\0",
            "20261130T143000Z-+00123.mp4",
            "20261130T143000Z-123.mp4",
            "20261130T143000Z-0000123.mp4",
            "20260231T000000Z-000001.mp4",
            "20261130T240000Z-000001.mp4",
            "20261130T14300éZ-000001.mp4",
            "+2026113T143000Z-000123.mp4",
            "20261130T143000Z-000123.MP4",
            "20261130T143000Z-99999999999999999999999.mp4",
        ] {
            assert_eq!(Name::parse(text), None, "{text:?}");
        }
    }
}
