//! The microphone's side: what the speaker plays is taken out of what the microphone hears, while there is something.
//!
//! ```text
//!  idle      block ────────────────────────────> block               no delay
//!  active    block ──> 10 ms ──> canceller ────> the same samples, up to 27 ms later
//! ```
//!
//! From one to the other no sample is lost, repeated or given another time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use media::audio::Gain;
use media::echo::{self, Canceller, EchoCanceller as _, Health};

use crate::board::Block;
use crate::defaults::{ECHO_LINGER, SAMPLE_RATE};

/// Samples kept of what was played: a second.
const KEPT: usize = SAMPLE_RATE as usize;
/// Times that differ by less than this belong together, samples (20 ms).
const SEAM: i64 = SAMPLE_RATE as i64 / 50;
/// Samples the canceller takes at a time: 10 ms.
const HOP: usize = SAMPLE_RATE as usize / 100;
/// [`echo::EARLY`] in samples.
const EARLY: i64 = echo::EARLY.as_millis() as i64 * SAMPLE_RATE as i64 / 1000;

/// What the speaker plays, by the number of the sample: media time in 1/48000 s.
#[derive(Debug, Default)]
pub struct FarEnd(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    samples: VecDeque<f32>,
    /// Number of the sample behind the newest.
    end: i64,
    written: Option<Instant>,
    health: Health,
}

impl FarEnd {
    /// Notes a block that is about to be heard.
    pub fn write(&self, block: &Block) {
        let mut ring = self.lock();
        let first = number(block.media_us);
        let gap = first - ring.end;
        if ring.samples.is_empty() || gap.abs() > SEAM {
            let gap = usize::try_from(gap).unwrap_or(KEPT);
            if gap >= KEPT {
                ring.samples.clear();
            } else {
                ring.samples.extend(std::iter::repeat_n(0.0, gap));
            }
            ring.end = first;
        }
        ring.samples.extend(&block.samples);
        ring.end += block.samples.len() as i64;
        let surplus = ring.samples.len().saturating_sub(KEPT);
        ring.samples.drain(..surplus);
        ring.written = Some(Instant::now());
    }

    /// Whether something was played a moment ago, so that its echo may be heard.
    pub fn is_active(&self) -> bool {
        self.lock()
            .written
            .is_some_and(|at| at.elapsed() < ECHO_LINGER)
    }

    /// How well the canceller does.
    pub fn health(&self) -> Health {
        self.lock().health
    }

    /// The samples from `first` on; silence where none were played.
    fn read(&self, first: i64, out: &mut [f32]) {
        let ring = self.lock();
        let begin = ring.end - ring.samples.len() as i64;
        for (number, sample) in (first..).zip(out) {
            let at = usize::try_from(number - begin).ok();
            *sample = at
                .and_then(|at| ring.samples.get(at))
                .copied()
                .unwrap_or(0.0);
        }
    }

