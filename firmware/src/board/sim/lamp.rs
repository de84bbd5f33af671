//! The lamp and the chime: one light and one sound at the same instant, every whole second of the wall clock.
//!
//! ```text
//!  wall clock   …  n s                        n+1 s
//!  picture      ───███───────────────────────███──      white on the 3 frames from the one captured at n s
//!  sound        ───♪♪♪♪♪♪────────────────────♪♪♪♪♪      its first sample is the one at n s
//! ```
//!
//! Whoever receives both measures the distance between them: that is the lip-sync error.

use media::Picture;
use media::picture::{BLACK, GREY, WHITE};

use crate::defaults::SAMPLE_RATE;

/// The lamp is lit on this many frames.
pub const LIT_FRAMES: u64 = 3;
/// How long the chime sounds, seconds.
const CHIME_SECONDS: f64 = 0.3;

/// The lamp's lens in a picture: `(x, y, side)` of a square, pixels. It hangs top right, wherever the camera looks.
pub fn lens(width: u32, height: u32) -> (u32, u32, u32) {
    let side = (height / 12) & !1;
    (
        width.saturating_sub(side + height / 24) & !1,
        (height / 24) & !1,
        side,
    )
}

/// Whether the lamp is lit in the frame captured at this wall clock time, in microseconds since 1970.
pub fn is_lit(wall_us: i64, fps: u32) -> bool {
    let frames = wall_us.rem_euclid(1_000_000) as u64 * u64::from(fps) / 1_000_000;
    frames < LIT_FRAMES
}

/// Draws the lamp.
pub(super) fn draw(picture: &mut Picture, lit: bool) {
    let (x, y, side) = lens(picture.width(), picture.height());
    let rim = (side / 8).max(2) & !1;
    picture.fill(
        x.saturating_sub(rim),
        y.saturating_sub(rim),
        side + 2 * rim,
        side + 2 * rim,
        (BLACK + 14, GREY, GREY),
    );
    let luma = if lit { WHITE } else { BLACK + 44 };
    picture.fill(x, y, side, side, (luma, GREY, GREY));
}

/// Samples of the chime and the silence around it; `first` is a sample's number since 1970, one channel.
pub fn sound(first: i64, count: usize) -> Vec<f32> {
    let rate = f64::from(SAMPLE_RATE);
    (first..)
        .take(count)
        .map(|number| {
            let time = number.rem_euclid(i64::from(SAMPLE_RATE)) as f64 / rate;
            if time >= CHIME_SECONDS {
                return 0.0;
            }
            let tone = |hertz: f64, part: f64, decay: f64| {
                part * (time * hertz * std::f64::consts::TAU).cos() * (-time * decay).exp()
            };
            let sum =
                tone(1_046.5, 0.32, 12.0) + tone(2_093.0, 0.16, 18.0) + tone(3_140.0, 0.08, 30.0);
            (sum * (1.0 - time / CHIME_SECONDS)) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_and_chime_begin_on_the_whole_second() {
        for fps in [10, 15, 25, 30, 50, 60] {
            let lit: Vec<_> = (0..fps)
                .filter(|n| is_lit(media::marks::time_of(*n, fps, 0) as i64, fps))
                .collect();
            assert_eq!(lit, [0, 1, 2], "{fps}");
        }
        let second = 1_800_000_000 * i64::from(SAMPLE_RATE);
        let around = sound(second - 3, 6);
        assert_eq!(around[..3], [0.0; 3]);
        assert!(around[3..].iter().all(|sample| sample.abs() > 0.3));
        assert!(
            sound(second, 48_000)
                .iter()
                .all(|sample| sample.abs() <= 0.6)
        );
        assert!(
            sound(second + 14_400, 33_600)
                .iter()
                .all(|sample| *sample == 0.0)
        );
    }

    #[test]
    fn the_lens_is_inside_the_picture_and_apart_from_the_marks() {
        for (width, height) in [(640, 360), (1280, 720), (1920, 1080)] {
            let (x, y, side) = lens(width, height);
            assert!(x + side < width && y + side < height / 4);
            let mut picture = Picture::new(width, height);
            draw(&mut picture, true);
            let middle = (y + side / 2) * width + x + side / 2;
            assert_eq!(picture.y()[middle as usize], WHITE);
        }
    }
}
