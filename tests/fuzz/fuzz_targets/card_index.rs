//! Reading a card's index never panics, and gives records only that were written.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The camera's own source, without the camera: its transport would be built with it.
#[path = "../../../firmware/src/card/record.rs"]
mod record;

use record::{RECORD, Record, What};

fuzz_target!(|input: &[u8]| {
    let contents = record::parse(input);
    assert!(contents.records.len() + contents.damaged <= input.len().div_ceil(RECORD));

    let Some((&[what, label, number, bytes, at, bit], rest)) = input.split_first_chunk() else {
        return;
    };
    let start_ms = rest.iter().take(6).fold(0, |ms, byte| ms << 8 | i64::from(*byte));
    let written = Record {
        what: [What::Segment, What::Picture, What::Deleted, What::Event][usize::from(what) % 4],
        label,
        number: u64::from(number) << (what % 56),
        start_ms,
        end_ms: start_ms + i64::from(bytes),
        bytes: u64::from(bytes),
        sha256: (what & 0x80 != 0).then_some([number; 32]),
    };
    let mut file = written.to_bytes();
    assert_eq!(Record::parse(&file), Some(written));
    file[usize::from(at) % RECORD] ^= 1 << (bit % 8);
    assert_eq!(Record::parse(&file), None);
});
