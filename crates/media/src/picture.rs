//! One uncompressed picture, I420 (planar YUV 4:2:0, 8 bits, BT.601/709 limited range).

use crate::error::{Error, Result};

/// Luma of black in limited range (ITU-R BT.601).
pub const BLACK: u8 = 16;
/// Luma of white in limited range (ITU-R BT.601).
pub const WHITE: u8 = 235;
/// Chroma of grey.
pub const GREY: u8 = 128;

/// The widest or highest picture that is accepted, pixels. 8K is 7680 wide.
pub const MAX_SIDE: u32 = 8192;

/// An I420 picture. Planes are tightly packed in `data`: Y (`width`·`height`), then U and V, each
/// `chroma_width()`·`chroma_height()` (halves, rounded up).
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    data: Vec<u8>,
    /// When it was captured or is to be shown, microseconds.
    pub pts: i64,
}

impl Picture {
    /// A black picture. Sides are limited to 1..=[`MAX_SIDE`].
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.clamp(1, MAX_SIDE), height.clamp(1, MAX_SIDE));
        let luma = width as usize * height as usize;
        let mut data = vec![BLACK; luma];
        data.resize(Self::len_of(width, height), GREY);
        Self {
            width,
            height,
            data,
            pts: 0,
        }
    }

    /// A picture around existing bytes.
    ///
    /// # Errors
    /// [`Error::Input`] if the sides are out of range or `data` is not exactly one picture long.
    pub fn from_data(width: u32, height: u32, data: Vec<u8>, pts: i64) -> Result<Self> {
        const DOING: &str = "making a picture";
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return Err(Error::input(
                DOING,
                format!("{width}x{height}"),
                "sides of 1 to 8192 pixels",
            ));
        }
        if data.len() != Self::len_of(width, height) {
            let got = format!("{} bytes for {width}x{height}", data.len());
            return Err(Error::input(DOING, got, "width·height·3/2 bytes of I420"));
        }
        Ok(Self {
            width,
            height,
            data,
            pts,
        })
    }

    /// Bytes of an I420 picture with these sides.
    pub fn len_of(width: u32, height: u32) -> usize {
        let (w, h) = (width as usize, height as usize);
        w * h + 2 * w.div_ceil(2) * h.div_ceil(2)
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width of the U and V planes.
    pub fn chroma_width(&self) -> u32 {
        self.width.div_ceil(2)
    }

    /// Height of the U and V planes.
    pub fn chroma_height(&self) -> u32 {
        self.height.div_ceil(2)
    }

    /// All three planes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All three planes, without a copy.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The luma plane.
    pub fn y(&self) -> &[u8] {
        &self.data[..self.luma_len()]
    }

    /// The first chroma plane (Cb).
    pub fn u(&self) -> &[u8] {
        let (y, c) = (self.luma_len(), self.chroma_len());
        &self.data[y..y + c]
    }

    /// The second chroma plane (Cr).
    pub fn v(&self) -> &[u8] {
        let (y, c) = (self.luma_len(), self.chroma_len());
        &self.data[y + c..]
    }

    /// The luma plane.
    pub fn y_mut(&mut self) -> &mut [u8] {
        self.planes_mut().0
    }

    /// The first chroma plane (Cb).
    pub fn u_mut(&mut self) -> &mut [u8] {
        self.planes_mut().1
    }

    /// The second chroma plane (Cr).
    pub fn v_mut(&mut self) -> &mut [u8] {
        self.planes_mut().2
    }

    /// Y, U and V at once.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let (luma, chroma) = (self.luma_len(), self.chroma_len());
        let (y, uv) = self.data.split_at_mut(luma);
        let (u, v) = uv.split_at_mut(chroma);
        (y, u, v)
    }

    /// Fills a rectangle, clipped to the picture, with one colour. Chroma is rounded outward.
    pub fn fill(&mut self, x: u32, y: u32, width: u32, height: u32, colour: (u8, u8, u8)) {
        let (x1, y1) = (
            x.saturating_add(width).min(self.width),
            y.saturating_add(height).min(self.height),
        );
        if x >= x1 || y >= y1 {
            return;
        }
        let (stride, chroma_stride) = (self.width as usize, self.chroma_width() as usize);
        let (luma, u, v) = self.planes_mut();
        for row in y..y1 {
            let start = row as usize * stride;
            luma[start + x as usize..start + x1 as usize].fill(colour.0);
        }
        for row in y / 2..y1.div_ceil(2) {
            let start = row as usize * chroma_stride;
            u[start + (x / 2) as usize..start + x1.div_ceil(2) as usize].fill(colour.1);
            v[start + (x / 2) as usize..start + x1.div_ceil(2) as usize].fill(colour.2);
        }
    }

    fn luma_len(&self) -> usize {
        self.width as usize * self.height as usize
    }

    fn chroma_len(&self) -> usize {
        self.chroma_width() as usize * self.chroma_height() as usize
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Picture({}x{} at {} µs)",
            self.width, self.height, self.pts
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_have_the_i420_sizes_even_for_odd_sides() {
        let mut picture = Picture::new(5, 3);
        assert_eq!(
            (picture.y().len(), picture.u().len(), picture.v().len()),
            (15, 6, 6)
        );
        assert_eq!(picture.data().len(), Picture::len_of(5, 3));
        picture.v_mut()[5] = 7;
        assert_eq!(picture.data().last(), Some(&7));
        picture.fill(4, 2, 100, 100, (1, 2, 3));
        assert_eq!((picture.y()[14], picture.u()[5], picture.v()[5]), (1, 2, 3));
    }

    #[test]
    fn a_wrong_length_or_side_is_refused() {
        assert!(Picture::from_data(4, 4, vec![0; 24], 0).is_ok());
        assert!(Picture::from_data(4, 4, vec![0; 23], 0).is_err());
        assert!(Picture::from_data(0, 4, vec![], 0).is_err());
        assert!(Picture::from_data(u32::MAX, u32::MAX, vec![], 0).is_err());
    }
}
