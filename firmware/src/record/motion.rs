//! Does something move? Compares a picture of 32x18 cells with what was there before.
//!
//! A cell has changed when it is further from its own past than its noise explains, after the change that all cells share
//! was taken out: a cloud is no event. When nearly all of them change at once, the light was switched or the camera turned:
//! that is a new background, and no event either.

use media::Picture;

/// Cells across and down.
const GRID: (usize, usize) = (32, 18);
/// Every so many pixels of a cell one is looked at, both ways.
const STRIDE: usize = 4;
/// Time between two looks, microseconds.
const LOOK_US: i64 = 200_000;
/// Looks that learn before one may say something.
const WARM_UP: u32 = 5;
/// Luma by which a cell has to change at least, and in parts of its own noise.
const LEAST_CHANGE: f32 = 8.0;
const NOISE_PARTS: f32 = 4.0;
/// Changed cells that make something moving, and those that make another scene.
const FEW: usize = 3;
const MOST: usize = GRID.0 * GRID.1 * 6 / 10;
/// Looks in a row that say so before it is an event.
const IN_A_ROW: u32 = 2;
/// Rest after which an event is over, microseconds.
const REST_US: i64 = 3_000_000;
/// An event longer than this is told as several, so that a power cut loses no more of it, microseconds.
const LONGEST_US: i64 = 60_000_000;
/// How fast the past is forgotten, a look; slower while something moves, so that it does not become the background at once.
const LEARN: f32 = 0.1;
const LEARN_MOVING: f32 = 0.02;

/// What a look has found. Times are those of the pictures, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something moves, since then.
    Started(i64),
    /// It rests since then.
    Ended(i64),
}

/// See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    past: Vec<f32>,
    noise: Vec<f32>,
    looks: u32,
    last_us: Option<i64>,
    in_a_row: u32,
    moving: Option<Moving>,
}

#[derive(Clone, Copy, Debug)]
struct Moving {
    since_us: i64,
    last_us: i64,
}

impl Detector {
    /// Looks at a picture; most are passed over. What it found, in order.
    pub fn look(&mut self, picture: &Picture) -> Vec<Change> {
        let at = picture.pts;
        let due = match self.last_us {
            // A clock that was set, or a camera that slept: what was there before says nothing.
            Some(last) if at < last || at - last > 10 * LOOK_US => {
                let ended = self.end(last);
                *self = Self::default();
                self.learn(picture, at);
                return ended;
            }
            Some(last) => at - last >= LOOK_US,
            None => true,
        };
        if due {
            self.learn(picture, at)
        } else {
            Vec::new()
        }
    }

    /// Nothing comes any more.
    pub fn end(&mut self, at_us: i64) -> Vec<Change> {
        let moving = self.moving.take();
        moving.map(|_| Change::Ended(at_us)).into_iter().collect()
    }

    fn learn(&mut self, picture: &Picture, at: i64) -> Vec<Change> {
        self.last_us = Some(at);
        let cells = cells(picture);
        if self.past.len() != cells.len() {
            self.noise = vec![1.0; cells.len()];
            self.past = cells;
            self.looks = 0;
            return Vec::new();
        }
        let shared = median(cells.iter().zip(&self.past).map(|(now, past)| now - past));
        let changes = cells.iter().zip(&self.past);
        let changes: Vec<f32> = changes
            .map(|(now, past)| (now - past - shared).abs())
            .collect();
        let limit = |noise: &f32| LEAST_CHANGE.max(noise * NOISE_PARTS);
        let changed = changes.iter().zip(&self.noise);
        let count = changed
            .filter(|(change, noise)| **change > limit(noise))
            .count();
        self.looks = self.looks.saturating_add(1);
        if count > MOST {
            self.past = cells;
            (self.in_a_row, self.looks) = (0, 0);
            return self.rest(at);
        }
        let moves = count >= FEW && self.looks > WARM_UP;
        let weight = if moves { LEARN_MOVING } else { LEARN };
        let learned = self.past.iter_mut().zip(&mut self.noise);
        for (((past, noise), now), change) in learned.zip(&cells).zip(&changes) {
            *past += (now - *past) * weight;
            *noise += (change.min(LEAST_CHANGE) - *noise) * weight;
        }
        self.in_a_row = if moves { self.in_a_row + 1 } else { 0 };
        match (&mut self.moving, moves) {
            (Some(moving), true) => {
                moving.last_us = at;
                if at - moving.since_us < LONGEST_US {
                    return Vec::new();
                }
                moving.since_us = at;
                vec![Change::Ended(at), Change::Started(at)]
            }
            (None, true) if self.in_a_row >= IN_A_ROW => {
                let since_us = at - LOOK_US * i64::from(IN_A_ROW - 1);
                self.moving = Some(Moving {
                    since_us,
                    last_us: at,
                });
                vec![Change::Started(since_us)]
            }
            _ => self.rest(at),
        }
    }

