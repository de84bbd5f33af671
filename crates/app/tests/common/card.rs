//! The card of the camera inside the test: two stretches of coded pictures whose counters tell which they are, as a stream,
//! as keyframes, as a file.

use super::Brain;
use flv::{AudioCodec, AudioFormat, Position, VideoCodec, Writer};
use media::fmp4::{self, Fragment, Head};
use media::video::{Codec, Encoder, EncoderSettings};
use media::{Packet, Picture};
use p2p::{Body, BodySender, Request, Response};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use wire::command::{Ask, Command, Inner, User};
use wire::stream::{Direction, Download, FastForward, Playback, Source, StreamRequest, header};

/// When the first stretch begins, unix ms.
pub const START: i64 = 1_783_440_600_000;
/// When the second one does.
pub const SECOND: i64 = START + 60_000;
/// How long each is, ms.
pub const LENGTH: i64 = 10_000;
/// Distance of pictures, ms.
pub const STEP: i64 = 40;
/// Pictures from one keyframe to the next.
pub const GOP: i64 = 25;
/// The counter of the second stretch's first picture.
pub const SECOND_COUNTER: u32 = 1000;
/// The name of the first stretch's file.
pub const FILE: &str = "20260707T161000Z-000001.mp4";

/// One recorded picture.
#[derive(Debug)]
pub struct Recorded {
    pub ms: i64,
    pub key: bool,
    pub data: Vec<u8>,
}

pub struct Film {
    pub record: Vec<u8>,
    pub pictures: Vec<Recorded>,
    /// The first stretch as the card keeps it.
    pub file: Vec<u8>,
}

pub static FILM: LazyLock<Film> = LazyLock::new(film);

fn film() -> Film {
    let settings = EncoderSettings {
        codec: Codec::H264,
        width: 320,
        height: 180,
        fps: 25,
        bit_rate: 400_000,
        gop: GOP as u32,
    };
    let mut encoder = Encoder::open(&settings).unwrap();
    let mut pictures = Vec::new();
    for (start, counter) in [(START, 0), (SECOND, SECOND_COUNTER)] {
        for n in 0..(LENGTH / STEP) as u32 {
            let mut picture = Picture::new(320, 180);
            picture.pts = i64::from(counter + n) * STEP * 1000;
            picture.y_mut().fill(60 + (n % 100) as u8);
            media::marks::draw(&mut picture, counter + n, 100, 200);
            let key = i64::from(n) % GOP == 0;
            for packet in encoder.encode(&picture, key).unwrap() {
                assert_eq!(packet.key, key);
                pictures.push(Recorded {
                    ms: start + i64::from(n) * STEP,
                    key,
                    data: packet.data,
                });
            }
        }
    }
    let record = encoder.config_record().to_vec();
    let file = file(&record, &pictures);
    Film {
        record,
        pictures,
        file,
    }
}

/// The first stretch in fragments, with A-law silence.
fn file(record: &[u8], pictures: &[Recorded]) -> Vec<u8> {
    let video = fmp4::VideoTrack {
        codec: VideoCodec::H264,
        record: record.to_vec(),
    };
    let audio = fmp4::AudioTrack {
        format: SOUND,
        config: Vec::new(),
    };
    let (mut writer, mut bytes) = fmp4::Writer::new(Head {
        start_ms: START,
        number: 1,
        label: 0,
        video,
        audio: Some(audio),
    })
    .unwrap();
    let first: Vec<_> = pictures.iter().filter(|p| p.ms < SECOND).collect();
    for gop in first.chunks(GOP as usize) {
        let start_ms = gop[0].ms;
        let end_ms = start_ms + GOP * STEP;
        let packet = |ms: i64, key: bool, data: Vec<u8>| Packet {
            data,
            pts: ms,
            dts: ms,
            key,
        };
        let fragment = Fragment {
            start_ms,
            end_ms,
            video: gop
                .iter()
                .map(|p| packet(p.ms, p.key, p.data.clone()))
                .collect(),
            audio: (start_ms..end_ms)
                .step_by(STEP as usize)
                .map(|ms| packet(ms, true, vec![0xd5; 320]))
                .collect(),
        };
        bytes.extend(writer.fragment(&fragment).unwrap());
    }
    bytes.extend(writer.finish());
    bytes
}

