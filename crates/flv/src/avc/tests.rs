use super::*;
use crate::bits::BitWriter;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// x264, High, 1920x1080 by cropping, VUI with HRD. Holds emulation prevention bytes.
fn high_1080p() -> Vec<u8> {
    hex("67640028 acb403c0 113f2e02 20000003 00200000 064c0800 1e848003 d09c9840 0f1832a0")
}

/// x264, High 4:2:2, 10 bit, interlaced, 1280x720.
fn interlaced_422() -> Vec<u8> {
    hex("677a0020 b6ce8050 0bbf1380 88000003 00080000 030190f8 b175")
}

/// What a camera's chip sends: Main or High, 1920x1080 by cropping, no VUI.
fn camera_1080p(profile: u8, scaling: bool) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.bits(0x67, 8);
    bits.bits(profile.into(), 8);
    bits.bits(0, 8);
    bits.bits(40, 8);
    bits.ue(0); // id
    if profile >= 100 {
        bits.ue(1); // 4:2:0
        bits.ue(0);
        bits.ue(0);
        bits.flag(false);
        bits.flag(scaling);
        if scaling {
            // One list of all 16 values, one that ends early, six absent.
            bits.flag(true);
            (0..16).for_each(|_| bits.ue(1)); // delta 1
            bits.flag(true);
            bits.ue(16); // delta -8: next is 0
            bits.bits(0, 6);
        }
    }
    bits.ue(0); // frame num
    bits.ue(0); // picture order type 0
    bits.ue(2);
    bits.ue(4); // reference frames
    bits.flag(false);
    bits.ue(119);
    bits.ue(67);
    bits.flag(true); // frames only
    bits.flag(true);
    bits.flag(true); // crop 8 lines
    [0, 0, 0, 4].into_iter().for_each(|offset| bits.ue(offset));
    bits.flag(false); // no VUI
    crate::bits::escape(&bits.finish())
}

#[test]
fn an_sps_of_each_kind_reads() {
    let sps = Sps::parse(&high_1080p()).unwrap();
    assert_eq!(
        (sps.width, sps.height, sps.profile, sps.level),
        (1920, 1080, 100, 40)
    );
    assert_eq!(sps.vui.unwrap().timing, Some((1, 50)));
    let sps = Sps::parse(&interlaced_422()).unwrap();
    assert_eq!(
        (sps.width, sps.height, sps.chroma_format, sps.bit_depth_luma),
        (1280, 720, 2, 10)
    );
    assert!(!sps.frames_only);
    for (profile, scaling) in [(77, false), (100, false), (100, true)] {
        let sps = Sps::parse(&camera_1080p(profile, scaling)).unwrap();
        assert_eq!(
            (sps.width, sps.height, sps.max_num_ref_frames),
            (1920, 1080, 4)
        );
        assert_eq!((sps.vui, sps.max_num_reorder_frames()), (None, None));
        assert!(!sps.never_reorders());
    }
}

#[test]
fn the_rewrite_changes_the_order_and_nothing_else() {
    let samples = [
        high_1080p(),
        interlaced_422(),
        camera_1080p(77, false),
        camera_1080p(100, true),
    ];
    for sample in samples {
        let before = Sps::parse(&sample).unwrap();
        let Some(rewritten) = remove_reordering(&sample) else {
            assert_eq!(before.max_num_reorder_frames(), Some(0));
            continue;
        };
        let after = Sps::parse(&rewritten).unwrap();
        let restriction = after.vui.unwrap().restriction.unwrap();
        assert_eq!(restriction.max_num_reorder_frames, 0);
        assert_eq!(
            restriction.max_dec_frame_buffering,
            before.max_num_ref_frames.into()
        );
        assert_eq!(
            (after.width, after.height, after.level),
            (before.width, before.height, before.level)
        );
        assert_eq!(
            after.vui.unwrap().timing,
            before.vui.and_then(|vui| vui.timing)
        );
        assert_eq!(remove_reordering(&rewritten), None, "once is enough");
        let escaped = rewritten
            .windows(3)
            .all(|three| three[..2] != [0, 0] || three[2] == 3);
        assert!(escaped, "{rewritten:02x?}");
    }
    assert!(remove_reordering(&camera_1080p(77, false)).is_some());
    assert_eq!(remove_reordering(&camera_1080p(77, false)[..8]), None);
    assert_eq!(remove_reordering(&[0x68, 0xCE]), None);
}

#[test]
fn a_broken_vui_is_left_alone() {
    let mut sps = high_1080p();
    sps.truncate(sps.len() - 12);
    assert_eq!(Sps::parse(&sps).map(|sps| sps.vui), Ok(None));
    assert_eq!(remove_reordering(&sps), None);
}

#[test]
fn a_record_comes_back() {
    for sps in [high_1080p(), camera_1080p(77, false)] {
        let config = Config::from_parameter_sets(&[&sps], &[&[0x68, 0xCE, 0x3C, 0x80]]).unwrap();
        assert_eq!(Config::parse(&config.to_bytes()), Ok(config.clone()));
        let changed = config.without_reordering();
        assert_eq!(changed.is_some(), remove_reordering(&sps).is_some());
    }
    let config = Config::from_parameter_sets(&[&high_1080p()], &[&[0x68]]).unwrap();
    assert_eq!(config.codec_string(), "avc1.640028");
    assert_eq!(
        config.to_bytes()[config.to_bytes().len() - 4..],
        [0xFD, 0xF8, 0xF8, 0]
    );
    let mut annexb = Vec::new();
    config
        .parameter_sets()
        .for_each(|set| nal::push_annexb(set, &mut annexb));
    assert_eq!(Config::from_annexb(&annexb), Ok(config));
}

#[test]
fn a_bad_record_is_refused() {
    assert_eq!(Config::parse(&[]), Err(Malformed::Truncated));
    assert_eq!(
        Config::parse(&[1, 66, 0, 30, 0xFF, 0xE1, 0, 9, 1]),
        Err(Malformed::Truncated)
    );
    let error = Config::parse(&[1, 66, 0, 30, 0xFE, 0xE0, 0]);
    assert_eq!(
        error,
        Err(Malformed::Value {
            field: "NAL length size",
            value: 3
        })
    );
    assert!(Config::parse(&[2, 66, 0, 30, 0xFF, 0xE0, 0]).is_err());
    assert_eq!(
        Config::from_parameter_sets(&[], &[]),
        Err(Malformed::Missing("SPS"))
    );
    assert_eq!(
        Config::from_parameter_sets(&[&high_1080p()], &[]),
        Err(Malformed::Missing("PPS"))
    );
}

#[test]
fn slice_types_are_told_apart() {
    let slice = |header: u8, slice_type: u32| {
        let mut bits = BitWriter::default();
        bits.bits(header.into(), 8);
        bits.ue(300); // first_mb_in_slice
        bits.ue(slice_type);
        bits.finish()
    };
    for (slice_type, is_b) in [
        (0, false),
        (1, true),
        (2, false),
        (5, false),
        (6, true),
        (7, false),
    ] {
        assert_eq!(is_b_slice(&slice(0x41, slice_type)), is_b, "{slice_type}");
    }
    assert!(!is_b_slice(&slice(0x67, 1)), "no slice");
    assert!(!is_b_slice(&[]) && !is_b_slice(&[0x41]) && !is_b_slice(&[0x41, 0, 0]));
    let mut unit = Vec::new();
    nal::push_length(&[0x06, 5], &mut unit);
    nal::push_length(&slice(0x01, 6), &mut unit);
    assert!(has_b_frames(&unit, 4));
    assert!(!has_b_frames(&unit, 3));
}
