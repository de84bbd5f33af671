//! The sim board's street: twice as wide and half again as high as the view, so that pan and tilt show.
//!
//! The background is painted once a quality; a picture is a window of it, with what moves blended in.

use super::canvas::{Canvas, Colour, Planes, mix};

/// Units of the view: it is always this high, whatever the resolution.
pub(super) const VIEW: (f32, f32) = (640.0, 360.0);
/// Units of the whole scene.
pub(super) const SCENE: (f32, f32) = (1280.0, 540.0);
/// Where the road's far lane is, units from the top.
pub(super) const LANE_Y: f32 = 398.0;

const HORIZON: f32 = 318.0;
const PAVEMENT: f32 = 376.0;
const ROAD: f32 = 394.0;
const LAWN: f32 = 462.0;

/// Paints the background; `scale` pixels to a unit.
pub(super) fn background(scale: f32, hd: bool) -> Planes {
    let mut canvas = Canvas::new(SCENE.0, SCENE.1, scale);
    sky(&mut canvas);
    hills(&mut canvas);
    houses(&mut canvas);
    street(&mut canvas);
    garden(&mut canvas);
    ruler(&mut canvas);
    canvas.finish(hd)
}

fn sky(canvas: &mut Canvas) {
    const TOP: Colour = [38, 84, 150];
    const MIDDLE: Colour = [126, 182, 226];
    const LOW: Colour = [252, 226, 190];
    canvas.gradient(|y| match y / HORIZON {
        part if part < 0.6 => mix(TOP, MIDDLE, part / 0.6),
        part => mix(MIDDLE, LOW, (part - 0.6) / 0.4),
    });
    canvas.glow(930.0, 196.0, 210.0, [255, 240, 200], 0.8);
    canvas.disc(930.0, 196.0, 26.0, [255, 247, 224]);
    for (x, y, size) in [
        (150.0, 90.0, 1.0),
        (420.0, 150.0, 0.7),
        (640.0, 62.0, 1.2),
        (1120.0, 104.0, 0.9),
        (820.0, 120.0, 0.5),
    ] {
        for (dx, dy, radius) in [
            (0.0, 0.0, 20.0),
            (24.0, -9.0, 25.0),
            (52.0, -3.0, 21.0),
            (76.0, 4.0, 14.0),
            (-20.0, 5.0, 13.0),
        ] {
            canvas.ellipse(
                x + dx * size,
                y + dy * size,
                radius * size,
                radius * size * 0.72,
                [250, 250, 252],
                0.8,
            );
        }
    }
}

fn hills(canvas: &mut Canvas) {
    let wave = |x: f32, length: f32, shift: f32| (x / length + shift).sin();
    canvas.below(HORIZON + 40.0, [142, 164, 200], |x| {
        246.0 - 26.0 * wave(x, 96.0, 0.4) - 13.0 * wave(x, 37.0, 1.0) - 4.0 * wave(x, 11.0, 0.0)
    });
    canvas.below(HORIZON + 50.0, [112, 146, 150], |x| {
        282.0 - 17.0 * wave(x, 140.0, 2.0) - 7.0 * wave(x, 48.0, 0.3)
    });
    canvas.below(PAVEMENT, [110, 156, 104], |x| {
        HORIZON - 9.0 * wave(x, 190.0, 1.3) - 3.0 * wave(x, 43.0, 0.0)
    });
}

fn houses(canvas: &mut Canvas) {
    const WALLS: [Colour; 5] = [
        [236, 222, 200],
        [214, 168, 142],
        [198, 208, 214],
        [240, 232, 216],
        [188, 202, 178],
    ];
    const ROOFS: [Colour; 4] = [[150, 74, 62], [92, 88, 98], [126, 92, 70], [74, 92, 112]];
    let mut x = -18.0;
    for i in 0..14_usize {
        let wide = 68.0 + ((i * 37) % 29) as f32;
        let tall = 54.0 + ((i * 53) % 37) as f32;
        if i % 4 == 3 {
            tree(canvas, x + 18.0, PAVEMENT, 1.1);
            tree(canvas, x + 54.0, PAVEMENT, 0.8);
            x += 80.0;
            continue;
        }
        house(
            canvas,
            (x, PAVEMENT - tall),
            (wide, tall),
            WALLS[i % 5],
            ROOFS[(i * 3) % 4],
        );
        x += wide + 14.0;
    }
}

