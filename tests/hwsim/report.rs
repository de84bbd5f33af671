//! What the machine tells the host: one JSON object a line, in a file of the shared folder.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// The file's name in the folder of the results.
pub(crate) const FILE: &str = "events";
/// The cases to run, one a line, written by the host.
pub(crate) const ORDER: &str = "order";
/// What a case measured, in the case's own folder: `name 1.5 s` a line.
pub(crate) const FIGURES: &str = "figures";

/// The folder of a case in the folder of the results: programs run in it, their logs are in it.
pub(crate) fn folder(index: usize, case: &str) -> String {
    format!("{:02}-{case}", index + 1)
}

/// Something that happened in the machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A case begins.
    Started(String),
    /// A case is over.
    Ended {
        case: String,
        seconds: f64,
        failure: Option<String>,
    },
    /// All cases are over.
    Finished,
}

impl Event {
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        if let Some(case) = text("started") {
            return Ok(Self::Started(case));
        }
        if let Some(case) = text("ended") {
            let seconds = value["seconds"].as_f64().unwrap_or_default();
            return Ok(Self::Ended {
                case,
                seconds,
                failure: text("failure"),
            });
        }
        anyhow::ensure!(value["finished"] == true, "an unknown event: {line}");
        Ok(Self::Finished)
    }

    fn line(&self) -> String {
        let value = match self {
            Self::Started(case) => json!({ "started": case }),
            Self::Ended {
                case,
                seconds,
                failure,
            } => {
                json!({ "ended": case, "seconds": seconds, "failure": failure })
            }
            Self::Finished => json!({ "finished": true }),
        };
        format!("{value}\n")
    }
}

/// The machine's end of the report.
pub(crate) struct Report(File);

impl Report {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(folder.join(FILE));
        Ok(Self(file.context("opening the report")?))
    }

    pub(crate) fn tell(&mut self, event: &Event) -> Result<()> {
        self.0
            .write_all(event.line().as_bytes())
            .context("writing the report")
    }
}

/// Notes how long something took, in the folder of the running case.
pub(crate) fn figure(name: &str, seconds: f64) -> Result<()> {
    let file = File::options().create(true).append(true).open(FIGURES);
    let mut file = file.context("opening the figures")?;
    writeln!(file, "{name} {seconds:.1} s").context("writing a figure")
}

/// The figures in a case's folder: name and seconds.
pub(crate) fn figures(folder: &Path) -> Vec<(String, f64)> {
    let text = ::tests::places::text(&folder.join(FIGURES));
    let read = |line: &str| {
        let (name, seconds) = line.strip_suffix(" s")?.rsplit_once(' ')?;
        Some((name.to_owned(), seconds.parse().ok()?))
    };
    text.lines().filter_map(read).collect()
}

/// The last `count` lines of a text.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_they_were_written() {
        for event in [
            Event::Started("paired".into()),
            Event::Ended {
                case: "a".into(),
                seconds: 1.5,
                failure: None,
            },
            Event::Ended {
                case: "b".into(),
                seconds: 2.0,
                failure: Some("two\nlines".into()),
            },
            Event::Finished,
        ] {
            assert_eq!(
                Event::parse(event.line().trim_end()).expect("it is one"),
                event
            );
        }
        assert!(Event::parse("{}").is_err());
        assert!(Event::parse("half a li").is_err());
    }

    #[test]
    fn the_tail_of_a_short_text_is_the_text() {
        assert_eq!(tail("a\nb", 5), "a\nb");
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
    }
}
