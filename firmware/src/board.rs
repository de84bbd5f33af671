//! The hardware a camera runs on, as traits. `sim` needs none, `linux` is V4L2 and the sound system.

pub mod motor;
pub mod sim;

pub mod coded;
#[cfg(feature = "ffmpeg")]
pub mod film;
#[cfg(feature = "linux")]
pub mod linux;
pub mod paced;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::Picture;
use tokio::sync::mpsc;
use wire::stream::Quality;

use crate::demand::Demand;
use motor::Motor;

/// Width and height of a quality, pixels.
pub fn size(quality: Quality) -> (u32, u32) {
    match quality {
        Quality::Standard => (640, 360),
        Quality::High => (1280, 720),
        Quality::Super => (1920, 1080),
    }
}

/// The instant a picture is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, microseconds since 1970.
    pub wall_us: i64,
    /// Media time, microseconds.
    pub media_us: i64,
    /// Number of the frame on the wall clock's grid, modulo 2^24 (see `media::marks`).
    pub counter: u32,
}

/// One picture in one quality; `picture.pts` is media time.
pub struct Shot {
    /// Of this quality, and of its size.
    pub quality: Quality,
    /// The picture.
    pub picture: Picture,
}

/// A piece of sound: one channel of [`crate::defaults::SAMPLE_RATE`].
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Media time of the first sample, microseconds.
    pub media_us: i64,
    /// Samples, −1..1.
    pub samples: Vec<f32>,
}

/// What one look gives.
#[derive(Default)]
pub struct Captured {
    /// Pictures, at most one a quality.
    pub shots: Vec<Shot>,
    /// Sound, if the source carries its own.
    pub sound: Vec<Block>,
}

/// Uncompressed pictures. Used by one thread.
pub trait Sensor: Send {
    /// Waits for the next frame and gives it in every quality that is wanted. May give nothing: then the caller looks
    /// at the demand again.
    ///
    /// # Errors
    /// The sensor is of no use any more; the caller closes it and opens it again later.
    fn next(&mut self, demand: &Demand) -> Result<Captured, Fault>;
}

/// Sound on its own. Used by one thread.
pub trait Microphone {
    /// Waits for the next piece of sound, a few milliseconds.
    ///
    /// # Errors
    /// The microphone is of no use any more; the caller closes it and opens it again later.
    fn next(&mut self) -> Result<Block, Fault>;
}

/// Plays sound. Used by one thread.
pub trait Speaker {
    /// Plays 10 ms that are to be heard at the block's media time, a moment from now. Does not wait.
    ///
    /// # Errors
    /// The speaker is of no use any more.
    fn play(&mut self, block: &Block) -> Result<(), Fault>;

    /// How much later than at its media time a block is really heard: what the device's own buffer takes.
    fn behind(&self) -> Duration {
        Duration::ZERO
    }
}

/// One unit of a source that is encoded already; times are media time, milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodedUnit {
    /// What pictures from here on need. `record` is avcC or hvcC.
    VideoConfig {
        /// The codec.
        codec: flv::VideoCodec,
        /// Its configuration record.
        record: Vec<u8>,
    },
    /// What sound from here on needs.
    AudioConfig {
        /// The format.
        format: flv::AudioFormat,
        /// AudioSpecificConfig, or whatever the codec has; empty if it has none.
        config: Vec<u8>,
    },
    /// A picture: NAL units with the length prefixes that the record names.
    Video {
        /// Decode time.
        at_ms: i64,
        /// Presentation minus decode time, milliseconds.
        composition_ms: i32,
        /// Decoding can start here.
        key: bool,
        /// The NAL units.
        data: Vec<u8>,
    },
    /// A packet of sound.
    Audio {
        /// When it sounds.
        at_ms: i64,
        /// The packet.
        data: Vec<u8>,
    },
}

/// A source that is encoded already: a hardware encoder, or a file. Used by one thread.
pub trait CodedSource: Send {
    /// Waits for what comes next. May give nothing: then the caller looks at the demand again.
    ///
    /// # Errors
    /// The source is of no use any more; the caller closes it and opens it again later.
    fn next(&mut self, demand: &Demand) -> Result<Vec<CodedUnit>, Fault>;
}

/// An open sensor.
pub enum Eye {
    /// Pictures, for an encoder of ours.
    Pictures(Box<dyn Sensor>),
    /// Access units; the same for every quality.
    Coded(Box<dyn CodedSource>),
}

/// Where a board's sound comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// It has none.
    None,
    /// From [`Board::open_microphone`].
    Microphone,
    /// From the eye, together with the pictures.
    WithPictures,
}

