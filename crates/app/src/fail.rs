//! From the causes in the crates below to the failures a person is told.

use crate::api::{Failure, FailureCode};
use p2p::{Error, Response};
use serde_json::Value;
use std::fmt::Display;
use std::time::Duration;
use wire::ParseError;
use wire::command::reply::{Refusal, UserReply};
use wire::error::{Code, Lang};

/// Every failure code, for tables.
pub const ALL_CODES: &[FailureCode] = &[
    FailureCode::LinkMalformed,
    FailureCode::LinkRefused,
    FailureCode::LinkWithoutSecret,
    FailureCode::TooManyAttempts,
    FailureCode::CameraAlreadyAdded,
    FailureCode::CameraUnknown,
    FailureCode::CameraUnreachable,
    FailureCode::ConnectionLost,
    FailureCode::CameraRefused,
    FailureCode::CameraFull,
    FailureCode::StreamNotFound,
    FailureCode::CameraError,
    FailureCode::StreamMalformed,
    FailureCode::CodecUnsupported,
    FailureCode::DecoderFailed,
    FailureCode::CommandTimeout,
    FailureCode::CommandRefused,
    FailureCode::CommandMalformed,
    FailureCode::NoAudioDevice,
    FailureCode::AudioDeviceLost,
    FailureCode::NoMicrophone,
    FailureCode::MicrophoneLost,
    FailureCode::TalkBusy,
    FailureCode::TalkTaken,
    FailureCode::TalkUnsupported,
    FailureCode::TalkCodecRefused,
    FailureCode::TalkEnded,
    FailureCode::VoiceUnreadable,
    FailureCode::NoPictureYet,
    FailureCode::FileNotWritten,
    FailureCode::FileNotOpened,
    FailureCode::FileNotCopied,
    FailureCode::DataUnreadable,
    FailureCode::IdentityUnusable,
    FailureCode::GatewayUnavailable,
    FailureCode::DiscoveryUnavailable,
    FailureCode::ViewUnknown,
    FailureCode::SettingInvalid,
    FailureCode::WifiUnavailable,
    FailureCode::WifiNotAllowed,
    FailureCode::WifiFailed,
    FailureCode::WifiInputInvalid,
    FailureCode::LabelMalformed,
    FailureCode::HotspotNotFound,
    FailureCode::HotspotWrongPassphrase,
    FailureCode::HotspotNotJoined,
    FailureCode::HotspotLost,
    FailureCode::CameraSilent,
    FailureCode::AnotherCamera,
    FailureCode::CameraNotOpen,
    FailureCode::CameraNotFound,
    FailureCode::CodeNotRead,
    FailureCode::NoPairingCode,
    FailureCode::NetworkWrongPassword,
    FailureCode::NetworkNotFound,
    FailureCode::NetworkNoAddress,
    FailureCode::NetworkNotJoined,
    FailureCode::CameraNoHub,
    FailureCode::CameraHubRefused,
    FailureCode::TokenRefused,
    FailureCode::TokenExpired,
    FailureCode::CameraSetupFailed,
    FailureCode::CameraSetupStopped,
    FailureCode::CameraNotHeard,
    FailureCode::HomeNotRejoined,
    FailureCode::HubUnavailable,
    FailureCode::HubInvitationInvalid,
    FailureCode::HubAccessRefused,
    FailureCode::CameraOwned,
    FailureCode::BindFailed,
    FailureCode::PairingTimeout,
    FailureCode::PairingRunning,
    FailureCode::PairingStopped,
    FailureCode::NoPairing,
    FailureCode::NoPairingLog,
    FailureCode::NoRecording,
    FailureCode::NoCard,
    FailureCode::NoSuchFile,
    FailureCode::DiskFull,
    FailureCode::DownloadDamaged,
    FailureCode::DownloadUnknown,
    FailureCode::NotConverted,
    FailureCode::WrongView,
    FailureCode::RelayRefused,
    FailureCode::RelayUnreachable,
    FailureCode::Internal,
];

