//! Sound at another speed with its pitch kept: WSOLA (W. Verhelst, M. Roelands, ICASSP 1993).
//!
//! ```text
//!  in   |----- A -----|            pieces are taken `HOP * speed` apart, each moved a little so that it goes on
//!           |----- B -----|        where the one before would have gone on
//!  out  |----- A -----|
//!              |----- B -----|     and put together `HOP` apart, faded into each other
//! ```

use super::Samples;

/// Half a piece, and the distance of pieces in the output, seconds.
const HOP: f64 = 0.015;
/// How far a piece may be moved either way, seconds: a period of the lowest voice.
const REACH: f64 = 0.010;
/// The first look at where a piece fits best is this coarse, frames.
const COARSE: usize = 4;
/// Speeds that are served; others are taken for the nearest of them.
const SPEEDS: (f64, f64) = (0.25, 4.0);

/// Changes the speed of one stream of sound.
#[derive(Debug, Default)]
pub struct Stretch(Option<Running>);

#[derive(Debug)]
struct Running {
    rate: u32,
    channels: usize,
    speed: f64,
    hop: usize,
    reach: usize,
    /// Input that is still needed, interleaved, and its mean over the channels.
    input: Vec<f32>,
    mono: Vec<f32>,
    /// Where the next piece would be taken, frames from the start of `input`.
    next: f64,
    /// Where the piece before goes on, frames from the start of `input`; absent at the start.
    follow: Option<usize>,
}

impl Stretch {
    /// The next samples, `speed` times as fast. At speed 1 they come back as they are; else they come in pieces of 15 ms, up
    /// to 50 ms late. Another rate, number of channels or speed starts anew.
    pub fn stretch(&mut self, samples: Samples, speed: f64) -> Samples {
        let channels = usize::from(samples.channels);
        let plain = !speed.is_finite() || (speed - 1.0).abs() < 1e-6;
        if plain || channels == 0 || samples.rate < 1000 {
            self.0 = None;
            return samples;
        }
        let speed = speed.clamp(SPEEDS.0, SPEEDS.1);
        let same = |running: &Running| {
            running.rate == samples.rate && running.channels == channels && running.speed == speed
        };
        if !self.0.as_ref().is_some_and(same) {
            self.0 = Some(Running::new(samples.rate, channels, speed));
        }
        let data = match &mut self.0 {
            Some(running) => running.push(&samples.data),
            None => Vec::new(),
        };
        Samples { data, ..samples }
    }
}

impl Running {
    fn new(rate: u32, channels: usize, speed: f64) -> Self {
        let frames = |seconds: f64| (seconds * f64::from(rate)).round() as usize;
        Self {
            rate,
            channels,
            speed,
            hop: frames(HOP),
            reach: frames(REACH),
            input: Vec::new(),
            mono: Vec::new(),
            next: 0.0,
            follow: None,
        }
    }

    fn push(&mut self, data: &[f32]) -> Vec<f32> {
        for frame in data.chunks_exact(self.channels) {
            self.input.extend_from_slice(frame);
            self.mono
                .push(frame.iter().sum::<f32>() / self.channels as f32);
        }
        let mut out = Vec::new();
        // A piece is two hops; where the one before would have gone on is needed as well.
        while self.next as usize + self.reach + 2 * self.hop <= self.mono.len() {
            let at = match self.follow {
                Some(follow) => self.fit(follow),
                None => self.next as usize,
            };
            self.put(at, &mut out);
            self.follow = Some(at + self.hop);
            self.next += self.hop as f64 * self.speed;
        }
        self.forget();
        out
    }

    /// Where near `next` the input is most like what is at `wanted`.
    fn fit(&self, wanted: usize) -> usize {
        let middle = self.next as usize;
        let (first, last) = (middle.saturating_sub(self.reach), middle + self.reach);
        let coarse = self.best((first..=last).step_by(COARSE), wanted, middle);
        let near = coarse.saturating_sub(COARSE - 1).max(first)..=(coarse + COARSE - 1).min(last);
        self.best(near, wanted, coarse)
    }

    fn best(&self, places: impl Iterator<Item = usize>, wanted: usize, or: usize) -> usize {
        let likeness = |at: usize| -> f32 {
            let (Some(a), Some(b)) = (
                self.mono.get(at..at + self.hop),
                self.mono.get(wanted..wanted + self.hop),
            ) else {
                return f32::NEG_INFINITY;
            };
            let (mut product, mut energy) = (0.0, 1e-9);
            for (a, b) in a.iter().zip(b) {
                product += a * b;
                energy += a * a;
            }
            product / energy.sqrt()
        };
        places
            .map(|at| (at, likeness(at)))
            .filter(|(_, likeness)| likeness.is_finite())
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(or, |(at, _)| at)
    }

    /// Fades from where the piece before goes on to the one at `at`.
    fn put(&self, at: usize, out: &mut Vec<f32>) {
        let from = self.follow.unwrap_or(at);
        for n in 0..self.hop {
            // Half a Hann window: with its mirror it gives 1.
            let turn = std::f32::consts::PI * (n as f32 + 0.5) / self.hop as f32;
            let new = 0.5 - 0.5 * turn.cos();
            for channel in 0..self.channels {
                let sample = |frame: usize| {
                    let index = (frame + n) * self.channels + channel;
                    self.input.get(index).copied().unwrap_or_default()
                };
                out.push(sample(from) * (1.0 - new) + sample(at) * new);
            }
        }
    }

