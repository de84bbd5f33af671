//! Reply to `get_device_st`: `[{"status":"0","appConnectNum":"2"}]`.

use crate::error::ParseError;
use crate::json::Object;

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
}

impl DeviceStatus {
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
        })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        array([Writer::new()
            .field("status", self.status.number())
            .optional("appConnectNum", self.app_connect_num)
            .optional("maxConnectNum", self.max_connect_num)
            .end()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        let reply = DeviceStatus {
            status: Status::Accept,
            app_connect_num: Some(1),
            max_connect_num: None,
        };
        assert_eq!(reply.encode(), r#"[{"status":"0","appConnectNum":"1"}]"#);
        assert_eq!(DeviceStatus::decode(reply.encode().as_bytes()), Ok(reply));
    }

    #[test]
    fn reads_what_old_firmware_sends() {
        let full = DeviceStatus {
            status: Status::TooManyConnections,
            app_connect_num: Some(4),
            max_connect_num: Some(4),
        };
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
