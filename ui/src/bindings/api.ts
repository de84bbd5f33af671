// Generated from crates/app/src/api.rs by `cargo test -p app export_bindings`. Do not edit.

/**
 * Something only the user can do now; the pairing goes on by itself as soon as it is done.
 */
export type ByHand = { "kind": "join_hotspot", 
/**
 * Its name.
 */
ssid: string, 
/**
 * Why the app cannot.
 */
why: Failure, } | { "kind": "rejoin_home", 
/**
 * Its name, when known.
 */
ssid: string | null, 
/**
 * Why the app cannot.
 */
why: Failure, };

/**
 * A command from the UI.
 */
export type Call = { "call": "hello" } | { "call": "check_link", 
/**
 * The text the user pasted or scanned.
 */
link: string, } | { "call": "add_camera", 
/**
 * The pairing link.
 */
link: string, 
/**
 * The name to save; the camera's own when absent.
 */
name: string | null, 
/**
 * The room, free text, may be empty.
 */
room: string | null, } | { "call": "edit_camera", 
/**
 * Which.
 */
camera: string, 
/**
 * New name, not empty.
 */
name: string, 
/**
 * New room, may be empty.
 */
room: string, } | { "call": "remove_camera", 
/**
 * Which.
 */
camera: string, } | { "call": "share_camera", 
/**
 * Which.
 */
camera: string, } | { "call": "discover", 
/**
 * Whether to look.
 */
on: boolean, } | { "call": "keep_warm", 
/**
 * All of them, replacing the set before.
 */
cameras: Array<string>, } | { "call": "open_view", 
/**
 * Chosen by the UI, unused at the moment.
 */
view: number, 
/**
 * Which camera.
 */
camera: string, 
/**
 * Which quality.
 */
quality: Quality, 
/**
 * What the channel carries.
 */
sink: Sink, 
/**
 * Widest picture wanted from [`Sink::Pictures`], in pixels.
 */
maxWidth: number, 
/**
 * Whether this view plays sound.
 */
audio: boolean, } | { "call": "set_quality", 
/**
 * Which view.
 */
view: number, 
/**
 * The new quality.
 */
quality: Quality, } | { "call": "set_sink", 
/**
 * Which view.
 */
view: number, 
/**
 * The new sink.
 */
sink: Sink, 
/**
 * Widest picture wanted from [`Sink::Pictures`], in pixels.
 */
maxWidth: number, 
/**
 * Why, for the statistics and the log.
 */
reason: string, } | { "call": "ack", 
/**
 * Which view.
 */
view: number, 
/**
 * The `seq` of the newest frame taken from the channel.
 */
seq: number, 
/**
 * Media time of the newest picture drawn, µs, and how long ago that was, ms.
 */
drawn: Drawn | null, 
/**
 * Mean decode time since the last acknowledgement, ms.
 */
decodeMs: number | null, 
/**
 * Mean draw time since the last acknowledgement, ms.
 */
drawMs: number | null, } | { "call": "close_view", 
/**
 * Which view.
 */
view: number, } | { "call": "set_audio", 
/**
 * 0 to 1.
 */
volume: number, 
/**
 * Silence without losing the volume.
 */
muted: boolean, } | { "call": "snapshot", 
/**
 * Which view.
 */
view: number, } | { "call": "start_recording", 
/**
 * Which view.
 */
view: number, } | { "call": "stop_recording", 
/**
 * Which view.
 */
view: number, } | { "call": "ptz", 
/**
 * Which camera.
 */
camera: string, 
/**
 * The direction pressed; absent = released.
 */
direction: Direction | null, } | { "call": "command", 
/**
 * Which camera.
 */
camera: string, 
/**
 * The command text.
 */
query: string, } | { "call": "thumbnail", 
/**
 * Which camera.
 */
camera: string, } | { "call": "set_settings", 
/**
 * All of them.
 */
settings: Settings, } | { "call": "gateway" } | { "call": "retry", 
/**
 * Which camera.
 */
camera: string, } | { "call": "scan_wifi" } | { "call": "read_label", 
/**
 * The text.
 */
label: Secret, } | { "call": "read_codes", 
/**
 * Pixels in a row.
 */
width: number, 
/**
 * Brightness of the pixels, one byte each, row after row, as base64. At most 4 MiB of bytes.
 */
luma: Secret, } | { "call": "start_pairing", 
/**
 * What is needed.
 */
request: PairingRequest, } | { "call": "retry_pairing", 
/**
 * Another hotspot or another passphrase.
 */
hotspot: WifiLogin | null, 
/**
 * Another network or another password.
 */
network: WifiLogin | null, } | { "call": "stop_pairing" } | { "call": "pairing_state" } | { "call": "pairing_code" } | { "call": "save_pairing_log" } | { "call": "start_talk", 
/**
 * To which.
 */
camera: string, 
/**
 * The microphone, from [`Call::TalkDevices`]; absent = that of the settings.
 */
device: string | null, } | { "call": "stop_talk" } | { "call": "mute_talk", 
/**
 * Whether it is.
 */
muted: boolean, } | { "call": "ask_floor", 
/**
 * Of which camera.
 */
camera: string, 
/**
 * Whether to end the other's talk.
 */
take: boolean, } | { "call": "talk_devices" } | { "call": "test_tone", 
/**
 * On this speaker; absent = the system's choice.
 */
speaker: string | null, } | { "call": "test_loopback", 
/**
 * With this microphone; absent = the system's choice.
 */
microphone: string | null, 
/**
 * On this speaker; absent = the system's choice.
 */
speaker: string | null, } | { "call": "check_hub", 
/**
 * What `porthole-hub owner add` printed.
 */
invitation: Secret, } | RecordedCall | PlaybackCall | DownloadCall;

