//! `porthole discover`

use crate::out::Out;
use app::App;
use app::api::Failure;
use app::discovery::Discovery;

/// Looks for some seconds and prints what was found.
pub(crate) async fn run(app: &App, out: &Out, seconds: f64) -> Result<(), Failure> {
    let discovery = Discovery::start(app.core().clone(), app.cameras().clone())?;
    out.progress(out.say("Looking for cameras …", "正在搜索摄像机……"));
    super::end(Some(seconds)).await;
    out.progress_done();
    let cameras = discovery.cameras();
    let mut people = String::new();
    for camera in &cameras {
        let saved = camera
            .saved_as
            .as_ref()
            .map(|key| format!("  [{key}]"))
            .unwrap_or_default();
        people.push_str(&format!(
            "{}  {}  {}{saved}\n",
            &camera.id[..10],
            camera.name,
            camera.addresses.join(" ")
        ));
    }
    if cameras.is_empty() && !out.is_json() {
        eprintln!("{}", out.say("No camera found.", "没有找到摄像机。"));
    }
    out.data(&serde_json::json!(cameras), &people);
    Ok(())
}
