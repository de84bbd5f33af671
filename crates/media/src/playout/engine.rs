//! The audio callback's side: when each sample is heard, at what speed, and what is heard in its stead.
//!
//! No clock, no device, no lock, no allocation: the caller passes the local time and the device's latency.

use std::sync::Arc;

use crate::audio::{Kernel, TAPS};
use crate::playout::shared::{Mark, Shared};

/// Frames the kernel looks ahead, and one in hand.
const AHEAD: u64 = TAPS as u64 / 2 + 1;
/// Frames the kernel looks back.
const BEHIND: u64 = TAPS as u64 / 2 - 1;
/// A mark that differs from the running media time by less is rounding of the sender, microseconds.
const SEAM_US: f64 = 30_000.0;
/// How much of such a difference is taken over at each mark.
const SEAM_GAIN: f64 = 0.05;
/// Farther from the target than this is not steered to but jumped, microseconds.
const JUMP_US: f64 = 120_000.0;
/// Speed correction for each second of error, and its limit: 1.5 % is a quarter of a semitone.
const SPEED_GAIN: f64 = 0.5;
const SPEED_LIMIT: f64 = 0.015;
/// With less than this in the buffer it is never played faster, microseconds.
const THIN_US: f64 = 10_000.0;
/// Time constants of the smoothed error and the smoothed device latency, seconds.
const LATE_SMOOTH_S: f64 = 0.5;
const LATENCY_SMOOTH_S: f64 = 0.5;
/// A latency that differs this much is a new device setting, not noise, microseconds.
const LATENCY_STEP_US: f64 = 100_000.0;
/// Frames of the mirrored fade-out (10 ms at 48 kHz) and of the fade-in.
const FADE_OUT: usize = 480;
const FADE_IN: f32 = 240.0;
/// Frames in which the volume goes from 0 to 1.
const VOLUME_RAMP: f32 = 480.0;

pub(super) struct Engine {
    shared: Arc<Shared>,
    rate_out: u32,
    rate_in: u32,
    kernel: Kernel,
    playing: bool,
    /// Whether `read` and `pts` belong together.
    anchored: bool,
    /// Position in the ring: frame and fraction, and its media time in microseconds.
    read: u64,
    fraction: f64,
    pts: f64,
    speed: f64,
    /// How much later than the target it is heard, smoothed, microseconds.
    late: f64,
    /// Device latency, smoothed, microseconds; `None` before the first callback.
    latency: Option<f64>,
    fade_in: f32,
    volume: f32,
    history: [[f32; 2]; FADE_OUT],
    newest: usize,
    tail: [[f32; 2]; FADE_OUT],
    tail_at: usize,
}

/// What the steering needs, fixed for one callback.
struct Aim {
    /// Local time at which the first frame is heard, microseconds.
    at: f64,
    /// Media time + this = local time at which it should be heard.
    offset: f64,
    /// What stays in the buffer when skipping, microseconds.
    keep: f64,
}

impl Engine {
    /// For a device at `rate_out` hertz.
    pub(super) fn new(shared: Arc<Shared>, rate_out: u32) -> Self {
        Self {
            shared,
            rate_out: rate_out.max(1),
            rate_in: rate_out.max(1),
            kernel: Kernel::new(rate_out, rate_out),
            playing: false,
            anchored: false,
            read: 0,
            fraction: 0.0,
            pts: 0.0,
            speed: 1.0,
            late: 0.0,
            latency: None,
            fade_in: 0.0,
            volume: 1.0,
            history: [[0.0; 2]; FADE_OUT],
            newest: 0,
            tail: [[0.0; 2]; FADE_OUT],
            tail_at: FADE_OUT,
        }
    }

