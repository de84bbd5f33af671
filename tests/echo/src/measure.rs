//! What is measured of a run.

use crate::contenders::Run;
use crate::scene::{BOTH_FROM, BOTH_TO, NEAR_FROM, SECONDS, Scene, Sound};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;

/// The filter works when it takes away this much, dB.
const WORKS_DB: f64 = 15.0;
/// Power above which a 20 ms block of echo counts.
const HEARD: f64 = 1e-5;

/// Figures of one run. dB, seconds and milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    /// 8-16 s without the two seconds after a change, and what the noise would allow.
    pub(crate) erle: f64,
    pub(crate) ceiling: f64,
    /// In the first second in which the far end speaks.
    pub(crate) erle_at_once: f64,
    /// After both have spoken.
    pub(crate) erle_after: f64,
    /// Level of what is left of the echo, and of the noise that was mixed in, while the far end speaks alone, dB of full scale.
    pub(crate) residual: f64,
    pub(crate) near_gain: f64,
    pub(crate) delay_ms: f64,
    /// From when on the filter alone takes away 15 dB.
    pub(crate) converged: Option<f64>,
    /// How long it took after the path changed in double talk; `None` where it did not change or was not healed.
    pub(crate) healed: Option<f64>,
    pub(crate) cpu_ms: f64,
    pub(crate) ppm: Option<f32>,
    /// The output, `delay_ms` earlier, for what comes later.
    pub(crate) aligned: Vec<f32>,
}

pub(crate) fn figures(scene: &Scene, sound: &Sound, run: &Run, rate: u32) -> Figures {
    let lag = lag(&sound.near, &run.out, rate);
    let mut aligned = run.out.clone();
    aligned.rotate_left(lag.rem_euclid(run.out.len() as isize) as usize);
    let span = |signal: &[f32], from: f64, to: f64| -> Vec<f32> {
        signal[(from * f64::from(rate)) as usize..(to * f64::from(rate)) as usize].to_vec()
    };
    let erle = |out: &[f32], from: f64, to: f64| {
        let (echo, mic, out) = (
            span(&sound.echo, from, to),
            span(&sound.mic, from, to),
            span(out, from, to),
        );
        ratio(&echo, &mic, &out, rate)
    };
    // What the filter left of the echo, whatever else is in the microphone's signal.
    let left: Option<Vec<f32>> = run.linear.as_ref().map(|linear| {
        let others = sound
            .mic
            .iter()
            .zip(&sound.echo)
            .map(|(mic, echo)| mic - echo);
        linear
            .iter()
            .zip(others)
            .map(|(linear, others)| linear - others)
            .collect()
    });
    let first = |from: f64, to: f64, erle: &dyn Fn(f64) -> f64| {
        let steps = ((to - from) * 10.0) as usize;
        (0..steps)
            .map(|step| from + step as f64 / 10.0)
            .find(|at| erle(*at) >= WORKS_DB)
    };
    let of_echo = |left: &[f32], at: f64| {
        let echo = span(&sound.echo, at, at + 1.0);
        ratio(&echo, &echo, &span(left, at, at + 1.0), rate)
    };
    let ceiling = erle(&sound.noise, 8.0, 16.0);
    let settled = scene.settled_from() as f64;
    let converged = match (&run.linear, &left) {
        // Where noise or the near end drowns what is left of the echo, what is left is looked at by itself.
        (_, Some(left)) if scene.both_from_start || ceiling < WORKS_DB + 3.0 => {
            first(0.0, 40.0, &|at| of_echo(left, at))
        }
        (Some(linear), _) => first(0.0, 15.0, &|at| erle(linear, at, at + 1.0)),
        _ => None,
    };
    let healed = match (scene.change_in_double_talk(), &left) {
        (Some(change), Some(left)) => {
            let change = change as f64;
            first(change, (BOTH_TO - 1) as f64, &|at| of_echo(left, at)).map(|at| at - change)
        }
        _ => None,
    };
    let alone = |signal: &[f32]| {
        let mut part = span(signal, 1.0, NEAR_FROM as f64);
        part.extend(span(signal, BOTH_TO as f64, (SECONDS - 1) as f64));
        part
    };
    let (echo, out) = (alone(&sound.echo), alone(&aligned));
    Figures {
        erle: erle(&aligned, settled, 16.0),
        ceiling: erle(&sound.noise, settled, 16.0),
        erle_at_once: erle(&aligned, 0.0, 1.0),
        erle_after: erle(&aligned, BOTH_TO as f64 + 2.0, SECONDS as f64 - 0.2),
        residual: db(heard(&echo, &out, rate)),
        near_gain: near_gain(
            &span(&sound.near, (BOTH_FROM + 2) as f64, BOTH_TO as f64),
            &span(&aligned, (BOTH_FROM + 2) as f64, BOTH_TO as f64),
            rate,
        ),
        delay_ms: lag as f64 * 1000.0 / f64::from(rate),
        converged,
        healed,
        cpu_ms: run.cpu_ms,
        ppm: run.ppm,
        aligned,
    }
}

