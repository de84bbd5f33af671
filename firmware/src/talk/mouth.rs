//! The thread that plays: jitter buffer, chime, volume, limiter, speaker, in blocks of 10 ms on the camera's clock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use media::audio::Limiter;
use media::playout::Renderer;
use tokio::sync::watch;
use wire::talk::Progress;

use super::ear::FarEnd;
use crate::board::{Block, Board, Fault};
use crate::clock::Clock;
use crate::defaults::{SAMPLE_RATE, SPEAKER_LEAD, TALK_DRAIN, TALK_LEAST_DELAY};

/// Samples of a block: 10 ms.
const SAMPLES: usize = SAMPLE_RATE as usize / 100;
/// A thread that is this far behind leaves out what is past, microseconds.
const LATE_US: i64 = 100_000;
/// How loud the chime is, and how long: −26 dB of full scale, two soft tones.
const CHIME_LEVEL: f32 = 0.05;
const CHIME_SECONDS: f32 = 0.24;

pub(super) struct Parts {
    pub(super) board: Arc<dyn Board>,
    pub(super) clock: Arc<Clock>,
    pub(super) far: Arc<FarEnd>,
    pub(super) renderer: Renderer,
    pub(super) volume: f32,
    pub(super) chime: bool,
}

/// How the playing goes, for whoever asks.
#[derive(Debug, Default)]
pub(super) struct Playing {
    began_us: AtomicI64,
    /// Samples since the first one that was not silence by lack of sound.
    played: AtomicU64,
    delay_ms: AtomicU32,
    jitter_ms: AtomicU32,
    underruns: AtomicU64,
    heard_ms: AtomicI64,
    /// Loudest sample since it was last asked for, its bits.
    peak: AtomicU32,
    fault: Mutex<Option<String>>,
    sounds: AtomicBool,
}

/// "Not known".
const NONE: i64 = i64::MIN;

impl Playing {
    pub(super) fn began_us(&self) -> i64 {
        self.began_us.load(Ordering::Relaxed)
    }

    pub(super) fn played_ms(&self) -> u64 {
        self.played.load(Ordering::Relaxed) * 1_000 / u64::from(SAMPLE_RATE)
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Figures of the moment; the level is that since the last call.
    pub(super) fn progress(&self) -> Progress {
        let peak = f32::from_bits(self.peak.swap(0, Ordering::Relaxed));
        let heard = self.heard_ms.load(Ordering::Relaxed);
        Progress {
            delay_ms: self.delay_ms.load(Ordering::Relaxed),
            jitter_ms: self.jitter_ms.load(Ordering::Relaxed),
            level_db: (-20.0 * peak.max(1e-5).log10()).clamp(0.0, 99.0) as u32,
            underruns: self
                .underruns
                .load(Ordering::Relaxed)
                .try_into()
                .unwrap_or(u32::MAX),
            heard_ms: (heard != NONE && heard != 0).then_some(heard),
        }
    }

    /// `heard`: the moment at which is audible what belongs to now.
    fn note(&self, renderer: &Renderer, block: &[f32], heard: Instant) {
        let stats = renderer.stats();
        self.sounds.store(stats.playing, Ordering::Relaxed);
        if stats.playing {
            self.played.fetch_add(block.len() as u64, Ordering::Relaxed);
            self.delay_ms
                .store(stats.delay_ms.max(0.0) as u32, Ordering::Relaxed);
            self.jitter_ms
                .store(stats.jitter_ms.max(0.0) as u32, Ordering::Relaxed);
        }
        self.underruns.store(stats.underruns, Ordering::Relaxed);
        self.heard_ms
            .store(renderer.heard_ms(heard).unwrap_or(NONE), Ordering::Relaxed);
        let peak = block.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        // The bits of positive floats are ordered as the floats are.
        self.peak.fetch_max(peak.to_bits(), Ordering::Relaxed);
    }
}

/// The running thread. Dropping it ends it; it closes the speaker.
pub(super) struct Mouth {
    playing: Arc<Playing>,
    end: Arc<AtomicBool>,
    over: watch::Receiver<()>,
}

impl Mouth {
    /// Starts the thread; it opens the speaker.
    pub(super) fn start(parts: Parts) -> std::io::Result<Self> {
        let playing = Arc::new(Playing::default());
        let end = Arc::new(AtomicBool::new(false));
        let (open, over) = watch::channel(());
        let (note, stop) = (Arc::clone(&playing), Arc::clone(&end));
        std::thread::Builder::new()
            .name("speaker".into())
            .spawn(move || {
                if let Err(fault) = play(parts, &note, &stop) {
                    tracing::warn!(%fault, "no speaker");
                    *note.fault.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(fault.to_string());
                }
                drop(open);
            })?;
        Ok(Self { playing, end, over })
    }

