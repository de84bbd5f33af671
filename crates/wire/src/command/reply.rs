//! Replies to commands. Each is read leniently (numbers or text, object or array, NUL behind) and written strictly:
//! the documents' shape, numbers as text.

mod card_status;
mod device_status;
mod events;
mod file_hash;
mod file_list;
mod month_record;
mod nvr_list;
mod playback;
mod ptz_reply;
mod record_index;
mod refusal;
mod user_reply;

pub use card_status::{CardState, CardStatus};
pub use device_status::{DeviceStatus, Status};
pub use events::{Event, Events};
pub use file_hash::FileHash;
pub use file_list::{File, FileList};
pub use month_record::MonthRecord;
pub use nvr_list::{NvrChannel, NvrList};
pub use playback::{PlaybackStatus, Progress};
pub use ptz_reply::PtzReply;
pub use record_index::{RecordIndex, Recording};
pub use refusal::Refusal;
pub use user_reply::{UserRefusal, UserReply};

/// A camera keeps its replies below this, in bytes: a longer one blocks the link of old viewers (device SDK header).
pub const MAX_REPLY_BYTES: usize = 16 << 10;
/// Longest reply that is read, in bytes.
pub const MAX_READ_BYTES: usize = 256 << 10;

use serde_json::{Map, Value};

use crate::error::ParseError;
use crate::json::Object;

/// A topic's `result` must be 0.
fn done(object: &Object) -> Result<(), ParseError> {
    match object.required_number::<i32>("result")? {
        0 => Ok(()),
        other => Err(ParseError::invalid(
            object.message,
            "result",
            &other.to_string(),
            "0",
        )),
    }
}

/// Builds the strict form of a reply: fields in the given order, every number as text.
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { text: "{".into() }
    }

    /// A field whose value is written as a JSON text.
    pub(crate) fn field(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.name(name);
        self.text
            .push_str(&Value::String(value.to_string()).to_string());
        self
    }

    /// A field that is left out if there is no value.
    pub(crate) fn optional(self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// A field whose value is JSON already.
    pub(crate) fn json(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        self.text.push_str(value);
        self
    }

    /// A field that is JSON already and is left out if there is none.
    pub(crate) fn optional_json(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.json(name, value),
            None => self,
        }
    }

    /// All fields of an object.
    pub(crate) fn all(mut self, map: &Map<String, Value>) -> Self {
        for (name, value) in map {
            self = self.json(name, &value.to_string());
        }
        self
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(&Value::from(name).to_string());
        self.text.push(':');
    }
}

/// `[a,b,c]` of values that are JSON already.
pub(crate) fn array(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}
