//! Real codecs, end to end: what goes in comes out, at once.
#![cfg(feature = "ffmpeg")]

mod common;

use common::{level_at, scene, tone};
use flv::AudioCodec;
use media::audio::{AAC_FRAME, AacEncoder, Decoder, Transcoder, g711};
use media::video::{self, Codec, Encoder, EncoderSettings};
use media::{Picture, marks};

fn settings(codec: Codec) -> EncoderSettings {
    EncoderSettings {
        codec,
        width: 640,
        height: 360,
        fps: 30,
        bit_rate: 200_000,
        gop: 30,
    }
}

/// NAL units of a length-prefixed access unit.
fn units(data: &[u8]) -> Vec<&[u8]> {
    flv::nal::split_lengths(data, 4)
        .map(|unit| unit.expect("well formed"))
        .collect()
}

fn counter(picture: &Picture) -> Option<u32> {
    marks::read_counter(
        picture.y(),
        picture.width() as usize,
        picture.width(),
        picture.height(),
    )
}

#[test]
fn every_picture_comes_out_at_once_and_its_marks_read_back() {
    for codec in [Codec::H264, Codec::Hevc] {
        let mut encoder = Encoder::open(&settings(codec)).expect("opens");
        let mut decoder = video::Decoder::open(codec, encoder.config_record()).expect("opens");
        let mut bytes = 0;
        for n in 0..90 {
            let picture = scene(640, 360, n);
            let packets = encoder.encode(&picture, false).expect("encodes");
            assert_eq!(
                packets.len(),
                1,
                "{codec} picture {n} gives its packet at once"
            );
            let packet = &packets[0];
            assert_eq!(
                (packet.pts, packet.dts),
                (picture.pts / 1000, picture.pts / 1000)
            );
            assert_eq!(packet.key, n % 30 == 0, "{codec} picture {n}");
            bytes += packet.data.len();
            let pictures = decoder.decode(&packet.data, picture.pts).expect("decodes");
            assert_eq!(
                pictures.len(),
                1,
                "{codec} packet {n} gives its picture at once"
            );
            assert_eq!(pictures[0].pts, picture.pts);
            assert_eq!(counter(&pictures[0]), Some(n), "{codec} picture {n}");
            let position = marks::read_position(pictures[0].y(), 640, 640, 360);
            assert_eq!(
                position,
                Some((n as u16, 4095 - n as u16)),
                "{codec} picture {n}"
            );
        }
        // Three seconds at 200 kbit/s, and half a second of buffer.
        assert!(bytes * 8 < 200_000 * 7 / 2, "{codec}: {bytes} bytes");
    }
}

#[test]
fn a_forced_key_frame_starts_a_decoder() {
    for codec in [Codec::H264, Codec::Hevc] {
        let mut encoder = Encoder::open(&EncoderSettings {
            gop: 1000,
            ..settings(codec)
        })
        .expect("opens");
        let packets: Vec<_> = (0..20)
            .flat_map(|n| {
                encoder
                    .encode(&scene(640, 360, n), n == 11)
                    .expect("encodes")
            })
            .collect();
        let keys: Vec<_> = packets.iter().map(|p| p.key).collect();
        assert_eq!(
            (keys[0], keys[11], keys.iter().filter(|&&k| k).count()),
            (true, true, 2),
            "{codec}"
        );
        let mut decoder = video::Decoder::open(codec, encoder.config_record()).expect("opens");
        for (n, packet) in packets.iter().enumerate().skip(11) {
            let pictures = decoder.decode(&packet.data, 0).expect("decodes");
            assert_eq!(counter(&pictures[0]), Some(n as u32), "{codec}");
        }
    }
}

#[test]
fn parameter_sets_are_in_the_record_and_nowhere_else() {
    let mut encoder = Encoder::open(&settings(Codec::H264)).expect("opens");
    let record = flv::avc::Config::parse(encoder.config_record()).expect("avcC");
    let sps = record.sps().expect("one").expect("parses");
    assert_eq!((sps.width, sps.height), (640, 360));
    for n in 0..4 {
        let packets = encoder
            .encode(&scene(640, 360, n), n == 2)
            .expect("encodes");
        for unit in units(&packets[0].data) {
            assert!(
                matches!(flv::avc::nal_type(unit), 1 | 5),
                "type {}",
                flv::avc::nal_type(unit)
            );
            assert!(!flv::avc::is_b_slice(unit));
        }
    }
    let mut encoder = Encoder::open(&settings(Codec::Hevc)).expect("opens");
    let record = flv::hevc::Config::parse(encoder.config_record()).expect("hvcC");
    let sps = record.sps().expect("one").expect("parses");
    assert_eq!(
        (sps.width, sps.height, sps.max_num_reorder_pics()),
        (640, 360, 0)
    );
    for n in 0..4 {
        let packets = encoder
            .encode(&scene(640, 360, n), n == 2)
            .expect("encodes");
        for unit in units(&packets[0].data) {
            assert!(
                flv::hevc::nal_type(unit) < 32,
                "type {}",
                flv::hevc::nal_type(unit)
            );
        }
        assert!(!record.has_b_frames(&packets[0].data));
    }
}

