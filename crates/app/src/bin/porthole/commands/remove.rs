//! `porthole remove CAMERA`

use crate::out::Out;
use app::App;
use app::api::Failure;

/// Forgets a camera, and asks it to forget us.
pub(crate) async fn run(app: &App, out: &Out, camera: &str) -> Result<(), Failure> {
    let key = app.cameras().meant(camera)?.key().to_owned();
    app.remove(&key).await?;
    out.data(
        &serde_json::json!({ "removed": key }),
        &format!("{}: {key}", out.say("Removed", "已移除")),
    );
    Ok(())
}
