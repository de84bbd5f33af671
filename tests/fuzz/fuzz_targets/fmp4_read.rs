//! Whatever is on a card: looking for fragments and reading them never panics and never makes up more than there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fmp4::{Check, Head, VideoTrack, move_fragment, read_fragment, walk};

/// Length of our box in front of a fragment, and of the box's own head.
const FRONT: usize = 52;
const BOX: usize = 24;

fuzz_target!(|input: &[u8]| {
    let Some((&how, bytes)) = input.split_first() else {
        return;
    };
    match how % 3 {
        0 => look(bytes),
        1 => look(&with_head(bytes)),
        _ => read(bytes),
    }
});

fn head() -> Head {
    Head {
        start_ms: 1_796_049_000_000,
        number: 1,
        label: 0,
        video: VideoTrack {
            codec: flv::VideoCodec::H264,
            record: vec![1, 66, 0, 31, 255, 224, 0],
        },
        audio: None,
    }
}

/// A file that begins well.
fn with_head(rest: &[u8]) -> Vec<u8> {
    let mut file = head().to_bytes().expect("fits");
    file.extend(sealed(rest));
    file.extend(rest);
    file
}

/// These bytes as a fragment whose checksums are right.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut front = vec![0, 0, 0, FRONT as u8];
    front.extend(b"uuidporthole.gop..v1");
    front.extend((FRONT as u32 + body.len() as u32).to_be_bytes());
    front.extend(1_796_049_000_000_i64.to_be_bytes());
    front.extend(1_796_049_002_000_i64.to_be_bytes());
    front.extend(crc32fast::hash(body).to_be_bytes());
    front.extend(crc32fast::hash(&front[BOX..]).to_be_bytes());
    front.extend(body);
    front
}

fn look(file: &[u8]) {
    let mut reads = 0_usize;
    for check in [Check::Heads, Check::Everything] {
        let found = walk(file.len() as u64, check, |at, buffer| {
            reads += buffer.len();
            let at = usize::try_from(at).expect("in memory");
            buffer.copy_from_slice(&file[at..at + buffer.len()]);
            Ok(())
        });
        let Ok(found) = found else { continue };
        assert!(found.whole <= file.len() as u64);
        for place in &found.places {
            let bytes = &file[place.offset as usize..place.end() as usize];
            let read = read_fragment(&found.head, bytes);
            if let Ok(read) = read {
                let held: usize = read.video.iter().chain(&read.audio).map(|one| one.data.len()).sum();
                // Two runs may point at the same bytes.
                assert!(held <= 2 * bytes.len() * media::fmp4::MOST_SAMPLES);
            }
        }
    }
}

fn read(body: &[u8]) {
    let mut fragment = sealed(body);
    let mut audio = head();
    audio.audio = Some(media::fmp4::AudioTrack {
        format: flv::AudioFormat {
            codec: flv::AudioCodec::Aac,
            sample_rate: 48_000,
            channels: 1,
        },
        config: vec![0x11, 0x88],
    });
    for head in [head(), audio] {
        let _ = read_fragment(&head, &fragment);
        let mut later = head.clone();
        later.start_ms -= 500;
        if move_fragment(&mut fragment, &head, &later, 7).is_ok() {
            // Whatever it was, it is whole again.
            assert_eq!(fragment.len(), body.len() + FRONT);
            assert!(!matches!(
                read_fragment(&head, &fragment),
                Err(media::fmp4::Error::Damaged("the checksum of a fragment"))
            ));
        }
    }
}