#[test]
fn annexb_decodes_too() {
    for codec in [Codec::H264, Codec::Hevc] {
        let mut encoder = Encoder::open(&settings(codec)).expect("opens");
        let mut decoder = video::Decoder::open_annexb(codec).expect("opens");
        let mut stream = Vec::new();
        match codec {
            Codec::H264 => flv::avc::Config::parse(encoder.config_record())
                .expect("avcC")
                .parameter_sets()
                .for_each(|set| flv::nal::push_annexb(set, &mut stream)),
            Codec::Hevc => flv::hevc::Config::parse(encoder.config_record())
                .expect("hvcC")
                .parameter_sets()
                .for_each(|set| flv::nal::push_annexb(set, &mut stream)),
        }
        for n in 0..5 {
            let packet = &encoder.encode(&scene(640, 360, n), false).expect("encodes")[0];
            flv::nal::length_to_annexb(&packet.data, 4, &mut stream).expect("well formed");
            let pictures = decoder.decode(&stream, 0).expect("decodes");
            assert_eq!(pictures.first().and_then(counter), Some(n), "{codec}");
            stream.clear();
        }
    }
}

#[test]
fn times_follow_the_pictures_through_jumps() {
    let mut encoder = Encoder::open(&settings(Codec::H264)).expect("opens");
    for pts in [5_000_000, 5_033_333, 5_033_333, 4_000_000, 900_000_000_000] {
        let mut picture = scene(640, 360, 0);
        picture.pts = pts;
        assert_eq!(
            encoder.encode(&picture, false).expect("encodes")[0].pts,
            pts / 1000
        );
    }
}

#[test]
fn damaged_video_is_an_error_or_nothing_and_the_next_key_frame_heals() {
    let mut encoder = Encoder::open(&settings(Codec::H264)).expect("opens");
    let mut decoder = video::Decoder::open(Codec::H264, encoder.config_record()).expect("opens");
    let good = encoder
        .encode(&scene(640, 360, 0), false)
        .expect("encodes")
        .remove(0);
    let mut seed = 7u64;
    for _ in 0..300 {
        let mut bad = good.data.clone();
        for _ in 0..5 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) as usize % bad.len();
            bad[at] ^= (seed >> 20) as u8;
        }
        let _ = decoder.decode(&bad, 0);
    }
    assert!(decoder.decode(&[], 0).is_err());
    let healed = decoder.decode(&good.data, 0).expect("decodes");
    assert_eq!(healed.last().and_then(counter), Some(0));
    assert!(video::Decoder::open(Codec::H264, &[1, 2, 3]).is_err());
    assert!(
        Encoder::open(&EncoderSettings {
            width: 641,
            ..settings(Codec::H264)
        })
        .is_err()
    );
    assert!(encoder.encode(&Picture::new(64, 64), false).is_err());
}

#[test]
fn aac_keeps_a_tone() {
    for (rate, channels) in [(48_000, 1), (16_000, 1), (44_100, 2), (8_000, 1)] {
        let mut encoder =
            AacEncoder::open(rate, channels, 48_000 * u32::from(channels)).expect("opens");
        let asc = encoder.config();
        let parsed = flv::aac::AudioSpecificConfig::parse(&asc).expect("an ASC");
        assert_eq!((parsed.sample_rate, parsed.channels), (rate, channels));
        let input = tone(rate, channels, 440.0, 0.5, rate as usize * 2);
        let mut packets = Vec::new();
        for piece in input.chunks(777 * usize::from(channels)) {
            packets.extend(encoder.encode(piece).expect("encodes"));
        }
        packets.extend(encoder.finish().expect("finishes"));
        let mut decoder = Decoder::open(AudioCodec::Aac, rate, channels, &asc).expect("opens");
        let mut heard = Vec::new();
        for packet in &packets {
            let samples = decoder.decode(&packet.data).expect("decodes");
            assert_eq!(
                (samples.rate, samples.channels, samples.frames()),
                (rate, channels, AAC_FRAME)
            );
            heard.extend(samples.to_mono().data);
        }
        // The first packet's sound lies before the start, as its time says.
        let first = -(AAC_FRAME as i64 * 1000 / i64::from(rate)) - 1;
        assert!(
            (first..=first + 1).contains(&packets[0].pts),
            "{}",
            packets[0].pts
        );
        let heard = &heard[AAC_FRAME..];
        assert!(
            heard.len() >= rate as usize * 2,
            "{} of {}",
            heard.len(),
            rate * 2
        );
        let middle = &heard[rate as usize / 2..rate as usize * 3 / 2];
        let level = level_at(middle, rate, 440.0);
        assert!((level - 0.5).abs() < 0.03, "{rate} Hz: level {level}");
        let total =
            (middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32).sqrt() * 2f32.sqrt();
        assert!(
            (f64::from(total) - level).abs() < 0.02,
            "{rate} Hz: {total} in all, {level} the tone"
        );
    }
    assert!(AacEncoder::open(12_345, 1, 64_000).is_err());
}

