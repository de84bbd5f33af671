//! When to record: `Mon-Fri 08:00-18:00, Sat 10:00-14:00 +01:00`.

use std::fmt;
use std::str::FromStr;

const DAY_MIN: i64 = 24 * 60;
const WEEK_MIN: i64 = 7 * DAY_MIN;
/// 1970-01-01 was a Thursday.
const FIRST_DAY_MIN: i64 = 3 * DAY_MIN;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Times of the week. The empty one is never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    /// From and to, minutes of the week from Monday 00:00; the second may lie in the next week.
    spans: Vec<(i64, i64)>,
    /// How far its clock is ahead of UTC, minutes.
    offset_min: i64,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("got {got:?}, expected something like \"Mon-Fri 08:00-18:00, Sat 10:00-14:00 +01:00\"")]
pub struct NoSchedule {
    got: String,
}

impl Schedule {
    /// Whether it is time, at a wall time in unix milliseconds.
    pub fn is_on(&self, at_ms: i64) -> bool {
        let minute = at_ms.div_euclid(60_000) + self.offset_min + FIRST_DAY_MIN;
        let minute = minute.rem_euclid(WEEK_MIN);
        let inside = |minute: i64| {
            self.spans
                .iter()
                .any(|(from, to)| (*from..*to).contains(&minute))
        };
        inside(minute) || inside(minute + WEEK_MIN)
    }

    /// Whether it is never time.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = NoSchedule;

    /// Days and times in any number, separated by commas; at the end how far its clock is ahead of UTC, if it is.
    fn from_str(text: &str) -> Result<Self, NoSchedule> {
        parse(text).ok_or_else(|| NoSchedule { got: text.into() })
    }
}

fn parse(text: &str) -> Option<Schedule> {
    let (spans_text, offset_min) = match text.trim().rsplit_once(' ') {
        Some((front, zone)) if zone.starts_with(['+', '-']) => {
            let ahead = clock(zone.get(1..)?)?;
            (front, if zone.starts_with('-') { -ahead } else { ahead })
        }
        _ => (text, 0),
    };
    let mut spans = Vec::new();
    for part in spans_text.split(',') {
        let (days, times) = part.trim().split_once(' ')?;
        let (first, last) = match days.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(days)?, day(days)?),
        };
        let (from, to) = times.trim().split_once('-')?;
        let (from, to) = (clock(from)?, clock(to)?);
        // 22:00-06:00 ends on the next day.
        let to = if to <= from { to + DAY_MIN } else { to };
        let count = (last - first).rem_euclid(7) + 1;
        for day in first..first + count {
            let start = day % 7 * DAY_MIN;
            spans.push((start + from, start + to));
        }
    }
    Some(Schedule {
        text: text.trim().to_owned(),
        spans,
        offset_min,
    })
}

fn day(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let found = DAYS.iter().position(|day| *day == text)?;
    i64::try_from(found).ok()
}

/// "08:00" in minutes, up to "24:00".
fn clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= DAY_MIN).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday 2026-11-30, 00:00 UTC.
    const MONDAY: i64 = 1_795_996_800_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn it_is_on_when_it_says() {
        let schedule: Schedule = "Mon-Fri 08:00-18:00, sat 10:00-14:00".parse().unwrap();
        for day in 0..14 {
            for hour in 0..24 {
                let expected = match day % 7 {
                    0..=4 => (8..18).contains(&hour),
                    5 => (10..14).contains(&hour),
                    _ => false,
                };
                let at = MONDAY + (day * 24 + hour) * HOUR;
                assert_eq!(schedule.is_on(at), expected, "day {day}, {hour} h");
            }
        }
        assert!(!schedule.is_on(MONDAY + 8 * HOUR - 1));
    }

    #[test]
    fn nights_and_weekends_wrap_and_the_clock_may_be_a_local_one() {
        let night: Schedule = "Sat-Mon 22:00-06:00".parse().unwrap();
        assert!(night.is_on(MONDAY + 5 * HOUR) && night.is_on(MONDAY + 29 * HOUR));
        assert!(!night.is_on(MONDAY + 6 * HOUR) && !night.is_on(MONDAY + 53 * HOUR));
        let local: Schedule = "Mon 08:00-09:00 +02:00".parse().unwrap();
        assert!(local.is_on(MONDAY + 6 * HOUR) && !local.is_on(MONDAY + 8 * HOUR));
        let always: Schedule = "Mon-Sun 00:00-24:00 -05:30".parse().unwrap();
        assert!((0..168).all(|hour| always.is_on(MONDAY + hour * HOUR)));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in [
            "",
            "Mon",
            "Mon 8-18",
            "Foo 08:00-09:00",
            "Mon 08:60-09:00",
            "Mon 08:00-25:00",
            "Mon 08:00-09:00,",
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("Mon-Fri 08:00-18:00"), "{text}");
        }
    }
}
