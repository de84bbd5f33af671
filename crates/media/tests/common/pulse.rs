//! A PulseAudio server of the test's own, with a null sink "spk" in place of a loudspeaker.
//!
//! One for the test program: the client finds it through `PULSE_SERVER` in the environment, which is
//! process-wide. It ends with the program.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A running server in a folder of its own.
pub(crate) struct Pulse {
    child: Child,
    folder: tempfile::TempDir,
}

impl Pulse {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// With what to install if the programs `pulseaudio` and `pactl` are missing.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("native");
        let child = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=stderr"])
            .args(["--log-level=error", "--disable-shm=yes", "-L"])
            .arg(format!("module-native-protocol-unix socket={} auth-anonymous=1", socket.display()))
            .args(["-L", "module-null-sink sink_name=spk rate=48000 channels=2"])
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program `pulseaudio` starts (Debian: apt-get install pulseaudio pulseaudio-utils)");
        let pulse = Self { child, folder };
        let begun = Instant::now();
        while !pulse.pactl(&["info"]) {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "pulseaudio does not answer"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        pulse
    }

    /// What `PULSE_SERVER` has to be.
    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("native").display())
    }

    /// Runs a command on the server; whether it worked.
    pub(crate) fn pactl(&self, arguments: &[&str]) -> bool {
        Command::new("pactl")
            .args(arguments)
            .env("PULSE_SERVER", self.address())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("the program `pactl` starts (Debian: apt-get install pulseaudio-utils)")
            .success()
    }

    /// Stops the server, as if it had crashed.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs this test program's test `name` again in a process of its own whose sound server is `pulse`: the
/// environment of a process cannot be changed safely while its threads run. True in that process.
pub(crate) fn in_own_process(name: &str, address: &str) -> bool {
    static INSIDE: OnceLock<bool> = OnceLock::new();
    if *INSIDE.get_or_init(|| std::env::var_os("PORTHOLE_TEST_INSIDE").is_some()) {
        return true;
    }
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env("PORTHOLE_TEST_INSIDE", "1")
        .env("PULSE_SERVER", address)
        .output()
        .expect("starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "{text}");
    print!("{text}");
    false
}
