//! Configuration records from an encoder's parameter sets.

use crate::error::{Error, Result};
use crate::video::Codec;

/// avcC or hvcC from parameter sets in Annex B form.
pub(super) fn from_annexb(codec: Codec, sets: &[u8]) -> Result<Vec<u8>> {
    match codec {
        Codec::H264 => flv::avc::Config::from_annexb(sets).map(|c| c.to_bytes()),
        Codec::Hevc => flv::hevc::Config::from_annexb(sets).map(|c| c.to_bytes()),
    }
    .map_err(|e| {
        Error::input(
            "reading the encoder's parameter sets",
            e.to_string(),
            "one of each kind",
        )
    })
}
