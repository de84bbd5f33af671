//! What a program that has ended leaves.

use crate::programs::Running;
use serde_json::Value;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a finished program left.
pub struct Outcome {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error, as text.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Outcome {
    /// The standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}\n{}", self.text(), self.stderr))
    }

    /// Itself, if the exit code is 0.
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.text(), self.stderr);
        self
    }
}

/// Runs a command to its end, which must come within `limit`.
pub fn finish(command: &mut Command, limit: Duration) -> Outcome {
    let start = Instant::now();
    let mut process = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut stdout = process.child().stdout.take().expect("its output is piped");
    let mut stderr = process.child().stderr.take().expect("its errors are piped");
    let out = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        bytes
    });
    let err = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let status = process.wait(limit);
    let took = start.elapsed();
    process.kill();
    let stdout = out.join().unwrap_or_default();
    let stderr = err.join().unwrap_or_default();
    let Some(status) = status else {
        panic!(
            "{command:?} did not end within {limit:?}:\n{}\n{stderr}",
            String::from_utf8_lossy(&stdout)
        );
    };
    Outcome {
        code: status.code(),
        stdout,
        stderr,
        took,
    }
}
