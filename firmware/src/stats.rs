//! What the camera counts, as JSON for benches and for whoever looks after it.

use std::time::Duration;

use serde::Serialize;

use crate::talk::TalkStats;

/// Everything, as the topic `stats` and SIGUSR1 give it.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Seconds since the camera was started.
    pub uptime_seconds: u64,
    /// Viewers with a live stream.
    pub viewers: u32,
    /// How many may watch.
    pub max_viewers: u32,
    /// Viewers on the camera's list.
    pub known_viewers: usize,
    /// The program.
    pub process: Process,
    /// The lanes.
    pub lanes: Vec<LaneStats>,
    /// Every live stream.
    pub streams: Vec<ViewerStats>,
    /// Talks.
    pub talk: TalkStats,
    /// The card, if the camera has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardStats>,
}

/// The card and what is recorded on it.
#[derive(Clone, Debug, Serialize)]
pub struct CardStats {
    /// "ok", "slow", "full", "read_only", "missing" or "corrupt".
    pub state: &'static str,
    /// "continuous", "schedule", "events" or "off".
    pub mode: &'static str,
    /// A segment is being written.
    pub recording: bool,
    /// The camera knows the time.
    pub clock_known: bool,
    /// Segments on the card.
    pub segments: usize,
    /// Bytes that recordings take.
    pub used_bytes: u64,
    /// Bytes that they may take.
    pub total_bytes: u64,
    /// GOPs written since the camera was started.
    pub gops: u64,
    /// GOPs that the card did not take.
    pub lost_gops: u64,
    /// Times that something moved.
    pub events: u64,
    /// Mean time until a GOP was on the card, over about the last ten, milliseconds.
    pub write_mean_ms: f64,
    /// The longest, milliseconds.
    pub write_max_ms: f64,
    /// Bytes that wait for the card.
    pub queue_bytes: usize,
    /// The most there ever were.
    pub queue_most_bytes: usize,
    /// Bytes left out because the card was too slow.
    pub left_out_bytes: u64,
    /// How often that began.
    pub gaps: u64,
}

/// What the program takes, from /proc.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Memory that is resident, bytes.
    pub resident_bytes: u64,
    /// Processor time so far, milliseconds.
    pub cpu_ms: u64,
}

impl Process {
    /// As of now; zeros where /proc does not tell.
    pub fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse()
                .ok()
        });
        Self {
            resident_bytes: kib.unwrap_or(0_u64) * 1024,
            cpu_ms: cpu_ms(&stat),
        }
    }
}

/// Fields 14 and 15 of /proc/self/stat, in ticks of 10 ms (proc(5)); the name before them may hold anything.
fn cpu_ms(stat: &str) -> u64 {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum::<u64>()
        * 10
}

/// One lane.
#[derive(Clone, Debug, Serialize)]
pub struct LaneStats {
    /// "standard", "high", "super" or "audio".
    pub lane: &'static str,
    /// Streams.
    pub viewers: u32,
    /// Whether there is a picture.
    pub running: bool,
    /// Bytes in the ring, shared by all viewers.
    pub ring_bytes: usize,
    /// Tags in the ring.
    pub ring_entries: usize,
    /// Why it stands still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Its encoder.
    pub encoder: EncoderStats,
}

/// One encoder, since the camera was started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EncoderStats {
    /// Pictures encoded.
    pub pictures: u64,
    /// Pictures left out because it was busy.
    pub dropped: u64,
    /// Mean time of a picture over about the last second, milliseconds.
    pub mean_ms: f64,
    /// The longest, milliseconds.
    pub max_ms: f64,
}

impl EncoderStats {
    /// Counts a picture.
    pub fn count(&mut self, took: Duration) {
        const WEIGHT: f64 = 1.0 / 30.0;
        let ms = took.as_secs_f64() * 1e3;
        self.mean_ms = if self.pictures == 0 {
            ms
        } else {
            self.mean_ms + (ms - self.mean_ms) * WEIGHT
        };
        self.max_ms = self.max_ms.max(ms);
        self.pictures += 1;
    }
}

/// One live stream.
#[derive(Clone, Debug, Serialize)]
pub struct ViewerStats {
    /// First characters of the viewer's key.
    pub viewer: String,
    /// What it watches.
    pub lane: &'static str,
    /// Bytes handed to its connection.
    pub bytes: u64,
    /// Tags handed to its connection.
    pub tags: u64,
    /// How often it was too slow and moved to a keyframe.
    pub skips: u64,
    /// Tags it was not sent for that.
    pub skipped_tags: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_knows_what_it_takes() {
        assert!(Process::now().resident_bytes > 1 << 20);
        assert_eq!(cpu_ms("1 (a) b) S 1 2 3 4 5 6 7 8 9 10 21 22 23"), 430);
        assert_eq!(cpu_ms("nonsense"), 0);
    }
}