/**
 * A saved camera and how it is.
 */
export type Camera = { 
/**
 * Its key in this app.
 */
key: string, 
/**
 * Its public key, 64 hex digits.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Its room, may be empty.
 */
room: string, 
/**
 * How it is.
 */
state: CameraState, 
/**
 * How it is reached, while connected.
 */
path: PathInfo | null, 
/**
 * Viewers it serves now, ourselves among them, when known.
 */
viewers: number | null, 
/**
 * When it was last seen, unix ms; 0 = never.
 */
lastSeen: number, };

/**
 * How a camera is.
 */
export type CameraState = { "kind": "idle" } | { "kind": "connecting" } | { "kind": "online" } | { "kind": "offline", 
/**
 * Since when, unix ms.
 */
since: number, 
/**
 * Why.
 */
failure: Failure, } | { "kind": "refused", 
/**
 * Why and what to do.
 */
failure: Failure, };

/**
 * A camera's card.
 */
export type Card = { 
/**
 * How it is.
 */
state: CardState, 
/**
 * Bytes that recordings may take.
 */
total: number, 
/**
 * Bytes that recordings take.
 */
used: number, 
/**
 * The oldest moment recorded, unix ms; 0 = nothing is.
 */
oldestMs: number, 
/**
 * The newest moment recorded, unix ms; 0 = nothing is.
 */
newestMs: number, 
/**
 * Whether it is being written now.
 */
recording: boolean, 
/**
 * When it is written: `continuous`, `schedule`, `events`, `off`.
 */
mode: string, 
/**
 * Whether the camera knows what time it is.
 */
clockKnown: boolean, };

/**
 * How a card is.
 */
export type CardState = "ok" | "none" | "full" | "slow" | "read_only" | "missing" | "corrupt";

/**
 * How the UI opens its decoder.
 */
export type Config = { 
/**
 * WebCodecs codec string (`avc1.42C01F`, `hvc1.1.6.L93.B0`); empty for decoded pictures.
 */
codec: string, 
/**
 * Picture width.
 */
width: number, 
/**
 * Picture height.
 */
height: number, 
/**
 * The quality this generation carries.
 */
quality: Quality, };

/**
 * Where a PTZ press goes.
 */
export type Direction = "up" | "down" | "left" | "right";

/**
 * A download.
 */
export type Download = { 
/**
 * Its number.
 */
id: number, 
/**
 * Which camera.
 */
camera: string, 
/**
 * What its file is called here.
 */
name: string, 
/**
 * From, unix ms; 0 = not known yet.
 */
fromMs: number, 
/**
 * To, unix ms; 0 = not known yet.
 */
toMs: number, 
/**
 * How it is.
 */
state: DownloadState, 
/**
 * Bytes so far.
 */
received: number, 
/**
 * Bytes in all; 0 = not known yet.
 */
total: number, 
/**
 * How fast it comes now.
 */
bytesPerSecond: number, 
/**
 * How long it still takes at this pace, ms; absent = not known.
 */
remainingMs: number | null, 
/**
 * The finished file, an absolute path.
 */
path?: string, 
/**
 * Why it waits or failed.
 */
failure?: Failure, };

/**
 * Downloads. Part of [`super::Call`].
 */
