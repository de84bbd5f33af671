//! The air of one case: fresh simulated radios, each in a network namespace of its own, so that every program of the
//! case sees one radio and reaches the others only over Wi-Fi.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::programs::Running;

/// Radios that are still free.
pub(crate) struct Air {
    radios: usize,
    taken: usize,
}

impl Air {
    /// Makes `radios` new ones.
    pub(crate) fn new(radios: usize) -> Result<Self> {
        must(Command::new("busybox").args([
            "insmod",
            "/porthole/modules/mac80211_hwsim.ko",
            &format!("radios={radios}"),
        ]))?;
        // As at home, where the router says which country this is: without one, radios only listen on many channels and
        // look at some that no phone has.
        must(Command::new("iw").args(["reg", "set", "DE"]))?;
        Ok(Self { radios, taken: 0 })
    }

    /// Gives the next radio to a new place called `name`.
    pub(crate) fn place(&mut self, name: &'static str) -> Result<Place> {
        if self.taken == self.radios {
            bail!("all {} radios are taken", self.radios);
        }
        let interface = format!("wlan{}", self.taken);
        self.taken += 1;
        // The number of the radio goes on counting when the module is loaded again, the interface's does not.
        let link = format!("/sys/class/net/{interface}/phy80211");
        let radio = fs::read_link(&link).with_context(|| format!("reading {link}"))?;
        let radio = radio
            .file_name()
            .context("the radio has no name")?
            .to_owned();
        must(Command::new("ip").args(["netns", "add", name]))?;
        must(
            Command::new("iw")
                .arg("phy")
                .arg(radio)
                .args(["set", "netns", "name", name]),
        )?;
        let mut place = Place {
            name,
            interface,
            recorder: None,
        };
        place.must("ip", &["link", "set", "lo", "up"])?;
        place.recorder = Some(place.start(&format!("{name}-radio"), "iw", &["event", "-T"])?);
        Ok(place)
    }
}

/// A network namespace with one radio: where a phone, a camera or a router is.
pub(crate) struct Place {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Its radio's interface.
    pub(crate) interface: String,
    /// Writes down what the radio does, with the time.
    recorder: Option<Running>,
}

impl Place {
    /// A command that runs here.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", self.name])
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Runs a program to its end; it must succeed.
    pub(crate) fn must(&self, program: &str, arguments: &[&str]) -> Result<String> {
        must(self.command(program).args(arguments))
    }

    /// Starts a program whose output goes to `LOG` in the case's folder.
    pub(crate) fn start(&self, log: &str, program: &str, arguments: &[&str]) -> Result<Running> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("opening {log}"))?;
        let mut command = self.command(program);
        command.args(arguments).stdout(log.try_clone()?).stderr(log);
        Ok(Running::start(&mut command))
    }

    /// Whether the radio has an IPv4 address.
    pub(crate) fn address(&self) -> Option<String> {
        let text = self
            .must(
                "ip",
                &["-4", "-o", "address", "show", "dev", &self.interface],
            )
            .ok()?;
        let (_, rest) = text.split_once("inet ")?;
        rest.split(['/', ' ']).next().map(str::to_owned)
    }
}

/// Runs a command to its end and gives what it printed; it must succeed.
pub(crate) fn must(command: &mut Command) -> Result<String> {
    let done = command
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    if !done.status.success() {
        bail!(
            "{command:?}: {} {}",
            done.status,
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Option<T>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            bail!("waited {} s for {what}", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until a text stands in a file.
pub(crate) fn says(file: &str, text: &str, limit: Duration) -> Result<()> {
    until(&format!("`{text}` in {file}"), limit, || {
        tests::places::text(Path::new(file))
            .contains(text)
            .then_some(())
    })
}
