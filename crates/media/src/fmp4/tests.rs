use std::io;

use flv::{AudioCodec, AudioFormat, AudioKind, Item, Reader, VideoCodec, VideoKind};

use super::*;

/// A moment in 2026, with odd milliseconds.
const START: i64 = 1_796_049_000_123;

/// The streams of flv's own sample: 10 pictures of 64x36 in one GOP of 400 ms, AAC at 48 kHz.
fn sample() -> (Head, Fragment) {
    let file = include_bytes!("../../../flv/testdata/h264_aac.flv");
    let mut reader = Reader::default();
    reader.push(file);
    let (mut record, mut sound, mut format) = (Vec::new(), Vec::new(), None);
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next().unwrap() {
        match item {
            Item::Video(tag) if tag.kind == VideoKind::SequenceHeader => record = tag.data.into(),
            Item::Video(tag) if tag.kind == VideoKind::AccessUnit => video.push(Packet {
                data: tag.data.to_vec(),
                pts: START + tag.timestamp + i64::from(tag.composition_time),
                dts: START + tag.timestamp,
                key: tag.key,
            }),
            Item::Audio(tag) if tag.kind == AudioKind::SequenceHeader => {
                sound = tag.data.to_vec();
                format = Some(AudioFormat {
                    codec: tag.codec,
                    sample_rate: tag.sample_rate,
                    channels: tag.channels,
                });
            }
            Item::Audio(tag) => audio.push(Packet {
                data: tag.data.to_vec(),
                pts: START + tag.timestamp,
                dts: START + tag.timestamp,
                key: true,
            }),
            _ => {}
        }
    }
    // Not longer than the pictures: what follows would overlap.
    audio.truncate(18);
    let head = Head {
        start_ms: START,
        number: 123,
        label: 0x12,
        video: VideoTrack {
            codec: VideoCodec::H264,
            record,
        },
        audio: format.map(|format| AudioTrack {
            format,
            config: sound,
        }),
    };
    let fragment = Fragment {
        start_ms: START,
        end_ms: START + 400,
        video,
        audio,
    };
    (head, fragment)
}

fn later(fragment: &Fragment, ms: i64) -> Fragment {
    let mut fragment = fragment.clone();
    fragment.start_ms += ms;
    fragment.end_ms += ms;
    for packet in fragment.video.iter_mut().chain(&mut fragment.audio) {
        packet.pts += ms;
        packet.dts += ms;
    }
    fragment
}

/// A file of that many fragments, and the fragments.
fn file(count: i64) -> (Vec<u8>, Vec<Fragment>, Writer) {
    let (head, first) = sample();
    let (mut writer, mut bytes) = Writer::new(head).unwrap();
    let fragments: Vec<Fragment> = (0..count).map(|n| later(&first, n * 400)).collect();
    for fragment in &fragments {
        bytes.extend(writer.fragment(fragment).unwrap());
    }
    assert_eq!(writer.length(), bytes.len() as u64);
    (bytes, fragments, writer)
}

fn look(bytes: &[u8], check: Check) -> io::Result<Walk> {
    walk(bytes.len() as u64, check, |at, buffer| {
        let at = usize::try_from(at).unwrap();
        buffer.copy_from_slice(&bytes[at..at + buffer.len()]);
        Ok(())
    })
}

fn cut<'a>(bytes: &'a [u8], place: &Place) -> &'a [u8] {
    &bytes[place.offset as usize..place.end() as usize]
}

#[test]
fn a_file_reads_back_as_it_was_written() {
    let (mut bytes, fragments, writer) = file(3);
    bytes.extend(writer.finish());
    for check in [Check::Heads, Check::Everything] {
        let walk = look(&bytes, check).unwrap();
        assert_eq!(&walk.head, writer.head());
        assert_eq!(walk.places, writer.places());
        assert!(walk.closed && walk.whole == writer.length());
        for (place, written) in walk.places.iter().zip(&fragments) {
            let read = read_fragment(&walk.head, cut(&bytes, place)).unwrap();
            assert_eq!(read.video, written.video);
            assert_eq!(
                (read.start_ms, read.end_ms),
                (written.start_ms, written.end_ms)
            );
            assert_eq!(read.audio.len(), written.audio.len());
            for (read, written) in read.audio.iter().zip(&written.audio) {
                assert_eq!(read.data, written.data);
                // 18 frames are 16 ms short of the pictures: small seams are closed.
                assert!(
                    read.pts.abs_diff(written.pts) <= 48,
                    "{} {}",
                    read.pts,
                    written.pts
                );
            }
        }
    }
}

