//! The sound system's microphone.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use media::capture;

use crate::board::{Block, Fault, Microphone};
use crate::clock::Clock;
use crate::defaults::SAMPLE_RATE;

/// Pieces that wait for the encoder; what does not fit is lost.
const QUEUE: usize = 32;
/// A microphone that gives nothing for this long has failed.
const SILENCE: Duration = Duration::from_secs(2);

pub(super) struct Input {
    pieces: Receiver<(Vec<f32>, Instant)>,
    input: capture::Input,
    clock: Arc<Clock>,
}

impl Input {
    pub(super) fn open(device: Option<&str>, clock: Arc<Clock>) -> Result<Self, Fault> {
        let (send, pieces) = sync_channel(QUEUE);
        let input = capture::Input::open(device, SAMPLE_RATE, move |samples, at| {
            if let Err(TrySendError::Full(_)) = send.try_send((samples.to_vec(), at)) {
                tracing::debug!("sound lost");
            }
        });
        let input = input.map_err(|error| fault(device, &error))?;
        Ok(Self {
            pieces,
            input,
            clock,
        })
    }
}

impl Microphone for Input {
    fn next(&mut self) -> Result<Block, Fault> {
        match self.pieces.recv_timeout(SILENCE) {
            Ok((samples, at)) => {
                let age = i64::try_from(at.elapsed().as_micros()).unwrap_or(0);
                Ok(Block {
                    media_us: self.clock.media_us(self.clock.wall_us() - age),
                    samples,
                })
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let lost = self.input.check().err().map(|error| error.to_string());
                let text =
                    lost.unwrap_or_else(|| format!("{} gives no sound", self.input.device()));
                Err(Fault::Failed {
                    what: "microphone",
                    text,
                })
            }
        }
    }
}

fn fault(device: Option<&str>, error: &media::Error) -> Fault {
    let device = device.unwrap_or("(the system's choice)").to_owned();
    match error {
        media::Error::NoDevice { .. } => Fault::NoDevice {
            what: "microphone",
            device,
            flag: "--audio-device",
        },
        other => Fault::Failed {
            what: "microphone",
            text: other.to_string(),
        },
    }
}