    /// Fills `out` (interleaved, `channels` each frame) at local time `now_us`; its first frame is heard
    /// `latency_us` later.
    pub(super) fn render(
        &mut self,
        out: &mut [f32],
        channels: usize,
        now_us: i64,
        latency_us: i64,
    ) {
        self.shared.called(now_us);
        let channels = channels.max(1);
        let seconds = (out.len() / channels) as f64 / f64::from(self.rate_out);
        let latency = self.smooth_latency(latency_us as f64, seconds);
        let base = self.shared.base_us();
        let buffer = self.shared.buffer_us() as f64;
        let target = (buffer + latency).max(self.shared.floor_us() as f64);
        let at = now_us as f64 + latency;
        let aim = base.map(|base| Aim {
            at,
            offset: base as f64 + target,
            keep: buffer,
        });
        if let Some(aim) = &aim {
            self.steer(aim, seconds);
        }
        let clock = self.playing.then_some(at - self.pts);
        let volume = self.shared.volume();
        if !self.playing && self.tail_at >= FADE_OUT {
            // Nothing sounds: no ramp, or a muted player would begin with the end of one.
            self.volume = volume;
        }
        let step = 1e6 / f64::from(self.rate_out);
        for (i, frame) in out.chunks_mut(channels).enumerate() {
            let main = match &aim {
                Some(aim) => self.next(aim, i as f64 * step),
                None => [0.0; 2],
            };
            let value = self.mix(main);
            self.volume += (volume - self.volume).clamp(-1.0 / VOLUME_RAMP, 1.0 / VOLUME_RAMP);
            write(frame, value, self.volume);
        }
        self.shared.release(self.read.saturating_sub(BEHIND + 1));
        let delay = clock
            .zip(base)
            .map_or(0.0, |(clock, base)| clock - base as f64);
        let clock = clock.filter(|_| self.playing).map(|c| c as i64);
        self.shared.set_playing(
            clock,
            delay as i64,
            target as i64,
            latency as i64,
            self.speed,
            self.rate_in,
        );
    }

    fn smooth_latency(&mut self, latency: f64, seconds: f64) -> f64 {
        let smooth = match self.latency {
            Some(old) if (latency - old).abs() < LATENCY_STEP_US => {
                old + (latency - old) * (seconds / LATENCY_SMOOTH_S).min(1.0)
            }
            _ => latency,
        };
        self.latency = Some(smooth);
        smooth
    }

    /// Sets the speed for this callback, or jumps.
    fn steer(&mut self, aim: &Aim, seconds: f64) {
        if !self.playing {
            self.speed = 1.0;
            return;
        }
        let late = aim.at - (self.pts + aim.offset);
        self.late += (late - self.late) * (seconds / LATE_SMOOTH_S).min(1.0);
        if self.late > JUMP_US && self.buffered_us() > aim.keep + JUMP_US / 2.0 {
            self.start_tail();
            self.fade_in = 0.0;
            self.skip(self.late.max(late), aim);
            self.late = aim.at - (self.pts + aim.offset);
        } else if self.late < -JUMP_US {
            self.stop();
        }
        let correction = (self.late * 1e-6 * SPEED_GAIN).clamp(-SPEED_LIMIT, SPEED_LIMIT);
        self.speed = 1.0
            + if self.buffered_us() < THIN_US {
                correction.min(0.0)
            } else {
                correction
            };
    }

    /// The next frame, heard `after` microseconds behind the first of this callback.
    fn next(&mut self, aim: &Aim, after: f64) -> [f32; 2] {
        if !self.playing && !self.start(aim, after) {
            return [0.0; 2];
        }
        if !self.pass_marks() || self.shared.head() < self.read + AHEAD {
            if self.playing {
                self.shared.count_underrun();
                self.stop();
            }
            return [0.0; 2];
        }
        let (shared, first) = (&self.shared, self.read);
        let value = self.kernel.at(self.fraction, |tap| {
            match (first + tap as u64).checked_sub(BEHIND) {
                Some(index) => shared.frame(index),
                None => [0.0; 2],
            }
        });
        let step = f64::from(self.rate_in) / f64::from(self.rate_out) * self.speed;
        self.pts += step * 1e6 / f64::from(self.rate_in);
        self.fraction += step;
        let whole = self.fraction as u64;
        self.read += whole;
        self.fraction -= whole as f64;
        value
    }

    /// Begins to play if there is something and its time has come.
    fn start(&mut self, aim: &Aim, after: f64) -> bool {
        self.anchor();
        if !self.anchored || self.shared.head() < self.read + AHEAD {
            return false;
        }
        let late = |engine: &Self| aim.at + after - (engine.pts + aim.offset);
        if late(self) < 0.0 {
            return false;
        }
        if late(self) > SEAM_US {
            self.skip(late(self), aim);
        }
        self.late = late(self);
        self.playing = true;
        self.fade_in = 0.0;
        true
    }

