//! The jitter buffer against a simulated network, sender clock and device. No sleep, no device.

use std::time::Instant;

use super::*;
use crate::audio::Samples;
use crate::playout::feed::Feed;

const RATE: u32 = 48_000;
/// Frames a callback: 10 ms.
const CALLBACK: usize = 480;
const LATENCY_US: i64 = 20_000;

/// A sender of a tone, a network, and a device, all in simulated microseconds.
struct Sim {
    shared: Arc<Shared>,
    feed: Feed,
    engine: Engine,
    /// Samples a packet, and the sender's rate.
    frame: usize,
    rate: u32,
    hertz: f64,
    /// How fast the sender's clock runs: 1.0003 gains 300 µs a second.
    drift: f64,
    /// Packets on their way: arrival and number.
    line: Vec<(i64, u64)>,
    sent: u64,
    now: i64,
    random: u64,
    out: Vec<f32>,
}

impl Sim {
    fn new() -> Self {
        Self::with(RATE, 1024)
    }

    fn with(rate: u32, frame: usize) -> Self {
        let shared = Arc::new(Shared::new(Instant::now()));
        Self {
            feed: Feed::new(shared.clone()),
            engine: Engine::new(shared.clone(), RATE),
            shared,
            frame,
            rate,
            hertz: 440.0,
            drift: 1.0,
            line: Vec::new(),
            sent: 0,
            now: 0,
            random: 1,
            out: Vec::new(),
        }
    }

    /// 0..1, the same in every run.
    fn chance(&mut self) -> f64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as f64 / f64::from(1u32 << 31)
    }

    /// Media time of packet `n`, microseconds.
    fn pts(&self, n: u64) -> i64 {
        (n as f64 * self.frame as f64 * 1e6 / f64::from(self.rate)) as i64 + 1_000_000_000
    }

    /// Local time at which packet `n` is complete at the sender.
    fn ready(&self, n: u64) -> i64 {
        ((n + 1) as f64 * self.frame as f64 * 1e6 / f64::from(self.rate) / self.drift) as i64
    }

    fn deliver(&mut self, n: u64) {
        let step = std::f64::consts::TAU * self.hertz / f64::from(self.rate);
        let first = n * self.frame as u64;
        let data = (0..self.frame as u64)
            .map(|i| (step * (first + i) as f64).sin() as f32 * 0.5)
            .collect();
        let samples = Samples {
            rate: self.rate,
            channels: 1,
            data,
        };
        // Times on the wire are whole milliseconds.
        let pts = self.pts(n).div_euclid(1000) * 1000;
        self.feed
            .push_at(&samples, pts, self.now)
            .expect("valid samples");
    }

    /// Runs for some seconds; `transit` gives each packet's way in microseconds, `None` loses it.
    fn run(&mut self, seconds: f64, mut transit: impl FnMut(&mut Self, u64) -> Option<i64>) {
        let end = self.now + (seconds * 1e6) as i64;
        while self.now < end {
            while self.ready(self.sent) <= self.now {
                let n = self.sent;
                self.sent += 1;
                if let Some(way) = transit(self, n) {
                    // A stream keeps its order.
                    let last = self.line.last().map_or(0, |&(at, _)| at);
                    self.line.push((last.max(self.ready(n) + way), n));
                }
            }
            while self.line.first().is_some_and(|&(at, _)| at <= self.now) {
                let (_, n) = self.line.remove(0);
                self.deliver(n);
            }
            let mut block = [0.0; CALLBACK * 2];
            self.engine.render(&mut block, 2, self.now, LATENCY_US);
            self.out.extend(block.chunks(2).map(|f| f[0]));
            self.now += CALLBACK as i64 * 1_000_000 / i64::from(RATE);
        }
    }

    /// Largest jump between neighbours against what the tone itself does.
    fn worst_step(&self) -> f64 {
        let tone = std::f64::consts::TAU * self.hertz / f64::from(RATE) * 0.5;
        self.out
            .windows(2)
            .map(|w| f64::from((w[1] - w[0]).abs()))
            .fold(0.0, f64::max)
            / tone
    }

    /// How far the tone's frequency over the last seconds is off, parts per million.
    fn pitch_ppm(&self, seconds: usize) -> f64 {
        let tail = &self.out[self.out.len() - seconds * RATE as usize..];
        let crossings: Vec<f64> = tail
            .windows(2)
            .enumerate()
            .filter(|(_, w)| w[0] < 0.0 && w[1] >= 0.0)
            .map(|(i, w)| i as f64 + f64::from(-w[0] / (w[1] - w[0])))
            .collect();
        let (Some(first), Some(last)) = (crossings.first(), crossings.last()) else {
            return f64::NAN;
        };
        let hertz = (crossings.len() - 1) as f64 * f64::from(RATE) / (last - first);
        (hertz / self.hertz - 1.0) * 1e6
    }
}

