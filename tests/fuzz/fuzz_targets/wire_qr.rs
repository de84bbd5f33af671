//! Reading a QR code or a label never panics, and what was read is written so that it reads back the same.
#![no_main]

mod examples;

use libfuzzer_sys::fuzz_target;
use wire::label::{Label, MAX_LABEL_BYTES};
use wire::qr::{self, MAX_QR_BYTES};

/// Tried in front of the input, so that the depth is reached without luck.
const HEADS: [&str; 4] = [
    "",
    "09Home-WiFi",
    "{\"token\":\"00112233445566778899aabbccddeeff\",\"ssid\":\"Home\",",
    "WIFI:S:",
];

fuzz_target!(|input: &str| {
    for head in HEADS {
        check(&format!("{head}{input}"));
    }
    for block in ["qr-text", "qr-json", "labels"] {
        if let Some(code) = examples::spliced(block, input.as_bytes()) {
            check(&String::from_utf8_lossy(&code));
        }
    }
});

fn check(text: &str) {
    if let Ok(join) = qr::parse(text) {
        let json = qr::to_json(&join);
        if json.len() <= MAX_QR_BYTES {
            assert_eq!(qr::parse(&json).as_ref(), Ok(&join), "{json}");
        }
        // The text form carries the network and the token, and nothing else.
        if let Ok(written) = qr::to_text(&join) {
            let read = qr::parse(&written).expect("what was written reads");
            assert_eq!(
                (&read.ssid, &read.passphrase, &read.token),
                (&join.ssid, &join.passphrase, &join.token)
            );
        }
    }
    if let Ok(label) = text.parse::<Label>() {
        let written = label.to_text();
        if written.len() <= MAX_LABEL_BYTES {
            assert_eq!(written.parse::<Label>().as_ref(), Ok(&label), "{written}");
        }
    }
}
