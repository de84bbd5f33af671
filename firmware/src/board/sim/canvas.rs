//! A small anti-aliased painter for the scene's background: colours in, I420 out.
//!
//! Coordinates are scene units (360 to the height of the view, whatever the resolution); `scale` pixels to a unit.

use super::font;

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

/// A picture of RGB pixels with a coverage plane, so that it can be a sprite as well as a background.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    scale: f32,
    pixels: Vec<Colour>,
    cover: Vec<u8>,
}

impl Canvas {
    /// An empty (transparent black) canvas of this many units.
    pub(super) fn new(width: f32, height: f32, scale: f32) -> Self {
        let even = |units: f32| ((units * scale).ceil() as usize).next_multiple_of(2);
        let (width, height) = (even(width), even(height));
        Self {
            width,
            height,
            scale,
            pixels: vec![[0; 3]; width * height],
            cover: vec![0; width * height],
        }
    }

    /// Fills everything; the colour is a function of the height in units.
    pub(super) fn gradient(&mut self, colour: impl Fn(f32) -> Colour) {
        for row in 0..self.height {
            let colour = colour(row as f32 / self.scale);
            self.pixels[row * self.width..(row + 1) * self.width].fill(colour);
        }
        self.cover.fill(255);
    }

    /// Fills what lies below a line, down to `bottom`.
    pub(super) fn below(&mut self, bottom: f32, colour: Colour, line: impl Fn(f32) -> f32) {
        let end = ((bottom * self.scale) as usize).min(self.height);
        for x in 0..self.width {
            let top = (line((x as f32 + 0.5) / self.scale) * self.scale).max(0.0);
            let first = top as usize;
            for y in first..end {
                let cover = if y == first {
                    1.0 - (top - first as f32)
                } else {
                    1.0
                };
                self.blend(x, y, colour, cover);
            }
        }
    }

    /// A rectangle.
    pub(super) fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.veil(x, y, width, height, colour, 1.0);
    }

    /// A rectangle that lets through `1 - alpha` of what is below it.
    pub(super) fn veil(
        &mut self,
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        colour: Colour,
        alpha: f32,
    ) {
        let (x0, y0) = (x * self.scale, y * self.scale);
        let (x1, y1) = (x0 + width * self.scale, y0 + height * self.scale);
        self.each((x0, y0, x1, y1), |px, py| {
            let part =
                |p: f32, from: f32, to: f32| ((p + 1.0).min(to) - p.max(from)).clamp(0.0, 1.0);
            (colour, alpha * part(px, x0, x1) * part(py, y0, y1))
        });
    }

    /// A disc.
    pub(super) fn disc(&mut self, x: f32, y: f32, radius: f32, colour: Colour) {
        self.ellipse(x, y, radius, radius, colour, 1.0);
    }

    /// An ellipse that lets through `1 - alpha` of what is below it.
    pub(super) fn ellipse(&mut self, x: f32, y: f32, rx: f32, ry: f32, colour: Colour, alpha: f32) {
        let (cx, cy) = (x * self.scale, y * self.scale);
        let (rx, ry) = (rx * self.scale, ry * self.scale);
        self.each(
            (cx - rx - 1.0, cy - ry - 1.0, cx + rx + 1.0, cy + ry + 1.0),
            |px, py| {
                let (dx, dy) = ((px + 0.5 - cx) / rx, (py + 0.5 - cy) / ry);
                let distance = ((dx * dx + dy * dy).sqrt() - 1.0) * rx.min(ry);
                (colour, alpha * (0.5 - distance).clamp(0.0, 1.0))
            },
        );
    }

    /// A glow that fades towards its edge.
    pub(super) fn glow(&mut self, x: f32, y: f32, radius: f32, colour: Colour, alpha: f32) {
        let (cx, cy, r) = (x * self.scale, y * self.scale, radius * self.scale);
        self.each((cx - r, cy - r, cx + r, cy + r), |px, py| {
            let (dx, dy) = (px + 0.5 - cx, py + 0.5 - cy);
            let near = 1.0 - ((dx * dx + dy * dy).sqrt() / r).min(1.0);
            (colour, alpha * near * near)
        });
    }

    /// A polygon without crossing edges.
    pub(super) fn polygon(&mut self, points: &[(f32, f32)], colour: Colour) {
        const ROWS: usize = 4;
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| (x * self.scale, y * self.scale))
            .collect();
        let edge = |f: fn(f32, f32) -> f32, start: f32| {
            points.iter().fold(start, |best, point| f(best, point.1))
        };
        let first = edge(f32::min, f32::MAX).max(0.0) as usize;
        let last = (edge(f32::max, 0.0).ceil() as usize).min(self.height);
        let mut cover = vec![0.0_f32; self.width];
        for row in first..last {
            cover.fill(0.0);
            for part in 0..ROWS {
                let y = row as f32 + (part as f32 + 0.5) / ROWS as f32;
                let mut crossings: Vec<f32> = (0..points.len())
                    .map(|i| (points[i], points[(i + 1) % points.len()]))
                    .filter(|(a, b)| (a.1 <= y) != (b.1 <= y))
                    .map(|(a, b)| a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0))
                    .collect();
                crossings.sort_by(f32::total_cmp);
                for pair in crossings.chunks_exact(2) {
                    let (from, to) = (
                        pair[0].clamp(0.0, self.width as f32),
                        pair[1].clamp(0.0, self.width as f32),
                    );
                    for (x, cover) in cover
                        .iter_mut()
                        .enumerate()
                        .take(to.ceil() as usize)
                        .skip(from as usize)
                    {
                        let x = x as f32;
                        *cover += ((x + 1.0).min(to) - x.max(from)).clamp(0.0, 1.0) / ROWS as f32;
                    }
                }
            }
            for (x, cover) in cover.iter().enumerate().filter(|(_, cover)| **cover > 0.0) {
                self.blend(x, row, colour, *cover);
            }
        }
    }

    /// Text; `size` units to a font dot.
    pub(super) fn text(&mut self, x: f32, y: f32, size: f32, text: &str, colour: Colour) {
        let mut dots = Vec::new();
        font::dots(text, |column, row| dots.push((column as f32, row as f32)));
        for (column, row) in dots {
            self.rect(x + column * size, y + row * size, size, size, colour);
        }
    }

    /// As I420 planes with coverage, and the sides in pixels.
    pub(super) fn finish(self, hd: bool) -> Planes {
        let mut planes = Planes {
            width: self.width,
            height: self.height,
            y: Vec::with_capacity(self.width * self.height),
            u: Vec::with_capacity(self.width * self.height / 4),
            v: Vec::with_capacity(self.width * self.height / 4),
            cover: self.cover,
        };
        planes.y.extend(
            self.pixels
                .iter()
                .map(|pixel| yuv(pixel.map(f32::from), hd).0),
        );
        for row in (0..self.height).step_by(2) {
            let (upper, lower) =
                self.pixels[row * self.width..(row + 2) * self.width].split_at(self.width);
            for (a, b) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
                let mean = |i: usize| {
                    (f32::from(a[0][i])
                        + f32::from(a[1][i])
                        + f32::from(b[0][i])
                        + f32::from(b[1][i]))
                        / 4.0
                };
                let (_, u, v) = yuv([mean(0), mean(1), mean(2)], hd);
                planes.u.push(u);
                planes.v.push(v);
            }
        }
        planes
    }

    fn each(
        &mut self,
        (x0, y0, x1, y1): (f32, f32, f32, f32),
        paint: impl Fn(f32, f32) -> (Colour, f32),
    ) {
        let limit = |value: f32, end: usize| value.clamp(0.0, end as f32) as usize;
        for y in limit(y0.floor(), self.height)..limit(y1.ceil(), self.height) {
            for x in limit(x0.floor(), self.width)..limit(x1.ceil(), self.width) {
                let (colour, alpha) = paint(x as f32, y as f32);
                self.blend(x, y, colour, alpha);
            }
        }
    }

    fn blend(&mut self, x: usize, y: usize, colour: Colour, alpha: f32) {
        let alpha = (alpha * 256.0) as u32;
        let at = y * self.width + x;
        if alpha == 0 {
            return;
        }
        if self.cover[at] == 0 {
            self.pixels[at] = colour;
        } else {
            for (below, over) in self.pixels[at].iter_mut().zip(colour) {
                *below = ((u32::from(*below) * (256 - alpha) + u32::from(over) * alpha) >> 8) as u8;
            }
        }
        let open = 255 - u32::from(self.cover[at]);
        self.cover[at] = (255 - ((open * (256 - alpha)) >> 8)) as u8;
    }
}

