//! What a person holds before the lens of the sim board: a QR code on white paper, in the middle of the picture.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use media::Picture;
use media::picture::{BLACK, GREY, WHITE};
use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around a code (ISO/IEC 18004, 5.3.8).
const QUIET: u32 = 4;
/// How much of the picture's height the paper takes, percent.
const HEIGHT: u32 = 85;

/// A place for one code. Clones are the same easel.
#[derive(Clone, Default)]
pub struct Easel {
    code: Arc<Mutex<Option<QrCode>>>,
}

/// A text that is too long for a code.
#[derive(Debug, thiserror::Error)]
#[error("{bytes} bytes do not fit a QR code")]
pub struct TooLong {
    bytes: usize,
}

impl fmt::Debug for Easel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Codes for cameras hold a password.
        f.write_str(if self.is_empty() {
            "Easel"
        } else {
            "Easel(***)"
        })
    }
}

impl Easel {
    /// Puts a text there, in place of the one before.
    ///
    /// # Errors
    /// It is too long.
    pub fn show(&self, text: &str) -> Result<(), TooLong> {
        let bytes = text.len();
        let code = QrCode::with_error_correction_level(text, EcLevel::L);
        *self.lock() = Some(code.map_err(|_| TooLong { bytes })?);
        Ok(())
    }

    /// Takes it away.
    pub fn clear(&self) {
        *self.lock() = None;
    }

    /// Whether nothing stands there.
    pub fn is_empty(&self) -> bool {
        self.lock().is_none()
    }

    /// Draws it into a picture, as large as it fits in whole pixels; not into one that is too small for it.
    pub fn draw(&self, picture: &mut Picture) {
        let code = self.lock();
        let Some(code) = code.as_ref() else { return };
        let width = u32::try_from(code.width()).unwrap_or(u32::MAX / 2);
        let paper = width + 2 * QUIET;
        let module = (picture.height() * HEIGHT / 100 / paper) & !1;
        if module == 0 || paper * module > picture.width() {
            return;
        }
        let left = ((picture.width() - paper * module) / 2) & !1;
        let top = ((picture.height() - paper * module) / 2) & !1;
        let side = paper * module;
        picture.fill(left, top, side, side, (WHITE, GREY, GREY));
        let colors = code.to_colors();
        for (row, line) in (QUIET..).zip(colors.chunks(code.width())) {
            for (column, color) in (QUIET..).zip(line) {
                if *color == Color::Dark {
                    let (x, y) = (left + column * module, top + row * module);
                    picture.fill(x, y, module, module, (BLACK, GREY, GREY));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<QrCode>> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_hides_the_middle_and_nothing_is_drawn_where_it_does_not_fit() {
        let easel = Easel::default();
        let mut picture = Picture::new(640, 360);
        let before = picture.clone();
        easel.draw(&mut picture);
        assert!(picture == before);
        easel.show("04Home00").unwrap();
        assert!(!format!("{easel:?}").contains("Home"));
        easel.draw(&mut picture);
        let middle = &picture.y()[180 * 640 + 200..180 * 640 + 440];
        assert!(middle.contains(&BLACK) && middle.contains(&WHITE));
        let mut small = Picture::new(64, 36);
        let before = small.clone();
        easel.draw(&mut small);
        assert!(small == before);
        assert!(easel.show(&"x".repeat(5_000)).is_err());
        assert!(!easel.is_empty(), "the old one stays");
    }
}
