//! The machine: QEMU without any acceleration. `/dev/kvm` is not trusted: where it exists it may still not run a kernel.

use crate::image::Image;
use crate::report::{self, Event};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::places;
use tests::programs::Running;

/// Memory of the machine, in MiB: the kernel, the programs of a whole home, and what they write.
const MEMORY: u32 = 1024;
/// Longest from power on to the first case, on a machine that does other things too.
const BOOT_LIMIT: Duration = Duration::from_secs(180);
/// How much longer than its own limit a case may take before the whole machine counts as hung.
const GRACE: Duration = Duration::from_secs(30);

/// A machine that is on; off with its owner.
pub(crate) struct Machine {
    process: Running,
    results: PathBuf,
    read: usize,
    _socket: TempDir,
}

impl Machine {
    /// Starts one that runs the cases named in `results/order` and writes what happens into `results`.
    pub(crate) fn start(image: &Image, results: &Path) -> Result<Self> {
        if !Path::new("/usr/bin/setpriv").exists() {
            bail!("setpriv is missing: install the package util-linux");
        }
        let mut command = Command::new("setpriv");
        // However this program ends, the machine ends with it.
        command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        command.args([
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-machine",
            "pc",
        ]);
        command.args([
            "-m",
            &MEMORY.to_string(),
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
        ]);
        command.args(["-display", "none", "-monitor", "none", "-net", "none"]);
        command.args(["-device", "virtio-rng-pci"]);
        let socket = tempfile::tempdir().context("a folder for the disk's socket")?;
        let disk = socket.path().join("disk");
        crate::disk::serve(&disk, &results.join("disk"))?;
        // As the disk has a cache of its own, the machine's flushes have to reach it.
        command.arg("-drive").arg(format!(
            "if=none,id=card,format=raw,cache=none,werror=report,rerror=report,file=nbd:unix:{}",
            option(&disk)
        ));
        command.args(["-device", "virtio-blk-pci,drive=card"]);
        command
            .arg("-serial")
            .arg(format!("file:{}", option(&results.join("console"))));
        command
            .arg("-kernel")
            .arg(&image.kernel)
            .arg("-initrd")
            .arg(&image.initial);
        // On a host that is busy the timer's interrupts come late, which the kernel's own check at boot takes for a broken
        // one and panics: it is not made, as in any virtual machine that has acceleration.
        command.args([
            "-append",
            "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check mitigations=off",
        ]);
        folder(&mut command, "host", Path::new("/"), true);
        folder(&mut command, "layer", &image.layer, true);
        folder(&mut command, "programs", &places::programs(), true);
        folder(&mut command, "results", results, false);
        let errors = fs::File::create(results.join("qemu"))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors);
        Ok(Self {
            process: Running::start(&mut command),
            results: results.to_path_buf(),
            read: 0,
            _socket: socket,
        })
    }

    /// Waits for the next event; an error says why there will be none: the machine hung or went off.
    pub(crate) fn next(&mut self, limit: Option<Duration>) -> Result<Event> {
        let limit = limit.map_or(BOOT_LIMIT, |limit| limit + GRACE);
        let deadline = Instant::now() + limit;
        loop {
            let is_off = self.process.child().try_wait()?.is_some();
            if let Some(event) = self.poll()? {
                return Ok(event);
            }
            if is_off {
                bail!("the machine went off\n{}", self.last_words());
            }
            if Instant::now() > deadline {
                bail!(
                    "nothing from the machine for {} s\n{}",
                    limit.as_secs(),
                    self.last_words()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn poll(&mut self) -> Result<Option<Event>> {
        let text = places::text(&self.results.join(report::FILE));
        let Some((line, _)) = text.get(self.read..).and_then(|rest| rest.split_once('\n')) else {
            return Ok(None);
        };
        self.read += line.len() + 1;
        Event::parse(line)
            .context("reading the machine's report")
            .map(Some)
    }

    /// The end of what the machine and QEMU said.
    fn last_words(&self) -> String {
        ["qemu", "console"]
            .map(|name| report::tail(&places::text(&self.results.join(name)), 30))
            .join("\n")
    }
}

/// Lends a folder of the host to the machine.
fn folder(command: &mut Command, name: &str, path: &Path, read_only: bool) {
    let read_only = if read_only { ",readonly=on" } else { "" };
    command.arg("-fsdev").arg(format!(
        "local,id={name},path={},security_model=none,multidevs=remap{read_only}",
        option(path)
    ));
    command
        .arg("-device")
        .arg(format!("virtio-9p-pci,fsdev={name},mount_tag={name}"));
}

/// A path as part of a QEMU option, where a comma is written twice.
fn option(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
