//! Encoding on the processor.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use flv::VideoCodec;
use media::Picture;
use media::audio::AacEncoder;
use media::video::{Codec, Encoder, EncoderSettings};
use wire::stream::Quality;

use super::{Settings, spawn};
use crate::board::{Block, Fault, size};
use crate::defaults::{AUDIO_BIT_RATE, ENCODER_QUEUE, SAMPLE_RATE};
use crate::demand::Lane;
use crate::live::Live;
use crate::live::tags::{self, AudioTrack, VideoTrack};

/// One quality's encoder in its own thread. Dropping it ends the thread and waits for the picture in work.
pub(super) struct VideoEncoder {
    lane: Lane,
    live: Arc<Live>,
    pictures: Option<SyncSender<Picture>>,
    thread: Option<JoinHandle<()>>,
}

impl VideoEncoder {
    pub(super) fn start(
        live: Arc<Live>,
        settings: Settings,
        quality: Quality,
    ) -> Result<Self, Fault> {
        let lane = Lane::Video(quality);
        let (pictures, queue) = sync_channel(ENCODER_QUEUE);
        let work = Work {
            live: Arc::clone(&live),
            lane,
            settings,
            quality,
        };
        let thread = spawn(quality.name(), move || {
            if let Err(error) = work.run(&queue) {
                tracing::warn!(%error, lane = work.lane.name(), "encoder failed");
                work.live
                    .fail(work.lane, &format!("the encoder failed: {error}"));
            }
        });
        let thread = thread.map_err(|error| Fault::Failed {
            what: "starting an encoder",
            text: error.to_string(),
        })?;
        Ok(Self {
            lane,
            live,
            pictures: Some(pictures),
            thread: Some(thread),
        })
    }

    /// Hands it a picture; a busy encoder does without.
    pub(super) fn submit(&self, picture: Picture) {
        let Some(pictures) = &self.pictures else {
            return;
        };
        if let Err(TrySendError::Full(_)) = pictures.try_send(picture) {
            self.live.count_dropped(self.lane);
        }
    }

    /// Whether it failed.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for VideoEncoder {
    fn drop(&mut self) {
        self.pictures = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Work {
    live: Arc<Live>,
    lane: Lane,
    settings: Settings,
    quality: Quality,
}

impl Work {
    fn run(&self, pictures: &Receiver<Picture>) -> Result<(), media::Error> {
        let Settings {
            codec,
            fps,
            gop_seconds,
        } = self.settings;
        let (width, height) = size(self.quality);
        let mut encoder = Encoder::open(&EncoderSettings {
            codec: match codec {
                VideoCodec::H264 => Codec::H264,
                VideoCodec::Hevc => Codec::Hevc,
            },
            width,
            height,
            fps,
            bit_rate: self.settings.bit_rate(self.quality),
            gop: (fps * gop_seconds).max(1),
        })?;
        let track = VideoTrack {
            codec,
            record: encoder.config_record().to_vec(),
            fps: Some(fps),
        };
        let mut track = Some(track);
        while let Ok(picture) = pictures.recv() {
            let started = Instant::now();
            let at_ms = picture.pts.div_euclid(1000);
            let packets = encoder.encode(&picture, false)?;
            self.live.count_encoded(self.lane, started.elapsed());
            if let Some(track) = track.take() {
                self.live.set_video(self.lane, track, at_ms);
            }
            for packet in packets {
                match tags::video(codec, packet.dts, 0, packet.key, &packet.data) {
                    Ok(tag) => self.live.push_video(self.lane, packet.key, packet.dts, tag),
                    Err(error) => tracing::warn!(%error, "picture left out"),
                }
            }
        }
        Ok(())
    }
}

/// Times of blocks may differ this much from what the samples so far say, microseconds.
const DRIFT_US: i64 = 20_000;

/// Blocks of sound to AAC in every ring.
pub(super) struct SoundEncoder {
    live: Arc<Live>,
    encoder: Option<AacEncoder>,
    track: AudioTrack,
    expected_us: i64,
}

impl SoundEncoder {
    pub(super) fn new(live: Arc<Live>) -> Self {
        Self {
            live,
            encoder: None,
            track: AudioTrack::aac(),
            expected_us: i64::MIN,
        }
    }

    pub(super) fn push(&mut self, block: &Block) -> Result<(), Fault> {
        let failed = |error: media::Error| Fault::Failed {
            what: "encoding sound",
            text: error.to_string(),
        };
        if block.samples.is_empty() {
            return Ok(());
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(AacEncoder::open(SAMPLE_RATE, 1, AUDIO_BIT_RATE).map_err(failed)?),
        };
        if (block.media_us.saturating_sub(self.expected_us)).abs() > DRIFT_US {
            encoder.set_time(block.media_us.div_euclid(1000));
            self.expected_us = block.media_us;
        }
        self.expected_us += block.samples.len() as i64 * 1_000_000 / i64::from(SAMPLE_RATE);
        for packet in encoder.encode(&block.samples).map_err(failed)? {
            match tags::audio(self.track.format, packet.pts, &packet.data) {
                Ok(tag) => self.live.push_audio(packet.pts, &tag),
                Err(error) => tracing::warn!(%error, "sound left out"),
            }
        }
        Ok(())
    }
}
