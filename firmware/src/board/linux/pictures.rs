//! Pictures of a V4L2 device, scaled to the qualities that are wanted.

use std::sync::Arc;

use media::scale::Scaler;
use media::{Picture, jpeg};
use wire::stream::Quality;

use super::convert::yuyv_to_i420;
use super::device::{Capture, Layout};
use crate::board::{Captured, Fault, Sensor, Shot, size};
use crate::clock::Clock;
use crate::demand::Demand;

/// Damaged frames in a row after which a device counts as failed: USB cameras start with a few.
const MOST_DAMAGED: u32 = 60;

pub(super) struct Pictures {
    capture: Capture,
    clock: Arc<Clock>,
    scalers: [Scaler; 3],
    damaged: u32,
}

impl Pictures {
    pub(super) fn new(capture: Capture, clock: Arc<Clock>) -> Self {
        Self {
            capture,
            clock,
            scalers: Default::default(),
            damaged: 0,
        }
    }

    fn read(&mut self) -> Result<Option<Picture>, Fault> {
        let Capture {
            layout,
            width,
            height,
            stride,
            ..
        } = self.capture;
        self.capture.frame(|bytes| match layout {
            Layout::Yuyv => {
                let data = yuyv_to_i420(bytes, stride as usize, width as usize, height as usize)?;
                Picture::from_data(width, height, data, 0).ok()
            }
            Layout::Mjpeg => jpeg::decode(bytes).ok(),
            Layout::H264 => None,
        })
    }
}

impl Sensor for Pictures {
    fn next(&mut self, demand: &Demand) -> Result<Captured, Fault> {
        let Some(picture) = self.read()? else {
            self.damaged += 1;
            if self.damaged > MOST_DAMAGED {
                return Err(Fault::Failed {
                    what: "video device",
                    text: "its frames are damaged".into(),
                });
            }
            return Ok(Captured::default());
        };
        self.damaged = 0;
        self.clock.follow_system();
        let wall_us = self.clock.wall_us();
        let media_us = self.clock.media_us(wall_us);
        let (wanted, _) = demand.now();
        let mut captured = Captured::default();
        for quality in Quality::ALL
            .into_iter()
            .filter(|quality| wanted.quality(*quality))
        {
            let (width, height) = size(quality);
            let scaled = self.scalers[quality as usize].scale(&picture, width, height);
            let mut picture = scaled.map_err(|error| Fault::Failed {
                what: "scaling",
                text: error.to_string(),
            })?;
            picture.pts = media_us;
            captured.shots.push(Shot { quality, picture });
        }
        Ok(captured)
    }
}
