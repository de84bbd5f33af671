//! Puts a crowd of devices on a hub and prints one table: `bench-hub [--devices N] [--rate N] [--seconds N] [SETUP…]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match tests::hub_load::main(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-hub: {error:#}");
            ExitCode::FAILURE
        }
    }
}
