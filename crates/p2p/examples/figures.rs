//! Measures this crate on this machine and prints the table of its README: `cargo run -p p2p --example figures`.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use p2p::{
    Access, Body, BoxFuture, Endpoint, Identity, Options, Priority, Request, Response, Role,
    Service,
};
use wire::address::Address;
use wire::id::PeerId;

const SLOW_VIEWERS: usize = 50;

/// Lets everybody in: a measurement, not a camera.
struct Everybody;

impl Access for Everybody {
    fn admits(&self, _viewer: &PeerId) -> bool {
        true
    }

    fn pair(&self, _viewer: &PeerId, _request: &wire::pair::Request) -> bool {
        false
    }
}

struct Answers;

impl Service for Answers {
    fn call(&self, request: Request) -> BoxFuture<Response> {
        Box::pin(async move {
            let (picture, pause) = match request.target.as_str() {
                "/live" => (8 * 1024, Duration::from_millis(5)),
                "/download" => (64 * 1024, Duration::ZERO),
                _ => return Response::new(200, vec![b'a'; 200]),
            };
            let (sender, body) = Body::channel(4);
            tokio::spawn(async move {
                let picture = p2p::Chunk::from(vec![1; picture]);
                while sender.send(picture.clone()).await.is_ok() {
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                }
            });
            Response::new(200, body)
        })
    }
}

fn options(role: Role) -> Options {
    Options {
        lan: false,
        ..Options::new(Identity::ephemeral().unwrap(), role)
    }
}

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some("camera") {
        camera().await;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("camera")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let (id, port) = line.split_once(' ').unwrap();
    let mut address = Address::new(id.parse().unwrap());
    address
        .addrs
        .push(([127, 0, 0, 1], port.parse().unwrap()).into());

    println!("| | p50 | p95 |\n|---|---|---|");
    cold(&address).await;
    warm(&address).await;
    download(&address).await;
    memory(&address, child.id()).await;
    let _ = child.kill();
    let _ = child.wait();
}

async fn camera() -> ! {
    let endpoint = Endpoint::bind(options(Role::Camera)).await.unwrap();
    let _server = endpoint.serve(Arc::new(Everybody), Arc::new(Answers));
    let port = endpoint
        .ports()
        .iter()
        .find(|socket| socket.is_ipv4())
        .unwrap()
        .port();
    println!("{} {port}", endpoint.id());
    std::io::stdout().flush().unwrap();
    std::future::pending().await
}

fn row(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("| {what} | {:.2?} | {:.2?} |", at(0.5), at(0.95));
}

/// A new session each time: dial, handshake, first request.
async fn cold(address: &Address) {
    let viewer = Endpoint::bind(options(Role::Viewer)).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..40 {
        let start = Instant::now();
        let session = viewer.session(address.clone());
        let response = session.request(Request::get("/command")).await.unwrap();
        response.body.read_to_end(200).await.unwrap();
        times.push(start.elapsed());
        session.close();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    row("dial, handshake and first answer", times);
}

async fn warm(address: &Address) {
    let viewer = Endpoint::bind(options(Role::Viewer)).await.unwrap();
    let session = viewer.session(address.clone());
    session.keep_warm(true);
    let mut request = Vec::new();
    let mut first_byte = Vec::new();
    for round in 0..1000 {
        let start = Instant::now();
        let response = session.request(Request::get("/command")).await.unwrap();
        response.body.read_to_end(200).await.unwrap();
        request.push(start.elapsed());
        if round % 10 == 0 {
            let start = Instant::now();
            let live = Request::get("/live").priority(Priority::Video);
            let mut body = session.request(live).await.unwrap().body;
            body.chunk().await.unwrap().unwrap();
            first_byte.push(start.elapsed());
        }
    }
    row("request and 200 byte answer, warm", request);
    row("live request to first byte, warm", first_byte);
}

async fn download(address: &Address) {
    const BYTES: usize = 200 << 20;
    let viewer = Endpoint::bind(options(Role::Viewer)).await.unwrap();
    let session = viewer.session(address.clone());
    let request = Request::get("/download").priority(Priority::Download);
    let mut body = session.request(request).await.unwrap().body;
    let start = Instant::now();
    let mut bytes = 0;
    while bytes < BYTES {
        bytes += body.chunk().await.unwrap().unwrap().len();
    }
    let rate = bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("| download of 200 MiB | {rate:.0} MB/s | |");
}

/// What viewers who do not read cost the camera.
async fn memory(address: &Address, camera: u32) {
    let mut kept = Vec::new();
    let mut keys = HashSet::new();
    let mut before = resident(camera);
    for step in [0, SLOW_VIEWERS] {
        for _ in 0..step {
            let viewer = Endpoint::bind(options(Role::Viewer)).await.unwrap();
            keys.insert(viewer.id());
            let session = viewer.session(address.clone());
            let live = Request::get("/live").priority(Priority::Video);
            let response = session.request(live).await.unwrap();
            kept.push((viewer, session, response));
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        if step == 0 {
            before = resident(camera);
        }
    }
    let grown = resident(camera).saturating_sub(before);
    println!(
        "| memory of {} viewers that do not read, each | {} KB | |",
        keys.len(),
        grown / keys.len().max(1)
    );
}

/// Resident memory of a process, KB.
fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}
