//! Changing the quality without a gap: the new stream runs beside the old one until it is live.

use super::*;

/// A stream that is to replace the one shown.
pub(super) struct Next {
    pub(super) pull: Pull,
    /// From its newest key picture on, before it is live; shown at once when it is.
    gop: Gop,
    /// When its first key picture came.
    pub(super) first_key: Option<Instant>,
}

impl Next {
    /// Keeps the next unit; `false` if it keeps as much as it may.
    pub(super) fn push(&mut self, unit: Unit) -> bool {
        if matches!(&unit, Unit::Video(video) if video.key) {
            self.first_key.get_or_insert_with(Instant::now);
        }
        self.gop.push(&unit);
        !self.gop.is_cut()
    }
}

impl Show {
    pub(super) fn change_quality(&mut self, quality: Quality) {
        self.next = None;
        if let ViewState::Failed { .. } = self.state {
            self.become_state(ViewState::Starting);
        }
        match &self.current {
            Some(current) if current.quality == quality => self.quality = quality,
            // Nothing is shown yet, or nothing comes: there is nothing to keep on screen meanwhile.
            None => {
                self.quality = quality;
                self.pull();
            }
            Some(_) if !self.begun => {
                self.quality = quality;
                self.pull();
            }
            Some(_) => {
                let pull = self.start_pull(quality);
                self.next = Some(Next {
                    pull,
                    gop: Gop::default(),
                    first_key: None,
                });
            }
        }
    }

    /// The new quality is not to be had: the old one goes on.
    pub(super) fn keep_quality(&mut self, failure: &Failure) {
        tracing::info!(view = self.view, %failure, "quality kept");
        self.next = None;
        match self.current {
            Some(_) => self.core.tell(Event::View {
                view: self.view,
                state: self.state.clone(),
            }),
            None => self.pull(),
        }
    }

    /// The new quality has a live picture: it takes the screen.
    pub(super) fn change_over(&mut self) {
        let Some(next) = self.next.take() else { return };
        self.quality = next.pull.quality;
        self.current = Some(next.pull);
        self.begin();
        for unit in next.gop.units() {
            self.unit(unit.clone());
        }
    }
}
