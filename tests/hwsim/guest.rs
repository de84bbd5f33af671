//! The machine's half: runs the cases one after the other, each as a process of its own with a limit, and leaves
//! nothing of one case to the next: no process, no namespace, no radio.

use crate::cases::{self, Case};
use crate::home;
use crate::report::{self, Event, Report};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::places;
use tests::programs::Running;

/// Where the host reads what happened.
const RESULTS: &str = "/porthole/results";

/// Runs the cases that the host ordered.
pub(crate) fn run() -> Result<()> {
    let mut report = Report::open(Path::new(RESULTS))?;
    let order = places::text(&Path::new(RESULTS).join(report::ORDER));
    for (index, name) in order.lines().enumerate() {
        let case = cases::find(name).with_context(|| format!("no case is called {name}"))?;
        report.tell(&Event::Started(name.to_owned()))?;
        let start = Instant::now();
        let failure = one(case, index).err().map(|error| format!("{error:#}"));
        clear();
        report.tell(&Event::Ended {
            case: name.to_owned(),
            seconds: start.elapsed().as_secs_f64(),
            failure,
        })?;
    }
    report.tell(&Event::Finished)
}

fn one(case: &Case, index: usize) -> Result<()> {
    let folder = Path::new(RESULTS).join(report::folder(index, case.name));
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let said = folder.join("case");
    let output = fs::File::create(&said)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["case", case.name]).current_dir(&folder);
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let mut process = Running::start(&mut command);
    let status = process.wait(case.limit);
    let said = report::tail(&places::text(&said), 40);
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => anyhow::bail!("{status}\n{said}"),
        None => anyhow::bail!("not over after {} s\n{said}", case.limit.as_secs()),
    }
}

/// Ends every program but this one and those that started it, and takes all radios away.
fn clear() {
    let own = ancestors();
    let others: Vec<String> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| !own.contains(pid))
        // A thread of the kernel has no command line.
        .filter(|pid| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty()))
        .collect();
    let quietly = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        // What is gone already cannot be removed: no fault.
        let _ = command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    };
    if !others.is_empty() {
        quietly("sh", &["-c", &format!("kill -KILL {}", others.join(" "))]);
        std::thread::sleep(Duration::from_millis(200));
    }
    let _ = fs::remove_dir_all(home::DATA);
    quietly("ip", &["-all", "netns", "delete"]);
    quietly("busybox", &["rmmod", "mac80211_hwsim"]);
}

/// This process and those above it.
fn ancestors() -> Vec<String> {
    let mut pid = std::process::id().to_string();
    let mut found = Vec::new();
    while pid != "0" {
        let status = places::text(Path::new(&format!("/proc/{pid}/status")));
        found.push(pid);
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        pid = parent.unwrap_or("0").trim().to_owned();
    }
    found
}
