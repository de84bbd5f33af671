//! Reply to `get_nvr_list`: `[{"DeviceName":"x","Channel":"1","Online":"1"}]`.

use crate::error::ParseError;
use crate::json::Object;

use super::{MAX_READ_BYTES, Writer, array};

const MESSAGE: &str = "get_nvr_list reply";

/// One camera behind a recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvrChannel {
    /// Its name.
    pub device_name: String,
    /// The channel to ask for it.
    pub channel: u32,
    /// Whether the recorder reaches it.
    pub online: bool,
}

/// Reply to `get_nvr_list`. A camera that is no recorder lists itself as channel 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvrList {
    /// The cameras.
    pub channels: Vec<NvrChannel>,
}

impl NvrList {
    /// Reads the reply; one object counts as a list of one.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let channels = Object::decode_list(MESSAGE, bytes, MAX_READ_BYTES)?
            .iter()
            .map(|object| {
                Ok(NvrChannel {
                    device_name: object.required_text("DeviceName")?,
                    channel: object.required_number("Channel")?,
                    online: object.number::<i64>("Online")?.unwrap_or(0) != 0,
                })
            })
            .collect::<Result<_, ParseError>>()?;
        Ok(Self { channels })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        array(self.channels.iter().map(|channel| {
            Writer::new()
                .field("DeviceName", &channel.device_name)
                .field("Channel", channel.channel)
                .field("Online", u8::from(channel.online))
                .end()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        let text = r#"[{"DeviceName":"name1","Channel":"1","Online":"0"},{"DeviceName":"name2","Channel":"2","Online":"1"}]"#;
        let list = NvrList::decode(text.as_bytes()).unwrap();
        assert_eq!(list.channels.len(), 2);
        assert!(list.channels[1].online && !list.channels[0].online);
        assert_eq!(list.encode(), text);
    }

    #[test]
    fn reads_one_object_numbers_and_booleans() {
        let list = NvrList::decode(br#"{"DeviceName":7,"Channel":1,"Online":true}"#).unwrap();
        assert_eq!(
            list.channels,
            [NvrChannel {
                device_name: "7".into(),
                channel: 1,
                online: true
            }]
        );
        assert_eq!(NvrList::decode(b"[]").unwrap().channels, []);
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("[3]", "text"),
            (r#"[{"Channel":1}]"#, "DeviceName"),
            (r#"[{"DeviceName":"a"}]"#, "Channel"),
            (
                r#"[{"DeviceName":"a","Channel":1,"Online":"yes"}]"#,
                "Online",
            ),
        ] {
            assert_eq!(
                NvrList::decode(text.as_bytes()).unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }
}