export type DownloadCall = { "call": "start_download", 
/**
 * Which camera.
 */
camera: string, 
/**
 * What.
 */
what: DownloadWhat, } | { "call": "pause_download", 
/**
 * Which.
 */
id: number, } | { "call": "resume_download", 
/**
 * Which.
 */
id: number, } | { "call": "cancel_download", 
/**
 * Which.
 */
id: number, } | { "call": "forget_download", 
/**
 * Which.
 */
id: number, } | { "call": "downloads" };

/**
 * The answer to a [`DownloadCall`]. Part of [`super::Reply`].
 */
export type DownloadReply = { "reply": "download_started", 
/**
 * Its number.
 */
id: number, } | { "reply": "downloads", 
/**
 * The newest first.
 */
downloads: Array<Download>, };

/**
 * How a download is.
 */
export type DownloadState = "waiting" | "running" | "paused" | "checking" | "converting" | "done" | "failed";

/**
 * What is downloaded.
 */
export type DownloadWhat = { "kind": "file", 
/**
 * Its name there.
 */
name: string, } | { "kind": "range", 
/**
 * From, unix ms.
 */
fromMs: number, 
/**
 * To, unix ms.
 */
toMs: number, };

/**
 * A picture on the screen.
 */
export type Drawn = { 
/**
 * Its media time, µs.
 */
pts: number, 
/**
 * How long ago it was drawn when the acknowledgement was sent, ms.
 */
agoMs: number, 
/**
 * Pictures drawn since the last acknowledgement.
 */
count: number, };

/**
 * The echo canceller of this end.
 */
export type EchoHealth = { 
/**
 * How much of the echo the filter alone takes away, dB; 0 = not known yet.
 */
lossDb: number, 
/**
 * From the speaker to the microphone, ms, when found.
 */
delayMs: number | null, 
/**
 * Whether the camera is heard in the microphone and the filter does not cope.
 */
poor: boolean, };

/**
 * Something happened in the core.
 */
export type Event = { "event": "camera", 
/**
 * Its state now.
 */
camera: Camera, } | { "event": "camera_removed", 
/**
 * Which.
 */
camera: string, } | { "event": "lan", 
/**
 * What is there now.
 */
cameras: Array<LanCamera>, } | { "event": "view", 
/**
 * Which.
 */
view: number, 
/**
 * Its state now.
 */
state: ViewState, } | { "event": "stats", 
/**
 * Which.
 */
view: number, 
/**
 * The figures.
 */
stats: ViewStats, } | { "event": "recording", 
/**
 * Which view.
 */
view: number, 
/**
 * Absolute path.
 */
path: string, 
/**
 * Bytes so far.
 */
bytes: number, 
/**
 * Media time so far, ms.
 */
durationMs: number, 
/**
 * Why it ended, if it did.
 */
ended: Failure | null, } | { "event": "thumbnail", 
/**
 * Whose.
 */
camera: string, } | { "event": "settings", 
/**
 * All of them.
 */
settings: Settings, } | { "event": "relay", 
/**
 * How.
 */
relay: RelayState, } | { "event": "audio", 
/**
 * Why there is no sound; absent = there is.
 */
failure: Failure | null, } | { "event": "talk", 
/**
 * How it is.
 */
talk: Talk, } | { "event": "floor", 
/**
 * Which camera.
 */
camera: string, 
/**
 * Who holds its floor now.
 */
floor: TalkFloor, } | { "event": "pairing", 
/**
 * How it is.
 */
pairing: Pairing, } | { "event": "playback", 
/**
 * How it is.
 */
playback: Playback, } | { "event": "downloads", 
/**
 * All of them, the newest first.
 */
downloads: Array<Download>, };

/**
 * A failure as the UI gets it.
 */
export type Failure = { 
/**
 * Which.
 */
code: FailureCode, 
/**
 * Values for the text's `{placeholders}`.
 */
params: { [key in string]: string }, 
/**
 * For the log and the expert: the chain of causes, in English.
 */
detail: string, };

/**
 * A stable name for each failure a user can meet.
 */
