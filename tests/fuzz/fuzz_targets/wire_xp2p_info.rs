//! Reading an xp2pInfo or an address never panics, and what was read is written so that it reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::address::{Address, MAX_BYTES};
use wire::xp2p_info::{MAX_TEXT_BYTES, Xp2pInfo};

fuzz_target!(|input: &[u8]| {
    address(input);
    // The same behind a form and an id, so that the entries are reached without luck.
    address(&[&[1; 33], input].concat());

    // Every address that fits is carried.
    if !input.is_empty() && input.len() <= 1024 {
        text(&Xp2pInfo { address: input.to_vec(), version: "0.1.0".into() }.to_string());
    }
    if let Ok(tail) = std::str::from_utf8(input) {
        text(tail);
        text(&format!("XP2P{tail}"));
        text(&format!("XP2PAQ==%{tail}"));
    }
});

fn address(bytes: &[u8]) {
    if let Ok(address) = Address::from_bytes(bytes) {
        let bytes = address.to_bytes();
        assert!(bytes.len() <= MAX_BYTES);
        assert_eq!(Address::from_bytes(&bytes), Ok(address));
    }
}

fn text(text: &str) {
    match text.parse::<Xp2pInfo>() {
        Ok(info) => {
            let text = info.to_string();
            if text.len() <= MAX_TEXT_BYTES {
                assert_eq!(text.parse().as_ref(), Ok(&info), "{text}");
            }
            address(&info.address);
        }
        Err(error) => assert!(error.to_string().len() < 2000, "{error}"),
    }
}
