//! What flows through a view's binary channel: a 16-byte header and a body.
//!
//! ```text
//!  0        1        2           4                   8                                   16
//!  +--------+--------+-----------+-------------------+-----------------------------------+-----
//!  | kind   | flags  | generation| seq               | pts, µs                           | body
//!  | u8     | u8     | u16 LE    | u32 LE            | i64 LE                            |
//!  +--------+--------+-----------+-------------------+-----------------------------------+-----
//! ```
//!
//! * kind 1, configuration: body is the JSON of [`Config`]. A new generation begins: the decoder is made anew.
//! * kind 2, access unit: body is Annex B with the parameter sets in front of every key picture.
//! * kind 3, picture: body is `u16 LE` width, `u16 LE` height, then I420 planes, tightly packed.
//!
//! `generation` counts streams of one view (a reconnect or a change of quality makes a new one); `seq` counts
//! frames of one view and is what the UI acknowledges.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Bytes before the body.
pub const HEADER: usize = 16;
/// Kind: configuration.
pub const KIND_CONFIG: u8 = 1;
/// Kind: access unit.
pub const KIND_ACCESS_UNIT: u8 = 2;
/// Kind: decoded picture.
pub const KIND_PICTURE: u8 = 3;
/// Flag: a key picture.
pub const FLAG_KEY: u8 = 1;
/// Flag: pictures before this one were dropped.
pub const FLAG_DISCONTINUITY: u8 = 2;
/// Flag: decode but do not draw: catching up with live.
pub const FLAG_CATCH_UP: u8 = 4;

/// How the UI opens its decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "api.ts")]
pub struct Config {
    /// WebCodecs codec string (`avc1.42C01F`, `hvc1.1.6.L93.B0`); empty for decoded pictures.
    pub codec: String,
    /// Picture width.
    pub width: u32,
    /// Picture height.
    pub height: u32,
    /// The quality this generation carries.
    pub quality: super::Quality,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// One of the `KIND_` constants.
    pub kind: u8,
    /// `FLAG_` bits.
    pub flags: u8,
    /// Which stream of the view.
    pub generation: u16,
    /// Which frame of the view.
    pub seq: u32,
    /// Media time, µs.
    pub pts: i64,
}

impl Header {
    /// The header and `body` as one buffer.
    pub fn with_body(self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + body.len());
        out.push(self.kind);
        out.push(self.flags);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.pts.to_le_bytes());
        out.extend_from_slice(body);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_sixteen_bytes_little_endian() {
        let bytes = Header {
            kind: 2,
            flags: 1,
            generation: 0x0102,
            seq: 0x03040506,
            pts: 7,
        }
        .with_body(&[9]);
        assert_eq!(bytes, [2, 1, 2, 1, 6, 5, 4, 3, 7, 0, 0, 0, 0, 0, 0, 0, 9]);
    }
}
