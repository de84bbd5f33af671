//! Pairing over real Wi-Fi without a radio: a machine in QEMU with the kernel's simulated radios, in which the
//! workspace's own programs run. `cargo xtask test --only wifi` and `cargo xtask bench-wifi` start it.
//!
//! This program has two halves: on the host it boots the machine and prints the results; in the machine, as
//! `hwsim guest` and `hwsim case NAME`, it is what the results are about.

mod air;
mod apt;
mod archive;
mod cases;
mod desktop;
mod disk;
mod guest;
mod home;
mod host;
mod image;
mod machine;
mod modules;
mod radio;
mod report;
mod router;

use anyhow::{Context, Result};
use std::process::ExitCode;

const USAGE: &str = "\
usage: hwsim test [CASE…]    run the named cases, or all
       hwsim bench RUNS      pair a new camera as often as that, and print one table
       hwsim list            name the cases";

/// More failed cases than this are no accident.
const UNLUCKY: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("hwsim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<bool> {
    match words {
        ["test", names @ ..] => test(names),
        ["bench", runs] => {
            let runs = runs
                .parse()
                .with_context(|| format!("{runs} is no number"))?;
            let case = cases::find(cases::BENCH).context("the bench is a case")?;
            let outcomes = host::run(&vec![case; runs], "results")?;
            host::table(&outcomes);
            Ok(outcomes.iter().all(|outcome| outcome.failure.is_none()))
        }
        ["list"] => {
            for case in cases::ALL {
                println!("{:<28} {}", case.name, case.about);
            }
            Ok(true)
        }
        ["guest"] => guest::run().map(|()| true),
        ["radio", choice, words @ ..] if !words.is_empty() => {
            radio::run(choice, words).map(|()| true)
        }
        ["case", name] => {
            let case = cases::find(name).with_context(|| format!("no case is called {name}"))?;
            (case.run)().map(|()| true)
        }
        _ => anyhow::bail!("{USAGE}"),
    }
}

fn test(names: &[&str]) -> Result<bool> {
    let all = || cases::ALL.iter().filter(|case| case.in_ring).collect();
    let wanted = if names.is_empty() {
        all()
    } else {
        let find =
            |name: &&str| cases::find(name).with_context(|| format!("no case is called {name}"));
        names.iter().map(find).collect::<Result<Vec<_>>>()?
    };
    let failed = |outcomes: &[host::Outcome]| -> Vec<&'static cases::Case> {
        let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some());
        failed.map(|outcome| outcome.case).collect()
    };
    let mut failures = failed(&host::run(&wanted, "results")?);
    // An emulated machine on a busy one can be too late without anything being wrong: what failed is looked at once more, in a
    // fresh machine, and said to have been unsteady. What fails twice has failed.
    if (1..=UNLUCKY).contains(&failures.len()) {
        let names: Vec<_> = failures.iter().map(|case| case.name).collect();
        println!("a second look: {}", names.join(", "));
        failures = failed(&host::run(&failures, "results-again")?);
        let steady = |name: &&&str| !failures.iter().any(|case| case.name == **name);
        let unsteady: Vec<_> = names.iter().filter(steady).copied().collect();
        println!("unsteady: {}", unsteady.join(", "));
    }
    println!(
        "{} passed, {} failed",
        wanted.len() - failures.len(),
        failures.len()
    );
    Ok(failures.is_empty())
}