    fn set_health(&self, health: Health) {
        self.lock().health = health;
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module's text. Used by the thread that listens.
#[derive(Default)]
pub struct Cleaner {
    /// Kept from one talk to the next: it knows the room.
    canceller: Option<Box<Canceller>>,
    /// Brings a far voice up while there is a talk; afterwards the sound is as it is again.
    gain: Option<Gain>,
    active: Option<Active>,
}

struct Active {
    /// Samples that the canceller has not taken yet, behind those that it has and did not give back: its delay.
    near: VecDeque<f32>,
    /// Number of the first sample of `near`.
    near_first: i64,
    /// Number of the next sample that goes out.
    out_next: i64,
    /// Number of the next far sample: it runs on where the microphone's times only jitter.
    far_next: i64,
    /// Number of the sample behind the newest.
    end: i64,
}

impl Cleaner {
    /// Takes what the microphone heard; gives what is to be encoded, which may be empty.
    pub fn process(&mut self, block: Block, far: &FarEnd) -> Block {
        let first = number(block.media_us);
        let wanted = far.is_active();
        let mut out = Vec::new();
        let mut begins = None;
        if let Some(active) = &self.active
            && (!wanted || (first - active.end).abs() > SEAM)
        {
            // What is still inside goes out as it is.
            let inside = usize::try_from(active.out_next - active.near_first).unwrap_or(0);
            begins = Some(active.out_next);
            out.extend(active.near.iter().skip(inside));
            let jumped = (first - active.end).abs() > SEAM;
            self.active = None;
            if jumped {
                // The gap between the two is shorter than what was held back, or the encoder sets its time anew.
                out.clear();
                begins = None;
            }
        }
        if !wanted {
            let begins = begins.unwrap_or(first);
            let from = out.len();
            out.extend(&block.samples);
            if let Some(gain) = &mut self.gain {
                gain.relax(&mut out[from..]);
            }
            return Block {
                media_us: media_us(begins, &block, first),
                samples: out,
            };
        }
        let canceller = match &mut self.canceller {
            Some(canceller) => canceller,
            none => match echo::canceller(SAMPLE_RATE) {
                Ok(canceller) => none.insert(canceller.lower_noise()),
                Err(_) => return block,
            },
        };
        let delay = canceller.delay();
        let active = self.active.get_or_insert_with(|| Active {
            near: std::iter::repeat_n(0.0, delay).collect(),
            near_first: first - delay as i64,
            out_next: first,
            far_next: first + EARLY,
            end: first,
        });
        active.near.extend(&block.samples);
        active.end += block.samples.len() as i64;
        let begins = active.out_next;
        let gain = self.gain.get_or_insert_with(|| Gain::new(SAMPLE_RATE));
        let (mut heard, mut played, mut cleaned) = ([0.0; HOP], [0.0; HOP], [0.0; HOP]);
        while active.near.len() >= delay + HOP {
            heard
                .iter_mut()
                .zip(active.near.range(delay..))
                .for_each(|(to, from)| *to = *from);
            far.read(active.far_next, &mut played);
            active.far_next += HOP as i64;
            canceller.process(&played, &heard, &mut cleaned);
            gain.process(&mut cleaned, canceller.near_speaks());
            // This is the sound from `near_first` on, which the first times is older than what was asked for.
            let skip = usize::try_from(active.out_next - active.near_first).unwrap_or(0);
            out.extend(cleaned.iter().skip(skip));
            active.near.drain(..HOP);
            active.near_first += HOP as i64;
            active.out_next = active.out_next.max(active.near_first);
        }
        far.set_health(canceller.health());
        Block {
            media_us: media_us(begins, &block, first),
            samples: out,
        }
    }
}

fn number(media_us: i64) -> i64 {
    (i128::from(media_us) * i128::from(SAMPLE_RATE) / 1_000_000) as i64
}

/// Media time of the sample `number`, from a block whose first one is `first`.
fn media_us(number: i64, block: &Block, first: i64) -> i64 {
    block.media_us + (number - first) * 1_000_000 / i64::from(SAMPLE_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::BLOCK;

    const RATE: f64 = SAMPLE_RATE as f64;

    /// Noise as speech is: bursts with pauses.
    fn voice(from: usize, count: usize, seed: u64) -> Vec<f32> {
        (from..from + count)
            .map(|i| {
                let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed);
                x ^= x >> 29;
                x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let noise = (x >> 40) as f32 / 8_388_608.0 - 1.0;
                let burst = ((i as f64 / RATE * (2.3 + seed as f64 * 0.4) * std::f64::consts::TAU)
                    .sin()
                    .max(0.0)) as f32;
                noise * burst * 0.2
            })
            .collect()
    }

    fn block(from: usize, samples: Vec<f32>) -> Block {
        Block {
            media_us: 1_000_000 + from as i64 * 1_000_000 / i64::from(SAMPLE_RATE),
            samples,
        }
    }

    #[test]
    fn without_a_talk_every_block_passes_as_it_is() {
        let (mut cleaner, far) = (Cleaner::default(), FarEnd::default());
        let one = block(0, voice(0, BLOCK, 1));
        assert_eq!(cleaner.process(one.clone(), &far), one);
    }

    #[test]
    fn no_sample_is_lost_or_repeated_when_a_talk_begins_and_ends() {
        let (mut cleaner, far) = (Cleaner::default(), FarEnd::default());
        let (mut got, mut first) = (Vec::new(), None);
        for i in 0..600 {
            let from = i * BLOCK;
            if i == 100 {
                far.write(&block(from, vec![0.0; HOP]));
            }
            if i == 400 {
                far.lock().written = None;
            }
            let out = cleaner.process(block(from, voice(from, BLOCK, 1)), &far);
            if !out.samples.is_empty() {
                let at = number(out.media_us) - number(1_000_000);
                first.get_or_insert(at);
                assert!(
                    (at - got.len() as i64).abs() <= 1,
                    "block {i}: {at} and {}",
                    got.len()
                );
            }
            got.extend(out.samples);
        }
        assert_eq!((first, got.len()), (Some(0), 600 * BLOCK));
        let sent = voice(0, 600 * BLOCK, 1);
        // Louder or softer, but each block where it belongs: the samples are noise, which is like nothing but itself.
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let wrong = got
            .chunks(HOP)
            .zip(sent.chunks(HOP))
            .filter(|(_, sent)| dot(sent, sent) > 0.01)
            .filter(|(got, sent)| dot(got, sent) < 0.9 * (dot(got, got) * dot(sent, sent)).sqrt())
            .count();
        assert!(wrong < 6, "{wrong} blocks differ");
    }

    #[test]
    fn the_speaker_is_taken_out_and_the_voice_stays() {
        let (mut cleaner, far) = (Cleaner::default(), FarEnd::default());
        let blocks = 6 * SAMPLE_RATE as usize / BLOCK;
        let delay = 900;
        let (mut echo, mut left) = (0.0f64, 0.0f64);
        for i in 0..blocks {
            let from = i * BLOCK;
            far.write(&block(from, voice(from, BLOCK, 2)));
            let mut heard = vec![0.0; BLOCK];
            for tap in 0..3usize {
                let late = from.saturating_sub(delay + 400 * tap);
                let loud = 0.6 / (1.0 + tap as f32);
                voice(late, BLOCK, 2)
                    .iter()
                    .zip(&mut heard)
                    .for_each(|(f, h)| *h += f * loud);
            }
            let out = cleaner.process(block(from, heard.clone()), &far);
            if i > blocks / 2 {
                echo += heard.iter().map(|s| f64::from(s * s)).sum::<f64>();
                left += out.samples.iter().map(|s| f64::from(s * s)).sum::<f64>();
            }
        }
        let removed = 10.0 * (echo / left.max(1e-9)).log10();
        assert!(removed > 20.0, "{removed:.1} dB");
    }
}
