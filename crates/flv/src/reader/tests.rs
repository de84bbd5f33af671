use super::*;
use crate::amf0::Metadata;
use crate::item::{AudioCodec, AudioKind, VideoCodec, VideoKind};
use crate::writer::{AudioFormat, Writer, WriterOptions};
use crate::{LostSync, Malformed};

const UNIT: &[u8] = &[0, 0, 0, 3, 0x65, 1, 2];

/// Everything read from `bytes`, pushed in pieces, as text.
fn read(bytes: &[u8], piece: usize) -> Vec<String> {
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(None) => break,
                other => seen.push(format!("{other:?}")),
            }
        }
    }
    seen
}

/// Everything read from `bytes` as slices.
fn read_slices(bytes: &[u8], piece: usize) -> Vec<String> {
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    for mut piece in bytes.chunks(piece) {
        loop {
            match reader.next_in(&mut piece) {
                Ok(None) => break,
                other => seen.push(format!("{other:?}")),
            }
        }
        assert!(piece.is_empty());
    }
    seen
}

fn file(enhanced: bool) -> Vec<u8> {
    let writer = Writer::new(WriterOptions { enhanced });
    let mut out = Vec::new();
    writer.header(&mut out, true, true);
    writer
        .metadata(
            &mut out,
            0,
            &Metadata::new().with_number("audiosamplerate", 16_000.0),
        )
        .unwrap();
    writer
        .video_config(&mut out, 0, VideoCodec::Hevc, &[1; 30])
        .unwrap();
    writer
        .audio_config(&mut out, 0, AudioCodec::Aac, &[0x14, 0x08])
        .unwrap();
    for frame in 0..5 {
        let unit = [UNIT, &vec![frame as u8; 700]].concat();
        writer
            .video(
                &mut out,
                1000 + frame * 40,
                0,
                frame == 0,
                VideoCodec::Hevc,
                &unit,
            )
            .unwrap();
        for codec in [
            AudioCodec::Aac,
            AudioCodec::G711A,
            AudioCodec::G711U,
            AudioCodec::Pcm,
            AudioCodec::Opus,
        ] {
            let format = AudioFormat {
                codec,
                sample_rate: 16_000,
                channels: 1,
            };
            writer
                .audio(&mut out, 1000 + frame * 40, format, &[frame as u8; 33])
                .unwrap();
        }
    }
    writer.video_end(&mut out, 1200, VideoCodec::Hevc);
    out
}

#[test]
fn pieces_of_any_size_read_alike() {
    for enhanced in [false, true] {
        let mut bytes = file(enhanced);
        let tail = bytes.split_off(1500);
        bytes.extend_from_slice(&[8, 9, 18, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1].repeat(9)); // with bait
        bytes.extend_from_slice(&tail);
        let whole = read(&bytes, bytes.len());
        assert!(
            whole.iter().any(|item| item.contains("Skipped")),
            "{whole:#?}"
        );
        for piece in [1, 2, 3, 7, 11, 15, 64, 1400] {
            assert_eq!(read(&bytes, piece), whole, "pieces of {piece}");
            assert_eq!(read_slices(&bytes, piece), whole, "slices of {piece}");
        }
        assert_eq!(read_slices(&bytes, bytes.len()), whole);
    }
}

#[test]
fn what_is_written_reads_back() {
    for enhanced in [false, true] {
        let mut reader = Reader::default();
        reader.push(&file(enhanced));
        assert_eq!(
            reader.next(),
            Ok(Some(Item::Header {
                has_audio: true,
                has_video: true
            }))
        );
        assert!(matches!(reader.next(), Ok(Some(Item::Meta(_)))));
        let Ok(Some(Item::Video(config))) = reader.next() else {
            panic!()
        };
        assert_eq!(
            (config.kind, config.codec, config.data),
            (VideoKind::SequenceHeader, VideoCodec::Hevc, &[1; 30][..])
        );
        let Ok(Some(Item::Audio(config))) = reader.next() else {
            panic!()
        };
        assert_eq!(
            (config.kind, config.sample_rate, config.channels),
            (AudioKind::SequenceHeader, 16_000, 1)
        );
        for frame in 0..5 {
            let Ok(Some(Item::Video(tag))) = reader.next() else {
                panic!()
            };
            assert_eq!(
                (tag.timestamp, tag.key, tag.data.len()),
                (1000 + frame * 40, frame == 0, 707)
            );
            for codec in [
                AudioCodec::Aac,
                AudioCodec::G711A,
                AudioCodec::G711U,
                AudioCodec::Pcm,
                AudioCodec::Opus,
            ] {
                let Ok(Some(Item::Audio(tag))) = reader.next() else {
                    panic!()
                };
                assert_eq!(
                    (tag.codec, tag.kind, tag.data),
                    (codec, AudioKind::Frame, &[frame as u8; 33][..])
                );
                assert_eq!(tag.channels, 1);
            }
        }
        let Ok(Some(Item::Video(end))) = reader.next() else {
            panic!()
        };
        assert_eq!((end.kind, end.data), (VideoKind::EndOfSequence, &[][..]));
        assert_eq!(reader.next(), Ok(None));
        assert_eq!(reader.buffered(), PREVIOUS_TAG_SIZE_LEN);
    }
}

