//! What a view measures, stage by stage.

use super::pull::Opened;
use super::screen::Screen;
use super::sound::Sound;
use crate::api::{Drawn, ViewStats};
use crate::session::Session;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Pictures whose arrival is remembered until they are drawn.
const MAX_ARRIVALS: usize = 512;
/// Weight of the newest value in a running mean.
const NEWEST: f32 = 0.25;

/// Running figures of one view.
#[derive(Debug)]
pub struct Stats {
    shown: ViewStats,
    asked: Option<Instant>,
    since: Instant,
    drawn: u32,
    bytes: u64,
    /// Media time, µs, and arrival of pictures not yet drawn.
    arrivals: VecDeque<(i64, Instant)>,
}

impl Stats {
    /// At a view's opening.
    pub fn new(now: Instant) -> Self {
        Self {
            shown: ViewStats::default(),
            asked: None,
            since: now,
            drawn: 0,
            bytes: 0,
            arrivals: VecDeque::new(),
        }
    }

    /// What does not change with time: codecs, size, sink.
    pub fn shown(&mut self) -> &mut ViewStats {
        &mut self.shown
    }

    /// A stream was asked for and the camera answers. Only the first one of a view counts as its start.
    pub fn opened(&mut self, opened: Opened) {
        if self.asked.is_none() {
            self.asked = Some(opened.asked);
            self.shown.connect_ms = Some(ms(opened.connect));
            self.shown.first_byte_ms = Some(ms(opened.first_byte));
        }
    }

    /// Bytes of the stream arrived.
    pub fn received(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// A picture goes to the screen.
    pub fn picture(&mut self, pts_us: i64, key: bool, arrived: Instant) {
        if key && self.shown.first_keyframe_ms.is_none() {
            self.shown.first_keyframe_ms = self
                .asked
                .map(|asked| ms(arrived.saturating_duration_since(asked)));
        }
        if self.arrivals.len() >= MAX_ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((pts_us, arrived));
    }

    /// A new stream: times of the one before mean nothing.
    pub fn restart(&mut self) {
        self.arrivals.clear();
    }

    /// The screen has drawn.
    pub fn drawn(&mut self, drawn: &Drawn, now: Instant) {
        self.drawn = self.drawn.saturating_add(drawn.count);
        let ago = Duration::try_from_secs_f32((drawn.ago_ms / 1000.0).clamp(0.0, 60.0))
            .unwrap_or_default();
        let at = now.checked_sub(ago).unwrap_or(now);
        while let Some((pts, arrived)) = self.arrivals.front().copied() {
            if pts > drawn.pts {
                break;
            }
            self.arrivals.pop_front();
            if pts == drawn.pts {
                mean(
                    &mut self.shown.latency_ms,
                    ms(at.saturating_duration_since(arrived)),
                );
            }
        }
        if self.shown.first_picture_ms.is_none() && drawn.count > 0 {
            self.shown.first_picture_ms = self
                .asked
                .map(|asked| ms(at.saturating_duration_since(asked)));
        }
    }

    /// Times of the screen's own stages.
    pub fn stages(&mut self, decode_ms: Option<f32>, draw_ms: Option<f32>) {
        for (shown, value) in [
            (&mut self.shown.decode_ms, decode_ms),
            (&mut self.shown.draw_ms, draw_ms),
        ] {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                mean(shown, value);
            }
        }
    }

    /// The figures now, with what screen, session and sound know themselves.
    pub fn gather(
        &mut self,
        now: Instant,
        screen: &Screen,
        session: &Session,
        sound: Option<&Sound>,
    ) -> ViewStats {
        self.shown.dropped = screen.dropped();
        self.shown.path = session.path();
        self.shown.viewers = session.viewers();
        self.shown.lip_sync_ms = sound.and_then(Sound::lip_sync_ms);
        self.shown.audio_buffer_ms = sound.and_then(Sound::buffered_ms);
        self.take(now)
    }

    /// The figures now; rates are over the time since the last call.
    fn take(&mut self, now: Instant) -> ViewStats {
        let passed = now.saturating_duration_since(self.since).as_secs_f32();
        if passed > 0.0 {
            self.shown.fps = self.drawn as f32 / passed;
            self.shown.bit_rate = self.bytes as f64 * 8.0 / f64::from(passed);
            (self.since, self.drawn, self.bytes) = (now, 0, 0);
        }
        self.shown.clone()
    }
}

/// Milliseconds of a duration.
pub fn ms(duration: Duration) -> f32 {
    duration.as_secs_f32() * 1000.0
}

fn mean(shown: &mut Option<f32>, value: f32) {
    *shown = Some(shown.map_or(value, |before| before + (value - before) * NEWEST));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_rates_come_from_their_events() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut stats = Stats::new(start);
        stats.opened(Opened {
            asked: start,
            connect: Duration::from_millis(20),
            first_byte: Duration::from_millis(30),
        });
        stats.received(12_500);
        stats.picture(0, true, at(40));
        stats.picture(33_000, false, at(73));
        stats.drawn(
            &Drawn {
                pts: 33_000,
                ago_ms: 7.0,
                count: 2,
            },
            at(100),
        );
        let shown = stats.take(at(1000));
        assert_eq!(
            (
                shown.connect_ms,
                shown.first_byte_ms,
                shown.first_keyframe_ms
            ),
            (Some(20.0), Some(30.0), Some(40.0))
        );
        assert_eq!(shown.first_picture_ms.unwrap().round(), 93.0);
        assert_eq!(shown.latency_ms.unwrap().round(), 20.0);
        assert_eq!((shown.fps, shown.bit_rate), (2.0, 100_000.0));
        let shown = stats.take(at(2000));
        assert_eq!((shown.fps, shown.bit_rate), (0.0, 0.0));
    }

    #[test]
    fn hostile_acknowledgements_do_no_harm() {
        let mut stats = Stats::new(Instant::now());
        stats.drawn(
            &Drawn {
                pts: i64::MIN,
                ago_ms: f32::NAN,
                count: u32::MAX,
            },
            Instant::now(),
        );
        stats.drawn(
            &Drawn {
                pts: i64::MAX,
                ago_ms: f32::INFINITY,
                count: u32::MAX,
            },
            Instant::now(),
        );
        stats.stages(Some(f32::NAN), None);
        assert_eq!(stats.take(Instant::now()).decode_ms, None);
    }
}
