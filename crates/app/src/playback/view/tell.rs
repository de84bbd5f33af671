//! What a playback tells the UI.

use super::*;
use crate::api::Event;

/// The position is told this often while it changes.
pub(super) const EVERY: Duration = Duration::from_millis(100);
/// Statistics are told this often.
const STATS: Duration = Duration::from_millis(500);

impl Play {
    /// Tells what has changed: a state at once, a position ten times a second.
    pub(super) fn tell(&mut self, now: Instant) {
        let state = self.state();
        let wrong = matches!(state, PlaybackState::Failed | PlaybackState::Buffering);
        let playback = Playback {
            view: self.view,
            state,
            at_ms: self.at_ms,
            speed: self.speed.number(),
            seeks: self.seeks,
            at_live_edge: self.at_edge && self.paused.is_none(),
            failure: self.failure.clone().filter(|_| wrong),
        };
        let moved = self.told.as_ref() != Some(&playback);
        let turned = self.told.as_ref().is_none_or(|told| {
            let here = Playback {
                at_ms: playback.at_ms,
                ..told.clone()
            };
            here != playback
        });
        let at_once = turned || self.paused.is_some();
        if moved && (at_once || now.saturating_duration_since(self.told_at) >= EVERY) {
            self.told_at = now;
            self.told = Some(playback.clone());
            self.core.tell(Event::Playback { playback });
        }
        if now.saturating_duration_since(self.stats_at) >= STATS {
            self.stats_at = now;
            self.tell_stats(now);
        }
    }

    fn tell_stats(&mut self, now: Instant) {
        let sound = self.sound.as_ref();
        let stats = self.stats.gather(now, &self.screen, &self.session, sound);
        self.core.tell(Event::Stats {
            view: self.view,
            stats,
        });
    }
}