/// Header in which a camera says what is wrong with it.
const DETAIL: &str = "x-porthole-detail";
/// Longest text of a camera that is shown, characters.
const MAX_WORDS: usize = 300;
/// Largest error body of a camera that is read.
const MAX_ERROR_BODY: usize = 4096;
/// How long a camera may take to send an error's body.
const ERROR_BODY_TIME: Duration = Duration::from_secs(2);

/// What a transport error means for the camera called `camera`.
pub fn transport(error: &Error, camera: &str) -> Failure {
    let failure = match error {
        Error::Refused => Failure::new(FailureCode::CameraRefused),
        Error::TooManyAttempts => Failure::new(FailureCode::TooManyAttempts),
        Error::Unreachable { tried, .. } => {
            let tried = if tried.is_empty() {
                "–".to_owned()
            } else {
                tried.join(", ")
            };
            Failure::new(FailureCode::CameraUnreachable).with("tried", tried)
        }
        Error::Timeout { after, .. } => {
            Failure::new(FailureCode::CommandTimeout).with("seconds", after.as_secs_f32().ceil())
        }
        Error::Silent
        | Error::Closed { .. }
        | Error::ClosedHere
        | Error::Aborted
        | Error::Truncated => Failure::new(FailureCode::ConnectionLost),
        Error::TooLarge { .. } | Error::Protocol { .. } => Failure::new(FailureCode::CameraError)
            .with("status", "–")
            .with("error", error),
        _ => Failure::new(FailureCode::Internal).with("reason", error),
    };
    failure.with("camera", camera).detail(error)
}

/// What a camera's refusal of a stream means. `wanted` is what was asked for, in words.
pub async fn status(response: Response, camera: &str, wanted: &str) -> Failure {
    let said = Said::read(response).await;
    let failure = match said.status {
        _ if said.error() == Refusal::NO_SUCH_FILE => {
            Failure::new(FailureCode::NoSuchFile).with("file", wanted)
        }
        404 if !said.is_known() => {
            Failure::new(FailureCode::StreamNotFound).with("quality", wanted)
        }
        _ => said.failure(),
    };
    failure
        .with("camera", camera)
        .detail(format!("HTTP {} {}", said.status, said.body))
}

/// What a camera's refusal of a command by an HTTP status means. The failure's detail is the camera's reply.
pub async fn command_status(response: Response, camera: &str) -> Failure {
    let said = Said::read(response).await;
    let failure = match said.status {
        400 | 402 | 404..=499 | 501 if !said.is_known() => {
            Failure::new(FailureCode::CommandRefused).with("answer", said.error())
        }
        _ => said.failure(),
    };
    failure.with("camera", camera).detail(said.body)
}

/// A camera's answer with a status other than 200.
struct Said {
    status: u16,
    /// [`DETAIL`].
    detail: Option<String>,
    body: String,
    /// The body, if it is JSON.
    json: Value,
}

impl Said {
    async fn read(response: Response) -> Self {
        let status = response.status;
        let detail = response.header_value(DETAIL).map(str::to_owned);
        let body = response
            .body
            .read_to_end_within(MAX_ERROR_BODY, ERROR_BODY_TIME)
            .await
            .unwrap_or_default();
        let body = String::from_utf8_lossy(&body)
            .trim_end_matches('\0')
            .to_owned();
        Self {
            status,
            detail,
            json: serde_json::from_str(&body).unwrap_or_default(),
            body,
        }
    }

