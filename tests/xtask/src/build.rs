//! Building everything once: the UI first (the shell embeds it), then all crates with all their targets, so
//! that programs and tests share one set of features.

use crate::run::{cargo, must, npm};
use anyhow::{Context, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

/// A test program that cargo built.
pub(crate) struct TestProgram {
    /// The crate's name.
    pub(crate) package: String,
    /// The target's name.
    pub(crate) target: String,
    /// The crate's folder, in which its tests run.
    pub(crate) folder: PathBuf,
    /// The program.
    pub(crate) executable: PathBuf,
}

/// Builds `ui/dist`.
pub(crate) fn ui() -> Result<()> {
    must(npm().args(["run", "build", "--silent"])).context("building the UI")
}

/// Builds every crate, program and test of the workspace and names the tests.
pub(crate) fn workspace() -> Result<Vec<TestProgram>> {
    let mut build = cargo();
    build.args([
        "build",
        "--workspace",
        "--all-targets",
        "--message-format=json-render-diagnostics",
    ]);
    println!("$ cargo build --workspace --all-targets");
    let mut child = build
        .stdout(Stdio::piped())
        .spawn()
        .context("starting cargo")?;
    let stdout = child.stdout.take().context("reading cargo's messages")?;
    let mut programs = Vec::new();
    for line in BufReader::new(stdout).lines() {
        programs.extend(test_program(&line?));
    }
    if !child.wait()?.success() {
        bail!("`cargo build --workspace --all-targets` failed");
    }
    programs.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(programs)
}

/// Reads one of cargo's messages; `None` unless it announces a test program.
fn test_program(message: &str) -> Option<TestProgram> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let executable = PathBuf::from(message["executable"].as_str()?);
    let manifest = PathBuf::from(message["manifest_path"].as_str()?);
    let folder = manifest.parent()?.to_path_buf();
    Some(TestProgram {
        package: package_name(message["package_id"].as_str()?),
        target: message["target"]["name"].as_str()?.to_owned(),
        folder,
        executable,
    })
}

/// `path+file:///…/crates/wire#0.1.0` and `path+file:///…/crates/wire#wire@0.1.0` both name `wire`.
fn package_name(id: &str) -> String {
    let (place, version) = id.rsplit_once('#').unwrap_or((id, ""));
    match version.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => place.rsplit('/').next().unwrap_or(place).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids_of_both_forms_are_read() {
        assert_eq!(
            package_name("path+file:///home/a/crates/wire#0.1.0"),
            "wire"
        );
        assert_eq!(
            package_name("path+file:///home/a/src-tauri#porthole-desktop@0.1.0"),
            "porthole-desktop"
        );
    }

    #[test]
    fn messages_about_libraries_are_no_test_programs() {
        let library =
            r#"{"reason":"compiler-artifact","profile":{"test":false},"executable":null}"#;
        assert!(test_program(library).is_none());
        assert!(test_program("not json").is_none());
    }
}
