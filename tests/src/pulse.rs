//! A sound system of null sinks: a private PulseAudio. What is played on a sink is heard from its monitor, so one
//! sink is a microphone that somebody speaks into, another a loudspeaker that somebody listens to.
//!
//! Every function panics with what went wrong: nothing can be heard without it.

use crate::programs::{Folder, PATIENCE, Running, finish};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A running sound server.
pub struct Server {
    process: Running,
    folder: Folder,
}

impl Server {
    /// One with these sinks, 48 kHz in stereo; the first is the system's choice to play on, and the monitor of the
    /// last its choice to record from.
    pub fn start(sinks: &[&str]) -> Self {
        let folder = Folder::temporary();
        let mut command = Command::new("pulseaudio");
        command.args(["-n", "--daemonize=no", "--exit-idle-time=-1"]);
        command.args(["--use-pid-file=no", "--disable-shm=yes", "-L"]);
        let socket = folder.path().join("native");
        command.arg(format!(
            "module-native-protocol-unix socket={} auth-anonymous=1",
            socket.display()
        ));
        for name in sinks {
            command.arg("-L");
            command.arg(format!(
                "module-null-sink sink_name={name} rate=48000 channels=2"
            ));
        }
        command
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("HOME", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = Running::start(command.stderr(Stdio::null()));
        let server = Self { process, folder };
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < PATIENCE, "PulseAudio does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        if let (Some(first), Some(last)) = (sinks.first(), sinks.last()) {
            server.control(&["set-default-sink", first]);
            server.control(&["set-default-source", &format!("{last}.monitor")]);
        }
        server
    }

    /// The value of `PULSE_SERVER` for programs that play and record here.
    pub fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("native").display())
    }

    /// Makes `command` play and record here.
    pub fn attach(&self, command: &mut Command) {
        command.env("PULSE_SERVER", self.address());
    }

    /// `pactl ARGUMENTS`; what it prints.
    pub fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.command("pactl");
        finish(command.args(arguments), PATIENCE).succeeded().text()
    }

    /// Plays a file on a sink, from now to its end.
    pub fn play(&self, sink: &str, file: &Path) -> Running {
        let mut command = self.command("paplay");
        command.arg(format!("--device={sink}")).arg(file);
        Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// Records what a sink plays into a WAV file until the process is ended with [`stop`].
    pub fn record(&self, sink: &str, file: &Path) -> Running {
        let mut command = self.command("parec");
        command.args(["--rate=48000", "--channels=1", "--format=s16le"]);
        command.args(["--latency-msec=5", "--file-format=wav"]);
        command.arg(format!("--device={sink}.monitor")).arg(file);
        Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.attach(&mut command);
        command
    }
}

/// Ends a recording so that its file is whole.
pub fn stop(mut recording: Running) {
    recording.signal("INT");
    assert!(recording.wait(PATIENCE).is_some(), "parec does not end");
}
