//! Reply to `get_record_index`: `{"video_list":[{"type":"0","start_time":"s","end_time":"s"}]}`.

use serde_json::Value;

use crate::error::ParseError;
use crate::json::Object;

use super::{MAX_READ_BYTES, Writer, array};

const MESSAGE: &str = "get_record_index reply";

/// One stretch of recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The maker's kind of recording.
    pub kind: Option<u32>,
    /// Unix seconds.
    pub start_time: u64,
    /// Unix seconds.
    pub end_time: u64,
}

/// Reply to `get_record_index`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordIndex {
    /// As the camera lists them.
    pub video_list: Vec<Recording>,
}

impl RecordIndex {
    /// Reads the reply. `video_list` may be an array, one object, a text that holds either, or empty.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        let video_list = read_list(&mut object, "video_list")?
            .iter()
            .map(|object| {
                Ok(Recording {
                    kind: object.number("type")?,
                    start_time: object.required_number("start_time")?,
                    end_time: object.required_number("end_time")?,
                })
            })
            .collect::<Result<_, ParseError>>()?;
        Ok(Self { video_list })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        let list = array(self.video_list.iter().map(|recording| {
            Writer::new()
                .optional("type", recording.kind)
                .field("start_time", recording.start_time)
                .field("end_time", recording.end_time)
                .end()
        }));
        Writer::new().json("video_list", &list).end()
    }
}

/// The list at `field`: an array, one object, a text that holds either; `null`, `""` and `"0"` are empty lists.
pub(super) fn read_list(
    object: &mut Object,
    field: &'static str,
) -> Result<Vec<Object>, ParseError> {
    let message = object.message;
    if !object.map.contains_key(field) {
        return Err(ParseError::missing(message, field, "a list"));
    }
    match object.take(field) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if matches!(text.trim(), "" | "0") => Ok(Vec::new()),
        Some(Value::String(text)) => match serde_json::from_str(&text) {
            Ok(value) => Object::list(message, field, value),
            Err(_) => Err(ParseError::invalid(message, field, &text, "a list")),
        },
        Some(value) => Object::list(message, field, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        for text in [
            r#"{"video_list":[{"start_time":"1783440600","end_time":"1783441200"}]}"#,
            r#"{"video_list":[{"type":"0","start_time":"1","end_time":"2"},{"start_time":"3","end_time":"4"}]}"#,
            r#"{"video_list":[]}"#,
        ] {
            assert_eq!(RecordIndex::decode(text.as_bytes()).unwrap().encode(), text);
        }
    }

    #[test]
    fn video_list_is_read_as_array_object_or_text() {
        for text in [
            r#"{"video_list":[{"start_time":1,"end_time":"2"}]}"#,
            r#"{"video_list":{"start_time":"1","end_time":"2"}}"#,
            r#"{"video_list":"[{\"start_time\":\"1\",\"end_time\":\"2\"}]"}"#,
            "[{\"video_list\":[{\"start_time\":\"1\",\"end_time\":\"2\"}]}]\0",
        ] {
            let index = RecordIndex::decode(text.as_bytes()).unwrap();
            assert_eq!(
                index.video_list,
                [Recording {
                    kind: None,
                    start_time: 1,
                    end_time: 2
                }],
                "{text}"
            );
        }
        for empty in [
            r#"{"video_list":""}"#,
            r#"{"video_list":"0"}"#,
            r#"{"video_list":null}"#,
        ] {
            assert_eq!(
                RecordIndex::decode(empty.as_bytes()).unwrap().video_list,
                []
            );
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("{}", "video_list"),
            (r#"{"video_list":"8320"}"#, "video_list"),
            (r#"{"video_list":"oops"}"#, "video_list"),
            (r#"{"video_list":[{"end_time":1}]}"#, "start_time"),
            (
                r#"{"video_list":[{"start_time":1,"end_time":-2}]}"#,
                "end_time",
            ),
        ] {
            assert_eq!(
                RecordIndex::decode(text.as_bytes()).unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }
}
