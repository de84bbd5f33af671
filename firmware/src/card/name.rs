//! What files on the card are called: `20261130T143000Z-000123.mp4`, start in UTC and a running number.

use std::path::PathBuf;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// 9999-12-31T23:59:59.999Z.
const LAST_MS: i64 = 253_402_300_799_999;

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
        let start_ms = start_ms.clamp(0, LAST_MS);
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
        let time = time.strip_suffix('Z')?;
        let (date, clock) = time.split_once('T')?;
        let part = |text: &str, range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
        let day = days_from_civil(part(date, 0..4)?, part(date, 4..6)?, part(date, 6..8)?);
        let second = part(clock, 0..2)? * 3600 + part(clock, 2..4)? * 60 + part(clock, 4..6)?;
        let name = Self::new(content, day * DAY_MS + second * 1000, number);
        // One way to write each name: no signs, no spare zeros, no 31st of February.
        (name.file_name() == text).then_some(name)
    }

    /// "20261130T143000Z-000123.mp4".
    pub fn file_name(&self) -> String {
        let second = self.start_ms % DAY_MS / 1000;
        format!(
            "{}T{:02}{:02}{:02}Z-{:06}.{}",
            day_name(self.start_ms),
            second / 3600,
            second / 60 % 60,
            second % 60,
            self.number,
            self.content.extension()
        )
    }

    /// Where it lies on the card: "video/20261130/20261130T143000Z-000123.mp4".
    pub fn path(&self) -> PathBuf {
        let day = day_name(self.start_ms);
        [self.content.folder(), &day, &self.file_name()]
            .iter()
            .collect()
    }
}

/// "20261130".
fn day_name(at_ms: i64) -> String {
    let (year, month, day) = civil_from_days(at_ms.div_euclid(DAY_MS));
    format!("{year:04}{month:02}{day:02}")
}

/// The first and the last-but-one millisecond of a month, unix milliseconds, for a clock that is so far ahead of UTC.
/// `None` for a month that there is not.
pub fn month(year: i32, month: u32, utc_offset_min: i32) -> Option<(i64, i64)> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let (year, month) = (i64::from(year), i64::from(month));
    let next = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    let offset = i64::from(utc_offset_min) * 60_000;
    let start = |(year, month)| days_from_civil(year, month, 1) * DAY_MS - offset;
    Some((start((year, month)), start(next)))
}

/// Days from 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month, day of a number of days from 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
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

    #[test]
    fn a_month_begins_where_the_viewer_lives() {
        let (start, end) = month(2026, 2, 0).unwrap();
        assert_eq!((start, end - start), (1_769_904_000_000, 28 * DAY_MS));
        assert_eq!(month(2026, 2, 60).unwrap().0, start - 3_600_000);
        assert_eq!(month(2024, 2, 0).map(|(a, b)| b - a), Some(29 * DAY_MS));
        assert_eq!(month(2026, 13, 0), None);
        assert_eq!(month(i32::MAX, 1, 0), None);
    }
}