fn house(
    canvas: &mut Canvas,
    (x, y): (f32, f32),
    (wide, tall): (f32, f32),
    wall: Colour,
    roof: Colour,
) {
    canvas.rect(x + wide * 0.7, y - 26.0, 8.0, 22.0, mix(roof, [0; 3], 0.2));
    canvas.polygon(
        &[
            (x - 5.0, y),
            (x + wide * 0.5, y - 27.0),
            (x + wide + 5.0, y),
        ],
        roof,
    );
    canvas.rect(x, y, wide, tall, wall);
    canvas.veil(x, y, wide, 4.0, [0; 3], 0.25);
    canvas.veil(x + wide * 0.86, y, wide * 0.14, tall, [0; 3], 0.1);
    let door = x + wide * 0.12;
    canvas.rect(
        door,
        y + tall - 28.0,
        15.0,
        28.0,
        mix(roof, [30, 30, 40], 0.3),
    );
    canvas.disc(door + 12.0, y + tall - 13.0, 1.3, [240, 210, 120]);
    let mut row = y + 9.0;
    while row + 16.0 < y + tall - 6.0 {
        for column in 0..3 {
            let left = x + wide * (0.13 + 0.28 * column as f32);
            if column == 0 && row + 20.0 > y + tall - 30.0 {
                continue;
            }
            canvas.rect(left - 1.5, row - 1.5, 17.0, 17.0, [250, 250, 246]);
            canvas.rect(left, row, 14.0, 14.0, [96, 132, 168]);
            canvas.polygon(
                &[(left, row), (left + 8.0, row), (left, row + 9.0)],
                [150, 186, 214],
            );
            canvas.rect(left + 6.3, row, 1.4, 14.0, [250, 250, 246]);
        }
        row += 25.0;
    }
}

fn tree(canvas: &mut Canvas, x: f32, foot: f32, size: f32) {
    canvas.ellipse(x, foot, 22.0 * size, 4.0 * size, [0; 3], 0.2);
    canvas.rect(
        x - 3.0 * size,
        foot - 34.0 * size,
        6.0 * size,
        34.0 * size,
        [104, 78, 56],
    );
    for (dx, dy, radius, colour) in [
        (-11.0, -42.0, 17.0, [62, 116, 66]),
        (12.0, -44.0, 17.0, [58, 108, 62]),
        (0.0, -60.0, 19.0, [78, 134, 76]),
        (-5.0, -62.0, 9.0, [104, 158, 92]),
    ] {
        canvas.disc(x + dx * size, foot + dy * size, radius * size, colour);
    }
}

fn street(canvas: &mut Canvas) {
    canvas.rect(0.0, PAVEMENT, SCENE.0, ROAD - PAVEMENT, [196, 192, 186]);
    canvas.rect(0.0, ROAD - 3.0, SCENE.0, 3.0, [150, 148, 144]);
    canvas.rect(0.0, ROAD, SCENE.0, LAWN - ROAD, [74, 78, 88]);
    for i in 0..32 {
        let x = i as f32 * 40.0;
        canvas.veil(x, PAVEMENT, 0.8, ROAD - PAVEMENT - 3.0, [120; 3], 0.5);
        canvas.rect(
            x + 6.0,
            (ROAD + LAWN) * 0.5 - 1.5,
            22.0,
            3.0,
            [232, 226, 204],
        );
    }
    canvas.rect(0.0, LAWN - 6.0, SCENE.0, 6.0, [170, 168, 162]);
    for i in 0..5 {
        let x = 96.0 + i as f32 * 272.0;
        canvas.rect(x, PAVEMENT - 118.0, 3.4, 122.0, [58, 62, 70]);
        canvas.rect(x, PAVEMENT - 118.0, 24.0, 3.0, [58, 62, 70]);
        canvas.ellipse(x + 24.0, PAVEMENT - 114.0, 8.0, 4.0, [255, 240, 190], 1.0);
    }
}