export type FailureCode = "link_malformed" | "link_refused" | "link_without_secret" | "too_many_attempts" | "camera_already_added" | "camera_unknown" | "camera_unreachable" | "connection_lost" | "camera_refused" | "camera_full" | "stream_not_found" | "camera_error" | "stream_malformed" | "codec_unsupported" | "decoder_failed" | "command_timeout" | "command_refused" | "command_malformed" | "no_audio_device" | "audio_device_lost" | "no_microphone" | "microphone_lost" | "talk_busy" | "talk_taken" | "talk_unsupported" | "talk_codec_refused" | "talk_ended" | "voice_unreadable" | "no_picture_yet" | "file_not_written" | "file_not_opened" | "file_not_copied" | "data_unreadable" | "identity_unusable" | "gateway_unavailable" | "discovery_unavailable" | "view_unknown" | "setting_invalid" | "wifi_unavailable" | "wifi_not_allowed" | "wifi_failed" | "wifi_input_invalid" | "label_malformed" | "hotspot_not_found" | "hotspot_wrong_passphrase" | "hotspot_not_joined" | "hotspot_lost" | "camera_silent" | "another_camera" | "camera_not_open" | "camera_not_found" | "code_not_read" | "no_pairing_code" | "network_wrong_password" | "network_not_found" | "network_no_address" | "network_not_joined" | "camera_no_hub" | "camera_hub_refused" | "token_refused" | "token_expired" | "camera_setup_failed" | "camera_setup_stopped" | "camera_not_heard" | "home_not_rejoined" | "hub_unavailable" | "hub_invitation_invalid" | "hub_access_refused" | "camera_owned" | "bind_failed" | "pairing_timeout" | "pairing_running" | "pairing_stopped" | "no_pairing" | "no_pairing_log" | "no_recording" | "no_card" | "no_such_file" | "disk_full" | "download_damaged" | "download_unknown" | "not_converted" | "wrong_view" | "relay_refused" | "relay_unreachable" | "internal";

/**
 * A viewer that talks or would like to.
 */
export type FloorPerson = { 
/**
 * What the camera calls it.
 */
name: string, 
/**
 * Whether it is this viewer.
 */
me: boolean, };

/**
 * One camera's URL on the local gateway.
 */
export type GatewayUrl = { 
/**
 * Which camera.
 */
camera: string, 
/**
 * `http://127.0.0.1:…` for VLC, mpv, ffmpeg, Frigate, Home Assistant.
 */
url: string, };

/**
 * Which hub pairs cameras.
 */
export type HubChoice = { "kind": "embedded" } | { "kind": "external", 
/**
 * What `porthole-hub owner add` printed.
 */
invitation: Secret, };

/**
 * A camera seen on the LAN.
 */
export type LanCamera = { 
/**
 * Its public key, 64 hex digits.
 */
id: string, 
/**
 * What it calls itself.
 */
name: string, 
/**
 * Its addresses, as text.
 */
addresses: Array<string>, 
/**
 * The key under which it is saved already.
 */
savedAs: string | null, };

/**
 * The UI's language.
 */
export type Language = "system" | "en" | "zh";

/**
 * A code for the camera's lens. It holds the network's password and the token.
 */
export type LensCode = { 
/**
 * What the code says.
 */
text: Secret, 
/**
 * The code as an SVG document, dark on light with its quiet zone.
 */
qrSvg: Secret, };

/**
 * A pairing: how far it is, how long it takes.
 */
export type Pairing = { 
/**
 * How the camera is told.
 */
way: WayKind, 
/**
 * What the camera is known by so far: its hotspot's name, or what it was called when the pairing began.
 */
name: string | null, 
/**
 * The network the camera shall join, by name; absent = it is on one already.
 */
network: string | null, 
/**
 * How it is.
 */
state: PairingState, 
/**
 * The step it is at, or ended at.
 */
step: PairingStep, 
/**
 * Every step that was begun, the current one last. A step left out was not needed.
 */
steps: Array<StepTime>, 
/**
 * Since the start, ms.
 */
elapsedMs: number, 
/**
 * Something worth knowing that does not end it: an earlier error the camera reported.
 */
notice: Failure | null, 
/**
 * Whether this machine is still on its way back to its own network (after an end).
 */
restoring: boolean, 
/**
 * Whether the camera's log was fetched and can be saved by [`super::Call::SavePairingLog`].
 */
hasLog: boolean, };

/**
 * What a pairing needs to begin.
 */
export type PairingRequest = { 
/**
 * How the camera is told.
 */
way: PairingWay, 
/**
 * The camera's public key, 64 hex digits, when it is known: another camera that answers is refused.
 */
camera?: string, 
/**
 * What to call it; by default as its hotspot or the start of its key. Can be changed later by [`super::Call::EditCamera`].
 */
name?: string, 
/**
 * The room, may be absent.
 */
room?: string, };

/**
 * How a pairing is.
 */
export type PairingState = { "kind": "running", 
/**
 * What only the user can do now, if anything.
 */
byHand: ByHand | null, } | { "kind": "done", 
/**
 * Its key in this app.
 */
camera: string, } | { "kind": "failed", 
/**
 * Why and what to do.
 */
failure: Failure, } | { "kind": "stopped" };

