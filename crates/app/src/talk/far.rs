//! What this end's speakers play: the far end of the echo canceller, and what ducking turns down.

use crate::live::sound::signed_ms;
use media::audio::Resampler;
use media::echo;
use media::playout::{Control, Played};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How loud the camera is while it is ducked.
const DUCKED: f32 = 0.12;
/// Sound of one player whose time differs by less is continuous.
const SEAM: Duration = Duration::from_millis(40);

/// The players that are open.
#[derive(Default)]
pub struct Speakers {
    players: Mutex<Vec<(u64, Control)>>,
    number: AtomicU64,
    ducks: AtomicUsize,
}

/// A player that is open, as long as this lives.
pub struct Open {
    speakers: Arc<Speakers>,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.speakers
            .lock()
            .retain(|(number, _)| *number != self.number);
    }
}

/// Turned down as long as this lives.
pub struct Ducked(Arc<Speakers>);

impl Drop for Ducked {
    fn drop(&mut self) {
        self.0.ducks.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Speakers {
    /// A player has been opened.
    pub fn opened(self: &Arc<Self>, control: Control) -> Open {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.lock().push((number, control));
        Open {
            speakers: self.clone(),
            number,
        }
    }

    /// Turns the cameras down.
    pub fn duck(self: &Arc<Self>) -> Ducked {
        self.ducks.fetch_add(1, Ordering::Relaxed);
        Ducked(self.clone())
    }

    /// What the volume is multiplied with now.
    pub fn gain(&self) -> f32 {
        if self.ducks.load(Ordering::Relaxed) > 0 {
            DUCKED
        } else {
            1.0
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Control)>> {
        self.players.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything the speakers play as one signal, by the time at which it is heard.
pub struct FarEnd {
    speakers: Arc<Speakers>,
    rate: u32,
    epoch: Instant,
    voices: Vec<Player>,
    /// A second of sound, by the number of the sample since `epoch`.
    ring: Vec<f32>,
    /// Number of the next sample to be read.
    next: Option<i64>,
    taken: Vec<f32>,
    resampled: Vec<f32>,
}

struct Player {
    number: u64,
    played: Played,
    resampler: Resampler,
    /// Number of the sample behind the last one.
    end: Option<i64>,
}

impl FarEnd {
    /// At `rate` hertz.
    pub fn new(speakers: Arc<Speakers>, rate: u32) -> Self {
        Self {
            speakers,
            rate,
            epoch: Instant::now(),
            voices: Vec::new(),
            ring: vec![0.0; rate as usize],
            next: None,
            taken: Vec::new(),
            resampled: Vec::new(),
        }
    }

    /// Whether anything is open that could be heard.
    pub fn is_there(&self) -> bool {
        !self.voices.is_empty()
    }

    /// What is heard from `at` on, as far as the canceller wants to know it.
    pub fn read(&mut self, at: Instant, out: &mut [f32]) {
        self.follow();
        let (wanted, seam) = (self.number(at + echo::EARLY), self.samples(SEAM));
        let mut next = match self.next {
            Some(next) if (next - wanted).abs() < seam => next,
            _ => {
                self.ring.fill(0.0);
                wanted
            }
        };
        self.next = Some(next);
        self.collect();
        let length = self.ring.len() as i64;
        for sample in out {
            let slot = &mut self.ring[next.rem_euclid(length) as usize];
            *sample = std::mem::take(slot);
            next += 1;
        }
        self.next = Some(next);
    }

    /// Players come and go.
    fn follow(&mut self) {
        let open = self.speakers.lock();
        self.voices
            .retain(|voice| open.iter().any(|(number, _)| *number == voice.number));
        for (number, control) in &*open {
            if self.voices.iter().any(|voice| voice.number == *number) {
                continue;
            }
            let played = control.played();
            if let Ok(resampler) = Resampler::new(played.rate(), self.rate, 1) {
                self.voices.push(Player {
                    number: *number,
                    played,
                    resampler,
                    end: None,
                });
            }
        }
    }

    fn collect(&mut self) {
        let mut voices = std::mem::take(&mut self.voices);
        for voice in &mut voices {
            self.taken.clear();
            let Some(at) = voice.played.take(&mut self.taken) else {
                continue;
            };
            self.resampled.clear();
            voice.resampler.process(&self.taken, &mut self.resampled);
            let first = self.number(at);
            let seam = self.samples(SEAM);
            let first = voice
                .end
                .filter(|end| (end - first).abs() < seam)
                .unwrap_or(first);
            let resampled = std::mem::take(&mut self.resampled);
            self.add(first, &resampled);
            voice.end = Some(first + resampled.len() as i64);
            self.resampled = resampled;
        }
        self.voices = voices;
    }

    /// Adds sound that can still be read.
    fn add(&mut self, first: i64, samples: &[f32]) {
        let length = self.ring.len() as i64;
        let from = self.next.unwrap_or(first);
        for (number, sample) in (first..).zip(samples) {
            if (from..from + length).contains(&number) {
                self.ring[number.rem_euclid(length) as usize] += sample;
            }
        }
    }

    fn number(&self, at: Instant) -> i64 {
        (signed_ms(at, self.epoch) * f64::from(self.rate) / 1000.0) as i64
    }

    fn samples(&self, time: Duration) -> i64 {
        (time.as_secs_f64() * f64::from(self.rate)) as i64
    }
}
