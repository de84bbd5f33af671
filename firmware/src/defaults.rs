//! Every number that is tuned, in one place.

use std::time::Duration;

use wire::stream::Quality;

/// Pictures a second unless the user says otherwise.
pub const FPS: u32 = 30;
/// Seconds between keyframes: what a slow viewer waits at most, and what a new one is sent at once.
pub const GOP_SECONDS: u32 = 2;
/// Viewers that watch at the same time.
pub const MAX_VIEWERS: u32 = 8;
/// Streams that one viewer may hold: a quality switch needs two, and after a lost connection the old ones linger.
pub const STREAMS_PER_VIEWER: u32 = 16;
/// How long an encoder goes on after its last viewer left: a page reload finds it warm.
pub const LINGER: Duration = Duration::from_secs(3);
/// How long a request for live waits for the first picture of a cold sensor; below [`p2p::defaults::LIVE_HEAD`], after
/// which a viewer dials anew. A slower sensor goes on starting, and the viewer's next request finds it.
pub const FIRST_PICTURE: Duration = Duration::from_millis(1_500);
/// A failed sensor or microphone is tried again after this long, while someone watches.
pub const RETRY: Duration = Duration::from_secs(2);

/// A viewer further behind than this is moved to the newest keyframe as soon as one is there, milliseconds.
pub const MAX_LAG_MS: i64 = 1_000;
/// Bytes kept in a live ring at most: 2 GOPs of 4 Mbit/s with much room for a busy scene.
pub const RING_BYTES: usize = 8 << 20;
/// Entries kept in a live ring at most.
pub const RING_ENTRIES: usize = 4_096;
/// Tags between the ring and a viewer's stream. Small: what lies here cannot be skipped any more.
pub const BODY_TAGS: usize = 2;
/// Pictures that wait for a busy encoder before one is dropped.
pub const ENCODER_QUEUE: usize = 2;

/// Sound: samples a second (one channel).
pub const SAMPLE_RATE: u32 = 48_000;
/// Sound: bits a second of AAC-LC.
pub const AUDIO_BIT_RATE: u32 = 64_000;
/// Samples taken from the microphone at a time: a quarter of an AAC frame, so that every frame leaves the moment its
/// last sample is there. Blocks that do not divide it make frames up to a block late, which viewers must buffer for.
pub const BLOCK: usize = 256;

/// Codes are looked for in pictures of this quality: a code that fills half the height still has several pixels a module.
pub const READ_QUALITY: Quality = Quality::Standard;
/// Between two pictures that codes are looked for in.
pub const READ_EVERY: Duration = Duration::from_millis(500);

/// The motor stops this long after the last press: the viewer repeats it while a finger is down.
pub const DEAD_MAN: Duration = Duration::from_millis(500);
/// Motor positions a second; the whole way takes about five seconds.
pub const MOTOR_SPEED: f64 = 800.0;
/// Motor positions of one step (`cmd=ptz_left`).
pub const MOTOR_STEP: u16 = 160;
/// The last motor position; the first is 0.
pub const MOTOR_MAX: u16 = 4_095;

/// Viewers that the camera remembers.
pub const KNOWN_VIEWERS: usize = 256;
/// Unused links for further viewers.
pub const OPEN_LINKS: usize = 16;
/// How long a link made by `share` can be used.
pub const LINK_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of a viewer's name that are kept.
pub const NAME_BYTES: usize = 64;

/// A button held this long asks for a factory reset.
pub const HOLD: Duration = Duration::from_secs(5);
/// One try to join the network that a viewer has just named: scan, key exchange and DHCP.
pub const JOIN: Duration = Duration::from_secs(30);
/// One try to come back to the camera's own network.
pub const REJOIN: Duration = Duration::from_secs(45);
/// Waits between tries to come back, first and longest: a router that returns finds the camera within a minute.
pub const REJOIN_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Waits between tries to open the hotspot.
pub const HOTSPOT_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often a joined camera looks whether it still is.
pub const LOOK: Duration = Duration::from_secs(5);
/// How long the hotspot stays after success, so that the viewer hears of it there (reference firmware: 5 s).
pub const HOTSPOT_LINGER: Duration = Duration::from_secs(5);
/// How long a camera whose token was taken waits for its owner before it opens its hotspot again (reference firmware:
/// 120 s).
pub const BIND_WAIT: Duration = Duration::from_secs(120);
/// Between the word that the owner is gone and the hotspot: the hub hears that it has been done.
pub const UNBIND_LINGER: Duration = Duration::from_secs(2);