    fn rest(&mut self, at: i64) -> Vec<Change> {
        match self.moving {
            Some(moving) if at - moving.last_us >= REST_US => self.end(moving.last_us),
            _ => Vec::new(),
        }
    }
}

/// Mean luma of every cell.
fn cells(picture: &Picture) -> Vec<f32> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let luma = picture.y();
    let mut cells = Vec::with_capacity(GRID.0 * GRID.1);
    for row in 0..GRID.1 {
        let rows = (row * height / GRID.1)..((row + 1) * height / GRID.1);
        for column in 0..GRID.0 {
            let columns = (column * width / GRID.0)..((column + 1) * width / GRID.0);
            let (mut sum, mut count) = (0_u32, 0_u32);
            for y in rows.clone().step_by(STRIDE) {
                let line = luma.get(y * width..(y + 1) * width).unwrap_or_default();
                for pixel in line
                    .get(columns.clone())
                    .unwrap_or_default()
                    .iter()
                    .step_by(STRIDE)
                {
                    (sum, count) = (sum + u32::from(*pixel), count + 1);
                }
            }
            cells.push(sum as f32 / count.max(1) as f32);
        }
    }
    cells
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A grey wall with noise, seen 10 times a second.
    struct Wall {
        detector: Detector,
        at: i64,
        seed: u32,
        light: u8,
        found: Vec<Change>,
    }

    impl Wall {
        fn new() -> Self {
            Self {
                detector: Detector::default(),
                at: 0,
                seed: 1,
                light: 100,
                found: Vec::new(),
            }
        }

        /// `block`: the left edge of a bright square of 60 pixels.
        fn see(&mut self, block: Option<usize>) {
            let mut picture = Picture::new(640, 360);
            for pixel in picture.y_mut() {
                self.seed = self
                    .seed
                    .wrapping_mul(1_664_525)
                    .wrapping_add(1_013_904_223);
                *pixel = self.light + (self.seed >> 24) as u8 % 16;
            }
            if let Some(left) = block {
                for y in 100..160 {
                    picture.y_mut()[y * 640 + left..y * 640 + left + 60].fill(220);
                }
            }
            picture.pts = self.at;
            self.found.extend(self.detector.look(&picture));
            self.at += SECOND / 10;
        }

        fn seconds(&mut self, seconds: i64) -> &mut Self {
            (0..seconds * 10).for_each(|_| self.see(None));
            self
        }
    }

    #[test]
    fn noise_alone_is_no_event_and_neither_is_light_that_changes() {
        let mut wall = Wall::new();
        wall.seconds(20);
        for light in (60..160).step_by(2) {
            wall.light = light;
            wall.see(None);
        }
        wall.light = 20;
        wall.seconds(5).light = 150;
        wall.seconds(5);
        assert_eq!(wall.found, []);
    }

    #[test]
    fn something_that_crosses_is_one_event_from_when_it_came_to_when_it_left() {
        let mut wall = Wall::new();
        wall.seconds(3);
        for step in 0..40 {
            wall.see(Some(step * 14));
        }
        wall.seconds(8);
        assert_eq!(wall.found.len(), 2, "{:?}", wall.found);
        let (Change::Started(start), Change::Ended(end)) = (wall.found[0], wall.found[1]) else {
            panic!("{:?}", wall.found);
        };
        assert!(
            (3 * SECOND..=3 * SECOND + SECOND / 2).contains(&start),
            "{start}"
        );
        assert!((6 * SECOND..=9 * SECOND).contains(&end), "{end}");
    }

    #[test]
    fn what_never_rests_is_told_every_minute() {
        let mut wall = Wall::new();
        wall.seconds(3);
        for step in 0..1500 {
            wall.see(Some(step * 14 % 560));
        }
        let starts = wall
            .found
            .iter()
            .filter(|one| matches!(one, Change::Started(_)));
        assert_eq!(starts.count(), 3, "{:?}", wall.found);
    }

    #[test]
    fn a_clock_that_was_set_ends_an_event() {
        let mut wall = Wall::new();
        wall.seconds(3);
        (0..10).for_each(|step| wall.see(Some(step * 50)));
        wall.at += 3600 * SECOND;
        wall.seconds(5);
        assert!(matches!(
            wall.found[..],
            [Change::Started(_), Change::Ended(_)]
        ));
    }
}
