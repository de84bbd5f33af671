//! Days of a calendar, in a time zone that is given as its distance from UTC.

use crate::api::Stretch;
use std::collections::BTreeSet;

const DAY_MS: i64 = 86_400_000;

/// The days, 1 to 31, of the month from `start_ms` to `end_ms` in which something was recorded.
pub fn days_of(stretches: &[Stretch], (start_ms, end_ms): (i64, i64)) -> Vec<u8> {
    let mut days = BTreeSet::new();
    for stretch in stretches {
        let from = stretch.start_ms.max(start_ms);
        // What ends at midnight is not of the next day.
        let to = stretch.end_ms.min(end_ms).max(from + 1) - 1;
        let ended = stretch.end_ms <= start_ms && stretch.start_ms < start_ms;
        if ended || from >= end_ms {
            continue;
        }
        let (first, last) = ((from - start_ms) / DAY_MS, (to - start_ms) / DAY_MS);
        days.extend((first..=last).filter_map(|day| u8::try_from(day + 1).ok()));
    }
    days.into_iter()
        .filter(|day| (1..=31).contains(day))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::RecordKind;
    use wire::calendar::month;

    fn stretch(start_ms: i64, end_ms: i64) -> Stretch {
        Stretch {
            kind: RecordKind::Continuous,
            start_ms,
            end_ms,
        }
    }

    #[test]
    fn a_night_is_of_two_days_and_midnight_of_the_one_before() {
        // China, UTC+8: 8 July 2026 begins at 16:00 UTC of the 7th.
        let july = month(2026, 7, 480).unwrap();
        let day = |n: i64, hours: i64| july.0 + (n - 1) * DAY_MS + hours * 3_600_000;
        let recorded = [
            stretch(day(8, 22), day(9, 2)),
            stretch(day(14, 0), day(15, 0)),
            stretch(july.0 - 5_000, july.0),
            stretch(day(31, 23), day(32, 5)),
        ];
        assert_eq!(days_of(&recorded, july), [8, 9, 14, 31]);
        assert!(days_of(&[stretch(july.0 - 9, july.0 - 1)], july).is_empty());
    }

    #[test]
    fn a_stretch_of_no_length_is_of_its_day() {
        let january = month(1970, 1, 0).unwrap();
        assert_eq!(days_of(&[stretch(DAY_MS, DAY_MS)], january), [2]);
    }
}
