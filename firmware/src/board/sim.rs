//! A camera without hardware: a painted street with a moving car and ball, a clock, a lamp that flashes with a chime
//! each second, and a motor that turns the view.

mod canvas;
pub mod easel;
mod font;
mod hand;
pub mod lamp;
mod microphone;
pub mod room;
mod scene;
mod speaker;
pub mod street;
mod voice;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use media::Picture;
use wire::stream::Quality;

use super::motor::{Limits, Motor};
use super::paced::{Paced, Painter};
use super::{Board, Eye, Fault, Gesture, Hardware, Microphone, Moment, Sound, Speaker, coded};
use crate::clock::Clock;
use crate::talk;
use easel::Easel;
use room::Room;
use speaker::Loudspeaker;
use street::Street;

/// What the sim board looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The painted street.
    #[default]
    Scene,
    /// A media file, over and over.
    File(PathBuf),
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("file:")) {
            ("scene", _) => Ok(Self::Scene),
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(format!("got {text:?}, expected scene or file:PATH")),
        }
    }
}

/// See the module's text.
pub struct Sim {
    source: Source,
    fps: u32,
    clock: Arc<Clock>,
    motor: Arc<Mutex<Motor>>,
    street: Arc<Street>,
    easel: Easel,
    room: Result<Option<Arc<Room>>, String>,
    speaker_file: Option<PathBuf>,
    /// A device of this machine that plays as well.
    speaker_device: Option<String>,
}

impl Sim {
    /// A board that looks at `source`, `fps` pictures a second, with nothing on its easel, and stands in no room.
    pub fn new(source: Source, fps: u32, clock: Arc<Clock>) -> Self {
        let motor = Arc::new(Mutex::new(Motor::new(Limits::default(), Instant::now())));
        let street = Arc::new(Street::new());
        if source == Source::Scene && cfg!(feature = "ffmpeg") {
            let street = Arc::clone(&street);
            // The first viewer should not wait for the painting; if the thread cannot start, it does.
            let _ = std::thread::Builder::new()
                .name("paint".into())
                .spawn(move || {
                    for quality in [Quality::High, Quality::Standard, Quality::Super] {
                        street.prepare(quality);
                    }
                });
        }
        Self {
            source,
            fps,
            clock,
            motor,
            street,
            easel: Easel::default(),
            room: Ok(None),
            speaker_file: None,
            speaker_device: None,
        }
    }

    /// Whether there is something to look at, and a room to hear.
    ///
    /// # Errors
    /// The file cannot be read, or nothing in it can be shown; the voice of the room cannot be read.
    pub fn check(&self) -> Result<(), Fault> {
        self.room()?;
        match &self.source {
            Source::Scene => Ok(()),
            Source::File(_) => self.open_eye().map(drop),
        }
    }

    /// The same with an easel; what stands on it hides the middle of the scene.
    pub fn with_easel(mut self, easel: Easel) -> Self {
        self.easel = easel;
        self
    }

    /// The same in a room with a voice, with a file that keeps what its speaker plays, and a device that plays it.
    pub fn with_sound(mut self, options: &talk::Options) -> Self {
        let room = Room::open(options.room, &options.voice);
        self.room = room
            .map(|room| room.map(Arc::new))
            .map_err(|fault| fault.to_string());
        self.speaker_file.clone_from(&options.speaker_file);
        self.speaker_device.clone_from(&options.speaker);
        self
    }

    fn room(&self) -> Result<Option<Arc<Room>>, Fault> {
        self.room.clone().map_err(|text| Fault::Failed {
            what: "the room",
            text,
        })
    }

    /// A file of this kind goes out as it is when nothing here can encode.
    fn passes_through(&self) -> bool {
        matches!(self.source, Source::File(_)) && !cfg!(feature = "ffmpeg")
    }
}

impl Board for Sim {
    fn hardware(&self) -> Hardware {
        let (source, sound) = match &self.source {
            Source::Scene if cfg!(feature = "ffmpeg") => ("scene".to_owned(), Sound::Microphone),
            Source::Scene => ("scene".to_owned(), Sound::None),
            Source::File(path) => (format!("file:{}", path.display()), Sound::WithPictures),
        };
        Hardware {
            board: "sim",
            source,
            sound,
            speaker: true,
        }
    }

    fn open_eye(&self) -> Result<Eye, Fault> {
        let clock = Arc::clone(&self.clock);
        match &self.source {
            Source::File(path) if self.passes_through() => {
                Ok(Eye::Coded(Box::new(coded::FlvFile::open(path, clock)?)))
            }
            #[cfg(feature = "ffmpeg")]
            Source::File(path) => {
                let film = super::film::Film::open(path)?;
                Ok(Eye::Pictures(Box::new(Paced::new(
                    film, clock, self.fps, None,
                ))))
            }
            #[cfg(not(feature = "ffmpeg"))]
            Source::File(_) => Err(Fault::NotBuilt("ffmpeg")),
            Source::Scene if cfg!(feature = "ffmpeg") => {
                let view = View {
                    street: Arc::clone(&self.street),
                    motor: Arc::clone(&self.motor),
                    easel: self.easel.clone(),
                    fps: self.fps,
                };
                Ok(Eye::Pictures(Box::new(Paced::new(
                    view,
                    clock,
                    self.fps,
                    Some(Arc::clone(&self.motor)),
                ))))
            }
            Source::Scene => Err(Fault::NotBuilt("ffmpeg")),
        }
    }

    fn open_microphone(&self) -> Result<Box<dyn Microphone>, Fault> {
        let room = self.room()?;
        Ok(Box::new(microphone::Ear::new(
            Arc::clone(&self.clock),
            room,
        )))
    }

    fn open_speaker(&self) -> Result<Box<dyn Speaker>, Fault> {
        let (clock, room) = (Arc::clone(&self.clock), self.room()?);
        let speaker = Loudspeaker::open(clock, room, self.speaker_file.as_deref())?;
        let speaker = match self.speaker_device.as_deref() {
            Some(device) => speaker.with_device(device)?,
            None => speaker,
        };
        Ok(Box::new(speaker))
    }

    fn gestures(&self) -> Option<tokio::sync::mpsc::Receiver<Gesture>> {
        Some(hand::gestures(self.easel.clone()))
    }

    fn motor(&self) -> Option<Arc<Mutex<Motor>>> {
        (self.source == Source::Scene).then(|| Arc::clone(&self.motor))
    }
}

struct View {
    street: Arc<Street>,
    motor: Arc<Mutex<Motor>>,
    easel: Easel,
    fps: u32,
}

impl Painter for View {
    fn picture(&mut self, quality: Quality, moment: Moment) -> Result<Picture, Fault> {
        let position = super::motor::position(&self.motor);
        let mut picture = self
            .street
            .picture(quality, moment.wall_us, self.fps, position);
        self.easel.draw(&mut picture);
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_scene_or_a_file() {
        assert_eq!("scene".parse(), Ok(Source::Scene));
        assert_eq!("file:a b.mp4".parse(), Ok(Source::File("a b.mp4".into())));
        assert!("file:".parse::<Source>().is_err() && "a.mp4".parse::<Source>().is_err());
    }

    #[test]
    fn a_scene_turns_and_a_file_does_not() {
        let clock = Arc::new(Clock::start());
        assert!(
            Sim::new(Source::Scene, 30, Arc::clone(&clock))
                .motor()
                .is_some()
        );
        assert!(
            Sim::new(Source::File("x.flv".into()), 30, clock)
                .motor()
                .is_none()
        );
    }
}
