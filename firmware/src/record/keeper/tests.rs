use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use flv::VideoCodec;
use media::Packet;
use media::fmp4::{Fragment, VideoTrack};

use super::super::gops::{Assembler, Taken};
use super::super::queue::{Item, Queue};
use super::*;
use crate::card::Options;
use crate::card::disk::{Disk, Space, SystemDisk};
use crate::defaults::RECORD_QUEUE_BYTES;
use crate::live::tags;

/// 2026-11-30T14:30:00Z, a Monday.
const START: i64 = 1_796_049_000_000;
const GOP_MS: i64 = 2_000;
const HOUR_MS: i64 = 3_600_000;

/// A disk on which every write takes so many milliseconds, and that nobody waits for besides.
#[derive(Clone, Debug, Default)]
struct Slow(Arc<AtomicU64>);

impl Disk for Slow {
    fn write(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        std::thread::sleep(Duration::from_millis(self.0.load(Ordering::Relaxed)));
        SystemDisk.write(file, at, bytes)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        SystemDisk.space(dir)
    }
}

struct Rig {
    slot: tempfile::TempDir,
    card: Card,
    keeper: Keeper,
    tracks: Arc<Tracks>,
    now: Instant,
    at_ms: i64,
    slow: Slow,
}

impl Rig {
    fn new(mode: RecordMode, schedule: &str) -> Self {
        let slot = tempfile::tempdir().unwrap();
        let options = Options {
            dir: slot.path().join("card"),
            bytes: None,
            keep_days: Some(1),
        };
        std::fs::create_dir(&options.dir).unwrap();
        let slow = Slow::default();
        let card = Card::on(options, Box::new(slow.clone()));
        let schedule = match schedule {
            "" => Schedule::default(),
            text => text.parse().unwrap(),
        };
        let now = Instant::now();
        let video = VideoTrack {
            codec: VideoCodec::H264,
            record: vec![1, 66, 0, 31, 255, 224, 0],
        };
        Self {
            slot,
            keeper: Keeper::new(card.clone(), mode, schedule, now),
            card,
            tracks: Arc::new(Tracks { video, audio: None }),
            now,
            at_ms: START,
            slow,
        }
    }

    /// So many GOPs, one after the other; the first joins what was before or not.
    fn gops(&mut self, count: i64, joins: bool) {
        for n in 0..count {
            let packet = |n: i64| Packet {
                data: vec![n as u8; 100],
                pts: self.at_ms + n * 100,
                dts: self.at_ms + n * 100,
                key: n == 0,
            };
            let gop = Gop {
                tracks: Arc::clone(&self.tracks),
                fragment: Fragment {
                    start_ms: self.at_ms,
                    end_ms: self.at_ms + GOP_MS,
                    video: (0..20).map(packet).collect(),
                    audio: Vec::new(),
                },
                joins: joins || n > 0,
                bytes: 2_000,
            };
            self.keeper.gop(gop, self.now);
            self.at_ms += GOP_MS;
            self.now += Duration::from_millis(GOP_MS as u64);
        }
    }

    /// Kind, start and end of the segments, seconds from the start.
    fn segments(&mut self) -> Vec<(Kind, i64, i64)> {
        let segments = self.card.segments(i64::MIN, i64::MAX);
        let seconds = |ms: i64| (ms - START) / 1000;
        segments
            .iter()
            .map(|one| (one.kind, seconds(one.from_ms), seconds(one.to_ms)))
            .collect()
    }
}

#[test]
fn segments_are_a_minute_long_and_follow_each_other() {
    let mut rig = Rig::new(RecordMode::Continuous, "");
    rig.gops(70, false);
    let kind = Kind::Continuous;
    assert_eq!(
        rig.segments(),
        [(kind, 0, 60), (kind, 60, 120), (kind, 120, 140)]
    );
    assert!(rig.keeper.is_recording());
    rig.keeper.close();
    assert!(rig.card.segments(0, i64::MAX).iter().all(|one| !one.open));
    assert_eq!(rig.keeper.counts().gops, 70);
}

#[test]
fn a_clock_set_back_an_hour_and_forward_again_makes_segments_that_never_overlap() {
    let mut rig = Rig::new(RecordMode::Continuous, "");
    rig.gops(5, false);
    rig.at_ms -= HOUR_MS;
    rig.gops(5, false);
    rig.at_ms += HOUR_MS - 15_000;
    rig.gops(5, false);
    let kind = Kind::Continuous;
    assert_eq!(
        rig.segments(),
        [(kind, 10 - 3600, 20 - 3600), (kind, 0, 5), (kind, 5, 15)]
    );
    rig.keeper.close();
    let card = Card::new(Options {
        dir: rig.slot.path().join("card"),
        bytes: None,
        keep_days: None,
    });
    assert_eq!(card.rescan().unwrap().len(), 3);
}

#[test]
fn before_the_clock_is_set_the_index_says_so() {
    let mut rig = Rig::new(RecordMode::Continuous, "");
    rig.at_ms = 5_000_000;
    rig.gops(2, false);
    assert!(!rig.card.status().clock_known);
    rig.at_ms = START;
    rig.gops(2, false);
    rig.keeper.close();
    assert!(rig.card.status().clock_known);
    let known: Vec<bool> = rig
        .card
        .segments(0, i64::MAX)
        .iter()
        .map(|one| one.clock_known)
        .collect();
    assert_eq!(known, [false, true]);
    assert_eq!(rig.card.status().oldest_ms, Some(START));
}

