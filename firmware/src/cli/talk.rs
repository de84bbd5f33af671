//! The flags about talk.

use std::path::PathBuf;

use firmware::board::sim::room::{RoomSize, Voice};
use firmware::talk;
use wire::talk::VoiceFormats;

/// How it is talked to.
#[derive(clap::Args)]
#[command(next_help_heading = "Talk")]
pub(super) struct Talk {
    /// The room around the sim board: none, small or large. What the speaker plays comes back into the microphone
    #[arg(long, value_name = "SIZE", default_value = "none")]
    room: RoomSize,
    /// Who speaks in that room: none, synthetic, or file:PATH for a WAV file over and over; by default synthetic in a
    /// room and none without one
    #[arg(long, value_name = "VOICE")]
    voice: Option<Voice>,
    /// WAV file that keeps what the sim board's speaker played in the newest talk
    #[arg(long, value_name = "FILE")]
    speaker: Option<PathBuf>,
    /// The sound device that plays; by default the system's choice on the linux board, and none on the sim board
    #[arg(long, value_name = "ID")]
    speaker_device: Option<String>,
    /// Loudness of the speaker, 0 to 100
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
    speaker_volume: u8,
    /// No chime when somebody begins to talk
    #[arg(long)]
    no_talk_chime: bool,
    /// What the camera plays, the best first: aac/16000,opus/48000,pcm/16000,g711a/8000 …; by default all that it can
    #[arg(long, value_name = "LIST")]
    talk_formats: Option<VoiceFormats>,
}

impl From<Talk> for talk::Options {
    fn from(args: Talk) -> Self {
        let voice = args.voice.unwrap_or(match args.room {
            RoomSize::None => Voice::None,
            RoomSize::Small | RoomSize::Large => Voice::Synthetic,
        });
        Self {
            formats: args.talk_formats.unwrap_or_else(talk::formats),
            volume: f32::from(args.speaker_volume) / 100.0,
            chime: !args.no_talk_chime,
            speaker: args.speaker_device,
            speaker_file: args.speaker,
            room: args.room,
            voice,
        }
    }
}
