//! Timestamps of one stream: 32 bits made endless, and jumps repaired.

/// What to do when a stream's timestamps jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampPolicy {
    /// Pass times on as sent, only unwrapped at 2^32. For files.
    Trust,
    /// Times never go backward and never leap: a step back of more than [`BACKWARD_JITTER_MS`], or forward of more than
    /// `max_jump_ms`, continues at the last time plus the usual step. For live streams, whose camera may restart or
    /// set its clock.
    Repair {
        /// Longest believable step forward, ms.
        max_jump_ms: u32,
    },
}

impl Default for TimestampPolicy {
    fn default() -> Self {
        Self::Repair {
            max_jump_ms: 10_000,
        }
    }
}

/// Steps back of at most this are scatter, not a jump: the time stands still until the stream has caught up.
pub const BACKWARD_JITTER_MS: i64 = 100;
/// Longest step that counts as "the usual step" of a stream.
const MAX_USUAL_STEP_MS: i64 = 1000;
/// Where writers without the extension byte wrap (FLV 1.0 had 24 bits only).
const WRAP_24: i64 = 1 << 24;

/// A jump that was repaired. All times in ms, unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jump {
    pub(crate) from: i64,
    pub(crate) sent: i64,
    pub(crate) to: i64,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    raw: u32,
    /// `raw` without its wrap.
    unwrapped: i64,
    /// What the caller was given.
    given: i64,
}

/// The clock of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    pub(crate) policy: TimestampPolicy,
    last: Option<Last>,
    /// Added to unwrapped times since the last repair.
    offset: i64,
    usual_step: i64,
}

impl Clock {
    /// `usual_step` in ms serves until the stream has shown its own.
    pub(crate) fn new(policy: TimestampPolicy, usual_step: i64) -> Self {
        Self {
            policy,
            last: None,
            offset: 0,
            usual_step,
        }
    }

    /// The correction that is in force, for the other stream to take over.
    pub(crate) fn offset(&self) -> i64 {
        self.offset
    }

    /// Time for a tag that is no frame and must not move the clock: writers stamp configurations with 0.
    pub(crate) fn peek(&self, raw: u32) -> i64 {
        self.last.map_or(raw.into(), |last| last.given)
    }

    /// Whether `raw` is a jump. If so the clock has adopted it: the [`Clock::advance`] that follows gives the repaired
    /// time. `other_offset` is the other stream's correction; taking it over keeps lips and voice together.
    pub(crate) fn repair(&mut self, raw: u32, other_offset: i64) -> Option<Jump> {
        let TimestampPolicy::Repair { max_jump_ms } = self.policy else {
            return None;
        };
        let last = self.last?;
        let believable = -BACKWARD_JITTER_MS..=i64::from(max_jump_ms);
        let unwrapped = unwrap(last, raw);
        let sent = unwrapped.saturating_add(self.offset);
        if believable.contains(&(sent - last.given)) {
            return None;
        }
        if believable.contains(&(sent + WRAP_24 - last.given)) {
            self.offset += WRAP_24;
            return None;
        }
        let shared = unwrapped.saturating_add(other_offset);
        let to = if believable.contains(&(shared - last.given)) {
            self.offset = other_offset;
            shared.max(last.given)
        } else {
            let to = last.given + self.usual_step;
            self.offset = to - unwrapped;
            to
        };
        Some(Jump {
            from: last.given,
            sent,
            to,
        })
    }

    /// Moves the clock to `raw` and gives the time for it.
    pub(crate) fn advance(&mut self, raw: u32) -> i64 {
        let Some(last) = self.last else {
            let unwrapped = i64::from(raw);
            self.last = Some(Last {
                raw,
                unwrapped,
                given: unwrapped,
            });
            return unwrapped;
        };
        let unwrapped = unwrap(last, raw);
        let mut given = unwrapped.saturating_add(self.offset);
        if matches!(self.policy, TimestampPolicy::Repair { .. }) {
            given = given.max(last.given);
        }
        let step = given - last.given;
        if (1..=MAX_USUAL_STEP_MS).contains(&step) {
            self.usual_step = step;
        }
        self.last = Some(Last {
            raw,
            unwrapped,
            given,
        });
        given
    }
}

