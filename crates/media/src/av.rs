//! What every use of FFmpeg here shares: start-up, errors, frames to pictures and back.

use std::sync::Once;

use ffmpeg_next as ff;

use crate::audio::Samples;
use crate::error::{Error, Result};
use crate::picture::Picture;

/// FFmpeg's error texts and its log level (warnings and worse, on stderr). Cheap after the first call.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Never fails for the version in use: it only fills the table of texts.
        let _ = ff::init();
        ff::util::log::set_level(ff::util::log::Level::Warning);
    });
}

/// The FFmpeg this program runs with: its release, libavcodec's version and the licence that its build is under,
/// `FFmpeg 5.1.6 (libavcodec 59.37.100), LGPL version 2.1 or later`.
pub fn ffmpeg_version() -> String {
    // SAFETY: FFmpeg returns a static string that ends with NUL.
    let release = unsafe { std::ffi::CStr::from_ptr(ff::ffi::av_version_info()) }.to_string_lossy();
    // AV_VERSION_INT: 16 bits major, 8 minor, 8 micro (libavutil/version.h).
    let codec = ff::codec::version();
    let (major, minor, micro) = (codec >> 16, codec >> 8 & 0xff, codec & 0xff);
    let licence = ff::codec::license();
    format!("FFmpeg {release} (libavcodec {major}.{minor}.{micro}), {licence}")
}

/// Wraps FFmpeg's error with what was being done.
pub(crate) fn error(doing: &'static str) -> impl Fn(ff::Error) -> Error {
    move |e| Error::Ffmpeg {
        doing,
        text: e.to_string(),
    }
}

/// The codec wants more input first.
pub(crate) fn is_again(e: ff::Error) -> bool {
    matches!(e, ff::Error::Other { errno } if errno == ff::util::error::EAGAIN)
}

/// Gives a codec context its configuration record.
pub(crate) fn set_extradata(
    context: &mut ff::codec::Context,
    record: &[u8],
    doing: &'static str,
) -> Result<()> {
    const LIMIT: usize = 1 << 20;
    if record.is_empty() {
        return Ok(());
    }
    if record.len() > LIMIT {
        return Err(Error::input(
            doing,
            format!("a configuration of {} bytes", record.len()),
            "at most 1 MiB",
        ));
    }
    // SAFETY: the context is live and not opened yet; the buffer is av_malloc'ed with the padding FFmpeg
    // requires, zeroed, `record.len()` bytes are within it, and the context takes ownership of it.
    unsafe {
        let context = context.as_mut_ptr();
        (*context).extradata = copy_padded(record);
        if (*context).extradata.is_null() {
            return Err(Error::Ffmpeg {
                doing,
                text: "out of memory".into(),
            });
        }
        (*context).extradata_size = record.len() as i32;
    }
    Ok(())
}

/// A zero-padded copy on FFmpeg's heap, null without memory. The caller hands it to FFmpeg, which frees it.
pub(crate) fn copy_padded(bytes: &[u8]) -> *mut u8 {
    // SAFETY: the new block is `bytes.len()` plus padding long and does not overlap `bytes`.
    unsafe {
        let block =
            ff::ffi::av_mallocz(bytes.len() + ff::ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize)
                .cast::<u8>();
        if !block.is_null() {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), block, bytes.len());
        }
        block
    }
}

/// Sets sample rate and the usual layout for a number of channels.
pub(crate) fn set_audio(context: &mut ff::codec::Context, rate: u32, channels: u8) {
    // SAFETY: the context is live and not opened yet; both fields are plain data it owns, and the layout
    // written by av_channel_layout_default needs no release.
    unsafe {
        let context = context.as_mut_ptr();
        (*context).sample_rate = rate as i32;
        ff::ffi::av_channel_layout_default(&raw mut (*context).ch_layout, i32::from(channels));
    }
}

