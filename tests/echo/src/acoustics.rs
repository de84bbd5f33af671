//! What happens to sound between loudspeaker and microphone: rooms, loudspeakers, clocks.

use anyhow::Result;
use fastrand::Rng;
use media::audio::Resampler;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f32::consts::{PI, TAU};
use std::sync::Arc;

/// Normally distributed, variance 1.
pub(crate) fn normal(random: &mut Rng) -> f32 {
    let radius = (-2.0 * (1.0 - random.f32()).max(1e-12).ln()).sqrt();
    radius * (TAU * random.f32()).cos()
}

/// A room by chance: a direct path after `delay_ms` and noise that falls by 60 dB in `t60` seconds, `length_ms` of it. Energy 1.
pub(crate) fn by_chance(
    rate: u32,
    t60: f32,
    delay_ms: f32,
    length_ms: f32,
    random: &mut Rng,
) -> Vec<f32> {
    let frames = |ms: f32| (rate as f32 * ms / 1000.0) as usize;
    let (delay, length) = (frames(delay_ms), frames(length_ms));
    let mut tail: Vec<f32> = (0..length)
        .map(|at| normal(random) * (-6.9 * at as f32 / rate as f32 / t60).exp())
        .collect();
    scale_to(&mut tail, 1.0);
    let mut room = vec![0.0; delay];
    room.extend(tail);
    room[delay] += 10f32.powf(3.0 / 20.0);
    scale_to(&mut room, 1.0);
    room
}

/// A rectangular room by its mirror images (Allen & Berkley 1979): the loudspeaker `distance` metres from the microphone, 60 dB in
/// `t60` seconds by Sabine's rule, `length_ms` of it behind a device's `delay_ms`. Energy 1.
pub(crate) fn shoebox(
    rate: u32,
    t60: f32,
    delay_ms: f32,
    length_ms: f32,
    distance: f32,
    random: &mut Rng,
) -> Vec<f32> {
    const SPEED: f32 = 343.0;
    let size = [
        4.0 + 2.0 * random.f32(),
        3.0 + 1.5 * random.f32(),
        2.4 + 0.5 * random.f32(),
    ];
    let volume = size[0] * size[1] * size[2];
    let surface = 2.0 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2]);
    let reflected = (1.0 - 0.161 * volume / surface / t60)
        .clamp(0.05, 0.98)
        .sqrt();
    let microphone = size.map(|side| side * (0.25 + 0.5 * random.f32()));
    let angle = TAU * random.f32();
    let speaker = [
        microphone[0] + distance * angle.cos(),
        microphone[1] + distance * angle.sin(),
        microphone[2] - 0.05,
    ]
    .iter()
    .zip(size)
    .map(|(at, side)| at.clamp(0.1, side - 0.1))
    .collect::<Vec<f32>>();
    let start = (rate as f32 * delay_ms / 1000.0) as usize;
    let mut room = vec![0.0; start + (rate as f32 * length_ms / 1000.0) as usize];
    let reach = length_ms / 1000.0 * SPEED;
    let images = |axis: usize| {
        let (side, from, to) = (size[axis], speaker[axis], microphone[axis]);
        let most = (reach / side / 2.0) as i32 + 1;
        (-most..=most)
            .flat_map(move |n| {
                [
                    (2.0 * n as f32 * side + from - to, (2 * n).unsigned_abs()),
                    (
                        2.0 * n as f32 * side - from - to,
                        (2 * n - 1).unsigned_abs(),
                    ),
                ]
            })
            .collect::<Vec<_>>()
    };
    let (along, across, up) = (images(0), images(1), images(2));
    for (x, bounces_x) in &along {
        for (y, bounces_y) in &across {
            for (z, bounces_z) in &up {
                let way = (x * x + y * y + z * z).sqrt();
                let level =
                    reflected.powi((bounces_x + bounces_y + bounces_z) as i32) / way.max(0.05);
                add_at(&mut room, start as f32 + way / SPEED * rate as f32, level);
            }
        }
    }
    scale_to(&mut room, 1.0);
    room
}

/// A pulse between samples: a windowed sinc of 16 taps.
fn add_at(signal: &mut [f32], at: f32, level: f32) {
    let first = at.floor() as isize - 7;
    for tap in first..first + 16 {
        let from = tap as f32 - at;
        let sinc = if from.abs() < 1e-4 {
            1.0
        } else {
            (PI * from).sin() / (PI * from)
        };
        let window = 0.5 + 0.5 * (PI * from / 8.0).cos();
        if let Some(sample) = usize::try_from(tap)
            .ok()
            .and_then(|tap| signal.get_mut(tap))
        {
            *sample += level * sinc * window;
        }
    }
}

fn scale_to(signal: &mut [f32], energy: f32) {
    let own: f32 = signal.iter().map(|s| s * s).sum();
    let gain = (energy / own.max(1e-12)).sqrt();
    signal.iter_mut().for_each(|s| *s *= gain);
}

/// A loudspeaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speaker {
    Straight,
    /// Overdriven by this, with a second harmonic; no memory.
    Driven(f32),
    /// Its low end is compressed by its own excursion, and it rattles.
    Excursion,
}

