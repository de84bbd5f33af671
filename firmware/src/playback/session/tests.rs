//! Sessions against a recording in memory: hours pass in milliseconds.

use std::sync::Arc;

use flv::{Item, Position, Reader, TimestampPolicy, VideoKind};
use media::Packet;
use wire::command::reply::Status;
use wire::command::{PlaybackAct, Seek};
use wire::stream::{Direction, FastForward, Playback};

use super::*;
use crate::live::tags::{AudioTrack, VideoTrack};
use crate::playback::tape::{Gop, Tape, TapeError, Tracks};

/// Unix seconds at which every recording here begins.
const T: u64 = 1_783_440_000;
const T_MS: i64 = T as i64 * 1000;
const GOP_MS: i64 = 2000;
const STEP_MS: i64 = 40;

/// GOPs of 2 s at 25 pictures a second with a sound every 20 ms, each picture holding its own time.
struct Film {
    gops: Vec<(i64, Arc<Tracks>)>,
    growing: bool,
    finds: usize,
}

fn tracks(level: u8) -> Arc<Tracks> {
    Arc::new(Tracks {
        video: VideoTrack {
            codec: flv::VideoCodec::H264,
            record: vec![1, 0x42, 0, level, 0xff, 0xe0, 0],
            fps: None,
        },
        audio: Some(AudioTrack::aac()),
    })
}

impl Film {
    /// Stretches in seconds from [`T`], each a recording of its own.
    fn new(stretches: &[(i64, i64)]) -> Self {
        let tracks = tracks(31);
        let starts = stretches.iter().flat_map(|&(from, to)| {
            (from * 1000..to * 1000)
                .step_by(GOP_MS as usize)
                .map(|at| T_MS + at)
        });
        Self {
            gops: starts.map(|start| (start, Arc::clone(&tracks))).collect(),
            growing: false,
            finds: 0,
        }
    }

    fn gop(&self, index: usize) -> Gop {
        let (start_ms, tracks) = self.gops[index].clone();
        let packets = |step: i64| {
            (start_ms..start_ms + GOP_MS)
                .step_by(step as usize)
                .map(move |at| Packet {
                    data: at.to_be_bytes().to_vec(),
                    pts: at,
                    dts: at,
                    key: at == start_ms,
                })
                .collect()
        };
        Gop {
            start_ms,
            end_ms: start_ms + GOP_MS,
            tracks,
            video: packets(STEP_MS),
            audio: packets(20),
        }
    }
}

impl Tape for Film {
    fn find(&mut self, which: Which) -> Result<Found, TapeError> {
        self.finds += 1;
        let (gops, last) = (&self.gops, self.gops.len().checked_sub(1));
        let after = |at: i64| gops.partition_point(|(start, _)| *start <= at);
        let before = |at: i64| gops.partition_point(|(start, _)| *start < at);
        let index = match which {
            Which::At(at) => {
                let holds = after(at).checked_sub(1);
                let holds = holds.filter(|i| at < gops[*i].0 + GOP_MS);
                holds
                    .or(Some(before(at)).filter(|i| *i < gops.len()))
                    .or(last.filter(|_| self.growing))
            }
            Which::After(at, n) => Some(after(at) + n as usize - 1),
            Which::UpTo(at) => after(at).checked_sub(1),
            Which::Before(at, n) => before(at).checked_sub(n as usize),
        };
        let index = index.filter(|index| *index < gops.len());
        Ok(match index {
            Some(index) => Found::Gop(self.gop(index)),
            None => Found::Nothing {
                growing: self.growing,
            },
        })
    }
}

/// What a viewer sees of one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// ms from `T_MS`.
    Position(i64, bool),
    Config,
    /// Stream time, and ms from `T_MS` by the picture's own bytes.
    Picture(i64, i64),
    Sound(i64, i64),
}

struct Pair {
    session: Session,
    film: Film,
    reader: Reader,
    seen: Vec<Seen>,
    now_ms: i64,
}

