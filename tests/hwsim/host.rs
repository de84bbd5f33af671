//! The host's half: boots the machine, watches it, and prints what came of each case.

use crate::cases::Case;
use crate::image::Image;
use crate::machine::Machine;
use crate::report::{self, Event};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tests::figures::quantile;
use tests::places;

/// What came of one case.
pub(crate) struct Outcome {
    /// The case.
    pub(crate) case: &'static Case,
    /// How long it ran, in seconds.
    pub(crate) seconds: f64,
    /// Why it failed.
    pub(crate) failure: Option<String>,
    /// What it measured: name and seconds.
    pub(crate) figures: Vec<(String, f64)>,
}

/// The folder of everything that this ring keeps: the image, and the results of the last run.
pub(crate) fn cache() -> PathBuf {
    places::target().join("hwsim")
}

/// Runs the named cases, in one machine as long as it lives; a case that takes the machine down costs a new start.
/// The logs stay in the folder `results` of the cache.
pub(crate) fn run(wanted: &[&'static Case], results: &str) -> Result<Vec<Outcome>> {
    let image = Image::prepare(&cache().join("image"))?;
    let results = cache().join(results);
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
    for (index, &case) in wanted.iter().enumerate() {
        let own = folder.join(report::folder(index, case.name));
        let event = machine.next(None).context("the machine does not start")?;
        ensure!(
            event == Event::Started(case.name.to_owned()),
            "{event:?} instead of {}",
            case.name
        );
        if index == 0 {
            println!("machine up after {:.1} s", start.elapsed().as_secs_f64());
        }
        let since = Instant::now();
        let (seconds, failure, is_up) = match machine.next(Some(case.limit)) {
            Ok(Event::Ended {
                seconds, failure, ..
            }) => (seconds, failure, true),
            Ok(event) => bail!("{event:?} instead of the end of {}", case.name),
            Err(error) => (
                since.elapsed().as_secs_f64(),
                Some(format!("{error:#}")),
                false,
            ),
        };
        let figures = report::figures(&own);
        outcomes.push(Outcome {
            case,
            seconds,
            failure,
            figures,
        });
        show(&outcomes[outcomes.len() - 1], &own);
        if !is_up {
            return Ok(());
        }
    }
    Ok(())
}

/// Prints a case that is over: its figures, or why it failed and where its logs are.
fn show(outcome: &Outcome, folder: &Path) {
    let verdict = if outcome.failure.is_none() {
        "ok"
    } else {
        "FAILED"
    };
    let figures: Vec<String> = outcome
        .figures
        .iter()
        .map(|(name, seconds)| format!("{name} {seconds:.1} s"))
        .collect();
    println!(
        "{:<16} {verdict:<6} {:>6.1} s   {}",
        outcome.case.name,
        outcome.seconds,
        figures.join(", ")
    );
    if let Some(failure) = &outcome.failure {
        println!("{failure}\n  logs in {}", folder.display());
    }
}

/// One table of everything that was measured, from runs that passed.
pub(crate) fn table(outcomes: &[Outcome]) {
    let mut names: Vec<&str> = Vec::new();
    let passed = || outcomes.iter().filter(|outcome| outcome.failure.is_none());
    for (name, _) in passed().flat_map(|outcome| &outcome.figures) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    println!(
        "\n{:<40} {:>4} {:>8} {:>8} {:>8}",
        "", "runs", "p50", "p95", "longest"
    );
    for name in names {
        let all = passed().flat_map(|outcome| &outcome.figures);
        let values: Vec<f64> = all
            .filter(|(own, _)| own == name)
            .map(|(_, seconds)| *seconds)
            .collect();
        let cell = |share| format!("{:.1} s", quantile(&values, share).unwrap_or(f64::NAN));
        println!(
            "{name:<40} {:>4} {:>8} {:>8} {:>8}",
            values.len(),
            cell(0.5),
            cell(0.95),
            cell(1.0)
        );
    }
}
