//! The host's half: boots the machine, watches it, and prints what came of each case.

use crate::cases::{self, Case};
use crate::image::Image;
use crate::machine::Machine;
use crate::report::{self, Event};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tests::places;

/// What came of one case.
pub(crate) struct Outcome {
    /// The case.
    pub(crate) case: &'static Case,
    /// How long it ran, in seconds.
    pub(crate) seconds: f64,
    /// Why it failed.
    pub(crate) failure: Option<String>,
}

/// The folder of everything that this ring keeps: the image, and the results of the last run.
pub(crate) fn cache() -> PathBuf {
    places::target().join("hwsim")
}

/// Runs the named cases, in one machine as long as it lives; a case that takes the machine down costs a new start.
pub(crate) fn run(wanted: &[&'static Case]) -> Result<Vec<Outcome>> {
    let image = Image::prepare(&cache().join("image"))?;
    let results = cache().join("results");
    let _ = fs::remove_dir_all(&results);
    let mut outcomes = Vec::new();
    let mut starts = 0;
    while outcomes.len() < wanted.len() {
        starts += 1;
        let folder = results.join(format!("machine-{starts}"));
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let before = outcomes.len();
        boot(&image, &folder, &wanted[before..], &mut outcomes)?;
        if outcomes.len() == before {
            anyhow::bail!(
                "the machine did not run a single case, see {}",
                folder.display()
            );
        }
    }
    Ok(outcomes)
}

/// One life of the machine. What it did not get to is not in `outcomes`.
fn boot(
    image: &Image,
    folder: &Path,
    wanted: &[&'static Case],
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    let names: Vec<&str> = wanted.iter().map(|case| case.name).collect();
    fs::write(folder.join(report::ORDER), names.join("\n"))?;
    let start = Instant::now();
    let mut machine = Machine::start(image, folder)?;
    let mut running: Option<(&'static Case, Instant)> = None;
    loop {
        let event = match machine.next(running.map(|(case, _)| case.limit)) {
            Ok(event) => event,
            Err(error) => {
                let Some((case, since)) = running else {
                    return Err(error.context("the machine does not start"));
                };
                let failure = Some(format!("{error:#}"));
                let seconds = since.elapsed().as_secs_f64();
                outcomes.push(shown(
                    Outcome {
                        case,
                        seconds,
                        failure,
                    },
                    folder,
                ));
                return Ok(());
            }
        };
        match event {
            Event::Started(name) => {
                if outcomes.is_empty() {
                    println!("machine up after {:.1} s", start.elapsed().as_secs_f64());
                }
                running = cases::find(&name).map(|case| (case, Instant::now()));
            }
            Event::Ended {
                case,
                seconds,
                failure,
            } => {
                running = None;
                let case = cases::find(&case).context("the machine ran an unknown case")?;
                outcomes.push(shown(
                    Outcome {
                        case,
                        seconds,
                        failure,
                    },
                    folder,
                ));
            }
            Event::Finished => return Ok(()),
        }
    }
}

/// Prints a case that is over: its figures, or why it failed and where its logs are.
fn shown(outcome: Outcome, folder: &Path) -> Outcome {
    let own = folder.join(outcome.case.name);
    let verdict = if outcome.failure.is_none() {
        "ok"
    } else {
        "FAILED"
    };
    let figures = places::text(&own.join(report::FIGURES));
    let figures: Vec<&str> = figures.lines().collect();
    println!(
        "{:<28} {verdict:<6} {:>6.1} s   {}",
        outcome.case.name,
        outcome.seconds,
        figures.join(", ")
    );
    if let Some(failure) = &outcome.failure {
        println!("{failure}\n  logs in {}", own.display());
    }
    outcome
}
