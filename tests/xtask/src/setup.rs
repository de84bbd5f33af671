//! `cargo xtask setup`: installs only what is missing.

use crate::packages;
use crate::run::{cargo, command, is_installed, must, npm, root, target};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program installed by cargo into `target/tools`, pinned.
struct Tool {
    name: &'static str,
    version: &'static str,
}

const TAURI_DRIVER: Tool = Tool {
    name: "tauri-driver",
    version: "2.1.0",
};
const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    version: "0.13.1",
};

/// Packages that Debian starts as a service when it installs them; the tests start these programs themselves.
const SERVICES: &[&str] = &["mosquitto", "nginx"];

/// Oldest Node.js that the UI's tools run on.
const NODE_MAJOR: u32 = 20;

/// Everything for building and testing.
pub(crate) fn everything() -> Result<()> {
    system_packages()?;
    ui_modules()?;
    tools()
}

/// System packages and the UI's modules: enough to build and to run.
pub(crate) fn for_building() -> Result<()> {
    system_packages()?;
    ui_modules()
}

/// Test tools: the window's driver and the fuzzer.
pub(crate) fn tools() -> Result<()> {
    for tool in [TAURI_DRIVER, CARGO_FUZZ] {
        install_tool(&tool)?;
    }
    Ok(())
}

/// Where `tools` puts its programs.
pub(crate) fn tools_folder() -> PathBuf {
    target().join("tools").join("bin")
}

pub(crate) fn system_packages() -> Result<()> {
    if !is_installed("dpkg-query") || !is_installed("apt-get") {
        return explain_without_apt();
    }
    let missing = missing_of(packages::all().map(|package| package.name))?;
    if missing.is_empty() {
        return Ok(());
    }
    println!("Missing system packages:");
    for package in packages::all().filter(|package| missing.contains(&package.name)) {
        println!("  {:<32} {}", package.name, package.purpose);
    }
    install(&missing)
}

/// Packages that only one bench needs.
pub(crate) fn for_one_bench(names: &[&'static str]) -> Result<()> {
    if !is_installed("dpkg-query") || !is_installed("apt-get") {
        println!("This bench also needs: {}", names.join(" "));
        return Ok(());
    }
    let missing = missing_of(names.iter().copied())?;
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

fn install(missing: &[&str]) -> Result<()> {
    let as_root = rootless_prefix()?;
    let mut update = prefixed(as_root, "apt-get");
    // A stale or partly unreachable package list is no reason to stop: the installation below says what is wrong.
    let _ = update.args(["update", "-qq"]).status();
    let mut install = prefixed(as_root, "apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args([
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
    ]);
    must(install.args(missing)).context("installing system packages")?;
    let is_new = |service: &&&str| missing.iter().any(|name| name.starts_with(**service));
    for service in SERVICES.iter().filter(is_new) {
        // Without systemd nothing was started.
        let _ = prefixed(as_root, "systemctl")
            .args(["disable", "--now", "--quiet", service])
            .status();
    }
    Ok(())
}

/// Those packages that dpkg does not report as installed.
fn missing_of(names: impl Iterator<Item = &'static str>) -> Result<Vec<&'static str>> {
    let output = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status} ${Package} ${Provides}\n"])
        .output()
        .context("asking dpkg-query what is installed")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut present = std::collections::HashSet::new();
    for line in text.lines() {
        if let Some(names) = line.strip_prefix("installed ") {
            present.extend(names.split([' ', ',']).filter(|word| !word.is_empty()));
        }
    }
    Ok(names.filter(|name| !present.contains(name)).collect())
}

/// `sudo` unless this already runs as root.
fn rootless_prefix() -> Result<Option<&'static str>> {
    let id = Command::new("id")
        .arg("-u")
        .output()
        .context("asking for the user id")?;
    if String::from_utf8_lossy(&id.stdout).trim() == "0" {
        return Ok(None);
    }
    if is_installed("sudo") {
        return Ok(Some("sudo"));
    }
    bail!(
        "system packages are missing, this is not root and there is no sudo: install the packages above as root"
    )
}

fn prefixed(prefix: Option<&str>, program: &str) -> Command {
    match prefix {
        Some(prefix) => {
            let mut prefixed = command(prefix);
            prefixed.arg(program);
            prefixed
        }
        None => command(program),
    }
}

/// On other systems the names differ: check what can be checked and say what is missing, in Debian's names.
fn explain_without_apt() -> Result<()> {
    let programs = [
        "cc",
        "pkg-config",
        "clang",
        "ffmpeg",
        "Xvfb",
        "dbus-run-session",
        "WebKitWebDriver",
        "import",
    ];
    let libraries = [
        "webkit2gtk-4.1",
        "libavcodec",
        "libavformat",
        "libswscale",
        "libswresample",
        "alsa",
        "openssl",
    ];
    let mut missing: Vec<&str> = programs
        .into_iter()
        .filter(|program| !is_installed(program))
        .collect();
    missing.extend(libraries.into_iter().filter(|library| {
        !Command::new("pkg-config")
            .args(["--exists", library])
            .status()
            .is_ok_and(|status| status.success())
    }));
    if missing.is_empty() {
        return Ok(());
    }
    println!(
        "This is no Debian or Ubuntu, so nothing was installed. Missing here: {}",
        missing.join(", ")
    );
    println!("On Debian 12 these packages bring them:");
    for package in packages::all() {
        println!("  {:<32} {}", package.name, package.purpose);
    }
    bail!("install your system's counterparts of the packages above, then run this again")
}

/// `npm ci`, when the lock file changed since the last time.
fn ui_modules() -> Result<()> {
    check_node()?;
    let ui = root().join("ui");
    let lock = ui.join("package-lock.json");
    let stamp = ui.join("node_modules").join(".package-lock.json");
    if newer(&stamp, &lock) {
        return Ok(());
    }
    must(npm().args(["ci", "--no-audit", "--no-fund"])).context("installing the UI's modules")
}

fn check_node() -> Result<()> {
    let version = Command::new("node").arg("--version").output();
    let Ok(version) = version else {
        bail!("Node.js is missing: install version {NODE_MAJOR} or later (https://nodejs.org/)")
    };
    let text = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major = text
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= NODE_MAJOR) {
        return Ok(());
    }
    bail!(
        "Node.js {text} is too old: version {NODE_MAJOR} or later is needed (https://nodejs.org/)"
    )
}

/// Whether `file` exists and is not older than `than`.
pub(crate) fn newer(file: &Path, than: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    matches!((time(file), time(than)), (Ok(file), Ok(than)) if file >= than)
}

fn install_tool(tool: &Tool) -> Result<()> {
    if tools_folder().join(tool.name).is_file() {
        return Ok(());
    }
    let folder = target().join("tools");
    let mut install = cargo();
    install
        .args([
            "install",
            tool.name,
            "--version",
            tool.version,
            "--locked",
            "--root",
        ])
        .arg(&folder);
    must(install.arg("--target-dir").arg(folder.join("build")))
        .with_context(|| format!("installing {}", tool.name))
}
