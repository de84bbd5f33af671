//! Reads the blocks and tables of the README.

use std::fmt::Debug;
use std::str::FromStr;

use wire::ParseError;

pub(crate) const README: &str = include_str!("../../README.md");

/// The lines of all fenced blocks of that name; at least one, so that a renamed block is seen.
pub(crate) fn block(name: &str) -> Vec<&'static str> {
    let fence = format!("```{name}");
    let mut lines = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        match line {
            "```" => inside = false,
            line if line == fence => inside = true,
            line if inside => lines.push(line),
            _ => {}
        }
    }
    assert!(!lines.is_empty(), "no block {name}");
    lines
}

/// The cells of the table whose first heading is `heading`, without code marks.
pub(crate) fn table(heading: &str) -> Vec<Vec<String>> {
    let start = format!("| {heading} |");
    let rows: Vec<Vec<String>> = README
        .lines()
        .skip_while(|line| !line.starts_with(&start))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().replace('`', ""))
                .collect()
        })
        .collect();
    assert!(!rows.is_empty(), "no table {heading}");
    rows
}

pub(crate) fn arrow(line: &'static str) -> (&'static str, &'static str) {
    line.rsplit_once(" -> ").unwrap()
}

/// A value reads from `text`, writes `text`, and reads from what it wrote.
pub(crate) fn round_trip<T: FromStr<Err = ParseError> + ToString + PartialEq + Debug>(
    text: &str,
) -> T {
    let value: T = text.parse().unwrap();
    assert_eq!(value.to_string(), text);
    assert_eq!(value.to_string().parse().as_ref(), Ok(&value));
    value
}

/// The error names `part`; a `!` before it asks for `Unsupported`.
pub(crate) fn refused<T: Debug>(line: &str, result: Result<T, ParseError>, part: &str) {
    let error = result.expect_err(line);
    let unsupported = part.starts_with('!');
    assert_eq!(error.field(), part.trim_start_matches('!'), "{line}");
    assert_eq!(
        matches!(error, ParseError::Unsupported { .. }),
        unsupported,
        "{line}"
    );
}
