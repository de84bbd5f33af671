//! `porthole thumbnail CAMERA --at T FILE.jpg`

use crate::out::Out;
use crate::times;
use app::api::Failure;
use app::{App, recorded, snapshot};
use serde_json::json;
use std::path::Path;

/// Saves the small picture of a moment.
pub(crate) async fn run(
    app: &App,
    out: &Out,
    camera: &str,
    at_ms: i64,
    file: &Path,
    width: u32,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let (jpeg, taken_ms) = recorded::thumbnail(&session, at_ms, width).await?;
    snapshot::save(file, &jpeg)?;
    let path = file.display().to_string();
    let taken = times::show(taken_ms);
    out.data(
        &json!({ "path": path, "bytes": jpeg.len(), "takenMs": taken_ms }),
        &format!("{path}: {taken}, {} bytes", jpeg.len()),
    );
    Ok(())
}
