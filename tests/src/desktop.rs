//! The app's window as a child: started with a data folder, its core's events read from its output.

use crate::places;
use crate::programs::{PATIENCE, Running};
use crate::screen::{Marks, Screen, Seen};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pictures a second of the virtual camera.
pub const FPS: u32 = 30;

/// The running app and what its core reported so far.
pub struct Desktop {
    process: Running,
    events: Arc<Mutex<Vec<Value>>>,
    started: Instant,
}

/// The app with `data` as its folder, opening on the page of `camera`; every event of its core is printed.
pub fn arguments(command: &mut Command, data: &Path, camera: Option<&str>) {
    command.arg("--data").arg(data).arg("--events");
    if let Some(camera) = camera {
        command.args(["--open", camera]);
    }
}

/// The app's program.
pub fn program() -> std::path::PathBuf {
    places::program("porthole-desktop", "porthole-desktop")
}

impl Desktop {
    /// Starts `command`, which runs the app with [`arguments`]; its log goes to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let log =
            std::fs::File::create(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let mut process = Running::start(command.stdout(Stdio::piped()).stderr(log));
        let started = Instant::now();
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let stdout = process.child().stdout.take().expect("its output is piped");
        let seen = Arc::clone(&events);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line) {
                    seen.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(event);
                }
            }
        });
        Self {
            process,
            events,
            started,
        }
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The newest value that an event of the core had at `pointer` (`/stats/connectMs`), unless null.
    pub fn reported(&self, pointer: &str) -> Option<Value> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events
            .iter()
            .rev()
            .filter_map(|event| event.pointer(pointer))
            .find(|value| !value.is_null())
            .cloned()
    }

    /// The first value that was reported at `pointer`, unless null.
    pub fn first_reported(&self, pointer: &str) -> Option<Value> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events
            .iter()
            .filter_map(|event| event.pointer(pointer))
            .find(|value| !value.is_null())
            .cloned()
    }

    /// Ends it as a desktop does at log-out; killed when it does not obey.
    pub fn quit(mut self) -> bool {
        self.process.signal("TERM");
        self.process.wait(Duration::from_secs(5)).is_some()
    }
}

/// What was seen on the screen.
pub struct Watched {
    /// Every picture that appeared.
    pub pictures: Vec<Seen>,
    /// How long was looked.
    pub took: Duration,
}

impl Watched {
    /// Pictures a second.
    pub fn fps(&self) -> f64 {
        self.pictures.len() as f64 / self.took.as_secs_f64()
    }

    /// Capture until on the screen, ms, of every picture.
    pub fn latencies(&self) -> Vec<f64> {
        self.pictures
            .iter()
            .map(|seen| crate::figures::ms(seen.age))
            .collect()
    }
}

/// Waits until a moving picture of the virtual camera is on the screen.
pub fn find_picture(screen: &Screen, limit: Duration) -> Option<Marks> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(marks) = Marks::find(&screen.pixels, FPS) {
            let first = marks.next_change(&screen.pixels, None, Duration::from_secs(2));
            let second = first.and_then(|seen| {
                marks.next_change(&screen.pixels, Some(seen.counter), Duration::from_secs(2))
            });
            if second.is_some() {
                return Some(marks);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Notes every picture that appears during `time`.
pub fn watch(screen: &Screen, marks: &Marks, time: Duration) -> Watched {
    let start = Instant::now();
    let mut pictures: Vec<Seen> = Vec::new();
    let mut last = marks.counter(&screen.pixels);
    while start.elapsed() < time {
        let left = time.saturating_sub(start.elapsed()).min(PATIENCE);
        if let Some(seen) = marks.next_change(&screen.pixels, last, left) {
            last = Some(seen.counter);
            pictures.push(seen);
        }
    }
    Watched {
        pictures,
        took: start.elapsed(),
    }
}