const SOUND: AudioFormat = AudioFormat {
    codec: AudioCodec::G711A,
    sample_rate: 8000,
    channels: 1,
};

/// The counter of the picture that is on the screen at a moment.
pub fn counter_at(ms: i64) -> u32 {
    if ms >= SECOND {
        SECOND_COUNTER + ((ms - SECOND) / STEP) as u32
    } else {
        ((ms - START) / STEP) as u32
    }
}

/// The counter in a picture of the channel.
pub fn counter(frame: &super::Frame) -> Option<u32> {
    let size = |at: usize| u16::from_le_bytes(frame.body[at..at + 2].try_into().unwrap());
    let (width, height) = (u32::from(size(0)), u32::from(size(2)));
    media::marks::read_counter(&frame.body[4..], width as usize, width, height)
}

impl super::Screen {
    /// Waits until a picture after the first `from` frames satisfies; for [`app::api::Sink::Pictures`].
    pub async fn shows(&self, from: usize, wanted: u32) {
        let found = |frames: &[super::Frame]| {
            let pictures = frames.iter().skip(from).filter(|frame| frame.kind == 3);
            pictures.filter_map(counter).any(|n| n == wanted)
        };
        self.until(Duration::from_secs(20), found).await;
    }

    /// Waits until a picture after the first `from` frames is that one or a later one: a loaded machine skips some.
    pub async fn reaches(&self, from: usize, wanted: u32) {
        let found = |frames: &[super::Frame]| {
            let pictures = frames.iter().skip(from).filter(|frame| frame.kind == 3);
            pictures.filter_map(counter).any(|n| n >= wanted)
        };
        self.until(Duration::from_secs(20), found).await;
    }

    /// The counters of the pictures after the first `from` frames; for [`app::api::Sink::Pictures`].
    pub fn counters(&self, from: usize) -> Vec<u32> {
        let frames = self.frames();
        let pictures = frames.iter().skip(from).filter(|frame| frame.kind == 3);
        pictures.filter_map(counter).collect()
    }
}

/// What the card does when it is asked.
#[derive(Default)]
pub struct Card {
    /// There is none.
    pub none: AtomicBool,
    /// Bytes after which a download is cut off, once; 0 = it is not.
    pub cut_after: AtomicUsize,
    /// Downloads give a wrong byte this often.
    pub damaged: AtomicU32,
    /// Pieces of a download come this slowly, ms.
    pub slow: AtomicU32,
    /// The recording goes on: a playback waits at its end, and pictures up to this moment are there.
    pub edge: AtomicI64,
    /// What was asked for.
    pub asked: Mutex<Vec<StreamRequest>>,
}

impl Card {
    /// Whether a playback like this was asked for. Requests travel side by side, so the last one that came in need not be
    /// the one that was sent last.
    pub fn has_asked(&self, like: impl Fn(&Playback) -> bool) -> bool {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .any(|asked| matches!(asked, StreamRequest::Playback(playback) if like(playback)))
    }

    /// The offsets of the downloads asked for.
    pub fn offsets(&self) -> Vec<u64> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter_map(|asked| match asked {
                StreamRequest::Download(download) => Some(download.offset),
                _ => None,
            })
            .collect()
    }
}