impl Pair {
    fn new(film: Film, wanted: Playback) -> Self {
        let trust = TimestampPolicy::Trust;
        Self {
            session: Session::new(&wanted),
            film,
            reader: Reader::default()
                .with_timestamps(flv::Stream::Video, trust)
                .with_timestamps(flv::Stream::Audio, trust),
            seen: Vec::new(),
            now_ms: T_MS + 100_000_000,
        }
    }

    /// Plays until it waits, follows or ends, at most so many steps; says what it came to.
    fn run(&mut self, most: usize) -> &'static str {
        for _ in 0..most {
            match self.session.poll().unwrap() {
                Step::Find(which, turn) => {
                    let found = self.film.find(which).unwrap();
                    self.session.found(turn, found, self.now_ms);
                }
                Step::Send(bytes) => self.read(&bytes),
                Step::Wait => return "wait",
                Step::Follow => return "follow",
                Step::End => return "end",
            }
        }
        "more"
    }

    fn read(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
        let wall = |data: &[u8]| i64::from_be_bytes(data.try_into().unwrap()) - T_MS;
        while let Some(item) = self.reader.next().unwrap() {
            self.seen.push(match item {
                Item::Meta(meta) => match Position::from_metadata(&meta) {
                    Some(position) => Seen::Position(position.time_ms - T_MS, position.jump),
                    None => continue,
                },
                Item::Video(tag) if tag.kind == VideoKind::SequenceHeader => Seen::Config,
                Item::Video(tag) => Seen::Picture(tag.timestamp, wall(tag.data)),
                Item::Audio(tag) if tag.kind == flv::AudioKind::SequenceHeader => continue,
                Item::Audio(tag) => Seen::Sound(tag.timestamp, wall(tag.data)),
                _ => continue,
            });
        }
    }

    fn pictures(&self) -> Vec<(i64, i64)> {
        let picture = |seen: &Seen| match *seen {
            Seen::Picture(at, wall) => Some((at, wall)),
            _ => None,
        };
        self.seen.iter().filter_map(picture).collect()
    }

    fn positions(&self) -> Vec<(i64, bool)> {
        let position = |seen: &Seen| match *seen {
            Seen::Position(wall, jump) => Some((wall, jump)),
            _ => None,
        };
        self.seen.iter().filter_map(position).collect()
    }

    /// Both clocks of both streams go forward; stream time of pictures never leaps by more than `most`.
    fn check_times(&self, most: i64) {
        let pictures = self.pictures();
        for pair in pictures.windows(2) {
            assert!((1..=most).contains(&(pair[1].0 - pair[0].0)), "{pair:?}");
        }
        let sounds: Vec<i64> = self
            .seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Sound(at, _) => Some(*at),
                _ => None,
            })
            .collect();
        assert!(sounds.windows(2).all(|pair| pair[1] > pair[0]));
    }
}

fn playback(from: u64, to: u64) -> Playback {
    Playback::new(T + from, T + to)
}

#[test]
fn it_starts_at_the_keyframe_before_and_ends_with_the_last_picture_asked_for() {
    let mut pair = Pair::new(Film::new(&[(0, 60)]), playback(11, 21));
    assert_eq!(pair.run(9999), "end");
    let pictures = pair.pictures();
    assert_eq!(pictures[0], (0, 10_000));
    assert_eq!(*pictures.last().unwrap(), (11_000, 21_000));
    assert_eq!(pictures.len(), 11 * 25 + 1);
    assert_eq!(pair.seen[..2], [Seen::Config, Seen::Position(10_000, true)]);
    let positions = pair.positions();
    assert_eq!(positions.len(), 6);
    assert!(positions[1..].iter().all(|(_, jump)| !jump));
    // Sound keeps step with the pictures.
    assert!(pair.seen.contains(&Seen::Sound(5_020, 15_020)));
    pair.check_times(40);
    assert_eq!(pair.session.progress_ms(), 10_000);
}

#[test]
fn a_stretch_that_was_not_recorded_is_a_marked_jump_of_one_picture() {
    let mut pair = Pair::new(Film::new(&[(0, 10), (7_000, 7_010)]), playback(0, 8_000));
    assert_eq!(pair.run(9999), "end");
    let jumps: Vec<_> = pair.positions().into_iter().filter(|p| p.1).collect();
    assert_eq!(jumps, [(0, true), (7_000_000, true)]);
    assert_eq!(pair.pictures().len(), 20 * 25);
    pair.check_times(41);
}

