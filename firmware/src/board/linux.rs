//! A Linux camera: V4L2 for pictures, the sound system for the microphone.
//!
//! With FFmpeg the device's pictures (MJPEG or YUYV) are scaled and encoded here; a device that only has H.264, or a
//! build without FFmpeg, passes the device's own H.264 on.

mod button;
#[cfg(feature = "ffmpeg")]
mod convert;
mod device;
mod light;
mod microphone;
#[cfg(feature = "ffmpeg")]
mod pictures;
pub(super) mod speaker;
mod stream;

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Board, Eye, Fault, Gesture, Hardware, Light, Microphone, Sound, Speaker};
use crate::clock::Clock;
use device::Layout;

/// Which devices a board uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Devices {
    /// Path of the V4L2 device.
    pub video: String,
    /// Id of the microphone; `None` for the system's choice.
    pub audio: Option<String>,
    /// Id of the speaker; `None` for the system's choice.
    pub speaker: Option<String>,
    /// Pictures a second that are asked for; the device may have fewer.
    pub fps: u32,
    /// LED under `/sys/class/leds`; `None` for a camera without light.
    pub light: Option<String>,
    /// Input device of the button; `None` for a camera without one.
    pub button: Option<String>,
}

/// See the module's text.
pub struct Linux {
    devices: Devices,
    clock: Arc<Clock>,
    led: Option<light::Led>,
}

impl Linux {
    /// A board of these devices; sensors are opened when the first viewer comes.
    pub fn new(devices: Devices, clock: Arc<Clock>) -> Self {
        let led = devices.light.as_deref().and_then(light::Led::open);
        Self {
            devices,
            clock,
            led,
        }
    }

    /// Whether the video device is there; it is not opened.
    ///
    /// # Errors
    /// [`Fault::NoDevice`], [`Fault::Permission`].
    pub fn check(&self) -> Result<(), Fault> {
        device::check(&self.devices.video)
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
            speaker: true,
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

    fn open_speaker(&self) -> Result<Box<dyn Speaker>, Fault> {
        Ok(Box::new(speaker::Output::open(
            self.devices.speaker.as_deref(),
        )?))
    }

    fn light(&self, light: Light) {
        if let Some(led) = &self.led {
            led.show(light);
        }
    }

    fn gestures(&self) -> Option<mpsc::Receiver<Gesture>> {
        let light = self.led.as_ref().map(light::Led::feedback);
        button::presses(self.devices.button.as_deref()?, light)
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
            speaker: None,
            fps: 30,
            light: Some("none".into()),
            button: None,
        };
        let board = Linux::new(devices, Arc::new(Clock::start()));
        for error in [board.open_eye().err(), board.check().err()] {
            assert_eq!(
                error.unwrap().to_string(),
                "no video device at /dev/video-none: plug it in, or name another one with --video-device"
            );
        }
    }
}
