use super::*;

/// A generator of noise: the same each time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        // SplitMix64: sequences of neighbouring seeds have nothing in common.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Something like speech: noise with a falling spectrum in syllables of 150 to 350 ms, loud, quiet and silent ones.
    fn speech(&mut self, frames: usize, rate: usize, level: f32) -> Vec<f32> {
        let (mut low, mut loudness) = (0.0_f32, 0.0_f32);
        let (mut at, mut length) = (0, 0);
        (0..frames)
            .map(|_| {
                if at == length {
                    at = 0;
                    length = (rate as f32 * (0.25 + 0.1 * self.next())) as usize;
                    loudness = (self.next() * 0.8 + 0.5).max(0.0);
                }
                low += 0.35 * (self.next() - low);
                let syllable = (std::f32::consts::PI * at as f32 / length as f32).sin();
                at += 1;
                level * loudness * syllable * low * 2.0
            })
            .collect()
    }

    /// A room: a direct path after `delay` frames and a tail that falls by 60 dB in 250 ms.
    fn room(&mut self, delay: usize, rate: usize) -> Vec<f32> {
        let tail = rate / 10;
        let mut room = vec![0.0; delay + tail];
        for (at, tap) in room[delay..].iter_mut().enumerate() {
            *tap = self.next() * 0.15 * (-27.6 * at as f32 / rate as f32).exp();
        }
        room[delay] += 0.6;
        room
    }
}

fn convolve(signal: &[f32], room: &[f32]) -> Vec<f32> {
    let taps: Vec<(usize, f32)> = room
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, tap)| *tap != 0.0)
        .collect();
    (0..signal.len())
        .map(|at| {
            taps.iter()
                .take_while(|(lag, _)| *lag <= at)
                .map(|(lag, tap)| tap * signal[at - lag])
                .sum()
        })
        .collect()
}

fn add(mut to: Vec<f32>, from: &[f32]) -> Vec<f32> {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
    to
}

fn floor(frames: usize) -> Vec<f32> {
    let mut noise = Noise(99);
    (0..frames).map(|_| 0.0005 * noise.next()).collect()
}

fn energy(signal: &[f32]) -> f32 {
    signal.iter().map(|sample| sample * sample).sum::<f32>() + 1e-12
}

fn db(ratio: f32) -> f32 {
    10.0 * ratio.log10()
}

struct Heard {
    out: Vec<f32>,
    linear: Vec<f32>,
}

fn run(canceller: &mut Canceller, far: &[f32], near: &[f32]) -> Heard {
    let hop = canceller.frame_len();
    let mut heard = Heard {
        out: vec![0.0; near.len()],
        linear: vec![0.0; near.len()],
    };
    for (at, (far, near)) in far
        .chunks_exact(hop)
        .zip(near.chunks_exact(hop))
        .enumerate()
    {
        canceller.process(far, near, &mut heard.out[at * hop..(at + 1) * hop]);
        heard.linear[at * hop..(at + 1) * hop].copy_from_slice(canceller.linear());
    }
    // As if it came at once.
    heard.linear.drain(..canceller.linear_delay());
    heard.linear.resize(near.len(), 0.0);
    heard
}

/// What is left of `near` between two times, dB below it.
fn removed(near: &[f32], left: &[f32], rate: usize, from: f32, to: f32) -> f32 {
    let range = (from * rate as f32) as usize..(to * rate as f32) as usize;
    db(energy(&near[range.clone()]) / energy(&left[range]))
}

const RATE: usize = 16_000;

#[test]
fn an_echo_goes_and_is_quiet_from_the_first_second() {
    let far = Noise(1).speech(6 * RATE, RATE, 0.4);
    let near = add(convolve(&far, &Noise(2).room(800, RATE)), &floor(far.len()));
    let mut canceller = canceller(RATE as u32).unwrap();
    let heard = run(&mut canceller, &far, &near);
    assert!(removed(&near, &heard.out, RATE, 0.2, 1.0) > 12.0);
    assert!(removed(&near, &heard.linear, RATE, 1.5, 2.5) > 15.0);
    assert!(removed(&near, &heard.linear, RATE, 4.0, 6.0) > 20.0);
    assert!(removed(&near, &heard.out, RATE, 4.0, 6.0) > 25.0);
    let health = canceller.health();
    assert!(health.echo_return_loss_db > 15.0, "{health:?}");
    let delay = health.echo_delay_ms.unwrap();
    assert!((40.0..62.0).contains(&delay), "{delay} ms of 50 ms");
    assert_eq!(health.restarts, 0);
}

