//! A pairing link as a QR code for the terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The code in half-block characters, light on dark, with its quiet zone; `None` for a text too long for one.
pub fn terminal(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // Terminals are mostly dark: what is drawn is the light part.
    Some(
        code.render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fits_a_terminal_and_a_novel_does_not() {
        let code = terminal(&format!(
            "porthole:{}?secret={}",
            "a".repeat(64),
            "b".repeat(26)
        ))
        .unwrap();
        let widths: Vec<_> = code.lines().map(|line| line.chars().count()).collect();
        assert!(
            widths
                .iter()
                .all(|width| *width == widths[0] && *width <= 80),
            "{widths:?}"
        );
        assert!(terminal(&"x".repeat(5_000)).is_none());
    }
}
