//! Reply to a topic: `{"result":"0", …}`, or a refusal
//! `{"result":"-2004","error":"unknown_topic","topic":"…"}`.

use std::fmt;

use crate::command::topic::MAX_TOPIC_BYTES;
use crate::error::{Code, ParseError};
use crate::json::{Json, Object};
use crate::link::Link;
use crate::text::bounded;

use super::{MAX_READ_BYTES, Writer};

const MESSAGE: &str = "topic reply";

/// Reply to a user-defined command. `Debug` shows the names of its fields, not their values: one may be a link with
/// its secret.
#[derive(Clone, PartialEq)]
pub struct UserReply {
    /// 0 if it was done.
    pub result: i32,
    /// Everything else in the reply: an object.
    fields: Json,
}

/// Why a topic was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRefusal {
    /// The number the camera gave.
    pub result: i32,
    /// Its meaning, if it is one of the documents' codes.
    pub code: Option<Code>,
    /// A word that stays the same, for example [`UserReply::UNKNOWN_TOPIC`]; empty if the camera gave none.
    pub error: String,
    /// The topic it is about, if the camera says so.
    pub topic: Option<String>,
}

impl UserReply {
    /// `error` of a topic that the camera does not know.
    pub const UNKNOWN_TOPIC: &str = "unknown_topic";
    /// `error` of `sd_format` without the word that confirms it; code -2000.
    pub const CONFIRMATION_NEEDED: &str = "confirmation_needed";
    /// `error` of `record_mode` `events` to a camera that cannot see what moves; code -2004.
    pub const NO_MOTION: &str = "no_motion";

    /// `{"result":"0"}`
    pub fn done() -> Self {
        Self::with(0, [])
    }

    /// Reply to `share`: `{"result":"0","expires_in":"86400","link":"porthole:…"}`; the link can be used for
    /// `expires_in` seconds.
    pub fn share(link: &Link, expires_in: u64) -> Self {
        let (link, seconds) = (link.to_string(), expires_in.to_string());
        Self::with(0, [("expires_in", seconds.as_str()), ("link", &link)])
    }

    /// `{"result":"-2004","error":"unknown_topic","topic":"…"}`, the topic shortened to 128 bytes.
    pub fn unknown_topic(topic: &str) -> Self {
        Self::with(
            Code::UnsupportedOperation.number(),
            [
                ("error", Self::UNKNOWN_TOPIC),
                ("topic", bounded(topic, MAX_TOPIC_BYTES)),
            ],
        )
    }

    /// `{"result":"<code>","error":"<error>"}`
    pub fn refused(code: Code, error: &str) -> Self {
        Self::with(code.number(), [("error", error)])
    }

    /// A result with text fields beside it.
    pub fn with<'a>(result: i32, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self {
            result,
            fields: Json::object(fields.into_iter().filter(|(name, _)| *name != "result")),
        }
    }

    /// Whether it was done.
    pub fn ok(&self) -> bool {
        self.result == 0
    }

    /// Everything but `result`: an object.
    pub fn fields(&self) -> &Json {
        &self.fields
    }

    /// The link of a `share` reply.
    ///
    /// # Errors
    /// No link, or one that cannot be read.
    pub fn link(&self) -> Result<Link, ParseError> {
        match self.fields.text("link") {
            Some(link) => link.parse(),
            None => Err(ParseError::missing(MESSAGE, "link", "porthole:…")),
        }
    }

    /// Seconds for which the link of a `share` reply can be used, if the camera says so.
    pub fn expires_in(&self) -> Option<u64> {
        u64::try_from(self.fields.number("expires_in")?).ok()
    }

    /// Why it was not done; `None` if it was.
    pub fn refusal(&self) -> Option<UserRefusal> {
        if self.ok() {
            return None;
        }
        Some(UserRefusal {
            result: self.result,
            code: Code::from_number(self.result),
            error: self.fields.text("error").unwrap_or_default().to_owned(),
            topic: self.fields.text("topic").map(str::to_owned),
        })
    }

    /// Reads the reply.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        Ok(Self {
            result: object.required_number("result")?,
            fields: Json(
                object
                    .map
                    .into_iter()
                    .filter(|(name, _)| name != "result")
                    .collect(),
            ),
        })
    }

    /// The documents' form, `result` first.
    pub fn encode(&self) -> String {
        let reply = Writer::new().field("result", self.result);
        match self.fields.0.as_object() {
            Some(map) => reply.all(map).end(),
            None => reply.end(),
        }
    }
}

impl fmt::Debug for UserReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserReply")
            .field("result", &self.result)
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::id::{PeerId, Secret};

    #[test]
    fn an_unknown_topic_is_refused_by_type() {
        let reply = UserReply::unknown_topic("bind_status");
        let text = r#"{"result":"-2004","error":"unknown_topic","topic":"bind_status"}"#;
        assert_eq!(reply.encode(), text);
        let refusal = UserReply::decode(text.as_bytes())
            .unwrap()
            .refusal()
            .unwrap();
        assert_eq!(refusal.code, Some(Code::UnsupportedOperation));
        assert_eq!(refusal.error, UserReply::UNKNOWN_TOPIC);
        assert_eq!(refusal.topic.as_deref(), Some("bind_status"));
        assert!(UserReply::unknown_topic(&"x".repeat(9000)).encode().len() < 300);
    }

    #[test]
    fn a_share_reply_carries_a_link_that_debug_does_not_show() {
        let secret = Secret::from_bytes([7; 16]);
        let link = Link {
            address: Address::new(PeerId([1; 32])),
            secret: Some(secret.clone()),
            name: None,
        };
        let reply = UserReply::decode(UserReply::share(&link, 600).encode().as_bytes()).unwrap();
        assert_eq!((reply.link(), reply.expires_in()), (Ok(link), Some(600)));
        assert_eq!(UserReply::done().expires_in(), None);
        assert!(reply.ok() && reply.refusal().is_none());
        assert!(!format!("{reply:?}").contains(&secret.to_text()));
        assert_eq!(UserReply::done().link().unwrap_err().field(), "link");
    }

    #[test]
    fn panel_replies_keep_their_fields() {
        let reply = UserReply::decode(b"[{\"result\":0,\"info\":\"1.0\",\"n\":3}]\0").unwrap();
        assert_eq!(reply.fields().text("info"), Some("1.0"));
        assert_eq!(reply.fields().number("n"), Some(3));
        assert_eq!(reply.encode(), r#"{"result":"0","info":"1.0","n":3}"#);
        assert_eq!(UserReply::decode(reply.encode().as_bytes()), Ok(reply));
    }

    #[test]
    fn refusals_of_other_makers_are_read() {
        let refusal = UserReply::decode(br#"{"result":"1"}"#)
            .unwrap()
            .refusal()
            .unwrap();
        assert_eq!(
            (refusal.result, refusal.code, refusal.topic),
            (1, None, None)
        );
        let refused = UserReply::refused(Code::BadParameter, "bad_ptz");
        assert_eq!(refused.encode(), r#"{"result":"-2000","error":"bad_ptz"}"#);
        assert_eq!(UserReply::decode(b"{}").unwrap_err().field(), "result");
    }
}