/// A frame of FFmpeg's with the picture copied in, limited range I420.
pub(crate) fn to_frame(picture: &Picture) -> ff::frame::Video {
    let mut frame = ff::frame::Video::new(
        ff::format::Pixel::YUV420P,
        picture.width(),
        picture.height(),
    );
    frame.set_color_range(ff::color::Range::MPEG);
    let planes = [
        (picture.y(), picture.width()),
        (picture.u(), picture.chroma_width()),
        (picture.v(), picture.chroma_width()),
    ];
    for (i, (plane, width)) in planes.into_iter().enumerate() {
        let stride = frame.stride(i);
        copy_rows(
            plane,
            width as usize,
            frame.data_mut(i),
            stride,
            width as usize,
        );
    }
    frame
}

/// The picture in a limited range YUV420P frame.
fn from_frame(frame: &ff::frame::Video, pts: i64) -> Picture {
    let mut picture = Picture::new(frame.width(), frame.height());
    picture.pts = pts;
    let (width, chroma) = (picture.width() as usize, picture.chroma_width() as usize);
    let (y, u, v) = picture.planes_mut();
    for (i, (plane, width)) in [(y, width), (u, chroma), (v, chroma)]
        .into_iter()
        .enumerate()
    {
        copy_rows(frame.data(i), frame.stride(i), plane, width, width);
    }
    picture
}

fn copy_rows(from: &[u8], from_stride: usize, to: &mut [u8], to_stride: usize, width: usize) {
    if from_stride == to_stride && from_stride == width {
        let len = from.len().min(to.len());
        to[..len].copy_from_slice(&from[..len]);
        return;
    }
    for (from, to) in from
        .chunks(from_stride.max(1))
        .zip(to.chunks_mut(to_stride.max(1)))
    {
        let len = width.min(from.len()).min(to.len());
        to[..len].copy_from_slice(&from[..len]);
    }
}

/// Converts whatever a decoder gives to I420 in limited range, and scales. Keeps its tables while the
/// formats and sizes stay the same.
#[derive(Default)]
pub(crate) struct Converter {
    context: Option<Context>,
}

struct Context(ff::software::scaling::Context);

// SAFETY: an SwsContext is plain memory without ties to a thread; it is only ever used through `&mut`.
unsafe impl Send for Context {}

impl Converter {
    /// The frame as a picture of its own size. (The frame's format may lose its "J": the range says the same.)
    pub(crate) fn picture(
        &mut self,
        frame: &mut ff::frame::Video,
        pts: i64,
        doing: &'static str,
    ) -> Result<Picture> {
        let (width, height) = (frame.width(), frame.height());
        let sides = 1..=crate::picture::MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(Error::input(
                doing,
                format!("{width}x{height}"),
                "sides of 1 to 8192 pixels",
            ));
        }
        let (format, by_name) = plain(frame.format());
        let full = by_name || frame.color_range() == ff::color::Range::JPEG && is_yuv(format);
        frame.set_format(format);
        let mut picture = if format == ff::format::Pixel::YUV420P {
            from_frame(frame, pts)
        } else {
            from_frame(&self.run(frame, (width, height), doing)?, pts)
        };
        if full {
            set_range(&mut picture, false);
        }
        Ok(picture)
    }

    /// The picture at another size.
    pub(crate) fn scaled(
        &mut self,
        picture: &Picture,
        size: (u32, u32),
        doing: &'static str,
    ) -> Result<Picture> {
        Ok(from_frame(
            &self.run(&to_frame(picture), size, doing)?,
            picture.pts,
        ))
    }

    /// Any frame as YUV420P of another size. YUV keeps its range, RGB and grey become limited range.
    fn run(
        &mut self,
        frame: &ff::frame::Video,
        (width, height): (u32, u32),
        doing: &'static str,
    ) -> Result<ff::frame::Video> {
        use ff::software::scaling::{Context as Scaling, Flags};
        const TO: ff::format::Pixel = ff::format::Pixel::YUV420P;
        let from = (frame.format(), frame.width(), frame.height());
        let fits = self.context.as_ref().is_some_and(|Context(context)| {
            let (input, output) = (context.input(), context.output());
            (input.format, input.width, input.height) == from
                && (output.width, output.height) == (width, height)
        });
        if !fits {
            let made = Scaling::get(from.0, from.1, from.2, TO, width, height, Flags::BILINEAR);
            self.context = Some(Context(made.map_err(error(doing))?));
        }
        let Some(Context(context)) = &mut self.context else {
            return Err(Error::Ffmpeg {
                doing,
                text: "no converter".into(),
            });
        };
        let mut out = ff::frame::Video::empty();
        context.run(frame, &mut out).map_err(error(doing))?;
        Ok(out)
    }
}