fn db(power: f64) -> f64 {
    10.0 * power.max(1e-15).log10()
}

/// Mean power of `signal` in the blocks in which the echo is heard.
fn heard(echo: &[f32], signal: &[f32], rate: u32) -> f64 {
    let block = rate as usize / 50;
    let power =
        |block: &[f32]| block.iter().map(|s| f64::from(s * s)).sum::<f64>() / block.len() as f64;
    let blocks = echo.chunks_exact(block).zip(signal.chunks_exact(block));
    let (sum, count) = blocks
        .filter(|(echo, _)| power(echo) > HEARD)
        .fold((0.0, 0usize), |(sum, count), (_, signal)| {
            (sum + power(signal), count + 1)
        });
    sum / count.max(1) as f64
}

/// How much less there is of `after` than of `before`, dB, in the blocks in which the echo is heard.
fn ratio(echo: &[f32], before: &[f32], after: &[f32], rate: u32) -> f64 {
    db(heard(echo, before, rate)) - db(heard(echo, after, rate))
}

/// Frames by which the near end is later in the output: the peak of their correlation while it speaks alone.
fn lag(near: &[f32], out: &[f32], rate: u32) -> isize {
    let from = NEAR_FROM * rate as usize + rate as usize / 2;
    let length = 2 * rate as usize;
    let most = rate as isize * 60 / 1000;
    let near = &near[from..from + length];
    let correlation = |lag: isize| -> f32 {
        let start = (from as isize + lag) as usize;
        near.iter()
            .zip(&out[start..start + length])
            .map(|(a, b)| a * b)
            .sum()
    };
    (-most..=most)
        .max_by(|a, b| correlation(*a).abs().total_cmp(&correlation(*b).abs()))
        .unwrap_or(0)
}

/// By how much the near end is louder in the output, dB, phases allowed for: mean of the gain of each frequency over time.
fn near_gain(near: &[f32], out: &[f32], rate: u32) -> f64 {
    let size = (rate as usize / 16).next_power_of_two();
    let forward = RealFftPlanner::new().plan_fft_forward(size);
    let window: Vec<f32> = (0..size)
        .map(|at| {
            (std::f32::consts::PI * at as f32 / size as f32)
                .sin()
                .powi(2)
        })
        .collect();
    let bins = size / 2 + 1;
    let (mut cross, mut power) = (vec![Complex32::default(); bins], vec![0.0f32; bins]);
    let spectrum = |part: &[f32]| {
        let mut time: Vec<f32> = part.iter().zip(&window).map(|(s, w)| s * w).collect();
        let mut out = forward.make_output_vec();
        let done = forward.process(&mut time, &mut out);
        debug_assert!(done.is_ok());
        out
    };
    for at in (0..near.len().saturating_sub(size)).step_by(size / 2) {
        let (near, out) = (
            spectrum(&near[at..at + size]),
            spectrum(&out[at..at + size]),
        );
        for bin in 0..bins {
            cross[bin] += out[bin] * near[bin].conj();
            power[bin] += near[bin].norm_sqr();
        }
    }
    let hertz = |bin: usize| bin as f32 * rate as f32 / size as f32;
    let used = (0..bins).filter(|bin| (150.0..7_000.0).contains(&hertz(*bin)));
    let (gained, all) = used.fold((0.0, 0.0), |(gained, all), bin| {
        (
            gained + cross[bin].norm_sqr() / (power[bin] + 1e-9),
            all + power[bin],
        )
    });
    db(f64::from(gained / all.max(1e-9)))
}