    /// While nothing plays: takes over every mark that is due at the read position.
    fn anchor(&mut self) {
        while let Some(mark) = self.shared.peek_mark() {
            if !mark.flush && self.anchored && mark.index > self.read {
                return;
            }
            self.shared.pop_mark();
            self.adopt(mark);
        }
    }

    fn adopt(&mut self, mark: Mark) {
        if mark.rate != self.rate_in {
            self.rate_in = mark.rate.max(1);
            self.kernel.tune(self.rate_in, self.rate_out);
        }
        (self.read, self.fraction, self.pts) = (mark.index, 0.0, mark.pts as f64);
        self.anchored = true;
    }

    /// While playing: passes the marks up to the read position. False if a gap or a new timeline begins here.
    fn pass_marks(&mut self) -> bool {
        while let Some(mark) = self.shared.peek_mark() {
            if !mark.flush && mark.index > self.read {
                return true;
            }
            self.shared.pop_mark();
            let beyond = (self.read as f64 - mark.index as f64) + self.fraction;
            let difference = mark.pts as f64 + beyond * 1e6 / f64::from(self.rate_in) - self.pts;
            if mark.flush || mark.rate != self.rate_in || difference.abs() > SEAM_US {
                self.adopt(mark);
                self.stop();
                return false;
            }
            self.pts += difference * SEAM_GAIN;
        }
        true
    }

    /// Leaves out up to `late` microseconds, but keeps what the jitter needs.
    fn skip(&mut self, late: f64, aim: &Aim) {
        let before = self.pts;
        let mut left = late.min(self.buffered_us() - aim.keep);
        while left > 0.0 {
            let frames = (left * 1e-6 * f64::from(self.rate_in)) as u64;
            match self.shared.peek_mark() {
                Some(mark) if mark.index <= self.read + frames => {
                    self.shared.pop_mark();
                    left -= mark.pts as f64 - self.pts;
                    self.adopt(mark);
                }
                _ => {
                    self.read += frames;
                    self.pts += frames as f64 * 1e6 / f64::from(self.rate_in);
                    break;
                }
            }
        }
        self.shared.count_skipped((self.pts - before) as i64);
    }

    fn buffered_us(&self) -> f64 {
        self.shared.head().saturating_sub(self.read) as f64 * 1e6 / f64::from(self.rate_in)
    }

    /// From playing to waiting, with a fade.
    fn stop(&mut self) {
        if self.playing {
            self.start_tail();
        }
        self.playing = false;
        self.speed = 1.0;
    }

    /// The last 10 ms will be heard backwards, fading: continuous in value, so no click.
    fn start_tail(&mut self) {
        for (i, frame) in self.tail.iter_mut().enumerate() {
            let gain = 1.0 - i as f32 / FADE_OUT as f32;
            let old = self.history[(self.newest + FADE_OUT - i) % FADE_OUT];
            *frame = old.map(|s| s * gain);
        }
        self.tail_at = 0;
    }

    /// Fades the main signal in, adds the tail, remembers the sum.
    fn mix(&mut self, main: [f32; 2]) -> [f32; 2] {
        let mut value = [0.0; 2];
        if self.playing {
            self.fade_in = (self.fade_in + 1.0 / FADE_IN).min(1.0);
            value = main.map(|s| s * self.fade_in);
        }
        if self.tail_at < FADE_OUT {
            let tail = self.tail[self.tail_at];
            value = [value[0] + tail[0], value[1] + tail[1]];
            self.tail_at += 1;
        }
        self.newest = (self.newest + 1) % FADE_OUT;
        self.history[self.newest] = value;
        value
    }
}

/// One output frame: mono devices hear the mean, others the two sides in front.
fn write(frame: &mut [f32], value: [f32; 2], volume: f32) {
    match frame {
        [one] => *one = (value[0] + value[1]) * 0.5 * volume,
        [left, right, rest @ ..] => {
            *left = value[0] * volume;
            *right = value[1] * volume;
            rest.fill(0.0);
        }
        [] => {}
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