#[test]
fn every_codec_and_its_configuration_come_back() {
    let (mut head, mut fragment) = sample();
    let opus = flv::opus::OpusHead {
        channels: 2,
        pre_skip: 312,
        input_rate: 16_000,
        gain: -3,
        mapping_family: 0,
    };
    let sounds = [
        (AudioCodec::G711A, 8_000, 1, Vec::new()),
        (AudioCodec::G711U, 16_000, 1, Vec::new()),
        (AudioCodec::Pcm, 48_000, 2, Vec::new()),
        (AudioCodec::Opus, 48_000, 2, opus.to_bytes().to_vec()),
        (AudioCodec::Aac, 96_000, 2, vec![0x10, 0x10, 0x56, 0xe5, 0]),
    ];
    for (codec, sample_rate, channels, config) in sounds {
        for video in [VideoCodec::H264, VideoCodec::Hevc] {
            head.video.codec = video;
            let format = AudioFormat {
                codec,
                sample_rate,
                channels,
            };
            head.audio = Some(AudioTrack {
                format,
                config: config.clone(),
            });
            // 20 ms a packet, whatever it is.
            let size = match codec {
                AudioCodec::Pcm => sample_rate as usize / 50 * 4,
                _ => sample_rate as usize / 50,
            };
            fragment.audio = (0..20)
                .map(|n| Packet {
                    data: vec![n as u8; size],
                    pts: START + n * 20,
                    dts: START + n * 20,
                    key: true,
                })
                .collect();
            let (mut writer, bytes) = Writer::new(head.clone()).unwrap();
            assert_eq!(Head::parse(&bytes), Ok((head.clone(), bytes.len())));
            let read = read_fragment(&head, &writer.fragment(&fragment).unwrap()).unwrap();
            if codec != AudioCodec::Aac {
                assert_eq!(read, fragment, "{codec:?}");
            }
        }
    }
    head.audio = None;
    let (mut writer, bytes) = Writer::new(head.clone()).unwrap();
    assert_eq!(Head::parse(&bytes), Ok((head.clone(), bytes.len())));
    let read = read_fragment(&head, &writer.fragment(&fragment).unwrap()).unwrap();
    assert!(read.audio.is_empty());
}

#[test]
fn sound_keeps_its_samples_and_a_gap_in_it_stays_a_gap() {
    let (head, mut fragment) = sample();
    let frame = fragment.audio[0].data.clone();
    // Whole milliseconds of frames of 21.33 ms, then nothing for half a second.
    let times = (0..60)
        .map(|n| n * 64 / 3)
        .chain((60..90).map(|n| n * 64 / 3 + 500));
    fragment.audio = times
        .map(|ms| Packet {
            data: frame.clone(),
            pts: START + ms,
            dts: START + ms,
            key: true,
        })
        .collect();
    let (mut writer, _) = Writer::new(head.clone()).unwrap();
    let read = read_fragment(&head, &writer.fragment(&fragment).unwrap()).unwrap();
    for (read, written) in read.audio.iter().zip(&fragment.audio) {
        assert!(
            read.pts.abs_diff(written.pts) <= 1,
            "{} {}",
            read.pts,
            written.pts
        );
    }
}

#[test]
fn sound_from_before_the_start_is_left_out_and_what_is_no_gop_refused() {
    let (head, mut fragment) = sample();
    let count = fragment.audio.len();
    fragment.audio[0].pts = START - 1;
    let (mut writer, _) = Writer::new(head.clone()).unwrap();
    let read = read_fragment(&head, &writer.fragment(&fragment).unwrap()).unwrap();
    assert_eq!(read.audio.len(), count - 1);
    fragment.video.remove(0);
    assert_eq!(writer.fragment(&fragment), Err(Error::NoKeyframe));
    fragment.video.clear();
    assert_eq!(writer.fragment(&fragment), Err(Error::NoKeyframe));
    let (mut head, _) = sample();
    head.video.record = vec![0; MOST_HEAD];
    assert!(matches!(head.to_bytes(), Err(Error::TooLarge { .. })));
}

