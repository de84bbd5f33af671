//! How a command can end: the documents' `sendCommand` result.
//!
//! ```text
//! {"type":"success","status":200,"data":"<reply>"}
//! {"type":"failure","status":404,"data":"<reply>","errcode":-2000,"errmsg":"…"}
//! {"type":"error","errcode":-2403,"errmsg":"…"}
//! {"type":"timeout"}
//! ```

use crate::error::{Code, ParseError};
use crate::json::Object;

use super::reply::Writer;

const MESSAGE: &str = "command result";

/// The four ends of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The camera did it.
    Success {
        /// Its reply, to be read by a type of [`reply`](super::reply).
        data: String,
        /// HTTP status, 2xx.
        status: u16,
    },
    /// The camera answered that it will not or cannot.
    Failure {
        /// Its reply.
        data: String,
        /// HTTP status.
        status: u16,
        /// The documents' code, if there is one for the reason.
        code: Option<Code>,
        /// The reason in words.
        message: Option<String>,
    },
    /// There is no answer because the request could not be made.
    Error {
        /// Why.
        code: Code,
        /// Why, in words.
        message: String,
    },
    /// There is no answer in time.
    Timeout,
}

impl Outcome {
    /// Success for a 2xx status, else failure.
    pub fn from_response(status: u16, data: String) -> Self {
        if (200..300).contains(&status) {
            return Self::Success { data, status };
        }
        Self::Failure {
            data,
            status,
            code: None,
            message: None,
        }
    }

    /// The value of `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Success { .. } => "success",
            Self::Failure { .. } => "failure",
            Self::Error { .. } => "error",
            Self::Timeout => "timeout",
        }
    }

    /// Compact JSON.
    pub fn encode(&self) -> String {
        let result = Writer::new().field("type", self.kind());
        match self {
            Self::Success { data, status } => result
                .json("status", &status.to_string())
                .field("data", data),
            Self::Failure {
                data,
                status,
                code,
                message,
            } => {
                let result = result
                    .json("status", &status.to_string())
                    .field("data", data);
                match code {
                    Some(code) => result.json("errcode", &code.number().to_string()),
                    None => result,
                }
                .optional("errmsg", message.as_ref())
            }
            Self::Error { code, message } => result
                .json("errcode", &code.number().to_string())
                .field("errmsg", message),
            Self::Timeout => result,
        }
        .end()
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, super::reply::MAX_READ_BYTES)?;
        let data = || Ok(object.text("data")?.unwrap_or_default());
        match object.required_text("type")?.as_str() {
            "success" => Ok(Self::Success {
                data: data()?,
                status: object.number("status")?.unwrap_or(200),
            }),
            "failure" => Ok(Self::Failure {
                data: data()?,
                status: object.required_number("status")?,
                code: read_code(&object)?,
                message: object.text("errmsg")?,
            }),
            "error" => Ok(Self::Error {
                code: read_code(&object)?.ok_or_else(|| {
                    ParseError::missing(MESSAGE, "errcode", "an error code from -2801 to 0")
                })?,
                message: object.text("errmsg")?.unwrap_or_default(),
            }),
            "timeout" => Ok(Self::Timeout),
            other => Err(ParseError::invalid(
                MESSAGE,
                "type",
                other,
                "success, failure, error or timeout",
            )),
        }
    }
}

fn read_code(object: &Object) -> Result<Option<Code>, ParseError> {
    let Some(number) = object.number::<i32>("errcode")? else {
        return Ok(None);
    };
    match Code::from_number(number) {
        Some(code) => Ok(Some(code)),
        None => Err(ParseError::invalid(
            MESSAGE,
            "errcode",
            &number.to_string(),
            "an error code from -2801 to 0",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_round_trip() {
        for outcome in [
            Outcome::Success {
                data: "[{\"status\":\"0\"}]".into(),
                status: 200,
            },
            Outcome::Failure {
                data: String::new(),
                status: 503,
                code: None,
                message: None,
            },
            Outcome::Failure {
                data: "no".into(),
                status: 404,
                code: Some(Code::BadParameter),
                message: Some("channel 9".into()),
            },
            Outcome::Error {
                code: Code::ServiceNotStarted,
                message: "not connected".into(),
            },
            Outcome::Timeout,
        ] {
            assert_eq!(Outcome::decode(outcome.encode().as_bytes()), Ok(outcome));
        }
        assert_eq!(Outcome::Timeout.encode(), r#"{"type":"timeout"}"#);
    }

    #[test]
    fn the_http_status_decides_between_success_and_failure() {
        assert_eq!(Outcome::from_response(206, "x".into()).kind(), "success");
        assert_eq!(Outcome::from_response(404, "x".into()).kind(), "failure");
        assert_eq!(Outcome::from_response(199, "x".into()).kind(), "failure");
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("{}", "type"),
            (r#"{"type":"maybe"}"#, "type"),
            (r#"{"type":"failure"}"#, "status"),
            (r#"{"type":"error"}"#, "errcode"),
            (r#"{"type":"error","errcode":-1}"#, "errcode"),
            (r#"{"type":"success","status":99999}"#, "status"),
        ] {
            assert_eq!(
                Outcome::decode(text.as_bytes()).unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }
}
