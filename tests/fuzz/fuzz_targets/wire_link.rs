//! Reading a pairing link never panics, and what was read is written so that it reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::link::{Link, MAX_LINK_BYTES};

const ID: &str = "porthole:abababababababababababababababababababababababababababababababab";

fuzz_target!(|input: &[u8]| {
    let Ok(tail) = std::str::from_utf8(input) else { return };
    check(tail);
    // The same behind an id, so that the pairs are reached without luck.
    check(&format!("{ID}?{tail}"));
    check(&format!("{ID}?secret=gaytemzugu3doobzmfrggzdfmy&addr={tail}"));
    check(&format!("{ID}?relay=https://r/&name={tail}"));
});

fn check(text: &str) {
    match text.parse::<Link>() {
        Ok(link) => {
            let text = link.to_string();
            assert!(text.bytes().all(|b| b.is_ascii_graphic()), "{text}");
            if text.len() <= MAX_LINK_BYTES {
                assert_eq!(text.parse().as_ref(), Ok(&link), "{text}");
            }
            if let Some(secret) = &link.secret {
                assert!(!format!("{link:?}").contains(&secret.to_text()));
            }
        }
        Err(error) => assert!(error.to_string().len() < 2000, "{error}"),
    }
}