#[test]
fn a_start_that_was_not_recorded_moves_to_the_next_recording() {
    let mut pair = Pair::new(Film::new(&[(100, 110)]), playback(50, 108));
    assert_eq!(pair.run(2), "more");
    assert_eq!(pair.session.key_ms(), Some(T_MS + 100_000));
    let mut none = Pair::new(Film::new(&[(100, 110)]), playback(200, 300));
    assert_eq!(none.run(99), "end");
    assert!(none.seen.is_empty());
    assert_eq!(none.session.key_ms(), None);
}

#[test]
fn new_codec_configurations_are_sent_where_they_change() {
    let mut film = Film::new(&[(0, 20)]);
    for gop in &mut film.gops[5..] {
        gop.1 = tracks(40);
    }
    let mut pair = Pair::new(film, playback(0, 20));
    pair.run(9999);
    let at: Vec<usize> = (0..pair.seen.len())
        .filter(|i| pair.seen[*i] == Seen::Config)
        .collect();
    assert_eq!(at.len(), 2);
    assert_eq!(pair.seen[at[1] + 1], Seen::Position(10_000, false));
}

#[test]
fn the_recording_is_followed_as_it_grows_until_the_end_that_was_asked_for() {
    let mut film = Film::new(&[(0, 10)]);
    film.growing = true;
    let mut pair = Pair::new(film, playback(0, 15));
    pair.now_ms = T_MS + 11_000;
    assert_eq!(pair.run(9999), "follow");
    assert_eq!(pair.pictures().last().unwrap().1, 9_960);
    assert_eq!(pair.run(9999), "follow");
    let track = pair.film.gops[0].1.clone();
    for at in [10_000, 12_000] {
        pair.film.gops.push((T_MS + at, track.clone()));
        pair.now_ms = T_MS + at + 3_000;
        assert_eq!(pair.run(9999), "follow");
    }
    // The end has passed, but the group that holds it is still being written.
    pair.film.gops.push((T_MS + 14_000, track));
    assert_eq!(pair.run(9999), "end");
    assert_eq!(pair.pictures().last().unwrap().1, 15_000);
    assert!(pair.positions()[1..].iter().all(|(_, jump)| !jump));
    pair.check_times(40);
}

#[test]
fn a_start_at_this_moment_begins_with_the_newest_pictures() {
    let mut film = Film::new(&[(0, 10)]);
    film.growing = true;
    let mut pair = Pair::new(film, playback(11, 9_000));
    pair.now_ms = T_MS + 11_000;
    assert_eq!(pair.run(9999), "follow");
    assert_eq!(pair.positions(), [(8_000, true)]);
}

#[test]
fn following_ends_when_nothing_is_written_any_more() {
    let mut pair = Pair::new(Film::new(&[(0, 10)]), playback(0, 15));
    pair.now_ms = T_MS + 14_000;
    assert_eq!(pair.run(9999), "follow");
    pair.now_ms = T_MS + 15_001;
    assert_eq!(pair.run(9999), "end");
}

#[test]
fn a_pause_reads_and_sends_nothing_and_goes_on_where_it_stood() {
    let mut pair = Pair::new(Film::new(&[(0, 60)]), playback(0, 30));
    pair.run(30);
    assert_eq!(pair.session.act(&PlaybackAct::Pause), Status::Accept);
    pair.session.forget();
    let (finds, sent) = (pair.film.finds, pair.seen.len());
    for _ in 0..100 {
        assert_eq!(pair.run(9999), "wait");
    }
    assert_eq!((pair.film.finds, pair.seen.len()), (finds, sent));
    pair.session.act(&PlaybackAct::Resume);
    assert_eq!(pair.run(9999), "end");
    let walls: Vec<i64> = pair.pictures().iter().map(|p| p.1).collect();
    assert_eq!(
        walls,
        (0..=30_000).step_by(40).collect::<Vec<_>>(),
        "each once"
    );
    pair.check_times(40);
}

