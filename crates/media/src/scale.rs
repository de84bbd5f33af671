//! Scaling by swscale, I420 to I420.

use crate::av::{self, Converter};
use crate::error::{Error, Result};
use crate::picture::{MAX_SIDE, Picture};

const SCALING: &str = "scaling a picture";

/// Scales pictures (bilinear). Keep one for each pair of sizes: it holds tables.
#[derive(Default)]
pub struct Scaler {
    converter: Converter,
}

impl Scaler {
    /// A scaler for any sizes.
    pub fn new() -> Self {
        av::init();
        Self::default()
    }

    /// The picture at `width`·`height`, same `pts`. The same size is a plain copy.
    ///
    /// # Errors
    /// [`Error::Input`] for sides out of 1..=8192, [`Error::Ffmpeg`] if swscale refuses.
    pub fn scale(&mut self, picture: &Picture, width: u32, height: u32) -> Result<Picture> {
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return Err(Error::input(
                SCALING,
                format!("{width}x{height}"),
                "sides of 1 to 8192 pixels",
            ));
        }
        if (width, height) == (picture.width(), picture.height()) {
            return Ok(picture.clone());
        }
        self.converter.scaled(picture, (width, height), SCALING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks;

    #[test]
    fn marks_survive_scaling_down_and_up() {
        let mut scaler = Scaler::new();
        let mut picture = Picture::new(1920, 1080);
        marks::draw(&mut picture, 0xabcdef, 1234, 4000);
        picture.pts = 42;
        for (width, height) in [(1280, 720), (640, 360), (1920, 1080)] {
            picture = scaler.scale(&picture, width, height).expect("scales");
            assert_eq!(
                (picture.width(), picture.height(), picture.pts),
                (width, height, 42)
            );
            let stride = width as usize;
            assert_eq!(
                marks::read_counter(picture.y(), stride, width, height),
                Some(0xabcdef)
            );
            assert_eq!(
                marks::read_position(picture.y(), stride, width, height),
                Some((1234, 4000))
            );
        }
        assert!(
            scaler.scale(&picture, 0, 10).is_err() && scaler.scale(&picture, 10, 9000).is_err()
        );
    }

    #[test]
    fn levels_and_colours_stay() {
        let mut picture = Picture::new(640, 360);
        picture.fill(0, 0, 640, 360, (235, 90, 200));
        let small = Scaler::new().scale(&picture, 322, 182).expect("scales");
        let near = |plane: &[u8], value: u8| plane.iter().all(|&p| p.abs_diff(value) <= 1);
        assert!(near(small.y(), 235) && near(small.u(), 90) && near(small.v(), 200));
    }
}
