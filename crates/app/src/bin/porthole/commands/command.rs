//! `porthole command CAMERA 'action=…'`

use crate::out::Out;
use app::App;
use app::api::{Failure, FailureCode};

/// Sends and prints the reply as the camera wrote it, also when it refuses.
pub(crate) async fn run(app: &App, out: &Out, camera: &str, query: &str) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    out.progress(out.say("Asking the camera …", "正在询问摄像机……"));
    let answer = session.command(query).await;
    out.progress_done();
    let reply = match &answer {
        Ok(reply) => reply,
        Err(failure) if is_answer(failure.code) => &failure.detail,
        Err(_) => return answer.map(drop),
    };
    let json = serde_json::from_str(reply).unwrap_or_else(|_| serde_json::json!(reply));
    out.data(&json, reply);
    answer.map(drop)
}

/// Whether a failure's detail is the reply of a camera that refuses.
fn is_answer(code: FailureCode) -> bool {
    use FailureCode as F;
    matches!(code, F::CommandRefused | F::NoCard | F::NoRecording)
}
