//! The newest key picture and everything since: what a snapshot, a recording or a new screen starts from.

use super::{Unit, VideoUnit};

/// Bytes kept at most: 20 s at 6 Mbit/s.
const MAX_BYTES: usize = 16 << 20;
/// Units kept at most.
const MAX_UNITS: usize = 4096;

/// The current group of pictures, with the sound beside it.
#[derive(Debug, Default, Clone)]
pub struct Gop {
    units: Vec<Unit>,
    bytes: usize,
    /// It grew too large: from here on units are missing, so only its beginning is of use.
    cut: bool,
}

impl Gop {
    /// Takes the next unit of the stream.
    pub fn push(&mut self, unit: &Unit) {
        if let Unit::Video(video) = unit
            && video.key
        {
            self.clear();
        }
        if self.units.is_empty() && !matches!(unit, Unit::Video(video) if video.key) {
            return;
        }
        self.cut |= self.bytes + unit.len() > MAX_BYTES || self.units.len() >= MAX_UNITS;
        if !self.cut {
            self.bytes += unit.len();
            self.units.push(unit.clone());
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.units.clear();
        self.bytes = 0;
        self.cut = false;
    }

    /// Units from the key picture on, in the order they came.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Pictures from the key picture on.
    pub fn pictures(&self) -> Vec<VideoUnit> {
        self.units
            .iter()
            .filter_map(|unit| match unit {
                Unit::Video(video) => Some(video.clone()),
                Unit::Audio(_) => None,
            })
            .collect()
    }

    /// The key picture.
    pub fn key(&self) -> Option<&VideoUnit> {
        match self.units.first() {
            Some(Unit::Video(video)) => Some(video),
            _ => None,
        }
    }

    /// Whether it lacks its end.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::VideoTrack;
    use std::sync::Arc;
    use std::time::Instant;

    fn unit(track: &Arc<VideoTrack>, key: bool, bytes: usize) -> Unit {
        Unit::Video(VideoUnit {
            track: track.clone(),
            pts: 0,
            dts: 0,
            key,
            catch_up: false,
            data: vec![0; bytes].into(),
            arrived: Instant::now(),
            moment: None,
        })
    }

    #[test]
    fn it_begins_at_the_newest_key_picture_and_is_bounded() {
        let record = [1, 0x42, 0, 31, 0xff, 0xe0, 0];
        let track = VideoTrack::new(flv::VideoCodec::H264, &record, false).unwrap();
        let track = Arc::new(track);
        let mut gop = Gop::default();
        gop.push(&unit(&track, false, 1));
        assert!(gop.key().is_none(), "nothing before a key picture");
        for key in [true, false, false, true, false] {
            gop.push(&unit(&track, key, 1));
        }
        assert_eq!(gop.units().len(), 2);
        for _ in 0..100 {
            gop.push(&unit(&track, false, 1 << 20));
        }
        let kept: usize = gop.units().iter().map(Unit::len).sum();
        assert!(gop.is_cut() && kept <= MAX_BYTES, "{kept}");
        for _ in 0..2 * MAX_UNITS {
            gop.push(&unit(&track, false, 0));
        }
        assert!(gop.units().len() <= MAX_UNITS);
        gop.push(&unit(&track, true, 1));
        assert!(!gop.is_cut() && gop.units().len() == 1);
    }
}
