//! Reply to a PTZ command:
//! `{"result":"0","apex":"no","current_x":"10","current_y":"0","max_x":"180",…}`.

use crate::error::ParseError;
use crate::json::Object;

use super::{MAX_READ_BYTES, Writer};

const MESSAGE: &str = "ptz reply";

/// Reply to a PTZ command. Positions are in the motor's own units; a camera that does not know them leaves them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PtzReply {
    /// 0 if the motor obeys.
    pub result: i32,
    /// Whether it stands at an end of its way; none if not told.
    pub apex: Option<bool>,
    /// Where it looks, across.
    pub current_x: Option<i32>,
    /// Where it looks, up and down.
    pub current_y: Option<i32>,
    /// End of its way, across.
    pub max_x: Option<i32>,
    /// End of its way, up and down.
    pub max_y: Option<i32>,
    /// Other end of its way, across.
    pub min_x: Option<i32>,
    /// Other end of its way, up and down.
    pub min_y: Option<i32>,
}

impl PtzReply {
    /// Whether the motor obeys.
    pub fn ok(&self) -> bool {
        self.result == 0
    }

    /// Reads the reply. `apex` is `yes`/`no`, `1`/`0` or `true`/`false`.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        let apex = match object.text("apex")?.as_deref() {
            None | Some("") => None,
            Some("yes" | "1" | "true") => Some(true),
            Some("no" | "0" | "false") => Some(false),
            Some(other) => return Err(ParseError::invalid(MESSAGE, "apex", other, "yes or no")),
        };
        Ok(Self {
            result: object.required_number("result")?,
            apex,
            current_x: object.number("current_x")?,
            current_y: object.number("current_y")?,
            max_x: object.number("max_x")?,
            max_y: object.number("max_y")?,
            min_x: object.number("min_x")?,
            min_y: object.number("min_y")?,
        })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("result", self.result)
            .optional(
                "apex",
                self.apex.map(|apex| if apex { "yes" } else { "no" }),
            )
            .optional("current_x", self.current_x)
            .optional("current_y", self.current_y)
            .optional("max_x", self.max_x)
            .optional("max_y", self.max_y)
            .optional("min_x", self.min_x)
            .optional("min_y", self.min_y)
            .end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        for text in [
            r#"{"result":"0","apex":"no"}"#,
            r#"{"result":"0","apex":"yes","current_x":"180","current_y":"-5","max_x":"180","max_y":"45","min_x":"-180","min_y":"-45"}"#,
            r#"{"result":"-1"}"#,
        ] {
            assert_eq!(PtzReply::decode(text.as_bytes()).unwrap().encode(), text);
        }
        assert!(!PtzReply::decode(br#"{"result":-1}"#).unwrap().ok());
    }

    #[test]
    fn reads_numbers_and_other_words_for_yes() {
        let reply = PtzReply::decode(b"[{\"result\":0,\"apex\":1,\"current_x\":3}]\0").unwrap();
        assert_eq!((reply.apex, reply.current_x), (Some(true), Some(3)));
        assert!(reply.ok());
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("{}", "result"),
            (r#"{"result":"0","apex":"maybe"}"#, "apex"),
            (r#"{"result":"0","max_y":"high"}"#, "max_y"),
        ] {
            assert_eq!(
                PtzReply::decode(text.as_bytes()).unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }
}
