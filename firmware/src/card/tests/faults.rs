//! Cards that are full, torn, damaged or gone.

use super::*;

#[test]
fn a_full_card_makes_room_by_deleting_the_oldest_and_never_what_is_read() {
    let slot = Slot::new();
    let one = {
        let slot = Slot::new();
        let card = slot.card();
        segment(&card, START, 3).unwrap();
        card.status().used
    };
    let card = slot.card_of(one * 4 + one / 2, Moody::default());
    for n in 0..4 {
        segment(&card, START + n * 3 * GOP_MS, 3).unwrap();
    }
    let all = slot.files();
    assert_eq!(all.len(), 4);
    let mut reader = card.open(0).unwrap();
    let file = card.open_file(&all[1]).unwrap();
    for n in 4..6 {
        segment(&card, START + n * 3 * GOP_MS, 3).unwrap();
        assert!(card.status().used <= card.status().total);
    }
    assert_true(&card);
    let left = slot.files();
    assert_eq!(left.len(), 4);
    assert_eq!(left[..2], all[..2], "both are being read");
    let places = reader.places();
    assert_eq!(reader.read(&places[2]).unwrap(), gop(START + 2 * GOP_MS));
    drop((reader, file));
    segment(&card, START + 6 * 3 * GOP_MS, 3).unwrap();
    assert!(!slot.files().contains(&all[0]));
    assert_true(&slot.card());
}

#[test]
fn when_everything_is_read_the_card_is_full_and_says_so_until_there_is_room() {
    let slot = Slot::new();
    let disk = Moody::default();
    let card = slot.card_of(1 << 30, disk.clone());
    segment(&card, START, 3).unwrap();
    let reader = card.open(0).unwrap();
    let mut writer = begin(&card, START + 3 * GOP_MS, Kind::Continuous).unwrap();
    *disk.space.lock().unwrap() = Some(Space {
        total: 1 << 30,
        free: 0,
    });
    let error = writer.append(&gop(START + 4 * GOP_MS)).unwrap_err();
    assert!(matches!(error, CardError::Full));
    assert_eq!(card.status().state, State::Full);
    assert!(card.status().text.contains("format"));
    writer.close().unwrap();
    let other = card.open(1).unwrap();
    assert!(begin(&card, START + 5 * GOP_MS, Kind::Continuous).is_err());
    *disk.space.lock().unwrap() = None;
    drop((reader, other));
    segment(&card, START + 6 * GOP_MS, 2).unwrap();
    assert_eq!(card.status().state, State::Ok);
    assert_eq!(card.segments(0, i64::MAX).len(), 3);
    assert_true(&card);
    assert_true(&slot.card());
}

#[test]
fn every_failure_of_a_write_is_called_what_it_is_and_nothing_torn_is_left() {
    for (error, state) in [
        (libc::ENOSPC, State::Full),
        (libc::EROFS, State::ReadOnly),
        (libc::EIO, State::Corrupt),
        (libc::EUCLEAN, State::Corrupt),
        (libc::ENODEV, State::Missing),
    ] {
        let slot = Slot::new();
        let disk = Moody::default();
        disk.tears.store(true, Ordering::Relaxed);
        let card = slot.card_of(1 << 30, disk.clone());
        segment(&card, START, 2).unwrap();
        let mut writer = begin(&card, START + 2 * GOP_MS, Kind::Continuous).unwrap();
        disk.write.store(error, Ordering::Relaxed);
        writer.append(&gop(START + 3 * GOP_MS)).unwrap_err();
        assert_eq!(card.status().state, state, "{error}");
        drop(writer);
        assert!(begin(&card, START + 4 * GOP_MS, Kind::Continuous).is_err());
        // What was recorded can still be read, unless the card is gone.
        if state != State::Missing {
            let mut reader = card.open(1).unwrap();
            assert_eq!(reader.places().len(), 1);
        }
        disk.write.store(0, Ordering::Relaxed);
        assert!(card.try_again());
        assert_eq!(card.status().state, State::Ok);
        let found: Vec<_> = card
            .segments(0, i64::MAX)
            .iter()
            .map(|one| (one.number, one.end_ms))
            .collect();
        assert_eq!(found, [(0, START + 2 * GOP_MS), (1, START + 3 * GOP_MS)]);
        assert_true(&card);
    }
}

