//! `porthole list`

use crate::out::Out;
use app::App;
use app::api::Failure;

/// Prints the saved cameras.
pub(crate) fn run(app: &App, out: &Out) -> Result<(), Failure> {
    let cameras = app.cameras().list();
    let width = cameras
        .iter()
        .map(|camera| camera.key.len())
        .max()
        .unwrap_or_default();
    let mut people = String::new();
    for camera in &cameras {
        let room = if camera.room.is_empty() {
            String::new()
        } else {
            format!(" ({})", camera.room)
        };
        people.push_str(&format!(
            "{:width$}  {}  {}{room}\n",
            camera.key,
            &camera.id[..10],
            camera.name
        ));
    }
    if cameras.is_empty() && !out.is_json() {
        eprintln!(
            "{}",
            out.say(
                "No camera is saved yet: porthole add LINK",
                "尚未保存任何摄像机：porthole add 链接"
            )
        );
    }
    out.data(&serde_json::json!(cameras), &people);
    Ok(())
}
