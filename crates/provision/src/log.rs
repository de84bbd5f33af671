//! The log of an attempt: the last lines, without secrets.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::defaults::{LOG_LINE_BYTES, LOG_LINES};

/// Spellings of secrets that are hidden; the oldest is forgotten when one more comes. A secret has two at most.
const MAX_SPELLINGS: usize = 512;
/// A text shorter than this is no secret: hiding it would hide everything.
const MIN_SECRET_BYTES: usize = 4;
const HIDDEN: &str = "***";

/// Takes secrets out of texts. `Debug` shows how many it knows.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: VecDeque<String>,
}

impl Redactor {
    /// A redactor that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides this text from now on, and the ways in which JSON and Rust write it. The last 256 secrets at least are
    /// known.
    pub fn hide(&mut self, secret: &str) {
        if secret.len() < MIN_SECRET_BYTES {
            return;
        }
        let quoted = format!("{secret:?}");
        let mut spellings = vec![secret.to_owned(), quoted[1..quoted.len() - 1].to_owned()];
        spellings.dedup();
        for spelling in spellings {
            self.secrets.retain(|known| *known != spelling);
            self.secrets.push_back(spelling);
        }
        while self.secrets.len() > MAX_SPELLINGS {
            self.secrets.pop_front();
        }
    }

    /// The text with `***` for each secret.
    pub fn redact(&self, text: &str) -> String {
        // The longest first: a secret that is part of another must not leave the rest of it standing.
        let mut secrets: Vec<&String> = self.secrets.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), HIDDEN)
        })
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

/// The last [`LOG_LINES`] lines, each `<uptime ms>|<place>: <text>` and at most [`LOG_LINE_BYTES`]. Clones share them.
#[derive(Debug, Clone)]
pub struct Log(Arc<Mutex<Ring>>);

#[derive(Debug)]
struct Ring {
    start: Instant,
    lines: VecDeque<String>,
    redactor: Redactor,
}

impl Log {
    /// An empty log; `start` is when the camera's time begins.
    pub fn new(start: Instant) -> Self {
        Self(Arc::new(Mutex::new(Ring {
            start,
            lines: VecDeque::with_capacity(LOG_LINES),
            redactor: Redactor::new(),
        })))
    }

    /// Keeps a secret out: of the lines to come, and of those that are there.
    pub fn hide(&self, secret: &str) {
        let mut ring = self.ring();
        ring.redactor.hide(secret);
        let Ring {
            lines, redactor, ..
        } = &mut *ring;
        for line in lines {
            *line = redactor.redact(line);
        }
    }

    /// Adds a line; `place` says which part of the program speaks. A line that only says again what the last one said is
    /// left out: a phone that asks in vain must not push out what led there.
    pub fn line(&self, now: Instant, place: &str, text: impl fmt::Display) {
        let mut ring = self.ring();
        let uptime = now.saturating_duration_since(ring.start).as_millis();
        let said = ring
            .redactor
            .redact(&format!("{place}: {text}"))
            .replace(['\r', '\n'], " ");
        let line = bounded(format!("{uptime}|{said}"));
        let words = |line: &str| line.split_once('|').map(|(_, words)| words.to_owned());
        if ring
            .lines
            .back()
            .is_some_and(|last| words(last) == words(&line))
        {
            return;
        }
        if ring.lines.len() == LOG_LINES {
            ring.lines.pop_front();
        }
        ring.lines.push_back(line);
    }

    /// All lines, CR LF behind each. Reading does not empty the log: the datagram may get lost.
    pub fn text(&self) -> String {
        let ring = self.ring();
        ring.lines
            .iter()
            .flat_map(|line| [line.as_str(), "\r\n"])
            .collect()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing in here leaves the ring half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded(mut line: String) -> String {
    let end = line.floor_char_boundary(LOG_LINE_BYTES);
    line.truncate(end);
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn keeps_the_last_ten_lines_with_the_uptime_in_front() {
        let start = Instant::now();
        let log = Log::new(start);
        for i in 0..25 {
            log.line(start + Duration::from_millis(i), "setup", i);
        }
        let text = log.text();
        assert_eq!(text.lines().count(), LOG_LINES);
        assert!(text.starts_with("15|setup: 15\r\n"), "{text}");
        assert!(text.ends_with("24|setup: 24\r\n"), "{text}");
        assert_eq!(log.text(), text);
    }

    #[test]
    fn a_line_that_is_said_again_pushes_nothing_out() {
        let start = Instant::now();
        let log = Log::new(start);
        log.line(start, "setup", "joining");
        for i in 0..100 {
            log.line(start + Duration::from_millis(i), "setup", "busy");
        }
        log.line(start + Duration::from_millis(200), "setup", "joining");
        assert_eq!(
            log.text(),
            "0|setup: joining\r\n0|setup: busy\r\n200|setup: joining\r\n"
        );
    }

    #[test]
    fn a_line_is_one_line_of_128_bytes_at_most() {
        let log = Log::new(Instant::now());
        log.line(Instant::now(), "客厅\n", "厅".repeat(100) + "\r\nmore");
        let text = log.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.len() <= LOG_LINE_BYTES + 2);
    }

    #[test]
    fn secrets_are_hidden_before_and_after_they_are_known() {
        let start = Instant::now();
        let log = Log::new(start);
        log.line(start, "radio", "joining with hunter22");
        log.hide("hunter22");
        log.line(start, "radio", "again with hunter22 and \"hunter22\"");
        assert!(!log.text().contains("hunter22"), "{}", log.text());
        assert_eq!(log.text().matches("***").count(), 3);
    }

    #[test]
    fn a_secret_is_hidden_in_json_and_inside_a_longer_one() {
        let mut redactor = Redactor::new();
        redactor.hide("pass");
        redactor.hide("pass\"word");
        assert_eq!(
            redactor.redact(r#"{"p":"pass\"word"} pass"word"#),
            r#"{"p":"***"} ***"#
        );
        redactor.hide("abc");
        assert_eq!(redactor.redact("abc"), "abc");
        for i in 0..1000 {
            redactor.hide(&format!("secret {i}"));
        }
        assert!(redactor.secrets.len() <= MAX_SPELLINGS);
        assert_eq!(redactor.redact("secret 999"), "***");
    }
}