#[test]
fn a_tag_is_out_with_its_last_byte() {
    let bytes = [header(), tag(TAG_VIDEO, 40, &[0x17, 1, 0, 0, 0, 9])].concat();
    let mut reader = Reader::default();
    reader.push(&bytes[..bytes.len() - PREVIOUS_TAG_SIZE_LEN - 1]);
    assert!(matches!(reader.next(), Ok(Some(Item::Header { .. }))));
    assert_eq!(reader.next(), Ok(None));
    reader.push(&[9]);
    assert!(matches!(reader.next(), Ok(Some(Item::Video(_)))));
}

/// One tag of any kind around a body.
fn tag(kind: u8, timestamp: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    TagHeader {
        kind,
        filtered: false,
        size: body.len(),
        timestamp,
    }
    .write(&mut out);
    out.extend_from_slice(body);
    out.extend_from_slice(&((TAG_HEADER_LEN + body.len()) as u32).to_be_bytes());
    out
}

fn header() -> Vec<u8> {
    let mut out = Vec::new();
    Writer::default().header(&mut out, true, true);
    out
}

/// What the reader makes of one tag that follows a file header.
fn outcomes(tags: &[Vec<u8>]) -> Vec<Result<String, Error>> {
    let mut reader = Reader::default();
    reader.push(&[header(), tags.concat()].concat());
    let mut seen = Vec::new();
    loop {
        match reader.next() {
            Ok(None) => return seen,
            Ok(Some(Item::Header { .. })) => {}
            other => seen.push(other.map(|item| format!("{item:?}"))),
        }
    }
}

#[test]
fn unsupported_is_said_once_and_the_other_stream_goes_on() {
    let mjpeg = tag(TAG_VIDEO, 0, &[0x11, 0xFF, 0xD8]);
    let sound = tag(TAG_AUDIO, 0, &[0x72, 1, 2]);
    let seen = outcomes(&[mjpeg.clone(), sound.clone(), mjpeg, sound]);
    assert_eq!(seen.len(), 3);
    assert_eq!(
        seen[0],
        Err(Error::Unsupported {
            stream: Stream::Video,
            what: Unsupported::Mjpeg
        })
    );
    assert!(seen[1].as_ref().unwrap().contains("G711A") && seen[2].is_ok());
}

#[test]
fn every_refusal_has_its_name() {
    let cases: [(u8, &[u8], Unsupported); 10] = [
        (TAG_VIDEO, b"\x14abc", Unsupported::CodecId(4)),
        (TAG_VIDEO, b"\x90av01", Unsupported::FourCc(*b"av01")),
        (TAG_VIDEO, b"\x91mjpgx", Unsupported::Mjpeg),
        (TAG_VIDEO, b"\x96\x00hvc1", Unsupported::Multitrack),
        (TAG_VIDEO, b"\x95hvc1", Unsupported::PacketType(5)),
        (TAG_AUDIO, b"\x2Fabc", Unsupported::CodecId(2)),
        (TAG_AUDIO, b"\x30abc", Unsupported::Pcm8),
        (TAG_AUDIO, b"\x90fLaC", Unsupported::FourCc(*b"fLaC")),
        (TAG_AUDIO, b"\x95\x00Opus", Unsupported::Multitrack),
        (TAG_AUDIO | TAG_FILTER_BIT, b"abc", Unsupported::Encrypted),
    ];
    for (kind, body, what) in cases {
        let stream = if kind & TAG_TYPE_MASK == TAG_AUDIO {
            Stream::Audio
        } else {
            Stream::Video
        };
        assert_eq!(
            outcomes(&[tag(kind, 0, body)]),
            [Err(Error::Unsupported { stream, what })],
            "{body:?}"
        );
    }
}

