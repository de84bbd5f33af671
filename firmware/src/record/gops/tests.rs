use super::*;
use crate::live::tags;
use flv::VideoCodec;

/// 2026-11-30T14:30:00Z minus the media time that the tests begin with.
const EPOCH: i64 = 1_796_049_000_000 - 10_000;

fn preamble(record: u8) -> Vec<u8> {
    let video = tags::VideoTrack {
        codec: VideoCodec::H264,
        record: vec![record; 4],
        fps: None,
    };
    tags::preamble(Some(&video), Some(&tags::AudioTrack::aac()))
        .unwrap()
        .to_vec()
}

/// What a camera of 10 pictures a second and a GOP of 2 s gives; sound is 50 ms late.
struct Camera {
    assembler: Assembler,
    epoch_ms: i64,
    media_ms: i64,
    count: i64,
}

impl Camera {
    fn new() -> Self {
        let mut camera = Self {
            assembler: Assembler::new(),
            epoch_ms: EPOCH,
            media_ms: 10_000,
            count: 0,
        };
        assert!(camera.push(&preamble(1)).is_empty());
        camera
    }

    fn push(&mut self, bytes: &[u8]) -> Vec<Gop> {
        let taken = Taken {
            epoch_ms: self.epoch_ms,
            media_ms: self.media_ms + 70,
        };
        self.assembler.push(bytes, taken)
    }

    fn pictures(&mut self, count: i64) -> Vec<Gop> {
        let mut gops = Vec::new();
        for _ in 0..count {
            let (at, key) = (self.media_ms, self.count % 20 == 0);
            let tag = tags::video(VideoCodec::H264, at, 0, key, &[0, 0, 0, 1, 0x65]).unwrap();
            gops.extend(self.push(&tag));
            let sound = tags::audio(tags::AudioTrack::aac().format, at - 50, &[1, 2]).unwrap();
            gops.extend(self.push(&sound));
            (self.media_ms, self.count) = (self.media_ms + 100, self.count + 1);
        }
        gops
    }
}

fn shape(gops: &[Gop]) -> Vec<(i64, i64, usize, usize, bool)> {
    let shape = |gop: &Gop| {
        let one = &gop.fragment;
        (
            one.start_ms - EPOCH - 10_000,
            one.end_ms - EPOCH - 10_000,
            one.video.len(),
            one.audio.len(),
            gop.joins,
        )
    };
    gops.iter().map(shape).collect()
}

#[test]
fn gops_follow_each_other_without_a_gap_and_keep_their_late_sound() {
    let mut camera = Camera::new();
    let mut gops = camera.pictures(60);
    gops.extend(camera.assembler.flush());
    // The first sound is from before the first picture; each GOP waits for the one that comes 50 ms late.
    assert_eq!(
        shape(&gops),
        [
            (0, 2000, 20, 20, false),
            (2000, 4000, 20, 20, true),
            (4000, 6000, 20, 19, true)
        ]
    );
    let sound: Vec<i64> = gops
        .iter()
        .flat_map(|gop| gop.fragment.audio.iter().map(|packet| packet.pts))
        .collect();
    assert!(sound.windows(2).all(|pair| pair[1] - pair[0] == 100));
}

#[test]
fn a_clock_set_back_and_a_leap_of_time_do_not_join() {
    let mut camera = Camera::new();
    let mut gops = camera.pictures(30);
    camera.epoch_ms -= 3_600_000;
    gops.extend(camera.pictures(30));
    camera.media_ms += 60_000;
    gops.extend(camera.pictures(40));
    gops.extend(camera.assembler.flush());
    let hour = 3_600_000;
    assert_eq!(
        shape(&gops),
        [
            (0, 2000, 20, 20, false),
            // The GOP in which the clock is set back keeps its own.
            (2000, 4000, 20, 19, true),
            (4000 - hour, 6000 - hour, 20, 19, false),
            // What lies between the leap and the next keyframe cannot be shown, and here that is nothing.
            (66_000 - hour, 68_000 - hour, 20, 20, false),
            (68_000 - hour, 70_000 - hour, 20, 19, true),
        ]
    );
}

#[test]
fn a_leap_within_a_gop_ends_it_and_the_rest_of_it_is_left_out() {
    let mut camera = Camera::new();
    let mut gops = camera.pictures(5);
    camera.media_ms += 5_000;
    gops.extend(camera.pictures(20));
    gops.extend(camera.assembler.flush());
    assert_eq!(
        shape(&gops)[..],
        [(0, 500, 5, 4, false), (7000, 7500, 5, 4, false)]
    );
}

#[test]
fn a_new_configuration_makes_new_tracks_and_the_same_one_does_not() {
    let mut camera = Camera::new();
    let mut gops = camera.pictures(20);
    gops.extend(camera.push(&preamble(1)));
    gops.extend(camera.pictures(20));
    gops.extend(camera.push(&preamble(2)));
    gops.extend(camera.pictures(20));
    gops.extend(camera.assembler.flush());
    assert_eq!(gops[0].tracks, gops[1].tracks);
    assert_ne!(gops[1].tracks, gops[2].tracks);
    assert_eq!(gops[2].tracks.video.record, [2; 4]);
}

#[test]
fn time_goes_on_after_49_days() {
    let mut camera = Camera::new();
    camera.media_ms = (1 << 32) - 1_000;
    let mut gops = camera.pictures(40);
    gops.extend(camera.assembler.flush());
    let start = EPOCH + (1 << 32) - 1_000;
    assert_eq!(gops[0].fragment.start_ms, start);
    assert_eq!(
        (gops[1].fragment.start_ms, gops[1].joins),
        (start + 2_000, true)
    );
}

#[test]
fn a_gop_without_end_is_cut_off() {
    let mut camera = Camera::new();
    camera.pictures(1);
    camera.count = 1;
    let mut gops = Vec::new();
    for _ in 0..400 {
        gops.extend(camera.pictures(1));
        camera.count = 1;
    }
    assert_eq!(gops.len(), 1);
    assert!(gops[0].fragment.video.len() <= 302);
    assert!(camera.assembler.flush().is_empty());
}