#[test]
fn an_echo_that_comes_at_once_is_taken_out_too() {
    for late in [0, 16, 80] {
        let far = Noise(1).speech(6 * RATE, RATE, 0.4);
        let near: Vec<f32> = (0..far.len())
            .map(|at| if at < late { 0.0 } else { 0.5 * far[at - late] })
            .collect();
        let near = add(near, &floor(far.len()));
        let mut canceller = canceller(RATE as u32).unwrap();
        let heard = run(&mut canceller, &far, &near);
        let removed = removed(&near, &heard.out, RATE, 4.0, 6.0);
        assert!(removed > 25.0, "{late} samples: {removed:.1} dB");
        let delay = canceller.health().echo_delay_ms.unwrap();
        assert!(delay < 12.0, "{delay} ms");
    }
}

#[test]
fn speech_at_this_end_stays_while_both_speak() {
    let far = Noise(1).speech(8 * RATE, RATE, 0.4);
    let own = Noise(77).speech(8 * RATE, RATE, 0.8);
    let mut near = convolve(&far, &Noise(2).room(800, RATE));
    for (at, sample) in near.iter_mut().enumerate().skip(4 * RATE) {
        *sample += own[at];
    }
    let near = add(near, &floor(far.len()));
    let mut canceller = canceller(RATE as u32).unwrap();
    let heard = run(&mut canceller, &far, &near);
    let delay = canceller.delay();
    // The part of `own` that is in the output, and what else there is.
    let (own, out) = (
        &own[5 * RATE..8 * RATE - delay],
        &heard.out[5 * RATE + delay..8 * RATE],
    );
    let gain = own.iter().zip(out).map(|(a, b)| a * b).sum::<f32>() / energy(own);
    let rest: Vec<f32> = out
        .iter()
        .zip(own)
        .map(|(out, own)| out - gain * own)
        .collect();
    // Noise is harder than speech, which has gaps in time and frequency: there it is above -0.5 dB.
    assert!(20.0 * gain.log10() > -1.5, "gain {gain}");
    assert!(
        db(energy(own) / energy(&rest)) > 9.0,
        "{}",
        db(energy(own) / energy(&rest))
    );
}

#[test]
fn without_an_echo_the_microphone_passes() {
    let far = Noise(1).speech(8 * RATE, RATE, 0.2);
    let near = add(Noise(77).speech(8 * RATE, RATE, 0.4), &floor(far.len()));
    let heard = run(&mut canceller(RATE as u32).unwrap(), &far, &near);
    let lost = removed(&near, &heard.out, RATE, 4.0, 8.0);
    assert!(lost.abs() < 0.5, "{lost} dB");
    // A silent far end changes nothing but the delay.
    let mut canceller = canceller(RATE as u32).unwrap();
    let silent = run(&mut canceller, &vec![0.0; near.len()], &near);
    for (at, out) in silent.out.iter().enumerate().skip(1000) {
        assert!((out - near[at - canceller.delay()]).abs() < 1e-4);
    }
}

#[test]
fn a_clock_that_runs_faster_is_learnt_and_kept() {
    let far = Noise(1).speech(12 * RATE, RATE, 0.4);
    let mut resampler = crate::audio::Resampler::new(100_000, 99_980, 1).unwrap();
    let mut played = Vec::new();
    resampler.process(&far, &mut played);
    played.resize(far.len(), 0.0);
    let near = add(
        convolve(&played, &Noise(2).room(800, RATE)),
        &floor(far.len()),
    );
    let mut first = canceller(RATE as u32).unwrap();
    run(&mut first, &far, &near);
    let learnt = first.learnt();
    assert!((learnt.drift_ppm - 200.0).abs() < 15.0, "{learnt:?}");
    let again = with_learnt(RATE as u32, learnt).unwrap();
    assert_eq!(again.health().drift_ppm, learnt.drift_ppm as f32);
}

#[test]
fn a_changed_path_heals() {
    let far = Noise(1).speech(9 * RATE, RATE, 0.4);
    let mut echo = convolve(&far, &Noise(2).room(800, RATE));
    let other = convolve(&far, &Noise(5).room(640, RATE));
    echo[4 * RATE..].copy_from_slice(&other[4 * RATE..]);
    let near = add(echo, &floor(far.len()));
    let heard = run(&mut canceller(RATE as u32).unwrap(), &far, &near);
    assert!(
        removed(&near, &heard.linear, RATE, 4.0, 4.2) < 6.0,
        "the change is real"
    );
    assert!(removed(&near, &heard.linear, RATE, 6.5, 9.0) > 15.0);
}

#[test]
fn sound_that_a_device_lost_or_said_twice_is_followed_within_a_second_and_a_half() {
    let far = Noise(1).speech(8 * RATE, RATE, 0.4);
    let echo = convolve(&far, &Noise(2).room(1600, RATE));
    for slip in [-160_isize, 160, 480] {
        let mut moved = echo.clone();
        for (at, sample) in moved.iter_mut().enumerate().skip(4 * RATE) {
            *sample = echo[(at as isize - slip) as usize % echo.len()];
        }
        let near = add(moved, &floor(far.len()));
        let mut canceller = canceller(RATE as u32).unwrap();
        let heard = run(&mut canceller, &far, &near);
        let lost = removed(&near, &heard.linear, RATE, 4.0, 4.2);
        assert!(lost < 6.0, "the slip of {slip} is real: {lost} dB");
        let found = removed(&near, &heard.linear, RATE, 5.5, 6.0);
        assert!(found > 18.0, "{found} dB after a slip of {slip}");
        assert_eq!(canceller.health().restarts, 0);
    }
}

