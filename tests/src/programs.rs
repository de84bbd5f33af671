//! Both real programs as children: a camera with its folder, a viewer with its own.
//!
//! Every function panics with what the program said when it does not do what a test relies on.

pub use crate::outcome::{Outcome, finish};
use crate::{places, pulse};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Exit codes of `porthole`, as its `--help` lists them.
pub mod exit {
    /// The text is no link, or the camera refused it.
    pub const LINK: i32 = 3;
    /// No saved camera has that name.
    pub const UNKNOWN: i32 = 4;
    /// No address of the camera answers.
    pub const UNREACHED: i32 = 5;
    /// The camera does not know this viewer.
    pub const REFUSED: i32 = 6;
    /// The camera serves as many viewers as it can.
    pub const FULL: i32 = 7;
    /// A sound device, the gateway or the radio cannot be used.
    pub const DEVICE: i32 = 12;
    /// The camera takes no voice, or somebody else talks.
    pub const TALK: i32 = 19;
}

/// Longest that a program may take to answer anything in a test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Where a program keeps its data.
pub enum Folder {
    /// Gone with its owner.
    Temporary(TempDir),
    /// Stays.
    Kept(PathBuf),
}

impl Folder {
    /// A new one that goes away with its owner.
    pub fn temporary() -> Self {
        Self::Temporary(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A fresh one at `path`, which is emptied first.
    pub fn fresh(path: PathBuf) -> Self {
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::Kept(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// A child that is killed when its owner goes away.
pub struct Running(Child);

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("starting {command:?}: {error}")))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The child itself.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Sends a signal by name (`STOP`, `CONT`, `TERM`, `KILL`).
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "sending {name} to process {}",
            self.id()
        );
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Waits until it has ended; `None` when it has not after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5))
                }
                _ => return None,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A virtual camera: `porthole-camera --board sim`.
pub struct Camera {
    process: Running,
    program: PathBuf,
    folder: Folder,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Its pairing link, as printed at the last start; later starts without an open invitation print none.
    pub link: String,
}

impl Camera {
    /// Starts one with a folder of its own.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(Folder::temporary(), arguments)
    }

    /// Starts one that keeps what it knows in `folder`.
    pub fn start_in(folder: Folder, arguments: &[&str]) -> Self {
        let program = places::program("firmware", "porthole-camera");
        Self::start_program(&program, folder, arguments)
    }

    /// Starts another build of the program.
    pub fn start_program(program: &Path, folder: Folder, arguments: &[&str]) -> Self {
        Self::start_with(program, folder, arguments, Vec::new())
    }

    /// Starts one that plays on a sound system of its own.
    pub fn start_beside(sound: &pulse::Server, arguments: &[&str]) -> Self {
        let program = places::program("firmware", "porthole-camera");
        let environment = vec![("PULSE_SERVER".to_owned(), sound.address())];
        Self::start_with(&program, Folder::temporary(), arguments, environment)
    }

    fn start_with(
        program: &Path,
        folder: Folder,
        arguments: &[&str],
        environment: Vec<(String, String)>,
    ) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        let (process, link) = launch(program, folder.path(), &arguments, &environment);
        Self {
            process,
            program: program.to_path_buf(),
            folder,
            arguments,
            environment,
            link,
        }
    }

    /// Starts it again with the same identity and viewers, after [`Camera::kill`].
    pub fn restart(&mut self) {
        let (process, link) = launch(
            &self.program,
            self.folder.path(),
            &self.arguments,
            &self.environment,
        );
        self.process = process;
        self.link = link;
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        places::text(&self.folder.path().join("log"))
    }
}

fn launch(
    program: &Path,
    folder: &Path,
    arguments: &[String],
    environment: &[(String, String)],
) -> (Running, String) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log file");
    let mut command = Command::new(program);
    command
        .args(["--board", "sim", "--json", "--data"])
        .arg(folder.join("data"))
        .args(arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let mut process = Running::start(command.stdout(Stdio::piped()).stderr(log));
    let stdout = process.child().stdout.take().expect("its output is piped");
    let (send, lines) = mpsc::channel();
    // Reads on to the end, so that the camera never blocks on a full pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = lines.recv_timeout(left) else {
            panic!(
                "the camera is not ready: {said:?}\n{}",
                places::text(&folder.join("log"))
            );
        };
        if let Ok(message) = serde_json::from_str::<Value>(&line)
            && message["ready"] == true
        {
            return (
                process,
                message["link"].as_str().unwrap_or_default().to_owned(),
            );
        }
        said.push(line);
    }
}

/// A person with a viewer: the `porthole` program with a data folder of its own.
pub struct Viewer {
    folder: Folder,
}

impl Viewer {
    /// One that knows no camera.
    pub fn new() -> Self {
        Self::new_in(Folder::temporary())
    }

    /// One that keeps what it knows below `folder`.
    pub fn new_in(folder: Folder) -> Self {
        Self { folder }
    }

    /// One that has added `camera` under the key `front`.
    pub fn paired(camera: &Camera) -> Self {
        let viewer = Self::new();
        viewer
            .run(&["add", &camera.link, "--name", "front"])
            .succeeded();
        viewer
    }

    /// A path in a folder that goes away with this viewer.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// `porthole --data … ARGUMENTS`, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(places::program("app", "porthole"));
        command.arg("--data").arg(self.data()).args(arguments);
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs `porthole ARGUMENTS` to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_for(arguments, PATIENCE)
    }

    /// Runs `porthole ARGUMENTS`, which must end within `limit`.
    pub fn run_for(&self, arguments: &[&str], limit: Duration) -> Outcome {
        finish(&mut self.command(arguments), limit)
    }

    /// A fresh one-time link to its camera `key` for another viewer.
    pub fn share(&self, key: &str) -> String {
        let shared = self.run(&["share", key]).succeeded().text();
        let link = shared
            .split_whitespace()
            .find(|word| word.starts_with("porthole:"));
        link.unwrap_or_else(|| panic!("no link in: {shared}"))
            .to_owned()
    }

    /// Starts `porthole gateway` and waits for its first URL.
    pub fn gateway(&self) -> Gateway {
        let mut process = self.start(&["gateway"]);
        let stdout = process.child().stdout.take().expect("its output is piped");
        let is_url = |word: &&str| word.starts_with("http://127.0.0.1:");
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(url) = line.split_whitespace().find(is_url) {
                return Gateway {
                    _process: process,
                    url: url.to_owned(),
                };
            }
        }
        panic!("the gateway printed no URL");
    }

    /// Starts `porthole ARGUMENTS` with its output piped.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(
            self.command(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        )
    }
}

/// `porthole gateway`, running.
pub struct Gateway {
    _process: Running,
    url: String,
}

impl Gateway {
    /// The first camera's URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Default for Viewer {
    fn default() -> Self {
        Self::new()
    }
}
