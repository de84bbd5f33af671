//! From the board to the rings: the threads that look, listen and encode, while somebody watches.

#[cfg(feature = "ffmpeg")]
mod software;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use flv::VideoCodec;
use wire::stream::Quality;

use crate::board::{Block, Board, CodedSource, CodedUnit, Eye, Fault, Sensor, Sound};
use crate::defaults::RETRY;
use crate::demand::{Lane, Wanted};
use crate::live::Live;
use crate::live::tags::{self, AudioTrack, VideoTrack};
use crate::record;
use crate::talk::ear::{Cleaner, FarEnd};

#[cfg(feature = "ffmpeg")]
use software::{SoundEncoder, VideoEncoder};

/// How pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The codec.
    pub codec: VideoCodec,
    /// Pictures a second.
    pub fps: u32,
    /// Seconds from one keyframe to the next.
    pub gop_seconds: u32,
}

impl Settings {
    /// Bits a second of a quality. H.265 needs about two thirds for the same picture.
    pub fn bit_rate(&self, quality: Quality) -> u32 {
        let h264 = match quality {
            Quality::Standard => 600_000,
            Quality::High => 2_000_000,
            Quality::Super => 4_000_000,
        };
        match self.codec {
            VideoCodec::H264 => h264,
            VideoCodec::Hevc => h264 / 3 * 2,
        }
    }
}

/// The running threads. Dropping it stops them and waits.
pub struct Threads {
    live: Arc<Live>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts the board's threads; they sleep until somebody watches. `motion` looks at the pictures.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(
        board: Arc<dyn Board>,
        live: Arc<Live>,
        settings: Settings,
        motion: Option<Arc<record::Watch>>,
        far: Arc<FarEnd>,
    ) -> std::io::Result<Self> {
        let sound = board.hardware().sound;
        let mut threads = Vec::new();
        if sound == Sound::Microphone {
            let listen = Listen {
                board: Arc::clone(&board),
                live: Arc::clone(&live),
                far,
            };
            live.set_sound(Some(AudioTrack::aac()));
            threads.push(spawn("sound", move || listen.run())?);
        }
        let look = Look {
            board,
            live: Arc::clone(&live),
            settings,
            with_sound: sound == Sound::WithPictures,
            motion,
        };
        threads.push(spawn("eye", move || look.run())?);
        Ok(Self { live, threads })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.live.demand.stop();
        for thread in self.threads.drain(..) {
            // A panic of that thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

/// The thread that looks.
struct Look {
    board: Arc<dyn Board>,
    live: Arc<Live>,
    #[cfg_attr(
        not(feature = "ffmpeg"),
        expect(dead_code, reason = "for encoders of ours")
    )]
    settings: Settings,
    /// Sound comes from the eye too.
    with_sound: bool,
    /// Looks for what moves.
    motion: Option<Arc<record::Watch>>,
}

