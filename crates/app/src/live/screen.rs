//! What a view's channel carries now: access units, or pictures decoded here.

use super::pictures::Pictures;
use super::sink::{AccessUnits, Channel, Frame};
use super::{VideoTrack, VideoUnit};
use crate::api::frame::Config;
use crate::api::{Quality, Sink};
use std::sync::Arc;

/// One view's screen.
pub struct Screen {
    channel: Arc<Channel>,
    kind: Kind,
    /// Which stream of the view; 0 before the first one.
    generation: u16,
    track: Option<Arc<VideoTrack>>,
    dropped_before: u64,
}

enum Kind {
    Units(AccessUnits),
    Pictures(Pictures),
}

impl Kind {
    fn new(channel: &Arc<Channel>, sink: Sink, max_width: u32) -> Self {
        match sink {
            Sink::AccessUnits => Self::Units(AccessUnits::new(channel.clone())),
            Sink::Pictures => Self::Pictures(Pictures::start(channel.clone(), max_width)),
        }
    }

    fn dropped(&self) -> u64 {
        match self {
            Self::Units(units) => units.dropped(),
            Self::Pictures(pictures) => pictures.dropped(),
        }
    }
}

impl Screen {
    /// On that channel.
    pub fn new(channel: Arc<Channel>, sink: Sink, max_width: u32) -> Self {
        let kind = Kind::new(&channel, sink, max_width);
        Self {
            channel,
            kind,
            generation: 0,
            track: None,
            dropped_before: 0,
        }
    }

    /// The channel carries something else from here on. Begins with the next key picture.
    pub fn change(&mut self, sink: Sink, max_width: u32) {
        self.dropped_before += self.kind.dropped();
        self.kind = Kind::new(&self.channel, sink, max_width);
        self.restart();
    }

    /// Another stream follows. Begins with its next key picture.
    pub fn restart(&mut self) {
        self.track = None;
    }

    /// Shows the next picture; `false` while waiting for a key picture.
    pub fn show(&mut self, unit: &VideoUnit, quality: Quality) -> bool {
        let fresh = !self
            .track
            .as_ref()
            .is_some_and(|track| Arc::ptr_eq(track, &unit.track));
        if fresh && !unit.key {
            return false;
        }
        if fresh {
            self.generation = self.generation.wrapping_add(1);
            self.track = Some(unit.track.clone());
        }
        let pts = unit.pts.saturating_mul(1000);
        match &mut self.kind {
            Kind::Pictures(pictures) => pictures.push(unit, self.generation, quality),
            Kind::Units(units) => {
                let frame = Frame {
                    generation: self.generation,
                    pts,
                    key: false,
                    catch_up: false,
                    config: true,
                    body: Vec::new(),
                };
                if fresh {
                    let track = &unit.track;
                    let (width, height) = (track.width, track.height);
                    let config = Config {
                        codec: track.codec_string.clone(),
                        width,
                        height,
                        quality,
                    };
                    units.push(Frame {
                        body: serde_json::to_vec(&config).unwrap_or_default(),
                        ..frame.clone()
                    });
                }
                let body = unit.track.annex_b(unit);
                units.push(Frame {
                    key: unit.key,
                    catch_up: unit.catch_up,
                    config: false,
                    body,
                    ..frame
                });
            }
        }
        true
    }

    /// Whether the next picture is shown without waiting for others.
    pub fn has_room(&self) -> bool {
        match &self.kind {
            Kind::Units(units) => units.has_room(),
            Kind::Pictures(pictures) => pictures.has_room(),
        }
    }

    /// Whether pictures that are decoded and not drawn may be shown without others being dropped.
    pub fn has_room_behind(&self) -> bool {
        match &self.kind {
            Kind::Units(units) => units.has_room_behind(),
            Kind::Pictures(pictures) => pictures.has_room_behind(),
        }
    }

    /// The screen has taken everything up to `seq`.
    pub fn acknowledge(&mut self, seq: u32) {
        self.channel.acknowledge(seq);
        if let Kind::Units(units) = &mut self.kind {
            units.flush();
        }
    }

    /// Pictures dropped because the screen fell behind.
    pub fn dropped(&self) -> u64 {
        self.dropped_before + self.kind.dropped()
    }

    /// Whether the view has said that it is gone.
    pub fn is_gone(&self) -> bool {
        self.channel.is_gone()
    }

    /// Whether our own decoder gave up.
    pub fn has_failed(&self) -> bool {
        matches!(&self.kind, Kind::Pictures(pictures) if pictures.has_failed())
    }
}
