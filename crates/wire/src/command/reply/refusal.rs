//! Body of a refused stream (HTTP 4xx and 5xx):
//! `{"status":"405","error":"too_many_viewers","appConnectNum":"8","maxConnectNum":"8"}`.

use crate::error::ParseError;
use crate::json::Object;

use super::{MAX_READ_BYTES, Status, Writer};

/// Why a camera does not serve a stream. The documents leave the body open; this is Porthole's form, and the one
/// object that `get_device_st` would have answered, so that its readers understand it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason as `get_device_st` gives it.
    pub status: Status,
    /// The reason as a word that stays the same, for example [`Refusal::TOO_MANY_VIEWERS`].
    pub error: String,
    /// Viewers now.
    pub app_connect_num: Option<u32>,
    /// Viewers it can serve.
    pub max_connect_num: Option<u32>,
    /// Who talks, of [`Refusal::TALK_BUSY`].
    pub talker: Option<String>,
}

impl Refusal {
    /// As many viewers as the camera serves; HTTP 503.
    pub const TOO_MANY_VIEWERS: &str = "too_many_viewers";
    /// As many streams as one viewer, or one connection, may hold; HTTP 503.
    pub const TOO_MANY_STREAMS: &str = "too_many_streams";
    /// The stream URL is wrong; HTTP 404.
    pub const BAD_REQUEST: &str = "bad_request";
    /// The camera does not serve this kind of stream; HTTP 404.
    pub const UNSUPPORTED: &str = "unsupported";
    /// Another viewer talks; HTTP 403.
    pub const TALK_BUSY: &str = "talk_busy";
    /// Sensor, encoder or storage failed; HTTP 500.
    pub const DEVICE_ERROR: &str = "device_error";
    /// The camera has no card; HTTP 404.
    pub const NO_CARD: &str = "no_card";
    /// Nothing was recorded there; HTTP 404.
    pub const NO_RECORDING: &str = "no_recording";
    /// The card holds no file of that name; HTTP 404.
    pub const NO_SUCH_FILE: &str = "no_such_file";
    /// The file is not the one `If-Match` names; HTTP 412.
    pub const CHANGED: &str = "changed";
    /// The first byte wanted lies behind the end; HTTP 416.
    pub const PAST_END: &str = "past_end";

    /// The camera is full.
    pub fn too_many_viewers(now: u32, max: u32) -> Self {
        Self {
            app_connect_num: Some(now),
            max_connect_num: Some(max),
            ..Self::new(Status::TooManyConnections, Self::TOO_MANY_VIEWERS)
        }
    }

    /// This viewer, or its connection, holds as many streams as it may.
    pub fn too_many_streams() -> Self {
        Self::new(Status::TooManyConnections, Self::TOO_MANY_STREAMS)
    }

    /// Somebody else holds the floor.
    pub fn talk_busy(talker: &str) -> Self {
        Self {
            talker: Some(talker.to_owned()),
            ..Self::new(Status::Refuse, Self::TALK_BUSY)
        }
    }

    /// The URL could not be read.
    pub fn bad_request(error: &ParseError) -> Self {
        match error {
            ParseError::Unsupported { .. } => Self::new(Status::Unsupported, Self::UNSUPPORTED),
            _ => Self::new(Status::BadRequest, Self::BAD_REQUEST),
        }
    }

    /// Something in the camera failed.
    pub fn device_error() -> Self {
        Self::new(Status::DeviceError, Self::DEVICE_ERROR)
    }

    /// The camera has no card.
    pub fn no_card() -> Self {
        Self::new(Status::Unsupported, Self::NO_CARD)
    }

    /// Nothing was recorded there.
    pub fn no_recording() -> Self {
        Self::new(Status::BadRequest, Self::NO_RECORDING)
    }

    /// The card holds no file of that name.
    pub fn no_such_file() -> Self {
        Self::new(Status::BadRequest, Self::NO_SUCH_FILE)
    }

    /// The file is not the one `If-Match` names.
    pub fn changed() -> Self {
        Self::new(Status::BadRequest, Self::CHANGED)
    }

    /// The first byte wanted lies behind the end.
    pub fn past_end() -> Self {
        Self::new(Status::BadRequest, Self::PAST_END)
    }

    /// Any other reason.
    pub fn new(status: Status, error: &str) -> Self {
        Self {
            status,
            error: error.to_owned(),
            app_connect_num: None,
            max_connect_num: None,
            talker: None,
        }
    }

    /// The HTTP status that goes with it.
    pub fn http_status(&self) -> u16 {
        match (self.status, self.error.as_str()) {
            (Status::BadRequest, Self::CHANGED) => 412,
            (Status::BadRequest, Self::PAST_END) => 416,
            (status, _) => Self::http_status_of(status),
        }
    }

    fn http_status_of(status: Status) -> u16 {
        match status {
            Status::TooManyConnections => 503,
            Status::BadRequest | Status::Unsupported => 404,
            Status::Refuse => 403,
            Status::Accept | Status::DeviceError | Status::Other(_) => 500,
        }
    }

    /// Reads the body.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode("stream refusal", bytes, MAX_READ_BYTES)?;
        Ok(Self {
            status: Status::read(&object)?,
            error: object.text("error")?.unwrap_or_default(),
            app_connect_num: object.number("appConnectNum")?,
            max_connect_num: object.number("maxConnectNum")?,
            talker: object.text("talker")?,
        })
    }

    /// One JSON object.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("status", self.status.number())
            .field("error", &self.error)
            .optional("appConnectNum", self.app_connect_num)
            .optional("maxConnectNum", self.max_connect_num)
            .optional("talker", self.talker.as_ref())
            .end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::reply::DeviceStatus;

    #[test]
    fn a_full_camera_says_how_full() {
        let refusal = Refusal::too_many_viewers(8, 8);
        let text = r#"{"status":"405","error":"too_many_viewers","appConnectNum":"8","maxConnectNum":"8"}"#;
        assert_eq!(refusal.encode(), text);
        assert_eq!(refusal.http_status(), 503);
        assert_eq!(Refusal::decode(text.as_bytes()), Ok(refusal));
        let status = DeviceStatus::decode(text.as_bytes()).unwrap();
        assert_eq!(status.max_connect_num, Some(8));
    }

    #[test]
    fn a_busy_floor_says_who_holds_it() {
        let refusal = Refusal::talk_busy("Anna");
        let text = r#"{"status":"1","error":"talk_busy","talker":"Anna"}"#;
        assert_eq!(
            (refusal.encode().as_str(), refusal.http_status()),
            (text, 403)
        );
        assert_eq!(Refusal::decode(text.as_bytes()), Ok(refusal));
    }

    #[test]
    fn a_wrong_url_is_404_and_a_broken_camera_500() {
        let error = ParseError::missing("stream URL", "action", "live");
        assert_eq!(Refusal::bad_request(&error).http_status(), 404);
        let error = ParseError::unsupported("stream URL", "action", "live-mjpg", "live");
        assert_eq!(Refusal::bad_request(&error).status, Status::Unsupported);
        assert_eq!(Refusal::device_error().http_status(), 500);
        assert_eq!(Refusal::no_card().http_status(), 404);
        assert_eq!(Refusal::no_recording().http_status(), 404);
        assert_eq!(Refusal::no_such_file().http_status(), 404);
        assert_eq!(Refusal::changed().http_status(), 412);
        assert_eq!(Refusal::past_end().http_status(), 416);
        assert_eq!(Refusal::new(Status::Refuse, "no").http_status(), 403);
        assert_eq!(Refusal::decode(b"{}").unwrap_err().field(), "status");
    }
}
