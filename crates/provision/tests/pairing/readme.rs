//! Holds the README's table of times and limits against the code.

use std::time::Duration;

use provision::defaults;
use provision::viewer::Dialect;

const README: &str = include_str!("../../README.md");

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[test]
fn times_and_limits_are_the_constants() {
    let (log_every, log_queries) = defaults::LOG_QUERY;
    let dialect = |dialect: Dialect| format!("{} x {}", seconds(dialect.every), dialect.sends);
    let rows = [
        ("a viewer sends its request", dialect(Dialect::DOCUMENTS)),
        ("the same, Android SDK", dialect(Dialect::ANDROID)),
        (
            "a camera sends each reply",
            format!("{} x {}", seconds(defaults::REPLY_GAP), defaults::REPLIES),
        ),
        ("it waits for a repeat", seconds(defaults::SETTLE)),
        ("at most", seconds(defaults::LONGEST_SETTLE)),
        ("a session without an attempt", seconds(defaults::SESSION)),
        ("what is left after a loss", seconds(defaults::AFTER_LOSS)),
        ("it answers after success", seconds(defaults::LINGER)),
        ("errors kept", defaults::MAX_ERRORS.to_string()),
        (
            "log",
            format!(
                "{} lines of {} bytes",
                defaults::LOG_LINES,
                defaults::LOG_LINE_BYTES
            ),
        ),
        (
            "a camera sends its log",
            format!("{} x {}", seconds(defaults::LOG_GAP), defaults::LOG_REPLIES),
        ),
        (
            "a viewer asks for it",
            format!("{} x {log_queries}", seconds(log_every)),
        ),
        ("the log hotspot", seconds(defaults::LOG_LIFETIME)),
    ];
    for (what, value) in rows {
        let row = format!("| {what} | {value} |");
        assert!(README.contains(&row), "{row}");
    }
}
