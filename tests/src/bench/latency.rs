//! Capture to decoded, over a real session on loopback.

use super::peer::{Known, runtime};
use super::table::{Row, Target};
use crate::figures::{ms, p50, p95};
use crate::programs::Camera;
use anyhow::Result;
use std::time::Duration;
use wire::stream::Quality;

/// Pictures that show how a stream starts, not how it runs.
const WARM_UP: usize = 90;

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let camera = Camera::start(&[]);
    let frames = runtime()?.block_on(async {
        let peer = Known::pair(&camera.link).await?.bind().await?;
        let frames = peer.watch(Quality::High, Duration::from_secs(18)).await?;
        peer.close().await;
        anyhow::Ok(frames)
    })?;
    let ages: Vec<f64> = frames
        .iter()
        .skip(WARM_UP)
        .filter(|frame| frame.counter.is_some())
        .map(|frame| ms(frame.age))
        .collect();
    let note = format!(
        "720p30, {} pictures, by the counter in the picture",
        ages.len()
    );
    Ok(vec![
        Row::new(
            "capture to decoded, p50",
            Target::AtMost(40.0),
            p50(&ages),
            "ms",
        )
        .note(note),
        Row::new("capture to decoded, p95", Target::Beside, p95(&ages), "ms"),
    ])
}
