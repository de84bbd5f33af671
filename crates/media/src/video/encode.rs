//! Encoding by libx264 and libx265, tuned for no delay.

use std::collections::VecDeque;

use ffmpeg_next as ff;

use crate::Packet;
use crate::av;
use crate::error::{Error, Result};
use crate::picture::{MAX_SIDE, Picture};
use crate::video::Codec;

const OPENING: &str = "opening the video encoder";
const ENCODING: &str = "encoding a picture";

/// Pictures with at most this many pixels can afford the slower, better preset (640x360).
const SMALL: u32 = 640 * 360;

/// What to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// The codec.
    pub codec: Codec,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
    /// Bits a second; no half second carries more than half of it.
    pub bit_rate: u32,
    /// Pictures from one key frame to the next.
    pub gop: u32,
}

/// One video encoder. No B-frames, no look-ahead: every picture gives its packet at once.
pub struct Encoder {
    encoder: ff::encoder::video::Encoder,
    settings: EncoderSettings,
    record: Vec<u8>,
    /// Pictures sent so far: the encoder's own time, so that it never sees a clock jump.
    sent: i64,
    /// Times of the pictures in the encoder, microseconds, oldest first.
    times: VecDeque<i64>,
}

impl Encoder {
    /// Opens libx264 or libx265.
    ///
    /// # Errors
    /// [`Error::Input`] for odd sides or values out of range, [`Error::Unsupported`] if this FFmpeg was
    /// built without the encoder, [`Error::Ffmpeg`] if it refuses.
    pub fn open(settings: &EncoderSettings) -> Result<Self> {
        check(settings)?;
        av::init();
        let name = match settings.codec {
            Codec::H264 => "libx264",
            Codec::Hevc => "libx265",
        };
        let codec = ff::encoder::find_by_name(name).ok_or_else(|| Error::Unsupported {
            doing: OPENING,
            what: name.into(),
        })?;
        let mut context = ff::codec::Context::new_with_codec(codec);
        context.set_flags(ff::codec::Flags::GLOBAL_HEADER | ff::codec::Flags::CLOSED_GOP);
        context.set_time_base((1, settings.fps as i32));
        context.set_frame_rate(Some((settings.fps as i32, 1)));
        let mut video = context.encoder().video().map_err(av::error(OPENING))?;
        video.set_width(settings.width);
        video.set_height(settings.height);
        video.set_format(ff::format::Pixel::YUV420P);
        video.set_color_range(ff::color::Range::MPEG);
        video.set_gop(settings.gop);
        video.set_max_b_frames(0);
        video.set_bit_rate(settings.bit_rate as usize);
        video.set_max_bit_rate(settings.bit_rate as usize);
        // SAFETY: the context is live and not opened yet; this is a plain field.
        unsafe { (*video.as_mut_ptr()).rc_buffer_size = (settings.bit_rate / 2) as i32 };
        let encoder = video
            .open_as_with(codec, options(settings))
            .map_err(av::error(OPENING))?;
        let record = record(&encoder, settings.codec)?;
        Ok(Self {
            encoder,
            settings: *settings,
            record,
            sent: 0,
            times: VecDeque::new(),
        })
    }

    /// The configuration record, avcC or hvcC: parameter sets are nowhere else.
    pub fn config_record(&self) -> &[u8] {
        &self.record
    }

    /// What it was opened with.
    pub fn settings(&self) -> &EncoderSettings {
        &self.settings
    }

