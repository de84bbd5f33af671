//! An hour of talk between clocks that run apart, faster than real time: no loss, no click.

use crate::acoustics::{Convolver, Speaker, by_chance, clock, normal, play};
use crate::voices::Voice;
use anyhow::{Context, Result};
use fastrand::Rng;
use media::echo::EchoCanceller as _;
use std::collections::VecDeque;

const RATE: u32 = 16_000;
const HOP: usize = 160;
const SECONDS: usize = 3_600;
/// The first seconds are not judged: the clocks have to be learnt.
const LEARNING: usize = 10;
/// A second in which the filter removes less than this is a loss, dB.
const LOST_DB: f64 = 6.0;
/// A jump of the output against its neighbours that is this much more than the largest of the microphone's is a click.
const CLICK: f32 = 0.05;

/// True when no run lost the echo or clicked.
pub(crate) fn run(voices: &[Voice]) -> Result<bool> {
    println!(
        "| hour | found ppm | echo later by ms | least, median ERLE of the filter in a second dB | lost seconds | clicks | restarts |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut good = true;
    // The echo comes 288 ms earlier or later at the end of the hour: it must not come before its cause.
    for (ppm, delay_ms) in [(80, 380.0), (-80, 60.0)] {
        let found = hour(voices, ppm, delay_ms)?;
        println!(
            "| {ppm:+} ppm | {:.1} | {:.0} | {:.1}, {:.1} | {} | {} | {} |",
            found.ppm,
            found.moved_ms,
            found.least,
            found.median,
            found.lost,
            found.clicks,
            found.restarts
        );
        good &= found.lost == 0 && found.clicks == 0 && found.restarts == 0;
    }
    Ok(good)
}

struct Hour {
    ppm: f32,
    moved_ms: f32,
    least: f64,
    median: f64,
    lost: usize,
    clicks: usize,
    restarts: u32,
}

fn hour(voices: &[Voice], ppm: i32, delay_ms: f32) -> Result<Hour> {
    let mut random = Rng::with_seed(7);
    let room = by_chance(RATE, 0.3, delay_ms, 128.0, &mut random);
    let (mut room, mut clock) = (Convolver::new(&room), clock(ppm)?);
    let minute = 60 * RATE as usize;
    let voice = |number: usize| voices.get(number % voices.len()).context("no voices");
    let mut canceller = media::echo::canceller(RATE)?;
    let mut waiting: VecDeque<f32> = VecDeque::new();
    // What is not echo, as late as the filter's output.
    let mut others = VecDeque::from(vec![0.0; canceller.linear_delay()]);
    let (mut erle, mut clicks, mut late) = (Vec::new(), 0, None);
    let mut jumps = Jumps::default();
    let mut next = voice(0)?.at(RATE, minute, -23.0)?;
    let mut heard = Vec::new();
    clock.process(&play(Speaker::Straight, &next, RATE), &mut heard);
    waiting.extend(room.run(&heard));
    for number in 0..SECONDS / 60 {
        // Somebody else speaks each minute; in every third one the near end speaks too. The room is told a minute ahead: a fast
        // clock needs less time to say it.
        let far = std::mem::replace(&mut next, voice(2 * number + 2)?.at(RATE, minute, -23.0)?);
        let mut near = voice(2 * number + 1)?.at(RATE, minute, -26.0)?;
        if number % 3 != 1 {
            near.fill(0.0);
        }
        let mut heard = Vec::new();
        clock.process(&play(Speaker::Straight, &next, RATE), &mut heard);
        waiting.extend(room.run(&heard));
        let echo: Vec<f32> = (0..minute)
            .map(|_| waiting.pop_front().unwrap_or(0.0))
            .collect();
        let mic: Vec<f32> = echo
            .iter()
            .zip(&near)
            .map(|(e, n)| e + n + 0.001 * normal(&mut random))
            .collect();
        for second in 0..60 {
            let place = second * RATE as usize..(second + 1) * RATE as usize;
            let (mut of_echo, mut left) = (0.0f64, 0.0f64);
            for at in place.step_by(HOP) {
                let mut out = [0.0; HOP];
                canceller.process(&far[at..at + HOP], &mic[at..at + HOP], &mut out);
                for (i, linear) in canceller.linear().iter().enumerate() {
                    of_echo += f64::from(echo[at + i] * echo[at + i]);
                    others.push_back(mic[at + i] - echo[at + i]);
                    let others = others.pop_front().unwrap_or(0.0);
                    left += f64::from((linear - others).powi(2));
                }
                clicks += usize::from(
                    jumps.step(&mic[at..at + HOP], &out) && number * 60 + second > LEARNING,
                );
            }
            // A second in which hardly anything was said says nothing.
            if of_echo > 1e-4 * f64::from(RATE) && number * 60 + second > LEARNING {
                erle.push(10.0 * (of_echo / left.max(1e-12)).log10());
            }
        }
        late.get_or_insert(canceller.health().echo_delay_ms.unwrap_or(0.0));
    }
    let health = canceller.health();
    erle.sort_by(f64::total_cmp);
    Ok(Hour {
        ppm: health.drift_ppm,
        moved_ms: health.echo_delay_ms.unwrap_or(0.0) - late.unwrap_or(0.0),
        least: erle.first().copied().unwrap_or(0.0),
        median: erle.get(erle.len() / 2).copied().unwrap_or(0.0),
        lost: erle.iter().take_while(|erle| **erle < LOST_DB).count(),
        clicks,
        restarts: health.restarts,
    })
}

/// The largest second difference of the last blocks, of the microphone and of the output.
#[derive(Default)]
struct Jumps {
    mic: [f32; 2],
    out: [f32; 2],
    /// Of the last blocks: the output is late.
    recent: VecDeque<f32>,
}

impl Jumps {
    /// Whether the output jumped and the microphone did not.
    fn step(&mut self, mic: &[f32], out: &[f32]) -> bool {
        let largest = |last: &mut [f32; 2], block: &[f32]| {
            block.iter().fold(0.0f32, |most, sample| {
                let bend = (sample - 2.0 * last[1] + last[0]).abs();
                *last = [last[1], *sample];
                most.max(bend)
            })
        };
        self.recent.push_back(largest(&mut self.mic, mic));
        if self.recent.len() > 4 {
            self.recent.pop_front();
        }
        let natural = self
            .recent
            .iter()
            .fold(0.0f32, |most, bend| most.max(*bend));
        largest(&mut self.out, out) > natural + CLICK
    }
}
