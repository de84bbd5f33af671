//! One continuous time over streams that come and go, for files.

use std::time::Instant;

/// A media time that differs from the file's by more than this is a new stream's.
const MAX_DRIFT_MS: i64 = 1500;

/// Maps the times of one stream after another onto one file's.
#[derive(Debug, Default)]
pub struct Timeline {
    /// File time minus stream time, ms; absent until the next key picture.
    offset: Option<i64>,
    /// File time of the newest picture and when it arrived.
    last: Option<(i64, Instant)>,
    last_audio: Option<i64>,
}

impl Timeline {
    /// Another stream follows.
    pub fn interrupt(&mut self) {
        self.offset = None;
    }

    /// File time of a picture, ms; absent until a key picture has come.
    pub fn video(&mut self, dts: i64, key: bool, arrived: Instant) -> Option<i64> {
        let offset = match self.offset {
            Some(offset)
                if self
                    .last
                    .is_none_or(|(last, _)| (dts + offset - last).abs() < MAX_DRIFT_MS) =>
            {
                offset
            }
            _ if !key => return None,
            _ => match self.last {
                Some((last, at)) => {
                    last + (arrived.saturating_duration_since(at).as_millis() as i64).max(1) - dts
                }
                None => -dts,
            },
        };
        self.offset = Some(offset);
        let at = self
            .last
            .map_or(dts + offset, |(last, _)| (dts + offset).max(last + 1));
        self.last = Some((at, arrived));
        Some(at)
    }

    /// File time of a piece of sound, ms; absent if it belongs nowhere.
    pub fn audio(&mut self, pts: i64) -> Option<i64> {
        let at = pts + self.offset?;
        if at < 0 || self.last_audio.is_some_and(|last| at <= last) {
            return None;
        }
        self.last_audio = Some(at);
        Some(at)
    }

    /// File time of the newest picture, ms.
    pub fn duration(&self) -> u64 {
        self.last.map_or(0, |(last, _)| last.max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_break_stands_as_long_as_it_was() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timeline = Timeline::default();
        assert_eq!(
            timeline.video(5000, false, at(0)),
            None,
            "begins with a key picture"
        );
        assert_eq!(timeline.video(5000, true, at(0)), Some(0));
        assert_eq!(timeline.audio(4990), None, "sound before the first picture");
        assert_eq!(timeline.audio(5010), Some(10));
        assert_eq!(timeline.video(5033, false, at(33)), Some(33));
        timeline.interrupt();
        assert_eq!(timeline.video(10, false, at(2000)), None);
        assert_eq!(timeline.video(40, true, at(2033)), Some(2033));
        assert_eq!(timeline.video(73, false, at(2066)), Some(2066));
        assert_eq!(timeline.audio(60), Some(2053));
    }

    #[test]
    fn a_jump_in_one_stream_waits_for_its_key_picture() {
        let start = Instant::now();
        let mut timeline = Timeline::default();
        timeline.video(0, true, start);
        assert_eq!(timeline.video(900_000, false, start), None);
        assert!(
            timeline
                .video(900_033, true, start + Duration::from_millis(40))
                .is_some_and(|at| at < 100)
        );
    }
}
