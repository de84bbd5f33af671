//! A voice that nobody recorded: a buzz through three moving resonances, in syllables and with pauses.

use std::f32::consts::TAU;

use crate::defaults::SAMPLE_RATE;

/// First three formants of five vowels, hertz (male voice, rounded).
const VOWELS: [[f32; 3]; 5] = [
    [730.0, 1_090.0, 2_440.0],
    [530.0, 1_840.0, 2_480.0],
    [270.0, 2_290.0, 3_010.0],
    [570.0, 840.0, 2_410.0],
    [300.0, 870.0, 2_240.0],
];
/// Bandwidths of the formants, hertz, and their loudness.
const WIDTHS: [f32; 3] = [80.0, 110.0, 160.0];
const LOUD: [f32; 3] = [1.0, 0.6, 0.3];
/// A syllable and the pause behind some of them, seconds.
const SYLLABLE: f32 = 0.22;
/// Which vowel each syllable has; 9 is a pause. Nine seconds, then over again.
const PHRASE: [usize; 41] = [
    0, 2, 1, 3, 9, 4, 0, 1, 2, 2, 9, 9, 3, 0, 4, 1, 9, 9, 9, 1, 3, 2, 0, 9, 0, 0, 4, 2, 9, 9, 9, 9,
    2, 1, 0, 3, 4, 1, 9, 9, 9,
];
/// Loudest sample.
const PEAK: f32 = 0.25;

/// One phrase, to be repeated.
pub(super) fn phrase() -> Vec<f32> {
    let rate = SAMPLE_RATE as f32;
    let length = (SYLLABLE * rate) as usize;
    let mut out = Vec::with_capacity(length * PHRASE.len());
    let mut resonances = [[0.0f32; 2]; 3];
    let (mut phase, mut breath) = (0.0f32, 1u32);
    for (number, vowel) in PHRASE.iter().enumerate() {
        let formants = VOWELS.get(*vowel);
        for i in 0..length {
            let at = i as f32 / length as f32;
            // Each syllable falls a little, and each is pitched differently.
            let pitch = 118.0 + 14.0 * ((number * 7 % 5) as f32) / 4.0 - 16.0 * at;
            phase += pitch / rate;
            let pulse = if phase >= 1.0 {
                phase -= 1.0;
                1.0
            } else {
                0.0
            };
            breath = breath.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (breath >> 8) as f32 / 8_388_608.0 - 1.0;
            let shape = (at * std::f32::consts::PI).sin().max(0.0).sqrt();
            let source = (pulse + noise * 0.02) * shape;
            let mut sample = 0.0;
            if let Some(formants) = formants {
                for ((memory, hertz), (width, loud)) in resonances
                    .iter_mut()
                    .zip(formants)
                    .zip(WIDTHS.iter().zip(LOUD))
                {
                    let radius = (-std::f32::consts::PI * width / rate).exp();
                    let next = source * loud
                        + 2.0 * radius * (TAU * hertz / rate).cos() * memory[0]
                        - radius * radius * memory[1];
                    *memory = [next, memory[0]];
                    sample += next * (1.0 - radius);
                }
            } else {
                resonances = [[0.0; 2]; 3];
            }
            out.push(sample * shape);
        }
    }
    let peak = out.iter().fold(1e-9f32, |peak, s| peak.max(s.abs()));
    out.iter_mut().for_each(|sample| *sample *= PEAK / peak);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_is_loud_enough_has_pauses_and_joins_its_own_beginning() {
        let phrase = phrase();
        let level = (phrase.iter().map(|s| s * s).sum::<f32>() / phrase.len() as f32).sqrt();
        assert!((0.01..0.15).contains(&level), "{level}");
        assert!(
            phrase
                .iter()
                .all(|s| s.is_finite() && s.abs() <= PEAK * 1.001)
        );
        let quiet = phrase.iter().filter(|s| s.abs() < 1e-4).count();
        assert!(quiet > phrase.len() / 5, "{quiet} of {}", phrase.len());
        assert!(phrase[0].abs() < 0.01 && phrase[phrase.len() - 1].abs() < 0.01);
    }
}
