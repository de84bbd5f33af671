use super::*;

const TEXT: &str = "WIFI:T:WPA;S:Porthole-4F2A;P:k3v9x2m7qa;;";

/// The code of [`TEXT`], `scale` pixels a module.
fn drawn(scale: usize) -> Grey {
    let code = qrcode::QrCode::new(TEXT).unwrap();
    let (side, colors) = (code.width(), code.to_colors());
    let width = (side + 8) * scale;
    let pixel = |at: usize| {
        let (x, y) = ((at % width) / scale, (at / width) / scale);
        let inside = (4..4 + side).contains(&x) && (4..4 + side).contains(&y);
        let black = inside && colors[(y - 4) * side + x - 4] == qrcode::Color::Dark;
        if black { 20 } else { 230 }
    };
    Grey {
        width,
        luma: (0..width * width).map(pixel).collect(),
    }
}

#[test]
fn a_code_is_read_large_and_small() {
    for scale in [2, 3, 8, 20] {
        assert_eq!(codes(&drawn(scale)), [TEXT], "{scale} pixels a module");
    }
}

#[test]
fn twice_as_large_keeps_every_pixel_and_its_neighbours() {
    let grey = Grey {
        width: 2,
        luma: vec![0, 100, 200, 40],
    };
    let twice = grey.twice();
    assert_eq!(twice.width, 4);
    assert_eq!(
        twice.luma,
        [
            0, 50, 100, 100, 100, 85, 70, 70, 200, 120, 40, 40, 200, 120, 40, 40
        ]
    );
}

#[test]
fn what_is_no_picture_has_no_codes() {
    for (width, length) in [(0, 0), (0, 9), (1, 1), (3, 7), (640, 640)] {
        let luma = vec![128; length];
        assert_eq!(codes(&Grey { width, luma }), Vec::<String>::new());
    }
}
