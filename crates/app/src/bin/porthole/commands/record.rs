//! `porthole record CAMERA FILE.mp4`

use crate::out::Out;
use app::App;
use app::api::{Failure, Quality};
use app::continuous::{Fed, Feed};
use app::record::{Naming, Recorder};
use serde_json::json;
use std::path::PathBuf;

/// Records until Ctrl-C or for some seconds; the file is finished either way.
pub(crate) async fn run(
    app: &App,
    out: &Out,
    camera: &str,
    file: PathBuf,
    seconds: Option<f64>,
    quality: Quality,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let name = session.name();
    let mut feed = Feed::open(session, quality);
    let recorder = Recorder::start(Naming::File(file), &[], true)?;
    let end = super::end(seconds);
    tokio::pin!(end);
    let mut failed = None;
    loop {
        let fed = tokio::select! {
            biased;
            () = &mut end => break,
            fed = feed.next() => fed,
        };
        match fed {
            Ok(Fed::Unit(unit)) => recorder.push(&unit),
            Ok(Fed::Lost(_)) => recorder.interrupt(),
            Ok(Fed::Opened(_)) => {}
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
        let progress = recorder.progress();
        if progress.failure.is_some() {
            break;
        }
        let seconds = progress.duration_ms as f64 / 1000.0;
        out.progress(&format!(
            "{}: {seconds:.1} s, {} kB",
            progress.path.display(),
            progress.bytes / 1000
        ));
    }
    let finished = recorder.finish().await;
    out.progress_done();
    if let Some(failure) = failed {
        return Err(failure);
    }
    let progress = finished.map_err(|failure| failure.with("camera", name))?;
    let path = progress.path.display().to_string();
    let people = format!(
        "{path}: {:.1} s, {} bytes",
        progress.duration_ms as f64 / 1000.0,
        progress.bytes
    );
    out.data(
        &json!({ "path": path, "bytes": progress.bytes, "durationMs": progress.duration_ms }),
        &people,
    );
    Ok(())
}
