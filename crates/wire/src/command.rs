//! Commands to a camera, their replies and how a command can end.
//!
//! ```text
//! action=inner_define&channel=<n>&cmd=<name>&<parameters>     built in, fixed form
//! action=user_define&channel=<n>&cmd=<word or JSON>           the maker's own, topics
//! ```

mod card;
mod inner;
mod outcome;
mod playback;
pub mod ptz;
pub mod reply;
mod topic;
mod user;

pub use crate::stream::FastForward;
pub use card::RecordMode;
pub use inner::{FileType, Inner, StatusOf};
pub use outcome::Outcome;
pub use playback::{PlaybackAct, Seek};
pub use topic::{MAX_TOPIC_BYTES, Topic};
pub use user::{Ask, User};

use crate::PREFIX;
use crate::error::ParseError;
use crate::query::Query;

/// Longest command that is read, in bytes (16 KB in the Android guide; iOS names 3000 bytes).
pub const MAX_COMMAND_BYTES: usize = 16 << 10;

pub(crate) const MESSAGE: &str = "command";

/// One command with the channel it is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `action=inner_define`: built into the protocol.
    Inner {
        /// 0 for a camera, the child's index for an NVR.
        channel: u32,
        /// What to do.
        cmd: Inner,
    },
    /// `action=user_define`: the maker's own, and our topics.
    User {
        /// 0 for a camera, the child's index for an NVR.
        channel: u32,
        /// What to do.
        cmd: User,
    },
}

impl Command {
    /// Reads a query (`action=…&cmd=…`), also behind a path. JSON in `cmd=` may stand unescaped, with `&` and braces
    /// in it, or percent-encoded.
    ///
    /// # Errors
    /// Which part is wrong; `Unsupported` for an unknown action or built-in command.
    pub fn parse(query: &str) -> Result<Self, ParseError> {
        const ACTIONS: &str = "inner_define or user_define";
        ParseError::limit(MESSAGE, "text", query.len(), MAX_COMMAND_BYTES)?;
        let query = match query.split_once('?') {
            Some((path, behind)) if !path.contains('=') => {
                let (name, _) = crate::stream::split(path);
                if name != "command" {
                    return Err(ParseError::invalid(
                        MESSAGE,
                        "path",
                        path,
                        "/ipc.p2p.com/command",
                    ));
                }
                behind
            }
            _ => query,
        };
        let query = Query::parse(MESSAGE, query)?;
        let channel = query.channel()?;
        match query.raw("action") {
            Some("inner_define") => Ok(Self::Inner {
                channel,
                cmd: Inner::read(&query)?,
            }),
            Some("user_define") => Ok(Self::User {
                channel,
                cmd: User::read(&query)?,
            }),
            Some(other) => Err(ParseError::unsupported(MESSAGE, "action", other, ACTIONS)),
            None => Err(ParseError::missing(MESSAGE, "action", ACTIONS)),
        }
    }

    /// The query as it stands in an HTTP request line: every value percent-encoded.
    pub fn to_query(&self) -> String {
        self.write(User::to_value)
    }

    /// The text that the documents' `sendCommand` takes: JSON stands as it is. Not fit for an HTTP request line.
    pub fn to_text(&self) -> String {
        self.write(User::to_raw)
    }

    fn write(&self, value: impl Fn(&User) -> String) -> String {
        match self {
            // One camera list for the whole recorder: the documents give it no channel.
            Self::Inner {
                channel: 0,
                cmd: cmd @ Inner::GetNvrList,
            } => format!("action=inner_define&{}", cmd.to_query()),
            Self::Inner { channel, cmd } => {
                format!("action=inner_define&channel={channel}&{}", cmd.to_query())
            }
            Self::User { channel, cmd } => {
                format!("action=user_define&channel={channel}&cmd={}", value(cmd))
            }
        }
    }

    /// The path with its query, as it stands in an HTTP request.
    pub fn path(&self) -> String {
        format!("{PREFIX}/command?{}", self.to_query())
    }

    /// 0 for a camera, the child's index for an NVR.
    pub fn channel(&self) -> u32 {
        match self {
            Self::Inner { channel, .. } | Self::User { channel, .. } => *channel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_behind_a_path_and_without() {
        let query = "action=inner_define&channel=0&cmd=playback_pause";
        let command = Command::parse(query).unwrap();
        for path in [
            "/ipc.p2p.com/command?",
            "command?",
            "/app.xnet/ipc.p2p.com/command?_protocol=tcp&",
        ] {
            assert_eq!(
                Command::parse(&format!("{path}{query}")),
                Ok(command.clone())
            );
        }
        assert_eq!(command.path(), format!("/ipc.p2p.com/command?{query}"));
        assert_eq!(
            Command::parse(&format!("/ipc.p2p.com/voice?{query}"))
                .unwrap_err()
                .field(),
            "path"
        );
    }

    #[test]
    fn errors_name_the_part_that_is_wrong() {
        for (query, field) in [
            ("", "action"),
            ("action=outer_define&cmd=x", "action"),
            ("action=inner_define", "cmd"),
            ("action=inner_define&cmd=make_coffee", "cmd"),
            (
                "action=inner_define&channel=x&cmd=playback_pause",
                "channel",
            ),
            ("action=user_define&channel=0", "cmd"),
            ("action=user_define&cmd={oops", "cmd"),
        ] {
            assert_eq!(Command::parse(query).unwrap_err().field(), field, "{query}");
        }
    }

    #[test]
    fn a_question_mark_in_json_is_no_path() {
        let text = r#"action=user_define&channel=0&cmd={"topic":"a?b"}"#;
        assert_eq!(Command::parse(text).unwrap().to_text(), text);
    }

    #[test]
    fn a_command_over_16_kib_is_refused() {
        let long = format!("action=user_define&cmd={}", "x".repeat(16 << 10));
        assert!(matches!(
            Command::parse(&long),
            Err(ParseError::TooLong { limit: 16384, .. })
        ));
    }
}
