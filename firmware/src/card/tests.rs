use std::path::Path;

use flv::{AudioCodec, AudioFormat, VideoCodec};
use media::Packet;
use media::fmp4::{AudioTrack, Fragment, VideoTrack};

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

    fn card(&self) -> Card {
        Card::new(self.options())
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
    let card = slot.card();
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
