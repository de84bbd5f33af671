//! `porthole ptz CAMERA left`

use crate::cli::Move;
use crate::out::Out;
use app::App;
use app::api::Failure;
use std::time::Duration;
use tokio::time::Instant;
use wire::command::ptz::{Direction, Ptz};

/// A held pad presses again this often; the camera stops 500 ms after the last press.
const AGAIN: Duration = Duration::from_millis(300);

/// Turns for a while, then stops.
pub(crate) async fn run(
    app: &App,
    out: &Out,
    camera: &str,
    to: Move,
    seconds: f64,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let key = session.key().to_owned();
    let direction = match to {
        Move::Left => Some(Direction::Left),
        Move::Right => Some(Direction::Right),
        Move::Up => Some(Direction::Up),
        Move::Down => Some(Direction::Down),
        Move::Stop => None,
    };
    let _hold = session.hold();
    let mut apex = false;
    if let Some(direction) = direction {
        let end = Instant::now()
            + Duration::try_from_secs_f64(seconds)
                .unwrap_or_default()
                .min(Duration::from_secs(60));
        loop {
            apex |= app.cameras().ptz(&key, Ptz::Press(direction)).await?;
            if Instant::now() + AGAIN >= end {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        tokio::time::sleep_until(end).await;
    }
    apex |= app.cameras().ptz(&key, Ptz::Release).await?;
    let people = if apex {
        out.say("The camera is at its end.", "摄像机已转到尽头。")
    } else {
        ""
    };
    out.data(&serde_json::json!({ "apex": apex }), people);
    Ok(())
}
