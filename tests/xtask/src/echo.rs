//! `cargo xtask bench-echo`: builds the bench apart from the workspace, and the Python that scores intelligibility.

use crate::run::{cargo, command, must, passes, target};
use crate::setup;
use anyhow::Result;
use std::path::PathBuf;

/// What scores intelligibility, pinned.
const PYTHON_PACKAGES: [&str; 3] = ["pystoi==0.4.1", "numpy==2.4.6", "scipy==1.17.1"];

/// Runs the bench; true when it could measure everything.
pub(crate) fn bench(arguments: &[String]) -> Result<bool> {
    setup::system_packages()?;
    let python = python()?;
    must(
        cargo()
            .args([
                "build",
                "--release",
                "--locked",
                "--manifest-path",
                "tests/echo/Cargo.toml",
                "--target-dir",
            ])
            .arg(target()),
    )?;
    passes(
        command(target().join("release").join("porthole-bench-echo"))
            .args(arguments)
            .arg("--scratch")
            .arg(folder())
            .arg("--python")
            .arg(python),
    )
}

fn folder() -> PathBuf {
    target().join("bench-echo")
}

/// The interpreter of an environment under `target`, made when it is missing or holds something else.
fn python() -> Result<PathBuf> {
    let environment = folder().join("python");
    let program = environment.join("bin").join("python");
    let stamp = environment.join("packages");
    let wanted = PYTHON_PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(program);
    }
    must(command("python3").args(["-m", "venv"]).arg(&environment))?;
    must(
        command(&program)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PYTHON_PACKAGES),
    )?;
    std::fs::write(stamp, wanted)?;
    Ok(program)
}
