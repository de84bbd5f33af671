//! Stream URLs: live, playback, thumbnail, download, voice.
//!
//! ```text
//! /ipc.p2p.com/ipc.flv?action=live&channel=0&quality=high
//! /ipc.p2p.com/ipc.flv?action=playback&channel=0&start_time=<s>&end_time=<s>
//! /ipc.p2p.com/ipc.flv?action=thumbnail&channel=0&time=<s>
//! /ipc.p2p.com/ipc.flv?action=download&channel=0&file_name=<name>&offset=<bytes>
//! /ipc.p2p.com/voice?channel=0&calltype=audio
//! ```

mod download;
pub mod header;
mod playback;
mod thumbnail;

use crate::PREFIX;
use crate::error::ParseError;
use crate::query::Query;

pub use crate::query::MAX_PAIRS;
pub use download::{Download, Source};
pub use playback::{Direction, FastForward, MAX_SESSION_BYTES, Playback, SessionName};
pub use thumbnail::{THUMBNAIL_WIDTHS, Thumbnail};

/// Longest stream URL that is read, in bytes.
pub const MAX_URL_BYTES: usize = 4096;
/// Longest file name on a camera, in bytes (device SDK header).
pub const MAX_FILE_NAME_BYTES: usize = 128;
/// Least time between `start_time` and `end_time` of a playback or of an index, in seconds (IoT Video command guide).
pub const MIN_SPAN_SECONDS: u64 = 5;

const MESSAGE: &str = "stream URL";

/// How much picture: the camera's three encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quality {
    /// `standard`, 640x360.
    Standard,
    /// `high`, 1280x720. Taken when a URL names none.
    High,
    /// `super`, 1920x1080.
    Super,
}

impl Quality {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::Standard, Self::High, Self::Super];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::High => "high",
            Self::Super => "super",
        }
    }

    /// The quality of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quality| quality.name() == name)
    }

    /// Reads `quality`, also spelled `qualtity` as some firmware does.
    pub(crate) fn read(
        message: &'static str,
        query: &Query<'_>,
    ) -> Result<Option<Self>, ParseError> {
        let Some(name) = query.raw("quality").or_else(|| query.raw("qualtity")) else {
            return Ok(None);
        };
        match Self::from_name(name) {
            Some(quality) => Ok(Some(quality)),
            None => Err(ParseError::invalid(
                message,
                "quality",
                name,
                "standard, high or super",
            )),
        }
    }
}

impl std::fmt::Display for Quality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a voice stream is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallType {
    /// `audio`: sound both ways.
    Audio,
    /// `video`: sound and picture both ways.
    Video,
}

impl CallType {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// One stream a viewer asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StreamRequest {
    /// What the camera sees now.
    Live {
        /// 0 for a camera, the child's index for an NVR.
        channel: u32,
        /// Which encoding. An audio-only stream keeps it, so that a switch back is the same URL.
        quality: Quality,
        /// `live-audio`: sound without picture.
        audio_only: bool,
    },
    /// What the camera recorded.
    Playback(Playback),
    /// One small picture of what it recorded.
    Thumbnail(Thumbnail),
    /// A file of the camera, or a stretch of its recording, byte by byte.
    Download(Download),
    /// The viewer's voice, uploaded as the body.
    Voice {
        /// 0 for a camera, the child's index for an NVR.
        channel: u32,
        /// Given when the voice belongs to a call.
        calltype: Option<CallType>,
    },
}

impl StreamRequest {
    /// Reads a path with its query. A scheme and host, a leading `<app>.xnet` segment and a missing `/ipc.p2p.com`
    /// are tolerated, keys of the old SDK (`_protocol`, `_port`, `_crypto`) and unknown keys are skipped.
    ///
    /// # Errors
    /// Which part is wrong; `Unsupported` for MJPEG and unknown actions.
    pub fn parse(path_and_query: &str) -> Result<Self, ParseError> {
        ParseError::limit(MESSAGE, "text", path_and_query.len(), MAX_URL_BYTES)?;
        let (name, query) = split(path_and_query);
        Self::from_parts(name, query)
    }

    pub(crate) fn from_parts(name: &str, query: &str) -> Result<Self, ParseError> {
        ParseError::limit(MESSAGE, "query", query.len(), MAX_URL_BYTES)?;
        match name {
            "ipc.flv" => Self::parse_flv(&Query::parse(MESSAGE, query)?),
            "voice" => Self::parse_voice(&Query::parse(MESSAGE, query)?),
            other => Err(ParseError::invalid(
                MESSAGE,
                "path",
                other,
                "/ipc.p2p.com/ipc.flv or /ipc.p2p.com/voice",
            )),
        }
    }

