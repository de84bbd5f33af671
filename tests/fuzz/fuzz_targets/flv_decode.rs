//! Reading never panics, never hangs, keeps its memory bounded, and does not depend on how the bytes are cut.
#![no_main]

use flv::{AudioTag, Error, Item, Limits, Reader, VideoConfig, VideoKind, VideoTag};
use libfuzzer_sys::fuzz_target;

/// Small, so that the bound is met by small inputs.
const LIMITS: Limits = Limits { max_tag_size: 4096 };

/// One outcome of reading, with its data.
type Seen = (String, Vec<u8>);

fuzz_target!(|input: &[u8]| {
    // The last byte says how to cut, so that real files serve as seeds.
    let Some((&last, bytes)) = input.split_last() else {
        return;
    };
    let piece = usize::from(last) + 1;
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(whole, read(bytes, piece), "pieces of {piece}");

    let mut reader = Reader::new(LIMITS);
    let mut from_slices = Vec::new();
    let mut config = None;
    for mut slice in bytes.chunks(piece * 16) {
        loop {
            let next = reader.next_in(&mut slice);
            if matches!(next, Ok(None)) {
                break;
            }
            if let Ok(Some(item)) = &next {
                look_inside(item, &mut config);
            }
            from_slices.push(note(next));
        }
        assert!(slice.is_empty());
    }
    assert_eq!(whole, from_slices, "slices of {}", piece * 16);
});

fn read(bytes: &[u8], piece: usize) -> Vec<Seen> {
    let mut reader = Reader::new(LIMITS);
    let mut seen = Vec::new();
    for chunk in bytes.chunks(piece) {
        reader.push(chunk);
        loop {
            let next = reader.next();
            if matches!(next, Ok(None)) {
                break;
            }
            seen.push(note(next));
        }
        assert!(
            reader.buffered() <= LIMITS.max_tag_size + 64,
            "{} bytes kept",
            reader.buffered()
        );
    }
    // A tag gives one item and at most one report before it; with garbage in between, a loss and a find.
    assert!(seen.len() <= bytes.len() + 2);
    seen
}

fn note(next: Result<Option<Item<'_>>, Error>) -> Seen {
    match next {
        Ok(Some(Item::Video(tag))) => (
            format!("{:?}", VideoTag { data: &[], ..tag }),
            tag.data.to_vec(),
        ),
        Ok(Some(Item::Audio(tag))) => (
            format!("{:?}", AudioTag { data: &[], ..tag }),
            tag.data.to_vec(),
        ),
        other => (format!("{other:?}"), Vec::new()),
    }
}

/// What a viewer does with a video tag.
fn look_inside(item: &Item<'_>, config: &mut Option<VideoConfig>) {
    let Item::Video(tag) = item else { return };
    match tag.kind {
        VideoKind::SequenceHeader => {
            *config = VideoConfig::parse(tag.codec, tag.data)
                .ok()
                .or(config.take())
        }
        VideoKind::AccessUnit => {
            let Some(config) = config else { return };
            let mut out = Vec::new();
            config.has_b_frames(tag.data);
            let _ = config.write_annexb(tag.data, tag.key, true, &mut out);
            let _ = (
                config.size(),
                config.codec_string(),
                config.without_reordering(),
            );
        }
        VideoKind::EndOfSequence => {}
    }
}
