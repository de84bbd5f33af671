//! `porthole add LINK`

use crate::out::Out;
use app::App;
use app::api::Failure;

/// Pairs and saves.
pub(crate) async fn run(
    app: &App,
    out: &Out,
    link: &str,
    name: Option<String>,
    room: Option<String>,
) -> Result<(), Failure> {
    out.progress(out.say("Connecting to the camera …", "正在连接摄像机……"));
    let camera = app.cameras().add(link, name, room).await?;
    out.progress_done();
    let people = format!("{}: {}", out.say("Added", "已添加"), camera.key);
    out.data(&serde_json::json!(camera), &people);
    Ok(())
}
