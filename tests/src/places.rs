//! Where the repository and the programs are, and reading its files.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's top folder.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// The folder of the profile this program was built in (`target/debug`): its neighbours are the programs
/// under test.
pub fn programs() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own.parent().unwrap_or(Path::new("."));
    match folder.file_name() {
        // Test programs lie one folder deeper.
        Some(name) if name == "deps" => folder.parent().unwrap_or(folder).to_path_buf(),
        _ => folder.to_path_buf(),
    }
}

/// Cargo's `target` folder.
pub fn target() -> PathBuf {
    let programs = programs();
    programs.parent().unwrap_or(&programs).to_path_buf()
}

/// A program of the workspace, built if it is missing.
///
/// # Panics
/// When it cannot be built: nothing can be tested without it.
pub fn program(package: &str, name: &str) -> PathBuf {
    let path = programs().join(name);
    if !path.is_file() {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args(["build", "--package", package, "--bin", name])
            .current_dir(repository());
        if programs().ends_with("release") {
            build.arg("--release");
        }
        let built = build.status().is_ok_and(|status| status.success());
        assert!(
            built && path.is_file(),
            "`{name}` is not at {} and could not be built",
            path.display()
        );
    }
    path
}

/// A file as text; empty when it cannot be read.
pub fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Whether a path ends in one of these extensions.
pub fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|own| extensions.contains(&own))
}

/// All files below a folder with one of these extensions, sorted.
pub fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if has_extension(&path, extensions) {
            found.push(path);
        }
    }
    found.sort();
    found
}