    fn word(&self, name: &str) -> Option<String> {
        match &self.json[name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// What is wrong, in the camera's words.
    fn error(&self) -> String {
        let error = self.detail.clone().or_else(|| self.word("error"));
        words(&error.unwrap_or_else(|| reason(self.status).to_owned()))
    }

    fn is_full(&self) -> bool {
        self.status == 503 || self.word("status").as_deref() == Some("405")
    }

    /// Whether it has a meaning of its own, beside its status.
    fn is_known(&self) -> bool {
        let words = [Refusal::NO_CARD, Refusal::NO_RECORDING];
        self.is_full() || words.contains(&&*self.error())
    }

    /// What it means whatever was asked for.
    fn failure(&self) -> Failure {
        let number = |name| self.word(name).unwrap_or_else(|| "?".into());
        match self.status {
            _ if self.error() == Refusal::NO_CARD => Failure::new(FailureCode::NoCard),
            _ if self.error() == Refusal::NO_RECORDING => Failure::new(FailureCode::NoRecording),
            _ if self.is_full() => Failure::new(FailureCode::CameraFull)
                .with("viewers", number("appConnectNum"))
                .with("max", number("maxConnectNum")),
            403 | 401 => Failure::new(FailureCode::CameraRefused),
            status => Failure::new(FailureCode::CameraError)
                .with("status", status)
                .with("error", self.error()),
        }
    }
}

/// What a camera says, short enough for a person and without control characters.
fn words(said: &str) -> String {
    said.chars()
        .filter(|character| !character.is_control())
        .take(MAX_WORDS)
        .collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "bad request",
        404 => "not found",
        405 => "not allowed",
        500 => "internal error",
        501 => "not implemented",
        503 => "busy",
        _ => "no reason given",
    }
}

/// What one of the documents' error codes means when a camera answers with it.
pub fn code(code: Code, camera: &str) -> Failure {
    let failure = match code {
        Code::BadParameter => {
            Failure::new(FailureCode::CommandMalformed).with("reason", code.cause(Lang::En))
        }
        Code::ProbeFailed => Failure::new(FailureCode::CameraUnreachable).with("tried", "–"),
        Code::StreamStartFailed
        | Code::DownloadFailed
        | Code::TalkbackStartFailed
        | Code::ViewerSwitchFailed => Failure::new(FailureCode::CameraError)
            .with("status", code.number())
            .with("error", code.name()),
        _ => Failure::new(FailureCode::CommandRefused).with("answer", code.name()),
    };
    failure
        .with("camera", camera)
        .detail(format!("{} {}", code.number(), code.name()))
}

/// What a camera's refusal of a command means: by its error code if it gave one, else in its own words.
pub fn answer(reply: &str, camera: &str) -> Failure {
    let said = UserReply::decode(reply.as_bytes())
        .ok()
        .and_then(|reply| reply.refusal());
    match said.and_then(|refusal| refusal.code) {
        Some(number) if number != Code::Ok => code(number, camera).detail(reply),
        _ => {
            let words = if reply.is_empty() { "–" } else { reply };
            Failure::new(FailureCode::CommandRefused)
                .with("camera", camera)
                .with("answer", words)
                .detail(reply)
        }
    }
}

/// What should stand where a text is wrong: a key of `texts/words.json` for what people type or scan.
pub(crate) fn expected(error: &ParseError) -> &'static str {
    match error {
        ParseError::Repeated { .. } => "once",
        _ => error.expected().unwrap_or("less"),
    }
}

/// A failure that is ours.
pub fn internal(reason: impl Display) -> Failure {
    Failure::new(FailureCode::Internal)
        .with("reason", &reason)
        .detail(reason)
}

/// Whether waiting and trying again can help without the user doing anything.
pub fn is_passing(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::CameraUnreachable
            | FailureCode::ConnectionLost
            | FailureCode::CommandTimeout
            | FailureCode::CameraError
            | FailureCode::StreamMalformed
            | FailureCode::DecoderFailed
            | FailureCode::CameraFull
            | FailureCode::Internal
    )
}

