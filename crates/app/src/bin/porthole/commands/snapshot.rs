//! `porthole snapshot CAMERA FILE`

use crate::out::Out;
use app::App;
use app::api::{Failure, Quality};
use app::continuous::{Fed, Feed};
use app::live::Unit;
use app::live::gop::Gop;
use app::snapshot;
use std::path::Path;

/// Saves the first picture that is live.
pub(crate) async fn run(
    app: &App,
    out: &Out,
    camera: &str,
    file: &Path,
    quality: Quality,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let name = session.name();
    out.progress(out.say("Waiting for a picture …", "正在等待画面……"));
    let mut feed = Feed::open(session, quality);
    let mut gop = Gop::default();
    loop {
        match feed.next().await? {
            Fed::Unit(unit) => {
                gop.push(&unit);
                let live = matches!(&unit, Unit::Video(video) if !video.catch_up);
                if live && gop.key().is_some() {
                    break;
                }
            }
            Fed::Lost(_) => gop.clear(),
            Fed::Opened(_) => {}
        }
    }
    let jpeg = snapshot::jpeg(&gop.pictures(), &name)?;
    snapshot::save(file, &jpeg)?;
    out.progress_done();
    let path = file.display().to_string();
    out.data(
        &serde_json::json!({ "path": path, "bytes": jpeg.len() }),
        &format!("{path}: {} bytes", jpeg.len()),
    );
    Ok(())
}
