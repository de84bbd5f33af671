//! A camera fresh from its box and a viewer with its own hub, in a simulated world of Wi-Fi: both real programs.

use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;
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

/// A house: its Wi-Fi, a phone that is on it, and a camera with its hotspot open.
pub(crate) struct House {
    world: TempDir,
    pub(crate) camera: Camera,
    label: Value,
    pub(crate) phone: Viewer,
}

impl House {
    fn new(network: Value) -> Self {
        let world = tempfile::tempdir().expect("a folder for the world");
        let rules = json!({ "joined": { "phone": HOME } });
        let write = |name: &str, value: &Value| {
            std::fs::write(world.path().join(name), value.to_string()).expect("the world");
        };
        write("networks.json", &json!([network]));
        write("world.json", &rules);
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
