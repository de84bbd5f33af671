//! Measures the live path and prints one table: `bench-live [PART…]`.

use std::process::ExitCode;
use tests::bench::{PARTS, print};

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|name| PARTS.iter().all(|part| part.name != **name))
    {
        let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        eprintln!("no part `{unknown}`; there are: {}", names.join(" "));
        return ExitCode::FAILURE;
    }
    let mut rows = Vec::new();
    let mut is_complete = true;
    for part in PARTS
        .iter()
        .filter(|part| wanted.is_empty() || wanted.iter().any(|name| name == part.name))
    {
        eprintln!("measuring {} …", part.name);
        match std::panic::catch_unwind(part.run)
            .unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")))
        {
            Ok(figures) => rows.extend(figures),
            Err(error) => {
                is_complete = false;
                eprintln!("{} was not measured: {error:#}", part.name);
            }
        }
    }
    print(&rows);
    if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
