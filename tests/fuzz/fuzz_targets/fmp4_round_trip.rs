//! What is written is read, whatever it is; and after damage what is read was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::Packet;
use media::fmp4::{AudioTrack, Check, Fragment, Head, VideoTrack, Writer, read_fragment, walk};

const START: i64 = 1_796_049_000_123;

fuzz_target!(|input: &[u8]| {
    let Some((&[kind, at, bit, gops], rest)) = input.split_first_chunk() else {
        return;
    };
    let head = head(kind, rest);
    let Ok((mut writer, mut file)) = Writer::new(head.clone()) else {
        return;
    };
    let mut pieces = rest.chunks(5);
    let mut written = Vec::new();
    let mut time = START;
    for _ in 0..=gops % 4 {
        let fragment = gop(&mut time, &mut pieces);
        file.extend(writer.fragment(&fragment).expect("a small GOP"));
        written.push(fragment);
    }
    file.extend(writer.finish());

    let found = look(&file).expect("whole");
    assert!(found.closed && found.head == head && found.places == writer.places());
    for (place, written) in found.places.iter().zip(&written) {
        let read = read_fragment(&head, &file[place.offset as usize..place.end() as usize]);
        assert_eq!(read.expect("whole").video, written.video);
    }
    let at = usize::from(at) * file.len() / 256;
    file[at] ^= 1 << (bit % 8);
    let Ok(found) = look(&file) else { return };
    for place in &found.places {
        let read = read_fragment(&head, &file[place.offset as usize..place.end() as usize]);
        let video = read.expect("checked").video;
        assert!(written.iter().any(|one| one.video == video));
    }
});

fn look(file: &[u8]) -> std::io::Result<media::fmp4::Walk> {
    walk(file.len() as u64, Check::Everything, |at, buffer| {
        let at = usize::try_from(at).expect("in memory");
        buffer.copy_from_slice(&file[at..at + buffer.len()]);
        Ok(())
    })
}

fn head(kind: u8, rest: &[u8]) -> Head {
    let codec = [
        flv::AudioCodec::Aac,
        flv::AudioCodec::G711A,
        flv::AudioCodec::G711U,
        flv::AudioCodec::Pcm,
    ][usize::from(kind >> 1) % 4];
    let config = match codec {
        flv::AudioCodec::Aac => rest.iter().copied().take(90).collect(),
        _ => Vec::new(),
    };
    Head {
        start_ms: START,
        number: u64::from(kind),
        label: kind,
        video: VideoTrack {
            codec: [flv::VideoCodec::H264, flv::VideoCodec::Hevc][usize::from(kind & 1)],
            record: rest.iter().copied().take(200).collect(),
        },
        audio: (kind & 0x80 == 0).then_some(AudioTrack {
            format: flv::AudioFormat {
                codec,
                sample_rate: 8_000 + u32::from(kind) * 100,
                channels: 1 + kind % 2,
            },
            config,
        }),
    }
}

/// A GOP of what the pieces say: steps between pictures, sizes, sound.
fn gop<'a>(time: &mut i64, pieces: &mut impl Iterator<Item = &'a [u8]>) -> Fragment {
    let start_ms = *time;
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    for n in 0..8 {
        let piece = pieces.next().unwrap_or(&[33]);
        let byte = |at: usize| i64::from(piece.get(at).copied().unwrap_or(1));
        video.push(Packet {
            data: vec![piece[0]; byte(1) as usize],
            pts: *time + byte(2),
            dts: *time,
            key: n == 0,
        });
        audio.push(Packet {
            data: piece.to_vec(),
            pts: *time + byte(3) - 128,
            dts: *time + byte(3) - 128,
            key: true,
        });
        *time += byte(0);
    }
    Fragment {
        start_ms,
        end_ms: *time,
        video,
        audio,
    }
}
