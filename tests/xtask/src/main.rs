//! `cargo xtask`: builds, tests, measures and demonstrates Porthole.
//!
//! It depends on nothing that needs a system library, so that it can install those first.

mod build;
mod demo;
mod echo;
mod hwsim;
mod packages;
mod rings;
mod run;
mod second_look;
mod setup;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Builds, tests, measures and demonstrates Porthole.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what building and testing need: system packages, npm modules, test tools.
    Setup,
    /// Starts a virtual camera and the app showing it; without a display it checks the picture and exits.
    Demo {
        /// Check the picture under a virtual screen even though there is a display.
        #[arg(long)]
        headless: bool,
    },
    /// Runs every ring of tests, from formatting to the app's window and fuzzing.
    Test {
        /// Only this ring; may be given several times.
        #[arg(long, value_name = "RING")]
        only: Vec<rings::Ring>,
        /// Seconds each fuzz target runs.
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        fuzz_seconds: u32,
    },
    /// Measures the live path and prints one table, targets beside figures.
    BenchLive {
        /// Handed to the bench: names of the parts to measure; all when none is given.
        parts: Vec<String>,
    },
    /// Measures recording, playback and downloads and prints one table, targets beside figures.
    BenchCard {
        /// Handed to the bench: names of the parts to measure; all when none is given.
        parts: Vec<String>,
    },
    /// Puts ten thousand devices on the hub, and on mosquitto beside it, and prints one table.
    BenchHub {
        /// Handed to the bench: `--devices N`, `--rate N`, `--seconds N`, names of setups; all setups when none is given.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures the echo canceller in rooms made from text, others beside it, and prints one table.
    BenchEcho {
        /// Handed to the bench: a folder of WAV files to take voices from, `--only SCENE`, `--hour`; `--help` says the rest.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures talk from a microphone to the camera's speaker, both of a private PulseAudio, and prints one table.
    BenchTalk {
        /// One talk of so many minutes instead of a short one in each codec.
        #[arg(long)]
        minutes: Option<u32>,
    },
    /// Measures pairing in the virtual machine of the ring `wifi`: button to live picture, p50 and p95.
    BenchWifi {
        /// How often a camera is paired.
        #[arg(long, default_value_t = 10, value_name = "COUNT")]
        runs: u32,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.task {
        Task::Setup => setup::everything().map(|()| true),
        Task::Demo { headless } => demo::run(headless),
        Task::Test { only, fuzz_seconds } => rings::run(&only, fuzz_seconds),
        Task::BenchLive { parts } => demo::bench_live(&parts),
        Task::BenchCard { parts } => demo::bench_card(&parts),
        Task::BenchHub { arguments } => demo::bench_hub(&arguments),
        Task::BenchEcho { arguments } => echo::bench(&arguments),
        Task::BenchTalk { minutes } => demo::bench_talk(minutes),
        Task::BenchWifi { runs } => hwsim::bench(runs),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
