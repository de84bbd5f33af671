//! The people and things of a home: a camera, phones, a hub, as the workspace's own programs.

use crate::air::{Place, says, until};
use crate::report::figure;
use crate::router::Router;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tests::places;
use tests::programs::{Running, finish};

/// Longest that anything may take that a person waits for. Everything runs some thirty times slower than on a phone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);
/// Where programs keep their data: a memory disk, because a database cannot share memory in the results' folder.
pub(crate) const DATA: &str = "/tmp/home";
const CAMERA: &str = "/tmp/home/camera";
const HUB: &str = "/tmp/home/hub";
/// Pictures a second: an emulated processor encodes and decodes few.
const FPS: &str = "5";

/// A camera with a hotspot, in a place.
pub(crate) struct Camera {
    place: Place,
    process: Option<Running>,
    /// The text on its label.
    pub(crate) label: String,
    /// Name of its hotspot.
    pub(crate) hotspot: String,
    /// Password of its hotspot.
    pub(crate) password: String,
}

impl Camera {
    /// A new one, from its box and with power: its hotspot is open.
    pub(crate) fn unpack(place: Place) -> Result<Self> {
        let label = place.must(
            &program("porthole-camera")?,
            &["label", "--json", "--data", CAMERA],
        )?;
        let label: Value = serde_json::from_str(&label).context("reading the label")?;
        let text = |name: &str| label[name].as_str().unwrap_or_default().to_owned();
        let (hotspot, password) = (text("ssid"), text("passphrase"));
        let mut camera = Self {
            place,
            process: None,
            label: text("label"),
            hotspot,
            password,
        };
        camera.plug_in()?;
        camera.waits_for("open", |status| !status["hotspot"].is_null())?;
        Ok(camera)
    }

    /// Gives it power.
    pub(crate) fn plug_in(&mut self) -> Result<()> {
        let radio = format!("wpa:{}", self.place.interface);
        let _ = fs::remove_file("camera-says");
        let mut command = self.place.command(program("porthole-camera")?);
        command
            .args([
                "--board", "sim", "--json", "--data", CAMERA, "--setup", "--radio", &radio,
            ])
            .args(["--fps", FPS, "--gop-seconds", "1"])
            .env("NO_COLOR", "1")
            .env("RUST_LOG", "info,firmware=debug,provision=debug,wifi=trace")
            .stdout(File::create("camera-says")?)
            .stderr(
                File::options()
                    .create(true)
                    .append(true)
                    .open("camera-log")?,
            );
        self.process = Some(Running::start(&mut command));
        Ok(())
    }

    /// Takes its power away.
    pub(crate) fn unplug(&mut self) {
        // Also what it started: power does not ask who is whose child.
        self.process = None;
        let programs = format!("netns pids {} | xargs -r kill -KILL", self.place.name);
        let _ = Command::new("sh")
            .arg("-c")
            .arg(format!("ip {programs}"))
            .status();
        let _ = self
            .place
            .must("ip", &["link", "set", &self.place.interface, "down"]);
        let _ = self
            .place
            .must("ip", &["address", "flush", "dev", &self.place.interface]);
    }

    /// Its light and what it says about it, newest last.
    fn said(&self) -> Vec<Value> {
        let text = places::text(Path::new("camera-says"));
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .map(|mut line| line["setup"].take())
            .filter(|status| !status.is_null())
            .collect()
    }

    /// Waits until the newest thing it said is like this.
    pub(crate) fn waits_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<()> {
        until(&format!("the camera to be {what}"), PATIENCE, || {
            self.said()
                .last()
                .filter(|status| is_it(status))
                .map(|_| ())
        })
        .with_context(|| format!("the camera said {:?}", self.said().last()))
    }

    /// Waits until it has an owner and is at its hub.
    pub(crate) fn is_home(&mut self) -> Result<()> {
        self.waits_for("bound and at its hub", |status| {
            status["bound"] == true && status["at_hub"] == true
        })
    }
}

/// How a person's programs reach the radio of their phone.
pub(crate) struct Phone<'a> {
    place: &'a Place,
    radio: String,
    data: String,
    hub: Option<String>,
}

impl<'a> Phone<'a> {
    /// A phone that knows no camera; `radio` as in `porthole --radio`.
    pub(crate) fn new(place: &'a Place, radio: &str) -> Self {
        Self {
            place,
            radio: radio.to_owned(),
            data: format!("{DATA}/{}", place.name),
            hub: None,
        }
    }

    /// The same phone, with an invitation to a hub.
    pub(crate) fn invited(mut self, invitation: String) -> Self {
        self.hub = Some(invitation);
        self
    }

    fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = self.place.command(program("porthole")?);
        command
            .args(["--json", "--data", &self.data, "--radio", &self.radio])
            .args(words);
        command.env("NO_COLOR", "1");
        command.env("RUST_LOG", "info,app=debug,provision=debug,wifi=trace");
        if let Some(invitation) = &self.hub {
            command.env("PORTHOLE_HUB", invitation);
        }
        Ok(command)
    }

    /// `porthole pair` with the names and passwords of both networks.
    pub(crate) fn pairing(&self, camera: &Camera, ssid: &str, password: &str) -> Result<Pairing> {
        let words = ["--hotspot", &camera.hotspot, "--hotspot-password-stdin"];
        self.start(ssid, &words, &format!("{password}\n{}\n", camera.password))
    }

    /// `porthole pair` with what the camera's label says.
    pub(crate) fn pairing_by_label(
        &self,
        camera: &Camera,
        ssid: &str,
        password: &str,
    ) -> Result<Pairing> {
        self.start(ssid, &["--label", &camera.label], &format!("{password}\n"))
    }

    fn start(&self, ssid: &str, hotspot: &[&str], secrets: &str) -> Result<Pairing> {
        let name = |what: &str| format!("{}-{what}", self.place.name);
        fs::write(name("secrets"), secrets)?;
        let (says, log) = (name("says"), name("log"));
        // What an earlier pairing said is not this one's.
        let _ = fs::rename(&log, name("log-before"));
        let mut command = self.command(&[
            "pair",
            "--ssid",
            ssid,
            "--password-stdin",
            "--name",
            "front",
        ])?;
        command.args(hotspot).stdin(File::open(name("secrets"))?);
        command
            .stdout(File::create(&says)?)
            .stderr(File::create(&log)?);
        Ok(Pairing {
            process: Running::start(&mut command),
            log,
            started: Instant::now(),
        })
    }

    /// Watches the camera for some seconds and gives how many pictures came.
    pub(crate) fn watch(&self, seconds: &str) -> Result<u64> {
        let words = [
            "live",
            "front",
            "--quality",
            "standard",
            "--output",
            "/dev/null",
            "--stats",
            "--seconds",
            seconds,
        ];
        let outcome = finish(&mut self.command(&words)?, PATIENCE);
        let figures = lines(&outcome.stderr);
        let pictures = figures
            .iter()
            .rev()
            .find_map(|line| line["pictures"].as_u64());
        ensure!(
            outcome.code == Some(0),
            "no live picture: {:?} {}",
            outcome.code,
            outcome.stderr
        );
        Ok(pictures.unwrap_or(0))
    }
}

/// A `porthole pair` that runs.
pub(crate) struct Pairing {
    process: Running,
    log: String,
    started: Instant,
}

/// How a pairing ended.
pub(crate) struct Ended {
    /// `camera` or `failed`: what it said last.
    pub(crate) failure: Option<String>,
    /// Each step and when it began, in seconds.
    pub(crate) steps: Vec<(String, f64)>,
    /// When it was known, in seconds.
    pub(crate) known: f64,
    /// When this program was over, with its network back, in seconds.
    pub(crate) over: f64,
}

impl Pairing {
    /// Waits until it comes to a step.
    pub(crate) fn comes_to(&self, step: &str) -> Result<()> {
        says(&self.log, &format!("\"step\":\"{step}\""), PATIENCE)
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Result<Ended> {
        let Some(status) = self.process.wait(PATIENCE) else {
            bail!(
                "the pairing does not end: {}",
                places::text(Path::new(&self.log))
            );
        };
        let over = self.started.elapsed().as_secs_f64();
        let said = lines(&places::text(Path::new(&self.log)));
        let at = |line: &Value| line["elapsedMs"].as_f64().unwrap_or_default() / 1000.0;
        let steps = said
            .iter()
            .filter_map(|line| Some((line["step"].as_str()?.to_owned(), at(line))));
        let failed = said.iter().find(|line| line["failed"].is_string());
        let failure = failed
            .and_then(|line| line["failed"].as_str())
            .map(str::to_owned);
        ensure!(
            status.success() == failure.is_none(),
            "{status}: {}",
            places::text(Path::new(&self.log))
        );
        let known = failed.map_or(over, at);
        Ok(Ended {
            failure,
            steps: steps.collect(),
            known,
            over,
        })
    }
}

impl Ended {
    /// It must have worked.
    pub(crate) fn paired(self) -> Result<Self> {
        println!(
            "{:?} known {:.1} over {:.1}",
            self.steps, self.known, self.over
        );
        ensure!(
            self.failure.is_none(),
            "not paired: {:?} at {:?}",
            self.failure,
            self.steps
        );
        Ok(self)
    }

