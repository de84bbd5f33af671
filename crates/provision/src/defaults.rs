//! Times and limits of pairing, with their sources.

use std::time::Duration;

/// How often a camera sends each reply (reference firmware).
pub const REPLIES: u32 = 3;
/// Between two sends of a reply (reference firmware).
pub const REPLY_GAP: Duration = Duration::from_secs(1);
/// How long a camera waits for a repeated request before it leaves its hotspot for the network, own. The reference
/// firmware leaves a second after its third reply; two repeats of a viewer fit in here, so that a reply that got lost is
/// asked for again. A viewer that says that it has heard makes the wait end at once.
pub const SETTLE: Duration = Duration::from_secs(5);
/// The longest such wait, however often the request is repeated.
pub const LONGEST_SETTLE: Duration = Duration::from_secs(15);
/// How long a session lasts without a new attempt (reference firmware).
pub const SESSION: Duration = Duration::from_secs(300);
/// What is left of a session when the joined network is lost (reference firmware).
pub const AFTER_LOSS: Duration = Duration::from_secs(50);
/// How long a camera still answers after the hub has taken the token (reference firmware).
pub const LINGER: Duration = Duration::from_secs(5);
/// How many errors are kept for the next start (reference firmware).
pub const MAX_ERRORS: usize = 16;
/// In answer to how many requests of an attempt the errors of the last one are told.
pub const TELL_PREVIOUS: u32 = 3;
/// How many viewers a camera repeats its replies to at the same time; more get each reply once.
pub const MAX_PEERS: usize = 8;
/// Most unreadable datagrams that are answered in a second.
pub const MAX_COMPLAINTS: u32 = 10;
/// Lines that the log keeps (reference firmware).
pub const LOG_LINES: usize = 10;
/// Longest line of the log, in bytes (reference firmware).
pub const LOG_LINE_BYTES: usize = 128;
/// How often the log is sent for one query (reference firmware).
pub const LOG_REPLIES: u32 = 2;
/// Between two sends of the log (reference firmware).
pub const LOG_GAP: Duration = Duration::from_millis(500);
/// How long the log is to be had after a failed attempt (reference firmware).
pub const LOG_LIFETIME: Duration = Duration::from_secs(360);
/// Between two queries for the log, and how many there are.
pub const LOG_QUERY: (Duration, u32) = (Duration::from_secs(1), 5);
