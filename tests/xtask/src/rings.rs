//! `cargo xtask test`: the rings of tests, from the innermost outwards.

use crate::build::{self, TestProgram};
use crate::hwsim;
use crate::run::{self, cargo, command, npm, passes, root};
use crate::{second_look, setup};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Instant;

/// One ring of tests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ring {
    /// Formatting.
    Format,
    /// Lints, warnings denied.
    Lint,
    /// Each crate by itself.
    Crates,
    /// Both real programs, and the repository's own rules.
    Integration,
    /// The UI by itself: types and units.
    Ui,
    /// The app's window, driven.
    E2e,
    /// Pairing over simulated radios, in a virtual machine.
    Wifi,
    /// Random input, guided.
    Fuzz,
}

const ALL: [Ring; 8] = [
    Ring::Format,
    Ring::Lint,
    Ring::Crates,
    Ring::Integration,
    Ring::Ui,
    Ring::E2e,
    Ring::Wifi,
    Ring::Fuzz,
];

impl Ring {
    fn title(self) -> &'static str {
        match self {
            Ring::Format => "formatting",
            Ring::Lint => "lints",
            Ring::Crates => "each crate by itself",
            Ring::Integration => "across crates: both real programs on loopback",
            Ring::Ui => "the UI by itself",
            Ring::E2e => "the app's window",
            Ring::Wifi => "pairing over Wi-Fi, in a virtual machine",
            Ring::Fuzz => "fuzzing",
        }
    }

    fn needs_workspace(self) -> bool {
        matches!(
            self,
            Ring::Crates | Ring::Integration | Ring::E2e | Ring::Wifi
        )
    }
}

/// Runs the rings asked for, or all; true when every one passed.
pub(crate) fn run(only: &[Ring], fuzz_seconds: u32) -> Result<bool> {
    let rings: Vec<Ring> = ALL
        .into_iter()
        .filter(|ring| only.is_empty() || only.contains(ring))
        .collect();
    let mut lines = Vec::new();
    prepare(&rings, &mut lines)?;
    // Everything is built once; a failed build fails the rings that need it and no others.
    let programs = if rings.iter().any(|ring| ring.needs_workspace()) {
        timed("build", &mut lines, build::workspace)
    } else {
        Ok(Vec::new())
    };
    let (mut failed, mut unsteady) = (0, Vec::new());
    for ring in &rings {
        heading(ring.title());
        let start = Instant::now();
        let outcome = match (&programs, ring.needs_workspace()) {
            (Err(error), true) => Err(anyhow::anyhow!("not run, the build failed: {error:#}")),
            (Ok(programs), _) => one(*ring, programs, fuzz_seconds, &mut unsteady),
            (Err(_), false) => one(*ring, &[], fuzz_seconds, &mut unsteady),
        };
        let passed = outcome.unwrap_or_else(|error| {
            eprintln!("{error:#}");
            false
        });
        failed += usize::from(!passed);
        let verdict = if passed { "passed" } else { "FAILED" };
        lines.push(format!(
            "  {verdict}  {:<48} {:>4} s",
            ring.title(),
            start.elapsed().as_secs()
        ));
    }
    heading("summary");
    println!("{}", lines.join("\n"));
    if !unsteady.is_empty() {
        println!(
            "unsteady, passed when run once more: {}",
            unsteady.join(", ")
        );
    }
    println!("{} passed, {failed} failed", rings.len() - failed);
    Ok(failed == 0)
}

/// Installs what the rings need and builds the UI, which the shell embeds at compile time.
fn prepare(rings: &[Ring], lines: &mut Vec<String>) -> Result<()> {
    if rings.iter().all(|ring| *ring == Ring::Format) {
        return Ok(());
    }
    heading("setup");
    timed("setup", lines, || {
        setup::for_building()?;
        if rings
            .iter()
            .any(|ring| matches!(ring, Ring::E2e | Ring::Fuzz))
        {
            setup::tools()
        } else {
            Ok(())
        }
    })?;
    if rings
        .iter()
        .any(|ring| ring.needs_workspace() || *ring == Ring::Lint)
    {
        timed("build of the UI", lines, build::ui)?;
    }
    Ok(())
}