#[test]
fn a_steady_stream_plays_with_the_least_delay_and_no_seam() {
    let mut sim = Sim::new();
    sim.run(30.0, |_, _| Some(5_000));
    let stats = sim.shared.stats();
    assert_eq!((stats.underruns, stats.skipped_ms), (0, 0.0), "{stats:?}");
    // 20 ms of buffer and 20 ms of device.
    assert!(
        stats.playing && (stats.delay_ms - 40.0).abs() < 3.0,
        "{stats:?}"
    );
    assert!(sim.worst_step() < 1.1, "{}", sim.worst_step());
    assert!(sim.pitch_ppm(10).abs() < 100.0, "{}", sim.pitch_ppm(10));
}

#[test]
fn drift_of_300_ppm_either_way_is_followed_for_ten_minutes() {
    for drift in [1.0003, 0.9997] {
        let mut sim = Sim::new();
        sim.drift = drift;
        sim.run(600.0, |_, _| Some(5_000));
        let stats = sim.shared.stats();
        assert_eq!(
            (stats.underruns, stats.skipped_ms),
            (0, 0.0),
            "{drift}: {stats:?}"
        );
        assert!(
            (stats.delay_ms - stats.target_ms).abs() < 4.0,
            "{drift}: {stats:?}"
        );
        assert!(stats.target_ms < 50.0, "{drift}: {stats:?}");
        assert!(sim.worst_step() < 1.1, "{drift}: {}", sim.worst_step());
        let expected = (drift - 1.0) * 1e6;
        assert!(
            (sim.pitch_ppm(60) - expected).abs() < 100.0,
            "{drift}: {}",
            sim.pitch_ppm(60)
        );
    }
}

#[test]
fn jitter_raises_the_delay_and_calm_lowers_it() {
    let mut sim = Sim::new();
    sim.run(10.0, |_, _| Some(5_000));
    let calm = sim.shared.stats();
    sim.run(30.0, |sim, _| {
        Some(5_000 + (sim.chance() * 80_000.0) as i64)
    });
    let before = sim.shared.stats().underruns;
    sim.run(60.0, |sim, _| {
        Some(5_000 + (sim.chance() * 80_000.0) as i64)
    });
    let rough = sim.shared.stats();
    // Once learned, no underrun in a minute.
    assert_eq!(rough.underruns - before, 0, "{rough:?}");
    assert!((75.0..130.0).contains(&rough.target_ms), "{rough:?}");
    // Most of it within seconds, all of it when a minute has passed without any.
    sim.run(20.0, |_, _| Some(5_000));
    let wary = sim.shared.stats();
    assert!(wary.delay_ms < calm.delay_ms + 45.0, "{wary:?}");
    sim.run(60.0, |_, _| Some(5_000));
    let again = sim.shared.stats();
    assert!((again.delay_ms - calm.delay_ms).abs() < 5.0, "{again:?}");
    assert!(sim.worst_step() < 2.5, "{}", sim.worst_step());
}