/// One try to connect to the hub: TCP, TLS and MQTT login (documents: at least 5 s).
pub const HUB_CONNECT: Duration = Duration::from_secs(8);
/// Tries before an attempt says that the hub cannot be reached (reference firmware: 2).
pub const HUB_TRIES: u32 = 2;
/// Waits between tries to reach the hub, first and longest (documents: doubling to 60 s).
pub const HUB_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// MQTT keep-alive (documents: 240 s by default, 690 s at most; routers forget a quiet connection sooner).
pub const HUB_KEEP_ALIVE: Duration = Duration::from_secs(60);
/// How long the hub may take to answer a token report or a question (reference firmware: 5 x 1 s).
pub const HUB_ANSWER: Duration = Duration::from_secs(5);
/// Times that a token is reported (reference firmware: 1 + 2).
pub const TOKEN_REPORTS: u32 = 3;
/// Waits between reports of an address that keeps changing, first and longest (documents: at most one in 10 s).
pub const INFO_WAIT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// How often a camera asks its hub where the relay is.
pub const RELAY_ASK: Duration = Duration::from_secs(600);
/// The same after a question without an answer.
pub const RELAY_ASK_AGAIN: Duration = Duration::from_secs(30);
/// How often the camera looks whether its address has changed.
pub const INFO_LOOK: Duration = Duration::from_secs(2);
/// Largest MQTT packet, bytes (documents: 64 KiB).
pub const HUB_PACKET: usize = 64 << 10;
/// Largest answer to a registration, bytes.
pub const HUB_ANSWER_BYTES: usize = 16 << 10;

/// Length of a segment on the card; it ends with the GOP in which it is reached.
pub const SEGMENT: Duration = Duration::from_secs(60);
/// How long a card that was too slow is called so.
pub const SLOW_SHOWN: Duration = Duration::from_secs(60);
/// Bytes between the live ring and the card: what a card may stand still without a loss is 8 s of 4 Mbit/s.
pub const RECORD_QUEUE_BYTES: usize = 4 << 20;
/// Recorded from before something moved, and after it came to rest.
pub const PRE_ROLL: Duration = Duration::from_secs(5);
/// See [`PRE_ROLL`].
pub const POST_ROLL: Duration = Duration::from_secs(5);
/// Bytes that the time before something moves may take in memory.
pub const PRE_ROLL_BYTES: usize = 4 << 20;
/// Waits between looks at a card that fails, first and longest.
pub const CARD_RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// Nothing is deleted for its age so long after the start and after a leap of the clock: a wrong clock must not empty a
/// card.
pub const AGE_PATIENCE: Duration = Duration::from_secs(600);
/// A clock before 2026 was never set, unix milliseconds.
pub const CLOCK_SANE_MS: i64 = 1_767_225_600_000;

/// Playbacks that run at the same time, of all viewers.
pub const PLAYBACKS: usize = 256;
/// Playbacks that run at the same time, of one viewer: four cameras in step and whatever a lost connection has left behind.
pub const PLAYBACKS_PER_VIEWER: usize = 64;
/// Playbacks that read the card at the same time: what they hold in hand is bounded by it, and a card does not get
/// faster with more.
pub const PLAYBACK_READS: usize = 4;
/// A playback whose viewer has taken nothing for so long lets go of the pictures that it has in hand.
pub const FORGET_AFTER: Duration = Duration::from_secs(2);
/// A thumbnail shows what was recorded at most this long before the moment asked for, ms.
pub const THUMBNAIL_WITHIN_MS: i64 = 60_000;
/// Thumbnails that are made at the same time.
pub const THUMBNAIL_READS: usize = 2;
/// Downloads that read the card at the same time.
pub const DOWNLOAD_READS: usize = 2;
/// Bytes that a download reads at a time: a slow card (1 MB/s) is not busy with it for long.
pub const DOWNLOAD_PIECE: usize = 64 << 10;
/// A viewer of live further behind than this holds downloads up, milliseconds.
pub const LIVE_LAG_MS: i64 = 250;
/// How long a piece of a download waits for live at most.
pub const DOWNLOAD_PATIENCE: Duration = Duration::from_millis(250);
/// A viewer of live that has taken nothing for so long does not read: it holds nobody up.
pub const LIVE_READS: Duration = Duration::from_secs(2);
/// The longest stretch that is downloaded as one file, ms.
pub const MAX_CUT_MS: i64 = 4 * 3_600_000;
/// A talk whose viewer is not heard of for this long is over, so that the floor is free two seconds after a viewer died.
pub const TALK_SILENCE: Duration = Duration::from_millis(1_500);
/// How often a talker is told how it is heard.
pub const TALK_PROGRESS: Duration = Duration::from_millis(500);
/// How long a line to a talker may take; one that does not read does without.
pub const TALK_SEND: Duration = Duration::from_millis(200);
/// Lines that wait for a talker.
pub const TALK_LINES: usize = 4;
/// Least delay of the jitter buffer; the most is 200 ms (`media::playout`).
pub const TALK_LEAST_DELAY: Duration = Duration::from_millis(40);
/// How long the end of a talk waits for what is buffered.
pub const TALK_DRAIN: Duration = Duration::from_millis(600);
/// The speaker is given its sound this long before it is heard: two of its blocks.
pub const SPEAKER_LEAD: Duration = Duration::from_millis(20);
/// How long an echo is looked for after the speaker fell silent.
pub const ECHO_LINGER: Duration = Duration::from_secs(3);
/// How long the floor is kept for whoever asked for it or took it.
pub const FLOOR_KEPT: Duration = Duration::from_secs(5);
/// How long a question who holds the floor waits for a change; below [`p2p::defaults::HEAD`].
pub const FLOOR_WATCH: Duration = Duration::from_secs(5);
