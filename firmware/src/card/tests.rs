mod faults;
mod power;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use flv::{AudioCodec, AudioFormat, VideoCodec};
use media::Packet;
use media::fmp4::{AudioTrack, Fragment, VideoTrack};

use super::disk::{Disk, Space, SystemDisk};
use super::*;

/// 2026-11-30T14:30:00.123Z.
const START: i64 = 1_796_049_000_123;
const GOP_MS: i64 = 2_000;

/// A directory that goes with the value.
struct Slot(tempfile::TempDir);

impl Slot {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn options(&self) -> Options {
        Options {
            dir: self.path().into(),
            bytes: None,
            keep_days: None,
        }
    }

    /// On a disk that nobody waits for.
    fn card(&self) -> Card {
        Card::on(self.options(), Box::new(Moody::default()))
    }

    /// One with room for that many segments of three GOPs, and on a disk that does as it is told.
    fn card_of(&self, bytes: u64, disk: Moody) -> Card {
        let options = Options {
            bytes: Some(bytes),
            ..self.options()
        };
        Card::on(options, Box::new(disk))
    }

    fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        for day in fs::read_dir(self.path().join("video"))
            .into_iter()
            .flatten()
        {
            for file in fs::read_dir(day.unwrap().path()).unwrap() {
                names.push(file.unwrap().file_name().into_string().unwrap());
            }
        }
        names.sort();
        names
    }
}

/// A disk that fails as it is told: with that error of the system, or none for 0.
#[derive(Clone, Debug, Default)]
struct Moody {
    write: Arc<AtomicI32>,
    /// A failing write leaves half of its bytes.
    tears: Arc<AtomicBool>,
    space: Arc<Mutex<Option<Space>>>,
}

