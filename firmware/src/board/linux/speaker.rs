//! The sound system's speaker.

use std::time::{Duration, Instant};

use media::audio::Samples;
use media::playout::Player;

use crate::board::{Block, Fault, Speaker};
use crate::defaults::{SAMPLE_RATE, SPEAKER_LEAD};

/// Plays blocks on a device of the sound system; its own buffer follows the device's clock.
pub(in crate::board) struct Output(Player);

impl Output {
    pub(in crate::board) fn open(device: Option<&str>) -> Result<Self, Fault> {
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

    fn behind(&self) -> Duration {
        let delay = Duration::from_secs_f64(self.0.stats().delay_ms.max(0.0) / 1000.0);
        delay.saturating_sub(SPEAKER_LEAD)
    }
}

fn failed(error: &media::Error) -> Fault {
    Fault::Failed {
        what: "speaker",
        text: error.to_string(),
    }
}
