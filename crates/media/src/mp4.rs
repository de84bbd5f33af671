//! MP4 files that any player opens: the index in front (faststart), `hvc1` for H.265, AAC sound.
//!
//! A file appears under its name only when it is complete. Until then it is `NAME.part`, which is removed
//! when the writer is dropped without [`Writer::finish`] (its index would be missing: nothing could read it).

mod convert;

pub use convert::convert;

use std::path::{Path, PathBuf};

use ffmpeg_next as ff;

use crate::Packet;
use crate::av;
use crate::error::{Error, Result};
use crate::video::Codec;

const OPENING: &str = "creating an MP4 file";
const WRITING: &str = "writing an MP4 file";
const FINISHING: &str = "finishing an MP4 file";

/// Video ticks a second: milliseconds and every usual frame rate fit.
const VIDEO_TICKS: i64 = 90_000;
/// Sound whose time differs less than this from what the samples so far say follows them without a seam, ms.
const SEAM_MS: i64 = 60;

/// The video of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoTrack {
    /// The codec.
    pub codec: Codec,
    /// avcC or hvcC.
    pub record: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The sound of a file: AAC. Other codecs go through [`crate::audio::Transcoder`] first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTrack {
    /// AudioSpecificConfig, 2 bytes or more.
    pub asc: Vec<u8>,
    /// Hertz.
    pub rate: u32,
    /// Channels.
    pub channels: u8,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Size of the file.
    pub bytes: u64,
    /// From the first picture to the end of the last one, milliseconds.
    pub duration_ms: i64,
}

/// Writes one MP4 file. Time starts at the first key frame; what comes before it is left out.
pub struct Writer {
    /// `None` once finished.
    output: Option<ff::format::context::Output>,
    path: PathBuf,
    part: PathBuf,
    audio: Option<Audio>,
    /// Time of the first key frame, milliseconds.
    start: Option<i64>,
    /// The last picture, held back until the next one tells how long it is shown.
    held: Option<Packet>,
    /// How long the last picture before `held` was shown, milliseconds.
    nominal: i64,
    end: i64,
}

struct Audio {
    rate: u32,
    /// Where the next frame begins, in samples since the start.
    next: Option<i64>,
}

impl Writer {
    /// Creates `path` + `.part` (replacing an old one) and writes the head.
    ///
    /// # Errors
    /// [`Error::Input`] for a path or track MP4 cannot hold, [`Error::Ffmpeg`] if it cannot be created.
    pub fn create(path: &Path, video: &VideoTrack, audio: Option<&AudioTrack>) -> Result<Self> {
        av::init();
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let plain = part.to_str().is_some_and(|p| !p.contains('\0'));
        if !plain || path.file_name().is_none() {
            return Err(Error::input(
                OPENING,
                path.display().to_string(),
                "a file name in UTF-8",
            ));
        }
        if video.record.is_empty() || video.width == 0 || video.height == 0 {
            return Err(Error::input(
                OPENING,
                "no video configuration",
                "avcC or hvcC and a size",
            ));
        }
        let output = ff::format::output_as(&file_url(&part), "mp4").map_err(av::error(OPENING))?;
        // From here on dropping the writer removes the part.
        let mut writer = Self {
            output: Some(output),
            path: path.to_owned(),
            part,
            audio: audio.map(|a| Audio {
                rate: a.rate,
                next: None,
            }),
            start: None,
            held: None,
            nominal: 0,
            end: 0,
        };
        writer.head(video, audio)?;
        Ok(writer)
    }

