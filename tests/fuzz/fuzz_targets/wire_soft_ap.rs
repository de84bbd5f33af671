//! Reading a softAP datagram never panics, and what was read is written so that it reads back the same. Neither end's
//! engine panics over it or answers without bound.
#![no_main]

mod examples;

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use provision::{Log, camera, viewer};
use wire::device::Device;
use wire::soft_ap::{Cause, RECEIVE_LIMIT, Reply, Request};

/// Tried in front of the input, so that the depth is reached without luck.
const HEADS: [&str; 6] = [
    "",
    "{\"cmdType\":0,\"token\":\"00112233445566778899aabbccddeeff\",",
    "{\"cmdType\":1,\"token\":\"00112233445566778899aabbccddeeff\",\"ssid\":\"Home\",",
    "{\"cmdType\":1,\"token\":\"00112233445566778899aabbccddeeff\",\"ssidHex\":\"",
    "{\"cmdType\":2,\"productId\":\"ABCDE12345\",\"deviceName\":\"cam_01\",",
    "{\"cmdType\":2,\"deviceReply\":\"Current_Error\",\"log\":\"",
];

fuzz_target!(|input: &[u8]| {
    for head in HEADS {
        check(&[head.as_bytes(), input].concat());
        check(&[head.as_bytes(), input, b"\"}"].concat());
    }
    engines(input);
    if let Some(datagram) = examples::spliced("softap", input) {
        check(&datagram);
        engines(&datagram);
    }
});

/// Each line of the input is a datagram, 700 ms after the one before.
fn engines(input: &[u8]) {
    let mut now = Instant::now();
    let identity = camera::Identity {
        device: Device::new("ABCDE12345", "cam_01").expect("a device"),
        region: None,
        camera: None,
    };
    let config = camera::Config {
        identity,
        previous: Vec::new(),
        log: Log::new(now),
        keeps_hotspot: input.len() % 2 == 0,
    };
    let mut camera = camera::Engine::new(now, config);
    camera.open(now);
    let mut viewer = HEADS[2].to_owned();
    viewer.push_str("\"x\":1}");
    let request = Request::decode(viewer.as_bytes()).expect("a request");
    let config = viewer::Config {
        request,
        dialect: viewer::Dialect::DOCUMENTS,
        follow: true,
    };
    let mut viewer = viewer::Engine::new(now, config).expect("fits");
    for (port, datagram) in (1..).zip(input.split(|byte| *byte == b'\n').take(200)) {
        now += Duration::from_millis(700);
        camera.handle_datagram(now, ([192, 168, 4, 2], port).into(), datagram);
        viewer.handle_datagram(now, datagram);
        while camera.poll_event().is_some() || viewer.poll_event().is_some() {}
        let sent = std::iter::from_fn(|| camera.poll_transmit()).count();
        assert!(sent <= 100, "{sent} datagrams at once");
        assert!(std::iter::from_fn(|| viewer.poll_transmit()).count() <= 3);
        assert!(camera.poll_timeout().is_none_or(|at| at > now));
    }
    assert!(camera.errors_to_keep().len() <= 16);
}

fn check(datagram: &[u8]) {
    match Request::decode(datagram) {
        // Writing fills in what reading may leave out, so that it can be longer: then it must say so.
        Ok(request) => {
            if let Ok(written) = request.encode() {
                assert!(written.len() <= RECEIVE_LIMIT);
                assert_eq!(Request::decode(&written).as_ref(), Ok(&request));
            }
        }
        Err(error) => assert!(error.to_string().len() < 2000, "{error}"),
    }
    if let Ok(reply) = Reply::decode(datagram) {
        let written = reply.encode();
        // A text of control characters takes six bytes for each; it may be too long to be read again.
        if written.len() <= RECEIVE_LIMIT {
            assert_eq!(Reply::decode(&written).as_ref(), Ok(&reply));
        }
        if let Reply::Error(error) = &reply
            && let Some(fault) = error.fault
        {
            let cause = Cause::from_fault(fault);
            assert_eq!(Cause::from_fault(cause.to_fault()), cause);
        }
    }
}
