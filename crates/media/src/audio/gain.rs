//! Automatic gain: somebody who speaks softly, or far from the microphone, is heard as well as somebody near it.

/// Level that speech is brought to, dB of full scale, RMS.
const TARGET_DB: f32 = -23.0;
/// Most that is added and taken away, dB.
const MOST_DB: f32 = 18.0;
const LEAST_DB: f32 = -12.0;
/// Noise is not brought above this, dB of full scale, RMS.
const NOISE_DB: f32 = -50.0;
/// Change of the gain, dB a second, rising and falling.
const RISE_DB: f32 = 4.0;
const FALL_DB: f32 = 12.0;
/// A level that is this much over the noise is speech, dB.
const SPEECH_OVER_NOISE_DB: f32 = 12.0;
/// Softer sound is never speech, dB of full scale.
const SILENCE_DB: f32 = -60.0;
/// Time over which the speech level is averaged, seconds of speech.
const LEVEL_S: f32 = 1.0;
/// How fast the noise floor follows upwards, dB a second; downwards it follows at once.
const FLOOR_RISE_DB: f32 = 2.0;
/// Peaks stay below this.
const CEILING: f32 = 0.95;

/// Follows the level of speech. One channel, no delay, nothing allocated.
#[derive(Debug, Clone)]
pub struct Gain {
    rate: f32,
    /// Mean square of speech.
    speech: f32,
    /// Speech heard so far, seconds, up to [`LEVEL_S`].
    known_s: f32,
    noise_db: f32,
    gain_db: f32,
    /// What the last sample was multiplied with.
    applied: f32,
}

impl Gain {
    /// For sound at `rate` hertz.
    pub fn new(rate: u32) -> Self {
        Self {
            rate: rate.max(1) as f32,
            speech: 0.0,
            known_s: 0.0,
            noise_db: 0.0,
            gain_db: 0.0,
            applied: 1.0,
        }
    }

    /// What is added at present, dB.
    pub fn db(&self) -> f32 {
        self.gain_db
    }

    /// A block of about 10 ms, in place. What only echoes must not be counted as speech: `speaks` says whether somebody at
    /// this end does.
    pub fn process(&mut self, block: &mut [f32], speaks: bool) {
        if block.is_empty() {
            return;
        }
        let length_s = block.len() as f32 / self.rate;
        let (sum, peak) = block.iter().fold((0.0, 0.0_f32), |(sum, peak), sample| {
            (sum + sample * sample, peak.max(sample.abs()))
        });
        let level_db = 10.0 * (sum / block.len() as f32).max(1e-10).log10();
        if !level_db.is_finite() {
            block.fill(0.0);
            return;
        }
        self.noise_db = level_db
            .min(self.noise_db + FLOOR_RISE_DB * length_s)
            .max(-90.0);
        if speaks && level_db > (self.noise_db + SPEECH_OVER_NOISE_DB).max(SILENCE_DB) {
            self.known_s = (self.known_s + length_s).min(LEVEL_S);
            // The mean of what was heard so far, then of the last second.
            let now = sum / block.len() as f32;
            self.speech += length_s / self.known_s * (now - self.speech);
            let speech_db = 10.0 * self.speech.max(1e-10).log10();
            let room_db = NOISE_DB - self.noise_db;
            let wanted = (TARGET_DB - speech_db)
                .min(room_db.max(0.0))
                .clamp(LEAST_DB, MOST_DB);
            let change = (wanted - self.gain_db).clamp(-FALL_DB * length_s, RISE_DB * length_s);
            self.gain_db += change;
        }
        let ceiling = CEILING / peak.max(1e-6);
        self.ramp(
            block,
            10f32.powf(self.gain_db / 20.0).min(ceiling.max(1e-3)),
            ceiling,
        );
    }

    /// Back to the sound as it is, ten times as fast as it falls otherwise: for when nobody is to be helped any more.
    pub fn relax(&mut self, block: &mut [f32]) {
        let length_s = block.len() as f32 / self.rate;
        self.gain_db -= self
            .gain_db
            .clamp(-10.0 * FALL_DB * length_s, 10.0 * FALL_DB * length_s);
        self.ramp(block, 10f32.powf(self.gain_db / 20.0), f32::INFINITY);
    }

    /// From the last gain to `to` without a step, never over `ceiling`.
    fn ramp(&mut self, block: &mut [f32], to: f32, ceiling: f32) {
        let from = self.applied.min(ceiling);
        let step = (to - from) / block.len().max(1) as f32;
        for (at, sample) in block.iter_mut().enumerate() {
            *sample *= from + step * (at + 1) as f32;
        }
        self.applied = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: usize = 16_000;

    /// Words and pauses of half a second each at a level, dB, over noise at another.
    fn words(seconds: usize, level_db: f32, noise_db: f32) -> Vec<f32> {
        let (level, noise) = (10f32.powf(level_db / 20.0), 10f32.powf(noise_db / 20.0));
        let mut random = 1_u32;
        (0..seconds * RATE)
            .map(|at| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let white = (random >> 8) as f32 / 8_388_608.0 - 1.0;
                let word = if at % RATE < RATE / 2 {
                    (at as f32 * 0.2).sin() * 1.41 * level
                } else {
                    0.0
                };
                word + noise * 1.73 * white
            })
            .collect()
    }

    fn run(gain: &mut Gain, sound: &[f32], speaks: bool) -> Vec<f32> {
        let mut out = sound.to_vec();
        out.chunks_mut(RATE / 100)
            .for_each(|block| gain.process(block, speaks));
        out
    }

    #[test]
    fn soft_and_loud_speech_come_to_one_level() {
        for (level, wanted) in [(-38.0, 15.0), (-23.0, 0.0), (-14.0, -9.0)] {
            let mut gain = Gain::new(RATE as u32);
            run(&mut gain, &words(10, level, -80.0), true);
            assert!(
                (gain.db() - wanted).abs() < 2.0,
                "{level} dB: {} instead of {wanted}",
                gain.db()
            );
        }
    }

    #[test]
    fn noise_and_echo_are_not_brought_up() {
        let mut gain = Gain::new(RATE as u32);
        run(&mut gain, &words(10, -40.0, -48.0), true);
        assert!(gain.db() < 1.0, "{}", gain.db());
        let mut gain = Gain::new(RATE as u32);
        run(&mut gain, &words(10, -40.0, -80.0), false);
        assert_eq!(gain.db(), 0.0);
    }

    #[test]
    fn a_shout_after_whispering_neither_clips_nor_clicks() {
        let mut gain = Gain::new(RATE as u32);
        run(&mut gain, &words(10, -40.0, -80.0), true);
        assert!(gain.db() > 12.0);
        let shout = words(2, -5.0, -80.0);
        let out = run(&mut gain, &shout, true);
        assert!(out.iter().all(|sample| sample.abs() <= CEILING + 1e-3));
        let bend = |sound: &[f32]| {
            sound
                .windows(3)
                .map(|w| (w[2] - 2.0 * w[1] + w[0]).abs())
                .fold(0.0, f32::max)
        };
        assert!(
            bend(&out) < 1.7 * bend(&shout),
            "{} of {}",
            bend(&out),
            bend(&shout)
        );
    }

    #[test]
    fn it_relaxes_to_the_sound_as_it_is() {
        let mut gain = Gain::new(RATE as u32);
        run(&mut gain, &words(10, -40.0, -80.0), true);
        let mut sound = vec![0.1; RATE];
        sound
            .chunks_mut(RATE / 100)
            .for_each(|block| gain.relax(block));
        assert_eq!((gain.db(), sound.last().copied()), (0.0, Some(0.1)));
    }
}