#[test]
fn aac_times_are_those_of_the_sound() {
    let mut encoder = AacEncoder::open(48_000, 1, 64_000).expect("opens");
    encoder.set_time(10_000);
    let packets = encoder.encode(&vec![0.0; 48_000]).expect("encodes");
    for (k, packet) in packets.iter().enumerate() {
        let expected = 10_000.0 + (k as f64 - 1.0) * 1024.0 / 48.0;
        assert!(
            (packet.pts as f64 - expected).abs() <= 1.0,
            "{k}: {} {expected}",
            packet.pts
        );
    }
    // Garbage in the samples is not garbage in the stream.
    assert!(
        encoder
            .encode(&[f32::NAN, f32::INFINITY, 1e30].repeat(1024))
            .is_ok()
    );
}

#[test]
fn damaged_aac_is_an_error_and_the_next_frame_plays() {
    let mut encoder = AacEncoder::open(16_000, 1, 32_000).expect("opens");
    let packets = encoder
        .encode(&tone(16_000, 1, 440.0, 0.5, 16_000))
        .expect("encodes");
    let mut decoder = Decoder::open(AudioCodec::Aac, 16_000, 1, &encoder.config()).expect("opens");
    assert!(decoder.decode(&[]).is_err());
    assert!(decoder.decode(&vec![0xff; 100_000]).is_err());
    let _ = decoder.decode(&[0xff; 300]);
    assert_eq!(
        decoder.decode(&packets[5].data).expect("decodes").frames(),
        AAC_FRAME
    );
}

#[test]
fn opus_decodes() {
    // A 20 ms CELT frame of silence at 48 kHz mono (RFC 6716, 3.1: TOC 0xf8, code 0).
    let mut decoder = Decoder::open(AudioCodec::Opus, 48_000, 1, &[]).expect("opens");
    let samples = decoder.decode(&[0xf8, 0xff, 0xfe]).expect("decodes");
    assert_eq!(
        (samples.rate, samples.channels, samples.frames()),
        (48_000, 1, 960)
    );
    assert!(samples.data.iter().all(|s| s.abs() < 1e-3));
}

#[test]
fn g711_becomes_aac_for_files() {
    let mut transcoder = Transcoder::open(AudioCodec::G711A, 8000, 1, &[], 24_000).expect("opens");
    let coded: Vec<u8> = tone(8000, 1, 440.0, 0.5, 16_000)
        .iter()
        .map(|s| g711::linear_to_alaw((s * 32_767.0) as i16))
        .collect();
    let mut decoder = Decoder::open(AudioCodec::Aac, 8000, 1, &transcoder.config()).expect("opens");
    let mut heard = Vec::new();
    let mut last = i64::MIN;
    for (i, frame) in coded.chunks(160).enumerate() {
        for packet in transcoder
            .transcode(frame, 5000 + i as i64 * 20)
            .expect("transcodes")
        {
            assert!(packet.pts > last);
            last = packet.pts;
            heard.extend(decoder.decode(&packet.data).expect("decodes").data);
        }
    }
    let level = level_at(&heard[4000..12_000], 8000, 440.0);
    assert!((level - 0.5).abs() < 0.04, "{level}");
}

#[test]
fn ffmpeg_says_its_version_and_licence() {
    let said = media::ffmpeg_version();
    assert!(
        said.starts_with("FFmpeg ") && said.contains("(libavcodec "),
        "{said}"
    );
    assert!(said.contains("GPL"), "{said}");
}
