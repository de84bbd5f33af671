//! The sound of a view: decoded here, played in step with what the screen says it has drawn.

use super::{AudioTrack, AudioUnit};
use crate::api::{Failure, FailureCode};
use crate::talk::far::{Open, Speakers};
use media::audio::{Decoder, Stretch};
use media::playout::Player;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a missing device is looked for.
const RETRY: Duration = Duration::from_secs(5);
/// Weight of the newest measurement in how long sound is held.
const NEWEST: f64 = 0.1;
/// The longest delay that sound is held back for, ms: beyond it the picture has a problem, not the sound.
const MAX_DELAY_MS: f64 = 400.0;

/// Loudness of all views, and what plays them.
pub struct Volume {
    level: AtomicU32,
    muted: AtomicBool,
    /// The speaker that was chosen, and how often another one was.
    chosen: Mutex<Option<String>>,
    choices: AtomicU32,
    speakers: Arc<Speakers>,
}

impl Volume {
    /// At that level, 0 to 1, on that speaker, or the system's choice.
    pub fn new(level: f32, muted: bool, speaker: Option<String>) -> Arc<Self> {
        Arc::new(Self {
            level: AtomicU32::new(level.to_bits()),
            muted: AtomicBool::new(muted),
            chosen: Mutex::new(speaker),
            choices: AtomicU32::new(0),
            speakers: Arc::default(),
        })
    }

