//! `porthole command CAMERA 'action=…'`

use crate::out::Out;
use app::App;
use app::api::Failure;

/// Sends and prints the reply as the camera wrote it.
pub(crate) async fn run(app: &App, out: &Out, camera: &str, query: &str) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    out.progress(out.say("Asking the camera …", "正在询问摄像机……"));
    let reply = session.command(query).await?;
    out.progress_done();
    let json = serde_json::from_str(&reply).unwrap_or_else(|_| serde_json::json!(reply));
    out.data(&json, &reply);
    Ok(())
}
