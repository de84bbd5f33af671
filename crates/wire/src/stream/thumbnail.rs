//! `action=thumbnail`: one small picture of a recorded moment.
//!
//! ```text
//! action=thumbnail&channel=0&time=<s>[&width=16..1280]
//! ```

use std::ops::RangeInclusive;

use crate::error::ParseError;
use crate::query::Query;

use super::MESSAGE;

/// Widths a thumbnail can have, in pixels.
pub const THUMBNAIL_WIDTHS: RangeInclusive<u16> = 16..=1280;

const WIDTH: &str = "16 to 1280 pixels";

/// The keyframe at or before a moment, as a small picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbnail {
    /// 0 for a camera, the child's index for an NVR.
    pub channel: u32,
    /// The moment, unix seconds.
    pub time: u64,
    /// Width in pixels, within [`THUMBNAIL_WIDTHS`]; the camera's choice if not given. The height follows.
    pub width: Option<u16>,
}

impl Thumbnail {
    pub(super) fn read(query: &Query<'_>) -> Result<Self, ParseError> {
        let width: Option<u16> = query.number("width", WIDTH)?;
        if let Some(width) = width.filter(|width| !THUMBNAIL_WIDTHS.contains(width)) {
            return Err(ParseError::invalid(
                MESSAGE,
                "width",
                &width.to_string(),
                WIDTH,
            ));
        }
        Ok(Self {
            channel: query.channel()?,
            time: query.required_number("time", "unix seconds")?,
            width,
        })
    }

    pub(super) fn to_query(self) -> String {
        let mut text = format!(
            "action=thumbnail&channel={}&time={}",
            self.channel, self.time
        );
        if let Some(width) = self.width {
            text.push_str(&format!("&width={width}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::StreamRequest;

    #[test]
    fn a_thumbnail_round_trips_with_and_without_a_width() {
        for width in [None, Some(16), Some(1280)] {
            let request = StreamRequest::Thumbnail(Thumbnail {
                channel: 1,
                time: 1_783_440_600,
                width,
            });
            assert_eq!(StreamRequest::parse(&request.to_path()), Ok(request));
        }
    }

    #[test]
    fn errors_name_the_parameter() {
        for (rest, field) in [
            ("", "time"),
            ("&time=-1", "time"),
            ("&time=1&width=15", "width"),
            ("&time=1&width=1281", "width"),
            ("&time=1&width=70000", "width"),
        ] {
            let path = format!("/ipc.p2p.com/ipc.flv?action=thumbnail{rest}");
            assert_eq!(
                StreamRequest::parse(&path).unwrap_err().field(),
                field,
                "{rest}"
            );
        }
    }
}
