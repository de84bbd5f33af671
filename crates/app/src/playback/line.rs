//! What waits to be played, in order, each with the played time at which it is due.
//!
//! ```text
//!  recorded  12:00:00.0  .04  .08   (gap)   12:30:00.0  .04
//!  due       0           40   80            120         160     ms of played time
//! ```

use crate::live::{AudioUnit, Moment, Unit, VideoUnit};
use std::collections::VecDeque;

/// Pictures that wait at most before the stream is held back, ms of played time.
const AHEAD_MS: f64 = 1000.0;
/// Bytes that wait at most before it is.
const AHEAD_BYTES: usize = 8 << 20;
/// Units that wait at most before it is.
const AHEAD_UNITS: usize = 512;
/// The distance of pictures before a stream has shown its own, ms.
const USUAL_MS: f64 = 40.0;
/// Pictures further apart than this have a gap between them, whether it was marked or not, ms. Keyframes too: more than
/// the longest distance of those that cameras make.
const GAP_MS: f64 = 60_000.0;
/// Sound further from its picture than this belongs elsewhere, ms.
const APART_MS: f64 = 3000.0;

/// A unit and when it is due, ms of played time.
#[derive(Debug)]
pub(crate) struct Due<T> {
    /// It.
    pub(crate) unit: T,
    /// When.
    pub(crate) due: f64,
}

/// The pictures and the sound that wait.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pictures: VecDeque<Due<VideoUnit>>,
    sound: VecDeque<Due<AudioUnit>>,
    bytes: usize,
    /// The picture put in last: when it was recorded (its decode time), unix ms, and when it is due.
    last: Option<(i64, f64)>,
    /// The usual distance of pictures, ms.
    usual: Option<f64>,
}

impl Line {
    /// Empties it; the next picture is due at 0.
    pub(crate) fn begin(&mut self) {
        *self = Self::default();
    }

    /// The picture on the screen, which was not put in: what follows is due after it.
    pub(crate) fn begin_after(&mut self, shown: &VideoUnit) {
        *self = Self {
            last: Some((shown.decoded_ms(), 0.0)),
            ..Self::default()
        };
    }

    /// Puts in what came.
    pub(crate) fn push(&mut self, unit: Unit) {
        match unit {
            Unit::Video(unit) => {
                let (at, jump) = (unit.decoded_ms(), unit.moment.is_some_and(|m| m.jump));
                let due = self.due(at, jump);
                self.last = Some((at, due));
                self.bytes += unit.data.len();
                self.pictures.push_back(Due { unit, due });
            }
            Unit::Audio(unit) => {
                let (Some((at, due)), Some(ms)) = (self.last, unit.moment_ms) else {
                    return;
                };
                let apart = ms.saturating_sub(at) as f64;
                if apart.abs() <= APART_MS {
                    self.bytes += unit.data.len();
                    let due = due + apart;
                    self.sound.push_back(Due { unit, due });
                }
            }
        }
    }

    fn due(&mut self, at: i64, jump: bool) -> f64 {
        let Some((before, due)) = self.last else {
            return 0.0;
        };
        let apart = at.saturating_sub(before).unsigned_abs() as f64;
        let usual = self.usual.unwrap_or(USUAL_MS);
        if jump || apart > GAP_MS {
            return due + usual;
        }
        self.usual = Some(usual + (apart - usual) / 8.0);
        due + apart
    }

    /// Puts a picture back that was taken.
    pub(crate) fn put_back(&mut self, unit: VideoUnit) {
        let due = self.pictures.front().map_or_else(
            || self.last.map_or(0.0, |(_, due)| due),
            |next| next.due - self.usual.unwrap_or(USUAL_MS),
        );
        self.bytes += unit.data.len();
        self.pictures.push_front(Due { unit, due });
    }

    /// Whether the stream need not be held back.
    pub(crate) fn has_room(&self) -> bool {
        let units = self.pictures.len() + self.sound.len();
        self.ahead() < AHEAD_MS && self.bytes < AHEAD_BYTES && units < AHEAD_UNITS
    }

    /// Played time from the first picture that waits to the last, ms.
    pub(crate) fn ahead(&self) -> f64 {
        match (self.pictures.front(), self.pictures.back()) {
            (Some(first), Some(last)) => last.due - first.due,
            _ => 0.0,
        }
    }

    /// When the next picture is due.
    pub(crate) fn next_picture(&self) -> Option<f64> {
        self.pictures.front().map(|next| next.due)
    }

    /// When the next sound is due.
    pub(crate) fn next_sound(&self) -> Option<f64> {
        self.sound.front().map(|next| next.due)
    }

    /// Takes the next picture.
    pub(crate) fn take_picture(&mut self) -> Option<Due<VideoUnit>> {
        let next = self.pictures.pop_front()?;
        self.bytes -= next.unit.data.len();
        Some(next)
    }

    /// Takes the next sound if it is due by `played`.
    pub(crate) fn take_sound(&mut self, played: f64) -> Option<Due<AudioUnit>> {
        let next = self.sound.pop_front_if(|next| next.due <= played)?;
        self.bytes -= next.unit.data.len();
        Some(next)
    }
}