    fn head(&mut self, video: &VideoTrack, audio: Option<&AudioTrack>) -> Result<()> {
        let output = output(&mut self.output)?;
        add_stream(output, (1, VIDEO_TICKS as i32), |parameters| {
            use ff::ffi::{AVCodecID, AVMediaType};
            parameters.codec_type = AVMediaType::AVMEDIA_TYPE_VIDEO;
            (parameters.codec_id, parameters.codec_tag) = match video.codec {
                Codec::H264 => (AVCodecID::AV_CODEC_ID_H264, tag(b"avc1")),
                // Apple's players take H.265 under this tag alone.
                Codec::Hevc => (AVCodecID::AV_CODEC_ID_HEVC, tag(b"hvc1")),
            };
            (parameters.width, parameters.height) = (video.width as i32, video.height as i32);
            set_record(parameters, &video.record)
        })?;
        if let Some(audio) = audio {
            add_stream(output, (1, audio.rate as i32), |parameters| {
                use ff::ffi::{AVCodecID, AVMediaType};
                parameters.codec_type = AVMediaType::AVMEDIA_TYPE_AUDIO;
                parameters.codec_id = AVCodecID::AV_CODEC_ID_AAC;
                parameters.codec_tag = tag(b"mp4a");
                parameters.sample_rate = audio.rate as i32;
                parameters.frame_size = crate::audio::AAC_FRAME as i32;
                // SAFETY: a layout embedded in live parameters; the default layouts own nothing.
                unsafe {
                    ff::ffi::av_channel_layout_default(
                        &raw mut parameters.ch_layout,
                        i32::from(audio.channels),
                    );
                }
                set_record(parameters, &audio.asc)
            })?;
        }
        let mut options = ff::Dictionary::new();
        options.set("movflags", "+faststart");
        output
            .write_header_with(options)
            .map_err(av::error(OPENING))?;
        Ok(())
    }

    /// Adds a picture. Everything before the first key frame is left out. Times that do not rise are
    /// moved just behind the picture before.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if writing fails (disk full): the file cannot be finished then.
    pub fn video(&mut self, packet: &Packet) -> Result<()> {
        if self.start.is_none() {
            if !packet.key {
                return Ok(());
            }
            self.start = Some(packet.dts);
        }
        let start = self.start.unwrap_or_default();
        let mut next = Packet {
            pts: packet.pts.saturating_sub(start),
            dts: packet.dts.saturating_sub(start),
            ..packet.clone()
        };
        if let Some(held) = self.held.take() {
            next.dts = next.dts.max(held.dts.saturating_add(1));
            self.nominal = next.dts.saturating_sub(held.dts);
            self.write_video(&held)?;
        }
        next.pts = next.pts.max(next.dts);
        self.held = Some(next);
        Ok(())
    }

    fn write_video(&mut self, packet: &Packet) -> Result<()> {
        let ms = VIDEO_TICKS / 1000;
        self.end = packet.dts.saturating_add(self.nominal);
        let mut out = ff::Packet::copy(&packet.data);
        out.set_stream(0);
        out.set_pts(Some(packet.pts.saturating_mul(ms)));
        out.set_dts(Some(packet.dts.saturating_mul(ms)));
        out.set_duration(self.nominal.saturating_mul(ms));
        if packet.key {
            out.set_flags(ff::packet::Flags::KEY);
        }
        write(output(&mut self.output)?, &mut out, 0, VIDEO_TICKS as i32)
    }

    /// Adds one AAC frame (1024 samples a channel). Ignored before the first picture and without a track.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if writing fails.
    pub fn audio(&mut self, packet: &Packet) -> Result<()> {
        let (Some(audio), Some(start)) = (&mut self.audio, self.start) else {
            return Ok(());
        };
        if packet.pts < start || packet.data.is_empty() {
            return Ok(());
        }
        let rate = i64::from(audio.rate);
        let said = packet.pts.saturating_sub(start).saturating_mul(rate) / 1000;
        // Packet times are whole milliseconds: the samples know better.
        let at = match audio.next {
            Some(next) if said.saturating_sub(next).saturating_abs() <= SEAM_MS * rate / 1000 => {
                next
            }
            Some(next) => said.max(next),
            None => said,
        };
        let frame = crate::audio::AAC_FRAME as i64;
        audio.next = Some(at.saturating_add(frame));
        let mut out = ff::Packet::copy(&packet.data);
        out.set_stream(1);
        out.set_pts(Some(at));
        out.set_dts(Some(at));
        out.set_duration(frame);
        out.set_flags(ff::packet::Flags::KEY);
        let rate = audio.rate as i32;
        write(output(&mut self.output)?, &mut out, 1, rate)
    }

