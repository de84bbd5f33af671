//! `action=download`: a file of the card, or a stretch of the recording as one file.
//!
//! ```text
//! action=download&channel=0&file_name=<name>&offset=<bytes>
//! action=download&channel=0&start_time=<s>&end_time=<s>&offset=<bytes>
//! ```

use crate::error::ParseError;
use crate::query::Query;
use crate::text::escape;

use super::{MAX_FILE_NAME_BYTES, MESSAGE};

/// What a download or a hash is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A file, as `get_file_list` names it, at most [`MAX_FILE_NAME_BYTES`].
    File(String),
    /// The recording from `start_time` to `end_time` (unix seconds, not before `start_time`), cut at keyframes, as one
    /// fragmented MP4 that has the same bytes whenever it is asked for.
    Range {
        /// First moment.
        start_time: u64,
        /// Last moment.
        end_time: u64,
    },
}

/// Bytes of the camera's card.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Download {
    /// 0 for a camera, the child's index for an NVR.
    pub channel: u32,
    /// Of what.
    pub source: Source,
    /// First byte wanted.
    pub offset: u64,
}

impl Download {
    /// A name wins over times.
    pub(super) fn read(query: &Query<'_>) -> Result<Self, ParseError> {
        let source = match query.text("file_name")? {
            Some(file_name) => {
                ParseError::limit(MESSAGE, "file_name", file_name.len(), MAX_FILE_NAME_BYTES)?;
                Source::File(file_name)
            }
            None if query.raw("start_time").is_some() || query.raw("end_time").is_some() => {
                let (start_time, end_time) = query.times(0)?;
                Source::Range {
                    start_time,
                    end_time,
                }
            }
            None => {
                return Err(ParseError::missing(
                    MESSAGE,
                    "file_name",
                    "a file name, or start_time and end_time",
                ));
            }
        };
        Ok(Self {
            channel: query.channel()?,
            source,
            offset: query.number("offset", "a number of bytes")?.unwrap_or(0),
        })
    }

    pub(super) fn to_query(&self) -> String {
        let source = match &self.source {
            Source::File(file_name) => format!("file_name={}", escape(file_name)),
            Source::Range {
                start_time,
                end_time,
            } => format!("start_time={start_time}&end_time={end_time}"),
        };
        format!(
            "action=download&channel={}&{source}&offset={}",
            self.channel, self.offset
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::StreamRequest;

    fn download(rest: &str) -> Result<Download, ParseError> {
        match StreamRequest::parse(&format!("/ipc.p2p.com/ipc.flv?action=download{rest}"))? {
            StreamRequest::Download(download) => Ok(download),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn any_file_name_is_kept() {
        let request = StreamRequest::Download(Download {
            channel: 1,
            source: Source::File("录像/2026 07&08.mp4".into()),
            offset: u64::MAX,
        });
        let path = request.to_path();
        assert!(path.is_ascii());
        assert_eq!(StreamRequest::parse(&path), Ok(request));
        assert_eq!(
            download("&_crypto=off&channel=0&file_name=a/b.mp4"),
            Ok(Download {
                channel: 0,
                source: Source::File("a/b.mp4".into()),
                offset: 0
            })
        );
    }

    #[test]
    fn a_stretch_of_the_recording_round_trips() {
        let request = StreamRequest::Download(Download {
            channel: 0,
            source: Source::Range {
                start_time: 7,
                end_time: 7,
            },
            offset: 5,
        });
        let path = request.to_path();
        assert_eq!(
            path,
            "/ipc.p2p.com/ipc.flv?action=download&channel=0&start_time=7&end_time=7&offset=5"
        );
        assert_eq!(StreamRequest::parse(&path), Ok(request));
        assert!(matches!(
            download("&file_name=a&start_time=1&end_time=9")
                .unwrap()
                .source,
            Source::File(_)
        ));
    }

    #[test]
    fn errors_name_the_parameter() {
        for (rest, field) in [
            ("", "file_name"),
            ("&start_time=2", "end_time"),
            ("&end_time=2", "start_time"),
            ("&start_time=2&end_time=1", "end_time"),
            ("&file_name=%ff", "file_name"),
            ("&file_name=a&offset=-1", "offset"),
        ] {
            assert_eq!(download(rest).unwrap_err().field(), field, "{rest}");
        }
        let long = format!("&file_name={}", "n".repeat(129));
        assert_eq!(download(&long).unwrap_err().field(), "file_name");
    }
}