    /// It must have failed for this reason.
    pub(crate) fn failed(self, code: &str) -> Result<Self> {
        println!(
            "{:?} known {:.1} over {:.1}",
            self.steps, self.known, self.over
        );
        ensure!(
            self.failure.as_deref() == Some(code),
            "{:?} instead of {code} at {:?}",
            self.failure,
            self.steps
        );
        Ok(self)
    }

    /// When a step began, in seconds.
    pub(crate) fn began(&self, step: &str) -> f64 {
        let found = self.steps.iter().find(|(name, _)| name == step);
        found.map_or(f64::NAN, |(_, at)| *at)
    }

    /// Notes how long it took from the camera's having everything to the news.
    pub(crate) fn told(&self) -> Result<f64> {
        let told = self.known - self.began("camera_joins");
        figure("told", told)?;
        Ok(told)
    }
}

/// `porthole-hub run` on the router.
pub(crate) struct Hub {
    process: Option<Running>,
    /// What the owner's app is told.
    pub(crate) invitation: String,
}

impl Hub {
    /// Starts one with these lines in its configuration.
    pub(crate) fn start(router: &Router, configuration: &str) -> Result<Self> {
        fs::create_dir_all(HUB)?;
        fs::write(format!("{HUB}/hub.toml"), configuration)?;
        let words = [
            "--dir",
            HUB,
            "--host",
            crate::router::ADDRESS,
            "owner",
            "add",
            "anna",
        ];
        let invitation = router
            .place()
            .must(&program("porthole-hub")?, &words)?
            .trim()
            .to_owned();
        let mut hub = Self {
            process: None,
            invitation,
        };
        hub.plug_in(router)?;
        Ok(hub)
    }

    /// Starts it again.
    pub(crate) fn plug_in(&mut self, router: &Router) -> Result<()> {
        let _ = fs::remove_file("hub-log");
        let words = ["--dir", HUB, "--host", crate::router::ADDRESS, "run"];
        self.process = Some(
            router
                .place()
                .start("hub-log", &program("porthole-hub")?, &words)?,
        );
        says("hub-log", "\"pin\"", PATIENCE)
    }

    /// Ends it as a power cut would.
    pub(crate) fn unplug(&mut self) {
        self.process = None;
    }

    /// Whether the hub sees its only camera.
    pub(crate) fn camera_is_online(&self, router: &Router) -> Result<bool> {
        let list = router
            .place()
            .must(&program("porthole-hub")?, &["--dir", HUB, "device", "list"])?;
        Ok(list
            .lines()
            .skip(1)
            .any(|line| line.split('\t').nth(2) == Some("yes")))
    }
}

/// A phone's own way onto its network, without a desktop: wpa_supplicant with a configuration, and a DHCP client.
pub(crate) fn at_home(place: &Place, ssid: &str, password: &str) -> Result<[Running; 2]> {
    let supplicant = supplicant(place, ssid, password)?;
    let words = ["udhcpc", "-f", "-i", &place.interface];
    let client = place.start(&format!("{}-dhcp", place.name), "busybox", &words)?;
    until("the phone on its network", PATIENCE, || place.address())?;
    Ok([supplicant, client])
}

/// The same with an address that its user has set.
pub(crate) fn at_home_with(
    place: &Place,
    ssid: &str,
    password: &str,
    address: &str,
) -> Result<Running> {
    let supplicant = supplicant(place, ssid, password)?;
    place.must(
        "ip",
        &[
            "address",
            "add",
            &format!("{address}/24"),
            "dev",
            &place.interface,
        ],
    )?;
    Ok(supplicant)
}

fn supplicant(place: &Place, ssid: &str, password: &str) -> Result<Running> {
    let file = format!("{}-supplicant.conf", place.name);
    let network = format!("network={{\n ssid=\"{ssid}\"\n psk=\"{password}\"\n}}\n");
    fs::write(
        &file,
        format!("ctrl_interface=/run/wpa_supplicant\n{network}"),
    )?;
    let log = format!("{}-supplicant", place.name);
    let words = ["-t", "-i", &place.interface, "-c", &file];
    let running = place.start(&log, "wpa_supplicant", &words)?;
    says(&log, "CTRL-EVENT-CONNECTED", PATIENCE)?;
    Ok(running)
}

/// A program of the workspace, as the machine sees it.
pub(crate) fn program(name: &str) -> Result<String> {
    let path: PathBuf = places::programs().join(name);
    ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path.display().to_string())
}

/// The lines of a text that are JSON.
fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