/**
 * The steps of a pairing, in order.
 */
export type PairingStep = "token" | "join_hotspot" | "find_camera" | "show_code" | "send_credentials" | "camera_joins" | "rejoin_home" | "wait_for_camera" | "bind" | "first_picture";

/**
 * How a camera gets the network and the token of a pairing.
 */
export type PairingWay = { "kind": "hotspot", 
/**
 * The camera's own network.
 */
hotspot: WifiLogin, 
/**
 * The network the camera shall join.
 */
network: WifiLogin, } | { "kind": "code", 
/**
 * The network the camera shall join.
 */
network: WifiLogin, } | { "kind": "on_network", 
/**
 * Its IPv4 address, `ip` or `ip:port`; absent = it is looked for by [`PairingRequest::camera`].
 */
address?: string, };

/**
 * How a camera is reached.
 */
export type PathInfo = { 
/**
 * The kind.
 */
kind: PathKind, 
/**
 * Round trip, ms.
 */
rttMs: number, 
/**
 * Packets lost of those sent and received lately, 0 to 1.
 */
loss: number, 
/**
 * The far address, as text.
 */
remote: string, };

/**
 * The kind of road to the camera.
 */
export type PathKind = "lan" | "direct" | "relayed";

/**
 * A playback: where it is and how.
 */
export type Playback = { 
/**
 * Which view.
 */
view: number, 
/**
 * How it is.
 */
state: PlaybackState, 
/**
 * The moment on the screen, or asked for while there is none, unix ms.
 */
atMs: number, 
/**
 * As set.
 */
speed: number, 
/**
 * How many seeks it has taken: what comes with fewer than were asked for tells of where it was before.
 */
seeks: number, 
/**
 * Whether it has reached what is being recorded now, and follows it.
 */
atLiveEdge: boolean, 
/**
 * Why it buffers or failed.
 */
failure?: Failure, };

/**
 * What can be done with a playback.
 */
export type PlaybackAction = { "kind": "pause" } | { "kind": "resume" } | { "kind": "seek", 
/**
 * Unix ms. In a gap: what comes after it.
 */
atMs: number, } | { "kind": "speed", 
/**
 * -16, -8, -4, 0.5, 1, 1.5, 2, 4, 8 or 16.
 */
speed: number, } | { "kind": "step", 
/**
 * The previous one.
 */
back: boolean, };

/**
 * Plays recordings. Part of [`super::Call`].
 */
export type PlaybackCall = { "call": "open_playback", 
/**
 * Chosen by the UI, unused at the moment; a view of that number is closed.
 */
view: number, 
/**
 * Which camera.
 */
camera: string, 
/**
 * Which moment, unix ms. In a gap: what comes after it.
 */
atMs: number, 
/**
 * What the channel carries.
 */
sink: Sink, 
/**
 * Widest picture wanted from [`Sink::Pictures`], in pixels.
 */
maxWidth: number, 
/**
 * Whether this view plays sound.
 */
audio: boolean, } | { "call": "playback", 
/**
 * Which view.
 */
view: number, 
/**
 * What.
 */
action: PlaybackAction, };

/**
 * How a playback is.
 */
export type PlaybackState = "opening" | "playing" | "paused" | "buffering" | "ended" | "failed";

/**
 * The three qualities of the documents: 640x360, 1280x720, 1920x1080.
 */
export type Quality = "standard" | "high" | "super";

/**
 * Whether this machine's Wi-Fi does what the app asks.
 */
export type RadioState = { "kind": "ready" } | { "kind": "by_hand", 
/**
 * Why.
 */
failure: Failure, };

/**
 * Why something was recorded.
 */
export type RecordKind = "continuous" | "scheduled" | "event" | "other";

/**
 * Asks about a camera's recordings. Part of [`super::Call`]. Times are unix ms.
 */
export type RecordedCall = { "call": "recorded_days", 
/**
 * Which camera.
 */
camera: string, 
/**
 * 1970 to 9999.
 */
year: number, 
/**
 * 1 to 12.
 */
month: number, 
/**
 * The viewer's time minus UTC, minutes.
 */
utcOffsetMin: number, } | { "call": "recordings", 
/**
 * Which camera.
 */
camera: string, 
/**
 * From.
 */
fromMs: number, 
/**
 * To.
 */
toMs: number, } | { "call": "recorded_files", 
/**
 * Which camera.
 */
camera: string, 
/**
 * From.
 */
fromMs: number, 
/**
 * To.
 */
toMs: number, 
/**
 * Pictures instead of video.
 */
pictures: boolean, } | { "call": "recorded_thumbnail", 
/**
 * Which camera.
 */
camera: string, 
/**
 * Which moment; the picture is that of the keyframe at or before it.
 */
atMs: number, 
/**
 * Pixels, 16 to 1280.
 */
width: number, } | { "call": "card_status", 
/**
 * Which camera.
 */
camera: string, } | { "call": "format_card", 
/**
 * Which camera.
 */
camera: string, };

