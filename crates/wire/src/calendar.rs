//! Months, where the viewer lives: its clock is given as its distance from UTC.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The years of which recordings may be.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9998;

/// When a month begins and when the next one does, unix milliseconds, for a clock that is so many minutes ahead of UTC.
/// `None` for a month that there is not, and for a clock that is more than a day away.
pub fn month(year: i32, month: u32, utc_offset_min: i32) -> Option<(i64, i64)> {
    let year = i16::try_from(year)
        .ok()
        .filter(|year| YEARS.contains(year))?;
    let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
    if utc_offset_min.unsigned_abs() > 24 * 60 {
        return None;
    }
    let offset_ms = i64::from(utc_offset_min) * 60_000;
    let begins = |day: Date| {
        let midnight = TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
        Some(midnight.ok()?.as_millisecond() - offset_ms)
    };
    Some((begins(first)?, begins(first.checked_add(1.month()).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn months_are_those_of_the_calendar() {
        assert_eq!(month(1970, 1, 0), Some((0, 31 * DAY_MS)));
        assert_eq!(
            month(2024, 2, 0),
            Some((1_706_745_600_000, 1_709_251_200_000)),
            "29 days"
        );
        let (start, end) = month(2026, 12, 480).unwrap();
        assert_eq!((start, end - start), (1_796_054_400_000, 31 * DAY_MS));
        let february = month(2026, 2, 0).unwrap();
        assert_eq!(february.0, 1_769_904_000_000);
        assert_eq!(month(2026, 2, 60).unwrap().0, february.0 - 3_600_000);
    }

    #[test]
    fn what_no_calendar_has_is_no_month() {
        for (year, of, offset) in [
            (1969, 1, 0),
            (9999, 1, 0),
            (i32::MAX, 1, 0),
            (2026, 0, 0),
            (2026, 13, 0),
            (2026, u32::MAX, 0),
            (2026, 1, 9999),
            (2026, 1, i32::MIN),
        ] {
            assert_eq!(month(year, of, offset), None, "{year}-{of} {offset}");
        }
    }
}