/// What a small loudspeaker makes of a signal: 250 Hz to 7 kHz of it.
pub(crate) fn play(speaker: Speaker, signal: &[f32], rate: u32) -> Vec<f32> {
    match speaker {
        Speaker::Straight => small(signal.to_vec(), rate),
        Speaker::Driven(drive) => {
            let driven = |x: &f32| (drive * x * 3.0).tanh() / 3.0 / drive + 0.15 * drive * x * x;
            small(signal.iter().map(driven).collect(), rate)
        }
        Speaker::Excursion => {
            let low = Biquad::low(900.0, rate).run(signal.to_vec());
            let loud: Vec<f32> = low.iter().map(|x| x.abs()).collect();
            let excursion = Biquad::low(30.0, rate).run(loud);
            let pressed: Vec<f32> = low
                .iter()
                .zip(&excursion)
                .map(|(x, e)| (2.5 * x).tanh() / 2.5 / (1.0 + 3.0 * e.max(0.0)))
                .collect();
            let sum = signal
                .iter()
                .zip(&low)
                .zip(&pressed)
                .map(|((x, low), pressed)| x - low + pressed)
                .collect();
            let heard = small(sum, rate);
            heard
                .iter()
                .zip(&pressed)
                .map(|(x, p)| (2.0 * x).tanh() / 2.0 + 0.2 * p * p * p.signum())
                .collect()
        }
    }
}

fn small(signal: Vec<f32>, rate: u32) -> Vec<f32> {
    let top = (0.45 * rate as f32).min(7_000.0);
    Biquad::low(top, rate).run(Biquad::high(250.0, rate).run(signal))
}

/// A Butterworth filter of second order.
struct Biquad {
    b: [f32; 3],
    a: [f32; 2],
}

impl Biquad {
    fn low(frequency: f32, rate: u32) -> Self {
        let k = (PI * frequency / rate as f32).tan();
        let norm = 1.0 / (1.0 + std::f32::consts::SQRT_2 * k + k * k);
        let b = k * k * norm;
        Self {
            b: [b, 2.0 * b, b],
            a: [
                2.0 * (k * k - 1.0) * norm,
                (1.0 - std::f32::consts::SQRT_2 * k + k * k) * norm,
            ],
        }
    }

    fn high(frequency: f32, rate: u32) -> Self {
        let low = Self::low(frequency, rate);
        let k = (PI * frequency / rate as f32).tan();
        let b = low.b[0] / (k * k);
        Self {
            b: [b, -2.0 * b, b],
            a: low.a,
        }
    }

    fn run(&self, mut signal: Vec<f32>) -> Vec<f32> {
        let (mut one, mut two) = (0.0, 0.0);
        for sample in &mut signal {
            let x = *sample;
            let y = self.b[0] * x + one;
            one = self.b[1] * x - self.a[0] * y + two;
            two = self.b[2] * x - self.a[1] * y;
            *sample = y;
        }
        signal
    }
}

/// The same sound from a clock that runs faster by parts per million (in steps of ten), piece by piece.
pub(crate) fn clock(ppm: i32) -> Result<Resampler> {
    Ok(Resampler::new(100_000, (100_000 - ppm / 10) as u32, 1)?)
}

/// Convolution with a room, piece by piece.
pub(crate) struct Convolver {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    room: Vec<Complex32>,
    size: usize,
    piece: usize,
    tail: Vec<f32>,
}

impl Convolver {
    pub(crate) fn new(room: &[f32]) -> Self {
        let size = (4 * room.len()).next_power_of_two().max(1024);
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (
            planner.plan_fft_forward(size),
            planner.plan_fft_inverse(size),
        );
        let mut time = room.to_vec();
        time.resize(size, 0.0);
        let mut bins = forward.make_output_vec();
        transform(&*forward, &mut time, &mut bins);
        Self {
            forward,
            inverse,
            room: bins,
            size,
            piece: size - room.len() + 1,
            tail: vec![0.0; size],
        }
    }

    /// As many frames as come in.
    pub(crate) fn run(&mut self, signal: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(signal.len());
        for piece in signal.chunks(self.piece) {
            let mut time = piece.to_vec();
            time.resize(self.size, 0.0);
            let mut bins = self.forward.make_output_vec();
            transform(&*self.forward, &mut time, &mut bins);
            bins.iter_mut()
                .zip(&self.room)
                .for_each(|(bin, room)| *bin *= room);
            let done = self.inverse.process(&mut bins, &mut time);
            debug_assert!(done.is_ok());
            for (sum, sample) in self.tail.iter_mut().zip(&time) {
                *sum += sample / self.size as f32;
            }
            out.extend_from_slice(&self.tail[..piece.len()]);
            self.tail.copy_within(piece.len().., 0);
            let end = self.size - piece.len();
            self.tail[end..].fill(0.0);
        }
        out
    }
}

fn transform(forward: &dyn RealToComplex<f32>, time: &mut [f32], bins: &mut [Complex32]) {
    // Fails only for slices of a wrong length, and these are made for the size.
    let done = forward.process(time, bins);
    debug_assert!(done.is_ok());
}