    /// Changes it for all views.
    pub fn set(&self, level: f32, muted: bool) {
        self.level.store(level.to_bits(), Ordering::Relaxed);
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// Chooses a speaker for all views that play on [`Device::Default`], those that are open too; `None` = the system's choice.
    pub fn choose(&self, speaker: Option<String>) {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if *chosen != speaker {
            *chosen = speaker;
            self.choices.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn chosen(&self) -> Option<String> {
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.clone()
    }

    /// The speakers it is the volume of.
    pub fn speakers(&self) -> &Arc<Speakers> {
        &self.speakers
    }

    fn get(&self) -> (f32, bool) {
        (
            f32::from_bits(self.level.load(Ordering::Relaxed)) * self.speakers.gain(),
            self.muted.load(Ordering::Relaxed),
        )
    }
}

/// Whether this program plays sound at all, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Device {
    /// The system's choice.
    #[default]
    Default,
    /// The one of that id.
    Named(String),
    /// None: for programs without ears.
    None,
}

/// One view's sound.
pub struct Sound {
    device: Device,
    volume: Arc<Volume>,
    /// Of how many choices of a speaker it knows.
    choices: u32,
    state: State,
    decoder: Option<(Arc<AudioTrack>, Option<Decoder>)>,
    stretch: Stretch,
    /// How long sound is held from its earliest possible arrival to the ear, ms; the player takes longer if it must.
    hold: Option<f64>,
    lip_sync: Option<f32>,
}

enum State {
    Closed {
        since: Option<Instant>,
        told: bool,
    },
    Opening(Arc<Mutex<Option<media::Result<Player>>>>),
    Open {
        player: Box<Player>,
        /// An echo canceller hears of it while it is open.
        _heard: Open,
    },
}

impl Sound {
    /// Silent until sound comes.
    pub fn new(device: Device, volume: Arc<Volume>) -> Self {
        let state = State::Closed {
            since: None,
            told: false,
        };
        Self {
            device,
            choices: volume.choices.load(Ordering::Relaxed),
            volume,
            state,
            decoder: None,
            stretch: Stretch::default(),
            hold: None,
            lip_sync: None,
        }
    }

    /// Plays a unit. Answers what is to be told about the device: it failed (`Some(Some)`) or came back (`Some(None)`).
    pub fn play(&mut self, unit: &AudioUnit) -> Option<Option<Failure>> {
        self.play_at(unit, unit.pts, 1.0)
    }

    /// Plays a unit as of media time `pts`, ms, `rate` times as fast as it was recorded and as high.
    pub fn play_at(&mut self, unit: &AudioUnit, pts: i64, rate: f64) -> Option<Option<Failure>> {
        let mut news = self.open();
        let fresh = !self
            .decoder
            .as_ref()
            .is_some_and(|(track, _)| Arc::ptr_eq(track, &unit.track));
        if fresh {
            let track = &unit.track;
            let decoder = Decoder::open(track.codec, track.rate, track.channels, &track.config)
                .inspect_err(|error| tracing::warn!(%error, "stream without sound"));
            self.decoder = Some((unit.track.clone(), decoder.ok()));
        }
        let Some((_, Some(decoder))) = &mut self.decoder else {
            return news;
        };
        let State::Open { player, .. } = &mut self.state else {
            return news;
        };
        let (level, muted) = self.volume.get();
        player.set_volume(level);
        player.set_muted(muted);
        // A damaged frame is a gap, which the player closes.
        let Ok(samples) = decoder.decode(&unit.data) else {
            return news;
        };
        let samples = self.stretch.stretch(samples, rate);
        if samples.data.is_empty() {
            return news;
        }
        if let Err(error @ media::Error::DeviceLost { .. }) =
            player.push(&samples, pts, unit.arrived)
        {
            let failure = Failure::new(FailureCode::AudioDeviceLost).detail(error);
            self.state = State::Closed {
                since: Some(Instant::now()),
                told: true,
            };
            news = Some(Some(failure));
        }
        news
    }

    /// Opens the device beside the stream, since that may take a second, and again every few seconds.
    fn open(&mut self) -> Option<Option<Failure>> {
        let choices = self.volume.choices.load(Ordering::Relaxed);
        if choices != self.choices && self.device == Device::Default {
            self.state = State::Closed {
                since: None,
                told: false,
            };
        }
        self.choices = choices;
        match &mut self.state {
            State::Open { .. } => None,
            State::Closed { since, told } => {
                let device = match &self.device {
                    Device::Default => self.volume.chosen(),
                    Device::Named(id) => Some(id.clone()),
                    Device::None => return None,
                };
                let else_default = self.device == Device::Default && device.is_some();
                if since.is_some_and(|since| since.elapsed() < RETRY) && *told {
                    return None;
                }
                let told = *told;
                let result = Arc::new(Mutex::new(None));
                let shared = result.clone();
                let spawned = std::thread::Builder::new()
                    .name("sound".into())
                    .spawn(move || {
                        let mut opened = Player::open(device.as_deref());
                        if opened.is_err() && else_default {
                            // A headset that is not plugged in is no reason for silence.
                            opened = Player::open(None);
                        }
                        *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
                    });
                self.state = match spawned {
                    Ok(_) => State::Opening(result),
                    Err(_) => State::Closed {
                        since: Some(Instant::now()),
                        told,
                    },
                };
                None
            }
            State::Opening(result) => {
                let opened = result
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take()?;
                match opened {
                    Ok(player) => {
                        if let Some(hold) = self.hold {
                            player.set_delay_target(hold);
                        }
                        let open = self.volume.speakers.opened(player.control());
                        self.state = State::Open {
                            player: Box::new(player),
                            _heard: open,
                        };
                        Some(None)
                    }
                    Err(error) => {
                        self.state = State::Closed {
                            since: Some(Instant::now()),
                            told: true,
                        };
                        Some(Some(Failure::new(FailureCode::NoAudioDevice).detail(error)))
                    }
                }
            }
        }
    }

    /// Another stream follows: what is buffered belongs to the one before.
    pub fn restart(&mut self) {
        if let State::Open { player, .. } = &mut self.state {
            player.flush();
        }
        self.stretch = Stretch::default();
        self.lip_sync = None;
    }

    /// The picture of media time `pts_ms` appeared at `at`: measures how far the sound is from it, and holds the sound
    /// back by what it is ahead. An encoder keeps sound longer than pictures (AAC two frames, 43 ms at 48 kHz), so what
    /// counts is when both are met with, not how long each takes from its arrival.
    pub fn align(&mut self, pts_ms: f64, at: Instant) {
        let State::Open { player, .. } = &self.state else {
            return;
        };
        let Some(clock) = player.clock() else { return };
        let passed = signed_ms(clock.at, at);
        // Positive: the sound is further on than the picture was at that moment.
        let offset = clock.pts_ms - passed - pts_ms;
        let hold = hold(self.hold, player.stats().delay_ms, offset);
        player.set_delay_target(hold);
        self.hold = Some(hold);
        self.lip_sync = Some(self.lip_sync.map_or(offset as f32, |before| {
            before + (offset as f32 - before) * 0.25
        }));
    }

    /// Sound ahead (+) or behind (-) the picture, ms.
    pub fn lip_sync_ms(&self) -> Option<f32> {
        self.lip_sync
    }

    /// Sound waiting to be played, ms.
    pub fn buffered_ms(&self) -> Option<f32> {
        match &self.state {
            State::Open { player, .. } => Some(player.stats().buffered_ms as f32),
            _ => None,
        }
    }
}

/// How long to hold the sound, ms: `delay` is what it took just now, `offset` how far it was ahead of the picture.
fn hold(before: Option<f64>, delay: f64, offset: f64) -> f64 {
    let wanted = (delay + offset).clamp(0.0, MAX_DELAY_MS);
    before.map_or(wanted, |before| before + (wanted - before) * NEWEST)
}

/// `later` minus `earlier` in ms, which may be negative.
pub(crate) fn signed_ms(later: Instant, earlier: Instant) -> f64 {
    match later.checked_duration_since(earlier) {
        Some(passed) => passed.as_secs_f64() * 1000.0,
        None => earlier.duration_since(later).as_secs_f64() * -1000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_held_back_until_it_meets_the_picture() {
        // The picture takes 90 ms from the earliest arrival of its sound; the player follows the target at once.
        let mut held = hold(None, 30.0, 60.0);
        assert_eq!(held, 90.0);
        for _ in 0..100 {
            held = hold(Some(held), held, 90.0 - held);
        }
        assert!((held - 90.0).abs() < 1.0, "{held}");
    }

    #[test]
    fn late_sound_is_held_no_longer_than_it_must() {
        assert_eq!(hold(None, 45.0, -60.0), 0.0);
        assert_eq!(hold(None, 45.0, f64::from(1e9f32)), MAX_DELAY_MS);
    }
}
