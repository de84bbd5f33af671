//! Writes what the sim board sees as JPEG: `cargo run -p firmware --example scene -- standard 2047 2047 out.jpg`.

use anyhow::Context;
use firmware::board::motor::Position;
use firmware::board::sim::street::Street;
use wire::stream::Quality;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [quality, pan, tilt, path] = &args[..] else {
        anyhow::bail!("QUALITY PAN TILT FILE.jpg")
    };
    let quality = Quality::from_name(quality).context("standard, high or super")?;
    let position = Position {
        pan: pan.parse()?,
        tilt: tilt.parse()?,
    };
    let street = Street::new();
    let start = std::time::Instant::now();
    street.prepare(quality);
    let painted = start.elapsed();
    let wall_us = 1_795_195_440_033_334;
    let mut picture = street.picture(quality, wall_us, 30, position);
    let start = std::time::Instant::now();
    for n in 0..100 {
        picture = street.picture(quality, wall_us + n % 2, 30, position);
    }
    println!(
        "background {painted:?}, a picture {:?}",
        start.elapsed() / 100
    );
    media::marks::draw(
        &mut picture,
        media::marks::counter_at(wall_us as u64, 30),
        position.pan,
        position.tilt,
    );
    std::fs::write(path, media::jpeg::encode(&picture, 90)?)
        .with_context(|| format!("writing {path}"))
}