#[test]
fn a_file_cut_off_anywhere_holds_every_fragment_that_is_whole() {
    let (mut bytes, _, writer) = file(3);
    bytes.extend(writer.finish());
    let places = writer.places();
    for length in 0..bytes.len() {
        let left = &bytes[..length];
        let whole: Vec<Place> = places
            .iter()
            .copied()
            .take_while(|place| place.end() <= length as u64)
            .collect();
        match look(left, Check::Everything) {
            Ok(walk) => {
                assert_eq!(walk.places, whole, "at {length}");
                assert!(!walk.closed);
                assert_eq!(walk.whole, whole.last().map_or(walk.head_bytes, Place::end));
            }
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                assert!(length < places[0].offset as usize);
            }
        }
    }
}

#[test]
fn damage_to_any_byte_takes_its_fragment_or_the_head_and_nothing_is_made_up() {
    let (mut bytes, fragments, writer) = file(3);
    bytes.extend(writer.finish());
    let places = writer.places();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let Ok(walk) = look(&damaged, Check::Everything) else {
            assert!(at < places[0].offset as usize, "byte {at}");
            continue;
        };
        let mut left = places.to_vec();
        left.retain(|place| !(place.offset..place.end()).contains(&(at as u64)));
        assert_eq!(walk.places, left, "byte {at}");
        // A quick look may believe in a fragment that is damaged inside; reading it does not.
        let quick = look(&damaged, Check::Heads).unwrap();
        for place in quick.places {
            let Some(nth) = places.iter().position(|one| *one == place) else {
                panic!("byte {at} made up {place:?}");
            };
            if let Ok(read) = read_fragment(&walk.head, cut(&damaged, &place)) {
                assert_eq!(read.video, fragments[nth].video, "byte {at}");
            }
        }
    }
}

#[test]
fn zeros_and_another_files_fragments_are_no_part_of_it() {
    let (mut bytes, _, writer) = file(2);
    let first = cut(&bytes, &writer.places()[0]).to_vec();
    bytes.extend([0; 4096]);
    bytes.extend(&first);
    let walk = look(&bytes, Check::Everything).unwrap();
    assert_eq!(walk.places, writer.places());
    assert_eq!(walk.whole, writer.length());
    for what in [vec![], vec![0; 100_000], b"RIFF".repeat(1000)] {
        assert!(look(&what, Check::Everything).is_err());
    }
}

#[test]
fn fragments_move_to_another_file_and_keep_their_length() {
    let (bytes, fragments, writer) = file(5);
    let from = writer.head();
    let mut to = from.clone();
    to.start_ms = fragments[2].start_ms;
    to.number = 7;
    let mut cut_out = to.to_bytes().unwrap();
    let mut expected = cut_out.len();
    for (n, place) in writer.places()[2..4].iter().enumerate() {
        let mut fragment = cut(&bytes, place).to_vec();
        expected += fragment.len();
        move_fragment(&mut fragment, from, &to, n as u32 + 1).unwrap();
        let read = read_fragment(&to, &fragment).unwrap();
        assert_eq!(read.video, fragments[n + 2].video);
        let stayed = read_fragment(from, cut(&bytes, place)).unwrap();
        let end = |fragment: &Fragment| fragment.audio.last().map(|packet| packet.pts);
        assert_eq!(end(&read), end(&stayed));
        assert!(read.audio[0].pts >= to.start_ms);
        assert_eq!(&fragment[52 + 16..52 + 20], &[0, 0, 0, 0]);
        assert_eq!(fragment[52 + 23], n as u8 + 1, "the sequence number");
        cut_out.extend(fragment);
    }
    assert_eq!(cut_out.len(), expected);
    let walk = look(&cut_out, Check::Everything).unwrap();
    assert_eq!((walk.head, walk.places.len()), (to.clone(), 2));

    let mut early = cut(&bytes, &writer.places()[0]).to_vec();
    assert!(move_fragment(&mut early, from, &to, 1).is_err());
    to.video.record.push(0);
    let mut other = cut(&bytes, &writer.places()[3]).to_vec();
    assert!(move_fragment(&mut other, from, &to, 1).is_err());
    other.pop();
    assert!(move_fragment(&mut other, from, from, 1).is_err());
}