    fn parse_flv(query: &Query<'_>) -> Result<Self, ParseError> {
        const ACTIONS: &str = "live, live-audio, playback, playback-audio, thumbnail or download";
        let action = query
            .raw("action")
            .ok_or_else(|| ParseError::missing(MESSAGE, "action", ACTIONS))?;
        match action {
            "live" | "live-audio" => Ok(Self::Live {
                channel: query.channel()?,
                quality: Quality::read(MESSAGE, query)?.unwrap_or(Quality::High),
                audio_only: action == "live-audio",
            }),
            "playback" => Playback::read(query, false).map(Self::Playback),
            "playback-audio" => Playback::read(query, true).map(Self::Playback),
            "thumbnail" => Thumbnail::read(query).map(Self::Thumbnail),
            "download" => Download::read(query).map(Self::Download),
            other => Err(ParseError::unsupported(MESSAGE, "action", other, ACTIONS)),
        }
    }

    fn parse_voice(query: &Query<'_>) -> Result<Self, ParseError> {
        let calltype = match query.raw("calltype") {
            None => None,
            Some("audio") => Some(CallType::Audio),
            Some("video") => Some(CallType::Video),
            Some(other) => {
                return Err(ParseError::invalid(
                    MESSAGE,
                    "calltype",
                    other,
                    "audio or video",
                ));
            }
        };
        Ok(Self::Voice {
            channel: query.channel()?,
            calltype,
        })
    }

    /// The path with its query, as it stands in an HTTP request.
    pub fn to_path(&self) -> String {
        match self {
            Self::Live {
                channel,
                quality,
                audio_only,
            } => {
                let action = if *audio_only { "live-audio" } else { "live" };
                format!("{PREFIX}/ipc.flv?action={action}&channel={channel}&quality={quality}")
            }
            Self::Playback(playback) => format!("{PREFIX}/ipc.flv?{}", playback.to_query()),
            Self::Thumbnail(thumbnail) => format!("{PREFIX}/ipc.flv?{}", thumbnail.to_query()),
            Self::Download(download) => format!("{PREFIX}/ipc.flv?{}", download.to_query()),
            Self::Voice { channel, calltype } => match calltype {
                None => format!("{PREFIX}/voice?channel={channel}"),
                Some(calltype) => {
                    format!(
                        "{PREFIX}/voice?channel={channel}&calltype={}",
                        calltype.name()
                    )
                }
            },
        }
    }

    /// 0 for a camera, the child's index for an NVR.
    pub fn channel(&self) -> u32 {
        match self {
            Self::Live { channel, .. } | Self::Voice { channel, .. } => *channel,
            Self::Playback(playback) => playback.channel,
            Self::Thumbnail(thumbnail) => thumbnail.channel,
            Self::Download(download) => download.channel,
        }
    }
}

