//! `porthole-camera`: runs a camera until it is told to stop.

mod heap;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use firmware::board::sim::Source;
use firmware::{BoardChoice, Camera, Options, defaults, encode, qr};
use p2p::{RelayChoice, RelayUrl};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a Porthole camera. It prints its pairing link, a QR code of it, and then `ready`.
///
/// SIGTERM and Ctrl-C stop it cleanly; SIGUSR1 prints what it counts (viewers, encoders, rings, skips) as JSON.
#[derive(Parser)]
#[command(name = "porthole-camera", version)]
struct Args {
    /// The hardware: `sim` needs none, `linux` is a V4L2 device and a microphone
    #[arg(long, value_enum, default_value_t = Board::Sim)]
    board: Board,
    /// Directory of everything the camera remembers: its identity, its viewers, its settings
    #[arg(long, value_name = "DIR", env = "PORTHOLE_CAMERA_DATA")]
    data: PathBuf,
    /// What the camera is called; remembered
    #[arg(long)]
    name: Option<String>,
    /// What the sim board looks at: `scene`, or `file:PATH` for a media file over and over (a build without FFmpeg
    /// takes FLV files and sends them as they are)
    #[arg(long, default_value = "scene")]
    source: Source,
    /// Video codec
    #[arg(long, value_enum, default_value_t = Codec::H264)]
    codec: Codec,
    /// Pictures a second, 1 to 60
    #[arg(long, default_value_t = defaults::FPS)]
    fps: u32,
    /// Seconds from one keyframe to the next, 1 to 10
    #[arg(long, default_value_t = defaults::GOP_SECONDS)]
    gop_seconds: u32,
    /// Viewers that may watch at the same time; the next one is refused
    #[arg(long, default_value_t = defaults::MAX_VIEWERS)]
    max_viewers: u32,
    /// URL of an own relay, for viewers outside the local network; may be given more than once
    #[arg(long = "relay", value_name = "URL")]
    relays: Vec<String>,
    /// Token that the relays ask for
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PORTHOLE_RELAY_TOKEN",
        hide_env_values = true
    )]
    relay_token: Option<String>,
    /// Certificate authority of the relays (PEM file), if it is not a public one
    #[arg(long, value_name = "FILE")]
    relay_ca: Option<PathBuf>,
    /// Use the public relays of number 0: they see who talks to whom, never what
    #[arg(long, conflicts_with = "relays")]
    public_relays: bool,
    /// Do not announce the camera on the local network, and do not answer probes
    #[arg(long)]
    no_lan: bool,
    /// UDP port; by default the one of last time, so that viewers find the camera where it was
    #[arg(long)]
    port: Option<u16>,
    /// V4L2 device of the linux board
    #[arg(long, value_name = "PATH", default_value = "/dev/video0")]
    video_device: String,
    /// Microphone of the linux board; by default the system's choice
    #[arg(long, value_name = "ID")]
    audio_device: Option<String>,
    /// Print JSON lines instead of the link and the code: {"link":…,"ready":true}
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Board {
    Sim,
    Linux,
}

#[derive(Clone, Copy, ValueEnum)]
enum Codec {
    H264,
    H265,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,firmware=info,p2p=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
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
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut usr1 = signal(SignalKind::user_defined1()).context("listening for SIGUSR1")?;
    let json = args.json;
    let camera = Camera::start(options(args)?)
        .await
        .context("starting the camera")?;
    let mut changes = camera.link_changes();
    show(&camera, json)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = usr1.recv() => {
                let stats = serde_json::to_string(&camera.stats()).context("writing the statistics")?;
                if json { say(&format!("{{\"stats\":{stats}}}"))? } else { eprintln!("{stats}") }
            }
            Ok(()) = changes.changed() => {
                if camera.link().secret.is_some() {
                    show(&camera, json)?;
                }
            }
        }
    }
    tracing::info!("stopping");
    camera.stop().await;
    Ok(())
}

fn options(args: Args) -> anyhow::Result<Options> {
    let board = match args.board {
        Board::Sim => BoardChoice::Sim(args.source),
        #[cfg(feature = "linux")]
        Board::Linux => BoardChoice::Linux {
            video: args.video_device,
            audio: args.audio_device,
        },
        #[cfg(not(feature = "linux"))]
        Board::Linux => {
            anyhow::bail!("this build has no linux board: rebuild with --features linux")
        }
    };
    let ca = args.relay_ca.map(|path| {
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    });
    let (ca, token) = (ca.transpose()?, args.relay_token);
    let relay = |url| RelayUrl {
        token: token.clone(),
        ca: ca.clone(),
        ..RelayUrl::new(url)
    };
    let relays = match (args.public_relays, args.relays.is_empty()) {
        (true, _) => RelayChoice::Public,
        (false, true) => RelayChoice::None,
        (false, false) => RelayChoice::Urls(args.relays.into_iter().map(relay).collect()),
    };
    let codec = match args.codec {
        Codec::H264 => flv::VideoCodec::H264,
        Codec::H265 => flv::VideoCodec::Hevc,
    };
    Ok(Options {
        name: args.name,
        board,
        encoding: encode::Settings {
            codec,
            fps: args.fps,
            gop_seconds: args.gop_seconds,
        },
        max_viewers: args.max_viewers,
        relays,
        lan: !args.no_lan,
        port: args.port,
        ..Options::new(args.data)
    })
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
