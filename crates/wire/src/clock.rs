//! The hub's clock over MQTT, for a camera that has none.
//!
//! ```text
//! $sys/operation/ABCDE12345/cam_01          {"type":"get","resource":["time"]}
//! $sys/operation/result/ABCDE12345/cam_01   {"type":"get","time":1700000000,"ntptime1":1700000000123,"ntptime2":1700000000124}
//! ```

use crate::command::reply::Writer;
use crate::device::Device;
use crate::error::ParseError;
use crate::json::Object;

/// Longest payload that is read, in bytes.
pub const MAX_CLOCK_BYTES: usize = 1024;

const MESSAGE: &str = "clock message";

/// Where a device asks.
pub fn ask_topic(device: &Device) -> String {
    format!("$sys/operation/{device}")
}

/// Where it is answered.
pub fn answer_topic(device: &Device) -> String {
    format!("$sys/operation/result/{device}")
}

/// The question's payload.
pub fn ask() -> String {
    Writer::new()
        .field("type", "get")
        .json("resource", "[\"time\"]")
        .end()
}

/// Whether a payload asks for the time.
pub fn is_ask(payload: &[u8]) -> bool {
    let Ok(object) = Object::decode(MESSAGE, payload, MAX_CLOCK_BYTES) else {
        return false;
    };
    let resources = object.value("resource").and_then(|value| value.as_array());
    object.value("type").is_some_and(|kind| kind == "get")
        && resources.is_some_and(|all| all.iter().any(|one| one == "time"))
}

/// The hub's answer: with the device's own times of asking and hearing, it gives the clock's offset as NTP does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When the question came, unix milliseconds.
    pub came_ms: u64,
    /// When this answer was sent, unix milliseconds.
    pub sent_ms: u64,
}

impl Answer {
    /// The payload.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("type", "get")
            .json("time", &(self.came_ms / 1000).to_string())
            .json("ntptime1", &self.came_ms.to_string())
            .json("ntptime2", &self.sent_ms.to_string())
            .end()
    }

    /// Reads the payload; older hubs send `time`, in seconds, alone.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(payload: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, payload, MAX_CLOCK_BYTES)?;
        let seconds: u64 = object.required_number("time")?;
        let came_ms = object.number("ntptime1")?;
        let came_ms = came_ms.unwrap_or(seconds.saturating_mul(1000));
        Ok(Self {
            came_ms,
            sent_ms: object.number("ntptime2")?.unwrap_or(came_ms),
        })
    }
}
