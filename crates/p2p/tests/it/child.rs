//! A camera or a viewer in a process of its own, to be killed and stopped like a real one: this test program again.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use p2p::{Endpoint, Identity, Options, Priority, Request, Role};
use wire::address::Address;
use wire::id::PeerId;

use crate::support::{Desk, Guests, options};

const ROLE: &str = "P2P_TEST_ROLE";

pub(crate) struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(role: &str, variables: &[(&str, String)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::role", "--nocapture"])
            .env(ROLE, role)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// A camera at `port` with the identity in `dir`, that serves `viewer`.
    pub(crate) fn camera(dir: &std::path::Path, port: u16, viewer: PeerId) -> Self {
        let mut process = Self::start(
            "camera",
            &[
                ("P2P_TEST_DIR", dir.display().to_string()),
                ("P2P_TEST_PORT", port.to_string()),
                ("P2P_TEST_PEER", viewer.to_string()),
            ],
        );
        process.wait_for("ready");
        process
    }

    /// A viewer that watches `/live?20` of a camera, whatever happens.
    pub(crate) fn viewer(dir: &std::path::Path, camera: PeerId, at: SocketAddr) -> Self {
        Self::start(
            "viewer",
            &[
                ("P2P_TEST_DIR", dir.display().to_string()),
                ("P2P_TEST_PORT", at.port().to_string()),
                ("P2P_TEST_PEER", camera.to_string()),
            ],
        )
    }

    pub(crate) fn wait_for(&mut self, start: &str) {
        // The test harness may have begun the line.
        assert!(
            self.lines.any(|line| line.unwrap().contains(start)),
            "the process ended"
        );
    }

    /// STOP, CONT or KILL.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does nothing, unless this process is a child.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role() {
    match std::env::var(ROLE).as_deref() {
        Ok("camera") => camera().await,
        Ok("viewer") => viewer().await,
        _ => {}
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn identity() -> Identity {
    Identity::load_or_create(&std::path::Path::new(&variable("P2P_TEST_DIR")).join("identity.key"))
        .unwrap()
}

async fn camera() {
    let bind_port = variable("P2P_TEST_PORT").parse().unwrap();
    let endpoint = Endpoint::bind(Options {
        identity: identity(),
        bind_port,
        ..options(Role::Camera)
    })
    .await
    .unwrap();
    let guests = Guests::default();
    guests
        .known
        .lock()
        .unwrap()
        .insert(variable("P2P_TEST_PEER").parse().unwrap());
    let (seen, _keep) = tokio::sync::mpsc::unbounded_channel();
    let _server = endpoint.serve(Arc::new(guests), Arc::new(Desk { seen }));
    println!("\nready");
    std::future::pending().await
}

async fn viewer() {
    let endpoint = Endpoint::bind(Options {
        identity: identity(),
        ..options(Role::Viewer)
    })
    .await
    .unwrap();
    let mut address = Address::new(variable("P2P_TEST_PEER").parse().unwrap());
    address
        .addrs
        .push(([127, 0, 0, 1], variable("P2P_TEST_PORT").parse().unwrap()).into());
    let session = endpoint.session(address);
    session.keep_warm(true);
    loop {
        match session
            .request(Request::get("/live?20").priority(Priority::Video))
            .await
        {
            Ok(mut response) => while let Some(Ok(_)) = response.body.chunk().await {},
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