fn garden(canvas: &mut Canvas) {
    canvas.below(SCENE.1, [104, 160, 86], |_| LAWN);
    for i in 0..9 {
        canvas.veil(
            0.0,
            LAWN + i as f32 * 9.0,
            SCENE.0,
            4.5,
            [70, 128, 62],
            0.25,
        );
    }
    for i in 0..86 {
        let x = i as f32 * 15.0;
        canvas.polygon(
            &[
                (x, LAWN + 8.0),
                (x + 3.0, LAWN - 14.0 + 4.0),
                (x + 6.0, LAWN + 8.0),
            ],
            [244, 242, 236],
        );
        canvas.rect(x, LAWN - 6.0, 6.0, 22.0, [244, 242, 236]);
    }
    canvas.rect(0.0, LAWN, SCENE.0, 3.0, [228, 226, 220]);
    canvas.rect(0.0, LAWN + 9.0, SCENE.0, 3.0, [228, 226, 220]);
    for i in 0..46_usize {
        let (x, y) = (
            ((i * 283) % 1280) as f32,
            LAWN + 26.0 + ((i * 97) % 50) as f32,
        );
        let colour = [
            [236, 88, 96],
            [250, 206, 84],
            [240, 240, 250],
            [176, 122, 206],
        ][i % 4];
        canvas.rect(x - 0.5, y, 1.2, 7.0, [62, 116, 58]);
        canvas.disc(x, y, 2.8, colour);
        canvas.disc(x, y, 1.0, [120, 80, 40]);
    }
    tree(canvas, 60.0, 530.0, 1.5);
    tree(canvas, 1216.0, 534.0, 1.7);
}

/// A grid with its distance from the middle in units, faint enough not to spoil the picture.
fn ruler(canvas: &mut Canvas) {
    const INK: Colour = [255; 3];
    for i in 0..=64 {
        let x = i as f32 * 20.0;
        let major = i % 4 == 0;
        canvas.veil(
            x,
            0.0,
            1.0,
            if major { SCENE.1 } else { 7.0 },
            INK,
            if major { 0.13 } else { 0.5 },
        );
        for y in [180.0, 360.0] {
            canvas.veil(x, y - 3.0, 1.0, 6.0, INK, if major { 0.6 } else { 0.35 });
        }
        if major {
            for y in [9.0, 185.0, 364.0] {
                canvas.text(
                    x + 3.0,
                    y,
                    0.9,
                    &(i * 20 - 640).to_string(),
                    mix(INK, [60, 80, 110], 0.25),
                );
            }
        }
    }
    for i in 0..=9 {
        canvas.veil(0.0, i as f32 * 60.0, SCENE.0, 1.0, INK, 0.13);
    }
}

/// The car that passes, 92x38 units, wheels on its lower edge.
pub(super) fn car(scale: f32, hd: bool) -> Planes {
    const BODY: Colour = [204, 52, 48];
    let mut canvas = Canvas::new(92.0, 38.0, scale);
    canvas.polygon(
        &[(20.0, 16.0), (32.0, 2.0), (62.0, 2.0), (76.0, 16.0)],
        BODY,
    );
    canvas.polygon(
        &[(26.0, 15.0), (34.0, 5.0), (46.0, 5.0), (46.0, 15.0)],
        [168, 206, 230],
    );
    canvas.polygon(
        &[(49.0, 15.0), (49.0, 5.0), (60.0, 5.0), (70.0, 15.0)],
        [168, 206, 230],
    );
    canvas.polygon(
        &[
            (2.0, 18.0),
            (10.0, 14.5),
            (80.0, 14.5),
            (90.0, 19.0),
            (90.0, 30.0),
            (2.0, 30.0),
        ],
        BODY,
    );
    canvas.rect(2.0, 24.0, 88.0, 2.0, mix(BODY, [255; 3], 0.3));
    canvas.rect(85.0, 18.0, 5.0, 4.0, [255, 244, 190]);
    canvas.rect(2.0, 19.0, 4.0, 4.0, [120, 20, 20]);
    for x in [21.0, 71.0] {
        canvas.disc(x, 29.5, 8.0, [28, 28, 32]);
        canvas.disc(x, 29.5, 4.0, [176, 180, 186]);
    }
    canvas.finish(hd)
}

/// The ball, 28x28 units.
pub(super) fn ball(scale: f32, hd: bool) -> Planes {
    let mut canvas = Canvas::new(28.0, 28.0, scale);
    canvas.disc(14.0, 14.0, 13.0, [246, 148, 40]);
    canvas.ellipse(14.0, 14.0, 4.5, 13.0, [250, 244, 232], 1.0);
    canvas.ellipse(9.5, 8.5, 3.5, 3.0, [255; 3], 0.7);
    canvas.finish(hd)
}

/// The ball's shadow, 32x8 units.
pub(super) fn shadow(scale: f32, hd: bool) -> Planes {
    let mut canvas = Canvas::new(32.0, 8.0, scale);
    canvas.ellipse(16.0, 4.0, 15.0, 3.4, [30, 60, 30], 0.45);
    canvas.finish(hd)
}
