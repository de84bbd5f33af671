use super::*;
use crate::board::motor::Position;
use crate::board::sim::easel::Easel;
use crate::board::sim::street::Street;
use std::time::Duration;

/// As long as a code with network, token and hub gets.
const TEXT: &str = r#"{"ssid":"Home-WiFi","bssid":"","pwd":"correct horse battery","token":"00112233445566778899aabbccddeeff","hub":{"host":"192.168.100.200","mqtt":8883,"http":8443,"pin":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}"#;
const T: i64 = 1_795_195_443_133_333;

/// What the sim board sees of a text.
fn scene(text: Option<&str>) -> Picture {
    let easel = Easel::default();
    if let Some(text) = text {
        easel.show(text).unwrap();
    }
    let middle = Position {
        pan: 2047,
        tilt: 2047,
    };
    let mut picture = Street::new().picture(READ_QUALITY, T, 30, middle);
    easel.draw(&mut picture);
    picture
}

/// The picture as a camera sees it that is `scale` times as far away and turned by `angle`, out of focus and in noise.
fn seen(picture: &Grey, angle: f32, scale: f32, noise: u32) -> Grey {
    let (width, height) = (picture.width, picture.luma.len() / picture.width);
    let (sin, cos) = angle.sin_cos();
    let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
    let pixel = |x: i64, y: i64| {
        let inside = (0..width as i64).contains(&x) && (0..height as i64).contains(&y);
        if inside {
            f32::from(picture.luma[y as usize * width + x as usize])
        } else {
            90.0
        }
    };
    let mut seed = 1_u32;
    let mut luma = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            let (x, y) = ((column as f32 - cx) * scale, (row as f32 - cy) * scale);
            let (x, y) = (x * cos - y * sin + cx, x * sin + y * cos + cy);
            let (left, top) = (x.floor(), y.floor());
            let (fx, fy) = (x - left, y - top);
            let (left, top) = (left as i64, top as i64);
            let upper = pixel(left, top) * (1.0 - fx) + pixel(left + 1, top) * fx;
            let lower = pixel(left, top + 1) * (1.0 - fx) + pixel(left + 1, top + 1) * fx;
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = ((seed >> 16) % (2 * noise + 1)) as f32 - noise as f32;
            let light = upper * (1.0 - fy) + lower * fy;
            luma.push((light + grain).clamp(0.0, 255.0) as u8);
        }
    }
    Grey { width, luma }
}

#[test]
fn a_code_in_the_scene_is_read_and_a_street_has_none() {
    let started = Instant::now();
    assert_eq!(codes(&Grey::from(&scene(Some(TEXT)))), [TEXT]);
    println!("read in {:?} with the painting", started.elapsed());
    assert_eq!(codes(&Grey::from(&scene(None))), Vec::<String>::new());
    let picture = Grey::from(&scene(Some(TEXT)));
    let started = Instant::now();
    for _ in 0..10 {
        codes(&picture);
    }
    println!("a picture of 640x360: {:?}", started.elapsed() / 10);
}

#[test]
fn a_code_is_read_turned_from_afar_and_in_noise() {
    let picture = Grey::from(&scene(Some(TEXT)));
    for (scale, noise) in [(0.9, 6), (1.0, 12), (1.1, 20), (1.2, 6)] {
        let angles = (0..12).map(|n| -0.5 + n as f32 * 0.09).chain([1.6, 3.0]);
        // A hand is never still, and twice a second there is another picture.
        let missed: Vec<_> = angles
            .filter(|angle| codes(&seen(&picture, *angle, scale, noise)) != [TEXT])
            .collect();
        assert!(missed.len() <= 2, "{scale} {noise}: {missed:?}");
    }
}

#[test]
fn nothing_that_a_sensor_may_give_breaks_the_reader() {
    for (width, length) in [
        (0, 0),
        (0, 9),
        (1, 1),
        (3, 7),
        (640, 640),
        (64, 64 * 36 + 5),
    ] {
        codes(&Grey {
            width,
            luma: vec![128; length],
        });
    }
    // Damaged codes: blocks of noise, stripes and shifts over a real one.
    let picture = Grey::from(&scene(Some(TEXT)));
    let mut seed = 7_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let rounds = if cfg!(debug_assertions) { 150 } else { 5_000 };
    for _ in 0..rounds {
        let mut damaged = picture.clone();
        for _ in 0..1 + random(40) {
            let at = random(damaged.luma.len());
            let value = random(256) as u8;
            let end = (at + random(4_000)).min(damaged.luma.len());
            match random(3) {
                0 => damaged.luma[at..end].fill(value),
                1 => damaged.luma[at..end]
                    .iter_mut()
                    .for_each(|luma| *luma = !*luma),
                _ => damaged.luma[at..end].reverse(),
            }
        }
        codes(&damaged);
    }
}

#[tokio::test]
async fn a_code_is_passed_on_once_and_what_is_none_never() {
    let live = Arc::new(Live::new());
    let (gestures, mut taken) = mpsc::channel(4);
    let reading = tokio::spawn(read(Arc::clone(&live), gestures));
    // Holds pictures before the lens in turn until a code is passed on.
    let mut pass = async |texts: &[&str]| {
        let pictures: Vec<_> = texts.iter().map(|text| scene(Some(text))).collect();
        let showing = async {
            for picture in pictures.iter().cycle() {
                live.lens.look(Quality::High, picture);
                live.lens.look(READ_QUALITY, picture);
                tokio::time::sleep(READ_EVERY).await;
            }
        };
        tokio::select! {
            () = showing => unreachable!("it goes round"),
            gesture = tokio::time::timeout(Duration::from_secs(60), taken.recv()) => gesture.unwrap(),
        }
    };
    let other = "04Home08abcd12343200112233445566778899aabbccddeeff";
    let label = "WIFI:T:WPA;S:Porthole-4F2A;P:k3v9x2m7qa;;";
    let shown = |text: &str| Some(Gesture::Show(text.into()));
    assert_eq!(pass(&[label, TEXT]).await, shown(TEXT));
    assert_eq!(pass(&[TEXT, label, TEXT, other]).await, shown(other));
    reading.abort();
}
