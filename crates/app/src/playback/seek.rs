//! From the keyframe before a moment to exactly that moment: what comes between is decoded and not drawn.

use crate::live::VideoUnit;

/// A moment that is looked for.
#[derive(Debug)]
pub(crate) struct Seek {
    target: i64,
    /// The picture that is on the screen at `target` as far as is known, and what was coded after it.
    held: Vec<VideoUnit>,
}

/// What is to be done with pictures.
#[derive(Debug)]
pub(crate) enum Found {
    /// They are decoded and not drawn; the moment is still to come.
    Before(Vec<VideoUnit>),
    /// The first is the one; the others were coded before what follows and are drawn when their time comes.
    There(Vec<VideoUnit>),
    /// Nothing was recorded at the moment: this is what comes after it.
    After,
}

impl Seek {
    /// The picture shown at `target`, unix ms, is the newest one taken at or before it.
    pub(crate) fn new(target: i64) -> Self {
        Self {
            target,
            held: Vec::new(),
        }
    }

    /// The next picture in the order of coding. After [`Found::There`] and [`Found::After`] it is over, and `unit` is the
    /// first of what follows.
    pub(crate) fn take(&mut self, unit: &VideoUnit) -> Found {
        if unit.decoded_ms() > self.target {
            return self.end();
        }
        let newer = self
            .held
            .first()
            .is_none_or(|held| unit.moment_ms() >= held.moment_ms());
        let before = if newer && unit.moment_ms() <= self.target {
            std::mem::take(&mut self.held)
        } else {
            Vec::new()
        };
        self.held.push(unit.clone());
        Found::Before(before)
    }

    /// The moment.
    pub(crate) fn target(&self) -> i64 {
        self.target
    }

    /// Whether there is a picture at hand that could be the one.
    pub(crate) fn has_one(&self) -> bool {
        !self.held.is_empty()
    }

    /// Nothing more comes.
    pub(crate) fn end(&mut self) -> Found {
        match std::mem::take(&mut self.held) {
            held if held.is_empty() => Found::After,
            held => Found::There(held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{Moment, VideoTrack};
    use std::sync::{Arc, LazyLock};
    use std::time::Instant;

    static TRACK: LazyLock<Arc<VideoTrack>> = LazyLock::new(|| {
        let record = [1, 0x42, 0, 31, 0xff, 0xe0, 0];
        Arc::new(VideoTrack::new(flv::VideoCodec::H264, &record, false).unwrap())
    });

    /// Shown at `ms`, decoded `early` ms before.
    fn picture(ms: i64, early: i64) -> VideoUnit {
        VideoUnit {
            track: TRACK.clone(),
            pts: ms,
            dts: ms - early,
            key: false,
            catch_up: false,
            data: vec![0].into(),
            arrived: Instant::now(),
            moment: Some(Moment { ms, jump: false }),
        }
    }

    fn moments(units: &[VideoUnit]) -> Vec<i64> {
        units.iter().map(VideoUnit::moment_ms).collect()
    }

    /// What is hidden and what is found for a target.
    fn seek(target: i64, pictures: &[(i64, i64)]) -> (Vec<i64>, Found) {
        let mut seek = Seek::new(target);
        let mut hidden = Vec::new();
        for (ms, early) in pictures {
            match seek.take(&picture(*ms, *early)) {
                Found::Before(before) => hidden.extend(moments(&before)),
                found => return (hidden, found),
            }
        }
        (hidden, seek.end())
    }

    #[test]
    fn exactly_the_picture_of_the_moment_is_shown() {
        let plain: Vec<_> = (0..10).map(|n| (n * 40, 0)).collect();
        for (target, shown) in [(0, 0), (39, 0), (40, 40), (199, 160), (200, 200)] {
            let (hidden, found) = seek(target, &plain);
            let Found::There(held) = found else { panic!() };
            assert_eq!(moments(&held), [shown], "{target}");
            let before: Vec<_> = (0..10).map(|n| n * 40).filter(|ms| *ms < shown).collect();
            assert_eq!(hidden, before, "{target}");
        }
    }

    #[test]
    fn at_the_end_and_in_a_gap_the_nearest_is_shown() {
        let (_, found) = seek(5_000, &[(0, 0), (40, 0)]);
        assert!(matches!(found, Found::There(held) if moments(&held) == [40]));
        assert!(matches!(seek(5_000, &[(9_000, 0)]), (_, Found::After)));
        assert!(matches!(seek(5_000, &[]), (_, Found::After)));
    }

    #[test]
    fn reordered_pictures_are_found_and_none_is_lost() {
        // Coded I0 P120 B40 B80 P240 …, each decoded before it is shown.
        let coded = [(0, 40), (120, 120), (40, 0), (80, 0), (240, 120), (160, 0)];
        let (hidden, found) = seek(90, &coded);
        let Found::There(held) = found else { panic!() };
        assert_eq!(moments(&held)[0], 80);
        let mut all = hidden;
        all.extend(moments(&held));
        all.sort_unstable();
        assert_eq!(all, [0, 40, 80, 120]);
    }
}
