//! What goes wrong, where, and whether reading goes on.

use crate::item::Stream;

/// A report from [`Reader::next`](crate::Reader::next). None is fatal: calling again continues behind the trouble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes at `offset` are no tag. The reader searches from here;
    /// [`Item::Skipped`](crate::Item::Skipped) tells when it has found one.
    #[error("not FLV at byte {offset}: {reason}")]
    LostSync {
        /// Offset in the stream.
        offset: u64,
        /// What was wrong.
        reason: LostSync,
    },
    /// One tag was dropped because its body is malformed.
    #[error("bad {stream} tag at byte {offset}: {reason}")]
    BadTag {
        /// Offset of the tag in the stream.
        offset: u64,
        /// Which stream it belonged to.
        stream: Stream,
        /// What was wrong.
        reason: Malformed,
    },
    /// One script message was dropped because it is malformed.
    #[error("bad script tag at byte {offset}: {reason}")]
    BadScript {
        /// Offset of the tag in the stream.
        offset: u64,
        /// What was wrong.
        reason: Malformed,
    },
    /// The stream uses something this crate does not carry. Reported once for each thing; its tags are dropped and
    /// the other stream goes on.
    #[error("unsupported {stream}: {what}")]
    Unsupported {
        /// Which stream.
        stream: Stream,
        /// What it uses.
        what: Unsupported,
    },
    /// A timestamp jumped and was repaired: the stream goes on at `to`. The tag itself comes with the next call.
    #[error("{stream} timestamp jumped from {from} to {sent} ms, repaired to {to}")]
    TimestampJump {
        /// Which stream.
        stream: Stream,
        /// Time of the tag before, ms.
        from: i64,
        /// Time the tag would have had, ms.
        sent: i64,
        /// Time the tag gets, ms.
        to: i64,
    },
}

/// Why the reader lost its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LostSync {
    /// The stream does not begin with the FLV file header.
    #[error("no FLV file header")]
    NoFileHeader,
    /// Tag type, reserved bits or stream id are impossible.
    #[error("no tag header")]
    NoTagHeader,
    /// The tag is larger than the limit.
    #[error("tag of {size} bytes, the limit is {limit}")]
    TooLarge {
        /// Bytes it claims.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// What is wrong with bytes that should have followed a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes end in the middle of something.
    #[error("ends too early")]
    Truncated,
    /// A field has a value outside what the format allows.
    #[error("{field} is {value}")]
    Value {
        /// Name of the field in its specification.
        field: &'static str,
        /// What it was.
        value: i64,
    },
    /// Nested deeper than allowed.
    #[error("nested too deep")]
    TooDeep,
    /// More values than allowed.
    #[error("too many values")]
    TooMany,
    /// A parameter set that must be there is missing.
    #[error("no {0}")]
    Missing(&'static str),
}

/// What a stream uses that this crate does not carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Motion JPEG. A camera that sends it serves it over plain HTTP instead.
    #[error("motion JPEG in FLV")]
    Mjpeg,
    /// A codec known by its number in the FLV specification.
    #[error("codec id {0}")]
    CodecId(u8),
    /// A codec known by its FourCC.
    #[error("codec '{}'", .0.escape_ascii())]
    FourCc([u8; 4]),
    /// PCM with 8-bit samples.
    #[error("8-bit PCM")]
    Pcm8,
    /// Several tracks in one tag (Enhanced RTMP).
    #[error("several tracks in one tag")]
    Multitrack,
    /// A packet type of Enhanced RTMP without meaning for this codec.
    #[error("enhanced packet type {0}")]
    PacketType(u8),
    /// Encrypted tags.
    #[error("encrypted tags")]
    Encrypted,
}

/// Why a tag could not be written. Nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A tag's size field has 24 bits.
    #[error("tag body of {size} bytes, FLV holds at most 16777215")]
    TooLarge {
        /// Bytes of the body.
        size: usize,
    },
    /// CompositionTime has 24 bits and a sign.
    #[error("composition time of {0} ms does not fit 24 bits")]
    CompositionTime(i32),
}
