//! A virtual screen whose pixels are read from outside, and the picture's marks on it.
//!
//! `Xvfb -fbdir` keeps the screen in a file that it maps: an X window dump header, then rows of 32-bit pixels.
//! Reading that file sees what a person would see, whatever the program says about itself.

use crate::programs::Running;
use media::marks;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// A screen without a monitor, and a session bus for the programs on it.
pub struct Screen {
    _server: Running,
    _bus: Running,
    bus_address: String,
    _folder: TempDir,
    display: String,
    /// Its pixels.
    pub pixels: Pixels,
}

impl Screen {
    /// Starts an X server on a free display number.
    pub fn start(width: u32, height: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("Xvfb");
        command.args([
            "-displayfd",
            "1",
            "-nolisten",
            "tcp",
            "-screen",
            "0",
            &format!("{width}x{height}x24"),
        ]);
        command.arg("-fbdir").arg(folder.path());
        let (server, number) = start_and_read_line(&mut command);
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]);
        let (bus, bus_address) = start_and_read_line(&mut bus);
        let pixels = Pixels::open(&folder.path().join("Xvfb_screen0"));
        Self {
            _server: server,
            _bus: bus,
            bus_address,
            _folder: folder,
            display: format!(":{number}"),
            pixels,
        }
    }

    /// The value of `DISPLAY` for programs on this screen.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// `program` on this screen, with this screen's session bus.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("GDK_BACKEND", "x11");
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus_address)
            .env("NO_AT_BRIDGE", "1");
        command
    }

    /// Writes what is on the screen as PNG.
    pub fn save(&self, file: &Path) -> bool {
        let mut command = Command::new("import");
        command
            .args(["-silent", "-window", "root"])
            .arg(file)
            .env("DISPLAY", &self.display);
        command.status().is_ok_and(|status| status.success())
    }
}

/// Starts a server that says where it is in its first line.
fn start_and_read_line(command: &mut Command) -> (Running, String) {
    let mut server = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let stdout = server.child().stdout.take().expect("its output is piped");
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    assert!(
        read.is_ok() && !line.trim().is_empty(),
        "{command:?} does not say where it is"
    );
    (server, line.trim().to_owned())
}

/// The pixels of a screen.
pub struct Pixels {
    file: File,
    start: u64,
    stride: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Pixels {
    /// Opens the file that `Xvfb -fbdir` maps (`XWDFile.h`: big-endian words; 0 = header size, 4 and 5 = width and
    /// height, 12 = bytes a line, 19 = colours, each 12 bytes).
    fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut header = [0; 100];
        file.read_exact_at(&mut header, 0)
            .expect("an X window dump header");
        let word = |index: usize| {
            let at = index * 4;
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        assert_eq!(word(11), 32, "bits a pixel");
        Self {
            start: u64::from(word(0)) + u64::from(word(19)) * 12,
            stride: u64::from(word(12)),
            width: word(4),
            height: word(5),
            file,
        }
    }

    /// Green of the pixels of a part of one row, as good as luma for black and white.
    pub fn row(&self, x: u32, y: u32, width: u32) -> Vec<u8> {
        let mut bytes = vec![0; width as usize * 4];
        let at = self.start + u64::from(y) * self.stride + u64::from(x) * 4;
        if y >= self.height
            || x + width > self.width
            || self.file.read_exact_at(&mut bytes, at).is_err()
        {
            return Vec::new();
        }
        bytes.chunks_exact(4).map(|pixel| pixel[1]).collect()
    }
}

/// Blocks in a row of marks (`media::marks`).
const BLOCKS: usize = 28;
/// Sides of a block that are looked for, pixels on the screen.
const SIDES: std::ops::Range<usize> = 5..60;
/// How far from now a counter may be to be believed, seconds: what is found by chance is further.
const BELIEVED_S: u64 = 10;

/// Where on the screen the row of the frame counter lies.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    x: f64,
    y: u32,
    side: f64,
    fps: u32,
}

impl Marks {
    /// Looks for the frame counter of a picture with `fps` pictures a second, at any place and size.
    pub fn find(pixels: &Pixels, fps: u32) -> Option<Self> {
        // The picture is near the bottom of the window: upwards finds it soonest.
        (0..pixels.height)
            .rev()
            .step_by(2)
            .find_map(|y| Self::find_in_row(pixels, y, fps))
    }

    fn find_in_row(pixels: &Pixels, y: u32, fps: u32) -> Option<Self> {
        let row = pixels.row(0, y, pixels.width);
        let mut x = 0;
        while x < row.len() {
            let run = row[x..].iter().take_while(|&&luma| luma > 200).count();
            if run == 0 {
                x += 1;
                continue;
            }
            if SIDES.contains(&run)
                && let Some(found) = Self::fit(pixels, &row, x, y, run, fps)
            {
                return Some(found);
            }
            x += run;
        }
        None
    }

