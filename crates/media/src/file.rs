//! A media file as an endless source: decoded, and from the start again at its end.

use std::collections::VecDeque;
use std::path::Path;

use ffmpeg_next as ff;

use crate::audio::{MAX_CHANNELS, Samples};
use crate::av::{self, Converter};
use crate::error::{Error, Result};
use crate::picture::Picture;

const OPENING: &str = "opening a media file";
const READING: &str = "reading a media file";

/// Damaged packets in a row after which a file counts as unreadable.
const MAX_DAMAGED: u32 = 1000;

/// What a file gives next.
#[derive(Debug, Clone, PartialEq)]
pub enum Unit {
    /// A picture; its `pts` is microseconds since the source was opened.
    Video(Picture),
    /// A piece of sound.
    Audio {
        /// When its first sample is heard, microseconds since the source was opened.
        pts: i64,
        /// The sound, at the file's rate, at most 2 channels.
        samples: Samples,
    },
}

impl Unit {
    /// Microseconds since the source was opened.
    pub fn pts(&self) -> i64 {
        match self {
            Self::Video(picture) => picture.pts,
            Self::Audio { pts, .. } => *pts,
        }
    }
}

/// A looped media file. Times rise without a jump from one round to the next; the caller paces by them.
/// Units come in the order of the file, so video and sound may be apart by what the file interleaves.
pub struct Source {
    input: ff::format::context::Input,
    video: Option<Video>,
    audio: Option<Audio>,
    ready: VecDeque<Unit>,
    /// Added to the file's times in this round, microseconds.
    offset: i64,
    /// The file's own first time, microseconds.
    origin: i64,
    /// Where this round ends so far, microseconds since the source was opened.
    end: i64,
    /// Units given since the last start.
    given: u64,
    rounds: u64,
}

struct Video {
    index: usize,
    decoder: ff::decoder::Video,
    time_base: f64,
    converter: Converter,
    /// How long a picture is shown, microseconds.
    nominal: i64,
}

struct Audio {
    index: usize,
    decoder: ff::decoder::Audio,
    time_base: f64,
    resampler: Option<ff::software::resampling::Context>,
}

impl Source {
    /// Opens any file FFmpeg reads.
    ///
    /// # Errors
    /// [`Error::Input`] for a path that is not UTF-8 or a file without video and sound, [`Error::Ffmpeg`] if
    /// it does not open.
    pub fn open(path: &Path) -> Result<Self> {
        av::init();
        let name = path.to_str().filter(|p| !p.contains('\0'));
        let name = name
            .ok_or_else(|| Error::input(OPENING, path.display().to_string(), "a path in UTF-8"))?;
        let input = ff::format::input(&format!("file:{name}")).map_err(av::error(OPENING))?;
        let video = input
            .streams()
            .best(ff::media::Type::Video)
            .map(|s| Video::open(&s))
            .transpose()?;
        let audio = input
            .streams()
            .best(ff::media::Type::Audio)
            .map(|s| Audio::open(&s))
            .transpose()?;
        if video.is_none() && audio.is_none() {
            return Err(Error::input(
                OPENING,
                "no video and no sound",
                "at least one of them",
            ));
        }
        // SAFETY: the input is live; a plain field.
        let start = unsafe { (*input.as_ptr()).start_time };
        let origin = if start == ff::ffi::AV_NOPTS_VALUE {
            0
        } else {
            start
        };
        Ok(Self {
            input,
            video,
            audio,
            ready: VecDeque::new(),
            offset: 0,
            origin,
            end: 0,
            given: 0,
            rounds: 0,
        })
    }

    /// Width, height and pictures a second of the video, if there is one.
    pub fn video_format(&self) -> Option<(u32, u32, f64)> {
        let video = self.video.as_ref()?;
        Some((
            video.decoder.width(),
            video.decoder.height(),
            1e6 / video.nominal as f64,
        ))
    }

    /// Hertz and channels of the sound, if there is one.
    pub fn audio_format(&self) -> Option<(u32, u8)> {
        let audio = self.audio.as_ref()?;
        Some((audio.decoder.rate(), channels_out(&audio.decoder)))
    }

