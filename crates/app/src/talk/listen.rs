//! The way back of a talk without a picture: the camera's sound, played and kept, for the command line.

use super::far::{Open, Speakers};
use crate::api::{Failure, FailureCode};
use crate::fail;
use crate::live::sound::Device;
use crate::session::Session;
use crate::store::not_written;
use flv::{Item, Reader};
use media::audio::{Resampler, Samples, TagDecoder};
use media::playout::Player;
use media::wav;
use p2p::{Priority, Request};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use wire::stream::{Quality, StreamRequest};

/// Rate of the file.
const RATE: u32 = 48_000;
/// A gap in the camera's time that is kept as silence, at most, samples.
const MAX_GAP: i64 = RATE as i64;

/// Where the camera's sound goes.
pub struct Wanted {
    /// The device.
    pub device: Device,
    /// A file that keeps it.
    pub file: Option<PathBuf>,
}

/// Plays and keeps what the camera hears until it is dropped.
///
/// # Errors
/// The stream is refused or ends, or the file cannot be written.
pub async fn run(
    session: &Session,
    speakers: &Arc<Speakers>,
    wanted: Wanted,
) -> Result<(), Failure> {
    let name = session.name();
    let path = StreamRequest::Live {
        channel: 0,
        quality: Quality::High,
        audio_only: true,
    };
    let request = Request::get(path.to_path()).priority(Priority::Audio);
    let answer = session.p2p().request(request).await;
    let answer = answer.map_err(|error| fail::transport(&error, &name))?;
    if answer.status != 200 {
        return Err(fail::status(answer, &name, "audio").await);
    }
    let mut sink = Sink::open(speakers, wanted).await?;
    let (mut body, mut reader) = (answer.body, Reader::default());
    while let Some(chunk) = body.chunk().await {
        let chunk = chunk.map_err(|error| fail::transport(&error, &name))?;
        reader.push(&chunk);
        loop {
            match reader.next() {
                Ok(Some(Item::Audio(tag))) => sink.take(&tag)?,
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => tracing::debug!(%error, "skipped"),
            }
        }
    }
    Err(Failure::new(FailureCode::ConnectionLost).with("camera", name))
}

struct Sink {
    player: Option<(Player, Open)>,
    file: Option<(wav::Writer, PathBuf)>,
    decoder: TagDecoder,
    /// From that rate to [`RATE`], for the file.
    resampler: Option<(u32, Resampler)>,
    /// Media time of the file's first sample, ms.
    began: Option<i64>,
}

impl Sink {
    async fn open(speakers: &Arc<Speakers>, wanted: Wanted) -> Result<Self, Failure> {
        let device = match wanted.device {
            Device::None => None,
            Device::Default => Some(None),
            Device::Named(id) => Some(Some(id)),
        };
        let player = match device {
            None => None,
            Some(id) => {
                let opened = tokio::task::spawn_blocking(move || Player::open(id.as_deref()));
                let player = opened.await.map_err(fail::internal)?;
                let player = player
                    .map_err(|error| Failure::new(FailureCode::NoAudioDevice).detail(error))?;
                let open = speakers.opened(player.control());
                Some((player, open))
            }
        };
        let file = match wanted.file {
            None => None,
            Some(path) => {
                let writer =
                    wav::Writer::create(&path, RATE).map_err(|e| not_written(&path, &e))?;
                Some((writer, path))
            }
        };
        Ok(Self {
            player,
            file,
            decoder: TagDecoder::default(),
            resampler: None,
            began: None,
        })
    }

    fn take(&mut self, tag: &flv::AudioTag<'_>) -> Result<(), Failure> {
        let decoder = self.decoder.of(tag);
        let decoder =
            decoder.map_err(|error| Failure::new(FailureCode::CodecUnsupported).detail(error))?;
        let Some(decoder) = decoder else {
            return Ok(());
        };
        let Ok(samples) = decoder.decode(tag.data) else {
            return Ok(());
        };
        if samples.data.is_empty() {
            return Ok(());
        }
        let samples: Samples = samples.to_mono();
        if let Some((player, _)) = &mut self.player {
            let pushed = player.push(&samples, tag.timestamp, Instant::now());
            pushed.map_err(|error| Failure::new(FailureCode::AudioDeviceLost).detail(error))?;
        }
        if let Some((writer, path)) = &mut self.file {
            let resampler = match &mut self.resampler {
                Some((rate, resampler)) if *rate == tag.sample_rate => resampler,
                other => {
                    let resampler =
                        Resampler::new(tag.sample_rate, RATE, 1).map_err(fail::internal)?;
                    &mut other.insert((tag.sample_rate, resampler)).1
                }
            };
            let mut resampled = Vec::new();
            resampler.process(&samples.data, &mut resampled);
            let began = *self.began.get_or_insert(tag.timestamp);
            let due = (tag.timestamp - began) * i64::from(RATE) / 1000;
            let missing = (due - writer.written() as i64).clamp(0, MAX_GAP);
            // Less is the rounding of time stamps.
            if missing > i64::from(RATE) / 20 {
                let silence = vec![0.0; missing as usize];
                writer.write(&silence).map_err(|e| not_written(path, &e))?;
            }
            writer
                .write(&resampled)
                .map_err(|e| not_written(path, &e))?;
        }
        Ok(())
    }
}