fn refusal(status: u16, error: &str) -> Response {
    Response::new(status, format!(r#"{{"status":"404","error":"{error}"}}"#))
}

/// Answers a stream about recordings; `None` for others.
pub fn stream(brain: &Arc<Brain>, request: &Request) -> Option<Response> {
    let wanted = StreamRequest::parse(&request.target).ok()?;
    let card = &brain.card;
    let answer = match &wanted {
        StreamRequest::Live { .. } | StreamRequest::Voice { .. } => return None,
        _ if card.none.load(Ordering::SeqCst) => refusal(404, "no_card"),
        StreamRequest::Playback(playback) => self::playback(brain.clone(), playback),
        StreamRequest::Thumbnail(wanted) => thumbnail(wanted.time as i64 * 1000),
        StreamRequest::Download(wanted) => download(brain.clone(), wanted, request),
    };
    card.asked.lock().unwrap().push(wanted);
    Some(answer)
}

fn playback(brain: Arc<Brain>, wanted: &Playback) -> Response {
    let (from, to) = (
        wanted.start_time as i64 * 1000,
        wanted.end_time as i64 * 1000,
    );
    let film = &*FILM;
    let chosen: Vec<&Recorded> = match wanted.direction {
        Direction::Forward => {
            let whole = wanted.ff == FastForward::Normal;
            let key = |p: &&Recorded| p.key && p.ms <= from && from - p.ms < GOP * STEP;
            let start = film.pictures.iter().rfind(key).map_or(from, |p| p.ms);
            film.pictures
                .iter()
                .filter(|p| p.ms >= start && p.ms <= to && (whole || p.key))
                .collect()
        }
        Direction::Backward => film
            .pictures
            .iter()
            .rev()
            .filter(|p| p.key && p.ms >= from && p.ms <= to)
            .collect(),
    };
    if chosen.is_empty() {
        return refusal(404, "no_recording");
    }
    let sound = wanted.ff == FastForward::Normal && wanted.direction == Direction::Forward;
    let (sender, body) = Body::channel(4);
    tokio::spawn(async move { play(&brain, &chosen, sound, sender).await });
    Response::new(200, body).header("content-type", "video/x-flv")
}

async fn play(brain: &Brain, chosen: &[&Recorded], sound: bool, sender: BodySender) {
    let writer = Writer::default();
    let mut out = Vec::new();
    writer.header(&mut out, sound, true);
    writer
        .video_config(&mut out, 0, VideoCodec::H264, &FILM.record)
        .unwrap();
    let (mut at, mut before) = (0, None);
    for picture in chosen {
        let edge = brain.card.edge.load(Ordering::SeqCst);
        while edge > 0 && picture.ms > brain.card.edge.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if sender.is_closed() {
                return;
            }
        }
        let apart = before.map_or(0, |before: i64| (picture.ms - before).abs());
        let jump = before.is_none() || apart > 5_000;
        at += if jump && before.is_some() {
            STEP
        } else {
            apart
        };
        before = Some(picture.ms);
        if picture.key {
            let time_ms = picture.ms;
            let said = Position { time_ms, jump }.to_metadata();
            writer.metadata(&mut out, at, &said).unwrap();
        }
        let (key, data) = (picture.key, &picture.data);
        writer
            .video(&mut out, at, 0, key, VideoCodec::H264, data)
            .unwrap();
        if sound {
            writer.audio(&mut out, at, SOUND, &[0xd5; 320]).unwrap();
        }
        if sender.send(std::mem::take(&mut out)).await.is_err() {
            return;
        }
    }
    if brain.card.edge.load(Ordering::SeqCst) > 0 {
        sender.closed().await;
    }
}

fn thumbnail(ms: i64) -> Response {
    let key = |p: &&Recorded| p.key && p.ms <= ms && ms - p.ms < 60_000;
    let Some(picture) = FILM.pictures.iter().rfind(key) else {
        return refusal(404, "no_recording");
    };
    let writer = Writer::default();
    let mut out = Vec::new();
    writer.header(&mut out, false, true);
    writer
        .video_config(&mut out, 0, VideoCodec::H264, &FILM.record)
        .unwrap();
    writer
        .video(&mut out, 0, 0, true, VideoCodec::H264, &picture.data)
        .unwrap();
    Response::new(200, out)
        .header("content-type", "video/x-flv")
        .header(header::TIME_MS, picture.ms.to_string())
}

fn download(brain: Arc<Brain>, wanted: &Download, request: &Request) -> Response {
    match &wanted.source {
        Source::File(name) if name == FILE => {}
        Source::Range { start_time, .. } if *start_time as i64 * 1000 < START + LENGTH => {}
        Source::File(_) => return refusal(404, "no_such_file"),
        Source::Range { .. } => return refusal(404, "no_recording"),
    }
    let file = &FILM.file;
    let range = request
        .headers
        .iter()
        .find(|(name, _)| name == "range")
        .and_then(|(_, value)| {
            value
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        });
    let offset = range.unwrap_or(wanted.offset as usize);
    if offset > file.len() {
        return refusal(416, "past_end");
    }
    let rest = file.len() - offset;
    let (sender, body) = Body::channel(2);
    let mut bytes = file[offset..].to_vec();
    let damage = |left: u32| left.checked_sub(1);
    let damaged = &brain.card.damaged;
    if damaged
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, damage)
        .is_ok()
    {
        *bytes.last_mut().unwrap() ^= 1;
    }
    tokio::spawn(async move {
        for piece in bytes.chunks(4096) {
            let slow = brain.card.slow.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(u64::from(slow))).await;
            let cut = brain.card.cut_after.load(Ordering::SeqCst);
            if cut > 0 && cut <= piece.len() {
                brain.card.cut_after.store(0, Ordering::SeqCst);
                sender.abort();
                return;
            }
            if cut > 0 {
                brain
                    .card
                    .cut_after
                    .store(cut - piece.len(), Ordering::SeqCst);
            }
            if sender.send(piece.to_vec()).await.is_err() {
                return;
            }
        }
    });
    let status = if range.is_some() { 206 } else { 200 };
    Response::new(status, body)
        .header("content-type", "video/mp4")
        .header(
            "content-range",
            format!("bytes {offset}-{}/{}", file.len() - 1, file.len()),
        )
        .header("content-length", rest.to_string())
        .header("etag", "\"1\"")
        .header(header::START_MS, START.to_string())
        .header(header::END_MS, (START + LENGTH).to_string())
}