/// FFmpeg's old names for full range formats, which swscale warns about: the format, and "full range".
fn plain(format: ff::format::Pixel) -> (ff::format::Pixel, bool) {
    use ff::format::Pixel;
    match format {
        Pixel::YUVJ420P => (Pixel::YUV420P, true),
        Pixel::YUVJ422P => (Pixel::YUV422P, true),
        Pixel::YUVJ444P => (Pixel::YUV444P, true),
        Pixel::YUVJ440P => (Pixel::YUV440P, true),
        other => (other, false),
    }
}

fn is_yuv(format: ff::format::Pixel) -> bool {
    format
        .descriptor()
        .is_some_and(|d| d.name().starts_with("yuv"))
}

/// From limited range (luma 16..235, chroma 16..240) to full range (0..255), or back.
pub(crate) fn set_range(picture: &mut Picture, full: bool) {
    let table = |zero: i32, low: i32, span: i32| -> [u8; 256] {
        std::array::from_fn(|i| {
            let value = i as i32;
            // (value − zero) · 255 / span and back, rounded to the nearest.
            let scaled = if full {
                (((value - zero) * 510).div_euclid(span) + 1).div_euclid(2) + low
            } else {
                ((2 * (value - low) * span).div_euclid(255) + 1).div_euclid(2) + zero
            };
            scaled.clamp(0, 255) as u8
        })
    };
    let (luma, chroma) = (table(16, 0, 219), table(128, 128, 224));
    let (y, u, v) = picture.planes_mut();
    for (plane, table) in [(y, &luma), (u, &chroma), (v, &chroma)] {
        for sample in plane {
            *sample = table[usize::from(*sample)];
        }
    }
}

/// Appends a decoded audio frame as interleaved `f32`.
pub(crate) fn append_samples(
    frame: &ff::frame::Audio,
    samples: &mut Samples,
    doing: &'static str,
) -> Result<()> {
    use ff::format::Sample;
    use ff::format::sample::Type;
    let channels = usize::from(frame.channels());
    if channels == 0 || channels > usize::from(crate::audio::MAX_CHANNELS) {
        return Err(Error::input(
            doing,
            format!("{channels} channels"),
            "1 to 8 channels",
        ));
    }
    if !samples.data.is_empty()
        && (samples.rate, usize::from(samples.channels)) != (frame.rate(), channels)
    {
        samples.data.clear();
    }
    samples.rate = frame.rate();
    samples.channels = channels as u8;
    let start = samples.data.len();
    match frame.format() {
        Sample::F32(Type::Packed) => samples.data.extend_from_slice(packed::<f32>(frame)),
        Sample::I16(Type::Packed) => {
            samples.data.extend(
                packed::<i16>(frame)
                    .iter()
                    .map(|&s| f32::from(s) / 32_768.0),
            );
        }
        Sample::F32(Type::Planar) => {
            samples.data.resize(start + frame.samples() * channels, 0.0);
            for channel in 0..channels {
                for (i, &value) in frame.plane::<f32>(channel).iter().enumerate() {
                    samples.data[start + i * channels + channel] = value;
                }
            }
        }
        other => {
            return Err(Error::Unsupported {
                doing,
                what: format!("the sample format {other:?}"),
            });
        }
    }
    for value in &mut samples.data[start..] {
        if !value.is_finite() {
            *value = 0.0;
        }
    }
    Ok(())
}

/// All channels of an interleaved frame.
pub(crate) fn packed<T>(frame: &ff::frame::Audio) -> &[T] {
    let len = frame.samples() * usize::from(frame.channels()) * std::mem::size_of::<T>();
    let data = frame.data(0);
    let bytes = &data[..len.min(data.len())];
    // SAFETY: only called with the sample type of the frame's format (f32 or i16, any bits are valid), on
    // FFmpeg's buffers, which are aligned to at least 16 bytes; align_to drops nothing then.
    unsafe { bytes.align_to::<T>().1 }
}
