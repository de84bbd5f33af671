//! Decoding by FFmpeg, one thread, low delay.

use ffmpeg_next as ff;

use crate::av::{self, Converter};
use crate::error::{Error, Result};
use crate::picture::Picture;
use crate::video::Codec;

const OPENING: &str = "opening the video decoder";
const DECODING: &str = "decoding a picture";

/// Longest access unit that is accepted, bytes.
const MAX_UNIT: usize = 16 << 20;
/// Largest picture that is decoded, pixels: 8K. A hostile header asks for more memory than there is.
const MAX_PIXELS: i64 = 7680 * 4320;

/// Decodes one video stream.
pub struct Decoder {
    decoder: ff::decoder::Video,
    frame: ff::frame::Video,
    converter: Converter,
}

impl Decoder {
    /// For access units of 4-byte (or as the record says) length-prefixed NAL units, with the configuration
    /// record (avcC or hvcC) of the stream. With an empty record: as [`open_annexb`](Self::open_annexb).
    ///
    /// # Errors
    /// [`Error::Unsupported`] without the decoder, [`Error::Ffmpeg`] if the record is refused.
    pub fn open(codec: Codec, record: &[u8]) -> Result<Self> {
        check(codec, record)?;
        av::init();
        let found = ff::decoder::find(codec.id()).ok_or_else(|| Error::Unsupported {
            doing: OPENING,
            what: codec.to_string(),
        })?;
        let mut context = ff::codec::Context::new_with_codec(found);
        context.set_flags(ff::codec::Flags::LOW_DELAY);
        context.set_threading(ff::threading::Config {
            count: 1,
            kind: ff::threading::Type::None,
            ..Default::default()
        });
        av::set_extradata(&mut context, record, OPENING)?;
        // SAFETY: the context is live and not opened yet; these are plain fields. Microsecond times pass through.
        unsafe {
            (*context.as_mut_ptr()).max_pixels = MAX_PIXELS;
            (*context.as_mut_ptr()).pkt_timebase = ff::Rational(1, 1_000_000).into();
        }
        let decoder = context.decoder().video().map_err(av::error(OPENING))?;
        Ok(Self {
            decoder,
            frame: ff::frame::Video::empty(),
            converter: Converter::default(),
        })
    }

    /// For access units in Annex B form (start codes) that carry their parameter sets.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_annexb(codec: Codec) -> Result<Self> {
        Self::open(codec, &[])
    }

    /// Decodes one access unit shown at `pts_us`. Without B-frames its picture comes out at once.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] on damaged data: go on with the next unit, best from the next key frame.
    pub fn decode(&mut self, unit: &[u8], pts_us: i64) -> Result<Vec<Picture>> {
        if unit.is_empty() || unit.len() > MAX_UNIT {
            return Err(Error::input(
                DECODING,
                format!("{} bytes", unit.len()),
                "1 byte to 16 MiB",
            ));
        }
        let mut packet = ff::Packet::copy(unit);
        packet.set_pts(Some(pts_us));
        packet.set_dts(Some(pts_us));
        self.decoder
            .send_packet(&packet)
            .map_err(av::error(DECODING))?;
        self.receive(pts_us)
    }

    /// The pictures still inside, at the end of a stream. The decoder is used up.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if decoding them fails.
    pub fn finish(mut self) -> Result<Vec<Picture>> {
        self.decoder.send_eof().map_err(av::error(DECODING))?;
        self.receive(0)
    }

    fn receive(&mut self, pts_us: i64) -> Result<Vec<Picture>> {
        let mut pictures = Vec::new();
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => {}
                Err(e) if av::is_again(e) || e == ff::Error::Eof => return Ok(pictures),
                Err(e) => return Err(av::error(DECODING)(e)),
            }
            let pts = self.frame.timestamp().unwrap_or(pts_us);
            pictures.push(self.converter.picture(&mut self.frame, pts, DECODING)?);
        }
    }
}

/// FFmpeg takes a cut record and fails at the first picture; better said at once.
fn check(codec: Codec, record: &[u8]) -> Result<()> {
    // The fixed parts of avcC and hvcC (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1); 0 starts Annex B.
    let least = match codec {
        Codec::H264 => 7,
        Codec::Hevc => 23,
    };
    if !record.is_empty() && record[0] != 0 && record.len() < least {
        return Err(Error::input(
            OPENING,
            format!("a record of {} bytes", record.len()),
            "avcC or hvcC",
        ));
    }
    Ok(())
}
