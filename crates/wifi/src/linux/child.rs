//! Child processes that never outlive us.
//!
//! A child gets `SIGTERM` when its handle is dropped, and from the kernel when we die in any way, `kill -9` included
//! (`PR_SET_PDEATHSIG`). The kernel means the *thread* that started the child, so one thread that never ends starts
//! them all.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How long a child may take to end in order before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// A running child. Dropped, it is asked to end, and killed if it does not.
#[derive(Debug)]
pub(crate) struct Child {
    process: Option<std::process::Child>,
}

type Answer<T> = oneshot::Sender<io::Result<T>>;

enum Order {
    Start(Box<Command>, Answer<Child>),
    Write(PathBuf, String, Answer<()>),
}

/// Writes a program that only we may read and start. A child that is being started has what is open for writing open
/// as well for a moment, and what is open for writing cannot be started: so the thread that starts them writes it.
pub(crate) async fn write_program(path: &Path, text: String) -> io::Result<()> {
    let (answer, answered) = oneshot::channel();
    give(Order::Write(path.to_owned(), text, answer))?;
    answered.await.map_err(|_| gone())?
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o700))
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts programs is gone")
}

fn give(order: Order) -> io::Result<()> {
    let starter = starter().ok_or_else(gone)?;
    starter.send(order).map_err(|_| gone())
}

/// Starts a command in a process group of its own, without input and with its standard output in a pipe.
pub(crate) async fn spawn(mut command: Command) -> io::Result<(Child, OwnedFd)> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let parent = std::process::id();
    // SAFETY: between fork and exec only async-signal-safe calls are made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || end_with(parent));
    }
    let (answer, answered) = oneshot::channel();
    give(Order::Start(Box::new(command), answer))?;
    let mut child = answered.await.map_err(|_| gone())??;
    let output = child
        .process
        .as_mut()
        .and_then(|process| process.stdout.take())
        .ok_or_else(|| io::Error::other("a program without its output"))?;
    Ok((child, output.into()))
}

/// Has the kernel end this process with its parent.
fn end_with(parent: u32) -> io::Result<()> {
    // SAFETY: plain system calls with integers.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) != 0 {
            return Err(io::Error::last_os_error());
        }
        // The parent may have died before the line above.
        if u32::try_from(libc::getppid()) != Ok(parent) {
            return Err(io::Error::from_raw_os_error(libc::ECANCELED));
        }
    }
    Ok(())
}

fn starter() -> Option<&'static mpsc::Sender<Order>> {
    static STARTER: OnceLock<Option<mpsc::Sender<Order>>> = OnceLock::new();
    let start = || {
        let (orders, inbox) = mpsc::channel::<Order>();
        let work = move || {
            for order in inbox {
                // When nobody waits any more, what was started is dropped here and so ends.
                match order {
                    Order::Start(mut command, answer) => {
                        let started = command.spawn().map(|process| Child {
                            process: Some(process),
                        });
                        let _ = answer.send(started);
                    }
                    Order::Write(path, text, answer) => {
                        let _ = answer.send(write(&path, &text));
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("wifi-children".to_owned());
        thread.spawn(work).ok().map(|_| orders)
    };
    STARTER.get_or_init(start).as_ref()
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        if let Ok(id) = libc::pid_t::try_from(process.id()) {
            // SAFETY: a signal to our own child, which is not reaped yet, so the id is still its own.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
        // Waiting takes a moment that whoever drops this does not have.
        let reap = move || {
            let deadline = Instant::now() + GRACE;
            while Instant::now() < deadline {
                if !matches!(process.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = process.kill();
            let _ = process.wait();
        };
        let _ = std::thread::Builder::new()
            .name("wifi-reaper".to_owned())
            .spawn(reap);
    }
}

/// The first of these programs that is installed, with its full path.
pub(crate) fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A service or a user's shell may lack the folders of a system's programs.
    let folders: Vec<_> = std::env::split_paths(&path)
        .chain([
            "/usr/sbin".into(),
            "/sbin".into(),
            "/usr/bin".into(),
            "/bin".into(),
        ])
        .collect();
    let at = |program: &&str| {
        let places = folders.iter().map(|folder| folder.join(program));
        places.into_iter().find(|place| place.is_file())
    };
    programs.iter().find_map(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn sleeper() -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo $$; exec sleep 600"]);
        command
    }

    fn is_alive(id: libc::pid_t) -> bool {
        // SAFETY: signal 0 only asks.
        unsafe { libc::kill(id, 0) == 0 }
    }

    async fn start() -> (Child, libc::pid_t) {
        let (child, output) = spawn(sleeper()).await.unwrap();
        let mut line = [0; 32];
        let read = std::fs::File::from(output).read(&mut line).unwrap();
        let id = std::str::from_utf8(&line[..read])
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        (child, id)
    }

    async fn gone(id: libc::pid_t) -> bool {
        for _ in 0..500 {
            if !is_alive(id) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_dropped_child_ends() {
        let (child, id) = start().await;
        assert!(is_alive(id));
        drop(child);
        assert!(gone(id).await);
    }

    #[tokio::test]
    async fn a_child_lives_on_when_the_thread_that_asked_for_it_ends() {
        let ask = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(start())
        };
        let (child, id) = std::thread::spawn(ask).join().unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(is_alive(id));
        drop(child);
        assert!(gone(id).await);
    }

    /// Not a test by itself: the process that `a_child_ends_with_a_process_that_is_killed` kills.
    #[tokio::test]
    async fn stays_until_killed() {
        if std::env::var_os("WIFI_TEST_STAYS").is_none() {
            return;
        }
        let (_child, id) = start().await;
        println!("child={id}.");
        std::future::pending::<()>().await;
    }

    #[tokio::test]
    async fn a_child_ends_with_a_process_that_is_killed() {
        use std::io::{BufRead, BufReader};
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "linux::child::tests::stays_until_killed",
            ])
            .env("WIFI_TEST_STAYS", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let id = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("child=")?.1.split_once('.')?.0.parse().ok())
            .unwrap();
        assert!(is_alive(id));
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(gone(id).await);
    }
}
