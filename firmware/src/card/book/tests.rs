use super::*;

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

fn book(segments: &[(i64, i64)]) -> Book {
    let mut book = Book::default();
    for (number, (start_ms, end_ms)) in segments.iter().enumerate() {
        book.apply(&Record {
            what: What::Segment,
            label: label(Kind::Continuous, true),
            number: number as u64,
            start_ms: *start_ms,
            end_ms: *end_ms,
            bytes: 1000,
            sha256: None,
        });
    }
    book
}

fn pieces(book: &Book, from: i64, to: i64) -> Vec<(u64, i64, i64)> {
    let segments = book.segments(from, to);
    segments
        .iter()
        .map(|one| (one.number, one.from_ms, one.to_ms))
        .collect()
}

#[test]
fn a_clock_set_back_an_hour_leaves_every_moment_once_and_the_later_recording_counts() {
    // 0:00 to 2:00, then the clock goes back to 1:00 and on to 1:30.
    let mut minutes: Vec<(i64, i64)> = (0..120)
        .map(|minute| (minute * MINUTE, (minute + 1) * MINUTE))
        .collect();
    minutes.extend((60..90).map(|minute| (minute * MINUTE + 500, (minute + 1) * MINUTE + 500)));
    let book = book(&minutes);
    let found = pieces(&book, 0, 3 * HOUR);
    assert!(
        found.windows(2).all(|pair| pair[0].2 <= pair[1].1),
        "{found:?}"
    );
    let covered: i64 = found.iter().map(|one| one.2 - one.1).sum();
    assert_eq!(covered, 2 * HOUR);
    let at = |ms: i64| {
        found
            .iter()
            .find(|one| one.1 <= ms && ms < one.2)
            .map(|one| one.0)
    };
    assert_eq!(at(HOUR), Some(60), "half a second of the older one is left");
    assert_eq!(at(HOUR + 10 * MINUTE), Some(129));
    assert_eq!(at(HOUR + 40 * MINUTE), Some(100));
    assert_eq!(book.stretches(0, 3 * HOUR, 2000).len(), 1);
}

#[test]
fn one_that_lies_inside_an_older_one_cuts_it_in_two() {
    let book = book(&[(0, 100), (40, 60)]);
    assert_eq!(
        pieces(&book, 0, 100),
        [(0, 0, 40), (1, 40, 60), (0, 60, 100)]
    );
    assert_eq!(pieces(&book, 70, 80), [(0, 0, 100)]);
}

#[test]
fn what_lies_apart_stays_apart() {
    let book = book(&[
        (0, MINUTE),
        (MINUTE, 2 * MINUTE),
        (2 * MINUTE + 1999, 3 * MINUTE),
        (3 * MINUTE + 2000, 4 * MINUTE),
    ]);
    let stretches = book.stretches(0, HOUR, 2000);
    let stretches: Vec<_> = stretches
        .iter()
        .map(|one| (one.start_ms, one.end_ms))
        .collect();
    assert_eq!(
        stretches,
        [(0, 3 * MINUTE), (3 * MINUTE + 2000, 4 * MINUTE)]
    );
    assert_eq!(pieces(&book, MINUTE, 2 * MINUTE), [(1, MINUTE, 2 * MINUTE)]);
    assert!(pieces(&book, 5 * MINUTE, HOUR).is_empty());
}

#[test]
fn days_are_those_of_the_viewers_clock() {
    let (start, _) = month(2026, 11, 0).unwrap();
    let evening = start + 7 * DAY_MS + 23 * HOUR + 30 * MINUTE;
    let book = book(&[(evening, evening + HOUR), (start - HOUR, start)]);
    assert_eq!(book.days(2026, 11, 0), 1 << 7 | 1 << 8);
    assert_eq!(book.days(2026, 11, 60), 1 << 8 | 1);
    assert_eq!(book.days(2026, 11, -60), 1 << 7);
    assert_eq!(book.days(2026, 10, 0), 1 << 30);
    assert_eq!(book.days(2026, 0, 0), 0);
}

#[test]
fn records_say_all_that_is_in_the_book_and_no_number_comes_twice() {
    let mut one = book(&[(0, 10), (10, 20), (20, 30)]);
    one.remove(2);
    one.events.push_back(Event {
        start_ms: 5,
        end_ms: 9,
    });
    let mut other = Book::default();
    one.records().iter().for_each(|record| other.apply(record));
    assert_eq!(
        (&other.segments, &other.events),
        (&one.segments, &one.events)
    );
    assert_eq!((other.next, other.used), (3, 2000));
}

#[test]
fn the_oldest_that_nobody_reads_goes_first() {
    let mut book = book(&[(0, 10), (10, 20)]);
    book.pins.insert(0, 1);
    assert_eq!(book.oldest().map(|oldest| oldest.name.number), Some(1));
    book.pins.insert(1, 1);
    assert_eq!(book.oldest(), None);
}

#[test]
fn a_moment_is_found_whatever_was_recorded_replaced_or_deleted_around_it() {
    // A long one, many short ones, one of another time; then one is recorded anew and one is deleted.
    let mut minutes = vec![(0, HOUR)];
    minutes.extend((60..90).map(|minute| (minute * MINUTE, (minute + 1) * MINUTE)));
    minutes.push((-HOUR, -HOUR + MINUTE));
    let mut book = book(&minutes);
    let last_of_the_long = pieces(&book, HOUR - 1, HOUR);
    assert_eq!(last_of_the_long, [(0, 0, HOUR)]);
    assert_eq!(pieces(&book, 75 * MINUTE, 75 * MINUTE + 1).len(), 1);
    assert_eq!(pieces(&book, -HOUR, -HOUR + 1).len(), 1);
    let moved = Record {
        what: What::Segment,
        label: label(Kind::Continuous, true),
        number: 5,
        start_ms: 3 * HOUR,
        end_ms: 3 * HOUR + MINUTE,
        bytes: 1000,
        sha256: None,
    };
    book.apply(&moved);
    assert!(pieces(&book, 64 * MINUTE, 65 * MINUTE).is_empty());
    assert_eq!(pieces(&book, 3 * HOUR, 4 * HOUR)[0].0, 5);
    book.remove(5);
    assert!(pieces(&book, 2 * HOUR, 4 * HOUR).is_empty());
    let all = pieces(&book, i64::MIN, i64::MAX);
    assert_eq!(all.len(), 31);
}