/// The moment of a unit that says none: as far from the first one, asked for at `from_ms`, as its time in the stream.
#[derive(Debug, Default)]
pub(crate) struct Guess {
    start: Option<(i64, i64)>,
}

impl Guess {
    /// For a stream asked for at `from_ms`.
    pub(crate) fn fill(&mut self, unit: &mut Unit, from_ms: i64) {
        let pts = match unit {
            Unit::Video(unit) => unit.pts,
            Unit::Audio(unit) => unit.pts,
        };
        let first = self.start.is_none();
        let (ms, at) = *self.start.get_or_insert((from_ms, pts));
        let ms = ms.saturating_add(pts.saturating_sub(at));
        match unit {
            Unit::Video(unit) => {
                unit.moment.get_or_insert(Moment { ms, jump: first });
            }
            Unit::Audio(unit) => {
                unit.moment_ms.get_or_insert(ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{AudioTrack, VideoTrack};
    use std::sync::{Arc, LazyLock};
    use std::time::Instant;

    static TRACK: LazyLock<Arc<VideoTrack>> = LazyLock::new(|| {
        let record = [1, 0x42, 0, 31, 0xff, 0xe0, 0];
        Arc::new(VideoTrack::new(flv::VideoCodec::H264, &record, false).unwrap())
    });

    fn picture(ms: i64, jump: bool) -> Unit {
        Unit::Video(VideoUnit {
            track: TRACK.clone(),
            pts: 0,
            dts: 0,
            key: jump,
            catch_up: false,
            data: vec![0; 1000].into(),
            arrived: Instant::now(),
            moment: Some(Moment { ms, jump }),
        })
    }

    fn sound(ms: i64) -> Unit {
        let track = AudioTrack {
            codec: flv::AudioCodec::G711A,
            rate: 8000,
            channels: 1,
            config: Box::default(),
        };
        Unit::Audio(AudioUnit {
            track: Arc::new(track),
            pts: 0,
            data: vec![0; 10].into(),
            arrived: Instant::now(),
            moment_ms: Some(ms),
        })
    }

    fn dues(line: &mut Line) -> Vec<f64> {
        std::iter::from_fn(|| line.take_picture().map(|next| next.due)).collect()
    }

    #[test]
    fn a_gap_costs_one_picture_marked_or_not() {
        let mut line = Line::default();
        for (ms, jump) in [
            (1_000_000, true),
            (1_000_040, false),
            (9_000_000, true),
            (9_000_040, false),
            (19_000_000, false),
        ] {
            line.push(picture(ms, jump));
        }
        assert_eq!(dues(&mut line), [0.0, 40.0, 80.0, 120.0, 160.0]);
    }

    #[test]
    fn backward_time_rises_as_well() {
        let mut line = Line::default();
        for ms in [10_000, 8_000, 6_000] {
            line.push(picture(ms, false));
        }
        assert_eq!(dues(&mut line), [0.0, 2000.0, 4000.0]);
    }

    #[test]
    fn sound_is_due_with_its_picture_and_other_sound_is_left_out() {
        let mut line = Line::default();
        line.push(sound(0));
        line.push(picture(50_000, true));
        for ms in [49_990, 50_020, 99_000] {
            line.push(sound(ms));
        }
        assert_eq!(line.take_sound(0.0).unwrap().due, -10.0);
        assert!(line.take_sound(19.0).is_none(), "not yet");
        assert_eq!(line.take_sound(20.0).unwrap().due, 20.0);
        assert!(line.take_sound(1e9).is_none());
    }

    #[test]
    fn it_is_bounded_by_time_and_bytes_and_counts_what_is_taken() {
        let mut line = Line::default();
        let mut ms = 0;
        while line.has_room() {
            line.push(picture(ms, ms == 0));
            ms += 40;
        }
        assert_eq!(ms, 1040);
        let first = line.take_picture().unwrap();
        assert!(line.has_room());
        line.put_back(first.unit);
        assert_eq!((line.next_picture(), line.has_room()), (Some(0.0), false));
        while line.take_picture().is_some() {}
        assert_eq!(line.bytes, 0);
    }

    #[test]
    fn without_a_word_moments_are_guessed_from_the_start() {
        let mut guess = Guess::default();
        let mut told = Vec::new();
        for pts in [500, 540] {
            let Unit::Video(unit) = picture(0, false) else {
                unreachable!()
            };
            let mut unit = Unit::Video(VideoUnit {
                pts,
                moment: None,
                ..unit
            });
            guess.fill(&mut unit, 7_000);
            let Unit::Video(unit) = unit else {
                unreachable!()
            };
            told.extend(unit.moment);
        }
        assert_eq!(
            told[0],
            Moment {
                ms: 7_000,
                jump: true
            }
        );
        assert_eq!(
            told[1],
            Moment {
                ms: 7_040,
                jump: false
            }
        );
    }
}