impl Moody {
    fn fails(&self) -> io::Result<()> {
        match self.write.load(Ordering::Relaxed) {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

impl Disk for Moody {
    fn write(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.fails().is_err() && self.tears.load(Ordering::Relaxed) {
            SystemDisk.write(file, at, &bytes[..bytes.len() / 2])?;
        }
        self.fails()?;
        SystemDisk.write(file, at, bytes)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        self.fails()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.fails()
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        match *self.space.lock().unwrap() {
            Some(space) => Ok(space),
            None => SystemDisk.space(dir),
        }
    }
}

fn tracks() -> (VideoTrack, Option<AudioTrack>) {
    let video = VideoTrack {
        codec: VideoCodec::H264,
        record: vec![1, 66, 0, 31, 255, 224, 0],
    };
    let audio = AudioTrack {
        format: AudioFormat {
            codec: AudioCodec::G711A,
            sample_rate: 8_000,
            channels: 1,
        },
        config: Vec::new(),
    };
    (video, Some(audio))
}

/// Two seconds from then on: 20 pictures, 20 packets of sound.
fn gop(start_ms: i64) -> Fragment {
    let packet = |n: i64, size: usize| Packet {
        data: vec![(start_ms + n) as u8; size],
        pts: start_ms + n * 100,
        dts: start_ms + n * 100,
        key: n == 0,
    };
    let mut audio: Vec<Packet> = (0..20).map(|n| packet(n, 800)).collect();
    audio.iter_mut().for_each(|packet| packet.key = true);
    Fragment {
        start_ms,
        end_ms: start_ms + GOP_MS,
        video: (0..20).map(|n| packet(n, 100)).collect(),
        audio,
    }
}

fn begin(card: &Card, start_ms: i64, kind: Kind) -> Result<SegmentWriter, CardError> {
    let (video, audio) = tracks();
    card.begin(video, audio, (kind, true), &gop(start_ms))
}

/// A closed segment of that many GOPs.
fn segment(card: &Card, start_ms: i64, gops: i64) -> Result<(), CardError> {
    let mut writer = begin(card, start_ms, Kind::Continuous)?;
    for n in 1..gops {
        writer.append(&gop(start_ms + n * GOP_MS))?;
    }
    writer.close()
}

/// What is on the card by number, hashes apart: a scan does not know them.
fn without_hashes(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.iter_mut().for_each(|one| one.sha256 = None);
    segments.sort_by_key(|one| one.number);
    segments
}

/// The index says what the files do.
fn assert_true(card: &Card) {
    let told = without_hashes(card.segments(i64::MIN, i64::MAX));
    let mut there = without_hashes(card.rescan().unwrap());
    there.retain(|one| one.end_ms > one.start_ms);
    assert_eq!(told, there);
}

#[test]
fn what_was_recorded_is_found_and_read_and_has_its_hash() {
    let slot = Slot::new();
    let card = Card::new(slot.options());
    assert_eq!(card.status().state, State::Ok);
    segment(&card, START, 3).unwrap();
    segment(&card, START + 3 * GOP_MS, 2).unwrap();
    let found = card.segments(START + 4 * GOP_MS, START + 5 * GOP_MS);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name(), "20261130T143006Z-000001.mp4");
    let mut reader = card.open(found[0].number).unwrap();
    let places = reader.places();
    assert_eq!((places.len(), reader.is_open()), (2, false));
    let read = reader.read(&places[1]).unwrap();
    assert_eq!(read, gop(START + 4 * GOP_MS));

    let file = card.open_file(&found[0].name()).unwrap();
    let mut bytes = vec![0; 1 << 20];
    let count = file.read_at(0, &mut bytes).unwrap();
    assert_eq!(count as u64, file.len());
    assert_eq!(file.read_at(file.len(), &mut bytes).unwrap(), 0);
    use sha2::{Digest, Sha256};
    let hash: [u8; 32] = Sha256::digest(&bytes[..count]).into();
    assert_eq!(file.sha256(), Some(hash));
    assert_eq!(card.sha256(&found[0].name()).unwrap(), hash);
    assert_true(&card);

    let again = slot.card();
    assert_eq!(again.segments(0, i64::MAX), card.segments(0, i64::MAX));
    assert_eq!(again.status().used, card.status().used);
}

#[test]
fn a_reader_follows_the_segment_that_is_being_written() {
    let slot = Slot::new();
    let card = slot.card();
    let mut changes = card.changes();
    let mut writer = begin(&card, START, Kind::Scheduled).unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let open = &card.segments(START, START + 1)[0];
    assert!(open.open && open.kind == Kind::Scheduled);
    let mut reader = card.open(open.number).unwrap();
    assert_eq!((reader.places().len(), reader.is_open()), (1, true));
    writer.append(&gop(START + GOP_MS)).unwrap();
    assert!(changes.has_changed().unwrap());
    let places = reader.places();
    assert_eq!(reader.read(&places[1]).unwrap(), gop(START + GOP_MS));
    writer.append(&gop(START + 2 * GOP_MS)).unwrap();
    writer.close().unwrap();
    assert_eq!((reader.places().len(), reader.is_open()), (3, false));
    assert!(!card.segments(START, START + 1)[0].open);
    assert_true(&card);
}

#[test]
fn formatting_erases_recordings_and_nothing_else_and_readers_keep_what_they_have() {
    let slot = Slot::new();
    let card = slot.card();
    fs::write(slot.path().join("holiday.jpg"), "mine").unwrap();
    segment(&card, START, 2).unwrap();
    let mut writer = begin(&card, START + 2 * GOP_MS, Kind::Continuous).unwrap();
    let mut reader = card.open(0).unwrap();
    let places = reader.places();
    card.format().unwrap();
    assert!(card.segments(0, i64::MAX).is_empty());
    assert_eq!(card.status().used, 0);
    assert_eq!(reader.read(&places[1]).unwrap(), gop(START + GOP_MS));
    let refused = writer.append(&gop(START + 3 * GOP_MS));
    assert!(matches!(refused, Err(CardError::NoSuchFile)));
    drop(writer);
    segment(&card, START + 4 * GOP_MS, 2).unwrap();
    assert_eq!(card.segments(0, i64::MAX).len(), 1);
    assert_eq!(
        card.segments(0, i64::MAX)[0].number,
        2,
        "no number comes twice"
    );
    assert_true(&card);
    assert!(slot.path().join("holiday.jpg").exists());
}

#[test]
fn what_is_old_is_deleted_and_a_wrong_clock_counts_by_what_follows_it() {
    let slot = Slot::new();
    let options = Options {
        keep_days: Some(2),
        ..slot.options()
    };
    let card = Card::new(options);
    let day = 24 * 60 * 60 * 1000;
    let (video, audio) = tracks();
    let wrong = gop(1_000_000);
    let writer = card
        .begin(video, audio, (Kind::Continuous, false), &wrong)
        .unwrap();
    writer.close().unwrap();
    card.forget_old(START).unwrap();
    assert_eq!(card.status().segments, 1, "nobody knows how old it is");
    for n in 0..4 {
        segment(&card, START + n * day, 1).unwrap();
    }
    card.forget_old(START + 2 * day + GOP_MS).unwrap();
    assert_eq!(card.status().segments, 5);
    card.forget_old(START + 2 * day + GOP_MS + 1).unwrap();
    let left: Vec<u64> = card
        .segments(i64::MIN, i64::MAX)
        .iter()
        .map(|one| one.number)
        .collect();
    assert_eq!(left, [2, 3, 4]);
    assert_eq!(card.status().oldest_ms, Some(START + day));
    assert_true(&card);
}

#[test]
fn hostile_names_name_nothing() {
    let slot = Slot::new();
    let card = slot.card();
    segment(&card, START, 1).unwrap();
    let name = card.segments(0, i64::MAX)[0].name();
    assert!(card.find(&name).is_some() && card.open_file(&name).is_ok());
    for hostile in [
        "index",
        "../../etc/passwd",
        "/etc/passwd",
        "20261130T143000Z-000000.mp4/../../../index",
        "20261130T143000Z-000000.mp4\0",
        "20261130T143001Z-000000.mp4",
        "20261130T143000Z-000001.mp4",
        "20261130T143000Z-000000.jpg",
    ] {
        assert_eq!(card.find(hostile), None);
        assert!(matches!(
            card.open_file(hostile),
            Err(CardError::NoSuchFile)
        ));
        assert!(matches!(card.sha256(hostile), Err(CardError::NoSuchFile)));
    }
    // A link under a good name is no file of ours.
    fs::write(slot.path().join("secret"), "secret").unwrap();
    let day = slot.path().join("video/20261130");
    let link = day.join("20261130T143100Z-000009.mp4");
    std::os::unix::fs::symlink(slot.path().join("secret"), link).unwrap();
    let again = slot.card();
    assert_eq!(again.find("20261130T143100Z-000009.mp4"), None);
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_in_no_list() {
    let slot = Slot::new();
    let card = slot.card();
    segment(&card, START, 2).unwrap();
    let day = slot.path().join("video/20261130");
    let file = day.join(&slot.files()[0]);
    fs::copy(&file, day.join("20261130T150000Z-000007.mp4")).unwrap();
    fs::write(day.join("20261130T160000Z-000008.mp4"), vec![0; 5000]).unwrap();
    fs::write(day.join("20261130T170000Z-000009.mp4"), "").unwrap();
    fs::write(day.join("notes.txt"), "mine").unwrap();
    let again = slot.card();
    assert_eq!(again.segments(0, i64::MAX).len(), 1);
    assert_true(&again);
    segment(&again, START + 2 * GOP_MS, 1).unwrap();
    assert_eq!(again.segments(0, i64::MAX)[1].number, 9);
    assert!(day.join("notes.txt").exists());
}

#[test]
fn a_month_of_segments_is_listed_at_once_and_its_index_stays_small() {
    let slot = Slot::new();
    let minute = 60_000;
    let records: Vec<Record> = (0..43_200)
        .map(|number| Record {
            what: What::Segment,
            label: 0x10,
            number,
            start_ms: START + number as i64 * minute,
            end_ms: START + (number as i64 + 1) * minute,
            bytes: 15_000_000,
            sha256: Some([1; 32]),
        })
        .collect();
    let mut book = Book::default();
    records.iter().for_each(|record| book.apply(record));
    let started = Instant::now();
    let month = book.stretches(START, START + 30 * 1440 * minute, 2000);
    let days = book.days(2026, 12, 0);
    println!(
        "30 days of segments: stretches and days in {:?}",
        started.elapsed()
    );
    assert_eq!((month.len(), days.count_ones()), (1, 30));
    let started = Instant::now();
    assert_eq!(book.segments(START, START + 1440 * minute).len(), 1440);
    println!("a day of a month: {:?}", started.elapsed());

    // Deleting and recording for ever does not let it grow.
    let card = slot.card();
    for n in 0..1500 {
        card.add_event(Event {
            start_ms: START + n,
            end_ms: START + n,
        })
        .unwrap();
        if n % 100 == 0 {
            segment(&card, START + n, 1).unwrap();
            card.format().unwrap();
        }
    }
    let length = fs::metadata(slot.path().join("index")).unwrap().len();
    assert!(length < 3000 * record::RECORD as u64, "{length}");
}