#[test]
fn a_malformed_body_costs_its_tag_only() {
    let good = tag(TAG_VIDEO, 40, &[0x17, 1, 0, 0, 0, 9]);
    let bodies: [&[u8]; 4] = [
        &[0x17],
        &[0x17, 1, 0],
        &[0x17, 9, 0, 0, 0, 1],
        b"\x91avc1\0",
    ];
    for body in bodies {
        let seen = outcomes(&[tag(TAG_VIDEO, 0, body), good.clone()]);
        assert!(
            matches!(
                seen[0],
                Err(Error::BadTag {
                    offset: 13,
                    stream: Stream::Video,
                    ..
                })
            ),
            "{seen:?}"
        );
        assert!(seen[1].as_ref().unwrap().contains("timestamp: 40"));
    }
    let seen = outcomes(&[tag(TAG_SCRIPT, 0, &[2, 0, 9]), good]);
    assert_eq!(
        seen[0],
        Err(Error::BadScript {
            offset: 13,
            reason: Malformed::Truncated
        })
    );
    assert!(
        outcomes(&[
            tag(TAG_VIDEO, 0, &[]),
            tag(TAG_AUDIO, 0, &[]),
            tag(TAG_SCRIPT, 0, &[])
        ])
        .is_empty()
    );
    assert!(
        outcomes(&[
            tag(TAG_VIDEO, 0, &[0x57, 0]),
            tag(TAG_VIDEO, 0, &[0x17, 1, 0, 0, 0])
        ])
        .is_empty()
    );
}

#[test]
fn modifiers_and_the_other_four_letters_are_read() {
    let with_modifier = tag(TAG_VIDEO, 5, b"\xA7\x02abc\x03hev1DATA");
    let long_modifier = tag(
        TAG_VIDEO,
        6,
        &[
            b"\xA7\xFF\x01\x00".as_slice(),
            &[7; 257],
            b"\x01hvc1\xFF\xFF\xFEDATA",
        ]
        .concat(),
    );
    let seen = outcomes(&[with_modifier, long_modifier]);
    assert!(
        seen[0]
            .as_ref()
            .unwrap()
            .contains("composition_time: 0, codec: Hevc, kind: AccessUnit, key: false")
    );
    assert!(seen[1].as_ref().unwrap().contains("composition_time: -2"));
    let cut = outcomes(&[tag(TAG_VIDEO, 5, b"\xA7\xF0abc\x03hev1DATA")]);
    assert!(matches!(
        cut[0],
        Err(Error::BadTag {
            reason: Malformed::Truncated,
            ..
        })
    ));
}

#[test]
fn garbage_is_skipped_and_said() {
    let good = tag(TAG_VIDEO, 40, &[0x17, 1, 0, 0, 0, 9, 9]);
    let seen = outcomes(&[good.clone(), vec![0xAB; 500], good.clone(), good.clone()]);
    assert_eq!(seen.len(), 5, "{seen:?}");
    let lost_at = 13 + good.len() as u64 - 4;
    assert_eq!(
        seen[1],
        Err(Error::LostSync {
            offset: lost_at,
            reason: LostSync::NoTagHeader
        })
    );
    assert_eq!(
        seen[2],
        Ok(format!("Some(Skipped {{ offset: {lost_at}, bytes: 504 }})"))
    );
}

#[test]
fn a_stream_joined_in_the_middle_is_found() {
    let bytes = file(false);
    let seen = read(&bytes[400..], 100);
    assert!(seen[0].contains("NoFileHeader"), "{seen:?}");
    assert!(seen[1].contains("Skipped") && seen.len() > 20, "{seen:?}");
}

#[test]
fn a_sender_that_starts_anew_is_followed() {
    let seen = read(&[file(false), file(true)].concat(), 1000);
    assert_eq!(
        seen.iter().filter(|item| item.contains("Header {")).count(),
        2,
        "{seen:#?}"
    );
    let jumps = seen
        .iter()
        .filter(|item| item.contains("TimestampJump"))
        .count();
    assert_eq!(
        (
            jumps,
            seen.iter().filter(|item| item.contains("LostSync")).count()
        ),
        (2, 0),
        "{seen:#?}"
    );
}

#[test]
fn wrong_previous_tag_sizes_do_not_matter() {
    let mut good = tag(TAG_VIDEO, 40, &[0x17, 1, 0, 0, 0, 9, 9]);
    let size_at = good.len() - 4;
    good[size_at..].fill(0);
    let seen = outcomes(&[
        good.clone(),
        good.clone(),
        vec![0xCD; 100],
        good.clone(),
        good.clone(),
        good,
    ]);
    assert_eq!(seen.len(), 7, "{seen:?}");
}

