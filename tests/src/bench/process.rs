//! What processes cost, from /proc.

use std::collections::HashMap;
use std::fs;

/// Clock ticks a second of `/proc/PID/stat`: fixed at 100 for user space on Linux (`USER_HZ`).
const TICKS: f64 = 100.0;

/// CPU time used so far by a process and all its descendants, seconds.
pub(crate) fn tree_cpu_seconds(root: u32) -> f64 {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut cpu: HashMap<u32, f64> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some((parent, seconds)) = stat(id) {
            children.entry(parent).or_default().push(id);
            cpu.insert(id, seconds);
        }
    }
    let mut waiting = vec![root];
    let mut total = 0.0;
    while let Some(id) = waiting.pop() {
        total += cpu.get(&id).copied().unwrap_or(0.0);
        waiting.extend(children.remove(&id).unwrap_or_default());
    }
    total
}

/// CPU time used so far by the thread of that name, seconds.
pub(crate) fn thread_cpu_seconds(id: u32, name: &str) -> Option<f64> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?.flatten();
    let is_it = |thread: &fs::DirEntry| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    let stat = |thread: fs::DirEntry| read(&fs::read_to_string(thread.path().join("stat")).ok()?);
    let (_, seconds) = stat(threads.into_iter().find(is_it)?)?;
    Some(seconds)
}

/// Parent and CPU seconds of one process.
fn stat(id: u32) -> Option<(u32, f64)> {
    read(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Parent and CPU seconds (proc(5): fields 4, 14, 15 after the name in parentheses).
fn read(text: &str) -> Option<(u32, f64)> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some((fields.get(1)?.parse().ok()?, ticks / TICKS))
}

/// Memory of a process that is in RAM, KiB.
pub(crate) fn resident_kib(id: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