#[test]
fn a_seek_goes_on_in_stream_time_and_is_marked() {
    let mut pair = Pair::new(Film::new(&[(0, 600)]), playback(100, 500));
    pair.run(200);
    let before = *pair.pictures().last().unwrap();
    for (seek, wall) in [
        (Seek::Time(T + 301), 300_000),
        (Seek::Progress(50_500), 150_000),
        (Seek::Time(T + 7), 6_000),
    ] {
        assert_eq!(pair.session.act(&PlaybackAct::Seek(seek)), Status::Accept);
        pair.run(10);
        assert_eq!(*pair.positions().last().unwrap(), (wall, true), "{seek:?}");
    }
    let after = pair.pictures().iter().position(|p| p.1 == 300_000).unwrap();
    assert!(pair.pictures()[after].0 - before.0 <= 60);
    pair.check_times(60);
    assert_eq!(
        pair.session.act(&PlaybackAct::Seek(Seek::Time(T + 501))),
        Status::BadRequest
    );
    for far in [Seek::Time(u64::MAX), Seek::Progress(u64::MAX)] {
        assert_eq!(
            pair.session.act(&PlaybackAct::Seek(far)),
            Status::BadRequest
        );
    }
}

#[test]
fn a_seek_overtakes_the_answer_that_is_on_its_way() {
    let mut pair = Pair::new(Film::new(&[(0, 600)]), playback(0, 500));
    let Step::Find(which, turn) = pair.session.poll().unwrap() else {
        panic!()
    };
    let late = pair.film.find(which).unwrap();
    pair.session.act(&PlaybackAct::Seek(Seek::Time(T + 300)));
    pair.session.found(turn, late, 0);
    pair.run(5);
    assert_eq!(pair.positions(), [(300_000, true)]);
}

#[test]
fn a_seek_in_a_pause_shows_the_moment_and_stands_still_again() {
    let mut pair = Pair::new(Film::new(&[(0, 600)]), playback(0, 500));
    pair.run(5);
    pair.session.act(&PlaybackAct::Pause);
    pair.session
        .act(&PlaybackAct::Seek(Seek::Progress(100_500)));
    assert_eq!(pair.run(9999), "wait");
    assert_eq!(pair.pictures().last().unwrap().1, 100_480);
    assert_eq!(pair.session.progress_ms(), 100_480);
    pair.session.act(&PlaybackAct::Resume);
    pair.run(3);
    assert_eq!(pair.pictures().last().unwrap().1, 100_520);
}

#[test]
fn fast_forward_sends_every_nth_keyframe_alone_at_its_real_distance() {
    for (ff, apart) in [
        (FastForward::Keyframes, 2_000),
        (FastForward::EverySecond, 4_000),
        (FastForward::EveryThird, 6_000),
    ] {
        let wanted = Playback {
            ff,
            ..playback(1, 60)
        };
        let mut pair = Pair::new(Film::new(&[(0, 61)]), wanted);
        assert_eq!(pair.run(9999), "end");
        let want: Vec<(i64, i64)> = (0..=60_000).step_by(apart).map(|at| (at, at)).collect();
        assert_eq!(pair.pictures(), want);
        assert!(pair.positions()[1..].iter().all(|(_, jump)| !jump));
        assert!(!pair.seen.iter().any(|seen| matches!(seen, Seen::Sound(..))));
    }
}

#[test]
fn rewinding_sends_keyframes_backward_and_ends_at_the_start() {
    let wanted = Playback {
        direction: Direction::Backward,
        ..playback(11, 31)
    };
    let mut pair = Pair::new(Film::new(&[(0, 16), (20, 60)]), wanted);
    assert_eq!(pair.run(9999), "end");
    let walls: Vec<i64> = pair.pictures().iter().map(|p| p.1 / 1000).collect();
    assert_eq!(walls, [30, 28, 26, 24, 22, 20, 14, 12]);
    let jumps: Vec<i64> = pair
        .positions()
        .iter()
        .filter(|p| p.1)
        .map(|p| p.0)
        .collect();
    assert_eq!(jumps, [30_000, 14_000]);
    pair.check_times(2_000);
}

