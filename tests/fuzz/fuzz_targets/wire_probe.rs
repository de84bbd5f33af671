//! Reading a LAN datagram never panics, and what was read is written so that it reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::probe::{MAX_DATAGRAM_BYTES, Probe, ProbeMatch};

fuzz_target!(|input: &[u8]| {
    check(input);
    // The same behind a head that fits, so that the JSON is reached without luck.
    for kind in [1, 2] {
        let [low, high] = (input.len() as u16).to_le_bytes();
        check(&[&[kind, 0x10, low, high], input].concat());
    }
});

fn check(datagram: &[u8]) {
    // Reading ignores what it does not know, so that writing can be longer than what was read: then it must say so.
    if let Ok(probe) = Probe::decode(datagram)
        && let Ok(bytes) = probe.encode()
    {
        assert!(bytes.len() <= MAX_DATAGRAM_BYTES);
        assert_eq!(Probe::decode(&bytes), Ok(probe));
    }
    if let Ok(answer) = ProbeMatch::decode(datagram)
        && let Ok(bytes) = answer.encode()
    {
        assert!(bytes.len() <= MAX_DATAGRAM_BYTES);
        assert_eq!(ProbeMatch::decode(&bytes), Ok(answer));
    }
}