/// Splits a URL into its last name and its query, without host, `<app>.xnet` and prefix. A path that is something else
/// comes back whole, so that the error can show it.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut path = path;
    for scheme in ["http://", "https://"] {
        if let Some(rest) = path.strip_prefix(scheme) {
            path = rest.find('/').map_or("", |slash| &rest[slash..]);
        }
    }
    let mut name = path.strip_prefix('/').unwrap_or(path);
    if let Some((first, rest)) = name.split_once('/')
        && first.ends_with(".xnet")
    {
        name = rest;
    }
    name = name.strip_prefix("ipc.p2p.com/").unwrap_or(name);
    (name, query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(path: &str) -> StreamRequest {
        let request = StreamRequest::parse(path).unwrap();
        assert_eq!(request.to_path(), path);
        request
    }

    #[test]
    fn live_round_trips_in_every_quality_with_and_without_picture() {
        for quality in Quality::ALL {
            for (action, audio_only) in [("live", false), ("live-audio", true)] {
                let path =
                    format!("/ipc.p2p.com/ipc.flv?action={action}&channel=2&quality={quality}");
                assert_eq!(
                    round_trip(&path),
                    StreamRequest::Live {
                        channel: 2,
                        quality,
                        audio_only
                    }
                );
            }
        }
    }

    #[test]
    fn live_without_quality_or_channel_is_channel_0_in_high() {
        assert_eq!(
            StreamRequest::parse("/ipc.p2p.com/ipc.flv?action=live"),
            Ok(StreamRequest::Live {
                channel: 0,
                quality: Quality::High,
                audio_only: false
            })
        );
    }

    #[test]
    fn the_misspelled_quality_of_old_firmware_is_read() {
        assert!(matches!(
            StreamRequest::parse("/ipc.p2p.com/ipc.flv?action=live&qualtity=super"),
            Ok(StreamRequest::Live {
                quality: Quality::Super,
                ..
            })
        ));
    }

    #[test]
    fn playback_round_trips_and_needs_five_seconds() {
        round_trip(
            "/ipc.p2p.com/ipc.flv?action=playback&channel=0&start_time=1783440600&end_time=1783440605",
        );
        round_trip("/ipc.p2p.com/ipc.flv?action=playback-audio&channel=0&start_time=1&end_time=9");
        let error =
            StreamRequest::parse("/ipc.p2p.com/ipc.flv?action=playback&start_time=10&end_time=14")
                .unwrap_err();
        assert_eq!(
            error.to_string(),
            "stream URL: end_time is \"14\", expected at least start_time + 5"
        );
    }

    #[test]
    fn voice_round_trips_with_and_without_a_call() {
        round_trip("/ipc.p2p.com/voice?channel=0");
        round_trip("/ipc.p2p.com/voice?channel=0&calltype=audio");
        round_trip("/ipc.p2p.com/voice?channel=0&calltype=video");
    }

    #[test]
    fn hosts_app_names_and_sdk_keys_are_tolerated() {
        for path in [
            "http://XP2P_INFO.xnet/ipc.p2p.com/ipc.flv?action=live&channel=0&quality=high",
            "http://127.0.0.1:16080/app.xnet/ipc.p2p.com/ipc.flv?action=live&channel=0&quality=high",
            "/app.xnet/ipc.p2p.com/ipc.flv?action=live&quality=high&crypto=false",
            "ipc.flv?_protocol=tcp&_port=9000&action=live&quality=high",
        ] {
            assert_eq!(
                StreamRequest::parse(path).unwrap().to_path(),
                "/ipc.p2p.com/ipc.flv?action=live&channel=0&quality=high",
                "{path}"
            );
        }
        assert!(StreamRequest::parse("voice?_protocol=tcp&_port=9000").is_ok());
    }

    #[test]
    fn mjpeg_and_unknown_actions_are_told_apart_from_mistakes() {
        for action in ["live-mjpg", "playback-mjpg", "dance"] {
            let error =
                StreamRequest::parse(&format!("/ipc.p2p.com/ipc.flv?action={action}")).unwrap_err();
            assert!(matches!(error, ParseError::Unsupported { .. }), "{error}");
            assert_eq!(error.got(), Some(action));
        }
    }

    #[test]
    fn errors_name_the_part_that_is_wrong() {
        for (path, field) in [
            ("", "path"),
            ("http://host", "path"),
            ("/ipc.p2p.com/other.flv?action=live", "path"),
            ("/ipc.p2p.com/command?action=live", "path"),
            ("/ipc.p2p.com/ipc.flv", "action"),
            ("/ipc.p2p.com/ipc.flv?action=live&channel=-1", "channel"),
            (
                "/ipc.p2p.com/ipc.flv?action=live&channel=4294967296",
                "channel",
            ),
            ("/ipc.p2p.com/ipc.flv?action=live&quality=ultra", "quality"),
            ("/ipc.p2p.com/ipc.flv?action=playback", "start_time"),
            (
                "/ipc.p2p.com/ipc.flv?action=playback&start_time=9",
                "end_time",
            ),
            ("/ipc.p2p.com/ipc.flv?action=download", "file_name"),
            (
                "/ipc.p2p.com/ipc.flv?action=download&file_name=%ff",
                "file_name",
            ),
            (
                "/ipc.p2p.com/ipc.flv?action=download&file_name=a&offset=x",
                "offset",
            ),
            ("/ipc.p2p.com/ipc.flv?action=live&action=live", "action"),
            ("/ipc.p2p.com/voice?calltype=smell", "calltype"),
        ] {
            assert_eq!(
                StreamRequest::parse(path).unwrap_err().field(),
                field,
                "{path}"
            );
        }
    }

    #[test]
    fn long_urls_are_refused() {
        let long = format!("/ipc.p2p.com/ipc.flv?action=live&x={}", "y".repeat(5000));
        assert!(matches!(
            StreamRequest::parse(&long),
            Err(ParseError::TooLong { limit: 4096, .. })
        ));
    }
}
