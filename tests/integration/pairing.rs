//! A camera fresh from its box and a viewer with its own hub, in a simulated world of Wi-Fi: both real programs.

use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::places;
use tests::programs::{Camera, Folder, Outcome, PATIENCE, Running, Viewer, finish};
use tests::watching::frames_of;

/// Longest that a pairing may take here: two programs, a hub and everybody else's tests on a few cores.
const PAIRING: Duration = Duration::from_secs(150);
const HOME: &str = "Home";
const PASSWORD: &str = "abcd1234";
/// Exit codes of `porthole`, as its `--help` lists them.
const NOT_JOINED: i32 = 15;
const PAIRING_ENDED: i32 = 17;
const NOT_THERE: i32 = 14;

/// A house: its Wi-Fi, a phone that is on it, and a camera with its hotspot open.
pub(crate) struct House {
    world: TempDir,
    pub(crate) camera: Camera,
    label: Value,
    pub(crate) phone: Viewer,
}

impl House {
    fn new(network: Value) -> Self {
        let world = world(network);
        let folder = Folder::temporary();
        let mut printing = Command::new(places::program("firmware", "porthole-camera"));
        printing
            .args(["--json", "--data"])
            .arg(folder.path().join("data"))
            .arg("label");
        let label = finish(&mut printing, PATIENCE).succeeded().json();
        let radio = format!("sim:{}:camera", world.path().display());
        let camera = Camera::start_in(folder, &["--name", "Porch", "--radio", &radio, "--setup"]);
        Self {
            world,
            camera,
            label,
            phone: Viewer::new(),
        }
    }

    /// A house whose network is as it should be.
    pub(crate) fn good() -> Self {
        Self::new(json!({ "ssid": HOME, "passphrase": PASSWORD }))
    }

    /// `porthole pair` with this password, not started.
    fn pairing(&self, password: &str) -> Command {
        let secrets = self.phone.path("secrets");
        let hotspot_password = self.label["passphrase"].as_str().unwrap_or_default();
        std::fs::write(&secrets, format!("{password}\n{hotspot_password}\n")).expect("secrets");
        let radio = format!("sim:{}:phone", self.world.path().display());
        let hotspot = self.label["ssid"].as_str().unwrap_or_default();
        let mut command = self.phone.command(&[
            "--json",
            "--radio",
            &radio,
            "pair",
            "--ssid",
            HOME,
            "--password-stdin",
            "--hotspot",
            hotspot,
            "--hotspot-password-stdin",
            "--name",
            "front",
        ]);
        command.stdin(File::open(secrets).expect("the secrets"));
        command
    }

    /// Pairs through a hub elsewhere, by its invitation.
    pub(crate) fn pair_at(&self, invitation: &str) -> Outcome {
        let mut command = self.pairing(PASSWORD);
        command.arg(format!("--hub={invitation}"));
        finish(&mut command, PAIRING)
    }

    fn pair(&self, password: &str) -> Outcome {
        let outcome = finish(&mut self.pairing(password), PAIRING);
        println!("{}{}", outcome.stderr, outcome.text());
        for secret in [password, self.label["passphrase"].as_str().unwrap_or("?")] {
            assert!(!outcome.stderr.contains(secret), "a secret is told");
            assert!(!self.camera.log().contains(secret), "a secret is logged");
        }
        outcome
    }
}

/// A folder of simulated Wi-Fi with this network, and a phone on it.
fn world(network: Value) -> TempDir {
    let world = tempfile::tempdir().expect("a folder for the world");
    let write = |name: &str, value: &Value| {
        std::fs::write(world.path().join(name), value.to_string()).expect("the world");
    };
    write("networks.json", &json!([network]));
    write("world.json", &json!({ "joined": { "phone": HOME } }));
    world
}

/// What the failure that ended a pairing is called.
fn failed(outcome: &Outcome) -> Value {
    let lines = outcome
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut told = lines.filter(|line: &Value| line["failed"].is_string());
    told.next_back()
        .unwrap_or_else(|| panic!("no failure in: {}", outcome.stderr))
}

fn ms(line: &Value) -> u64 {
    line["elapsedMs"]
        .as_u64()
        .unwrap_or_else(|| panic!("no time in {line}"))
}

#[test]
fn a_camera_from_its_box_is_paired_through_its_hotspot_and_watched() {
    let house = House::good();
    let paired = house.pair(PASSWORD).succeeded().json();
    println!("paired in {} ms: {}", ms(&paired), paired["steps"]);
    let id = paired["camera"]["id"].as_str().unwrap_or_default();
    assert!(house.camera.link.contains(id), "{id} is another camera");
    let live = ["live", "front", "-o", "-", "--seconds", "3"];
    let (frames, decoding) = frames_of(&house.phone.run(&live).succeeded().stdout);
    assert_eq!(decoding.reports, Vec::<String>::new());
    assert!(frames.len() > 30, "{} pictures in 3 s", frames.len());
    // Its hotspot is closed: nobody else can set it up.
    let radio = format!("sim:{}:other", house.world.path().display());
    let scan = ["--json", "--radio", &radio, "wifi", "scan"];
    let seen = Viewer::new().run(&scan).succeeded().json();
    let networks = seen["networks"].as_array().expect("networks");
    assert!(
        networks.iter().all(|network| network["camera"] == false),
        "{seen}"
    );
}

