//! A playback as a viewer sees it.

use std::time::Duration;

use flv::{Item, Position, Reader, Stream, TimestampPolicy, VideoKind};
use media::marks;
use media::video::{Codec, Decoder};
use p2p::{Priority, Request, Response};

use super::film::T;
use super::rig::Viewer;

/// Far beyond what anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One thing in a playback. Times of the wall clock are ms from the film's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Position {
        at: i64,
        jump: bool,
    },
    /// Stream time, and the number in the picture.
    Picture {
        at: i64,
        number: u32,
    },
    Sound {
        at: i64,
    },
}

pub(crate) struct Reel {
    pub(crate) response: Response,
    reader: Reader,
    decoder: Option<Decoder>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) bytes: usize,
}

pub(crate) fn get(query: &str) -> Request {
    Request::get(format!("/ipc.p2p.com/ipc.flv?{query}"))
        .priority(Priority::Video)
        .watched(false)
}

impl Viewer {
    /// From and to in seconds of the film.
    pub(crate) async fn play(&self, from: u64, to: u64, rest: &str) -> Reel {
        let (from, to) = (T + from, T + to);
        let query = format!("action=playback&channel=0&start_time={from}&end_time={to}{rest}");
        Reel::new(self.session.request(get(&query)).await.unwrap())
    }

    pub(crate) async fn steer(&self, cmd: &str) -> String {
        let path = format!("/ipc.p2p.com/command?action=inner_define&channel=0&cmd={cmd}");
        let response = self.session.request(Request::get(path)).await.unwrap();
        String::from_utf8(response.body.read_to_end(100_000).await.unwrap()).unwrap()
    }
}

impl Reel {
    pub(crate) fn new(response: Response) -> Self {
        assert_eq!(response.status, 200, "{:?}", response.headers);
        let trust = TimestampPolicy::Trust;
        Self {
            response,
            reader: Reader::default()
                .with_timestamps(Stream::Video, trust)
                .with_timestamps(Stream::Audio, trust),
            decoder: None,
            seen: Vec::new(),
            bytes: 0,
        }
    }

    /// Reads to the end.
    pub(crate) async fn play_out(&mut self) {
        while self.more().await {}
    }

    /// Reads until something is seen.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Seen) -> bool) {
        while !self.seen.iter().any(&wanted) {
            assert!(self.more().await, "ended: {:?}", self.seen.last());
        }
    }

    /// Reads what is on its way until nothing comes for a while.
    pub(crate) async fn drain(&mut self, quiet: Duration) {
        while tokio::time::timeout(quiet, self.more())
            .await
            .is_ok_and(|more| more)
        {}
    }

    async fn more(&mut self) -> bool {
        let chunk = tokio::time::timeout(PATIENCE, self.response.body.chunk()).await;
        let Some(chunk) = chunk.expect("a stalled playback") else {
            return false;
        };
        let chunk = chunk.expect("a clean playback");
        self.bytes += chunk.len();
        self.reader.push(&chunk);
        while let Some(item) = self.reader.next().expect("clean FLV") {
            match item {
                Item::Meta(meta) => self.seen.extend(Position::from_metadata(&meta).map(|p| {
                    let (at, jump) = (p.time_ms - T as i64 * 1000, p.jump);
                    Seen::Position { at, jump }
                })),
                Item::Video(tag) if tag.kind == VideoKind::SequenceHeader => {
                    self.decoder = Some(Decoder::open(Codec::H264, tag.data).unwrap());
                }
                Item::Video(tag) => {
                    let decoder = self.decoder.as_mut().expect("configuration first");
                    for picture in decoder.decode(tag.data, tag.timestamp * 1000).unwrap() {
                        let number = number(&picture).expect("an intact number");
                        let at = picture.pts / 1000;
                        self.seen.push(Seen::Picture { at, number });
                    }
                }
                Item::Audio(tag) => self.seen.push(Seen::Sound { at: tag.timestamp }),
                _ => {}
            }
        }
        true
    }

    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.pictures()
            .into_iter()
            .map(|(_, number)| number)
            .collect()
    }

    /// Stream time and number.
    pub(crate) fn pictures(&self) -> Vec<(i64, u32)> {
        let picture = |seen: &Seen| match *seen {
            Seen::Picture { at, number } => Some((at, number)),
            _ => None,
        };
        self.seen.iter().filter_map(picture).collect()
    }

    pub(crate) fn positions(&self) -> Vec<(i64, bool)> {
        let position = |seen: &Seen| match *seen {
            Seen::Position { at, jump } => Some((at, jump)),
            _ => None,
        };
        self.seen.iter().filter_map(position).collect()
    }
}

pub(crate) fn number(picture: &media::Picture) -> Option<u32> {
    let (width, height) = (picture.width(), picture.height());
    marks::read_counter(picture.y(), width as usize, width, height)
}