/// Whether the camera was reached and its stream was wrong: trying for ever would not help.
pub fn is_trouble(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::StreamMalformed | FailureCode::DecoderFailed | FailureCode::CameraError
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_camera_says_how_many_watch() {
        let body =
            r#"{"status":"405","error":"too_many_viewers","appConnectNum":"8","maxConnectNum":8}"#;
        let failure = status(Response::new(503, body), "Front", "high").await;
        assert_eq!(failure.code, FailureCode::CameraFull);
        assert_eq!(
            (
                failure.params["viewers"].as_str(),
                failure.params["max"].as_str()
            ),
            ("8", "8")
        );
    }

    #[tokio::test]
    async fn other_statuses_keep_their_number_and_reason() {
        let failure = status(Response::new(404, "no"), "Front", "super").await;
        assert_eq!(
            (failure.code, failure.params["quality"].as_str()),
            (FailureCode::StreamNotFound, "super")
        );
        let failure = status(Response::new(500, "\0\u{7f}garbage"), "Front", "super").await;
        assert_eq!(
            (failure.code, failure.params["status"].as_str()),
            (FailureCode::CameraError, "500")
        );
    }

    #[tokio::test]
    async fn a_refused_command_is_told_as_one() {
        for (status, body, answer) in [
            (
                501,
                r#"{"status":"501","error":"not_supported"}"#,
                "not_supported",
            ),
            (
                404,
                r#"{"status":"404","error":"no_such_channel"}"#,
                "no_such_channel",
            ),
            (400, "", "bad request"),
        ] {
            let failure = command_status(Response::new(status, body), "Front").await;
            assert_eq!(failure.code, FailureCode::CommandRefused, "{status}");
            assert_eq!(
                (&*failure.params["answer"], &*failure.detail),
                (answer, body)
            );
        }
        for (status, code) in [
            (500, FailureCode::CameraError),
            (503, FailureCode::CameraFull),
            (403, FailureCode::CameraRefused),
        ] {
            let failure = command_status(Response::new(status, ""), "Front").await;
            assert_eq!(failure.code, code, "{status}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_camera_is_said() {
        let response = Response::new(500, r#"{"status":"500","error":"device_error"}"#);
        let said = response.header("x-porthole-detail", "cannot open /dev/video0: busy");
        let failure = status(said, "Front", "high").await;
        let text = crate::texts::text(&failure, crate::texts::Lang::En);
        assert!(text.cause.contains("/dev/video0: busy"), "{text:?}");
        let endless = Response::new(500, "").header("x-porthole-detail", "x".repeat(9_000));
        let failure = status(endless, "Front", "high").await;
        assert_eq!(failure.params["error"].len(), MAX_WORDS);
    }

    #[test]
    fn every_error_code_of_the_documents_has_its_texts_filled() {
        for number in Code::ALL {
            for lang in [crate::texts::Lang::En, crate::texts::Lang::Zh] {
                let text = crate::texts::text(&code(*number, "Front"), lang);
                assert!(!format!("{text:?}").contains('?'), "{number:?}: {text:?}");
            }
        }
        let refused = answer(r#"{"result":"-2004","error":"unknown_topic"}"#, "Front");
        assert_eq!(
            (refused.code, refused.params["answer"].as_str()),
            (FailureCode::CommandRefused, "unsupported_operation")
        );
        assert_eq!(answer("no", "Front").params["answer"], "no");
    }

    #[test]
    fn transport_errors_have_their_own_failures() {
        for (error, code) in [
            (Error::Refused, FailureCode::CameraRefused),
            (Error::TooManyAttempts, FailureCode::TooManyAttempts),
            (Error::Silent, FailureCode::ConnectionLost),
            (
                Error::Unreachable {
                    camera: "a".into(),
                    tried: vec![],
                },
                FailureCode::CameraUnreachable,
            ),
            (
                Error::Timeout {
                    what: "x",
                    after: Duration::from_secs(3),
                },
                FailureCode::CommandTimeout,
            ),
            (
                Error::Protocol { detail: "x".into() },
                FailureCode::CameraError,
            ),
        ] {
            assert_eq!(transport(&error, "Front").code, code, "{error}");
        }
    }
}
