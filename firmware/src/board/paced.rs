//! Frames on the wall clock's grid: frame `n` is captured at `n / fps`, and carries the marks that say so.

use std::sync::{Arc, Mutex};

use media::{Picture, marks};
use wire::stream::Quality;

use super::motor::{self, Motor};
use super::{Block, Captured, Fault, Moment, Sensor, Shot};
use crate::clock::Clock;
use crate::demand::Demand;

/// Makes the picture of a moment.
pub trait Painter: Send {
    /// The picture in a quality.
    ///
    /// # Errors
    /// The painter is of no use any more.
    fn picture(&mut self, quality: Quality, moment: Moment) -> Result<Picture, Fault>;

    /// Goes to the next moment: called once a frame before its pictures.
    ///
    /// # Errors
    /// The painter is of no use any more.
    fn advance(&mut self, moment: Moment) -> Result<Vec<Block>, Fault> {
        let _ = moment;
        Ok(Vec::new())
    }
}

/// A painter on the grid. A quality that is switched on between two frames gets the frame of the running slot at once.
pub struct Paced<P> {
    painter: P,
    clock: Arc<Clock>,
    fps: u32,
    motor: Option<Arc<Mutex<Motor>>>,
    /// The slot that each quality was given last, and that the painter was moved to.
    given: [i64; 3],
    advanced: i64,
}

impl<P: Painter> Paced<P> {
    /// `fps` pictures a second; the motor's position goes into the marks.
    pub fn new(painter: P, clock: Arc<Clock>, fps: u32, motor: Option<Arc<Mutex<Motor>>>) -> Self {
        let before = slot_at(clock.wall_us(), fps) - 1;
        Self {
            painter,
            clock,
            fps,
            motor,
            given: [before; 3],
            advanced: before,
        }
    }

    fn shot(&mut self, quality: Quality, moment: Moment) -> Result<Shot, Fault> {
        let mut picture = self.painter.picture(quality, moment)?;
        picture.pts = moment.media_us;
        let position = self.motor.as_deref().map(motor::position);
        let (pan, tilt) = position.map_or((0, 0), |position| (position.pan, position.tilt));
        marks::draw(&mut picture, moment.counter, pan, tilt);
        Ok(Shot { quality, picture })
    }
}

impl<P: Painter> Sensor for Paced<P> {
    fn next(&mut self, demand: &Demand) -> Result<Captured, Fault> {
        let mut captured = Captured::default();
        loop {
            let (wanted, version) = demand.now();
            if wanted.stop || !wanted.any() {
                return Ok(captured);
            }
            let slot = slot_at(self.clock.wall_us(), self.fps);
            // The system's clock was set back.
            if self.advanced > slot + 1 {
                (self.given, self.advanced) = ([slot - 1; 3], slot - 1);
            }
            let wall_us = time_of(slot, self.fps);
            let counter = slot.rem_euclid(i64::from(marks::COUNTER_LIMIT)) as u32;
            let moment = Moment {
                wall_us,
                media_us: self.clock.media_us(wall_us),
                counter,
            };
            let is_new = self.advanced < slot;
            if is_new {
                if slot % i64::from(self.fps) == 0 {
                    self.clock.follow_system();
                }
                captured.sound = self.painter.advance(moment)?;
                self.advanced = slot;
            }
            for quality in Quality::ALL {
                if wanted.quality(quality) && self.given[quality as usize] < slot {
                    self.given[quality as usize] = slot;
                    captured.shots.push(self.shot(quality, moment)?);
                }
            }
            if is_new || !captured.shots.is_empty() {
                return Ok(captured);
            }
            demand.wait(
                version,
                Some(self.clock.instant_of(time_of(slot + 1, self.fps))),
            );
        }
    }
}

/// The frame whose time has come.
fn slot_at(wall_us: i64, fps: u32) -> i64 {
    (i128::from(wall_us) * i128::from(fps)).div_euclid(1_000_000) as i64
}

/// The first microsecond of a frame.
fn time_of(slot: i64, fps: u32) -> i64 {
    let fps = i128::from(fps.max(1));
    ((i128::from(slot) * 1_000_000 + fps - 1).div_euclid(fps)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::Lane;
    use std::time::{Duration, Instant};

    struct Grey;

    impl Painter for Grey {
        fn picture(&mut self, quality: Quality, _: Moment) -> Result<Picture, Fault> {
            let (width, height) = crate::board::size(quality);
            Ok(Picture::new(width, height))
        }
    }

    fn counter(shot: &Shot) -> u32 {
        let picture = &shot.picture;
        marks::read_counter(
            picture.y(),
            picture.width() as usize,
            picture.width(),
            picture.height(),
        )
        .unwrap()
    }

    #[test]
    fn a_slot_starts_at_its_first_microsecond() {
        for fps in [15, 25, 30, 60] {
            for slot in [0, 1, 29, 53_856_000_123] {
                let start = time_of(slot, fps);
                assert_eq!(
                    (slot_at(start, fps), slot_at(start - 1, fps)),
                    (slot, slot - 1)
                );
            }
        }
    }

    #[test]
    fn frames_come_on_the_grid_with_their_number_and_a_late_quality_joins_at_once() {
        let clock = Arc::new(Clock::start());
        let demand = Demand::default();
        demand.join(Lane::Video(Quality::Standard));
        let mut paced = Paced::new(Grey, Arc::clone(&clock), 30, None);
        let mut last = None;
        for _ in 0..6 {
            let captured = paced.next(&demand).unwrap();
            assert_eq!(captured.shots.len(), 1);
            let n = counter(&captured.shots[0]);
            assert!(last.is_none_or(|last| n == last + 1), "{n} after {last:?}");
            let late = clock.media_us(clock.wall_us()) - captured.shots[0].picture.pts;
            assert!((0..33_334).contains(&late), "{late} µs late");
            last = Some(n);
        }
        demand.join(Lane::Video(Quality::High));
        let started = Instant::now();
        let captured = paced.next(&demand).unwrap();
        assert!(
            captured
                .shots
                .iter()
                .any(|shot| shot.quality == Quality::High)
        );
        assert!(started.elapsed() < Duration::from_millis(30));
    }

    #[test]
    fn nothing_is_painted_for_nobody() {
        let mut paced = Paced::new(Grey, Arc::new(Clock::start()), 30, None);
        assert!(paced.next(&Demand::default()).unwrap().shots.is_empty());
    }
}
