//! What a view does by the clock: noticing silence, asking again, telling figures, saving pictures.

use super::*;

impl Show {
    /// What happens by the clock.
    pub(super) fn look(&mut self, now: Instant) {
        let silent = now.saturating_duration_since(self.last_video);
        match &self.state {
            ViewState::Live { .. } if silent > self.patience() => {
                self.freeze(self.lost_connection())
            }
            ViewState::Starting | ViewState::Reconnecting { .. } => {
                // The session knows better why nothing comes.
                match self.session.state() {
                    CameraState::Offline { failure, .. }
                        if failure.code == FailureCode::CameraUnreachable =>
                    {
                        self.freeze(failure);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        let dead = now.saturating_duration_since(self.last_any) > DEAD.max(self.patience());
        if dead && self.begun && self.current.is_some() {
            self.session.p2p().redial();
            self.lost(self.lost_connection());
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.pull();
        }
        if let Some(next) = &self.next {
            let settled = next
                .first_key
                .is_some_and(|at| now.saturating_duration_since(at) > SWITCH_SETTLE);
            let late = now.saturating_duration_since(next.pull.started) > SWITCH;
            if settled {
                self.change_over();
            } else if late {
                self.keep_quality(&self.lost_connection());
            }
        }
        if self.screen.has_failed() && !matches!(self.state, ViewState::Failed { .. }) {
            self.current = None;
            self.retry_at = None;
            let failure =
                Failure::new(FailureCode::DecoderFailed).with("camera", self.session.name());
            self.become_state(ViewState::Failed { failure });
        }
        if now.saturating_duration_since(self.told.0) >= STATS {
            self.told.0 = now;
            self.tell_stats(now);
        }
        if now.saturating_duration_since(self.told.1) >= PROGRESS {
            self.told.1 = now;
            self.tell_recording();
        }
        if self.was_live && now.saturating_duration_since(self.told.2) >= THUMBNAIL {
            self.told.2 = now;
            self.save_thumbnail();
        }
    }

    pub(super) fn lost_connection(&self) -> Failure {
        Failure::new(FailureCode::ConnectionLost).with("camera", self.session.name())
    }

    fn tell_stats(&mut self, now: Instant) {
        let sound = self.sound.as_ref();
        let stats = self.stats.gather(now, &self.screen, &self.session, sound);
        self.core.tell(Event::Stats {
            view: self.view,
            stats,
        });
    }

    pub(super) fn record(&mut self) -> Result<Progress, Failure> {
        if let Some(recorder) = &self.recorder {
            return Ok(recorder.progress());
        }
        if self.gop.key().is_none() && !self.was_live {
            return Err(Failure::new(FailureCode::NoPictureYet).with("camera", self.session.name()));
        }
        let units: &[Unit] = if self.gop.is_cut() {
            &[]
        } else {
            self.gop.units()
        };
        let sound = !self.stats.shown().audio_codec.is_empty();
        let recorder =
            Recorder::start(in_folder(&self.media_dir, self.session.key()), units, sound)?;
        let progress = recorder.progress();
        self.recorder = Some(recorder);
        Ok(progress)
    }

    fn tell_recording(&mut self) {
        let Some(recorder) = &self.recorder else {
            return;
        };
        let Progress {
            path,
            bytes,
            duration_ms,
            failure,
        } = recorder.progress();
        if failure.is_some() {
            self.recorder = None;
        }
        let path = path.display().to_string();
        self.core.tell(Event::Recording {
            view: self.view,
            path,
            bytes,
            duration_ms,
            ended: failure,
        });
    }

    /// Makes and saves the last picture beside the stream.
    fn save_thumbnail(&self) {
        let Some(key) = self.gop.key().cloned() else {
            return;
        };
        let (core, session) = (self.core.clone(), self.session.clone());
        tokio::task::spawn_blocking(move || save_thumbnail(&core, &session, &[key]));
    }
}

pub(super) fn save_thumbnail(core: &Core, session: &Session, pictures: &[VideoUnit]) {
    let saved = snapshot::thumbnail(pictures, &session.name())
        .and_then(|jpeg| core.book.save_thumbnail(session.key(), &jpeg));
    match saved {
        Ok(()) => core.tell(Event::Thumbnail {
            camera: session.key().to_owned(),
        }),
        Err(failure) => tracing::debug!(%failure, "no thumbnail"),
    }
}
