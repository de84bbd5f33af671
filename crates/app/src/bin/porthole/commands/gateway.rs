//! `porthole gateway`

use crate::out::Out;
use app::App;
use app::api::Failure;
use app::gateway::Gateway;

/// Serves until Ctrl-C.
pub(crate) async fn run(app: &App, out: &Out) -> Result<(), Failure> {
    let gateway = Gateway::start(app.core(), app.cameras().clone()).await?;
    let urls = gateway.urls(app.cameras());
    let people: String = urls
        .iter()
        .map(|url| format!("{}  {}\n", url.camera, url.url))
        .collect();
    if urls.is_empty() && !out.is_json() {
        eprintln!(
            "{}",
            out.say("No camera is saved yet.", "尚未保存任何摄像机。")
        );
    }
    out.data(&serde_json::json!(urls), &people);
    super::end(None).await;
    Ok(())
}
