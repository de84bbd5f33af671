//! What a request line asks for: a stream or a command.

use crate::command::Command;
use crate::error::ParseError;
use crate::stream::{StreamRequest, split};

/// Any request a camera answers, told apart by its path.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// `ipc.flv` or `voice`.
    Stream(StreamRequest),
    /// `command`.
    Command(Command),
}

impl Target {
    /// Reads a path with its query, with the tolerance of [`StreamRequest::parse`] and [`Command::parse`].
    ///
    /// # Errors
    /// Which part is wrong.
    pub fn parse(path_and_query: &str) -> Result<Self, ParseError> {
        match split(path_and_query) {
            ("command", query) => Command::parse(query).map(Self::Command),
            (name, query) => StreamRequest::from_parts(name, query).map(Self::Stream),
        }
    }

    /// The path with its query, as it stands in an HTTP request.
    pub fn to_path(&self) -> String {
        match self {
            Self::Stream(request) => request.to_path(),
            Self::Command(command) => command.path(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_commands_are_told_apart_by_the_path() {
        for (path, command) in [
            (
                "/ipc.p2p.com/ipc.flv?action=live&channel=0&quality=high",
                false,
            ),
            ("/ipc.p2p.com/voice?channel=0", false),
            (
                "/ipc.p2p.com/command?action=inner_define&channel=0&cmd=playback_pause",
                true,
            ),
        ] {
            let target = Target::parse(path).unwrap();
            assert_eq!(matches!(target, Target::Command(_)), command);
            assert_eq!(target.to_path(), path);
        }
        assert_eq!(Target::parse("/favicon.ico").unwrap_err().field(), "path");
    }
}
