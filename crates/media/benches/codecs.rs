//! CPU time of one picture through encoder, decoder, scaler and JPEG, and of a second of sound.
//!
//! `cargo bench -p media`. CPU time of the process (all threads), so load on the machine changes little.

use std::hint::black_box;

use media::audio::{AacEncoder, Decoder, Samples};
use media::scale::Scaler;
use media::video::{Codec, Encoder, EncoderSettings};
use media::{Picture, jpeg, marks};

const PICTURES: u32 = 120;

fn main() {
    println!("CPU ms a picture, p50 (p95), {PICTURES} pictures, moving scene");
    println!("| size | h264 enc | h264 dec | hevc enc | hevc dec | scale to 960x540 | jpeg |");
    println!("|---|---|---|---|---|---|---|");
    for (width, height, bit_rate) in [
        (640, 360, 500_000),
        (1280, 720, 2_000_000),
        (1920, 1080, 4_000_000),
    ] {
        let (avc_enc, avc_dec) = video(Codec::H264, width, height, bit_rate);
        let (hevc_enc, hevc_dec) = video(Codec::Hevc, width, height, bit_rate);
        let mut scaler = Scaler::new();
        let mut times = Vec::new();
        let mut stills = Vec::new();
        for n in 0..PICTURES / 4 {
            let picture = scene(width, height, n);
            times.push(cpu_ms(|| black_box(scaler.scale(&picture, 960, 540).expect("scales"))).1);
            stills.push(cpu_ms(|| black_box(jpeg::encode(&picture, 85).expect("encodes"))).1);
        }
        println!(
            "| {width}x{height} | {avc_enc} | {avc_dec} | {hevc_enc} | {hevc_dec} | {} | {} |",
            spread(times),
            spread(stills)
        );
    }
    sound();
}

fn video(codec: Codec, width: u32, height: u32, bit_rate: u32) -> (String, String) {
    let settings = EncoderSettings {
        codec,
        width,
        height,
        fps: 30,
        bit_rate,
        gop: 60,
    };
    let mut encoder = Encoder::open(&settings).expect("opens");
    let mut decoder = media::video::Decoder::open(codec, encoder.config_record()).expect("opens");
    let (mut encoding, mut decoding) = (Vec::new(), Vec::new());
    for n in 0..PICTURES {
        let picture = scene(width, height, n);
        let (packets, ms) = cpu_ms(|| encoder.encode(&picture, false).expect("encodes"));
        encoding.push(ms);
        for packet in packets {
            let (pictures, ms) = cpu_ms(|| {
                decoder
                    .decode(&packet.data, packet.pts * 1000)
                    .expect("decodes")
            });
            assert_eq!(pictures.len(), 1);
            decoding.push(ms);
        }
    }
    (spread(encoding), spread(decoding))
}

fn sound() {
    println!("\nCPU ms a second of sound, mono");
    for rate in [16_000, 48_000] {
        let tone: Vec<f32> = (0..rate * 10)
            .map(|i| (i as f32 * 0.05).sin() * 0.5)
            .collect();
        let mut encoder = AacEncoder::open(rate, 1, 64_000).expect("opens");
        let (packets, encode) = cpu_ms(|| encoder.encode(&tone).expect("encodes"));
        let mut decoder =
            Decoder::open(flv::AudioCodec::Aac, rate, 1, &encoder.config()).expect("opens");
        let (heard, decode) = cpu_ms(|| {
            packets
                .iter()
                .map(|p| decoder.decode(&p.data).expect("decodes").frames())
                .sum::<usize>()
        });
        assert!(heard > tone.len() - 2048);
        let mut resampler = media::audio::Resampler::new(rate, 44_100, 1).expect("opens");
        let mut out = Samples::default();
        let ((), resample) = cpu_ms(|| resampler.process(&tone, &mut out.data));
        println!(
            "{rate} Hz: AAC encode {:.2}, AAC decode {:.2}, resample to 44.1 kHz {:.2}",
            encode / 10.0,
            decode / 10.0,
            resample / 10.0
        );
    }
}

/// Textured ground that pans, a moving box, a counter.
fn scene(width: u32, height: u32, n: u32) -> Picture {
    let mut picture = Picture::new(width, height);
    let stride = width as usize;
    for (y, row) in picture.y_mut().chunks_mut(stride).enumerate() {
        for (x, luma) in row.iter_mut().enumerate() {
            let x = x + 2 * n as usize;
            *luma = (64 + ((x / 3) & 63) + ((y / 2) & 31) + ((x / 16) ^ (y / 16)) % 24) as u8;
        }
    }
    picture.fill(
        n * 8 % width,
        height / 3,
        height / 6,
        height / 6,
        (200, 90, 170),
    );
    marks::draw(&mut picture, n, 0, 0);
    picture.pts = i64::from(n) * 33_333;
    picture
}

fn spread(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    format!("{:.2} ({:.2})", at(0.5), at(0.95))
}

/// What `work` took of all threads' CPU time.
fn cpu_ms<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu_ns();
    let result = work();
    (result, (cpu_ns() - before) as f64 / 1e6)
}

/// CPU time of all threads of this process, nanoseconds.
fn cpu_ns() -> u64 {
    /// `struct timespec` of 64-bit Linux.
    #[repr(C)]
    struct Time {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Time) -> i32;
    }
    const PROCESS_CPU: i32 = 2;
    let mut time = Time {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: POSIX; it writes one timespec, and this is one.
    let status = unsafe { clock_gettime(PROCESS_CPU, &raw mut time) };
    assert_eq!(status, 0);
    time.seconds as u64 * 1_000_000_000 + time.nanoseconds as u64
}
