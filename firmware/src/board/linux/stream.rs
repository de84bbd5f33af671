//! A V4L2 device's own H.264.

use std::sync::Arc;

use flv::{VideoCodec, avc, nal};

use super::device::Capture;
use crate::board::{CodedSource, CodedUnit, Fault};
use crate::clock::Clock;
use crate::demand::Demand;

pub(super) struct Stream {
    capture: Capture,
    clock: Arc<Clock>,
    record: Vec<u8>,
}

impl Stream {
    pub(super) fn new(capture: Capture, clock: Arc<Clock>) -> Self {
        Self {
            capture,
            clock,
            record: Vec::new(),
        }
    }
}

impl CodedSource for Stream {
    fn next(&mut self, _: &Demand) -> Result<Vec<CodedUnit>, Fault> {
        let record = &mut self.record;
        let mut units = self.capture.frame(|bytes| units(bytes, record))?;
        let now_ms = self.clock.media_us(self.clock.wall_us()) / 1000;
        for unit in &mut units {
            if let CodedUnit::Video { at_ms, .. } = unit {
                *at_ms = now_ms;
            }
        }
        Ok(units)
    }
}

/// An access unit in Annex B as units of ours; the configuration only if it is not `record`.
fn units(annexb: &[u8], record: &mut Vec<u8>) -> Vec<CodedUnit> {
    let mut out = Vec::new();
    if let Ok(config) = avc::Config::from_annexb(annexb) {
        let new = config.to_bytes();
        if *record != new {
            record.clone_from(&new);
            out.push(CodedUnit::VideoConfig {
                codec: VideoCodec::H264,
                record: new,
            });
        }
    }
    let (mut data, mut key, mut pictures) = (Vec::with_capacity(annexb.len() + 16), false, false);
    for unit in nal::split_annexb(annexb) {
        match avc::nal_type(unit) {
            avc::NAL_SPS | avc::NAL_PPS => continue,
            kind => {
                key |= kind == avc::NAL_IDR;
                pictures |= (avc::NAL_SLICE..=avc::NAL_IDR).contains(&kind);
            }
        }
        nal::push_length(unit, &mut data);
    }
    if pictures {
        out.push(CodedUnit::Video {
            at_ms: 0,
            composition_ms: 0,
            key,
            data,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_become_the_configuration_once() {
        let sps = [
            0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0xd0, 0x0f, 0x08, 0x84, 0x6a,
        ];
        let mut frame = Vec::new();
        for unit in [&sps[..], &[0x68, 0xce, 0x3c, 0x80], &[0x65, 0x88, 0x80]] {
            frame.extend([0, 0, 0, 1]);
            frame.extend(unit);
        }
        let mut record = Vec::new();
        let first = units(&frame, &mut record);
        assert!(matches!(first[0], CodedUnit::VideoConfig { .. }));
        let data = vec![0, 0, 0, 3, 0x65, 0x88, 0x80];
        assert_eq!(
            first[1],
            CodedUnit::Video {
                at_ms: 0,
                composition_ms: 0,
                key: true,
                data
            }
        );
        assert_eq!(units(&frame, &mut record).len(), 1);
        assert!(units(&[], &mut record).is_empty() && units(&[0xff; 100], &mut record).is_empty());
    }
}
