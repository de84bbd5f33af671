//! Reply to `events`: `{"result":"0","events":[{"kind":"motion","start_time":"s","end_time":"s"}]}`.

use crate::error::ParseError;
use crate::json::Object;

use super::record_index::read_list;
use super::{MAX_READ_BYTES, Writer, array, done};

const MESSAGE: &str = "events reply";

/// Something the camera noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What, for example [`Event::MOTION`].
    pub kind: String,
    /// Unix seconds.
    pub start_time: u64,
    /// Unix seconds.
    pub end_time: u64,
}

impl Event {
    /// Something moved.
    pub const MOTION: &str = "motion";
}

/// Reply to `events`. A refusal is read as a [`UserReply`](super::UserReply).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// Oldest first.
    pub events: Vec<Event>,
}

impl Events {
    /// Reads the reply.
    ///
    /// # Errors
    /// Which field is wrong; `result` if the camera refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        done(&object)?;
        let events = read_list(&mut object, "events")?
            .iter()
            .map(|object| {
                Ok(Event {
                    kind: object.required_text("kind")?,
                    start_time: object.required_number("start_time")?,
                    end_time: object.required_number("end_time")?,
                })
            })
            .collect::<Result<_, ParseError>>()?;
        Ok(Self { events })
    }

    /// One JSON object.
    pub fn encode(&self) -> String {
        let list = array(self.events.iter().map(|event| {
            Writer::new()
                .field("kind", &event.kind)
                .field("start_time", event.start_time)
                .field("end_time", event.end_time)
                .end()
        }));
        Writer::new().field("result", 0).json("events", &list).end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_its_form_and_reads_it_back() {
        for text in [
            r#"{"result":"0","events":[]}"#,
            r#"{"result":"0","events":[{"kind":"motion","start_time":"1783440600","end_time":"1783440612"}]}"#,
        ] {
            assert_eq!(Events::decode(text.as_bytes()).unwrap().encode(), text);
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            (r#"{"result":"-2004","error":"no_card"}"#, "result"),
            (r#"{"result":"0"}"#, "events"),
            (
                r#"{"result":"0","events":[{"kind":"motion"}]}"#,
                "start_time",
            ),
        ] {
            assert_eq!(Events::decode(text.as_bytes()).unwrap_err().field(), field);
        }
    }
}
