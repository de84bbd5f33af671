//! Every tuning value of the transport in one place, each with its reason.

use std::time::Duration;

/// ALPN of the HTTP protocol: one HTTP/1.1 exchange a bi-stream.
pub const ALPN_HTTP: &[u8] = b"porthole/1";
/// ALPN of pairing: one JSON line each way on one bi-stream.
pub const ALPN_PAIR: &[u8] = b"porthole/pair/1";

/// A path that is silent this long is dead. The QUIC default of 15 s is the freeze seen after a router reboot.
pub const PATH_IDLE: Duration = Duration::from_secs(2);
/// Probe every path this often, so that [`PATH_IDLE`] holds four chances.
pub const PATH_KEEP_ALIVE: Duration = Duration::from_millis(500);
/// A connection over which nothing arrives is given up after this long: its last path is not given up before it.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(3);
/// Round trip assumed before the first measurement: sets the first retransmission of a lost handshake packet
/// (about three times this). QUIC's 333 ms would wait a second for it, an eternity on a LAN.
pub const INITIAL_RTT: Duration = Duration::from_millis(100);

/// How long a call may go on after its viewer has gone, to learn that the upload it reads was aborted.
pub const UPLOAD_GRACE: Duration = Duration::from_millis(200);
/// Requests that one connection may have open; beyond it streams wait at the peer.
pub const MAX_STREAMS: u32 = 256;
/// Requests of one connection that a camera works on at the same time; the others wait in line.
pub const MAX_REQUESTS: usize = 64;
/// Of those, answers that are sent while they are made; one more is refused. What a viewer leaves unread keeps its place
/// for as long as it likes, and a command must still find one.
pub const MAX_BODIES: usize = 48;
/// Connections that one viewer key may hold; the oldest is closed for the next one.
pub const MAX_CONNECTIONS_PER_VIEWER: usize = 8;
/// Handshakes that a camera carries out at the same time.
pub const MAX_HANDSHAKES: usize = 64;
/// A handshake that takes longer is given up by the camera.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Bytes not yet acknowledged that a connection buffers: what a slow viewer costs a camera at most.
/// 160 KiB still carry 13 Mbit/s over a round trip of 100 ms.
pub const SEND_WINDOW: u64 = 160 * 1024;
/// Unread bytes of one stream that a viewer buffers: a viewer that does not read soon stops the stream
/// instead of collecting seconds of old video.
pub const VIEWER_STREAM_WINDOW: u32 = 256 * 1024;
/// Unread bytes of all streams together that a viewer buffers: as many full ones as a camera works on for a connection,
/// so that streams which nobody reads leave room for the others.
pub const VIEWER_WINDOW: u32 = VIEWER_STREAM_WINDOW * MAX_REQUESTS as u32;
/// Unread bytes of one upload that a camera buffers.
pub const CAMERA_STREAM_WINDOW: u32 = 64 * 1024;
/// Unread bytes of all uploads of a connection that a camera buffers.
pub const CAMERA_WINDOW: u32 = 192 * 1024;

/// A live body that is silent this long makes the session redial ([`crate::Error::Silent`]).
pub const SILENCE: Duration = Duration::from_secs(1);
/// A live request whose answer has not begun after this long makes the session redial.
pub const LIVE_HEAD: Duration = Duration::from_secs(2);
/// A request whose answer has not begun after this long fails with [`crate::Error::Timeout`].
pub const HEAD: Duration = Duration::from_secs(10);
/// A clock that jumps this far between two ticks says that this process was stopped: live bodies are stale.
pub const FROZEN: Duration = Duration::from_millis(1500);
/// How long a request waits for a session to connect.
pub const CONNECT: Duration = Duration::from_secs(10);
/// One attempt to dial is given up after this long; the next ones start long before ([`dial_interval`]).
pub const DIAL_ATTEMPT: Duration = Duration::from_secs(5);
/// Least time between the starts of two attempts, however often the addresses change.
pub const DIAL_SPACING: Duration = Duration::from_millis(100);
/// Attempts to dial one camera that run side by side.
pub const MAX_DIAL_ATTEMPTS: usize = 4;
/// A session that nobody keeps warm and that has no request closes its connection after this long.
pub const IDLE_SESSION: Duration = Duration::from_secs(20);

/// A camera gives a request's head this long to arrive.
pub const REQUEST_HEAD: Duration = Duration::from_secs(10);
/// Largest head of a request or response, bytes.
pub const MAX_HEAD: usize = 16 * 1024;
/// Most header lines of a request or response.
pub const MAX_HEADERS: usize = 64;
/// Largest piece that a body hands to a stream at once, bytes.
pub const PIECE: usize = 16 * 1024;
/// How long a stream lets a more urgent one that waits for room go first.
pub const YIELD: Duration = Duration::from_millis(40);

/// Pairing attempts that one key may make a minute.
pub const PAIR_TRIES_PER_PEER: u32 = 5;
/// Pairing attempts that all keys together may make a minute: bounds the work, and leaves room for an owner
/// beside a stranger with many keys. The secrets have 128 bits.
pub const PAIR_TRIES: u32 = 300;
/// A pairing conversation is given up after this long.
pub const PAIR_TIMEOUT: Duration = Duration::from_secs(10);

/// UDP port of the documents' LAN probe.
pub const PROBE_PORT: u16 = wire::probe::PORT;
/// Largest probe datagram, bytes (documents, LAN probe: at most 1000).
pub const MAX_PROBE: usize = wire::probe::MAX_DATAGRAM_BYTES;
/// Probes that a camera answers a second.
pub const PROBES_PER_SECOND: u32 = 20;
/// UDP port on which a relay tells an endpoint its public address (QUIC address discovery).
pub const RELAY_QUIC_PORT: u16 = 7842;

/// Time between the starts of two attempts to dial a camera that does not answer, `elapsed` after the first one.
///
/// Fast at first: a camera that was killed and comes back is reached within a second. Slower after a minute, and
/// after ten, so that a camera that is gone costs little; never so slow that one which comes back is live later than 3 s.
pub fn dial_interval(elapsed: Duration) -> Duration {
    match elapsed.as_secs() {
        0 => Duration::from_millis(300),
        1..60 => Duration::from_millis(500),
        60..600 => Duration::from_secs(1),
        _ => Duration::from_secs(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A camera that returns is to be live within 3 s: one pause between attempts and a handshake.
    #[test]
    fn however_long_a_camera_was_gone_it_is_soon_dialled_again() {
        for seconds in [0, 1, 59, 60, 599, 600, 1_000_000] {
            let pause = dial_interval(Duration::from_secs(seconds));
            assert!(pause <= Duration::from_secs(2), "after {seconds} s");
        }
    }
}
