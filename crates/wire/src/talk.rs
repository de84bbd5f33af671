//! Talk: what a camera plays, who holds the floor, and how a talk goes and ends.
//!
//! ```text
//!  viewer                                   camera
//!    get_device_st type=voice ───────────────>   [{"status":"0",…,"voice":"aac/16000,opus/48000","talker":""}]
//!    POST …/voice?channel=0, FLV ────────────>   200, one JSON line an event, as long as the talk lasts
//!                           <── {"type":"success"}
//!                           <── {"type":"progress","delay_ms":"84",…}
//!                           <── {"type":"stop","error":"taken_over","by":"Ben"}
//! ```

mod event;
mod floor;
mod format;

pub use event::{Progress, VoiceEvent};
pub use floor::{Floor, FloorAsk, Person};
pub use format::{MAX_FORMATS, VoiceCodec, VoiceFormat, VoiceFormats};

pub(crate) use format::read as read_formats;
