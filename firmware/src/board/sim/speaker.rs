//! The sim board's speaker: plays into the room, into a file, and on a device of this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use media::wav;

use super::microphone::samples;
use super::room::Room;
use crate::board::{Block, Fault, Speaker};
use crate::clock::Clock;
use crate::defaults::SAMPLE_RATE;

/// See the module's text.
pub(super) struct Loudspeaker {
    clock: Arc<Clock>,
    room: Option<Arc<Room>>,
    file: Option<wav::Writer>,
    device: Option<Box<dyn Speaker>>,
    /// Number since 1970 of the next sample.
    next: Option<i64>,
}

/// Blocks whose times differ by less follow each other, samples (20 ms).
const SEAM: i64 = SAMPLE_RATE as i64 / 50;

impl Loudspeaker {
    /// Plays into `room` and into the file, which each talk begins anew.
    pub(super) fn open(
        clock: Arc<Clock>,
        room: Option<Arc<Room>>,
        file: Option<&Path>,
    ) -> Result<Self, Fault> {
        let file = match file {
            Some(path) => Some(wav::Writer::create(path, SAMPLE_RATE).map_err(failed)?),
            None => None,
        };
        Ok(Self {
            clock,
            room,
            file,
            device: None,
            next: None,
        })
    }

    /// The same on a device of this machine, by its id.
    #[cfg(feature = "linux")]
    pub(super) fn with_device(mut self, device: &str) -> Result<Self, Fault> {
        let output = crate::board::linux::speaker::Output::open(Some(device))?;
        self.device = Some(Box::new(output));
        Ok(self)
    }

    /// The same on a device of this machine, by its id.
    #[cfg(not(feature = "linux"))]
    pub(super) fn with_device(self, _: &str) -> Result<Self, Fault> {
        Err(Fault::NotBuilt("linux"))
    }
}

impl Speaker for Loudspeaker {
    fn play(&mut self, block: &Block) -> Result<(), Fault> {
        let wall_us = block.media_us - self.clock.media_us(0);
        let at = samples(wall_us);
        let first = match self.next {
            Some(next) if (at - next).abs() < SEAM => next,
            // The file's time goes on as the room's does.
            Some(next) => {
                let gap = usize::try_from(at - next)
                    .unwrap_or(0)
                    .min(SAMPLE_RATE as usize);
                if let Some(file) = &mut self.file {
                    file.write(&vec![0.0; gap]).map_err(failed)?;
                }
                at
            }
            None => at,
        };
        if let Some(room) = &self.room {
            room.play(first, &block.samples);
        }
        if let Some(file) = &mut self.file {
            file.write(&block.samples).map_err(failed)?;
        }
        self.next = Some(first + block.samples.len() as i64);
        match &mut self.device {
            Some(device) => device.play(block),
            None => Ok(()),
        }
    }

    fn behind(&self) -> Duration {
        self.device
            .as_ref()
            .map_or(Duration::ZERO, |device| device.behind())
    }
}

fn failed(error: media::Error) -> Fault {
    Fault::Failed {
        what: "the speaker's file",
        text: error.to_string(),
    }
}