#[test]
fn lost_packets_are_a_faded_gap_and_time_stays_true() {
    let mut sim = Sim::new();
    sim.run(20.0, |_, n| (n % 100 < 97).then_some(5_000));
    let stats = sim.shared.stats();
    assert!((stats.delay_ms - stats.target_ms).abs() < 5.0, "{stats:?}");
    // A click would be a jump of half the level in one step: 17 times what the tone does.
    assert!(sim.worst_step() < 2.5, "{}", sim.worst_step());
}

#[test]
fn a_stall_of_the_network_is_left_behind_within_a_second() {
    let mut sim = Sim::new();
    sim.run(10.0, |_, _| Some(5_000));
    // Nothing for 800 ms, then all of it at once.
    let resume = sim.now + 800_000;
    sim.run(0.8, |sim, n| Some((resume - sim.ready(n)).max(5_000)));
    sim.now = resume;
    sim.run(1.0, |_, _| Some(5_000));
    let stats = sim.shared.stats();
    assert!(stats.playing && stats.delay_ms < 260.0, "{stats:?}");
    assert!(stats.underruns >= 1 && stats.skipped_ms > 0.0, "{stats:?}");
    assert!(sim.worst_step() < 2.5, "{}", sim.worst_step());
}

#[test]
fn a_longer_way_for_good_is_accepted() {
    let mut sim = Sim::new();
    sim.run(10.0, |_, _| Some(5_000));
    sim.run(5.0, |_, _| Some(505_000));
    let before = sim.shared.stats();
    sim.run(20.0, |_, _| Some(505_000));
    let stats = sim.shared.stats();
    assert_eq!(stats.underruns, before.underruns, "{stats:?}");
    assert!(stats.playing && stats.delay_ms < 60.0, "{stats:?}");
}

#[test]
fn the_end_of_a_stream_fades_and_the_clock_stops() {
    let mut sim = Sim::new();
    sim.run(2.0, |_, _| Some(5_000));
    assert!(sim.shared.media_time(Instant::now()).is_some());
    sim.run(1.0, |_, _| None);
    assert!(!sim.shared.stats().playing && sim.shared.media_time(Instant::now()).is_none());
    assert!(
        sim.out[sim.out.len() - RATE as usize / 2..]
            .iter()
            .all(|&s| s == 0.0)
    );
    assert!(sim.worst_step() < 2.5, "{}", sim.worst_step());
}

#[test]
fn the_clock_says_what_is_audible() {
    let mut sim = Sim::new();
    sim.run(5.0, |_, _| Some(5_000));
    // After the last callback at `now − 10 ms`: the frame heard at local t has the sender's time t − delay.
    let delay = sim.shared.stats().delay_ms;
    let heard = sim.now - (delay * 1000.0) as i64;
    let epoch = Instant::now();
    let clock = sim.shared.us_at(epoch) - sim.shared.media_time(epoch).expect("playing");
    // Packet n is complete at ready(n), arrives 5 ms later: base = 5 ms + one packet − the zero of media time.
    let base = 5_000 + sim.ready(0) - sim.pts(0);
    assert!(
        (clock - base - (delay * 1000.0) as i64).abs() < 15_000,
        "{clock} {base} {heard}"
    );
}

#[test]
fn a_delay_target_moves_the_sound_gently() {
    let mut sim = Sim::new();
    sim.run(5.0, |_, _| Some(5_000));
    sim.shared.set_floor_us(100_000);
    sim.run(20.0, |_, _| Some(5_000));
    let stats = sim.shared.stats();
    assert!((stats.delay_ms - 100.0).abs() < 4.0, "{stats:?}");
    assert_eq!(stats.underruns, 0);
    assert!(sim.worst_step() < 1.2, "{}", sim.worst_step());
    // Far away it waits in silence instead, and comes back.
    sim.shared.set_floor_us(500_000);
    sim.run(3.0, |_, _| Some(5_000));
    let stats = sim.shared.stats();
    assert!(
        stats.playing && (stats.delay_ms - 500.0).abs() < 30.0,
        "{stats:?}"
    );
    sim.shared.set_floor_us(0);
    sim.run(10.0, |_, _| Some(5_000));
    assert!(
        (sim.shared.stats().delay_ms - 40.0).abs() < 5.0,
        "{:?}",
        sim.shared.stats()
    );
    assert!(sim.worst_step() < 2.5, "{}", sim.worst_step());
}