impl Look {
    fn run(&self) {
        // A sensor that is looked at all day and is not there is told once.
        let mut told = String::new();
        loop {
            let (wanted, version) = self.live.demand.now();
            if wanted.stop {
                return;
            }
            if !self.is_needed(wanted) {
                self.live.demand.wait(version, None);
                continue;
            }
            let result = match self.board.open_eye() {
                Ok(Eye::Pictures(sensor)) => self.pictures(sensor),
                Ok(Eye::Coded(_)) if !wanted.watched() => {
                    tracing::warn!("codes cannot be read: the sensor gives no pictures, but video");
                    self.live.demand.read(false);
                    Ok(())
                }
                Ok(Eye::Coded(source)) => self.coded(source),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = result {
                let fault = fault.to_string();
                if told != fault || wanted.watched() {
                    tracing::warn!(%fault, "no picture");
                }
                let (_, version) = self.live.demand.now();
                self.lanes().for_each(|lane| self.live.fail(lane, &fault));
                told = fault;
                self.live.demand.wait(version, Some(Instant::now() + RETRY));
            }
        }
    }

    fn is_needed(&self, wanted: Wanted) -> bool {
        wanted.pictures() || self.with_sound && wanted.watched()
    }

    fn lanes(&self) -> impl Iterator<Item = Lane> {
        let with_sound = self.with_sound;
        Lane::ALL
            .into_iter()
            .filter(move |lane| *lane != Lane::Audio || with_sound)
    }

    /// Access units that are encoded already: every quality gets the same.
    fn coded(&self, mut source: Box<dyn CodedSource>) -> Result<(), Fault> {
        let (mut video, mut audio): (Option<VideoTrack>, Option<AudioTrack>) = (None, None);
        let mut announced = false;
        if let Some(motion) = &self.motion {
            motion.cannot_see();
            tracing::warn!("this source is encoded already: nothing that moves is noticed");
        }
        loop {
            let (wanted, _) = self.live.demand.now();
            if wanted.stop || !wanted.watched() || !self.is_needed(wanted) {
                self.lanes().for_each(|lane| self.live.clear(lane));
                return Ok(());
            }
            for unit in source.next(&self.live.demand)? {
                match unit {
                    CodedUnit::VideoConfig { codec, record } => {
                        video = Some(VideoTrack {
                            codec,
                            record,
                            fps: None,
                        });
                        announced = false;
                    }
                    CodedUnit::AudioConfig { format, config } => {
                        audio = Some(AudioTrack { format, config });
                        if self.with_sound {
                            self.live.set_sound(audio.clone());
                        }
                        announced = false;
                    }
                    CodedUnit::Video {
                        at_ms,
                        composition_ms,
                        key,
                        data,
                    } => {
                        let Some(track) = video.as_ref().filter(|_| announced || key) else {
                            continue;
                        };
                        let tag = tags::video(track.codec, at_ms, composition_ms, key, &data);
                        let Ok(tag) = tag else { continue };
                        for quality in Quality::ALL {
                            if !announced {
                                self.live
                                    .set_video(Lane::Video(quality), track.clone(), at_ms);
                            }
                            self.live
                                .push_video(Lane::Video(quality), key, at_ms, tag.clone());
                        }
                        announced = true;
                    }
                    CodedUnit::Audio { at_ms, data } => {
                        if let Some(Ok(tag)) = audio
                            .as_ref()
                            .map(|track| tags::audio(track.format, at_ms, &data))
                        {
                            self.live.push_audio(at_ms, &tag);
                        }
                    }
                }
            }
        }
    }

    #[cfg(feature = "ffmpeg")]
    fn pictures(&self, mut sensor: Box<dyn Sensor>) -> Result<(), Fault> {
        let mut encoders: [Option<VideoEncoder>; 3] = Default::default();
        // An encoder that fails at once is not started again for every picture.
        let mut started: [Option<Instant>; 3] = [None; 3];
        let mut sound = SoundEncoder::new(Arc::clone(&self.live));
        if self.with_sound {
            self.live.set_sound(Some(AudioTrack::aac()));
        }
        loop {
            let (wanted, _) = self.live.demand.now();
            for quality in Quality::ALL {
                let encoder = &mut encoders[quality as usize];
                if !wanted.lane(Lane::Video(quality)) && encoder.take().is_some() {
                    started[quality as usize] = None;
                    self.live.clear(Lane::Video(quality));
                }
            }
            if wanted.stop || !self.is_needed(wanted) {
                return Ok(());
            }
            let captured = sensor.next(&self.live.demand)?;
            // Somebody may have come while the sensor was waited for.
            let (wanted, _) = self.live.demand.now();
            for shot in captured.shots {
                if let Some(motion) = &self.motion {
                    motion.look(shot.quality, &shot.picture);
                }
                if wanted.reads {
                    self.live.lens.look(shot.quality, &shot.picture);
                }
                if !wanted.lane(Lane::Video(shot.quality)) {
                    continue;
                }
                let encoder = &mut encoders[shot.quality as usize];
                if encoder.as_ref().is_none_or(VideoEncoder::has_ended) {
                    let started = &mut started[shot.quality as usize];
                    if started.is_some_and(|at| at.elapsed() < RETRY) {
                        continue;
                    }
                    *started = Some(Instant::now());
                    *encoder = Some(VideoEncoder::start(
                        Arc::clone(&self.live),
                        self.settings,
                        shot.quality,
                    )?);
                }
                if let Some(encoder) = encoder {
                    encoder.submit(shot.picture);
                }
            }
            for block in captured.sound.iter().filter(|_| wanted.watched()) {
                sound.push(block)?;
            }
        }
    }

    #[cfg(not(feature = "ffmpeg"))]
    fn pictures(&self, _: Box<dyn Sensor>) -> Result<(), Fault> {
        Err(Fault::NotBuilt("ffmpeg"))
    }
}

/// The thread that listens.
struct Listen {
    board: Arc<dyn Board>,
    live: Arc<Live>,
    /// What the speaker plays.
    far: Arc<FarEnd>,
}

impl Listen {
    fn run(&self) {
        loop {
            let (wanted, version) = self.live.demand.now();
            if wanted.stop {
                return;
            }
            if !wanted.watched() {
                self.live.demand.wait(version, None);
                continue;
            }
            if let Err(fault) = self.listen() {
                tracing::warn!(%fault, "no sound");
                let (_, version) = self.live.demand.now();
                self.live.set_sound(None);
                self.live.fail(Lane::Audio, &fault.to_string());
                self.live.demand.wait(version, Some(Instant::now() + RETRY));
            }
        }
    }

    fn listen(&self) -> Result<(), Fault> {
        let mut microphone = self.board.open_microphone()?;
        self.live.set_sound(Some(AudioTrack::aac()));
        let mut encoder = SoundEncoder::new(Arc::clone(&self.live));
        let mut cleaner = Cleaner::default();
        loop {
            let (wanted, _) = self.live.demand.now();
            if wanted.stop || !wanted.watched() {
                return Ok(());
            }
            let block: Block = cleaner.process(microphone.next()?, &self.far);
            encoder.push(&block)?;
        }
    }
}

/// Without FFmpeg there is nothing to encode with.
#[cfg(not(feature = "ffmpeg"))]
struct SoundEncoder;

#[cfg(not(feature = "ffmpeg"))]
impl SoundEncoder {
    fn new(_: Arc<Live>) -> Self {
        Self
    }

    fn push(&mut self, _: &Block) -> Result<(), Fault> {
        Err(Fault::NotBuilt("ffmpeg"))
    }
}
