//! Pictures of the street: a window of the painted background, and what moves in it.

use std::sync::OnceLock;

use media::Picture;
use media::picture::{BLACK, GREY, WHITE};
use wire::stream::Quality;

use super::canvas::Planes;
use super::{font, lamp, scene};
use crate::board::motor::Position;
use crate::board::size;
use crate::defaults::MOTOR_MAX;

/// The street in every quality, each painted when it is first looked at.
#[derive(Default)]
pub struct Street {
    looks: [OnceLock<Look>; 3],
}

struct Look {
    background: Planes,
    car: Planes,
    ball: Planes,
    shadow: Planes,
}

impl Street {
    /// An unpainted street.
    pub fn new() -> Self {
        Self::default()
    }

    /// Paints the background of a quality now, so that the first viewer does not wait for it.
    pub fn prepare(&self, quality: Quality) {
        self.look(quality);
    }

    /// What the camera sees at a wall clock time (microseconds since 1970) when it looks at `position`.
    pub fn picture(&self, quality: Quality, wall_us: i64, fps: u32, position: Position) -> Picture {
        let look = self.look(quality);
        let (width, height) = size(quality);
        let scale = height as f32 / scene::VIEW.1;
        let (left, top) = offset(look, width, height, position);
        let mut picture = crop(&look.background, left, top, width as usize, height as usize);

        let time = wall_us.rem_euclid(3_600_000_000) as f32 / 1e6;
        let mut stamp = |planes: &Planes, x: f32, y: f32| {
            blend(
                &mut picture,
                planes,
                even(x * scale) - left as i64,
                even(y * scale) - top as i64,
            );
        };
        let ball_x = 640.0 + 165.0 * (time * std::f32::consts::TAU / 9.0).sin();
        let height_above = 78.0 * (time * std::f32::consts::PI / 1.2).sin().abs();
        stamp(&look.shadow, ball_x - 2.0, 382.0);
        stamp(&look.ball, ball_x, 360.0 - height_above);
        let lap = (time / 12.0).fract();
        stamp(
            &look.car,
            lap * (scene::SCENE.0 + 120.0) - 110.0,
            scene::LANE_Y + 8.0,
        );

        lamp::draw(&mut picture, lamp::is_lit(wall_us, fps));
        plate(&mut picture, scale, &timestamp(wall_us));
        picture
    }

    fn look(&self, quality: Quality) -> &Look {
        self.looks[quality as usize].get_or_init(|| {
            let height = size(quality).1;
            let (scale, hd) = (height as f32 / scene::VIEW.1, height >= 720);
            Look {
                background: scene::background(scale, hd),
                car: scene::car(scale, hd),
                ball: scene::ball(scale, hd),
                shadow: scene::shadow(scale, hd),
            }
        })
    }
}

/// Top left corner of the view in the background, even pixels.
fn offset(look: &Look, width: u32, height: u32, position: Position) -> (usize, usize) {
    let part = |room: usize, at: u16| {
        (room / 2 * usize::from(at.min(MOTOR_MAX)) / usize::from(MOTOR_MAX)) * 2
    };
    let room_x = look.background.width.saturating_sub(width as usize);
    let room_y = look.background.height.saturating_sub(height as usize);
    (part(room_x, position.pan), part(room_y, position.tilt))
}

fn even(pixels: f32) -> i64 {
    (pixels / 2.0).round() as i64 * 2
}

fn crop(from: &Planes, left: usize, top: usize, width: usize, height: usize) -> Picture {
    let mut data = Vec::with_capacity(width * height * 3 / 2);
    let mut plane = |plane: &[u8], stride: usize, part: usize| {
        for row in top / part..(top + height) / part {
            let start = row * stride + left / part;
            data.extend_from_slice(&plane[start..start + width / part]);
        }
    };
    plane(&from.y, from.width, 1);
    plane(&from.u, from.width / 2, 2);
    plane(&from.v, from.width / 2, 2);
    let (width, height) = (width as u32, height as u32);
    Picture::from_data(width, height, data, 0).unwrap_or_else(|_| Picture::new(width, height))
}

