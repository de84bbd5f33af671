//! Small pictures of recorded moments: the keyframe alone, decoded and scaled where there is a decoder.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::card::Card;
use crate::defaults::THUMBNAIL_READS;
use crate::playback::{CardTape, Gop, TapeError};

/// A picture of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    /// When it was recorded, unix milliseconds.
    pub at_ms: i64,
    /// `image/jpeg`, or `video/x-flv` with one keyframe.
    pub kind: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Makes them, a few at a time.
#[derive(Debug)]
pub struct Maker(Arc<Semaphore>);

impl Default for Maker {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(THUMBNAIL_READS)))
    }
}

impl Maker {
    /// The keyframe at or before a moment, at most `within_ms` before it; `None` if nothing was recorded there.
    ///
    /// * `width` - pixels; as recorded if not given, and never more than that.
    ///
    /// # Errors
    /// The card cannot be read, or the picture cannot be decoded.
    pub async fn make(
        &self,
        card: Card,
        at_ms: i64,
        within_ms: i64,
        width: Option<u16>,
    ) -> Result<Option<Still>, TapeError> {
        let failed = |error: &dyn std::fmt::Display| TapeError(error.to_string());
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let turn = turn.map_err(|error| failed(&error))?;
        let making = tokio::task::spawn_blocking(move || {
            let gop = CardTape::new(card).keyframe(at_ms, within_ms)?;
            let still = gop.map(|gop| still(&gop, width)).transpose();
            drop(turn);
            still
        });
        making.await.map_err(|error| failed(&error))?
    }
}

#[cfg(feature = "ffmpeg")]
fn still(gop: &Gop, width: Option<u16>) -> Result<Still, TapeError> {
    use media::video::{Codec, Decoder};

    /// JPEG quality: small, and good enough at this size.
    const QUALITY: u8 = 75;
    /// Width if the viewer names none, pixels.
    const WIDTH: u16 = 320;

    let failed = |error: media::Error| TapeError(error.to_string());
    let codec = match gop.tracks.video.codec {
        flv::VideoCodec::H264 => Codec::H264,
        flv::VideoCodec::Hevc => Codec::Hevc,
    };
    let mut decoder = Decoder::open(codec, &gop.tracks.video.record).map_err(failed)?;
    let mut pictures = Vec::new();
    for packet in &gop.video {
        pictures.extend(decoder.decode(&packet.data, 0).map_err(failed)?);
    }
    if pictures.is_empty() {
        pictures = decoder.finish().map_err(failed)?;
    }
    let Some(picture) = pictures.first() else {
        return Err(TapeError("the keyframe holds no picture".into()));
    };
    let (from, to) = (
        picture.width(),
        u32::from(width.unwrap_or(WIDTH)).min(picture.width()),
    );
    // Chroma has half the size: both sides are even.
    let even = |side: u32| (side & !1).max(2);
    let (width, height) = (even(to), even(picture.height() * to / from.max(1)));
    let small = media::scale::Scaler::new()
        .scale(picture, width, height)
        .map_err(failed)?;
    Ok(Still {
        at_ms: gop.start_ms,
        kind: "image/jpeg",
        bytes: media::jpeg::encode(&small, QUALITY).map_err(failed)?,
    })
}

/// A camera that cannot decode gives the keyframe to whoever can.
#[cfg(not(feature = "ffmpeg"))]
fn still(gop: &Gop, _width: Option<u16>) -> Result<Still, TapeError> {
    use crate::live::tags;

    let write = || -> Result<Vec<u8>, flv::WriteError> {
        let (writer, video) = (flv::Writer::default(), &gop.tracks.video);
        let mut out = tags::preamble(Some(video), None)?.to_vec();
        let position = flv::Position {
            time_ms: gop.start_ms,
            jump: true,
        };
        writer.metadata(&mut out, 0, &position.to_metadata())?;
        for packet in &gop.video {
            writer.video(&mut out, 0, 0, true, video.codec, &packet.data)?;
        }
        Ok(out)
    };
    Ok(Still {
        at_ms: gop.start_ms,
        kind: "video/x-flv",
        bytes: write().map_err(|error| TapeError(error.to_string()))?,
    })
}