fn timed<T>(what: &str, lines: &mut Vec<String>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let outcome = work();
    lines.push(format!(
        "  {:<6}  {what:<48} {:>4} s",
        "",
        start.elapsed().as_secs()
    ));
    outcome
}

fn heading(title: &str) {
    println!("\n==== {title} ====");
}

fn one(
    ring: Ring,
    programs: &[TestProgram],
    fuzz_seconds: u32,
    unsteady: &mut Vec<String>,
) -> Result<bool> {
    match ring {
        Ring::Format => passes(cargo().args(["fmt", "--all", "--", "--check"])),
        Ring::Lint => lint(),
        Ring::Crates => each_crate(programs, unsteady),
        Ring::Integration => tests_target(programs, "integration", unsteady),
        Ring::Ui => Ok(passes(npm().args(["run", "check"]))? & passes(npm().args(["test"]))?),
        Ring::E2e => tests_target(programs, "e2e", unsteady),
        Ring::Wifi => wifi(),
        Ring::Fuzz => fuzz(fuzz_seconds),
    }
}

/// The whole workspace, then the camera as a small board gets it: without FFmpeg and without Linux capture.
fn lint() -> Result<bool> {
    let clippy = |what: &[&str]| {
        let mut clippy = cargo();
        clippy
            .args(["clippy", "--quiet", "--all-targets"])
            .args(what)
            .args(["--", "-D", "warnings"]);
        clippy
    };
    let everything = passes(&mut clippy(&["--workspace"]))?;
    Ok(everything
        & passes(&mut clippy(&[
            "--package",
            "firmware",
            "--no-default-features",
        ]))?)
}

/// Unit tests of every crate, then the examples in their documentation.
fn each_crate(programs: &[TestProgram], unsteady: &mut Vec<String>) -> Result<bool> {
    let mut passed = true;
    for program in programs {
        if program.package == "tests" && !["tests", "hwsim"].contains(&program.target.as_str()) {
            continue;
        }
        println!("\n-- {} ({})", program.package, program.target);
        let mut test = test_command(program);
        passed &= if program.target == program.package {
            passes(&mut test)?
        } else {
            // Whole cameras and viewers that encode, and watch the clock: one at a time.
            test.args(["--test-threads", "1"]);
            second_look::run(test, unsteady)?
        };
    }
    println!("\n-- examples in the documentation");
    Ok(passed & passes(cargo().args(["test", "--quiet", "--workspace", "--doc"]))?)
}

/// One test program of the `tests` crate. They start cameras and windows and watch the clock: one at a time.
fn tests_target(
    programs: &[TestProgram],
    target: &str,
    unsteady: &mut Vec<String>,
) -> Result<bool> {
    let program = programs
        .iter()
        .find(|program| program.package == "tests" && program.target == target)
        .with_context(|| format!("no test target `{target}` was built"))?;
    let mut test = test_command(program);
    test.args(["--test-threads", "1"])
        .env("PATH", path_with_tools()?);
    second_look::run(test, unsteady)
}

/// The cases of `tests/hwsim`, in a machine that it boots.
fn wifi() -> Result<bool> {
    hwsim::check()?;
    passes(&mut hwsim::program(&["test"]))
}

fn test_command(program: &TestProgram) -> Command {
    let mut test = command(&program.executable);
    test.current_dir(&program.folder)
        .env("CARGO_MANIFEST_DIR", &program.folder);
    test.env("CARGO_PKG_NAME", &program.package);
    test
}

fn path_with_tools() -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(setup::tools_folder()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("adding the tools to PATH")
}