/**
 * Something that happened while the camera recorded.
 */
export type RecordedEvent = { 
/**
 * The camera's word for it: `motion`.
 */
kind: string, 
/**
 * From, unix ms.
 */
startMs: number, 
/**
 * To, unix ms.
 */
endMs: number, };

/**
 * A file on a camera's card.
 */
export type RecordedFile = { 
/**
 * Its name on the card.
 */
name: string, 
/**
 * Why it was recorded.
 */
kind: RecordKind, 
/**
 * From, unix ms.
 */
startMs: number, 
/**
 * To, unix ms.
 */
endMs: number, 
/**
 * Its size.
 */
bytes: number, };

/**
 * The answer to a [`RecordedCall`]. Part of [`super::Reply`].
 */
export type RecordedReply = { "reply": "days", 
/**
 * 1 to 31, in order.
 */
days: Array<number>, } | { "reply": "recordings", 
/**
 * What was recorded, in order of time.
 */
stretches: Array<Stretch>, 
/**
 * What happened, in order of time.
 */
events: Array<RecordedEvent>, } | { "reply": "files", 
/**
 * In order of time.
 */
files: Array<RecordedFile>, } | { "reply": "card", 
/**
 * It.
 */
card: Card, };

/**
 * Which relay to use.
 */
export type Relay = { "kind": "none" } | { "kind": "own", 
/**
 * `https://…`
 */
url: string, } | { "kind": "public" };

/**
 * How it stands with the relay that this app is at: that of the settings, or of the hub.
 */
export type RelayState = { "kind": "none" } | { "kind": "connecting" } | { "kind": "works", 
/**
 * `https://…`
 */
url: string, } | { "kind": "refused", 
/**
 * [`FailureCode::RelayRefused`](super::FailureCode::RelayRefused).
 */
failure: Failure, } | { "kind": "unreachable", 
/**
 * [`FailureCode::RelayUnreachable`](super::FailureCode::RelayUnreachable).
 */
failure: Failure, };

/**
 * The answer to a [`Call`].
 */
