//! `porthole share CAMERA`

use crate::out::Out;
use app::App;
use app::api::Failure;
use std::io::IsTerminal;

/// Prints a fresh link, and its QR code at a terminal.
pub(crate) async fn run(app: &App, out: &Out, camera: &str) -> Result<(), Failure> {
    let key = app.cameras().meant(camera)?.key().to_owned();
    out.progress(out.say("Asking the camera for a link …", "正在向摄像机索取链接……"));
    let share = app.cameras().share(&key).await?;
    out.progress_done();
    let mut people = share.link.clone();
    if std::io::stdout().is_terminal()
        && let Ok(code) = qrcode::QrCode::new(&share.link)
    {
        people = format!(
            "{}\n{people}",
            code.render::<qrcode::render::unicode::Dense1x2>().build()
        );
    }
    out.data(
        &serde_json::json!({ "link": share.link, "expiresIn": share.expires_in }),
        &people,
    );
    Ok(())
}
