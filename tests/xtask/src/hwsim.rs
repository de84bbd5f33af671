//! The virtual machine with simulated radios: what it needs, and the program that drives it.

use crate::run::{cargo, command, is_installed, must, passes, target};
use crate::{build, setup};
use anyhow::{Result, bail};
use std::process::Command;

/// Says what is missing for the machine to start, and how to get it. It is never skipped in silence: whoever cannot
/// run it names the other rings with `--only`.
pub(crate) fn check() -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!(
            "the ring `wifi` runs this system's own programs in a virtual machine with Debian's kernel, which needs \
             Linux on x86-64: name the other rings with --only"
        );
    }
    let needed = [
        ("qemu-system-x86_64", "qemu-system-x86"),
        ("setpriv", "util-linux"),
        ("apt-get", "apt"),
        ("dpkg-deb", "dpkg"),
        ("xz", "xz-utils"),
    ];
    let missing: Vec<String> = needed
        .iter()
        .filter(|(program, _)| !is_installed(program))
        .map(|(program, package)| format!("{program} (package {package})"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "the ring `wifi` needs {}: install them as root (`cargo xtask setup` does on Debian and Ubuntu), or name the \
         other rings with --only. Root is needed for nothing else: the machine and its image are made as any user",
        missing.join(", ")
    )
}

/// `hwsim` with these words; it is built with the workspace.
pub(crate) fn program(words: &[&str]) -> Command {
    let mut hwsim = command(target().join("debug").join("hwsim"));
    hwsim.args(words);
    hwsim
}

/// Builds the programs as the ring does and measures pairing over Wi-Fi, several times.
pub(crate) fn bench(runs: u32) -> Result<bool> {
    setup::for_building()?;
    check()?;
    build::ui()?;
    must(cargo().args(["build", "--workspace", "--bins"]))?;
    passes(&mut program(&["bench", &runs.to_string()]))
}
