//! The local gateway as other programs meet it, and as a foreign web page would.

use crate::two_programs::camera;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use tests::programs::{PATIENCE, Viewer};

/// The status that the gateway answers to a GET of `path` with these headers.
fn status(address: &str, path: &str, host: &str, more: &str) -> u16 {
    let mut socket = TcpStream::connect(address).expect("the gateway listens");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a time limit");
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n")
        .expect("the request goes out");
    let mut start = [0; 12];
    socket.read_exact(&mut start).expect("a status line");
    let line = String::from_utf8_lossy(&start).into_owned();
    line.rsplit(' ')
        .next()
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status: {line}"))
}

#[test]
fn the_gateway_serves_its_own_key_host_and_no_web_page() {
    let camera = camera();
    let viewer = Viewer::paired(&camera);
    let gateway = viewer.gateway();
    let rest = gateway.url().strip_prefix("http://").expect("a plain URL");
    let (address, path) = rest.split_once('/').expect("a path");
    let path = format!("/{path}");
    let key = path.split('/').nth(1).expect("the key");
    assert!(key.len() >= 16, "a guessable key: {key}");
    assert_eq!(status(address, &path, address, ""), 200);
    let port = address.rsplit(':').next().unwrap_or_default();
    assert_eq!(
        status(address, &path, &format!("localhost:{port}"), ""),
        200
    );
    let foreign_key = path.replace(key, &"0".repeat(key.len()));
    assert_eq!(
        status(address, &foreign_key, address, ""),
        403,
        "a wrong key"
    );
    assert_eq!(status(address, "/", address, ""), 403, "no key");
    assert_eq!(
        status(address, &path, "evil.example", ""),
        403,
        "a foreign host"
    );
    assert_eq!(
        status(address, &path, &format!("evil.example:{port}"), ""),
        403,
        "a rebound name"
    );
    assert_eq!(
        status(address, &path, address, "Origin: https://evil.example\r\n"),
        403,
        "a foreign origin"
    );
    assert_eq!(
        status(address, &path, address, "Origin: null\r\n"),
        403,
        "a sandboxed page"
    );
}
