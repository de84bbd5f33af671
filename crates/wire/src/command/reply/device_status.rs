//! Reply to `get_device_st`: `[{"status":"0","appConnectNum":"2"}]`.

use crate::error::ParseError;
use crate::json::Object;
use crate::talk::{VoiceFormats, read_formats};

use super::{MAX_READ_BYTES, Writer, array};

const MESSAGE: &str = "get_device_st reply";

/// Whether a camera agrees. Numbers as the Android SDK's `DeviceStatus` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// `0`: go on.
    Accept,
    /// `1`: refused.
    Refuse,
    /// `404`: the request is wrong.
    BadRequest,
    /// `405`: as many viewers as it can serve.
    TooManyConnections,
    /// `406`: it cannot do this.
    Unsupported,
    /// `407`: something in the camera is broken.
    DeviceError,
    /// A number of the maker's own.
    Other(u32),
}

impl Status {
    /// The number on the wire.
    pub fn number(self) -> u32 {
        match self {
            Self::Accept => 0,
            Self::Refuse => 1,
            Self::BadRequest => 404,
            Self::TooManyConnections => 405,
            Self::Unsupported => 406,
            Self::DeviceError => 407,
            Self::Other(number) => number,
        }
    }

    /// The status of that number.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Accept,
            1 => Self::Refuse,
            404 => Self::BadRequest,
            405 => Self::TooManyConnections,
            406 => Self::Unsupported,
            407 => Self::DeviceError,
            other => Self::Other(other),
        }
    }

    pub(super) fn read(object: &Object) -> Result<Self, ParseError> {
        object.required_number("status").map(Self::from_number)
    }
}

/// Reply to `get_device_st`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// May the stream be started?
    pub status: Status,
    /// Viewers now.
    pub app_connect_num: Option<u32>,
    /// Viewers it can serve.
    pub max_connect_num: Option<u32>,
    /// Reply to `type=voice`, **own**: what the camera plays, the best first.
    pub voice: Option<VoiceFormats>,
    /// Reply to `type=voice`, **own**: the name of who talks; `None` if the floor is free.
    pub talker: Option<String>,
}

impl DeviceStatus {
    /// A status without anything about voice.
    pub fn new(status: Status, now: Option<u32>, max: Option<u32>) -> Self {
        Self {
            status,
            app_connect_num: now,
            max_connect_num: max,
            voice: None,
            talker: None,
        }
    }

    /// Reads the reply.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        Ok(Self {
            status: Status::read(&object)?,
            app_connect_num: object.number("appConnectNum")?,
            max_connect_num: object.number("maxConnectNum")?,
            voice: read_formats(&object, "voice")?,
            talker: object.text("talker")?,
        })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        array([Writer::new()
            .field("status", self.status.number())
            .optional("appConnectNum", self.app_connect_num)
            .optional("maxConnectNum", self.max_connect_num)
            .optional("voice", self.voice.as_ref())
            .optional("talker", self.talker.as_ref())
            .end()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::VoiceCodec;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        let reply = DeviceStatus::new(Status::Accept, Some(1), None);
        assert_eq!(reply.encode(), r#"[{"status":"0","appConnectNum":"1"}]"#);
        assert_eq!(DeviceStatus::decode(reply.encode().as_bytes()), Ok(reply));
    }

    #[test]
    fn reads_what_old_firmware_sends() {
        let full = DeviceStatus::new(Status::TooManyConnections, Some(4), Some(4));
        for text in [
            r#"[{"status":"405","appConnectNum":"4","maxConnectNum":"4"}]"#,
            r#"{"status":405,"appConnectNum":4,"maxConnectNum":4}"#,
            "[{\"status\":405,\"appConnectNum\":\"4\",\"maxConnectNum\":4}]\0",
        ] {
            assert_eq!(
                DeviceStatus::decode(text.as_bytes()),
                Ok(full.clone()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_camera_says_what_it_plays_and_what_is_unknown_is_skipped() {
        let text = r#"[{"status":"0","voice":"aac/16000,opus/48000","talker":"Anna"}]"#;
        let reply = DeviceStatus::decode(text.as_bytes()).unwrap();
        assert_eq!(reply.encode(), text);
        let voice = reply.voice.unwrap();
        let rate = |codec| voice.choose(codec).map(|format| format.sample_rate);
        assert_eq!(
            (rate(None), rate(Some(VoiceCodec::Opus))),
            (Some(16_000), Some(48_000))
        );
        assert_eq!(rate(Some(VoiceCodec::Pcm)), None);
        let odd = r#"[{"status":0,"voice":"0/8000, amr/8000,aac/1,4/16000,pcm"}]"#;
        let voice = DeviceStatus::decode(odd.as_bytes()).unwrap().voice.unwrap();
        assert_eq!(voice.to_string(), "pcm/8000,aac/16000");
        let many = format!(r#"{{"status":0,"voice":"{}"}}"#, "pcm/8000,".repeat(500));
        let voice = DeviceStatus::decode(many.as_bytes())
            .unwrap()
            .voice
            .unwrap();
        assert_eq!(voice.0.len(), crate::talk::MAX_FORMATS);
    }

    #[test]
    fn status_numbers_round_trip() {
        for number in [0, 1, 2, 10, 404, 405, 406, 407, 408] {
            assert_eq!(Status::from_number(number).number(), number);
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("", "text"),
            ("[]", "text"),
            ("<html>", "text"),
            ("[{}]", "status"),
            (r#"[{"status":"no"}]"#, "status"),
            (r#"[{"status":"0","appConnectNum":"-1"}]"#, "appConnectNum"),
        ] {
            assert_eq!(
                DeviceStatus::decode(text.as_bytes()).unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }
}
