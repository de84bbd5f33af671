//! A Linux camera: V4L2 for pictures, the sound system for the microphone.
//!
//! With FFmpeg the device's pictures (MJPEG or YUYV) are scaled and encoded here; a device that only has H.264, or a
//! build without FFmpeg, passes the device's own H.264 on.

#[cfg(feature = "ffmpeg")]
mod convert;
mod device;
mod microphone;
#[cfg(feature = "ffmpeg")]
mod pictures;
mod stream;

use std::sync::Arc;

use super::{Board, Eye, Fault, Hardware, Microphone, Sound};
use crate::clock::Clock;
use device::Layout;

/// Which devices a board uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Devices {
    /// Path of the V4L2 device.
    pub video: String,
    /// Id of the microphone; `None` for the system's choice.
    pub audio: Option<String>,
    /// Pictures a second that are asked for; the device may have fewer.
    pub fps: u32,
}

/// See the module's text.
pub struct Linux {
    devices: Devices,
    clock: Arc<Clock>,
}

impl Linux {
    /// A board of these devices; they are opened when the first viewer comes.
    pub fn new(devices: Devices, clock: Arc<Clock>) -> Self {
        Self { devices, clock }
    }
}

impl Board for Linux {
    fn hardware(&self) -> Hardware {
        let sound = if cfg!(feature = "ffmpeg") {
            Sound::Microphone
        } else {
            Sound::None
        };
        Hardware {
            board: "linux",
            source: self.devices.video.clone(),
            sound,
        }
    }

    fn open_eye(&self) -> Result<Eye, Fault> {
        let capture = device::open(&self.devices.video, self.devices.fps)?;
        let clock = Arc::clone(&self.clock);
        match capture.layout {
            Layout::H264 => Ok(Eye::Coded(Box::new(stream::Stream::new(capture, clock)))),
            #[cfg(feature = "ffmpeg")]
            Layout::Mjpeg | Layout::Yuyv => Ok(Eye::Pictures(Box::new(pictures::Pictures::new(
                capture, clock,
            )))),
            #[cfg(not(feature = "ffmpeg"))]
            Layout::Mjpeg | Layout::Yuyv => Err(Fault::NotBuilt("ffmpeg")),
        }
    }

    fn open_microphone(&self) -> Result<Box<dyn Microphone>, Fault> {
        let microphone =
            microphone::Input::open(self.devices.audio.as_deref(), Arc::clone(&self.clock))?;
        Ok(Box::new(microphone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_named_with_what_to_do() {
        let devices = Devices {
            video: "/dev/video-none".into(),
            audio: None,
            fps: 30,
        };
        let error = Linux::new(devices, Arc::new(Clock::start()))
            .open_eye()
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "no video device at /dev/video-none: plug it in, or name another one with --video-device"
        );
    }
}
