//! What is printed, and how the program ends.

use crate::cli;
use app::api::{Failure, FailureCode};
use app::texts::{self, Lang};
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    json: bool,
    lang: Lang,
}

impl Out {
    /// In JSON or for people; in `lang` or the system's language.
    pub(crate) fn new(json: bool, lang: Option<cli::Lang>) -> Self {
        let lang = match lang {
            Some(cli::Lang::En) => Lang::En,
            Some(cli::Lang::Zh) => Lang::Zh,
            None => {
                let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
                    .iter()
                    .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
                Lang::of_locale(&locale.unwrap_or_default())
            }
        };
        Self { json, lang }
    }

    /// Whether data is printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints data: the JSON, or the lines for people.
    pub(crate) fn data(&self, json: &Value, people: &str) {
        let text = if self.json {
            json.to_string()
        } else {
            people.trim_end().to_owned()
        };
        if !text.is_empty() {
            // A reader that has gone, as in `porthole list | head -1`, is no failure.
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// One of two sentences, by language.
    pub(crate) fn say<'a>(&self, en: &'a str, zh: &'a str) -> &'a str {
        match self.lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    /// Tells a person at a terminal what is going on.
    pub(crate) fn progress(&self, text: &str) {
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K{text}");
        }
    }

    /// Ends a line of progress.
    pub(crate) fn progress_done(&self) {
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }

    /// A line of figures on standard error.
    pub(crate) fn figures(&self, json: &Value, people: &str) {
        if self.json {
            eprintln!("{json}");
        } else {
            eprintln!("{people}");
        }
    }

    /// A failure in a few words.
    pub(crate) fn title(&self, failure: &Failure) -> String {
        texts::text(failure, self.lang).title
    }

    /// Prints a failure as title, cause and next step to standard error.
    pub(crate) fn failure(&self, failure: &Failure) -> ExitCode {
        self.progress_done();
        let text = texts::text(failure, self.lang);
        if self.json {
            let json = serde_json::json!({ "failure": failure, "title": text.title, "cause": text.cause, "next": text.next });
            eprintln!("{json}");
        } else {
            eprintln!("{}\n  {}\n  {}", text.title, text.cause, text.next);
        }
        ExitCode::from(exit_code(failure.code))
    }
}

/// The program's exit code; clap uses 2 for wrong usage.
fn exit_code(code: FailureCode) -> u8 {
    use FailureCode as F;
    match code {
        F::LinkMalformed
        | F::LinkRefused
        | F::LinkWithoutSecret
        | F::TooManyAttempts
        | F::CameraAlreadyAdded => 3,
        F::CameraUnknown | F::ViewUnknown | F::WrongView | F::DownloadUnknown => 4,
        F::CameraUnreachable | F::ConnectionLost => 5,
        F::CameraRefused => 6,
        F::CameraFull => 7,
        F::StreamNotFound
        | F::CameraError
        | F::StreamMalformed
        | F::CodecUnsupported
        | F::DecoderFailed
        | F::NoPictureYet => 8,
        F::TalkBusy | F::TalkTaken | F::TalkUnsupported | F::TalkCodecRefused | F::TalkEnded => 19,
        F::CommandTimeout | F::CommandRefused | F::CommandMalformed => 9,
        F::FileNotWritten
        | F::FileNotOpened
        | F::FileNotCopied
        | F::DiskFull
        | F::DownloadDamaged
        | F::NotConverted
        | F::VoiceUnreadable => 10,
        F::DataUnreadable | F::IdentityUnusable | F::SettingInvalid => 11,
        F::GatewayUnavailable
        | F::DiscoveryUnavailable
        | F::NoAudioDevice
        | F::AudioDeviceLost
        | F::NoMicrophone
        | F::MicrophoneLost
        | F::WifiUnavailable
        | F::WifiNotAllowed
        | F::WifiFailed
        | F::HomeNotRejoined => 12,
        F::WifiInputInvalid | F::LabelMalformed | F::HotspotWrongPassphrase => 13,
        F::HotspotNotFound
        | F::HotspotNotJoined
        | F::HotspotLost
        | F::CameraSilent
        | F::AnotherCamera
        | F::CameraNotOpen
        | F::CameraNotFound => 14,
        F::NetworkWrongPassword
        | F::NetworkNotFound
        | F::NetworkNoAddress
        | F::NetworkNotJoined => 15,
        F::CameraNoHub
        | F::CameraHubRefused
        | F::HubUnavailable
        | F::HubInvitationInvalid
        | F::HubAccessRefused
        | F::TokenRefused
        | F::TokenExpired
        | F::CameraOwned
        | F::BindFailed => 16,
        F::CameraSetupFailed
        | F::CameraSetupStopped
        | F::CameraNotHeard
        | F::CodeNotRead
        | F::NoPairingCode
        | F::PairingTimeout
        | F::PairingRunning
        | F::PairingStopped
        | F::NoPairing
        | F::NoPairingLog => 17,
        F::NoRecording | F::NoCard | F::NoSuchFile => 18,
        F::RelayRefused | F::RelayUnreachable => 5,
        F::Internal => 1,
    }
}
