//! What a full card costs, a day of it and thirty: `firmware/examples/card.rs`.

use super::table::{Row, Target};
use crate::places;
use crate::programs::{Folder, finish};
use anyhow::{Context, Result};
use std::process::Command;
use std::time::Duration;

/// Longest that filling and reading thirty days may take.
const LIMIT: Duration = Duration::from_secs(900);

/// What counts as flat: as much again as an unquiet machine shows of itself.
const FLAT: f64 = 1.5;

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let (day, month) = (figures(1)?, figures(30)?);
    let row = |what: &str, target, said: &str, name: &str, unit| {
        Ok::<_, anyhow::Error>(Row::new(what, target, Some(figure(said, name)?), unit))
    };
    let found = "a moment found and its GOP read: ";
    let (first, last) = (figure(&day, found)?, figure(&month, found)?);
    let of_a_day = "a day's segments: ";
    let (day_of_one, day_of_thirty) = (figure(&day, of_a_day)?, figure(&month, of_a_day)?);
    Ok(vec![
        row(
            "day index of 24 h × 60 s",
            Target::AtMost(50.0),
            &day,
            "a day's segments: ",
            "ms",
        )?,
        row(
            "index of 30 days",
            Target::AtMost(500.0),
            &month,
            "all stretches: ",
            "ms",
        )?,
        row(
            "days of a month, 30 days",
            Target::Beside,
            &month,
            "the days of a month: ",
            "ms",
        )?,
        row("card opened, 1 day", Target::Beside, &day, "opened: ", "ms")?,
        row(
            "card opened, 30 days",
            Target::Beside,
            &month,
            "opened: ",
            "ms",
        )?,
        row(
            "memory of the index, 30 days",
            Target::Beside,
            &month,
            "memory ",
            "MB",
        )?,
        row(
            "the same after all these questions",
            Target::Beside,
            &month,
            "memory after that ",
            "MB",
        )?,
        row(
            "made anew without its index, 30 days",
            Target::Beside,
            &month,
            "opened without its index: ",
            "ms",
        )?,
        Row::new(
            "a moment found and read, 1 day",
            Target::Beside,
            Some(first),
            "ms",
        ),
        Row::new(
            "a moment found and read, 30 days",
            Target::Beside,
            Some(last),
            "ms",
        ),
        Row::new(
            "a moment found and read, 30 days / 1 day",
            Target::AtMost(FLAT),
            Some(last / first),
            "",
        )
        .note("mean of 1,000 moments all over the card"),
        Row::new(
            "index of one day, card of 30 days / of 1 day",
            Target::AtMost(FLAT),
            Some(day_of_thirty / day_of_one),
            "",
        )
        .note("mean of 50"),
    ])
}

/// What the example says of a card of so many days.
fn figures(days: u32) -> Result<String> {
    let folder = Folder::temporary();
    let mut example = Command::new(places::programs().join("examples").join("card"));
    example.arg(folder.path()).arg(days.to_string());
    Ok(finish(&mut example, LIMIT).succeeded().text())
}

/// The number behind `name` at the beginning of a line.
fn figure(said: &str, name: &str) -> Result<f64> {
    said.lines()
        .find_map(|line| line.strip_prefix(name)?.split(' ').next()?.parse().ok())
        .with_context(|| format!("nothing of {name:?} in {said}"))
}