/// Blends a sprite; `left` and `top` are even and may lie outside.
fn blend(picture: &mut Picture, sprite: &Planes, left: i64, top: i64) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let span = |start: i64, length: usize, end: usize| {
        let from = (-start).clamp(0, length as i64) as usize;
        let to = (end as i64 - start).clamp(0, length as i64) as usize;
        from..to.max(from)
    };
    let columns = span(left, sprite.width, width);
    let over = |below: &mut u8, colour: u8, cover: u8| {
        let cover = u32::from(cover);
        *below =
            ((u32::from(*below) * (255 - cover) + u32::from(colour) * cover + 127) / 255) as u8;
    };
    let (luma, u, v) = picture.planes_mut();
    for row in span(top, sprite.height, height) {
        let to = (top + row as i64) as usize;
        for column in columns.clone() {
            let at = row * sprite.width + column;
            let cover = sprite.cover[at];
            if cover == 0 {
                continue;
            }
            let x = (left + column as i64) as usize;
            over(&mut luma[to * width + x], sprite.y[at], cover);
            if row % 2 == 0 && column % 2 == 0 {
                let (below, chroma) = (
                    to / 2 * (width / 2) + x / 2,
                    row / 2 * (sprite.width / 2) + column / 2,
                );
                over(&mut u[below], sprite.u[chroma], cover);
                over(&mut v[below], sprite.v[chroma], cover);
            }
        }
    }
}

/// Text on a dark plate, top left.
fn plate(picture: &mut Picture, scale: f32, text: &str) {
    let dot = ((1.5 * scale).round() as u32).max(1);
    let pad = dot * 3;
    let inset = (picture.height() / 30) & !1;
    let (x, y) = (inset, inset);
    let (wide, high) = (
        font::width(text) * dot + 2 * pad,
        font::HEIGHT * dot + 2 * pad,
    );
    let stride = picture.width() as usize;
    let end = ((x + wide) as usize).min(stride);
    for row in (y..(y + high).min(picture.height())).map(|row| row as usize * stride) {
        for luma in &mut picture.y_mut()[row + x as usize..row + end] {
            *luma = BLACK + (luma.saturating_sub(BLACK)) / 3;
        }
    }
    font::dots(text, |column, row| {
        picture.fill(
            x + pad + column * dot,
            y + pad + row * dot,
            dot,
            dot,
            (WHITE - 10, GREY, GREY),
        );
    });
}

/// "2026-11-20 17:24:03.133 UTC".
fn timestamp(wall_us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(wall_us).unwrap_or_default();
    at.strftime("%F %T%.3f UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_795_195_443_133_333;

    #[test]
    fn the_clock_shows_the_date() {
        assert_eq!(timestamp(0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(
            timestamp(951_782_399_999_999),
            "2000-02-28 23:59:59.999 UTC"
        );
        assert_eq!(
            timestamp(951_782_400_000_000),
            "2000-02-29 00:00:00.000 UTC"
        );
        assert_eq!(timestamp(T), "2026-11-20 17:24:03.133 UTC");
    }

    #[test]
    fn pictures_are_deterministic_and_change_with_time_and_position() {
        let street = Street::new();
        let middle = Position {
            pan: 2047,
            tilt: 2047,
        };
        let one = street.picture(Quality::Standard, T, 30, middle);
        assert_eq!((one.width(), one.height()), (640, 360));
        assert!(one == Street::new().picture(Quality::Standard, T, 30, middle));
        assert!(one != street.picture(Quality::Standard, T + 33_333, 30, middle));
        for position in [(0, 0), (4095, 0), (0, 4095), (4095, 4095)] {
            let position = Position {
                pan: position.0,
                tilt: position.1,
            };
            let other = street.picture(Quality::Standard, T, 30, position);
            let different = one
                .y()
                .iter()
                .zip(other.y())
                .filter(|(a, b)| a.abs_diff(**b) > 8)
                .count();
            assert!(different > 640 * 360 / 4, "{position:?}: {different}");
        }
    }

    #[test]
    fn what_moves_may_leave_the_picture_on_every_side() {
        let mut picture = Picture::new(64, 36);
        let sprite = scene::ball(1.0, false);
        for (left, top) in [
            (-20, -20),
            (60, 30),
            (-100, 0),
            (100, 100),
            (0, -28),
            (64, 36),
        ] {
            blend(&mut picture, &sprite, left, top);
        }
    }
}
