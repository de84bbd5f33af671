//! onPosition, a script message of our own: at which moment of the wall clock the keyframe behind it was recorded.
//!
//! ```text
//!  onPosition {time: 1783440600000, jump: true}   a recording begins
//!  video key, t = 0
//!  …
//!  onPosition {time: 1783440602000, jump: false}
//!  video key, t = 2000
//!  …
//!  onPosition {time: 1783447800000, jump: true}   two hours were not recorded; t goes on by one picture
//!  video key, t = 4000
//! ```

use crate::amf0::Metadata;

/// Name of the message.
const NAME: &str = "onPosition";
/// A double counts whole milliseconds exactly up to here.
const MAX_MS: f64 = 9_007_199_254_740_992.0;

/// Where the keyframe that follows stands in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// When it was recorded, unix milliseconds.
    pub time_ms: i64,
    /// It does not follow in time on the picture before: the stream starts, something was not recorded, or the viewer
    /// sought.
    pub jump: bool,
}

impl Position {
    /// The script message, for [`Writer::metadata`](crate::Writer::metadata).
    pub fn to_metadata(self) -> Metadata {
        Metadata {
            name: NAME.into(),
            values: Vec::new(),
        }
        .with_number("time", self.time_ms as f64)
        .with_boolean("jump", self.jump)
    }

    /// Reads a script message; `None` if it is another one, or its time is none. A missing `jump` is false.
    pub fn from_metadata(metadata: &Metadata) -> Option<Self> {
        let time = metadata
            .number("time")
            .filter(|time| metadata.name == NAME && time.abs() <= MAX_MS)?;
        Some(Self {
            time_ms: time as i64,
            jump: metadata.boolean("jump").unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Item, Reader, VideoCodec, Writer};

    #[test]
    fn positions_come_out_before_their_keyframes_however_the_stream_is_cut() {
        let positions = [
            Position {
                time_ms: 1_783_440_600_123,
                jump: true,
            },
            Position {
                time_ms: -5,
                jump: false,
            },
        ];
        let (writer, mut file) = (Writer::default(), Vec::new());
        writer.header(&mut file, false, true);
        for (at, position) in (0..).step_by(2000).zip(positions) {
            writer
                .metadata(&mut file, at, &position.to_metadata())
                .unwrap();
            writer
                .video(
                    &mut file,
                    at,
                    0,
                    true,
                    VideoCodec::H264,
                    &[0, 0, 0, 1, 0x65],
                )
                .unwrap();
        }
        for size in [1, 2, 3, 7, 50, 1000] {
            let (mut reader, mut seen) = (Reader::default(), Vec::new());
            for piece in file.chunks(size) {
                reader.push(piece);
                while let Some(item) = reader.next().unwrap() {
                    match item {
                        Item::Meta(meta) => seen.push((Position::from_metadata(&meta), -1)),
                        Item::Video(tag) => seen.push((None, tag.timestamp)),
                        _ => {}
                    }
                }
            }
            let [first, second] = positions.map(Some);
            assert_eq!(
                seen,
                [(first, -1), (None, 0), (second, -1), (None, 2000)],
                "{size}"
            );
        }
    }

    #[test]
    fn the_bytes_are_those_of_amf0() {
        let mut body = Vec::new();
        let position = Position {
            time_ms: 1000,
            jump: true,
        };
        position.to_metadata().write(&mut body);
        assert_eq!(
            body,
            b"\x02\0\x0aonPosition\x08\0\0\0\x02\0\x04time\0\x40\x8f\x40\0\0\0\0\0\0\x04jump\x01\x01\0\0\x09"
        );
    }

    #[test]
    fn other_messages_and_times_that_are_none_are_not_taken() {
        let named = |name: &str| Metadata {
            name: name.into(),
            values: Vec::new(),
        };
        for message in [
            Metadata::new().with_number("time", 1.0),
            named(NAME),
            named(NAME).with_string("time", "1"),
            named(NAME).with_number("time", f64::NAN),
            named(NAME).with_number("time", f64::INFINITY),
            named(NAME).with_number("time", 1e300),
        ] {
            assert_eq!(Position::from_metadata(&message), None, "{message:?}");
        }
        let bare = named(NAME).with_number("time", 7.9);
        assert_eq!(
            Position::from_metadata(&bare),
            Some(Position {
                time_ms: 7,
                jump: false
            })
        );
    }
}