    pub(super) fn playing(&self) -> Arc<Playing> {
        Arc::clone(&self.playing)
    }

    /// Waits until everything that was pushed has been heard, and closes the speaker.
    pub(super) async fn drain(mut self) {
        let deadline = Instant::now() + TALK_DRAIN;
        // The buffer holds back what came last for up to its delay.
        let least = Instant::now() + SPEAKER_LEAD;
        while Instant::now() < least
            || self.playing.sounds.load(Ordering::Relaxed) && Instant::now() < deadline
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.end.store(true, Ordering::Relaxed);
        let _ = tokio::time::timeout(TALK_DRAIN, self.over.changed()).await;
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

fn play(mut parts: Parts, playing: &Playing, end: &AtomicBool) -> Result<(), Fault> {
    let mut speaker = parts.board.open_speaker()?;
    parts.renderer.set_least_delay(TALK_LEAST_DELAY);
    let mut limiter = Limiter::new(SAMPLE_RATE);
    let lead_us = i64::try_from(SPEAKER_LEAD.as_micros()).unwrap_or(0);
    let clock = &parts.clock;
    // Wall time at which the next block is heard.
    let mut at_us = clock.wall_us() + lead_us;
    playing.began_us.store(at_us, Ordering::Relaxed);
    let mut samples = vec![0.0; SAMPLES];
    let mut chimed = 0usize;
    while !end.load(Ordering::Relaxed) {
        std::thread::sleep(
            clock
                .instant_of(at_us - lead_us)
                .saturating_duration_since(Instant::now()),
        );
        let behind = clock.wall_us() - (at_us - lead_us);
        if behind.abs() > LATE_US {
            at_us += behind;
        }
        let now = Instant::now();
        let latency_us = (at_us - clock.wall_us()).max(0);
        parts.renderer.render(
            &mut samples,
            now,
            Duration::from_micros(latency_us.unsigned_abs()),
        );
        let heard = now.checked_sub(speaker.behind()).unwrap_or(now);
        playing.note(&parts.renderer, &samples, heard);
        if parts.chime {
            chimed = chime(&mut samples, chimed);
        }
        samples
            .iter_mut()
            .for_each(|sample| *sample *= parts.volume);
        limiter.process(&mut samples);
        let block = Block {
            media_us: clock.media_us(at_us),
            samples: samples.clone(),
        };
        parts.far.write(&block);
        speaker.play(&block)?;
        at_us += SAMPLES as i64 * 1_000_000 / i64::from(SAMPLE_RATE);
    }
    Ok(())
}

/// Adds the chime, of which `from` samples were heard already; answers how many are now.
fn chime(samples: &mut [f32], from: usize) -> usize {
    let rate = SAMPLE_RATE as f32;
    let whole = (CHIME_SECONDS * rate) as usize;
    for (sample, at) in samples.iter_mut().zip(from..whole) {
        let time = at as f32 / rate;
        let (hertz, since) = if time < CHIME_SECONDS / 2.0 {
            (659.3, time)
        } else {
            (880.0, time - CHIME_SECONDS / 2.0)
        };
        let shape = (since / 0.01).min(1.0) * (1.0 - since / (CHIME_SECONDS / 2.0));
        *sample += CHIME_LEVEL * shape * (since * hertz * std::f32::consts::TAU).sin();
    }
    (from + samples.len()).min(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chime_is_soft_begins_and_ends_in_silence_and_sounds_once() {
        let (mut heard, mut from) = (Vec::new(), 0);
        for _ in 0..50 {
            let mut block = vec![0.0; SAMPLES];
            from = chime(&mut block, from);
            heard.extend(block);
        }
        let peak = heard.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        assert!((0.03..=CHIME_LEVEL).contains(&peak), "{peak}");
        assert!(heard.windows(2).all(|w| (w[1] - w[0]).abs() < 0.01));
        assert!(
            heard[(CHIME_SECONDS * 48_000.0) as usize..]
                .iter()
                .all(|s| *s == 0.0)
        );
    }
}
