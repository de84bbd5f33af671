//! Names of the headers that come with a playback, a thumbnail or a download, in lower case. Porthole's own.

/// The name of the playback that was started, as commands may use it in `session`.
pub const SESSION: &str = "x-porthole-session";
/// Unix milliseconds of the first picture: the keyframe at or before `start_time`.
pub const START_MS: &str = "x-porthole-start-ms";
/// Unix milliseconds of the end of the last picture of a stretch; before `end_time` if the stretch had to end there.
pub const END_MS: &str = "x-porthole-end-ms";
/// Unix milliseconds of a thumbnail.
pub const TIME_MS: &str = "x-porthole-time-ms";
/// SHA-256 of the whole file, 64 hex digits.
pub const SHA256: &str = "x-porthole-sha256";
