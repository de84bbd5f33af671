//! The sound system's speaker.

use std::time::Instant;

use media::audio::Samples;
use media::playout::Player;

use crate::board::{Block, Fault, Speaker};
use crate::defaults::SAMPLE_RATE;

/// Plays blocks on a device of the sound system; its own buffer follows the device's clock.
pub(super) struct Output(Player);

impl Output {
    pub(super) fn open(device: Option<&str>) -> Result<Self, Fault> {
        let named = || device.unwrap_or("(the system's choice)").to_owned();
        Player::open(device).map(Self).map_err(|error| match error {
            media::Error::NoDevice { .. } => Fault::NoDevice {
                what: "speaker",
                device: named(),
                flag: "--speaker-device",
            },
            other => failed(&other),
        })
    }
}

impl Speaker for Output {
    fn play(&mut self, block: &Block) -> Result<(), Fault> {
        let samples = Samples {
            rate: SAMPLE_RATE,
            channels: 1,
            data: block.samples.clone(),
        };
        let pts = block.media_us.div_euclid(1000);
        self.0
            .push(&samples, pts, Instant::now())
            .map_err(|error| failed(&error))
    }
}

fn failed(error: &media::Error) -> Fault {
    Fault::Failed {
        what: "speaker",
        text: error.to_string(),
    }
}
