//! Reading a URL never panics, and what was read is written so that it reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::Target;
use wire::stream::{MAX_URL_BYTES, StreamRequest};

/// Tried in front of the input, so that the depth is reached without luck.
const HEADS: [&str; 9] = [
    "",
    "/ipc.p2p.com/ipc.flv?action=live&",
    "/ipc.p2p.com/ipc.flv?action=playback&start_time=1&",
    "/ipc.p2p.com/ipc.flv?action=playback&start_time=1&end_time=9&session=",
    "/ipc.p2p.com/ipc.flv?action=thumbnail&time=",
    "/ipc.p2p.com/ipc.flv?action=download&file_name=",
    "/ipc.p2p.com/ipc.flv?action=download&start_time=",
    "/ipc.p2p.com/voice?",
    "http://127.0.0.1:1/a.xnet/ipc.p2p.com/",
];

fuzz_target!(|input: &[u8]| {
    let Ok(tail) = std::str::from_utf8(input) else { return };
    for head in HEADS {
        let text = format!("{head}{tail}");
        match StreamRequest::parse(&text) {
            Ok(request) => {
                let path = request.to_path();
                assert!(path.is_ascii(), "{path}");
                if path.len() <= MAX_URL_BYTES {
                    assert_eq!(StreamRequest::parse(&path).as_ref(), Ok(&request), "{path}");
                    assert_eq!(Target::parse(&path), Ok(Target::Stream(request)), "{path}");
                }
            }
            // Bounded, whatever was sent.
            Err(error) => assert!(error.to_string().len() < 2000, "{error}"),
        }
        let _ = Target::parse(&text);
    }
});
