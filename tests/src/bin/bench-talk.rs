//! Measures talk through sound devices and prints one table: `bench-talk [MINUTES]`; with minutes, one talk of that length.

use std::process::ExitCode;
use tests::bench;

fn main() -> ExitCode {
    let rows = match std::env::args().nth(1).map(|minutes| minutes.parse()) {
        None => bench::talk::codecs(),
        Some(Ok(minutes)) => bench::talk::long(minutes),
        Some(Err(error)) => Err(anyhow::anyhow!("minutes: {error}")),
    };
    match rows {
        Ok(rows) => {
            bench::print(&rows);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("not measured: {error:#}");
            ExitCode::FAILURE
        }
    }
}