    /// Takes the first white run as the first block and tries the sides it allows; the middle of those that read
    /// a believable counter is right.
    fn fit(pixels: &Pixels, row: &[u8], x: usize, y: u32, run: usize, fps: u32) -> Option<Self> {
        let sides = (-15..=15).map(|tenth| run as f64 + f64::from(tenth) / 10.0);
        let good: Vec<f64> = sides
            .filter(|&side| {
                read_blocks(row, x as f64, side).is_some_and(|counter| is_believable(counter, fps))
            })
            .collect();
        let side = good.get(good.len() / 2).copied()?;
        // Up and down from this line the blocks are as high as wide: aim at their middle.
        let marks = Self {
            x: x as f64,
            y,
            side,
            fps,
        };
        let up = (0..side as u32)
            .take_while(|&step| marks.at_line(pixels, y.saturating_sub(step)).is_some())
            .count();
        Some(Self {
            y: y.saturating_sub(up as u32 / 2),
            ..marks
        })
    }

    fn at_line(&self, pixels: &Pixels, y: u32) -> Option<u32> {
        let start = self.x.floor() as u32;
        let width = (self.side * BLOCKS as f64).ceil() as u32 + 1;
        read_blocks(
            &pixels.row(start, y, width.min(pixels.width - start)),
            self.x - f64::from(start),
            self.side,
        )
    }

    /// The frame counter now on the screen; `None` while it is covered or torn.
    pub fn counter(&self, pixels: &Pixels) -> Option<u32> {
        self.at_line(pixels, self.y)
            .filter(|&counter| is_believable(counter, self.fps))
    }

    /// Waits for the next change of the counter and says when it came; `None` after `limit`.
    pub fn next_change(
        &self,
        pixels: &Pixels,
        before: Option<u32>,
        limit: Duration,
    ) -> Option<Seen> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(counter) = self.counter(pixels)
                && Some(counter) != before
            {
                return Some(Seen {
                    counter,
                    at: Instant::now(),
                    age: age(counter, self.fps),
                });
            }
            std::thread::sleep(Duration::from_micros(700));
        }
        None
    }
}

/// A picture that appeared on the screen.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Its frame counter.
    pub counter: u32,
    /// When it appeared.
    pub at: Instant,
    /// Capture until then.
    pub age: Duration,
}

/// Microseconds since 1970.
pub fn unix_us() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// How long ago the camera, on this machine's clock, captured the picture with this counter.
pub fn age(counter: u32, fps: u32) -> Duration {
    let now = unix_us();
    Duration::from_micros(now.saturating_sub(marks::time_of(counter, fps, now)))
}

fn is_believable(counter: u32, fps: u32) -> bool {
    let now = unix_us();
    marks::time_of(counter, fps, now).abs_diff(now) < BELIEVED_S * 1_000_000
}

/// Reads 28 blocks of `side` pixels from `x` on: two of sync, 24 bits, parity and its opposite.
fn read_blocks(row: &[u8], x: f64, side: f64) -> Option<u32> {
    let mut blocks = 0_u32;
    for index in 0..BLOCKS {
        let at = (x + (index as f64 + 0.5) * side) as usize;
        let luma = *row.get(at)?;
        if (90..165).contains(&luma) {
            return None;
        }
        blocks = blocks << 1 | u32::from(luma >= 165);
    }
    let data = blocks >> 2 & (marks::COUNTER_LIMIT - 1);
    let parity = data.count_ones() & 1;
    (blocks == 0b10 << 26 | data << 2 | parity << 1 | (parity ^ 1)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_of(counter: u32, x: usize, side: f64) -> Vec<u8> {
        let parity = counter.count_ones() & 1;
        let blocks = 0b10 << 26 | counter << 2 | parity << 1 | (parity ^ 1);
        let end = x as f64 + side * BLOCKS as f64;
        (0..2000)
            .map(|at| {
                if at < x || at as f64 >= end {
                    return 128;
                }
                let index = ((at - x) as f64 / side) as usize;
                if blocks >> (BLOCKS - 1 - index.min(BLOCKS - 1)) & 1 == 1 {
                    235
                } else {
                    16
                }
            })
            .collect()
    }

    #[test]
    fn blocks_of_a_fractional_size_are_read() {
        for side in [8.6, 17.19, 20.0] {
            assert_eq!(
                read_blocks(&row_of(0xabc_def, 31, side), 31.0, side),
                Some(0xabc_def)
            );
        }
    }

    #[test]
    fn grey_and_broken_rows_are_refused() {
        assert_eq!(read_blocks(&[128; 800], 0.0, 17.0), None);
        let mut row = row_of(5, 0, 10.0);
        row[105] = 235;
        assert_eq!(read_blocks(&row, 0.0, 10.0), None);
    }
}
