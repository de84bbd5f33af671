//! Measures the live path and prints one table: `bench-live [PART…]`.

use std::process::ExitCode;
use tests::bench;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    bench::main(bench::LIVE, &wanted)
}
