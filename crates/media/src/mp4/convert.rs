//! Any file FFmpeg reads, as an MP4 that any player opens, without coding its pictures anew.

use std::path::Path;

use ffmpeg_next as ff;
use flv::AudioCodec;

use super::{AudioTrack, Summary, VideoTrack, Writer, file_url};
use crate::Packet;
use crate::audio::Transcoder;
use crate::av;
use crate::error::{Error, Result};
use crate::video::Codec;

const READING: &str = "reading a recording";
/// Bit rate of sound that has to be coded anew, bits a second.
const AAC_BIT_RATE: u32 = 64_000;

/// Writes the H.264 or H.265 of `from`, for example a fragmented MP4, to `to` with the index in front. AAC is copied, other
/// sound becomes AAC, and sound that cannot is left out. `told` is given milliseconds of media now and then; `false` ends the
/// work.
///
/// # Errors
/// [`Error::Input`] if there is no such video or the work was ended, else as [`Writer`]. There is no file then.
pub fn convert(from: &Path, to: &Path, told: &mut dyn FnMut(i64) -> bool) -> Result<Summary> {
    av::init();
    let mut input = ff::format::input(&file_url(from)).map_err(av::error(READING))?;
    let (video_index, video_base, track) = input
        .streams()
        .find_map(|stream| Some((stream.index(), base(&stream), video_track(&stream)?)))
        .ok_or_else(|| Error::input(READING, "no video", "H.264 or H.265"))?;
    let mut sound = input
        .streams()
        .find_map(|stream| Some((stream.index(), base(&stream), Sound::of(&stream)?)));
    let audio = sound.as_ref().map(|(_, _, sound)| sound.track());
    let mut writer = Writer::create(to, &track, audio.as_ref())?;
    let mut packet = ff::Packet::empty();
    loop {
        match packet.read(&mut input) {
            Ok(()) => {}
            Err(ff::Error::Eof) => break,
            Err(error) => return Err(av::error(READING)(error)),
        }
        if packet.stream() == video_index {
            let packet = unit(&packet, video_base);
            writer.video(&packet)?;
            if packet.key && !told(writer.duration_ms()) {
                return Err(Error::input(READING, "the work was ended", "its end"));
            }
        } else if let Some((index, base, sound)) = &mut sound
            && packet.stream() == *index
        {
            sound.write(&mut writer, unit(&packet, *base))?;
        }
    }
    writer.finish()
}

/// Milliseconds of one tick.
fn base(stream: &ff::Stream<'_>) -> f64 {
    let base = stream.time_base();
    f64::from(base.numerator()) * 1000.0 / f64::from(base.denominator().max(1))
}

fn unit(packet: &ff::Packet, base: f64) -> Packet {
    let ms = |ticks: i64| (ticks as f64 * base).round() as i64;
    let dts = packet.dts().or(packet.pts()).unwrap_or_default();
    Packet {
        data: packet.data().unwrap_or_default().to_vec(),
        pts: ms(packet.pts().unwrap_or(dts)),
        dts: ms(dts),
        key: packet.is_key(),
    }
}

/// The configuration that the file holds for a stream.
fn record(stream: &ff::Stream<'_>) -> Vec<u8> {
    // SAFETY: the parameters belong to the stream, which is borrowed; extradata is null or as long as its size says.
    unsafe {
        let parameters = stream.parameters().as_ptr();
        let (data, size) = ((*parameters).extradata, (*parameters).extradata_size);
        if data.is_null() || size <= 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts(data, size as usize).to_vec()
    }
}

fn video_track(stream: &ff::Stream<'_>) -> Option<VideoTrack> {
    let codec = match stream.parameters().id() {
        ff::codec::Id::H264 => Codec::H264,
        ff::codec::Id::HEVC => Codec::Hevc,
        _ => return None,
    };
    // SAFETY: plain fields of live parameters.
    let (width, height) = unsafe {
        let parameters = stream.parameters().as_ptr();
        ((*parameters).width, (*parameters).height)
    };
    Some(VideoTrack {
        codec,
        record: record(stream),
        width: u32::try_from(width).ok()?,
        height: u32::try_from(height).ok()?,
    })
}

/// The sound on its way into the file.
struct Sound {
    asc: Vec<u8>,
    rate: u32,
    channels: u8,
    transcoder: Option<Transcoder>,
}

impl Sound {
    fn of(stream: &ff::Stream<'_>) -> Option<Self> {
        use ff::codec::Id;
        let codec = match stream.parameters().id() {
            Id::AAC => AudioCodec::Aac,
            Id::PCM_ALAW => AudioCodec::G711A,
            Id::PCM_MULAW => AudioCodec::G711U,
            Id::PCM_S16LE => AudioCodec::Pcm,
            Id::OPUS => AudioCodec::Opus,
            _ => return None,
        };
        // SAFETY: plain fields of live parameters.
        let (rate, channels) = unsafe {
            let parameters = stream.parameters().as_ptr();
            (
                (*parameters).sample_rate,
                (*parameters).ch_layout.nb_channels,
            )
        };
        let (rate, channels) = (u32::try_from(rate).ok()?, u8::try_from(channels).ok()?);
        let config = record(stream);
        if codec == AudioCodec::Aac {
            return (config.len() >= 2).then_some(Self {
                asc: config,
                rate,
                channels,
                transcoder: None,
            });
        }
        let transcoder = Transcoder::open(codec, rate, channels, &config, AAC_BIT_RATE).ok()?;
        Some(Self {
            asc: transcoder.config().to_vec(),
            rate,
            channels,
            transcoder: Some(transcoder),
        })
    }

    fn track(&self) -> AudioTrack {
        AudioTrack {
            asc: self.asc.clone(),
            rate: self.rate,
            channels: self.channels,
        }
    }

    fn write(&mut self, writer: &mut Writer, packet: Packet) -> Result<()> {
        let Some(transcoder) = &mut self.transcoder else {
            return writer.audio(&packet);
        };
        // One damaged frame is a click, not the end of the work.
        for packet in transcoder
            .transcode(&packet.data, packet.pts)
            .unwrap_or_default()
        {
            writer.audio(&packet)?;
        }
        Ok(())
    }
}
