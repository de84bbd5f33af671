//! Parameter sets and records: reading never panics, and the rewrite changes the reordering and nothing else.
#![no_main]

use flv::aac::AudioSpecificConfig;
use flv::opus::OpusHead;
use flv::{VideoCodec, VideoConfig, avc, hevc, nal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for nal in nal::split_annexb(input).chain([input]) {
        avc_sps(nal);
        hevc_sps(nal);
    }
    let _ = hevc::Vps::parse(input);
    let _ = OpusHead::parse(input);
    if let Ok(config) = AudioSpecificConfig::parse(input)
        && let Some(short) = config.to_bytes()
    {
        let again = AudioSpecificConfig::parse(&short).unwrap();
        assert_eq!(
            (again.sample_rate, again.channels),
            (config.sample_rate, config.channels)
        );
    }
    for codec in [VideoCodec::H264, VideoCodec::Hevc] {
        if let Ok(config) = VideoConfig::parse(codec, input) {
            assert_eq!(
                VideoConfig::parse(codec, &config.to_bytes()),
                Ok(config.clone())
            );
            config.has_b_frames(input);
            if let Some(changed) = config.without_reordering() {
                assert_eq!(changed.without_reordering(), None);
                assert_eq!(changed.size(), config.size());
            }
        }
        let _ = VideoConfig::from_annexb(codec, input);
    }
});

fn avc_sps(input: &[u8]) {
    let Ok(before) = avc::Sps::parse(input) else {
        return;
    };
    let Some(rewritten) = avc::remove_reordering(input) else {
        return;
    };
    let after = avc::Sps::parse(&rewritten).expect("a rewritten SPS reads");
    assert_eq!(
        (after.width, after.height, after.level),
        (before.width, before.height, before.level)
    );
    let restriction = after
        .vui
        .and_then(|vui| vui.restriction)
        .expect("a rewritten SPS is restricted");
    assert_eq!(restriction.max_num_reorder_frames, 0);
    assert_eq!(
        restriction.max_dec_frame_buffering,
        u32::from(before.max_num_ref_frames)
    );
    assert_eq!(
        after.vui.map(|vui| vui.timing),
        before.vui.map(|vui| vui.timing).or(Some(None))
    );
    assert_eq!(avc::remove_reordering(&rewritten), None, "once is enough");
}

fn hevc_sps(input: &[u8]) {
    let Ok(before) = hevc::Sps::parse(input) else {
        return;
    };
    let Some(rewritten) = hevc::remove_reordering(input) else {
        return;
    };
    let after = hevc::Sps::parse(&rewritten).expect("a rewritten SPS reads");
    assert_eq!(
        (after.width, after.height, after.profile),
        (before.width, before.height, before.profile)
    );
    assert_eq!(after.ordering.len(), before.ordering.len());
    for (after, before) in after.ordering.iter().zip(&before.ordering) {
        assert_eq!(after.max_num_reorder_pics, 0);
        assert_eq!(after.max_dec_pic_buffering, before.max_dec_pic_buffering);
        assert_eq!(
            after.max_latency_increase_plus1,
            before.max_latency_increase_plus1
        );
    }
    assert_eq!(hevc::remove_reordering(&rewritten), None, "once is enough");
}
