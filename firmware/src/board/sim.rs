//! A camera without hardware: a painted street with a moving car and ball, a clock, a lamp that flashes with a chime
//! each second, and a motor that turns the view.

mod canvas;
pub mod easel;
mod font;
mod hand;
pub mod lamp;
mod microphone;
mod scene;
pub mod street;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use media::Picture;
use wire::stream::Quality;

use super::motor::{Limits, Motor};
use super::paced::{Paced, Painter};
use super::{Board, Eye, Fault, Gesture, Hardware, Microphone, Moment, Sound, coded};
use crate::clock::Clock;
use easel::Easel;
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
}

impl Sim {
    /// A board that looks at `source`, `fps` pictures a second. What stands on `easel` hides the middle of the scene.
    pub fn new(source: Source, fps: u32, clock: Arc<Clock>, easel: Easel) -> Self {
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
            easel,
        }
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
        Ok(Box::new(microphone::Chime::new(Arc::clone(&self.clock))))
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
            Sim::new(Source::Scene, 30, Arc::clone(&clock), Easel::default())
                .motor()
                .is_some()
        );
        assert!(
            Sim::new(Source::File("x.flv".into()), 30, clock, Easel::default())
                .motor()
                .is_none()
        );
    }
}
