//! `porthole-camera`: runs a camera until it is told to stop.

mod cli;
mod heap;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use cli::{Args, Task};
use firmware::data::DataDir;
use firmware::setup::{self, Status};
use firmware::{Camera, Options, qr, reset};
use p2p::Identity;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,firmware=info,p2p=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    heap::keep_small();
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("porthole-camera: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: Args) -> anyhow::Result<()> {
    // Two workers keep dozens of viewers; encoders have threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let result = runtime.block_on(run(args));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result
}

async fn run(args: Args) -> anyhow::Result<()> {
    match args.task {
        Some(Task::Label) => return label(&args),
        Some(Task::Reset) => return erase(args).await,
        None => {}
    }
    let json = args.json;
    let mut options = cli::options(args)?;
    loop {
        match film(options.clone(), json).await? {
            End::Told => return Ok(()),
            End::Reset => {
                let dir = DataDir::open(&options.data)?;
                let erased = reset::erase(&dir).context("resetting the camera")?;
                tracing::warn!(?erased, "factory reset; starting as a new camera");
                // A code that was shown to the former camera is not for the new one.
                options.setup.scan = None;
                options.easel.clear();
            }
        }
    }
}

/// Why a camera has stopped.
enum End {
    /// By a signal.
    Told,
    /// For a factory reset.
    Reset,
}

/// Runs a camera until somebody ends it.
async fn film(options: Options, json: bool) -> anyhow::Result<End> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut usr1 = signal(SignalKind::user_defined1()).context("listening for SIGUSR1")?;
    let camera = Camera::start(options)
        .await
        .context("starting the camera")?;
    let mut changes = camera.link_changes();
    let (mut status, mut reset) = match camera.setup() {
        Some(setup) => (Some(setup.status()), Some(setup.reset())),
        None => (None, None),
    };
    show(&camera, json)?;
    let end = loop {
        tokio::select! {
            _ = terminate.recv() => break End::Told,
            _ = interrupt.recv() => break End::Told,
            _ = usr1.recv() => {
                let stats = serde_json::to_string(&camera.stats()).context("writing the statistics")?;
                if json { say(&format!("{{\"stats\":{stats}}}"))? } else { eprintln!("{stats}") }
            }
            Ok(()) = changes.changed() => {
                if camera.link().secret.is_some() {
                    show(&camera, json)?;
                }
            }
            Some(status) = changed(&mut status) => show_status(&status, json)?,
            Some(true) = changed(&mut reset) => break End::Reset,
        }
    };
    tracing::info!("stopping");
    camera.stop().await;
    Ok(end)
}

/// The next value; never, if there is nobody to give one.
async fn changed<T: Clone>(watch: &mut Option<watch::Receiver<T>>) -> Option<T> {
    if let Some(receiver) = watch {
        if receiver.changed().await.is_ok() {
            return Some(receiver.borrow_and_update().clone());
        }
        *watch = None;
    }
    std::future::pending().await
}

/// What the light says, and why.
fn show_status(status: &Status, json: bool) -> anyhow::Result<()> {
    if json {
        let line = serde_json::json!({ "setup": status });
        return say(&line.to_string());
    }
    say(&status.to_string())
}

/// Prints what belongs on the camera.
fn label(args: &Args) -> anyhow::Result<()> {
    let dir = DataDir::open(&args.data()?)?;
    let identity = Identity::load_or_create(&dir.path("identity.key"))?;
    let label = setup::label::load_or_create(&dir, &identity.id())?;
    let passphrase = label.passphrase.as_ref().map_or("", |one| one.as_str());
    let text = label.to_text();
    if args.json {
        let line = serde_json::json!({
            "ssid": label.ssid.to_string(),
            "passphrase": passphrase,
            "label": text,
        });
        return say(&line.to_string());
    }
    say(&format!("hotspot {}", label.ssid))?;
    say(&format!("passphrase {passphrase}"))?;
    say(&format!("label {text}"))?;
    match qr::terminal(&text) {
        Some(code) => say(&code),
        None => Ok(()),
    }
}

/// Erases what the camera remembers.
async fn erase(args: Args) -> anyhow::Result<()> {
    let json = args.json;
    let options = cli::options(args)?;
    let dir = DataDir::open(&options.data)?;
    let _lock = dir.lock()?;
    let erased = reset::erase(&dir)?;
    if let Some(choice) = &options.setup.radio {
        let radio = wifi::open(choice).await.context("opening the radio")?;
        radio.leave().await.context("forgetting the network")?;
    }
    if json {
        return say(&serde_json::json!({ "erased": erased }).to_string());
    }
    say(&format!("erased {}", erased.join(", ")))
}

/// Prints the link, as a person or a program wants it.
fn show(camera: &Camera, json: bool) -> anyhow::Result<()> {
    let link = camera.link();
    if json {
        let line = serde_json::json!({
            "link": link.to_string(),
            "id": camera.id().to_string(),
            "name": camera.name(),
            "invites": link.secret.is_some(),
            "ready": true,
        });
        return say(&line.to_string());
    }
    say(&format!("link {link}"))?;
    if let Some(code) = qr::terminal(&link.to_string()) {
        say(&code)?;
    }
    say("ready")
}

/// A line on the standard output; a reader that is gone is no reason to stop filming.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to the standard output"),
    }
}