#[test]
fn a_card_that_is_pulled_out_is_missing_and_its_directory_is_never_made() {
    let slot = Slot::new();
    let dir = slot.path().join("card");
    let options = Options {
        dir: dir.clone(),
        ..slot.options()
    };
    let card = Card::new(options);
    assert_eq!(card.status().state, State::Missing);
    fs::create_dir(&dir).unwrap();
    assert!(card.try_again());
    segment(&card, START, 2).unwrap();
    let mut writer = begin(&card, START + 2 * GOP_MS, Kind::Continuous).unwrap();
    let mut reader = card.open(0).unwrap();
    let away = slot.path().join("away");
    fs::rename(&dir, &away).unwrap();
    // What is open goes on for a moment, what is not does not; nothing is made in its place.
    let _ = writer.append(&gop(START + 3 * GOP_MS));
    drop(writer);
    assert!(begin(&card, START + 4 * GOP_MS, Kind::Continuous).is_err());
    assert_eq!(card.status().state, State::Missing);
    assert!(!card.try_again() && !dir.exists());
    assert!(card.segments(0, i64::MAX).is_empty() && card.open(0).is_err());
    let places = reader.places();
    assert_eq!(reader.read(&places[0]).unwrap(), gop(START));
    fs::rename(&away, &dir).unwrap();
    assert!(card.try_again());
    assert_eq!(card.segments(0, i64::MAX).len(), 2);
    assert_true(&card);

    fs::remove_dir_all(&dir).unwrap();
    fs::create_dir(&dir).unwrap();
    let mut writer = begin(&card, START + 6 * GOP_MS, Kind::Continuous).unwrap();
    fs::remove_dir_all(&dir).unwrap();
    assert!(writer.append(&gop(START + 7 * GOP_MS)).is_err());
    assert_eq!(card.status().state, State::Missing);
}

#[test]
fn an_index_damaged_anywhere_is_made_whole_again_from_the_files() {
    let slot = Slot::new();
    let card = slot.card();
    for n in 0..3 {
        segment(&card, START + n * 2 * GOP_MS, 2).unwrap();
    }
    card.add_picture(START + 10, b"jpeg").unwrap();
    card.add_event(Event {
        start_ms: START,
        end_ms: START + 10,
    })
    .unwrap();
    let told = without_hashes(card.segments(0, i64::MAX));
    let path = slot.path().join("index");
    let bytes = fs::read(&path).unwrap();
    let mut seen = 0;
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        if at % 2 == 0 {
            damaged.truncate(at);
        }
        fs::write(&path, &damaged).unwrap();
        let again = slot.card();
        assert_eq!(
            without_hashes(again.segments(0, i64::MAX)),
            told,
            "byte {at}"
        );
        // A picture's name has whole seconds only.
        assert_eq!(again.pictures(START - 1000, i64::MAX).len(), 1);
        assert_eq!(fs::read(&path).unwrap().len() % record::RECORD, 0);
        seen += again.events(0, i64::MAX).len();
    }
    assert!(seen > 0);
    fs::remove_file(&path).unwrap();
    assert_eq!(without_hashes(slot.card().segments(0, i64::MAX)), told);
    fs::write(&path, vec![0x5a; 100_000]).unwrap();
    assert_eq!(without_hashes(slot.card().segments(0, i64::MAX)), told);
}

#[test]
fn a_segment_damaged_or_cut_off_anywhere_gives_what_is_whole_and_nothing_else() {
    let slot = Slot::new();
    let card = slot.card();
    let mut writer = begin(&card, START, Kind::Continuous).unwrap();
    writer.append(&gop(START + GOP_MS)).unwrap();
    writer.append(&gop(START + 2 * GOP_MS)).unwrap();
    // As after a kill: no record, no index of keyframes.
    drop(writer);
    let path = slot.path().join("video/20261130").join(&slot.files()[0]);
    let bytes = fs::read(&path).unwrap();
    let recorded = [gop(START), gop(START + GOP_MS), gop(START + 2 * GOP_MS)];
    for at in (0..bytes.len()).step_by(101) {
        for cut in [false, true] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            if cut {
                damaged.truncate(at);
            }
            fs::write(&path, &damaged).unwrap();
            // Its record is there and wrong, or there is none: what is read is the same.
            let again = slot.card();
            let told = again.segments(0, i64::MAX);
            let read: Vec<Fragment> = told
                .iter()
                .flat_map(|one| {
                    let mut reader = again.open(one.number).unwrap();
                    let places = reader.places();
                    let read = places.iter().filter_map(|place| reader.read(place).ok());
                    read.collect::<Vec<_>>()
                })
                .collect();
            assert!(read.iter().all(|one| recorded.contains(one)), "byte {at}");
            if cut {
                let whole = (0..3).filter(|n| (*n + 1) * bytes.len() / 3 <= at).count();
                assert!(
                    read.len() <= whole + 1 && read.len() + 1 >= whole,
                    "cut at {at}"
                );
            } else {
                assert!(
                    read.len() >= 2 || told.is_empty(),
                    "byte {at}: {} left",
                    read.len()
                );
            }
            assert_true(&again);
            let _ = fs::remove_file(slot.path().join("index"));
        }
    }
}