#[test]
fn fast_forward_and_back_to_normal_in_the_middle_lose_no_moment() {
    let mut pair = Pair::new(Film::new(&[(0, 600)]), playback(0, 500));
    pair.run(60);
    let before = pair.pictures().last().unwrap().1;
    assert_eq!(
        pair.session.act(&PlaybackAct::Ff(FastForward::Keyframes)),
        Status::Accept
    );
    pair.run(20);
    let fast: Vec<i64> = pair
        .pictures()
        .iter()
        .map(|p| p.1)
        .filter(|wall| *wall > before)
        .collect();
    assert!(fast.len() > 5 && fast.windows(2).all(|pair| pair[1] - pair[0] == 2_000));
    pair.session.act(&PlaybackAct::Ff(FastForward::Normal));
    let at = pair.pictures().len();
    pair.run(30);
    let normal = &pair.pictures()[at..];
    assert_eq!(
        normal[0].1,
        *fast.last().unwrap(),
        "from the keyframe on show"
    );
    assert!(normal.windows(2).all(|pair| pair[1].1 - pair[0].1 == 40));
    assert!(pair.positions()[1..].iter().all(|(_, jump)| !jump));
    pair.check_times(2_000);
}

#[test]
fn a_rewind_stands_still_at_its_stop_and_goes_forward_from_there() {
    let mut pair = Pair::new(Film::new(&[(0, 600)]), playback(0, 500));
    pair.run(9);
    pair.session.act(&PlaybackAct::Rewind {
        start_time: T + 100,
        end_time: T + 110,
    });
    assert_eq!(pair.run(9999), "wait");
    let walls: Vec<i64> = pair.positions().iter().map(|p| p.0 / 1000).collect();
    assert_eq!(walls, [0, 110, 108, 106, 104, 102, 100]);
    pair.session.act(&PlaybackAct::Resume);
    pair.run(100);
    assert_eq!(pair.pictures().last().unwrap().1 / 1000, 101);
    pair.check_times(2_000);
}

#[test]
fn slow_motion_stretches_time_and_leaves_the_sound_out() {
    let mut pair = Pair::new(Film::new(&[(0, 600)]), playback(0, 500));
    pair.run(5);
    let act = PlaybackAct::Speed { interval_ms: 80 };
    assert_eq!(pair.session.act(&act), Status::Accept);
    let from = pair.seen.len();
    pair.run(200);
    let times: Vec<i64> = pair.seen[from..]
        .iter()
        .filter_map(|seen| match seen {
            Seen::Picture(at, _) => Some(*at),
            Seen::Sound(..) => panic!("sound"),
            _ => None,
        })
        .collect();
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] == 80),
        "{times:?}"
    );
    pair.session.act(&PlaybackAct::Speed { interval_ms: 0 });
    pair.run(50);
    assert!(matches!(
        pair.seen.last(),
        Some(Seen::Sound(..) | Seen::Picture(..))
    ));
    pair.check_times(80);
    let act = PlaybackAct::Speed {
        interval_ms: 10_001,
    };
    assert_eq!(pair.session.act(&act), Status::BadRequest);
}

#[test]
fn sound_alone_is_sent_with_positions_and_without_pictures() {
    let wanted = Playback {
        audio_only: true,
        ..playback(0, 10)
    };
    let mut pair = Pair::new(Film::new(&[(0, 60)]), wanted);
    assert_eq!(pair.run(9999), "end");
    assert!(pair.pictures().is_empty() && !pair.seen.contains(&Seen::Config));
    assert_eq!(pair.positions().len(), 6);
    assert!(pair.seen.contains(&Seen::Sound(4_000, 4_000)));
}

#[test]
fn a_session_that_is_stopped_ends_whatever_it_does() {
    let mut pair = Pair::new(Film::new(&[(0, 60)]), playback(0, 30));
    pair.run(5);
    pair.session.act(&PlaybackAct::Pause);
    pair.session.stop();
    assert_eq!(pair.run(9), "end");
}