/// What a board is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// "sim" or "linux".
    pub board: &'static str,
    /// What it looks at: "scene", a file, a device.
    pub source: String,
    /// Where its sound comes from.
    pub sound: Sound,
    /// Whether it can be talked to: [`Board::open_speaker`].
    pub speaker: bool,
}

/// What the camera's light says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Light {
    /// Dark: not set up, and nobody has asked for it.
    #[default]
    Off,
    /// Blinks fast, 300 ms each way: open for being set up.
    Fast,
    /// Blinks slowly, 1 s each way: joins the network, reaches the hub.
    Slow,
    /// Steady: it belongs to somebody and is on the network.
    On,
    /// Two flashes and a pause: the attempt failed; open for the next one.
    Error,
}

impl Light {
    /// The word that is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::On => "on",
            Self::Error => "error",
        }
    }

    /// For how long it is lit and dark in turn, milliseconds; empty for a light that does not blink.
    pub fn pattern(self) -> &'static [u64] {
        match self {
            Self::Off | Self::On => &[],
            Self::Fast => &[300, 300],
            Self::Slow => &[1_000, 1_000],
            Self::Error => &[150, 150, 150, 1_050],
        }
    }
}

/// What a person does with the camera itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Gesture {
    /// Presses the button: opens the camera for being set up, and closes it again.
    Press,
    /// Holds the button for [`crate::defaults::HOLD`]: factory reset.
    Hold,
    /// Shows it a code with the network and the token. It holds secrets: `Debug` does not show it.
    Show(String),
}

impl std::fmt::Debug for Gesture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Press => "Press",
            Self::Hold => "Hold",
            Self::Show(_) => "Show(***)",
        })
    }
}

/// A camera's hardware. Sensors are opened when the first viewer comes and closed some seconds after the last.
pub trait Board: Send + Sync + 'static {
    /// What it is.
    fn hardware(&self) -> Hardware;

    /// Opens the sensor.
    ///
    /// # Errors
    /// Why it cannot be, and what to do about it.
    fn open_eye(&self) -> Result<Eye, Fault>;

    /// Opens the microphone; called only if [`Hardware::sound`] says that there is one.
    ///
    /// # Errors
    /// Why it cannot be, and what to do about it.
    fn open_microphone(&self) -> Result<Box<dyn Microphone>, Fault>;

    /// Opens the speaker; called only if [`Hardware::speaker`] says that there is one.
    ///
    /// # Errors
    /// Why it cannot be, and what to do about it.
    fn open_speaker(&self) -> Result<Box<dyn Speaker>, Fault> {
        Err(Fault::NotBuilt("speaker"))
    }

    /// The motor, if the camera turns.
    fn motor(&self) -> Option<Arc<Mutex<Motor>>> {
        None
    }

    /// Sets the light. Must not wait.
    fn light(&self, _: Light) {}

    /// What people do with the camera from now on. Called once, within a tokio runtime.
    fn gestures(&self) -> Option<mpsc::Receiver<Gesture>> {
        None
    }
}

/// Why a piece of hardware or its stand-in cannot be used. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no such device.
    #[error("no {what} at {device}: plug it in, or name another one with {flag}")]
    NoDevice {
        /// "video device", "microphone" or "speaker".
        what: &'static str,
        /// Its path or name.
        device: String,
        /// The flag that names another one.
        flag: &'static str,
    },
    /// Another program has it.
    #[error("{what} {device} is busy: end the program that uses it")]
    Busy {
        /// "video device", "microphone" or "speaker".
        what: &'static str,
        /// Its path or name.
        device: String,
    },
    /// The system does not let this user use it.
    #[error("no permission to use {what} {device}: add this user to the group {group}")]
    Permission {
        /// "video device", "microphone" or "speaker".
        what: &'static str,
        /// Its path or name.
        device: String,
        /// The group that may.
        group: &'static str,
    },
    /// It has nothing that this camera can use.
    #[error("{what} {device} offers {got}, expected {expected}")]
    Unusable {
        /// "video device", "microphone" or "file".
        what: &'static str,
        /// Its path or name.
        device: String,
        /// What it has.
        got: String,
        /// What is needed.
        expected: &'static str,
    },
    /// This build lacks what is needed.
    #[error("this build has no {0}: rebuild with that feature, or use --source file:X.flv")]
    NotBuilt(&'static str),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// It worked and does not any more.
    #[error("{what} failed: {text}; it is tried again while somebody watches")]
    Failed {
        /// What it was.
        what: &'static str,
        /// The words of what failed.
        text: String,
    },
}
