//! When a piece of sound was captured, from callbacks that come late and say so badly.
//!
//! A callback comes when its thread is scheduled: late, in bursts, never early. The age that the sound system gives is
//! interpolated by it and too large by up to the time since it last asked (100 ms with PulseAudio). So pieces follow
//! each other by their samples, along the earliest callbacks, and the age is the smallest of a while.

use std::time::{Duration, Instant};

/// Sound after which the line is judged anew, beyond the worst lateness of that stretch: after a machine that stood
/// still has caught up, it is on time again; sound that is lost stays missing.
const STRETCH: Duration = Duration::from_millis(200);

/// See the module's text.
#[derive(Default)]
pub(super) struct Times {
    /// When the callback of the next piece is due.
    next: Option<Instant>,
    age: Option<Duration>,
    stretch: Stretch,
}

/// What was seen since the line was judged.
#[derive(Default)]
struct Stretch {
    sound: Duration,
    least_late: Option<Duration>,
    most_late: Duration,
    least_age: Option<Duration>,
}

impl Times {
    /// The moment at which the first sample of a piece of that length was captured, the callback of which came at `now`
    /// and says that it is that old.
    pub(super) fn captured(&mut self, now: Instant, age: Duration, length: Duration) -> Instant {
        let due = match self.next {
            Some(next) if next <= now => next,
            // Earlier than all before: those were late.
            _ => {
                self.stretch.least_late = Some(Duration::ZERO);
                now
            }
        };
        let late = now.saturating_duration_since(due);
        let stretch = &mut self.stretch;
        stretch.sound += length;
        stretch.least_late = Some(stretch.least_late.map_or(late, |least| least.min(late)));
        stretch.most_late = stretch.most_late.max(late);
        stretch.least_age = Some(stretch.least_age.map_or(age, |least| least.min(age)));
        let mut begin = due;
        if stretch.sound >= stretch.most_late + STRETCH {
            begin += stretch.least_late.unwrap_or_default();
            self.age = stretch.least_age;
            self.stretch = Stretch::default();
        }
        self.next = Some(begin + length);
        // A first age may be any; that a piece is as old as it is long is certain.
        let age = self.age.unwrap_or(length);
        begin.checked_sub(age).unwrap_or(begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: Duration = Duration::from_millis(10);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Captured times, ms since the first callback less the age, of pieces of 10 ms with these callbacks.
    fn captured(
        times: &mut Times,
        start: Instant,
        callbacks: impl IntoIterator<Item = u64>,
    ) -> Vec<i64> {
        let one = |at: u64| {
            let age = PIECE + ms(at * 7 % 90);
            let captured = times.captured(start + ms(at), age, PIECE);
            let after = captured.saturating_duration_since(start).as_millis() as i64;
            after - start.saturating_duration_since(captured).as_millis() as i64 + 10
        };
        callbacks.into_iter().map(one).collect()
    }

    #[test]
    fn pieces_follow_each_other_however_late_and_in_bursts_their_callbacks_come() {
        let (mut times, start) = (Times::default(), Instant::now());
        let late = |i: u64| 10 * i + [0, 45, 36, 27, 18, 9, 0, 130][(i % 8) as usize];
        let got = captured(&mut times, start, (0..400).map(late));
        let wanted: Vec<i64> = (0..400).map(|i| 10 * i).collect();
        let worst = got.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).max();
        assert!(worst <= Some(9), "{worst:?}");
    }

    #[test]
    fn a_machine_that_stood_still_has_lost_no_sound() {
        let (mut times, start) = (Times::default(), Instant::now());
        captured(&mut times, start, (0..50).map(|i| 10 * i));
        // 400 ms of nothing, then everything at once.
        let burst = captured(&mut times, start, (50..90).map(|_| 900));
        let after = captured(&mut times, start, (90..150).map(|i| 10 * i));
        let all: Vec<i64> = burst.into_iter().chain(after).collect();
        let steps = all.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(
            steps.clone().all(|step| (5..=15).contains(&step)),
            "{all:?}"
        );
    }

    #[test]
    fn sound_that_is_lost_is_a_gap_of_its_length() {
        let (mut times, start) = (Times::default(), Instant::now());
        captured(&mut times, start, (0..50).map(|i| 10 * i));
        let got = captured(&mut times, start, (80..200).map(|i| 10 * i));
        let jump = got.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!((Some(300)..=Some(320)).contains(&jump), "{jump:?}");
        assert!((got[119] - 1_990).abs() <= 9, "{}", got[119]);
    }

    #[test]
    fn a_clock_that_runs_slow_is_followed() {
        let (mut times, start) = (Times::default(), Instant::now());
        // 1 % slow: each piece takes 10.1 ms.
        let got = captured(&mut times, start, (0..1_000).map(|i| 101 * i / 10));
        assert!((got[999] - 10_089).abs() <= 12, "{}", got[999]);
    }
}
