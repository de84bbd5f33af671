//! `cargo xtask demo`, `cargo xtask bench-live` and `cargo xtask bench-hub`: build, then hand over to the programs of the `tests` crate.

use crate::run::{cargo, command, must, passes, target};
use crate::{build, setup};
use anyhow::Result;

/// Builds everything and starts the demonstration; true when it saw the picture move.
pub(crate) fn run(headless: bool) -> Result<bool> {
    setup::for_building()?;
    build::ui()?;
    must(cargo().args(["build", "--workspace", "--bins"]))?;
    let mut demo = command(target().join("debug").join("demo"));
    if headless || !has_display() {
        demo.arg("--headless");
    }
    passes(&mut demo)
}

/// Builds everything for release and measures; true when every part could be measured.
pub(crate) fn bench_live(parts: &[String]) -> Result<bool> {
    setup::everything()?;
    build::ui()?;
    must(cargo().args(["build", "--workspace", "--bins", "--release"]))?;
    must(cargo().args([
        "build",
        "--package",
        "firmware",
        "--profile",
        "camera",
        "--no-default-features",
    ]))?;
    passes(command(target().join("release").join("bench-live")).args(parts))
}

/// Builds the programs for release and measures recording, playback and downloads; true when everything could be measured.
pub(crate) fn bench_card(parts: &[String]) -> Result<bool> {
    setup::for_building()?;
    setup::for_one_bench(&["nginx-light", "curl", "iproute2"])?;
    build::ui()?;
    must(cargo().args([
        "build",
        "--workspace",
        "--bins",
        "--example",
        "card",
        "--test",
        "card",
        "--release",
    ]))?;
    passes(command(target().join("release").join("bench-card")).args(parts))
}

/// Builds the programs for release and measures talk; true when everything could be measured.
pub(crate) fn bench_talk(minutes: Option<u32>) -> Result<bool> {
    setup::for_building()?;
    must(cargo().args(["build", "--workspace", "--release", "--bins"]))?;
    let mut bench = command(target().join("release").join("bench-talk"));
    passes(bench.args(minutes.map(|minutes| minutes.to_string())))
}

/// Builds the load tool for release and runs it; true when every setup could be measured.
pub(crate) fn bench_hub(arguments: &[String]) -> Result<bool> {
    setup::for_building()?;
    must(cargo().args([
        "build",
        "--package",
        "tests",
        "--bin",
        "bench-hub",
        "--release",
    ]))?;
    passes(command(target().join("release").join("bench-hub")).args(arguments))
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
