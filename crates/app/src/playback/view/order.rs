//! What a playback is told to do.

use super::*;

impl Play {
    pub(super) fn obey(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Play(action) => self.act(action, now),
            Order::Sink {
                sink,
                max_width,
                reason,
            } => {
                tracing::info!(view = self.view, ?sink, reason, "another sink");
                let shown = self.stats.shown();
                shown.sink = Some(sink);
                shown.fallback = (sink == Sink::Pictures).then_some(reason);
                self.screen.change(sink, max_width);
                self.show_again(now);
            }
            Order::Ack {
                seq,
                drawn,
                decode_ms,
                draw_ms,
            } => {
                self.screen.acknowledge(seq);
                self.stats.stages(decode_ms, draw_ms);
                if let Some(drawn) = drawn {
                    self.stats.drawn(&drawn, now);
                    self.align(&drawn, now);
                }
            }
            Order::Pictures(reply) => {
                let _ = reply.send(self.gop.pictures());
            }
            Order::Retry => {
                self.backoff.reset();
                self.session.p2p().retry();
                if self.pull.is_none() && !self.finished {
                    self.failure = None;
                    self.ask(self.at_ms);
                }
            }
            // The app gives these to live views alone, and the end is seen to where orders come in.
            Order::Quality(_) | Order::Record(_) | Order::StopRecording(_) | Order::Close(_) => {}
        }
    }

    fn act(&mut self, action: PlaybackAction, now: Instant) {
        match action {
            PlaybackAction::Pause => self.pause(now),
            PlaybackAction::Resume => {
                (self.paused, self.steps, self.failure) = (None, 0, None);
                self.look_no_more(now);
                if self.pull.is_none() && self.retry_at.is_none() {
                    self.ask(self.at_ms);
                }
            }
            PlaybackAction::Seek { at_ms } => {
                (self.steps, self.failure) = (0, None);
                self.seeks = self.seeks.saturating_add(1);
                self.backoff.reset();
                self.ask(at_ms.max(0));
            }
            // The app has looked at it already.
            PlaybackAction::Speed { speed } => {
                if let Ok(speed) = Speed::new(speed) {
                    self.change_speed(speed, now);
                }
            }
            PlaybackAction::Step { back } => self.step(back, now),
        }
    }

    fn pause(&mut self, now: Instant) {
        self.paused.get_or_insert(now);
        self.steps = 0;
        (self.starved, self.at_edge) = (None, false);
        self.clock.stop(now);
        if let Some(sound) = &mut self.sound {
            sound.restart();
        }
    }

    pub(super) fn change_speed(&mut self, speed: Speed, now: Instant) {
        let before = std::mem::replace(&mut self.speed, speed);
        if before == speed {
            return;
        }
        self.clock.change_rate(speed.rate(), now);
        if let Some(sound) = &mut self.sound {
            sound.restart();
        }
        if before.pictures() == speed.pictures() {
            return;
        }
        if self.paused.is_some() && !self.opening {
            // The picture stays; what follows it is asked for when it goes on.
            self.let_go();
            self.finished = false;
        } else {
            self.ask(self.at_ms);
        }
    }

    fn step(&mut self, back: bool, now: Instant) {
        if self.opening {
            return;
        }
        self.pause(now);
        self.look_no_more(now);
        let whole = self.speed.is_whole();
        if !whole {
            self.change_speed(Speed::NORMAL, now);
        }
        if !back {
            if self.pull.is_none() && !self.finished {
                self.ask(self.at_ms);
            }
            self.steps = 1;
            return;
        }
        let mut shown = self.gop.pictures();
        let reaches = whole && !self.gop.is_cut() && shown.len() >= 2;
        match shown.pop() {
            Some(last) if reaches => {
                self.line.put_back(last);
                self.gop.clear();
                for unit in shown {
                    self.gop.push(&Unit::Video(unit));
                }
                self.show_again(now);
            }
            // The picture before belongs to the keyframe before.
            _ => self.ask((self.at_ms - 1).max(0)),
        }
    }
}
