//! Reading a registration, its headers, its answer or its payload never panics, opening a payload does not either, and
//! what was read is written so that it reads back the same.
#![no_main]

mod examples;

use libfuzzer_sys::fuzz_target;
use provision::{ProductSecret, credentials};
use wire::register::{Headers, HubRequest, MAX_BODY_BYTES, Payload, Request, Response};

/// Tried in front of the input, so that the depth is reached without luck.
const HEADS: [&str; 4] = [
    "",
    "{\"deviceName\":\"cam_01\",\"nonce\":1,\"productId\":\"ABCDE12345\",\"timestamp\":1,\"signature\":\"",
    "{\"ProductId\":\"ABCDE12345\",\"DeviceName\":\"cam_01\",",
    "{\"Response\":{\"RequestId\":\"r\",",
];

/// Decodes the body; what comes out must survive being encoded and decoded.
macro_rules! round_trip {
    ($body:expr, $($message:ty),+ $(,)?) => {
        $(if let Ok(message) = <$message>::decode($body) {
            let text = message.encode();
            if text.len() <= MAX_BODY_BYTES {
                assert_eq!(<$message>::decode(text.as_bytes()).as_ref(), Ok(&message), "{text}");
            }
        })+
    };
}

fuzz_target!(|input: &[u8]| {
    let secret: ProductSecret = "hzvf5LF9S0isvBhDSauWMaIk".parse().expect("long enough");
    for head in HEADS {
        check(&secret, &[head.as_bytes(), input].concat());
    }
    for block in [
        "register",
        "register-hub",
        "register-response",
        "register-payload",
    ] {
        if let Some(body) = examples::spliced(block, input) {
            check(&secret, &body);
        }
    }
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut values = text.splitn(4, '\n').map(Some);
    let headers = Headers::decode(std::array::from_fn(|_| values.next().flatten()));
    if let Ok(headers) = headers {
        let written = headers.values();
        let read = Headers::decode(written.each_ref().map(|value| Some(value.as_str())));
        assert_eq!(read, Ok(headers));
    }
    let _ = credentials::open(&secret, text);
});

fn check(secret: &ProductSecret, body: &[u8]) {
    round_trip!(body, Request, HubRequest, Response, Payload);
    if let Ok(request) = Request::decode(body) {
        let signed = credentials::is_signed(secret, &request);
        assert!(!signed, "a signature out of nothing");
    }
    if let Ok(Response::Registered { payload, .. }) = Response::decode(body) {
        let _ = credentials::open(secret, &payload);
    }
}
