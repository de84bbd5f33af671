//! Commands: started in a named folder, printed before they run, failing with the command's own line.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's top folder.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask
        .ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR`, or `target` in the repository.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) if !folder.is_empty() => root().join(folder),
        _ => root().join("target"),
    }
}

/// A command to run in the repository's top folder.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// `cargo`, the one that runs this program, with the environment that it has when it is typed: what cargo tells this
/// program about the package `xtask` would make `ring` and everything above it be built anew, and then again by hand.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told == "CARGO_MANIFEST_DIR"
            || told == "CARGO_MANIFEST_PATH"
            || told.starts_with("CARGO_PKG_")
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// `npm` in `ui/`.
pub(crate) fn npm() -> Command {
    let mut npm = command("npm");
    npm.current_dir(root().join("ui"));
    npm
}

/// Prints the command, runs it, and says whether it succeeded.
pub(crate) fn passes(command: &mut Command) -> Result<bool> {
    println!("$ {}", line(command));
    let status = command
        .status()
        .with_context(|| format!("starting `{}`", line(command)))?;
    Ok(status.success())
}

/// Prints the command and runs it; a failure is an error.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    if passes(command)? {
        Ok(())
    } else {
        bail!("`{}` failed", line(command))
    }
}

/// Whether a program is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

/// A command as it is typed.
pub(crate) fn line(command: &Command) -> String {
    let mut words = vec![short(command.get_program())];
    words.extend(command.get_args().map(short));
    words.join(" ")
}

fn short(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let root = root();
    word.strip_prefix(&format!("{}/", root.display()))
        .unwrap_or(&word)
        .to_owned()
}