#[test]
fn a_leap_into_the_future_does_not_empty_the_card() {
    let mut rig = Rig::new(RecordMode::Continuous, "");
    // Long enough for the age of recordings to be believed.
    rig.gops(400, false);
    let before = rig.card.status().segments;
    rig.at_ms += 365 * 24 * HOUR_MS;
    rig.gops(60, false);
    assert_eq!(rig.card.status().segments, before + 2);
    rig.gops(300, true);
    assert!(
        rig.card.status().segments < before,
        "a year later it is true"
    );
}

#[test]
fn a_schedule_records_at_its_times() {
    let mut rig = Rig::new(RecordMode::Schedule, "Mon 14:31-14:32");
    rig.gops(62, false);
    assert_eq!(rig.segments(), [(Kind::Scheduled, 60, 120)]);
    assert!(!rig.keeper.is_recording());
}

#[test]
fn an_event_is_recorded_from_before_it_to_after_it() {
    let mut rig = Rig::new(RecordMode::Events, "");
    rig.gops(30, false);
    assert!(rig.segments().is_empty());
    rig.keeper.started(START + 59_000);
    rig.gops(5, true);
    rig.keeper.ended(START + 66_000);
    rig.gops(20, true);
    // Five seconds before and after, in whole GOPs.
    assert_eq!(rig.segments(), [(Kind::Event, 54, 72)]);
    let events = rig.card.events(0, i64::MAX);
    assert_eq!(
        events,
        [Event {
            start_ms: START + 59_000,
            end_ms: START + 66_000
        }]
    );
    // What was before a gap is not before the event.
    rig.at_ms += 60_000;
    rig.gops(1, false);
    rig.keeper.started(rig.at_ms);
    rig.gops(1, true);
    let (_, from, to) = rig.segments()[1];
    assert_eq!(to - from, 4);
}

#[test]
fn another_mode_holds_from_the_next_gop_on() {
    let mut rig = Rig::new(RecordMode::Continuous, "");
    rig.gops(2, false);
    rig.keeper.set_mode(RecordMode::Off);
    assert!(!rig.keeper.is_recording());
    rig.gops(5, true);
    assert_eq!(rig.segments(), [(Kind::Continuous, 0, 4)]);
}

#[test]
fn a_card_that_is_gone_is_looked_for_and_formatting_starts_a_new_segment() {
    let mut rig = Rig::new(RecordMode::Continuous, "");
    rig.gops(2, false);
    let (dir, away) = (rig.slot.path().join("card"), rig.slot.path().join("away"));
    std::fs::rename(&dir, &away).unwrap();
    std::fs::create_dir(&dir).unwrap();
    std::fs::remove_dir(&dir).unwrap();
    rig.keeper.close();
    rig.gops(5, true);
    assert_eq!(rig.card.status().state, State::Missing);
    assert!(!rig.keeper.is_recording() && rig.keeper.counts().lost_gops > 0);
    std::fs::rename(&away, &dir).unwrap();
    rig.gops(3, true);
    assert_eq!(rig.card.status().state, State::Ok);
    assert!(rig.keeper.is_recording());
    rig.card.format().unwrap();
    rig.gops(1, true);
    let number = rig.segments().len();
    assert_eq!(number, 1);
    assert!(rig.keeper.is_recording());
}

#[test]
fn a_card_too_slow_for_the_stream_loses_whole_gops_and_nobody_waits_for_it() {
    const GOPS: i64 = 30;
    let Rig {
        card,
        mut keeper,
        slow,
        slot: _slot,
        ..
    } = Rig::new(RecordMode::Continuous, "");
    slow.0.store(100, Ordering::Relaxed);
    let queue = Arc::new(Queue::default());
    let taker = {
        let queue = Arc::clone(&queue);
        std::thread::spawn(move || {
            let mut assembler = Assembler::new();
            while let Ok(item) = queue.next(Duration::from_millis(10)) {
                if let Some(Item::Tags(chunk, taken)) = item {
                    for gop in assembler.push(&chunk, taken) {
                        keeper.gop(gop, Instant::now());
                    }
                }
            }
            assembler
                .flush()
                .into_iter()
                .for_each(|gop| keeper.gop(gop, Instant::now()));
            keeper.close();
            keeper.counts().gops
        })
    };
    let track = tags::VideoTrack {
        codec: VideoCodec::H264,
        record: vec![1, 66, 0, 31, 255, 224, 0],
        fps: None,
    };
    let taken = |media_ms| Taken {
        epoch_ms: START,
        media_ms,
    };
    queue.tags(tags::preamble(Some(&track), None).unwrap(), taken(0));
    let mut began = 0;
    for n in 0..GOPS * 10 {
        let unit = vec![1; RECORD_QUEUE_BYTES / 40];
        let tag = tags::video(VideoCodec::H264, n * 100, 0, n % 10 == 0, &unit).unwrap();
        // Waiting here for the card would take seconds, and then nothing would be left out.
        began += u32::from(queue.tags(tag, taken(n * 100)));
    }
    queue.stop();
    let kept = taker.join().unwrap();
    assert!(began >= 1 && queue.counts().gaps == u64::from(began));
    assert!(kept >= 3 && (kept as i64) < GOPS, "{kept}");
    let mut read = 0;
    for segment in card.segments(0, i64::MAX) {
        let mut reader = card.open(segment.number).unwrap();
        for place in reader.places() {
            let fragment = reader.read(&place).unwrap();
            assert!(fragment.video[0].key);
            read += 1;
        }
    }
    assert_eq!(read, kept);
}
