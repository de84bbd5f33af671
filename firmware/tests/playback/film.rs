//! A card with a known film on it: every picture holds its number.

use std::path::Path;
use std::sync::OnceLock;

use firmware::card::{self, Card, Kind};
use firmware::record::{self, RecordMode};
use flv::{AudioCodec, AudioFormat, VideoCodec};
use media::fmp4::{AudioTrack, Fragment, VideoTrack};
use media::video::{Codec, Encoder, EncoderSettings};
use media::{Packet, Picture, marks};

/// Unix seconds of the film's first picture.
pub(crate) const T: u64 = 1_796_049_000;
/// Pictures a second, and in a group.
pub(crate) const FPS: u32 = 10;
/// Seconds that are recorded: there is a gap between.
pub(crate) const RECORDED: [(u64, u64); 2] = [(0, 20), (60, 70)];
/// Seconds of a segment.
const SEGMENT: u64 = 5;

struct Coded {
    record: Vec<u8>,
    /// One a second.
    gops: Vec<Vec<Packet>>,
}

/// Seventy seconds, made once.
fn coded() -> &'static Coded {
    static CODED: OnceLock<Coded> = OnceLock::new();
    CODED.get_or_init(|| {
        let settings = EncoderSettings {
            codec: Codec::H264,
            width: 640,
            height: 360,
            fps: FPS,
            bit_rate: 400_000,
            gop: FPS,
        };
        let mut encoder = Encoder::open(&settings).unwrap();
        let record = encoder.config_record().to_vec();
        let mut gops: Vec<Vec<Packet>> = Vec::new();
        let mut picture = Picture::new(640, 360);
        for n in 0..70 * FPS {
            marks::draw(&mut picture, n, 0, 0);
            for mut packet in encoder.encode(&picture, n % FPS == 0).unwrap() {
                let at = T as i64 * 1000 + i64::from(n) * 1000 / i64::from(FPS);
                (packet.pts, packet.dts) = (at, at);
                if packet.key {
                    gops.push(Vec::new());
                }
                gops.last_mut().unwrap().push(packet);
            }
        }
        Coded { record, gops }
    })
}

/// The group of a second, with a packet of G.711 every 100 ms.
fn gop(second: u64) -> Fragment {
    let start_ms = (T + second) as i64 * 1000;
    let sound = |n: i64| Packet {
        data: vec![0xd5; 800],
        pts: start_ms + n * 100,
        dts: start_ms + n * 100,
        key: true,
    };
    Fragment {
        start_ms,
        end_ms: start_ms + 1000,
        video: coded().gops[second as usize].clone(),
        audio: (0..10).map(sound).collect(),
    }
}

/// A camera with that card, which records nothing of its own.
pub(crate) fn options(dir: &Path) -> record::Options {
    record::Options {
        mode: Some(RecordMode::Off),
        ..record::Options::new(dir)
    }
}

/// Records the film.
pub(crate) fn record(dir: &Path) {
    let card = Card::new(options(dir).card);
    for (from, to) in RECORDED {
        for start in (from..to).step_by(SEGMENT as usize) {
            let video = VideoTrack {
                codec: VideoCodec::H264,
                record: coded().record.clone(),
            };
            let format = AudioFormat {
                codec: AudioCodec::G711A,
                sample_rate: 8_000,
                channels: 1,
            };
            let audio = AudioTrack {
                format,
                config: Vec::new(),
            };
            let kind = (Kind::Continuous, true);
            let mut writer = card.begin(video, Some(audio), kind, &gop(start)).unwrap();
            for second in start + 1..start + SEGMENT {
                writer.append(&gop(second)).unwrap();
            }
            writer.close().unwrap();
        }
    }
    card.add_picture((T as i64 + 7) * 1000, b"\xff\xd8\xff\xd9")
        .unwrap();
    let event = card::Event {
        start_ms: (T as i64 + 3) * 1000,
        end_ms: (T as i64 + 5) * 1000,
    };
    card.add_event(event).unwrap();
}