export type Reply = { "reply": "done" } | { "reply": "hello", 
/**
 * This program's version.
 */
version: string, 
/**
 * This viewer's public key, 64 hex digits.
 */
viewer: string, 
/**
 * All saved cameras.
 */
cameras: Array<Camera>, 
/**
 * The settings in force.
 */
settings: Settings, 
/**
 * How it stands with the relay.
 */
relay: RelayState, 
/**
 * Where snapshots and recordings go.
 */
mediaDir: string, 
/**
 * The version of the FFmpeg library and its licence, for the about box.
 */
ffmpeg: string, 
/**
 * Something the user should know about the start: damaged data that was put aside.
 */
notice?: Failure, } | { "reply": "link", 
/**
 * The camera's public key, 64 hex digits.
 */
id: string, 
/**
 * The camera's name, if the link tells it.
 */
name: string | null, 
/**
 * Whether the link can add a viewer (holds a one-time secret).
 */
canPair: boolean, 
/**
 * The key under which that camera is saved already.
 */
savedAs: string | null, } | { "reply": "camera", 
/**
 * It.
 */
camera: Camera, } | { "reply": "share", 
/**
 * The link.
 */
link: string, 
/**
 * The same as a QR code, an SVG document.
 */
qrSvg: string, 
/**
 * Seconds until it expires.
 */
expiresIn: number, } | { "reply": "file", 
/**
 * Absolute path.
 */
path: string, 
/**
 * Bytes so far.
 */
bytes: number, 
/**
 * Media time so far, ms.
 */
durationMs: number, } | { "reply": "ptz", 
/**
 * Whether the motor has reached its end.
 */
apex: boolean, } | { "reply": "text", 
/**
 * The text.
 */
text: string, } | { "reply": "thumbnail", 
/**
 * JPEG as base64; absent when none was ever seen.
 */
jpeg: string | null, 
/**
 * When it was taken, unix ms.
 */
taken: number, } | { "reply": "settings", 
/**
 * All of them.
 */
settings: Settings, } | { "reply": "gateway", 
/**
 * Whether it listens.
 */
on: boolean, 
/**
 * One URL a camera.
 */
urls: Array<GatewayUrl>, } | { "reply": "wifi", 
/**
 * Whether this machine's Wi-Fi does what we ask.
 */
radio: RadioState, 
/**
 * What is in range, the strongest first; empty if it cannot be known.
 */
networks: Array<WifiNetwork>, 
/**
 * The network this machine is on, when it can be known.
 */
current: string | null, } | { "reply": "label", 
/**
 * The camera's hotspot.
 */
hotspot: WifiLogin, 
/**
 * The camera's public key, 64 hex digits, if the label tells it.
 */
camera: string | null, 
/**
 * The key under which that camera is saved already.
 */
savedAs: string | null, } | { "reply": "codes", 
/**
 * What they say; none = none reads.
 */
texts: Array<Secret>, } | { "reply": "pairing", 
/**
 * Absent = none was begun, or it was forgotten.
 */
pairing: Pairing | null, } | { "reply": "floor", 
/**
 * Who holds it now.
 */
floor: TalkFloor, } | { "reply": "talk_devices", 
/**
 * What can be talked into.
 */
microphones: Array<SoundDevice>, 
/**
 * What can be heard from.
 */
speakers: Array<SoundDevice>, } | { "reply": "loopback", 
/**
 * From speaker to microphone, ms; absent = the noise was not heard.
 */
delayMs: number | null, 
/**
 * Loudest sample that the microphone gave, dB of full scale.
 */
levelDb: number, } | { "reply": "pairing_code", 
/**
 * With the hub in it: for our own cameras.
 */
code: LensCode, 
/**
 * The documents' shorter form, for cameras that know their hub; absent = it cannot say the network's name.
 */
short: LensCode | null, } | { "reply": "hub", 
/**
 * Where it is, `host:port`.
 */
address: string, } | RecordedReply | DownloadReply;

/**
 * A password, an invitation, a label. `Debug` prints `***`; there is no `Display`.
 */
export type Secret = string;

/**
 * What the app remembers of its user's wishes.
 */
export type Settings = { 
/**
 * The UI's language.
 */
language: Language, 
/**
 * The UI's colours.
 */
theme: Theme, 
/**
 * Which relay carries the stream when no direct road is found.
 */
relay: Relay, 
/**
 * Whether the local gateway listens.
 */
gateway: boolean, 
/**
 * Volume, 0 to 1.
 */
volume: number, 
/**
 * Silence.
 */
muted: boolean, 
/**
 * The microphone to talk with; absent = the system's choice.
 */
microphone?: string, 
/**
 * The speaker that plays cameras; absent = the system's choice, which also plays while this one is not there.
 */
speaker?: string, 
/**
 * What happens to the camera's sound while this viewer talks.
 */
talkMode: TalkMode, 
/**
 * Quality a view opens with.
 */
quality: Quality, 
/**
 * Which hub pairs cameras.
 */
hub: HubChoice, 
/**
 * This machine's Wi-Fi: `auto`, `nm`, `nm:wlan0`, `wpa:wlan0`, `sim:DIR`.
 */
radio: string, };

/**
 * How encoded video leaves the core for a view.
 */
export type Sink = "access_units" | "pictures";

/**
 * A sound device.
 */
export type SoundDevice = { 
/**
 * What [`super::Call::StartTalk`] and the tests take.
 */
id: string, 
/**
 * What a person reads.
 */
name: string, 
/**
 * The system's own choice.
 */
default: boolean, };

/**
 * A step that was begun.
 */
export type StepTime = { 
/**
 * Which.
 */
step: PairingStep, 
/**
 * How long it took, or takes so far, ms.
 */
ms: number, };

/**
 * A stretch of time that was recorded without a break.
 */
export type Stretch = { 
/**
 * Why.
 */
kind: RecordKind, 
/**
 * From, unix ms.
 */
startMs: number, 
/**
 * To, unix ms.
 */
endMs: number, };

/**
 * A talk.
 */
export type Talk = { 
/**
 * With which camera.
 */
camera: string, 
/**
 * How far it is.
 */
phase: TalkPhase, 
/**
 * Whether the microphone is muted.
 */
muted: boolean, 
/**
 * Loudest sample of the last moments, dB of full scale (-99 to 0), after echo cancellation.
 */
levelDb: number, 
/**
 * Whether the microphone was overdriven in the last second.
 */
clipping: boolean, 
/**
 * From the mouth here to the camera's speaker, ms, when known.
 */
delayMs: number | null, 
/**
 * How the canceller does; absent without a speaker.
 */
echo: EchoHealth | null, 
/**
 * What is sent, `aac/16000`; empty until the camera was asked.
 */
format: string, 
/**
 * The microphone in use; empty for none.
 */
device: string, };