    /// Lets go of the input that no piece will need.
    fn forget(&mut self) {
        let Some(follow) = self.follow else { return };
        let keep = follow
            .min((self.next as usize).saturating_sub(self.reach))
            .min(self.mono.len());
        self.mono.drain(..keep);
        self.input.drain(..keep * self.channels);
        self.next -= keep as f64;
        self.follow = Some(follow - keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice-like tone: 200 Hz with two overtones.
    fn tone(rate: u32, seconds: f64, channels: u8) -> Samples {
        let frames = (f64::from(rate) * seconds) as usize;
        let value = |n: usize| {
            let t = n as f64 / f64::from(rate);
            let wave = |hertz: f64| (t * hertz * std::f64::consts::TAU).sin();
            (0.4 * wave(200.0) + 0.2 * wave(400.0) + 0.1 * wave(600.0)) as f32
        };
        Samples {
            rate,
            channels,
            data: (0..frames)
                .flat_map(|n| vec![value(n); usize::from(channels)])
                .collect(),
        }
    }

    fn stretched(sound: &Samples, speed: f64, piece: usize) -> Samples {
        let mut stretch = Stretch::default();
        let mut all = Samples {
            data: Vec::new(),
            ..sound.clone()
        };
        for data in sound.data.chunks(piece * usize::from(sound.channels)) {
            let part = Samples {
                data: data.to_vec(),
                ..sound.clone()
            };
            all.data.extend(stretch.stretch(part, speed).data);
        }
        all
    }

    /// The pitch by the lag at which the sound is most like itself, hertz.
    fn pitch(sound: &Samples) -> f64 {
        let mono = sound.to_mono().data;
        let lag_of = |hertz: f64| (f64::from(sound.rate) / hertz) as usize;
        let likeness = |lag: usize| -> f32 {
            mono.iter()
                .zip(&mono[lag..])
                .map(|(a, b)| a * b)
                .sum::<f32>()
                / (mono.len() - lag) as f32
        };
        let lag = (lag_of(390.0)..lag_of(110.0))
            .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)))
            .unwrap();
        f64::from(sound.rate) / lag as f64
    }

    #[test]
    fn the_length_changes_and_the_pitch_does_not() {
        for (rate, channels) in [(8000, 1), (48_000, 2)] {
            let sound = tone(rate, 2.0, channels);
            for speed in [0.5, 1.5, 2.0] {
                let out = stretched(&sound, speed, 1024);
                let seconds = out.frames() as f64 / f64::from(rate);
                assert!(
                    (seconds - 2.0 / speed).abs() < 0.1,
                    "{rate} {speed}: {seconds} s"
                );
                let pitch = pitch(&out);
                assert!((pitch - 200.0).abs() < 6.0, "{rate} {speed}: {pitch} Hz");
                let loud = |sound: &Samples| {
                    let sum: f32 = sound.data.iter().map(|s| s * s).sum();
                    (sum / sound.data.len() as f32).sqrt()
                };
                let ratio = loud(&out) / loud(&sound);
                assert!((0.9..1.1).contains(&ratio), "{rate} {speed}: {ratio}");
            }
        }
    }

    #[test]
    fn no_seam_is_heard() {
        let sound = tone(16_000, 1.0, 1);
        let step = |sound: &Samples| {
            sound
                .data
                .windows(2)
                .map(|pair| (pair[1] - pair[0]).abs())
                .fold(0.0, f32::max)
        };
        let most = step(&sound);
        for speed in [0.5, 1.5, 2.0] {
            let out = stretched(&sound, speed, 320);
            assert!(step(&out) < most * 1.3, "{speed}: {} of {most}", step(&out));
        }
    }

    #[test]
    fn it_is_the_same_however_it_is_cut_and_keeps_little() {
        let sound = tone(16_000, 1.0, 2);
        assert_eq!(
            stretched(&sound, 1.5, 100).data,
            stretched(&sound, 1.5, 7000).data
        );
        let mut stretch = Stretch::default();
        for _ in 0..200 {
            stretch.stretch(tone(16_000, 0.1, 1), 0.5);
        }
        let kept = stretch.0.as_ref().unwrap().mono.len();
        assert!(kept < 4000, "{kept}");
    }

    #[test]
    fn at_normal_speed_nothing_is_touched_and_nonsense_does_no_harm() {
        let sound = tone(8000, 0.1, 1);
        assert_eq!(Stretch::default().stretch(sound.clone(), 1.0), sound);
        assert_eq!(Stretch::default().stretch(sound.clone(), f64::NAN), sound);
        let odd = Samples {
            rate: 48_000,
            channels: 0,
            data: vec![1.0; 3],
        };
        assert_eq!(Stretch::default().stretch(odd.clone(), 2.0), odd);
        let mut stretch = Stretch::default();
        for speed in [-3.0, 0.0, 1e9, 0.5] {
            stretch.stretch(sound.clone(), speed);
        }
    }
}