#[test]
fn other_rates_and_a_change_of_rate_play_at_the_right_pitch() {
    for (rate, frame) in [(8_000, 320), (16_000, 1024), (44_100, 1024)] {
        let mut sim = Sim::with(rate, frame);
        sim.run(15.0, |_, _| Some(5_000));
        let stats = sim.shared.stats();
        assert_eq!(stats.underruns, 0, "{rate}: {stats:?}");
        assert!(
            sim.pitch_ppm(5).abs() < 300.0,
            "{rate}: {}",
            sim.pitch_ppm(5)
        );
        assert!(sim.worst_step() < 1.1, "{rate}: {}", sim.worst_step());
    }
}

#[test]
fn a_new_timeline_plays_on_within_a_packet_or_two() {
    let mut sim = Sim::new();
    sim.run(5.0, |_, _| Some(5_000));
    let jump = Samples {
        rate: 16_000,
        channels: 2,
        data: vec![0.25; 16_000],
    };
    for i in 0..20 {
        let piece = Samples {
            data: jump.data[..2 * 320].to_vec(),
            ..jump.clone()
        };
        sim.feed
            .push_at(&piece, 5_000 + i * 20_000, sim.now)
            .expect("valid");
        let mut block = [0.0; CALLBACK * 2 * 2];
        sim.engine.render(&mut block, 2, sim.now, LATENCY_US);
        sim.now += 20_000;
        if i > 5 {
            assert!((block[100] - 0.25).abs() < 0.01, "{i}: {}", block[100]);
        }
    }
}

#[test]
fn mute_and_volume_ramp() {
    let mut sim = Sim::new();
    sim.run(2.0, |_, _| Some(5_000));
    sim.shared.set_muted(true);
    sim.run(0.5, |_, _| Some(5_000));
    assert_eq!(sim.out.last(), Some(&0.0));
    sim.shared.set_muted(false);
    sim.shared.set_volume(0.5);
    sim.run(0.5, |_, _| Some(5_000));
    let peak = sim.out[sim.out.len() - 4800..]
        .iter()
        .fold(0.0f32, |m, s| m.max(s.abs()));
    assert!((peak - 0.25).abs() < 0.01, "{peak}");
    assert!(sim.worst_step() < 1.5, "{}", sim.worst_step());
    sim.shared.set_volume(f32::NAN);
    assert_eq!(sim.shared.volume(), 0.0);
}

#[test]
fn a_player_muted_before_the_start_is_silent_from_the_start() {
    let mut sim = Sim::new();
    sim.shared.set_muted(true);
    sim.run(1.0, |_, _| Some(5_000));
    assert!(sim.shared.stats().playing && sim.out.iter().all(|&s| s == 0.0));
}

#[test]
fn a_flooded_buffer_drops_and_recovers() {
    let mut sim = Sim::new();
    for n in 0..500 {
        sim.deliver(n);
    }
    assert!(sim.shared.stats().skipped_ms > 0.0);
    sim.sent = 500;
    sim.now = sim.ready(499);
    sim.run(5.0, |_, _| Some(5_000));
    assert!(sim.shared.stats().playing, "{:?}", sim.shared.stats());
    assert!(sim.feed.push_at(&Samples::default(), 0, 0).is_err());
}

#[test]
fn every_device_layout_is_filled() {
    let mut sim = Sim::new();
    sim.run(1.0, |_, _| Some(5_000));
    for channels in [1, 2, 6] {
        let mut block = vec![9.0; CALLBACK * channels];
        sim.engine.render(&mut block, channels, sim.now, LATENCY_US);
        assert!(block.iter().all(|s| s.abs() <= 0.6));
    }
}
