//! `porthole play CAMERA --from T --to T [--speed X] -o -`: what was recorded, as one FLV.

use crate::out::Out;
use crate::times;
use app::App;
use app::api::{Failure, FailureCode};
use app::playback::{Speed, Written};
use serde_json::json;
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Writes until the end of the time, Ctrl-C, or until the reader has gone.
pub(crate) async fn run(
    app: &App,
    out: &Out,
    camera: &str,
    (from_ms, to_ms): (i64, i64),
    speed: f32,
    output: &Path,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let speed = Speed::new(speed)?;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(FailureCode::FileNotWritten)
            .with("path", output.display())
            .with("reason", error)
    };
    let to_stdout = output == Path::new("-");
    if to_stdout && std::io::stdout().is_terminal() {
        let hint = out.say(
            "pipe it into a player: porthole play … | ffplay -",
            "请接到播放器：porthole play … | ffplay -",
        );
        return Err(failed(&hint));
    }
    let mut written = Written::new(session, from_ms, to_ms, speed);
    let mut bytes = Vec::new();
    // A time without recordings leaves no empty file.
    if !written.next(&mut bytes).await? {
        return Ok(());
    }
    let mut writer: Box<dyn AsyncWrite + Send + Unpin> = if to_stdout {
        Box::new(tokio::io::stdout())
    } else {
        let file = tokio::fs::File::create(output).await;
        Box::new(file.map_err(|error| failed(&error))?)
    };
    let (start, mut total) = (written.at_ms(), 0);
    let end = super::end(None);
    tokio::pin!(end);
    loop {
        total += bytes.len();
        let piece = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        let done = tokio::select! {
            done = piece => done,
            () = &mut end => break,
        };
        match done {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => return Err(failed(&error)),
        }
        bytes.clear();
        if let Some(at) = written.at_ms() {
            out.progress(&times::show(at));
        }
        let more = tokio::select! {
            more = written.next(&mut bytes) => more?,
            () = &mut end => break,
        };
        if !more {
            break;
        }
    }
    out.progress_done();
    if out.is_json() {
        let said = json!({ "fromMs": start, "toMs": written.at_ms(), "bytes": total });
        out.figures(&said, "");
    }
    Ok(())
}