    /// Encodes one picture; `force_key` makes it a key frame (IDR). Gives its one packet: 4-byte
    /// length-prefixed NAL units, times in milliseconds from the picture's `pts`.
    ///
    /// # Errors
    /// [`Error::Input`] if the picture has another size, [`Error::Ffmpeg`] if encoding fails.
    pub fn encode(&mut self, picture: &Picture, force_key: bool) -> Result<Vec<Packet>> {
        let (width, height) = (self.settings.width, self.settings.height);
        if (picture.width(), picture.height()) != (width, height) {
            let got = format!(
                "{}x{}, not {width}x{height}",
                picture.width(),
                picture.height()
            );
            return Err(Error::input(
                ENCODING,
                got,
                "a picture of the encoder's size",
            ));
        }
        let mut frame = av::to_frame(picture);
        frame.set_pts(Some(self.sent));
        frame.set_kind(if force_key {
            ff::picture::Type::I
        } else {
            ff::picture::Type::None
        });
        self.sent += 1;
        self.times.push_back(picture.pts);
        self.encoder
            .send_frame(&frame)
            .map_err(av::error(ENCODING))?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Vec<Packet>> {
        let mut packets = Vec::new();
        let mut packet = ff::Packet::empty();
        loop {
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(e) if av::is_again(e) || e == ff::Error::Eof => return Ok(packets),
                Err(e) => return Err(av::error(ENCODING)(e)),
            }
            let coded = packet.data().unwrap_or_default();
            let mut data = Vec::with_capacity(coded.len() + 8);
            for unit in
                flv::nal::split_annexb(coded).filter(|unit| is_wanted(self.settings.codec, unit))
            {
                data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
                data.extend_from_slice(unit);
            }
            let pts = self.times.pop_front().unwrap_or_default().div_euclid(1000);
            packets.push(Packet {
                data,
                pts,
                dts: pts,
                key: packet.is_key(),
            });
        }
    }
}

fn check(settings: &EncoderSettings) -> Result<()> {
    let EncoderSettings {
        width,
        height,
        fps,
        bit_rate,
        gop,
        ..
    } = *settings;
    let side = |s: u32| s.is_multiple_of(2) && (2..=MAX_SIDE).contains(&s);
    if side(width)
        && side(height)
        && (1..=240).contains(&fps)
        && (1000..=400_000_000).contains(&bit_rate)
        && gop > 0
    {
        return Ok(());
    }
    Err(Error::input(
        OPENING,
        format!("{settings:?}"),
        "even sides, 1 to 240 fps, 1 kbit/s to 400 Mbit/s, gop above 0",
    ))
}

/// The encoder's own options.
fn options(settings: &EncoderSettings) -> ff::Dictionary<'static> {
    let mut options = ff::Dictionary::new();
    let small = settings.width * settings.height <= SMALL;
    options.set("tune", "zerolatency");
    options.set("forced-idr", "1");
    match settings.codec {
        Codec::H264 => {
            options.set("preset", if small { "superfast" } else { "ultrafast" });
            // One thread: sliced threads cost bits, and the second core belongs to the rest of the camera.
            options.set("threads", "1");
            options.set(
                "x264-params",
                "scenecut=0:bframes=0:rc-lookahead=0:sync-lookahead=0",
            );
        }
        Codec::Hevc => {
            options.set("preset", "ultrafast");
            options.set(
                "x265-params",
                "log-level=error:bframes=0:rc-lookahead=0:scenecut=0:open-gop=0:repeat-headers=0:info=0:frame-threads=1",
            );
        }
    }
    options
}

/// Parameter sets travel in the record, and delimiters and encoder banners nowhere.
fn is_wanted(codec: Codec, unit: &[u8]) -> bool {
    let Some(&first) = unit.first() else {
        return false;
    };
    match codec {
        // 6 SEI, 7 SPS, 8 PPS, 9 delimiter (ITU-T H.264, table 7-1).
        Codec::H264 => !matches!(first & 0x1f, 6..=9),
        // 32 VPS, 33 SPS, 34 PPS, 35 delimiter, 39 and 40 SEI (ITU-T H.265, table 7-1).
        Codec::Hevc => !matches!(first >> 1 & 0x3f, 32..=35 | 39 | 40),
    }
}

/// The encoder's parameter sets as avcC or hvcC.
fn record(encoder: &ff::encoder::video::Encoder, codec: Codec) -> Result<Vec<u8>> {
    // SAFETY: the encoder is open; extradata is extradata_size bytes of its own until it is closed, and the
    // slice does not outlive this function.
    let extradata = unsafe {
        let context = encoder.as_ptr();
        match ((*context).extradata, (*context).extradata_size) {
            (data, len) if data.is_null() || len <= 0 => &[][..],
            (data, len) => std::slice::from_raw_parts(data, len as usize),
        }
    };
    super::record::from_annexb(codec, extradata)
}
