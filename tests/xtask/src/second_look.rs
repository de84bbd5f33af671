//! Test programs, and a second look at what failed in them.
//!
//! Whole cameras, windows and networks run on a machine that others use too: a test that waits for a picture can miss it without
//! anything being wrong. What failed is therefore run once more, alone. What fails twice has failed; what passes then is named as
//! unsteady, so that it is seen and mended rather than hidden.

use crate::run::{line, passes};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// More failures than this are no accident: they are not run again.
const MANY: usize = 5;

/// Runs a test program; adds the names of the tests that passed only the second time to `unsteady`.
pub(crate) fn run(mut test: Command, unsteady: &mut Vec<String>) -> Result<bool> {
    println!("$ {}", line(&test));
    test.stdout(Stdio::piped());
    let mut child = test
        .spawn()
        .with_context(|| format!("starting `{}`", line(&test)))?;
    let mut said = Vec::new();
    if let Some(output) = child.stdout.take() {
        said = tee(BufReader::new(output)).context("reading what a test says")?;
    }
    if child.wait().context("waiting for a test")?.success() {
        return Ok(true);
    }
    let failed = failed_tests(&said);
    if failed.is_empty() || failed.len() > MANY {
        return Ok(false);
    }
    println!("\n-- a second look, alone: {}", failed.join(", "));
    let mut again = Command::new(test.get_program());
    if let Some(folder) = test.get_current_dir() {
        again.current_dir(folder);
    }
    for (name, value) in test.get_envs() {
        match value {
            Some(value) => again.env(name, value),
            None => again.env_remove(name),
        };
    }
    again
        .args(["--exact", "--test-threads", "1", "--nocapture"])
        .args(&failed);
    let passed = passes(&mut again)?;
    if passed {
        unsteady.extend(failed);
    }
    Ok(passed)
}

/// Hands on what comes, byte for byte, and keeps its lines.
fn tee(mut output: impl BufRead) -> std::io::Result<Vec<String>> {
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    let mut screen = std::io::stdout();
    while output.read_until(b'\n', &mut line)? > 0 {
        screen.write_all(&line)?;
        lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    screen.flush()?;
    Ok(lines)
}

/// The names below the last `failures:` of a test program that came to its end; none of one that did not.
fn failed_tests(said: &[String]) -> Vec<String> {
    let Some(end) = said
        .iter()
        .rposition(|line| line.starts_with("test result: FAILED"))
    else {
        return Vec::new();
    };
    let Some(start) = said[..end].iter().rposition(|line| line == "failures:") else {
        return Vec::new();
    };
    said[start + 1..end]
        .iter()
        .filter_map(|line| line.strip_prefix("    "))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_last_list_names_what_failed() {
        let said = "test a ... ok\ntest b::c ... FAILED\n\nfailures:\n\n---- b::c stdout ----\nfailures:\n    no\n\n\
                    failures:\n    b::c\n    d\n\ntest result: FAILED. 1 passed; 2 failed\n";
        assert_eq!(failed_tests(&lines(said)), ["b::c", "d"]);
    }

    #[test]
    fn a_program_that_died_names_nothing() {
        assert_eq!(
            failed_tests(&lines("failures:\n    a\nsignal: 11\n")),
            [""; 0]
        );
        assert_eq!(failed_tests(&lines("test result: ok. 1 passed\n")), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn what_passes_the_second_time_is_named_and_what_fails_twice_fails() {
        let folder = std::env::temp_dir().join(format!("second-look-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        // A test program in small: fails the first time, and the second time too if it is told to.
        let script = "case \"$*\" in *--exact*) exit $AGAIN;; esac
            printf 'failures:\\n    slow\\n\\ntest result: FAILED.\\n'; exit 101";
        let path = folder.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("a program");
        for (again, passed, named) in [("0", true, vec!["slow".to_owned()]), ("1", false, vec![])] {
            let mut test = Command::new(&path);
            test.env("AGAIN", again);
            let mut unsteady = Vec::new();
            let outcome = run(test, &mut unsteady).expect("it runs");
            assert_eq!((outcome, unsteady), (passed, named));
        }
        let _ = std::fs::remove_dir_all(&folder);
    }
}