/// Builds all fuzz targets, then runs them three at a time, so that a minute for each fits into CI's time.
fn fuzz(seconds: u32) -> Result<bool> {
    let targets = fuzz_targets()?;
    if !passes(cargo_fuzz()?.args(["build", "--fuzz-dir", "tests/fuzz"]))? {
        return Ok(false);
    }
    let mut passed = true;
    for some in targets.chunks(3) {
        let children = some
            .iter()
            .map(|target| Ok((target, start_fuzzing(target, seconds)?)))
            .collect::<Result<Vec<(&String, Child)>>>()?;
        for (target, mut child) in children {
            let good = child.wait()?.success();
            passed &= good;
            report_fuzzing(target, good)?;
        }
    }
    println!("{} fuzz targets, {seconds} s each", targets.len());
    Ok(passed)
}

fn start_fuzzing(target: &str, seconds: u32) -> Result<Child> {
    println!("$ cargo fuzz run {target} ({seconds} s)");
    let corpus = format!("tests/fuzz/corpus/{target}");
    std::fs::create_dir_all(root().join(&corpus)).with_context(|| format!("making {corpus}"))?;
    let mut run = cargo_fuzz()?;
    run.args(["run", "--fuzz-dir", "tests/fuzz", target, &corpus]);
    run.args(seeds(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"));
    run.args([
        // The same inputs in the same order each time: what fails here, fails again. To hunt, run without it.
        "-seed=20261120",
        "-max_len=8192",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]);
    run.stderr(File::create(fuzz_log(target)?)?);
    run.spawn()
        .with_context(|| format!("starting fuzz target {target}"))
}

/// Where a target's long output goes.
fn fuzz_log(target: &str) -> Result<PathBuf> {
    let folder = run::target().join("fuzz");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder.join(format!("{target}.log")))
}

/// One line of a target that found nothing; the end of its output otherwise.
fn report_fuzzing(target: &str, good: bool) -> Result<()> {
    let log = std::fs::read_to_string(fuzz_log(target)?).unwrap_or_default();
    if good {
        let runs = log
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        println!("fuzz {target}: ok, {} inputs", runs.unwrap_or("?").trim());
    } else {
        let lines: Vec<&str> = log.lines().collect();
        println!(
            "{}\nfuzz {target}: FAILED",
            lines[lines.len().saturating_sub(60)..].join("\n")
        );
    }
    Ok(())
}

/// Real files to start from, for the targets that take whole files: `flv_decode` starts from `crates/flv/testdata`.
fn seeds(target: &str) -> Option<String> {
    let folder = format!("crates/{}/testdata", target.strip_suffix("_decode")?);
    root().join(&folder).is_dir().then_some(folder)
}

/// `cargo fuzz` on the stable compiler: it asks for flags that only a bootstrap compiler admits.
fn cargo_fuzz() -> Result<Command> {
    let mut fuzz = cargo();
    fuzz.arg("fuzz")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("PATH", path_with_tools()?);
    Ok(fuzz)
}

/// The names of the `[[bin]]` sections of `tests/fuzz/Cargo.toml`.
fn fuzz_targets() -> Result<Vec<String>> {
    let manifest = root().join("tests/fuzz/Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .with_context(|| format!("reading {}", manifest.display()))?;
    Ok(bin_names(&text))
}

fn bin_names(manifest: &str) -> Vec<String> {
    let mut in_bin = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_bin = line == "[[bin]]";
        } else if let (true, Some((key, value))) = (in_bin, line.split_once('='))
            && key.trim() == "name"
        {
            names.push(value.trim().trim_matches('"').to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_targets_are_the_bins_of_the_manifest() {
        let manifest = "[package]\nname = \"fuzz\"\n[[bin]]\nname = \"flv_decode\"\npath = \"a.rs\"\n[[bin]]\nname=\"b\"\n";
        assert_eq!(bin_names(manifest), ["flv_decode", "b"]);
    }
}
