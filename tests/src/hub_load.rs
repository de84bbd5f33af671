//! What `cargo xtask bench-hub` measures: many idle devices, then many token reports a second, against the whole hub, its
//! broker alone, and Debian's mosquitto.
//!
//! The server is a process of its own, so that its memory and CPU time are its own; this process is the crowd. Both share the
//! machine, which every figure says nothing about: compare rows, not machines.

mod crowd;
mod device;
mod server;

use crate::bench::process::{resident_kib, tree_cpu_seconds};
use crate::figures::quantile;
use anyhow::{Context as _, Result, bail};
use std::time::Duration;

/// What is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// The whole hub: TLS, SQLite, every device registered, every token real.
    Hub,
    /// The hub's broker alone, with an answer to every report.
    Broker { tls: bool },
    /// mosquitto, with the hub's external backend giving the answers.
    Mosquitto { tls: bool },
}

const SETUPS: [(&str, Setup); 5] = [
    ("hub", Setup::Hub),
    ("broker", Setup::Broker { tls: false }),
    ("broker-tls", Setup::Broker { tls: true }),
    ("mosquitto", Setup::Mosquitto { tls: false }),
    ("mosquitto-tls", Setup::Mosquitto { tls: true }),
];

impl Setup {
    fn named(name: &str) -> Option<Self> {
        let found = SETUPS.iter().find(|(known, _)| *known == name);
        found.map(|(_, setup)| *setup)
    }

    fn name(self) -> &'static str {
        let found = SETUPS.iter().find(|(_, setup)| *setup == self);
        found.map_or("", |(name, _)| name)
    }

    fn is_tls(self) -> bool {
        match self {
            Self::Hub => true,
            Self::Broker { tls } | Self::Mosquitto { tls } => tls,
        }
    }
}

/// How much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) devices: usize,
    /// Reports a second from all of them together.
    pub(crate) rate: usize,
    pub(crate) seconds: usize,
}

/// One line of the table.
struct Figures {
    setup: Setup,
    connect_seconds: f64,
    idle_lost: usize,
    kib_a_device: Option<f64>,
    idle_cpu_percent: f64,
    sent: usize,
    answered_ms: Vec<f64>,
    load_cpu_percent: f64,
}

/// Runs the bench, or, as its child, one server.
///
/// # Errors
/// What could not be measured.
pub fn main(arguments: impl Iterator<Item = String>) -> Result<()> {
    let mut arguments = arguments.peekable();
    if arguments.peek().is_some_and(|first| first == "serve") {
        return server::main(arguments.skip(1));
    }
    let mut load = Load {
        devices: 10_000,
        rate: 1_000,
        seconds: 10,
    };
    let mut setups = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<usize> {
            let text = arguments.next().unwrap_or_default();
            let number = text.parse().ok().filter(|number| *number > 0);
            number.with_context(|| format!("{argument} wants a number, not `{text}`"))
        };
        match argument.as_str() {
            "--devices" => load.devices = number()?,
            "--rate" => load.rate = number()?,
            "--seconds" => load.seconds = number()?,
            name => match Setup::named(name) {
                Some(setup) => setups.push(setup),
                None => {
                    let known: Vec<_> = SETUPS.iter().map(|(name, _)| *name).collect();
                    bail!("no setup `{name}`; there are: {}", known.join(" "));
                }
            },
        }
    }
    if setups.is_empty() {
        setups.extend(SETUPS.iter().map(|(_, setup)| *setup));
    }
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for setup in setups {
        eprintln!("measuring {} …", setup.name());
        match measure(setup, load) {
            Ok(figures) => rows.push(figures),
            Err(error) => {
                eprintln!("{} was not measured: {error:#}", setup.name());
                missing.push(setup.name());
            }
        }
    }
    print(load, &rows);
    if !missing.is_empty() {
        bail!("not measured: {}", missing.join(" "));
    }
    Ok(())
}

fn measure(setup: Setup, load: Load) -> Result<Figures> {
    let server = server::Child::start(setup, load)?;
    let process = server.process();
    let before = resident_kib(process);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (crowd, connect_seconds) = crowd::Crowd::connect(setup, load, &server.ready).await?;
        // What the logins needed is given back or used again within this time.
        let quiet = Duration::from_secs(5);
        let cpu = tree_cpu_seconds(process);
        tokio::time::sleep(quiet).await;
        let idle_cpu = tree_cpu_seconds(process) - cpu;
        let after = resident_kib(process);
        let idle_lost = crowd.lost();
        let cpu = tree_cpu_seconds(process);
        let (sent, answered_ms) = crowd.report(load).await;
        let load_cpu = tree_cpu_seconds(process) - cpu;
        let percent = |cpu: f64, seconds: f64| cpu / seconds * 100.0;
        Ok(Figures {
            setup,
            connect_seconds,
            idle_lost,
            kib_a_device: before
                .zip(after)
                .map(|(before, after)| (after - before) / load.devices as f64),
            idle_cpu_percent: percent(idle_cpu, quiet.as_secs_f64()),
            sent,
            answered_ms,
            load_cpu_percent: percent(load_cpu, load.seconds as f64),
        })
    })
}

fn print(load: Load, rows: &[Figures]) {
    println!(
        "{} devices, {} reports a second for {} s; CPU in percent of one core\n",
        load.devices, load.rate, load.seconds
    );
    println!(
        "| setup | connected in, s | lost while idle | KiB a device | idle CPU | sent | answered | p50, ms | p95 | p99 | CPU |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let at =
            |share| quantile(&row.answered_ms, share).map_or("–".into(), |ms| format!("{ms:.1}"));
        println!(
            "| {} | {:.1} | {} | {} | {:.0} % | {} | {} | {} | {} | {} | {:.0} % |",
            row.setup.name(),
            row.connect_seconds,
            row.idle_lost,
            row.kib_a_device
                .map_or("–".into(), |kib| format!("{kib:.1}")),
            row.idle_cpu_percent,
            row.sent,
            row.answered_ms.len(),
            at(0.5),
            at(0.95),
            at(0.99),
            row.load_cpu_percent,
        );
    }
}
