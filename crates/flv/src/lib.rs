//! FLV both ways, incremental and zero-copy, and the codec headers inside it. No I/O, no clock, no `unsafe`.
//!
//! | | read | write | refused, once, as [`Error::Unsupported`] |
//! |---|---|---|---|
//! | video | H.264: id 7, `avc1`; H.265: id 12, `hvc1`, `hev1` | ids 7 and 12, or `avc1` and `hvc1` | motion JPEG, every other codec, multitrack |
//! | audio | AAC: 10, `mp4a`; G.711 A/µ-law: 7, 8; PCM 16 bit LE: 3, 0; Opus: `Opus` | the same, AAC as 10 | every other codec, 8-bit PCM, multitrack |
//! | script | AMF0 | AMF0 | |
//!
//! ```
//! let mut file = Vec::new();
//! let writer = flv::Writer::default();
//! writer.header(&mut file, false, true);
//! writer.video(&mut file, 40, 0, true, flv::VideoCodec::H264, &[0, 0, 0, 1, 0x65])?;
//!
//! let mut reader = flv::Reader::default();
//! for piece in file.chunks(7) {
//!     reader.push(piece);
//!     loop {
//!         match reader.next() {
//!             Ok(Some(flv::Item::Video(tag))) => assert_eq!((tag.timestamp, tag.data.len()), (40, 5)),
//!             Ok(Some(_)) => {}
//!             Ok(None) => break, // push more
//!             Err(report) => eprintln!("{report}"), // reading goes on
//!         }
//!     }
//! }
//! # Ok::<(), flv::WriteError>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aac;
pub mod amf0;
pub mod avc;
mod bits;
mod clock;
mod config;
mod error;
mod format;
pub mod hevc;
mod item;
pub mod nal;
pub mod opus;
mod position;
mod reader;
mod reorder;
mod writer;

pub use amf0::{Metadata, Value};
pub use clock::{BACKWARD_JITTER_MS, TimestampPolicy};
pub use config::VideoConfig;
pub use error::{Error, LostSync, Malformed, Unsupported, WriteError};
pub use item::{AudioCodec, AudioKind, AudioTag, Item, Stream, VideoCodec, VideoKind, VideoTag};
pub use position::Position;
pub use reader::{Limits, Reader};
pub use reorder::{Order, ReorderCheck};
pub use writer::{AudioFormat, Writer, WriterOptions};
