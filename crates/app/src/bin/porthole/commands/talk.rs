//! `porthole talk CAMERA`: a voice there, and the camera's sound back.

use crate::cli;
use crate::out::Out;
use app::App;
use app::api::{Failure, Talk, TalkPhase};
use app::live::sound::Device;
use app::talk::far::Speakers;
use app::talk::source::Source;
use app::talk::{Talking, Wanted, floor, listen};
use std::sync::Arc;
use wire::talk::{FloorAsk, VoiceCodec};

/// Talks until Ctrl-C, the end of the time, or the end of the file.
pub(crate) async fn run(app: &App, out: &Out, typed: cli::Talk) -> Result<(), Failure> {
    let session = app.cameras().meant(&typed.camera)?;
    let speakers: Arc<Speakers> = Arc::default();
    // With a file there is nobody here who listens.
    let device = match &typed.from {
        Some(_) => Device::None,
        None => Device::Default,
    };
    let source = match typed.from {
        Some(path) => Source::File(path),
        None => Source::Microphone(typed.microphone),
    };
    let _warm = session.hold();
    if typed.take {
        floor::ask(&session, FloorAsk::Take).await?;
    }
    let wanted = Wanted {
        session: session.clone(),
        source,
        codec: typed.codec.map(codec),
        speakers: speakers.clone(),
        duck: false,
    };
    let back = listen::Wanted {
        device,
        file: typed.save,
    };
    let listening = back.file.is_some() || back.device != Device::None;
    let back = async {
        match listening {
            true => listen::run(&session, &speakers, back).await,
            false => std::future::pending().await,
        }
    };
    tokio::pin!(back);
    let end = super::end(typed.seconds);
    tokio::pin!(end);
    let talking = Talking::start(app.core().clone(), wanted);
    let mut state = talking.watch();
    let ended = loop {
        let now = state.borrow_and_update().clone();
        tell(out, &now);
        if let TalkPhase::Ended { failure } = &now.phase {
            break failure.clone();
        }
        tokio::select! {
            () = &mut end => break failure_of(&talking.stop().await),
            failure = &mut back => {
                talking.stop().await;
                break failure.err();
            }
            changed = state.changed() => if changed.is_err() { break None },
        }
    };
    out.progress_done();
    if let Some(failure) = ended {
        return Err(failure);
    }
    if typed.open_line {
        tokio::select! {
            () = &mut end => {}
            failure = &mut back => return failure,
        }
    }
    Ok(())
}

fn failure_of(talk: &Talk) -> Option<Failure> {
    match &talk.phase {
        TalkPhase::Ended { failure } => failure.clone(),
        TalkPhase::Starting | TalkPhase::Talking => None,
    }
}

/// The state as a line: JSON on standard output, or what is going on at a terminal.
fn tell(out: &Out, talk: &Talk) {
    if out.is_json() {
        out.data(&serde_json::json!({ "talk": talk }), "");
        return;
    }
    let delay = talk
        .delay_ms
        .map(|ms| format!("  {ms:.0} ms"))
        .unwrap_or_default();
    let text = match talk.phase {
        TalkPhase::Starting => out
            .say("Asking the camera …", "正在询问摄像机……")
            .to_owned(),
        TalkPhase::Talking => format!(
            "{} {:>4.0} dB{delay}  {}",
            out.say("Talking", "对讲中"),
            talk.level_db,
            talk.format
        ),
        TalkPhase::Ended { .. } => return,
    };
    out.progress(&text);
}

fn codec(typed: cli::VoiceCodec) -> VoiceCodec {
    match typed {
        cli::VoiceCodec::Aac => VoiceCodec::Aac,
        cli::VoiceCodec::Pcm => VoiceCodec::Pcm,
        cli::VoiceCodec::G711a => VoiceCodec::G711A,
        cli::VoiceCodec::G711u => VoiceCodec::G711U,
        cli::VoiceCodec::Opus => VoiceCodec::Opus,
    }
}
