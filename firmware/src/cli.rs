//! The flags of `porthole-camera`, and the options that they make.

mod talk;

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand, ValueEnum};
use firmware::board::sim::Source;
use firmware::board::sim::easel::Easel;
use firmware::record::schedule::Schedule;
use firmware::record::{self, RecordMode};
use firmware::{BoardChoice, Options, card, defaults, encode, setup};
use p2p::{RelayChoice, RelayUrl};
use provision::ProductSecret;
use wire::device::{Device, ProductId};
use wire::hub::HubAddress;
use wire::stream::Quality;

/// Longest code that is read from the standard input, bytes.
const MOST_SCANNED: u64 = 4 << 10;

/// Runs a Porthole camera. It prints its pairing link, a QR code of it, and then `ready`.
///
/// SIGTERM and Ctrl-C stop it cleanly; SIGUSR1 prints what it counts (viewers, encoders, rings, skips) as JSON. With
/// --radio or --setup it prints what its light says, and on the sim board SIGUSR2 presses its button; on a terminal so does
/// `b` + Enter, `hold` + Enter is a factory reset, `scan TEXT` + Enter stands for a code that it has read, and
/// `show TEXT` + Enter draws a code before its lens (`show` alone takes it away).
#[derive(Parser)]
#[command(name = "porthole-camera", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Option<Task>,
    /// The hardware: `sim` needs none, `linux` is a V4L2 device and a microphone
    #[arg(long, value_enum, default_value_t = Board::Sim)]
    board: Board,
    /// Directory of everything the camera remembers: its identity, its viewers, its settings
    #[arg(long, value_name = "DIR", env = "PORTHOLE_CAMERA_DATA", global = true)]
    data: Option<PathBuf>,
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
    /// LED of the linux board, a name under /sys/class/leds
    #[arg(long, value_name = "NAME")]
    light: Option<String>,
    /// Button of the linux board: an input device
    #[arg(long, value_name = "PATH")]
    button: Option<String>,
    /// Print JSON lines instead of the link and the code: {"link":…,"ready":true}
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    record: Record,
    #[command(flatten)]
    talk: talk::Talk,
}

/// What it records.
#[derive(clap::Args)]
#[command(next_help_heading = "Recording")]
struct Record {
    /// Directory of the card, which must exist; without it nothing is recorded
    #[arg(long, value_name = "DIR")]
    card: Option<PathBuf>,
    /// Bytes that recordings may take; by default what the file system has, less a reserve
    #[arg(long, value_name = "N", requires = "card")]
    card_bytes: Option<u64>,
    /// Days after which recordings are deleted; by default when room is needed
    #[arg(long, value_name = "N", requires = "card", value_parser = clap::value_parser!(u32).range(1..))]
    keep_days: Option<u32>,
    /// When to record; remembered, at first around the clock
    #[arg(long, value_enum, value_name = "MODE", requires = "card")]
    record: Option<Mode>,
    /// Quality of recordings: standard, high or super
    #[arg(long, value_enum, value_name = "QUALITY", default_value_t = Recorded::High)]
    record_quality: Recorded,
    /// Times of `--record schedule`, in UTC unless an offset follows: "Mon-Fri 08:00-18:00, Sat 10:00-14:00 +01:00"
    #[arg(long, value_name = "TIMES", requires = "card", default_value = "")]
    schedule: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// Around the clock
    Continuous,
    /// At the times of --schedule
    Schedule,
    /// When something moves
    Events,
    /// Not
    Off,
}

#[derive(Clone, Copy, ValueEnum)]
enum Recorded {
    Standard,
    High,
    Super,
}

/// How it gets onto the network and to a hub.
#[derive(clap::Args)]
#[command(next_help_heading = "Setting up")]
struct Setup {
    /// The radio for the camera's hotspot and its Wi-Fi: none, auto, nm[:IFACE], wpa:IFACE[:CTRL_DIR], sim:DIR[:NAME];
    /// with none the camera is on the network without our doing
    #[arg(long, value_name = "RADIO", default_value = "none")]
    radio: String,
    /// Be open to be set up as long as the camera has no owner; otherwise only when the button is pressed
    #[arg(long)]
    setup: bool,
    /// UDP port on which viewers set the camera up; 0 is any
    #[arg(long, value_name = "PORT", default_value_t = wire::soft_ap::PORT)]
    setup_port: u16,
    /// UDP port of the log, while the camera is open
    #[arg(long, value_name = "PORT", default_value_t = wire::soft_ap::LOG_PORT)]
    setup_log_port: u16,
    /// The camera's own address on its hotspot
    #[arg(long, value_name = "ADDRESS", default_value_t = wire::soft_ap::ADDRESS)]
    hotspot_address: Ipv4Addr,
    /// 2.4 GHz channel of the hotspot, 1 to 13; by default the radio's choice
    #[arg(long, value_name = "CHANNEL", value_parser = clap::value_parser!(u8).range(1..=13))]
    hotspot_channel: Option<u8>,
    /// Product at the hub: 10 letters and digits
    #[arg(long, value_name = "ID", default_value = setup::PRODUCT_ID)]
    product_id: String,
    /// Name at the hub; by default made of the camera's key
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
    /// File with the product's secret; a camera without one registers with the token of its first pairing
    #[arg(long, value_name = "FILE")]
    product_secret_file: Option<PathBuf>,
    /// Region of the product; by default tokens of any region are taken
    #[arg(long)]
    region: Option<String>,
    /// The hub of requests that name none: {"host":…,"mqtt":8883,"http":8443,"pin":…}
    #[arg(long, value_name = "JSON")]
    hub: Option<String>,
    /// A code with network and token that is shown to the camera when it starts; `-` reads it from the standard input
    #[arg(long, value_name = "TEXT")]
    scan: Option<String>,
    /// A text that is drawn as a code before the lens of the sim board; `-` reads it from the standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "scan")]
    show_code: Option<String>,
}