/// The shortest way from the last time to `raw` on the circle of 2^32 ms, forward or backward.
fn unwrap(last: Last, raw: u32) -> i64 {
    last.unwrapped
        .saturating_add((raw.wrapping_sub(last.raw) as i32).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs times through a clock; a repaired one is marked.
    fn run(policy: TimestampPolicy, times: &[u32]) -> Vec<(i64, bool)> {
        let mut clock = Clock::new(policy, 40);
        times
            .iter()
            .map(|&raw| {
                let jumped = clock.repair(raw, 0).is_some();
                (clock.advance(raw), jumped)
            })
            .collect()
    }

    fn plain(times: &[i64]) -> Vec<(i64, bool)> {
        times.iter().map(|&time| (time, false)).collect()
    }

    #[test]
    fn time_goes_on_past_32_bits() {
        let times = [u32::MAX - 39, u32::MAX, 39, 79];
        let expected = plain(&[
            (1 << 32) - 40,
            (1 << 32) - 1,
            (1 << 32) + 39,
            (1 << 32) + 79,
        ]);
        assert_eq!(run(TimestampPolicy::default(), &times), expected);
        assert_eq!(run(TimestampPolicy::Trust, &times), expected);
    }

    #[test]
    fn a_writer_with_24_bits_only_is_followed() {
        let times = [0xFF_FFE0, 0xFF_FFFF, 10];
        assert_eq!(
            run(TimestampPolicy::default(), &times),
            plain(&[0xFF_FFE0, 0xFF_FFFF, 0x100_000A])
        );
    }

    #[test]
    fn a_restarted_camera_continues_with_the_usual_step() {
        let times = [5000, 5033, 5066, 0, 33, 66];
        let expected = [
            (5000, false),
            (5033, false),
            (5066, false),
            (5099, true),
            (5132, false),
            (5165, false),
        ];
        assert_eq!(run(TimestampPolicy::default(), &times), expected);
        assert_eq!(
            run(TimestampPolicy::Trust, &times),
            plain(&[5000, 5033, 5066, 0, 33, 66])
        );
    }

    #[test]
    fn a_leap_forward_is_cut_and_a_pause_is_not() {
        let policy = TimestampPolicy::Repair { max_jump_ms: 2000 };
        assert_eq!(
            run(policy, &[0, 40, 1900, 9000]),
            [(0, false), (40, false), (1900, false), (1940, true)]
        );
    }

    #[test]
    fn scatter_stands_still_instead_of_going_back() {
        assert_eq!(
            run(TimestampPolicy::default(), &[100, 140, 130, 180]),
            plain(&[100, 140, 140, 180])
        );
    }

    #[test]
    fn the_second_stream_takes_over_the_correction_of_the_first() {
        let (mut video, mut audio) = (
            Clock::new(TimestampPolicy::default(), 40),
            Clock::new(TimestampPolicy::default(), 20),
        );
        video.advance(9000);
        audio.advance(9010);
        assert_eq!(
            video.repair(0, audio.offset()),
            Some(Jump {
                from: 9000,
                sent: 0,
                to: 9040
            })
        );
        assert_eq!(video.advance(0), 9040);
        assert_eq!(
            audio.repair(5, video.offset()),
            Some(Jump {
                from: 9010,
                sent: 5,
                to: 9045
            })
        );
        assert_eq!(audio.advance(5), 9045);
    }

    #[test]
    fn extremes_do_not_overflow() {
        for policy in [
            TimestampPolicy::Trust,
            TimestampPolicy::Repair {
                max_jump_ms: u32::MAX,
            },
        ] {
            run(
                policy,
                &[0, i32::MAX as u32, u32::MAX, 0, 1 << 31, 0, 1 << 31, 0],
            );
        }
    }
}