#[test]
fn a_huge_tag_is_garbage_and_memory_stays_bounded() {
    let mut reader = Reader::new(Limits { max_tag_size: 1000 });
    reader.push(&header());
    assert!(reader.next().is_ok());
    reader.push(&tag(TAG_VIDEO, 0, &[0x17; 1001]));
    let reason = LostSync::TooLarge {
        size: 1001,
        limit: 1000,
    };
    assert_eq!(reader.next(), Err(Error::LostSync { offset: 9, reason }));
    for round in 0..2000 {
        // Bait: headers that promise 999 bytes, over and over.
        reader.push(&[9, 0, 3, 0xE7, 0, 0, 0, 0, 0, 0, 0, round as u8, 0xFF]);
        while let Ok(Some(_)) | Err(_) = reader.next() {}
        assert!(reader.buffered() <= 1000 + 64, "{}", reader.buffered());
    }
}

#[test]
fn g711_and_pcm_take_their_rate_from_the_metadata() {
    let metadata = |rate| {
        let mut body = Vec::new();
        Metadata::new()
            .with_number("audiosamplerate", rate)
            .write(&mut body);
        tag(TAG_SCRIPT, 0, &body)
    };
    let sound = tag(TAG_AUDIO, 0, &[0x72, 1, 2]);
    let rate = |tags: &[Vec<u8>]| outcomes(tags).pop().unwrap().unwrap();
    assert!(rate(std::slice::from_ref(&sound)).contains("sample_rate: 8000"));
    assert!(rate(&[metadata(16_000.0), sound.clone()]).contains("sample_rate: 16000"));
    assert!(rate(&[metadata(1e12), sound.clone()]).contains("sample_rate: 8000"));
    assert!(rate(&[metadata(f64::NAN), sound]).contains("sample_rate: 8000"));
    assert!(rate(&[tag(TAG_AUDIO, 0, &[0x3E, 1, 2])]).contains("sample_rate: 44100, channels: 1"));
}

#[test]
fn configurations_stamped_zero_do_not_move_the_clock() {
    let unit = |time| tag(TAG_VIDEO, time, &[0x17, 1, 0, 0, 0, 9]);
    let config = tag(TAG_VIDEO, 0, &[0x17, 0, 0, 0, 0, 1]);
    let seen = outcomes(&[config.clone(), unit(5_000_000), config, unit(5_000_040)]);
    assert!(seen.iter().all(Result::is_ok), "{seen:?}");
    assert!(
        seen[2]
            .as_ref()
            .unwrap()
            .contains("VideoTag { timestamp: 5000000, raw_timestamp: 0")
    );
}

#[test]
fn a_jump_is_reported_once_and_its_tag_follows() {
    let unit = |time| tag(TAG_VIDEO, time, &[0x27, 1, 0, 0, 0, 9]);
    let seen = outcomes(&[unit(90_000), unit(90_040), unit(0), unit(40)]);
    let jump = Error::TimestampJump {
        stream: Stream::Video,
        from: 90_040,
        sent: 0,
        to: 90_080,
    };
    assert_eq!(seen[2], Err(jump));
    assert!(
        seen[3]
            .as_ref()
            .unwrap()
            .contains("timestamp: 90080, raw_timestamp: 0")
    );
    assert!(
        seen[4]
            .as_ref()
            .unwrap()
            .contains("timestamp: 90120, raw_timestamp: 40")
    );
    assert_eq!(seen.len(), 5);
}

/// A small generator, so that a failure repeats (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % most
    }
}

#[test]
fn mutated_files_never_panic_and_read_alike_in_pieces() {
    let mut random = Random(0x5EED);
    let real: &[&[u8]] = &[
        include_bytes!("../../testdata/h264_aac.flv"),
        include_bytes!("../../testdata/h264_b.flv"),
    ];
    for round in 0..1500 {
        let mut bytes = match round % 4 {
            0 | 1 => real[round % 2].to_vec(),
            other => file(other == 2),
        };
        for _ in 0..=random.below(20) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.below(256) as u8,
                2 => drop(bytes.drain(at..(at + random.below(50)).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, vec![random.below(256) as u8; random.below(50)])),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        let whole = read(&bytes, bytes.len());
        let piece = 1 + random.below(300);
        assert_eq!(read(&bytes, piece), whole, "round {round}");
        assert_eq!(read_slices(&bytes, piece), whole, "round {round}");
        assert!(whole.len() <= bytes.len());
    }
}
