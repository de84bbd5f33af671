//! Any media file as the scene: decoded, looped, scaled to the qualities that are wanted.

use std::collections::VecDeque;
use std::path::Path;

use media::Picture;
use media::audio::Resampler;
use media::file::{Source, Unit};
use media::scale::Scaler;
use wire::stream::Quality;

use super::paced::Painter;
use super::{Block, Fault, Moment, size};
use crate::defaults::SAMPLE_RATE;

/// Units read in one go at most: a file whose sound and pictures lie far apart.
const MOST_UNITS: usize = 400;
/// A pause of the camera longer than this is left out of the film, microseconds.
const MOST_BEHIND_US: i64 = 2_000_000;

/// See the module's text.
pub struct Film {
    source: Source,
    resampler: Option<(u32, Resampler)>,
    scalers: [Scaler; 3],
    /// Media time at which the film's time 0 lies.
    start_us: Option<i64>,
    shown: Picture,
    next: Option<Picture>,
    sound: VecDeque<(i64, Vec<f32>)>,
}

impl Film {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Fault::Unusable`] if nothing in it can be decoded.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let source = Source::open(path).map_err(|error| Fault::Unusable {
            what: "file",
            device: path.display().to_string(),
            got: error.to_string(),
            expected: "a media file",
        })?;
        let (width, height) = size(Quality::High);
        Ok(Self {
            source,
            resampler: None,
            scalers: Default::default(),
            start_us: None,
            shown: Picture::new(width, height),
            next: None,
            sound: VecDeque::new(),
        })
    }

    fn hear(&mut self, at_us: i64, samples: &media::audio::Samples) -> Result<(), media::Error> {
        let mono = samples.to_mono();
        let data = if mono.rate == SAMPLE_RATE {
            mono.data
        } else {
            if self
                .resampler
                .as_ref()
                .is_none_or(|(rate, _)| *rate != mono.rate)
            {
                self.resampler = Some((mono.rate, Resampler::new(mono.rate, SAMPLE_RATE, 1)?));
            }
            let mut out = Vec::new();
            if let Some((_, resampler)) = &mut self.resampler {
                resampler.process(&mono.data, &mut out);
            }
            out
        };
        self.sound.push_back((at_us, data));
        Ok(())
    }
}

impl Painter for Film {
    fn advance(&mut self, moment: Moment) -> Result<Vec<Block>, Fault> {
        let failed = |error: media::Error| Fault::Failed {
            what: "the file",
            text: error.to_string(),
        };
        let start = *self.start_us.get_or_insert(moment.media_us);
        let mut now = moment.media_us - start;
        for _ in 0..MOST_UNITS {
            match self.next.take() {
                Some(picture) if now - picture.pts > MOST_BEHIND_US => {
                    self.start_us = Some(moment.media_us - picture.pts);
                    now = picture.pts;
                    self.shown = picture;
                }
                Some(picture) if picture.pts <= now => self.shown = picture,
                Some(picture) => {
                    self.next = Some(picture);
                    break;
                }
                None => {}
            }
            match self.source.next().map_err(failed)? {
                Unit::Video(picture) => self.next = Some(picture),
                Unit::Audio { pts, samples } => {
                    self.hear(pts, &samples).map_err(failed)?;
                    // A file of sound alone has no picture to stop at.
                    if self.source.video_format().is_none() && pts > now {
                        break;
                    }
                }
            }
        }
        let start = self.start_us.unwrap_or(start);
        let mut blocks = Vec::new();
        while self.sound.front().is_some_and(|(at, _)| *at <= now)
            && let Some((at, samples)) = self.sound.pop_front()
        {
            blocks.push(Block {
                media_us: start + at,
                samples,
            });
        }
        Ok(blocks)
    }

    fn picture(&mut self, quality: Quality, _: Moment) -> Result<Picture, Fault> {
        let (width, height) = size(quality);
        self.scalers[quality as usize]
            .scale(&self.shown, width, height)
            .map_err(|error| Fault::Failed {
                what: "scaling",
                text: error.to_string(),
            })
    }
}
