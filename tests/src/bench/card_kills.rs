//! The camera killed at many random moments while it records: the test of the crate `firmware`, as long as its environment says.

use super::table::{Row, Target};
use crate::places;
use anyhow::{Context, Result, ensure};
use std::process::Command;

/// Kills unless `PORTHOLE_KILLS` says otherwise.
const KILLS: &str = "1000";

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let kills = std::env::var("PORTHOLE_KILLS").unwrap_or_else(|_| KILLS.to_owned());
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--workspace", "--test", "card"]);
    if places::programs().ends_with("release") {
        cargo.arg("--release");
    }
    cargo.args(["--", "--nocapture", "a_camera_killed_at_any_moment"]);
    let output = cargo
        .env("PORTHOLE_KILLS", &kills)
        .current_dir(places::repository())
        .output()
        .context("starting cargo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = said.lines().find(|line| line.contains(" kills: "));
    let line = line.context("the test says nothing")?;
    let survived = line.split_whitespace().find_map(|word| word.parse().ok());
    let at_least = Target::AtLeast(kills.parse().context("PORTHOLE_KILLS")?);
    let row = Row::new(
        "kills survived, open GOP lost at most",
        at_least,
        survived,
        "",
    );
    Ok(vec![row.note(line.trim())])
}
