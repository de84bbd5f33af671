//! Marks in the picture that a program reads back: which frame this is and where the camera looks.
//!
//! Two rows of square blocks at the bottom left, made to survive low bit rates and scaling. The side of a
//! block is `b = height / 36`; both rows start at `x = b`.
//!
//! ```text
//!  y = height − 3b   ■□ pppppppppppp tttttttttttt P!P     pan 0..4095, tilt 0..4095
//!  y = height − 2b   ■□ nnnnnnnnnnnnnnnnnnnnnnnn  P!P     frame counter
//!                    │  24 bits, first the highest │
//!                    white, black (sync)           even parity and its opposite
//! ```
//!
//! White is one. Frame `n` is captured at `n / fps` seconds of the wall clock, so a reader on the same
//! machine knows when a picture was captured without trusting a timestamp that anyone sent.

use crate::picture::{BLACK, GREY, Picture, WHITE};

/// The counter and the position take this many bits.
const DATA_BITS: u32 = 24;
/// Blocks in a row: two of sync, the data, parity twice.
const BLOCKS: u32 = 2 + DATA_BITS + 2;
/// Rows of blocks that fit in the height of a picture.
const BLOCKS_PER_HEIGHT: u32 = 36;
/// Luma above which a block is white: half way between black and white.
const THRESHOLD: u8 = 126;
/// The counter wraps here.
pub const COUNTER_LIMIT: u32 = 1 << DATA_BITS;

/// The number of the frame captured at a wall clock time (microseconds since 1970), modulo 2^24.
pub fn counter_at(unix_us: u64, fps: u32) -> u32 {
    let frames = u128::from(unix_us) * u128::from(fps) / 1_000_000;
    (frames % u128::from(COUNTER_LIMIT)) as u32
}

/// The wall clock time (microseconds since 1970) of the frame `counter`, the one nearest to `near_us`.
/// `fps` 0 counts as 1.
pub fn time_of(counter: u32, fps: u32, near_us: u64) -> u64 {
    let fps = u128::from(fps.max(1));
    let limit = i128::from(COUNTER_LIMIT);
    let near = (u128::from(near_us) * fps / 1_000_000) as i128;
    let mut ahead = (i128::from(counter) - near).rem_euclid(limit);
    if ahead > limit / 2 {
        ahead -= limit;
    }
    let frame = (near + ahead).max(0) as u128;
    // Round up: the first microsecond at which `counter_at` gives this frame.
    u64::try_from((frame * 1_000_000).div_ceil(fps)).unwrap_or(u64::MAX)
}

/// Draws both rows. `counter` counts modulo 2^24; `pan` and `tilt` are limited to 0..=4095.
/// Pictures too small for the rows stay as they are.
pub fn draw(picture: &mut Picture, counter: u32, pan: u16, tilt: u16) {
    let position = u32::from(pan.min(4095)) << 12 | u32::from(tilt.min(4095));
    draw_row(picture, 3, position);
    draw_row(picture, 2, counter % COUNTER_LIMIT);
}

/// Reads the frame counter from a luma plane; `stride` is the distance between rows in bytes.
/// `None` if there is no intact mark.
pub fn read_counter(luma: &[u8], stride: usize, width: u32, height: u32) -> Option<u32> {
    read_row(luma, stride, width, height, 2)
}

/// Reads `(pan, tilt)`, each 0..=4095, from a luma plane. `None` if there is no intact mark.
pub fn read_position(luma: &[u8], stride: usize, width: u32, height: u32) -> Option<(u16, u16)> {
    let bits = read_row(luma, stride, width, height, 3)?;
    Some(((bits >> 12) as u16, (bits & 0xfff) as u16))
}

/// Top left corner and side of the row `from_bottom` blocks above the bottom edge, if it fits.
fn row_at(width: u32, height: u32, from_bottom: u32) -> Option<(u32, u32, u32)> {
    let side = height / BLOCKS_PER_HEIGHT;
    (side > 0 && width >= (BLOCKS + 1) * side).then(|| (side, height - from_bottom * side, side))
}

/// All 28 blocks, the first in the highest bit.
fn blocks_of(data: u32) -> u32 {
    let parity = data.count_ones() & 1;
    0b10 << (DATA_BITS + 2) | data << 2 | parity << 1 | (parity ^ 1)
}

fn draw_row(picture: &mut Picture, from_bottom: u32, data: u32) {
    let Some((x, y, side)) = row_at(picture.width(), picture.height(), from_bottom) else {
        return;
    };
    let blocks = blocks_of(data);
    for i in 0..BLOCKS {
        let luma = if blocks >> (BLOCKS - 1 - i) & 1 == 1 {
            WHITE
        } else {
            BLACK
        };
        picture.fill(x + i * side, y, side, side, (luma, GREY, GREY));
    }
}

fn read_row(luma: &[u8], stride: usize, width: u32, height: u32, from_bottom: u32) -> Option<u32> {
    let (x, y, side) = row_at(width, height, from_bottom)?;
    let row = (y + side / 2) as usize * stride;
    let mut blocks = 0;
    for i in 0..BLOCKS {
        let at = row + (x + i * side + side / 2) as usize;
        blocks = blocks << 1 | u32::from(*luma.get(at)? > THRESHOLD);
    }
    let data = blocks >> 2 & (COUNTER_LIMIT - 1);
    (blocks == blocks_of(data)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(p: &Picture) -> Option<u32> {
        read_counter(p.y(), p.width() as usize, p.width(), p.height())
    }

    fn position(p: &Picture) -> Option<(u16, u16)> {
        read_position(p.y(), p.width() as usize, p.width(), p.height())
    }

    #[test]
    fn marks_read_back_at_every_quality() {
        for (width, height) in [(640, 360), (1280, 720), (1920, 1080), (322, 241)] {
            let mut picture = Picture::new(width, height);
            for n in [0, 1, 0xaa_aaaa, 0x55_5555, COUNTER_LIMIT - 1] {
                draw(&mut picture, n, (n % 4096) as u16, (n / 4096) as u16);
                assert_eq!(counter(&picture), Some(n));
                assert_eq!(
                    position(&picture),
                    Some(((n % 4096) as u16, (n / 4096) as u16))
                );
            }
        }
    }

    #[test]
    fn a_picture_without_marks_gives_nothing() {
        assert_eq!(counter(&Picture::new(640, 360)), None);
        let mut white = Picture::new(640, 360);
        white.y_mut().fill(WHITE);
        assert_eq!((counter(&white), position(&white)), (None, None));
        assert_eq!(counter(&Picture::new(20, 20)), None);
        assert_eq!(read_counter(&[], 640, 640, 360), None);
    }

    #[test]
    fn one_flipped_bit_is_noticed() {
        let mut picture = Picture::new(640, 360);
        draw(&mut picture, 1234, 0, 0);
        picture.fill(10 + 10 * 20, 340, 10, 10, (WHITE, GREY, GREY));
        assert_eq!(counter(&picture), None);
    }

    #[test]
    fn the_counter_tells_the_capture_time() {
        let now = 1_795_195_200_123_456_u64;
        for fps in [15, 25, 30, 60] {
            let n = counter_at(now, fps);
            let at = time_of(n, fps, now + 400_000);
            assert!(
                at <= now && now - at <= 1_000_000 / u64::from(fps),
                "{fps}: {at} {now}"
            );
            assert_eq!(counter_at(at, fps), n);
        }
        assert_eq!(time_of(5, 0, 0), 5_000_000);
    }
}