/// Things to do instead of running.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Print what belongs on the camera: name and passphrase of its hotspot, as text and as a QR code
    Label,
    /// Factory reset: erase the keys, the viewers, the network and the hub. The camera must not run. The label stays true.
    /// With `--radio RADIO` before it the system forgets the network too
    Reset,
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

impl Args {
    /// The data directory.
    pub(crate) fn data(&self) -> anyhow::Result<PathBuf> {
        let data = self.data.clone();
        data.context("give the camera's directory with --data DIR (or PORTHOLE_CAMERA_DATA)")
    }
}

/// What the flags say.
pub(crate) fn options(args: Args) -> anyhow::Result<Options> {
    let data = args.data()?;
    let board = match args.board {
        Board::Sim => BoardChoice::Sim(args.source),
        #[cfg(feature = "linux")]
        Board::Linux => BoardChoice::Linux {
            video: args.video_device,
            audio: args.audio_device,
            light: args.light,
            button: args.button,
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
    let easel = Easel::default();
    if let Some(text) = args.setup.show_code.clone().map(code).transpose()? {
        easel.show(&text).context("--show-code")?;
    }
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
        easel,
        setup: setup_options(args.setup)?,
        record: record_options(args.record)?,
        talk: args.talk.into(),
        ..Options::new(data)
    })
}

fn record_options(args: Record) -> anyhow::Result<Option<record::Options>> {
    let Some(dir) = args.card else {
        return Ok(None);
    };
    let mode = args.record.map(|mode| match mode {
        Mode::Continuous => RecordMode::Continuous,
        Mode::Schedule => RecordMode::Schedule,
        Mode::Events => RecordMode::Events,
        Mode::Off => RecordMode::Off,
    });
    let schedule = match args.schedule.as_str() {
        "" => Schedule::default(),
        text => text.parse().context("--schedule")?,
    };
    Ok(Some(record::Options {
        card: card::Options {
            dir,
            bytes: args.card_bytes,
            keep_days: args.keep_days,
        },
        mode,
        quality: match args.record_quality {
            Recorded::Standard => Quality::Standard,
            Recorded::High => Quality::High,
            Recorded::Super => Quality::Super,
        },
        schedule,
    }))
}

/// A code that was typed, or the one on the standard input.
fn code(typed: String) -> anyhow::Result<String> {
    if typed != "-" {
        return Ok(typed);
    }
    let mut text = String::new();
    std::io::stdin()
        .take(MOST_SCANNED)
        .read_to_string(&mut text)
        .context("reading the code from the standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn setup_options(args: Setup) -> anyhow::Result<setup::Options> {
    let radio = match args.radio.as_str() {
        "none" => None,
        choice => Some(choice.parse().context("--radio")?),
    };
    let product: ProductId = args.product_id.parse().context("--product-id")?;
    let device = match &args.device_name {
        Some(name) => Some(Device::new(product.as_str(), name).context("--device-name")?),
        None if product.as_str() != setup::PRODUCT_ID => {
            bail!("--product-id needs --device-name: which of the product's cameras is this?")
        }
        None => None,
    };
    let product_secret = args.product_secret_file.map(|path| {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let secret: ProductSecret = text
            .parse()
            .with_context(|| format!("reading {}", path.display()))?;
        anyhow::Ok(secret)
    });
    let hub = args
        .hub
        .map(|text| HubAddress::decode(text.as_bytes()).context("--hub"));
    let scan = args.scan.map(code).transpose()?;
    Ok(setup::Options {
        radio,
        open: args.setup,
        ports: (args.setup_port, args.setup_log_port),
        hotspot_address: args.hotspot_address,
        hotspot_channel: args.hotspot_channel,
        device,
        product_secret: product_secret.transpose()?,
        region: args.region,
        hub: hub.transpose()?,
        scan,
    })
}