    /// How often the end was passed.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The next picture or piece of sound. Never ends: after the last one comes the first again.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if the file cannot be read or gives nothing. Single damaged packets are skipped.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Unit> {
        let mut damaged = 0;
        loop {
            if let Some(unit) = self.ready.pop_front() {
                self.given += 1;
                return Ok(unit);
            }
            let mut packet = ff::Packet::empty();
            let outcome = match packet.read(&mut self.input) {
                Ok(()) => self.decode(&packet),
                Err(ff::Error::Eof) => self.rewind(),
                Err(e) => Err(av::error(READING)(e)),
            };
            match outcome {
                Ok(()) => damaged = 0,
                Err(e) => {
                    damaged += 1;
                    if damaged > MAX_DAMAGED || self.given == 0 && self.rounds > 0 {
                        return Err(e);
                    }
                }
            }
        }
    }

    fn decode(&mut self, packet: &ff::Packet) -> Result<()> {
        match (&mut self.video, &mut self.audio) {
            (Some(video), _) if video.index == packet.stream() => {
                video
                    .decoder
                    .send_packet(packet)
                    .map_err(av::error(READING))?;
                self.take_pictures()
            }
            (_, Some(audio)) if audio.index == packet.stream() => {
                audio
                    .decoder
                    .send_packet(packet)
                    .map_err(av::error(READING))?;
                self.take_sound()
            }
            _ => Ok(()),
        }
    }

    fn take_pictures(&mut self) -> Result<()> {
        let Some(video) = &mut self.video else {
            return Ok(());
        };
        let mut frame = ff::frame::Video::empty();
        while video.decoder.receive_frame(&mut frame).is_ok() {
            let own = frame
                .timestamp()
                .map(|t| ((t as f64 * video.time_base) as i64).saturating_sub(self.origin));
            let pts = own.map_or(self.end, |own| self.offset.saturating_add(own));
            let picture = video.converter.picture(&mut frame, pts, READING)?;
            self.end = self.end.max(pts.saturating_add(video.nominal));
            self.ready.push_back(Unit::Video(picture));
        }
        Ok(())
    }

    fn take_sound(&mut self) -> Result<()> {
        let Some(audio) = &mut self.audio else {
            return Ok(());
        };
        let mut frame = ff::frame::Audio::empty();
        while audio.decoder.receive_frame(&mut frame).is_ok() {
            let own = frame
                .timestamp()
                .map(|t| ((t as f64 * audio.time_base) as i64).saturating_sub(self.origin));
            let pts = own.map_or(self.end, |own| self.offset.saturating_add(own));
            let samples = audio.convert(&mut frame)?;
            if samples.data.is_empty() {
                continue;
            }
            self.end = self.end.max(pts.saturating_add(samples.duration_us()));
            self.ready.push_back(Unit::Audio { pts, samples });
        }
        Ok(())
    }

    /// Empties the decoders and starts the next round where this one ends.
    fn rewind(&mut self) -> Result<()> {
        let before = self.given;
        if let Some(video) = &mut self.video {
            let _ = video.decoder.send_eof();
        }
        if let Some(audio) = &mut self.audio {
            let _ = audio.decoder.send_eof();
        }
        self.take_pictures()?;
        self.take_sound()?;
        if let Some(video) = &mut self.video {
            video.decoder.flush();
        }
        if let Some(audio) = &mut self.audio {
            audio.decoder.flush();
        }
        self.rounds += 1;
        if before == 0 && self.ready.is_empty() {
            return Err(Error::Ffmpeg {
                doing: READING,
                text: "nothing in it can be decoded".into(),
            });
        }
        self.offset = self.end;
        self.input
            .seek(self.origin, ..)
            .map_err(av::error("rewinding a media file"))
    }
}

impl Video {
    fn open(stream: &ff::format::stream::Stream) -> Result<Self> {
        let mut context =
            ff::codec::Context::from_parameters(stream.parameters()).map_err(av::error(OPENING))?;
        context.set_threading(ff::threading::Config {
            count: 2,
            kind: ff::threading::Type::Slice,
            ..Default::default()
        });
        let decoder = context.decoder().video().map_err(av::error(OPENING))?;
        let rate = f64::from(stream.avg_frame_rate());
        let rate = if rate.is_finite() && (0.1..=1000.0).contains(&rate) {
            rate
        } else {
            25.0
        };
        Ok(Self {
            index: stream.index(),
            decoder,
            time_base: f64::from(stream.time_base()) * 1e6,
            converter: Converter::default(),
            nominal: (1e6 / rate) as i64,
        })
    }
}

impl Audio {
    fn open(stream: &ff::format::stream::Stream) -> Result<Self> {
        let context =
            ff::codec::Context::from_parameters(stream.parameters()).map_err(av::error(OPENING))?;
        let decoder = context.decoder().audio().map_err(av::error(OPENING))?;
        let time_base = f64::from(stream.time_base()) * 1e6;
        Ok(Self {
            index: stream.index(),
            decoder,
            time_base,
            resampler: None,
        })
    }

    /// Any sample format and number of channels to `f32`, mono or stereo, by swresample.
    fn convert(&mut self, frame: &mut ff::frame::Audio) -> Result<Samples> {
        use ff::format::Sample;
        use ff::format::sample::Type;
        use ff::software::resampling::{Context, context::Definition};
        if frame.channel_layout().bits() == 0 {
            frame.set_channel_layout(ff::ChannelLayout::default(i32::from(
                frame.channels().max(1),
            )));
        }
        let from = Definition {
            format: frame.format(),
            channel_layout: frame.channel_layout(),
            rate: frame.rate(),
        };
        let layout = ff::ChannelLayout::default(if frame.channels() > 1 { 2 } else { 1 });
        if self.resampler.as_ref().is_none_or(|r| *r.input() != from) {
            let to = Sample::F32(Type::Packed);
            let made = Context::get(
                from.format,
                from.channel_layout,
                from.rate,
                to,
                layout,
                from.rate,
            );
            self.resampler = Some(made.map_err(av::error(READING))?);
        }
        let mut samples = Samples::default();
        if let Some(resampler) = &mut self.resampler {
            let mut out = ff::frame::Audio::empty();
            resampler.run(frame, &mut out).map_err(av::error(READING))?;
            av::append_samples(&out, &mut samples, READING)?;
        }
        Ok(samples)
    }
}

fn channels_out(decoder: &ff::decoder::Audio) -> u8 {
    decoder.channels().min(u16::from(MAX_CHANNELS)).clamp(1, 2) as u8
}
