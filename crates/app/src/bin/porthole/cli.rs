//! What can be typed.

use crate::times;
use app::api;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Watch Porthole cameras from the command line.
///
/// A camera is named by its key or name from `porthole list`, or by the first digits of its id.
/// Exit codes: 0 done, 1 a defect, 2 wrong usage, 3 link, 4 unknown camera, 5 not reached, 6 refused, 7 full,
/// 8 stream, 9 command, 10 file, 11 saved data, 12 network of this machine, 13 wrong name or password of the hotspot,
/// 14 hotspot or camera silent, 15 the camera could not join its network, 16 hub, 17 pairing, 18 nothing recorded, no card or no
/// such file, 19 talk.
#[derive(Debug, Parser)]
#[command(version, about, verbatim_doc_comment)]
pub(crate) struct Cli {
    /// Where cameras and this viewer's key are kept.
    #[arg(long, global = true, env = "PORTHOLE_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// This machine's Wi-Fi: auto, nm[:IFACE], wpa:IFACE[:CTRL_DIR] or sim:DIR[:NAME]; by default that of the settings.
    #[arg(long, global = true, env = "PORTHOLE_RADIO", value_name = "CHOICE")]
    pub(crate) radio: Option<String>,
    /// Be at this relay (`https://…`, its key behind `#key=`), or at the `public` ones; by default as the settings say.
    #[arg(long, global = true, env = "PORTHOLE_RELAY", value_name = "URL")]
    pub(crate) relay: Option<String>,
    /// Send everything through relays, never directly.
    #[arg(long, global = true)]
    pub(crate) relayed: bool,
    /// Language of errors; by default that of the system.
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// English.
    En,
    /// Chinese.
    Zh,
}

/// A picture size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Quality {
    /// 640x360.
    Standard,
    /// 1280x720.
    High,
    /// 1920x1080.
    Super,
}

impl From<Quality> for api::Quality {
    fn from(quality: Quality) -> Self {
        match quality {
            Quality::Standard => Self::Standard,
            Quality::High => Self::High,
            Quality::Super => Self::Super,
        }
    }
}

/// Where a camera turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Move {
    /// Pan left.
    Left,
    /// Pan right.
    Right,
    /// Tilt up.
    Up,
    /// Tilt down.
    Down,
    /// Stand still.
    Stop,
}

/// What can be done with this machine's Wi-Fi.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Wifi {
    /// List the networks in range; `*` marks the current one, `+` the hotspot of a camera.
    Scan,
}

/// How to pair. Passwords come from standard input, one a line: first that of the network, then that of the hotspot.
#[derive(Args)]
pub(crate) struct Pair {
    /// The network that the camera shall join.
    #[arg(long, required_unless_present = "on_network")]
    pub(crate) ssid: Option<String>,
    /// Read that network's password from the first line of standard input; without it the network is open.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// That network does not announce its name.
    #[arg(long)]
    pub(crate) hidden: bool,
    /// The camera's hotspot; by default the only one in range.
    #[arg(long, conflicts_with = "label")]
    pub(crate) hotspot: Option<String>,
    /// Read the hotspot's password from the next line of standard input; without it the hotspot is open.
    #[arg(long, conflicts_with = "label")]
    pub(crate) hotspot_password_stdin: bool,
    /// The text of the QR code on the camera: its hotspot and password, `WIFI:…`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Print a code that the camera reads with its own lens; no hotspot is joined.
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "json",
        conflicts_with_all = ["hotspot", "hotspot_password_stdin", "label"]
    )]
    pub(crate) show_code: Option<CodeForm>,
    /// The camera is on this network already and gets the token alone. Its name, the start of its key or its address;
    /// by default the only one that is not saved.
    #[arg(
        long,
        value_name = "CAMERA",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = [
            "ssid", "password_stdin", "hidden", "hotspot", "hotspot_password_stdin", "label", "show_code"
        ]
    )]
    pub(crate) on_network: Option<String>,
    /// What to call the camera; by default as its hotspot or as it calls itself.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where it stands.
    #[arg(long)]
    pub(crate) room: Option<String>,
    /// Pair through this hub, and keep it in the settings; by default the hub inside this program.
    #[arg(
        long,
        env = "PORTHOLE_HUB",
        hide_env_values = true,
        value_name = "INVITATION"
    )]
    pub(crate) hub: Option<String>,
}

