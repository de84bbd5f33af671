//! `porthole`: the viewer on the command line.

use clap::Parser;
use std::io::IsTerminal;
use std::process::ExitCode;

mod cli;
mod commands;
mod out;
mod times;

/// What is logged without `PORTHOLE_LOG`: libraries that call it an error when a program ends are left out.
const QUIET: &str = "error,mdns_sd=off,pulseaudio=off,iroh::socket::transports::relay=off";

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("PORTHOLE_LOG")
                .unwrap_or_else(|_| QUIET.into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    app::install_crypto();
    let out = out::Out::new(cli.json, cli.lang);
    match commands::run(cli, &out).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => out.failure(&failure),
    }
}