/// A finished canvas.
pub(super) struct Planes {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) y: Vec<u8>,
    pub(super) u: Vec<u8>,
    pub(super) v: Vec<u8>,
    /// 255 = hides what is below it; one value a pixel.
    pub(super) cover: Vec<u8>,
}

/// Limited range; BT.709 for HD, BT.601 below, which is what players assume.
fn yuv([r, g, b]: [f32; 3], hd: bool) -> (u8, u8, u8) {
    let (kr, kb) = if hd { (0.2126, 0.0722) } else { (0.299, 0.114) };
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    let luma = 16.0 + y * 219.0 / 255.0;
    let u = 128.0 + (b - y) / (1.0 - kb) * 112.0 / 255.0;
    let v = 128.0 + (r - y) / (1.0 - kr) * 112.0 / 255.0;
    ((luma + 0.5) as u8, (u + 0.5) as u8, (v + 0.5) as u8)
}

/// Between two colours; `part` 0..1.
pub(super) fn mix(from: Colour, to: Colour, part: f32) -> Colour {
    let part = part.clamp(0.0, 1.0);
    std::array::from_fn(|i| {
        (f32::from(from[i]) + (f32::from(to[i]) - f32::from(from[i])) * part) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_grey_and_red_have_the_standard_values() {
        for hd in [false, true] {
            assert_eq!(yuv([255.0; 3], hd), (235, 128, 128));
            assert_eq!(yuv([0.0; 3], hd), (16, 128, 128));
        }
        assert_eq!(yuv([255.0, 0.0, 0.0], false), (81, 90, 240));
        assert_eq!(yuv([255.0, 0.0, 0.0], true), (63, 102, 240));
    }

    #[test]
    fn shapes_cover_what_they_should() {
        let mut canvas = Canvas::new(8.0, 8.0, 1.0);
        canvas.rect(2.0, 2.0, 2.5, 2.0, [255; 3]);
        let covered: u32 = canvas.cover.iter().map(|cover| u32::from(*cover)).sum();
        assert!((covered as f32 / 255.0 - 5.0).abs() < 0.1, "{covered}");
        canvas.polygon(
            &[(-5.0, -5.0), (20.0, -5.0), (20.0, 20.0), (-5.0, 20.0)],
            [9; 3],
        );
        assert!(canvas.cover.iter().all(|cover| *cover > 250));
        canvas.disc(100.0, 100.0, 5.0, [1; 3]);
        canvas.text(6.0, 6.0, 1.0, "CUT OFF", [1; 3]);
        let planes = canvas.finish(false);
        assert_eq!(
            (planes.y.len(), planes.u.len(), planes.v.len()),
            (64, 16, 16)
        );
    }
}
