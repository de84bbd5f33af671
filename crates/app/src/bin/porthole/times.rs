//! Moments and days as people type and read them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Reads a moment: RFC 3339, `YYYY-MM-DD HH:MM:SS` in this machine's time zone, or unix seconds. Unix ms.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    moment_in(text, &TimeZone::system())
}

fn moment_in(text: &str, zone: &TimeZone) -> Result<i64, String> {
    let text = text.trim();
    let wrong = || {
        format!("{text:?} is no moment: 2026-11-30 14:30:00, 2026-11-30T14:30:00Z or unix seconds")
    };
    let seconds = text.parse::<f64>().ok();
    let ms = if let Some(seconds) = seconds.filter(|seconds| seconds.is_finite()) {
        (seconds * 1000.0).round() as i64
    } else if let Ok(moment) = text.parse::<Timestamp>() {
        moment.as_millisecond()
    } else {
        let local: DateTime = text.parse().map_err(|_| wrong())?;
        let zoned = local.to_zoned(zone.clone()).map_err(|_| wrong())?;
        zoned.timestamp().as_millisecond()
    };
    // The end of the year 9999.
    (0..=253_402_300_799_999)
        .contains(&ms)
        .then_some(ms)
        .ok_or_else(wrong)
}

/// Reads a day of this machine's time zone, `YYYY-MM-DD`; when it begins and ends, unix ms.
pub(crate) fn day(text: &str) -> Result<(i64, i64), String> {
    day_in(text, &TimeZone::system())
}

fn day_in(text: &str, zone: &TimeZone) -> Result<(i64, i64), String> {
    let wrong = || format!("{text:?} is no day: YYYY-MM-DD");
    let date: Date = text.trim().parse().map_err(|_| wrong())?;
    let start = |date: Date| {
        let zoned = date.to_zoned(zone.clone()).ok()?;
        Some(zoned.timestamp().as_millisecond().max(0))
    };
    let next = date.checked_add(1.day()).map_err(|_| wrong())?;
    start(date).zip(start(next)).ok_or_else(wrong)
}

/// Today, `YYYY-MM-DD`.
pub(crate) fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

/// A moment for people, in this machine's time zone.
pub(crate) fn show(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |moment| {
            let zoned = moment.to_zoned(TimeZone::system());
            zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn china() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(8))
    }

    #[test]
    fn a_moment_is_read_in_every_form() {
        for text in [
            "1783440600",
            "2026-07-07T16:10:00Z",
            "2026-07-08T00:10:00+08:00",
            "2026-07-08 00:10:00",
            "2026-07-08T00:10:00",
        ] {
            assert_eq!(moment_in(text, &china()), Ok(1_783_440_600_000), "{text}");
        }
        assert_eq!(moment_in("1783440600.25", &china()), Ok(1_783_440_600_250));
        for text in ["", "soon", "-5", "1e30", "NaN", "2026-13-01 00:00:00"] {
            assert!(moment_in(text, &china()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_that_of_the_time_zone_also_when_the_clock_is_set() {
        let (start, end) = day_in("2026-07-08", &china()).unwrap();
        assert_eq!((start, end - start), (1_783_440_000_000, 86_400_000));
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let (start, end) = day_in("2026-03-29", &berlin).unwrap();
        assert_eq!(end - start, 23 * 3_600_000);
        assert!(day_in("2026-02-30", &berlin).is_err());
    }
}
