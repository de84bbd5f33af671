//! Pictures on their way to the screen, with times that rise whatever is played.

use super::*;
use crate::api::{Drawn, Quality};
use crate::live::VideoUnit;

impl Play {
    /// Sends a picture; a hidden one is decoded and not drawn.
    pub(super) fn show(&mut self, unit: &VideoUnit, hidden: bool, now: Instant) {
        if !self.send(unit, hidden, now) && !unit.key {
            self.follow_track(unit, now);
            self.send(unit, hidden, now);
        }
        self.gop.push(&Unit::Video(unit.clone()));
        self.track = Some(unit.track.clone());
        if !hidden {
            self.at_ms = unit.moment_ms();
        }
    }

    /// The stream turned out to reorder, so its decoder must know: the group of pictures is decoded again for it.
    fn follow_track(&mut self, unit: &VideoUnit, now: Instant) {
        for mut before in self.gop.pictures() {
            before.track = unit.track.clone();
            self.send(&before, true, now);
        }
    }

    /// Shows the picture at hand on a screen that has just begun, or goes back to it.
    pub(super) fn show_again(&mut self, now: Instant) {
        let pictures = self.gop.pictures();
        let last = pictures.len().saturating_sub(1);
        for (n, unit) in pictures.iter().enumerate() {
            self.send(unit, n != last, now);
        }
        if let Some(unit) = pictures.last() {
            self.at_ms = unit.moment_ms();
        }
    }

    fn send(&mut self, unit: &VideoUnit, hidden: bool, now: Instant) -> bool {
        let real_ms = self.real_ms(now);
        self.screen_ms = (self.screen_ms + 1).max(real_ms as i64);
        let pts = self.screen_ms;
        let shown = VideoUnit {
            pts,
            dts: pts,
            catch_up: hidden,
            arrived: now,
            ..unit.clone()
        };
        if !self.screen.show(&shown, quality(unit)) {
            return false;
        }
        self.stats.picture(pts.saturating_mul(1000), unit.key, now);
        if unit.key {
            let track = &unit.track;
            let shown = self.stats.shown();
            (shown.width, shown.height) = (track.width, track.height);
            shown.video_codec = track.codec_name();
        }
        if self.sent.len() >= SENT {
            self.sent.pop_front();
        }
        self.sent.push_back((pts, real_ms));
        true
    }

    /// A picture was drawn: its sound is to be heard at the same time.
    pub(super) fn align(&mut self, drawn: &Drawn, now: Instant) {
        let Some(sound) = &mut self.sound else { return };
        let pts = drawn.pts / 1000;
        if let Some((_, real_ms)) = self.sent.iter().find(|(sent, _)| *sent == pts) {
            let ago = Duration::try_from_secs_f32((drawn.ago_ms / 1000.0).clamp(0.0, 10.0))
                .unwrap_or_default();
            sound.align(*real_ms, now.checked_sub(ago).unwrap_or(now));
        }
    }

    /// A moment of this machine's clock as ms from `epoch`: what pictures and sound have in common at any speed.
    pub(super) fn real_ms(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.epoch).as_secs_f64() * 1000.0
    }
}

/// The quality whose size the picture has: a recording does not say which one it was.
fn quality(unit: &VideoUnit) -> Quality {
    match unit.track.width {
        1920.. => Quality::Super,
        1280..1920 => Quality::High,
        _ => Quality::Standard,
    }
}