#[test]
fn a_volume_that_is_turned_down_while_both_speak_is_followed() {
    let far = Noise(1).speech(8 * RATE, RATE, 0.4);
    let own = Noise(77).speech(8 * RATE, RATE, 0.15);
    let mut echo = convolve(&far, &Noise(2).room(800, RATE));
    echo[4 * RATE..]
        .iter_mut()
        .for_each(|sample| *sample *= 0.25);
    let near = add(add(echo.clone(), &own), &floor(far.len()));
    let heard = run(&mut canceller(RATE as u32).unwrap(), &far, &near);
    // What the filter left of the echo, whatever else was said.
    let others: Vec<f32> = near
        .iter()
        .zip(&echo)
        .map(|(near, echo)| near - echo)
        .collect();
    let left: Vec<f32> = heard
        .linear
        .iter()
        .zip(&others)
        .map(|(linear, others)| linear - others)
        .collect();
    let found = removed(&echo, &left, RATE, 5.0, 7.0);
    assert!(found > 9.0, "{found} dB");
}

#[test]
fn an_echo_later_than_the_filter_is_long_is_found() {
    let far = Noise(1).speech(10 * RATE, RATE, 0.4);
    let near = add(
        convolve(&far, &Noise(2).room(RATE * 47 / 100, RATE)),
        &floor(far.len()),
    );
    let mut canceller = canceller(RATE as u32).unwrap();
    let heard = run(&mut canceller, &far, &near);
    assert!(removed(&near, &heard.linear, RATE, 8.0, 10.0) > 15.0);
    let delay = canceller.health().echo_delay_ms.unwrap();
    assert!((455.0..482.0).contains(&delay), "{delay} ms of 470 ms");
}

#[test]
fn a_tone_teaches_no_drift() {
    let far: Vec<f32> = (0..10 * RATE)
        .map(|at| 0.3 * (at as f32 * 0.3).sin())
        .collect();
    let near = add(convolve(&far, &Noise(2).room(800, RATE)), &floor(far.len()));
    let mut canceller = canceller(RATE as u32).unwrap();
    let heard = run(&mut canceller, &far, &near);
    assert!(
        canceller.health().drift_ppm.abs() < 5.0,
        "{:?}",
        canceller.health()
    );
    assert!(removed(&near, &heard.out, RATE, 4.0, 10.0) > 15.0);
}

#[test]
fn broken_input_passes_by() {
    let far = Noise(1).speech(4 * RATE, RATE, 0.4);
    let mut near = add(convolve(&far, &Noise(2).room(800, RATE)), &floor(far.len()));
    let mut bad_far = far.clone();
    for at in (RATE..2 * RATE).step_by(101) {
        near[at] = f32::NAN;
        bad_far[at + 7] = f32::INFINITY;
        near[at + 3] = -1e30;
    }
    let heard = run(&mut canceller(RATE as u32).unwrap(), &bad_far, &near);
    assert!(
        heard
            .out
            .iter()
            .all(|sample| sample.is_finite() && sample.abs() <= 1.0)
    );
    let clean = add(convolve(&far, &Noise(2).room(800, RATE)), &floor(far.len()));
    assert!(
        removed(&clean, &heard.out, RATE, 3.0, 4.0) > 9.0,
        "it recovers"
    );
    // Slices of a wrong length are no reason to stop either.
    let mut canceller = canceller(RATE as u32).unwrap();
    canceller.process(&[], &[0.1; 700], &mut [0.0; 3]);
}

#[test]
fn an_overdriven_microphone_is_told() {
    let far = Noise(1).speech(4 * RATE, RATE, 0.4);
    let near: Vec<f32> = convolve(&far, &Noise(2).room(800, RATE))
        .iter()
        .map(|sample| (sample * 40.0).clamp(-1.0, 1.0))
        .collect();
    let mut canceller = canceller(RATE as u32).unwrap();
    run(&mut canceller, &far, &near);
    assert!(
        canceller.health().clipping > 0.2,
        "{:?}",
        canceller.health()
    );
}

#[test]
fn rates_without_whole_blocks_are_refused() {
    for rate in [0, 7_900, 11_025, 44_150, 96_000] {
        let error = canceller(rate).err().unwrap();
        assert!(error.to_string().contains(&rate.to_string()));
    }
    for rate in [8_000, 16_000, 44_100, 48_000] {
        let mut canceller = canceller(rate).unwrap();
        assert_eq!(canceller.frame_len() * 100, rate as usize);
        let block = vec![0.1; canceller.frame_len()];
        canceller.process(&block, &block, &mut block.clone());
    }
}
