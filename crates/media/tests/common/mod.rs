//! What the test programs share.
#![allow(dead_code, reason = "each test program uses its part")]

use media::{Picture, marks};

/// A moving scene with frame counter `n`, pan `n` and tilt `4095 − n`, 30 a second.
pub(crate) fn scene(width: u32, height: u32, n: u32) -> Picture {
    let mut picture = Picture::new(width, height);
    let stride = width as usize;
    for (y, row) in picture.y_mut().chunks_mut(stride).enumerate() {
        for (x, luma) in row.iter_mut().enumerate() {
            *luma = (60 + (((x + 3 * n as usize) / 4) & 63) + ((y / 3) & 31)) as u8;
        }
    }
    picture.fill(
        n * 7 % width,
        height / 4,
        height / 5,
        height / 5,
        (210, 80, 160),
    );
    marks::draw(&mut picture, n, n as u16, 4095 - n as u16);
    picture.pts = i64::from(n) * 33_333;
    picture
}

/// `frames` of a tone, interleaved, the same on all channels.
pub(crate) fn tone(rate: u32, channels: u8, hertz: f64, level: f32, frames: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU * hertz / f64::from(rate);
    (0..frames)
        .flat_map(|i| {
            std::iter::repeat_n(
                (step * i as f64).sin() as f32 * level,
                usize::from(channels),
            )
        })
        .collect()
}

/// How loud one frequency is (peak of the sinusoid that fits best).
pub(crate) fn level_at(mono: &[f32], rate: u32, hertz: f64) -> f64 {
    let step = std::f64::consts::TAU * hertz / f64::from(rate);
    let (mut a, mut b) = (0.0, 0.0);
    for (i, &s) in mono.iter().enumerate() {
        let (sin, cos) = (step * i as f64).sin_cos();
        a += f64::from(s) * sin;
        b += f64::from(s) * cos;
    }
    2.0 * a.hypot(b) / mono.len() as f64
}
