//! Reading MQTT topics, user names, passwords and payloads never panics; what was read is written so that it reads back
//! the same.
#![no_main]

mod examples;

use libfuzzer_sys::fuzz_target;
use wire::login::{Password, Username};
use wire::thing::{Body, Direction, Kind, MAX_PAYLOAD_BYTES, Message, Topic};

fuzz_target!(|input: &[u8]| {
    everywhere(input);
    // The way and the topic in front of an example are not part of the payload.
    if let Some(line) = examples::spliced("thing", input)
        && let Some(start) = line.iter().position(|byte| *byte == b'{')
    {
        everywhere(&line[start..]);
    }
    // The same behind a head that fits, so that the body is reached without luck.
    for (method, direction, kind) in Body::METHODS {
        let head = format!("{{\"method\":\"{method}\",\"code\":0,");
        payload(*direction, *kind, &[head.as_bytes(), input].concat());
    }
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    names(text);
    names(&format!("$thing/up/service/{text}"));
    names(&format!("ABCDE12345cam_01;12010126;{text}"));
});

fn everywhere(input: &[u8]) {
    for direction in Direction::ALL {
        for kind in Kind::ALL {
            payload(direction, kind, input);
        }
    }
}

fn payload(direction: Direction, kind: Kind, payload: &[u8]) {
    let message = match Message::decode(direction, kind, payload) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.to_string().len() < 2000, "{error}");
            return;
        }
    };
    assert_eq!(message.place(), (direction, kind));
    let written = message.encode();
    if written.len() <= MAX_PAYLOAD_BYTES {
        let read = Message::decode(direction, kind, written.as_bytes());
        assert_eq!(read.as_ref(), Ok(&message), "{written}");
    }
}

fn names(text: &str) {
    if let Ok(topic) = text.parse::<Topic>() {
        assert_eq!(topic.to_string(), text);
    }
    if let Ok(name) = text.parse::<Username>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(password) = text.parse::<Password>() {
        assert_eq!(password.to_text(), text.to_ascii_lowercase());
    }
}