/// How a code for the camera's lens is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CodeForm {
    /// With the hub in it: for our own cameras.
    Json,
    /// The documents' shorter form, for cameras that know their hub.
    Text,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Label and invitation are secrets.
        f.debug_struct("Pair")
            .field("ssid", &self.ssid)
            .field("hotspot", &self.hotspot)
            .field("show_code", &self.show_code)
            .field("on_network", &self.on_network)
            .finish_non_exhaustive()
    }
}

/// How to talk.
#[derive(Debug, Args)]
pub(crate) struct Talk {
    /// To which camera.
    pub(crate) camera: String,
    /// Send this WAV file instead of the microphone, and play nothing here.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The microphone; by default the system's choice.
    #[arg(long, value_name = "ID", conflicts_with = "from")]
    pub(crate) microphone: Option<String>,
    /// The codec; by default the camera's first choice.
    #[arg(long, value_enum)]
    pub(crate) codec: Option<VoiceCodec>,
    /// Stay on after the file is over, or without the microphone ending it, until Ctrl-C.
    #[arg(long)]
    pub(crate) open_line: bool,
    /// Keep what the camera hears in this WAV file.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// End the talk of whoever talks.
    #[arg(long)]
    pub(crate) take: bool,
    /// Stop after this long.
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
}

/// A codec of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VoiceCodec {
    /// AAC-LC.
    Aac,
    /// 16 bits.
    Pcm,
    /// G.711 A-law.
    G711a,
    /// G.711 µ-law.
    G711u,
    /// Opus.
    Opus,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look for cameras on the local network.
    Discover {
        /// How long to look.
        #[arg(long, default_value_t = 3.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Add the camera of a pairing link.
    Add {
        /// The link, `porthole:…`.
        link: String,
        /// What to call it; by default what it calls itself.
        #[arg(long)]
        name: Option<String>,
        /// Where it stands.
        #[arg(long)]
        room: Option<String>,
    },
    /// Pair with a new camera: over its own hotspot, by a code shown to it, or where it is on the network. It gets the network,
    /// and this viewer becomes its owner.
    Pair(Pair),
    /// This machine's Wi-Fi.
    Wifi {
        /// What to do with it.
        #[command(subcommand)]
        command: Wifi,
    },
    /// List the saved cameras.
    List,
    /// Write a camera's live stream as FLV: `porthole live front | ffplay -`. Comes back by itself when it is lost.
    Live {
        /// Which camera.
        camera: String,
        /// Picture size.
        #[arg(long, value_enum, default_value = "high")]
        quality: Quality,
        /// A file, or `-` for standard output.
        #[arg(short, long, default_value = "-")]
        output: PathBuf,
        /// Stop after this long.
        #[arg(long, value_parser = seconds)]
        seconds: Option<f64>,
        /// Print figures to standard error, once a second.
        #[arg(long)]
        stats: bool,
    },
    /// Save one picture as JPEG.
    Snapshot {
        /// Which camera.
        camera: String,
        /// The file.
        file: PathBuf,
        /// Picture size.
        #[arg(long, value_enum, default_value = "super")]
        quality: Quality,
    },
    /// Save the live stream as MP4, until Ctrl-C or for some seconds.
    Record {
        /// Which camera.
        camera: String,
        /// The file, `….mp4`.
        #[arg(value_parser = mp4)]
        file: PathBuf,
        /// Save this long, from the next key picture on; without it everything from the pictures that the camera still has.
        #[arg(long, value_parser = seconds)]
        seconds: Option<f64>,
        /// Picture size.
        #[arg(long, value_enum, default_value = "high")]
        quality: Quality,
    },
    /// List what the camera has recorded, and what happened.
    Recordings {
        /// Which camera.
        camera: String,
        /// Which day, YYYY-MM-DD in this machine's time zone; today if not given.
        #[arg(long, value_parser = times::day)]
        day: Option<(i64, i64)>,
    },
    /// List the files on the camera's card.
    Files {
        /// Which camera.
        camera: String,
        /// Which day, YYYY-MM-DD in this machine's time zone; today if not given.
        #[arg(long, value_parser = times::day)]
        day: Option<(i64, i64)>,
        /// Pictures instead of video.
        #[arg(long)]
        pictures: bool,
    },
    /// Write what was recorded as FLV: `porthole play front --from T --to T | ffplay -`. A moment is RFC 3339,
    /// `YYYY-MM-DD HH:MM:SS` in this machine's time zone, or unix seconds.
    Play {
        /// Which camera.
        camera: String,
        /// From this moment.
        #[arg(long, value_parser = times::moment)]
        from: i64,
        /// To this moment.
        #[arg(long, value_parser = times::moment)]
        to: i64,
        /// -16, -8, -4, 0.5, 1, 1.5, 2, 4, 8 or 16. Only normal speed has sound, 4 and more are keyframes.
        #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
        speed: f32,
        /// A file, or `-` for standard output.
        #[arg(short, long, default_value = "-")]
        output: PathBuf,
    },
    /// Save a recording as MP4, or a picture as JPEG. A download that was stopped goes on when it is asked for again.
    Download {
        /// Which camera.
        camera: String,
        /// A file's name, from `porthole files`.
        #[arg(required_unless_present = "from", conflicts_with_all = ["from", "to"])]
        name: Option<String>,
        /// A stretch instead of a file: from this moment, as for `play`.
        #[arg(long, value_parser = times::moment, requires = "to")]
        from: Option<i64>,
        /// To this moment.
        #[arg(long, value_parser = times::moment, requires = "from")]
        to: Option<i64>,
        /// The file.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Save a small picture of a recorded moment as JPEG.
    Thumbnail {
        /// Which camera.
        camera: String,
        /// Which moment, as for `play`.
        #[arg(long, value_parser = times::moment)]
        at: i64,
        /// The file.
        file: PathBuf,
        /// Its width in pixels, 16 to 1280.
        #[arg(long, default_value_t = 320)]
        width: u32,
    },
    /// Serve the cameras on 127.0.0.1 for other players; prints one URL a camera.
    Gateway,
    /// Send a raw command and print the camera's reply.
    #[command(name = "command")]
    Raw {
        /// Which camera.
        camera: String,
        /// `action=inner_define&channel=0&cmd=…`
        query: String,
    },
    /// Turn a camera.
    Ptz {
        /// Which camera.
        camera: String,
        /// Where to.
        #[arg(value_enum)]
        to: Move,
        /// For how long.
        #[arg(long, default_value_t = 0.4, value_parser = seconds)]
        seconds: f64,
    },
    /// Talk to a camera, and hear it, until Ctrl-C or the end of the file.
    Talk(Talk),
    /// Make a one-time link for another viewer.
    Share {
        /// Which camera.
        camera: String,
    },
    /// Forget a camera.
    Remove {
        /// Which camera.
        camera: String,
    },
}

/// A length of time as it is typed: more than nothing, and no more than a year.
fn seconds(text: &str) -> Result<f64, String> {
    const YEAR: f64 = 366.0 * 24.0 * 3600.0;
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if seconds > 0.0 && seconds <= YEAR {
        Ok(seconds)
    } else {
        Err(format!("expected more than 0 and at most {YEAR}"))
    }
}

/// A recording's file: what is written is MP4, whatever it is called.
fn mp4(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().unwrap_or_default();
    if extension.eq_ignore_ascii_case("mp4") {
        Ok(path)
    } else {
        Err("recordings are MP4: name it ….mp4".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_that_can_pass() {
        assert_eq!(seconds("2.5"), Ok(2.5));
        for wrong in ["nan", "inf", "-1", "0", "1e300", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_recording_is_named_as_what_it_is() {
        assert!(mp4("a/b.MP4").is_ok());
        for wrong in ["a.avi", "a", "mp4", ".mp4"] {
            assert!(mp4(wrong).is_err(), "{wrong}");
        }
    }
}
