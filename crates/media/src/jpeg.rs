//! Still pictures: JPEG both ways by FFmpeg.
//!
//! Our pictures hold limited range (black 16, white 235), JPEG holds full range (0 to 255): converted both ways.

use ffmpeg_next as ff;

use crate::av::{self, Converter};
use crate::error::{Error, Result};
use crate::picture::{MAX_SIDE, Picture};

const ENCODING: &str = "encoding a JPEG";
const DECODING: &str = "decoding a JPEG";
/// Largest file that is decoded, bytes.
const MAX_FILE: usize = 32 << 20;

/// The picture as a JPEG file (JFIF, 4:2:0). `quality` 1 (small) to 100 (best); 85 is good for a snapshot.
///
/// # Errors
/// [`Error::Ffmpeg`] if FFmpeg refuses, [`Error::Unsupported`] without its encoder.
pub fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>> {
    av::init();
    let (width, height) = (picture.width(), picture.height());
    let full = ff::format::Pixel::YUVJ420P;
    let mut stretched = picture.clone();
    av::set_range(&mut stretched, true);
    let mut frame = av::to_frame(&stretched);
    frame.set_format(full);
    frame.set_color_range(ff::color::Range::JPEG);
    frame.set_pts(Some(0));

    let codec = ff::encoder::find(ff::codec::Id::MJPEG).ok_or_else(|| Error::Unsupported {
        doing: ENCODING,
        what: "mjpeg".into(),
    })?;
    let mut context = ff::codec::Context::new_with_codec(codec);
    context.set_flags(ff::codec::Flags::QSCALE);
    context.set_time_base((1, 25));
    context.set_threading(ff::threading::Config {
        count: 1,
        kind: ff::threading::Type::None,
        ..Default::default()
    });
    let mut video = context.encoder().video().map_err(av::error(ENCODING))?;
    video.set_width(width);
    video.set_height(height);
    video.set_format(full);
    video.set_color_range(ff::color::Range::JPEG);
    let scale = quantiser(quality);
    video.set_quality(scale);
    video.set_qmin(1);
    video.set_qmax(31);
    // SAFETY: the frame is live; a plain field that the mjpeg encoder reads for this picture.
    unsafe { (*frame.as_mut_ptr()).quality = scale as i32 };
    let mut encoder = video.open_as(codec).map_err(av::error(ENCODING))?;
    encoder.send_frame(&frame).map_err(av::error(ENCODING))?;
    encoder.send_eof().map_err(av::error(ENCODING))?;
    let mut packet = ff::Packet::empty();
    encoder
        .receive_packet(&mut packet)
        .map_err(av::error(ENCODING))?;
    Ok(packet.data().unwrap_or_default().to_vec())
}

/// FFmpeg's quantiser for a quality: 1 (best) to 31, in its unit of 118 a step.
fn quantiser(quality: u8) -> usize {
    let quality = usize::from(quality.clamp(1, 100));
    (31 - (quality - 1) * 30 / 99) * ff::ffi::FF_QP2LAMBDA as usize
}

/// The picture in a JPEG file, `pts` 0.
///
/// # Errors
/// [`Error::Ffmpeg`] if it is damaged or no JPEG, [`Error::Input`] if it is empty or above 32 MiB.
pub fn decode(file: &[u8]) -> Result<Picture> {
    av::init();
    if file.is_empty() || file.len() > MAX_FILE {
        return Err(Error::input(
            DECODING,
            format!("{} bytes", file.len()),
            "1 byte to 32 MiB",
        ));
    }
    let codec = ff::decoder::find(ff::codec::Id::MJPEG).ok_or_else(|| Error::Unsupported {
        doing: DECODING,
        what: "mjpeg".into(),
    })?;
    let mut context = ff::codec::Context::new_with_codec(codec);
    // SAFETY: the context is live and not opened yet; a plain field.
    unsafe { (*context.as_mut_ptr()).max_pixels = i64::from(MAX_SIDE) * i64::from(MAX_SIDE) };
    let mut decoder = context.decoder().video().map_err(av::error(DECODING))?;
    decoder
        .send_packet(&ff::Packet::copy(file))
        .map_err(av::error(DECODING))?;
    decoder.send_eof().map_err(av::error(DECODING))?;
    let mut frame = ff::frame::Video::empty();
    decoder
        .receive_frame(&mut frame)
        .map_err(av::error(DECODING))?;
    Converter::default().picture(&mut frame, 0, DECODING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks;

    #[test]
    fn a_snapshot_keeps_its_levels_and_marks() {
        let mut picture = Picture::new(640, 360);
        picture.fill(0, 0, 320, 100, (235, 128, 128));
        picture.fill(320, 0, 320, 100, (81, 90, 240));
        marks::draw(&mut picture, 123_456, 7, 9);
        let file = encode(&picture, 85).expect("encodes");
        assert_eq!(&file[..3], &[0xff, 0xd8, 0xff]);
        let back = decode(&file).expect("decodes");
        assert_eq!((back.width(), back.height()), (640, 360));
        assert_eq!(marks::read_counter(back.y(), 640, 640, 360), Some(123_456));
        // White, red and black come back within the coder's error: the range is right both ways.
        let at = |x: usize, y: usize| {
            (
                back.y()[y * 640 + x],
                back.u()[y / 2 * 320 + x / 2],
                back.v()[y / 2 * 320 + x / 2],
            )
        };
        for (got, want) in [
            (at(100, 50), (235, 128, 128)),
            (at(500, 50), (81, 90, 240)),
            (at(100, 200), (16, 128, 128)),
        ] {
            let near = |a: u8, b: u8| a.abs_diff(b) <= 3;
            assert!(
                near(got.0, want.0) && near(got.1, want.1) && near(got.2, want.2),
                "{got:?} {want:?}"
            );
        }
    }

    #[test]
    fn white_is_full_range_in_the_file() {
        let mut picture = Picture::new(64, 64);
        picture.y_mut().fill(235);
        let file = encode(&picture, 95).expect("encodes");
        let codec = ff::decoder::find(ff::codec::Id::MJPEG).expect("mjpeg");
        let mut decoder = ff::codec::Context::new_with_codec(codec)
            .decoder()
            .video()
            .expect("opens");
        decoder
            .send_packet(&ff::Packet::copy(&file))
            .expect("takes it");
        let mut frame = ff::frame::Video::empty();
        decoder.receive_frame(&mut frame).expect("gives it");
        assert!(frame.data(0)[0] >= 253, "{}", frame.data(0)[0]);
    }

    #[test]
    fn quality_changes_the_size_and_garbage_is_refused() {
        let mut picture = Picture::new(320, 240);
        for (i, y) in picture.y_mut().iter_mut().enumerate() {
            *y = 16 + (i.wrapping_mul(2_654_435_761) >> 7) as u8 % 200;
        }
        let (small, large) = (
            encode(&picture, 10).expect("encodes"),
            encode(&picture, 95).expect("encodes"),
        );
        assert!(
            large.len() > 2 * small.len(),
            "{} {}",
            small.len(),
            large.len()
        );
        assert!(decode(&[]).is_err() && decode(b"no picture at all").is_err());
        assert!(decode(&large[..20]).is_err());
    }
}