/// A camera without a radio of ours that is open on the network of this machine.
#[test]
fn a_camera_on_the_network_is_paired_by_the_token_alone() {
    let socket = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.local_addr());
    let port = socket.expect("a free port").port();
    let setup_port = port.to_string();
    let options = [
        "--setup",
        "--setup-port",
        &setup_port,
        "--setup-log-port",
        "0",
    ];
    let camera = Camera::start(&options);
    let phone = Viewer::new();
    let place = format!("127.0.0.1:{port}");
    let mut command = phone.command(&["--json", "pair", "--on-network", &place, "--name", "front"]);
    let outcome = finish(&mut command, PAIRING);
    println!("{}{}", outcome.stderr, outcome.text());
    let paired = outcome.succeeded().json();
    let id = paired["camera"]["id"].as_str().unwrap_or_default();
    assert!(camera.link.contains(id), "{id} is another camera");
    // Nobody listens there any more, as soon as the camera has put its setup away.
    let deadline = Instant::now() + PAIRING;
    loop {
        let mut again = Viewer::new().command(&["--json", "pair", "--on-network", &place]);
        let outcome = finish(&mut again, PAIRING);
        if outcome.code == Some(NOT_THERE) {
            assert_eq!(failed(&outcome)["failed"], "camera_not_open");
            return;
        }
        assert_eq!(failed(&outcome)["failed"], "camera_setup_stopped");
        assert!(Instant::now() < deadline, "{}", outcome.stderr);
    }
}

/// The viewer prints a code; it stands before the lens of a camera, which finds it in its own pictures.
#[test]
fn a_code_that_the_viewer_prints_is_read_by_the_cameras_lens() {
    let world = world(json!({ "ssid": HOME, "passphrase": PASSWORD }));
    let phone = Viewer::new();
    let secrets = phone.path("secrets");
    std::fs::write(&secrets, format!("{PASSWORD}\n")).expect("secrets");
    let mut command = phone.command(&[
        "--json",
        "pair",
        "--show-code",
        "--ssid",
        HOME,
        "--password-stdin",
        "--name",
        "front",
    ]);
    command.stdin(File::open(secrets).expect("the secrets"));
    let mut process = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let stderr = process.child().stderr.take().expect("its errors are piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let code = lines
        .find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            Some(line["code"].as_str()?.to_owned())
        })
        .expect("it prints its code");
    let radio = format!("sim:{}:camera", world.path().display());
    let camera = Camera::start(&["--radio", &radio, "--setup", "--show-code", &code]);
    let status = process.wait(PAIRING).expect("it ends");
    assert_eq!(status.code(), Some(0), "{:?}", lines.collect::<Vec<_>>());
    let list = phone.run(&["list", "--json"]).succeeded().json();
    let id = list[0]["id"].as_str().unwrap_or_default();
    assert!(camera.link.contains(id), "{list}");
    assert!(!camera.log().contains(PASSWORD), "a secret is logged");
}

#[test]
fn a_wrong_password_is_told_soon_and_the_right_one_pairs() {
    let house = House::good();
    let outcome = house.pair("abcd1235");
    assert_eq!(outcome.code, Some(NOT_JOINED), "{}", outcome.stderr);
    let told = failed(&outcome);
    assert_eq!(told["failed"], "network_wrong_password");
    println!("told after {} ms", ms(&told));
    assert!(ms(&told) < 60_000, "{told}");
    house.pair(PASSWORD).succeeded();
}

#[test]
fn a_network_out_of_range_is_not_found() {
    let house = House::new(json!({ "ssid": HOME, "passphrase": PASSWORD, "in_range": false }));
    let outcome = house.pair(PASSWORD);
    assert_eq!(outcome.code, Some(NOT_JOINED), "{}", outcome.stderr);
    assert_eq!(failed(&outcome)["failed"], "network_not_found");
}

#[test]
fn a_network_without_dhcp_gives_no_address() {
    let house = House::new(json!({ "ssid": HOME, "passphrase": PASSWORD, "dhcp": false }));
    let outcome = house.pair(PASSWORD);
    assert_eq!(outcome.code, Some(NOT_JOINED), "{}", outcome.stderr);
    assert_eq!(failed(&outcome)["failed"], "network_no_address");
}

#[test]
fn a_pairing_that_is_stopped_ends_at_once_and_can_be_begun_again() {
    let house = House::good();
    let mut command = house.pairing(PASSWORD);
    let mut process = Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let stderr = process.child().stderr.take().expect("its errors are piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("join_hotspot")),
        "it never began"
    );
    process.signal("INT");
    let status = process.wait(PATIENCE).expect("it ends when it is told to");
    assert_eq!(status.code(), Some(PAIRING_ENDED));
    let list = house.phone.run(&["list", "--json"]).succeeded().json();
    assert_eq!(list.as_array().map(Vec::len), Some(0), "{list}");
    house.pair(PASSWORD).succeeded();
}
