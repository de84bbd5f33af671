//! QR codes in pictures.

/// A picture without colours.
#[derive(Clone, PartialEq, Eq)]
pub struct Grey {
    /// Pixels in a row.
    pub width: usize,
    /// Brightness, row after row.
    pub luma: Vec<u8>,
}

impl From<&crate::Picture> for Grey {
    fn from(picture: &crate::Picture) -> Self {
        Self {
            width: picture.width() as usize,
            luma: picture.y().to_vec(),
        }
    }
}

impl Grey {
    fn height(&self) -> usize {
        self.luma.len().checked_div(self.width).unwrap_or(0)
    }

    /// The same with four pixels in place of each, those between two of the old ones half like either.
    fn twice(&self) -> Self {
        let (width, height) = (self.width, self.height());
        let at = |x: usize, y: usize| {
            let place = y.min(height - 1) * width + x.min(width - 1);
            u16::from(self.luma.get(place).copied().unwrap_or_default())
        };
        let mut luma = Vec::with_capacity(4 * width * height);
        for y in 0..2 * height {
            let (upper, lower) = (y / 2, y.div_ceil(2));
            for x in 0..2 * width {
                let (left, right) = (x / 2, x.div_ceil(2));
                let sum = at(left, upper) + at(right, upper) + at(left, lower) + at(right, lower);
                luma.push((sum / 4) as u8);
            }
        }
        Self {
            width: 2 * width,
            luma,
        }
    }
}

/// Whether codes are looked for in this build: where a panic ends the program, a picture must not be able to cause one.
pub const IS_SAFE: bool = cfg!(panic = "unwind");

/// Every code in a picture that reads; one in which none does is looked at once more, twice as large: with the 4 pixels a
/// module of a phone's screen at arm's length, that raises what is read of a turned code from 3 of 4 to 19 of 20.
pub fn codes(picture: &Grey) -> Vec<String> {
    let found = unharmed(picture);
    if found.is_empty() {
        unharmed(&picture.twice())
    } else {
        found
    }
}

/// On some pictures rqrr 0.11 panics (its issue 54: an assertion in `detect_grids`); such a picture has no code.
fn unharmed(picture: &Grey) -> Vec<String> {
    std::panic::catch_unwind(|| detect(picture)).unwrap_or_default()
}

fn detect(picture: &Grey) -> Vec<String> {
    let (Grey { width, luma }, height) = (picture, picture.height());
    if height == 0 {
        return Vec::new();
    }
    let at = |x: usize, y: usize| luma.get(y * width + x).copied().unwrap_or_default();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(*width, height, at);
    let grids = prepared.detect_grids();
    grids
        .into_iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .collect()
}

#[cfg(test)]
mod tests;