/// Answers a command about recordings; `None` for others.
pub fn command(card: &Card, target: &str) -> Option<String> {
    let wanted = Command::parse(target).ok()?;
    let list = |entries: &[String]| format!("[{}]", entries.join(","));
    let stretch = |start: i64| {
        format!(
            r#"{{"type":"0","start_time":"{}","end_time":"{}"}}"#,
            start / 1000,
            (start + LENGTH) / 1000
        )
    };
    let touches = |start: i64, from: u64, to: u64| {
        start < to as i64 * 1000 && start + LENGTH > from as i64 * 1000
    };
    let answer = match wanted {
        Command::Inner { .. } if card.none.load(Ordering::SeqCst) => {
            r#"{"status":"406","error":"no_card"}"#.to_owned()
        }
        Command::Inner {
            cmd:
                Inner::GetRecordIndex {
                    start_time,
                    end_time,
                    ..
                },
            ..
        } => {
            let both = [START, SECOND];
            let found = both
                .iter()
                .filter(|start| touches(**start, start_time, end_time));
            let found: Vec<_> = found.map(|start| stretch(*start)).collect();
            format!(r#"{{"video_list":{}}}"#, list(&found))
        }
        Command::Inner {
            cmd:
                Inner::GetFileList {
                    start_time,
                    end_time,
                    ..
                },
            ..
        } => {
            let file = touches(START, start_time, end_time).then(|| {
                format!(
                    r#"{{"file_type":"0","file_name":"{FILE}","file_size":"{}","start_time":"{}","end_time":"{}","extra_info":"{{\"kind\":\"2\"}}"}}"#,
                    FILM.file.len(),
                    START / 1000,
                    (START + LENGTH) / 1000
                )
            });
            let files: Vec<_> = file.into_iter().collect();
            format!(r#"{{"file_list":{}}}"#, list(&files))
        }
        Command::User {
            cmd: cmd @ User::Topic(_),
            ..
        } => match cmd.ask().ok()? {
            Ask::CardStatus => format!(
                r#"{{"result":"0","state":"ok","total":"1000","used":"10","oldest":"{}","newest":"{}","recording":"0","mode":"off","clock":"ok","text":""}}"#,
                START / 1000,
                (SECOND + LENGTH) / 1000
            ),
            Ask::Events { .. } => format!(
                r#"{{"result":"0","events":[{{"kind":"motion","start_time":"{}","end_time":"{}"}}]}}"#,
                START / 1000 + 2,
                START / 1000 + 4
            ),
            Ask::FileHash(_) => format!(
                r#"{{"result":"0","sha256":"{}","size":"{}"}}"#,
                data_encoding::HEXLOWER.encode(&Sha256::digest(&FILM.file)),
                FILM.file.len()
            ),
            Ask::SdFormat { confirmed: true } => r#"{"result":"0"}"#.to_owned(),
            Ask::SdFormat { confirmed: false } => {
                r#"{"result":"-2000","error":"confirmation_needed"}"#.to_owned()
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(answer)
}