/**
 * Who holds a camera's floor.
 */
export type TalkFloor = { 
/**
 * Who talks, or for whom the floor is kept.
 */
talker: FloorPerson | null, 
/**
 * Who asked for it.
 */
asker: FloorPerson | null, };

/**
 * What happens to the camera's sound while this viewer talks.
 */
export type TalkMode = "full_duplex" | "ducking";

/**
 * How far a talk is.
 */
export type TalkPhase = { "kind": "starting" } | { "kind": "talking" } | { "kind": "ended", 
/**
 * Why, if this viewer did not end it.
 */
failure: Failure | null, };

/**
 * The UI's colours.
 */
export type Theme = "system" | "dark" | "light";

/**
 * How a view is.
 */
export type ViewState = { "kind": "starting" } | { "kind": "live", 
/**
 * The quality now shown.
 */
quality: Quality, } | { "kind": "reconnecting", 
/**
 * Since when, unix ms.
 */
since: number, 
/**
 * Why.
 */
failure: Failure, } | { "kind": "failed", 
/**
 * Why and what to do.
 */
failure: Failure, };

/**
 * What a view measured. Times in ms; absent = not yet.
 */
export type ViewStats = { 
/**
 * Dialling until connected; 0 on a warm session.
 */
connectMs: number | null, 
/**
 * Request until the first byte of the body.
 */
firstByteMs: number | null, 
/**
 * Request until the first keyframe.
 */
firstKeyframeMs: number | null, 
/**
 * Request until the first picture was drawn.
 */
firstPictureMs: number | null, 
/**
 * Mean decode time.
 */
decodeMs: number | null, 
/**
 * Mean draw time.
 */
drawMs: number | null, 
/**
 * Estimated age of what is on screen (arrival to drawn).
 */
latencyMs: number | null, 
/**
 * Pictures a second drawn.
 */
fps: number, 
/**
 * Media bits a second received.
 */
bitRate: number, 
/**
 * Width and height of the video.
 */
width: number, 
/**
 * Height.
 */
height: number, 
/**
 * Video codec by FFmpeg's name (`h264`, `hevc`).
 */
videoCodec: string, 
/**
 * Audio codec by FFmpeg's name (`aac`, `pcm_alaw` …), empty = none.
 */
audioCodec: string, 
/**
 * What the channel carries.
 */
sink: Sink | null, 
/**
 * Why the sink is not the preferred one, if it is not.
 */
fallback: string | null, 
/**
 * Access units dropped because the view fell behind.
 */
dropped: number, 
/**
 * Times the stream was lost and came back.
 */
reconnects: number, 
/**
 * Sound ahead (+) or behind (-) the picture.
 */
lipSyncMs: number | null, 
/**
 * Sound waiting to be played.
 */
audioBufferMs: number | null, 
/**
 * How the camera is reached.
 */
path: PathInfo | null, 
/**
 * Viewers the camera serves now.
 */
viewers: number | null, };

/**
 * Which [`PairingWay`] a pairing goes.
 */
export type WayKind = "hotspot" | "code" | "on_network";

/**
 * A network and what opens it.
 */
export type WifiLogin = { 
/**
 * The network's name, 1 to 32 bytes.
 */
ssid: string, 
/**
 * Its password, 8 to 63 bytes or 64 hex digits; absent = an open network.
 */
passphrase?: Secret, 
/**
 * Whether it does not announce its name.
 */
hidden: boolean, };

/**
 * A Wi-Fi network in range.
 */
export type WifiNetwork = { 
/**
 * Its name. The same name comes once, with its strongest signal.
 */
ssid: string, 
/**
 * 0 to 100.
 */
signalPercent: number, 
/**
 * Its channel's frequency, MHz; cameras often know 2.4 GHz only.
 */
frequencyMhz: number, 
/**
 * How it is secured.
 */
security: WifiSecurity, 
/**
 * Whether this system remembers it.
 */
known: boolean, 
/**
 * Whether this machine is on it now.
 */
current: boolean, 
/**
 * Whether it looks like a camera's own hotspot.
 */
camera: boolean, };

/**
 * How a network is secured.
 */
export type WifiSecurity = "open" | "password" | "other";
