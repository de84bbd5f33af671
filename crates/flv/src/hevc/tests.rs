use super::*;

/// x265, 64x36, two B-frames between P-frames; see `testdata/README.md`.
const WITH_B: &[u8] = include_bytes!("../../testdata/hevc_b.h265");
/// x265, 64x36, zero latency.
const WITHOUT_B: &[u8] = include_bytes!("../../testdata/hevc_p.h265");

fn config(stream: &[u8]) -> Config {
    Config::from_annexb(stream).unwrap()
}

/// The stream's slices, one unit each.
fn units(stream: &[u8]) -> Vec<Vec<u8>> {
    let slices = nal::split_annexb(stream).filter(|nal| nal_type(nal) < NAL_VPS);
    slices
        .map(|nal| {
            let mut unit = Vec::new();
            nal::push_length(nal, &mut unit);
            unit
        })
        .collect()
}

#[test]
fn parameter_sets_read() {
    let config = config(WITH_B);
    let sps = config.sps().unwrap().unwrap();
    assert_eq!(
        (sps.width, sps.height, sps.chroma_format, sps.bit_depth_luma),
        (64, 36, 1, 8)
    );
    assert_eq!(sps.max_sub_layers, 1);
    let vps = Vps::parse(&config.vps[0]).unwrap();
    assert_eq!((vps.profile, &vps.ordering), (sps.profile, &sps.ordering));
    assert!(sps.max_num_reorder_pics() > 0);
    assert_eq!(config.codec_string(), "hvc1.1.6.L30.90");
    assert!(Sps::parse(&config.vps[0]).is_err() && Vps::parse(&config.sps[0]).is_err());
}

#[test]
fn a_record_comes_back() {
    for stream in [WITH_B, WITHOUT_B] {
        let config = config(stream);
        let record = config.to_bytes();
        assert_eq!(Config::parse(&record), Ok(config));
        for length in 0..record.len() {
            assert_eq!(
                Config::parse(&record[..length]),
                Err(Malformed::Truncated),
                "{length}"
            );
        }
    }
    assert_eq!(Config::from_annexb(&[]), Err(Malformed::Missing("SPS")));
}

#[test]
fn b_slices_are_seen() {
    let (with, without) = (config(WITH_B), config(WITHOUT_B));
    assert!(units(WITH_B).iter().any(|unit| with.has_b_frames(unit)));
    assert!(!units(WITH_B).iter().all(|unit| with.has_b_frames(unit)));
    assert!(
        !units(WITHOUT_B)
            .iter()
            .any(|unit| without.has_b_frames(unit))
    );
    assert!(!with.has_b_frames(&[]) && !with.has_b_frames(&[0, 0, 0, 1, 2]));
}

#[test]
fn the_rewrite_changes_the_order_and_nothing_else() {
    let config = config(WITH_B);
    let before = config.sps().unwrap().unwrap();
    let rewritten = remove_reordering(&config.sps[0]).unwrap();
    let after = Sps::parse(&rewritten).unwrap();
    assert_eq!(after.max_num_reorder_pics(), 0);
    assert_eq!(
        after.ordering[0].max_dec_pic_buffering,
        before.ordering[0].max_dec_pic_buffering
    );
    assert_eq!(
        (after.width, after.height, after.profile),
        (before.width, before.height, before.profile)
    );
    assert_eq!(remove_reordering(&rewritten), None, "once is enough");
    assert_eq!(config.without_reordering().unwrap().sps[0], rewritten);
    assert_eq!(
        self::config(WITHOUT_B).without_reordering(),
        None,
        "zero latency says so itself"
    );
}

/// Found by fuzzing: fields that reach into the stop bit would come out shorter than they read.
#[test]
fn a_set_that_ends_before_its_fields_is_left_alone() {
    let cut = [
        66, 0, 246, 255, 0, 5, 0, 144, 59, 0, 255, 255, 15, 103, 103, 36, 255, 133, 255, 0, 103,
        103, 255, 255, 255, 15, 93, 103, 103, 36, 195, 70, 63, 185, 103, 33, 61, 0,
    ];
    let ordering = Sps::parse(&cut).unwrap().ordering;
    assert!(ordering.iter().any(|layer| layer.max_num_reorder_pics > 0));
    assert_eq!(remove_reordering(&cut), None);
}

#[test]
fn a_profile_names_itself() {
    let mut config = config(WITH_B);
    config.profile = Profile {
        space: 0,
        high_tier: false,
        idc: 1,
        compatibility: 0x6000_0000,
        constraints: [0xB0, 0, 0, 0, 0, 0],
        level: 93,
    };
    assert_eq!(config.codec_string(), "hvc1.1.6.L93.B0");
    config.profile = Profile {
        space: 1,
        high_tier: true,
        idc: 4,
        constraints: [0; 6],
        ..config.profile
    };
    assert_eq!(config.codec_string(), "hvc1.A4.6.H93");
}