    /// Milliseconds of video so far.
    pub fn duration_ms(&self) -> i64 {
        self.held
            .as_ref()
            .map_or(self.end, |held| held.dts.saturating_add(self.nominal))
    }

    /// Writes the index and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Input`] if there was no picture, [`Error::Ffmpeg`] or [`Error::Io`] if writing fails.
    /// There is no file then.
    pub fn finish(mut self) -> Result<Summary> {
        let Some(held) = self.held.take() else {
            return Err(Error::input(
                FINISHING,
                "no picture",
                "at least one key frame",
            ));
        };
        self.nominal = self.nominal.max(1);
        self.write_video(&held)?;
        if let Some(mut output) = self.output.take() {
            output.write_trailer().map_err(av::error(FINISHING))?;
            flush(&mut output)?;
        }
        let io = |source| Error::Io {
            doing: FINISHING,
            path: self.path.clone(),
            source,
        };
        let file = std::fs::File::open(&self.part).map_err(io)?;
        file.sync_all().map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        std::fs::rename(&self.part, &self.path).map_err(io)?;
        Ok(Summary {
            bytes,
            duration_ms: self.end,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Close before removing: Windows does not remove open files.
        drop(self.output.take());
        // After `finish` the part has become the file and there is nothing to remove.
        let _ = std::fs::remove_file(&self.part);
    }
}

/// FFmpeg takes "a:b" for a protocol; "file:" in front of it says what it is.
fn file_url(path: &Path) -> String {
    format!("file:{}", path.display())
}

fn tag(name: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*name)
}

fn output(
    output: &mut Option<ff::format::context::Output>,
) -> Result<&mut ff::format::context::Output> {
    output
        .as_mut()
        .ok_or_else(|| Error::input(WRITING, "a finished file", "an open one"))
}

fn set_record(parameters: &mut ff::ffi::AVCodecParameters, record: &[u8]) -> Result<()> {
    parameters.extradata = av::copy_padded(record);
    if parameters.extradata.is_null() {
        return Err(Error::Ffmpeg {
            doing: OPENING,
            text: "out of memory".into(),
        });
    }
    parameters.extradata_size = record.len() as i32;
    Ok(())
}

fn add_stream(
    output: &mut ff::format::context::Output,
    time_base: (i32, i32),
    fill: impl FnOnce(&mut ff::ffi::AVCodecParameters) -> Result<()>,
) -> Result<()> {
    // SAFETY: the output is live; the new stream and its parameters belong to it and stay until it is freed.
    unsafe {
        let stream = ff::ffi::avformat_new_stream(output.as_mut_ptr(), std::ptr::null());
        if stream.is_null() {
            return Err(Error::Ffmpeg {
                doing: OPENING,
                text: "out of memory".into(),
            });
        }
        (*stream).time_base = ff::Rational::from(time_base).into();
        fill(&mut *(*stream).codecpar)
    }
}

fn write(
    output: &mut ff::format::context::Output,
    packet: &mut ff::Packet,
    stream: usize,
    ticks: i32,
) -> Result<()> {
    // The muxer may have chosen another time base in the header.
    if let Some(time_base) = output.stream(stream).map(|s| s.time_base()) {
        packet.rescale_ts((1, ticks), time_base);
    }
    packet.write_interleaved(output).map_err(av::error(WRITING))
}

/// Writes what FFmpeg buffered, and reports a full disk now and not at closing time.
fn flush(output: &mut ff::format::context::Output) -> Result<()> {
    // SAFETY: the output is live and its I/O context is open until it is dropped.
    let status = unsafe {
        let io = (*output.as_mut_ptr()).pb;
        ff::ffi::avio_flush(io);
        (*io).error
    };
    if status < 0 {
        Err(av::error(FINISHING)(ff::Error::from(status)))
    } else {
        Ok(())
    }
}
