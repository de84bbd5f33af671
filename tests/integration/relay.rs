//! No direct way between viewer and camera: the hub's relay, and one that only the camera's link names. All real programs.

use crate::pairing::House;
use hub::relay::{Config, Guests, Relay};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::places;
use tests::programs::{Camera, Outcome, PATIENCE, Running, Viewer, finish};
use tests::watching::frames_of;
use wire::id::PeerId;
use wire::link::Link;

/// Longest that a relay may take to be found and to let both ends in.
const RELAYED: Duration = Duration::from_secs(90);

/// `porthole-hub` with a relay, on loopback.
struct Hub {
    folder: tempfile::TempDir,
    _running: Running,
}

impl Hub {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let any = "127.0.0.1:0";
        let config = format!(
            "host = \"127.0.0.1\"\nhttp = \"{any}\"\nmqtt = \"{any}\"\n[relay]\nhttps = \"{any}\"\nquic = \"{any}\"\n"
        );
        std::fs::write(folder.path().join("hub.toml"), config).expect("the configuration");
        let mut command = Self::command(folder.path());
        command.arg("run").stdout(Stdio::piped());
        let mut running = Running::start(command.stderr(Stdio::null()));
        let stdout = running.child().stdout.take().expect("its output is piped");
        let first = BufReader::new(stdout).lines().map_while(Result::ok).next();
        assert!(first.is_some(), "the hub does not run");
        Self {
            folder,
            _running: running,
        }
    }

    fn command(folder: &std::path::Path) -> Command {
        let mut command = Command::new(places::program("hub", "porthole-hub"));
        command.arg("--dir").arg(folder);
        command
    }

    /// An invitation for a new owner.
    fn invitation(&self, owner: &str) -> String {
        let mut command = Self::command(self.folder.path());
        let told = finish(command.args(["owner", "add", owner]), PATIENCE).succeeded();
        let text = told.text();
        let mut words = text.split_whitespace();
        words
            .find(|word| word.starts_with("porthole-hub:"))
            .unwrap_or_else(|| panic!("no invitation in: {text}"))
            .to_owned()
    }
}

/// Some seconds of pictures, and figures. The viewer has no way but relays.
fn live_relayed(viewer: &Viewer) -> Outcome {
    let arguments = [
        "--json",
        "--relayed",
        "live",
        "front",
        "-o",
        "-",
        "--seconds",
        "20",
        "--stats",
    ];
    // A camera that has just been paired tells its relay only when that has let it in; until then there is no way to it.
    let deadline = Instant::now() + RELAYED;
    loop {
        let outcome = viewer.run_for(&arguments, RELAYED);
        if outcome.code == Some(0) || Instant::now() > deadline {
            return outcome.succeeded();
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// That pictures came, through a relay at `url`.
fn assert_relayed(outcome: &Outcome, url: &str) {
    let (frames, decoding) = frames_of(&outcome.stdout);
    assert_eq!(decoding.reports, Vec::<String>::new());
    assert!(
        frames.len() > 30,
        "{} pictures\n{}",
        frames.len(),
        outcome.stderr
    );
    let figures = outcome.stderr.lines();
    let figures = figures.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let paths: Vec<Value> = figures.map(|line| line["path"].clone()).collect();
    let path = paths.iter().rfind(|path| path.is_object());
    let path = path.unwrap_or_else(|| panic!("no path in: {}", outcome.stderr));
    assert_eq!(path["kind"], "relayed", "{path}");
    assert!(
        path["remote"]
            .as_str()
            .is_some_and(|at| at.starts_with(url)),
        "{path} is not through {url}"
    );
    println!(
        "first figures {}",
        outcome.stderr.lines().next().unwrap_or("–")
    );
}

#[test]
fn a_camera_paired_through_a_hub_is_watched_through_the_hubs_relay() {
    let hub = Hub::start();
    let house = House::good();
    let paired = house.pair_at(&hub.invitation("ann")).succeeded().json();
    let id = paired["camera"]["id"].as_str().unwrap_or_default();
    assert!(house.camera.link.contains(id), "{id} is another camera");
    assert_relayed(&live_relayed(&house.phone), "https://127.0.0.1:");
    // What was learnt is kept, with the key by which the relay is known.
    let kept = std::fs::read_dir(house.phone.data()).expect("the viewer's folder");
    let kept = kept.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    assert!(
        kept.into_iter().any(|text| text.contains("#key=")),
        "the relay is not remembered"
    );
}

/// A relay for everybody.
struct Everybody;

#[async_trait::async_trait]
impl Guests for Everybody {
    async fn knows(&self, _key: &PeerId) -> bool {
        true
    }
}

#[test]
fn a_link_that_names_a_relay_is_enough_for_a_new_viewer() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let identity = hub::tls::Identity::load_or_create(folder.path()).expect("a key");
    let any = "127.0.0.1:0".parse().expect("an address");
    let config = Config {
        https: any,
        quic: any,
        names: vec!["127.0.0.1".into()],
        key_pem: identity.key_pem(),
    };
    let relay = runtime
        .block_on(Relay::start(config, Arc::new(Everybody)))
        .expect("the relay");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, relay.ca()).expect("its certificate");
    let url = format!("https://{}", relay.https());
    let named = format!("{url}#quic={}", relay.quic().port());
    let ca = ca.to_str().expect("a path");
    let camera = Camera::start(&["--name", "Far away", "--relay", &named, "--relay-ca", ca]);
    let mut link: Link = camera.link.parse().expect("a link");
    link.address.addrs.clear();
    assert!(link.to_string().contains("key"), "{link} names no key");
    let viewer = Viewer::new();
    let add = ["--relayed", "add", &link.to_string(), "--name", "front"];
    viewer.run_for(&add, RELAYED).succeeded();
    assert_relayed(&live_relayed(&viewer), &url);
    runtime.block_on(relay.stop());
}
