//! From the wish to the first decoded picture, beside ffprobe and ffmpeg on the gateway's URL.

use super::peer::{Known, runtime};
use super::table::{Row, Target};
use crate::figures::{ms, p50, p95};
use crate::programs::{Camera, PATIENCE, Viewer, finish};
use anyhow::Result;
use std::process::Command;
use std::time::Duration;
use wire::stream::Quality;

/// Measurements of each kind while somebody watches.
const ROUNDS: usize = 20;
/// Measurements with nobody watching: each waits until the encoder is off.
const QUIET_ROUNDS: usize = 8;
/// The camera's encoder goes on for three seconds after its last viewer.
const UNTIL_QUIET: Duration = Duration::from_millis(4200);

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let camera = Camera::start(&["--max-viewers", "20"]);
    let viewer = Viewer::paired(&camera);
    let link = viewer.share("front");
    let (quiet, watched) = runtime()?.block_on(async {
        let known = Known::pair(&link).await?;
        let quiet = times(&known, QUIET_ROUNDS, UNTIL_QUIET).await?;
        let other = known.bind().await?;
        let mut body = other.live(Quality::High).await?;
        let reading = tokio::spawn(async move { while let Some(Ok(_)) = body.chunk().await {} });
        tokio::time::sleep(Duration::from_secs(3)).await;
        let watched = times(&known, ROUNDS, Duration::from_millis(130)).await?;
        reading.abort();
        other.close().await;
        anyhow::Ok((quiet, watched))
    })?;
    let (probe, decoded) = others(&viewer)?;
    let ours = p50(&watched.cold);
    let row = |what: &str, most: f64, values: &[f64], note: &str| {
        Row::new(what, Target::AtMost(most), p95(values), "ms")
            .note(format!("{note}, {} times", values.len()))
    };
    let note = "tuned: -probesize 32 -fflags nobuffer, p50, program start included";
    Ok(vec![
        row(
            "first picture, warm session, p95",
            100.0,
            &watched.warm,
            "somebody watches already",
        ),
        row(
            "first picture, warm session, p95",
            100.0,
            &quiet.warm,
            "encoder off before",
        ),
        row(
            "first picture, cold, p95",
            400.0,
            &watched.cold,
            "fresh endpoint, dialling; somebody watches already",
        ),
        row(
            "first picture, cold, p95",
            400.0,
            &quiet.cold,
            "fresh endpoint, dialling; encoder off before",
        ),
        Row::new(
            "first frame, ffprobe on the gateway",
            Target::Beside,
            p50(&probe),
            "ms",
        )
        .note(note),
        Row::new(
            "first frame, ffmpeg on the gateway",
            Target::Beside,
            p50(&decoded),
            "ms",
        )
        .note(note),
        Row::new(
            "first picture, cold, of ffprobe's",
            Target::AtMost(0.5),
            ratio(ours, p50(&probe)),
            "×",
        )
        .note("p50 of both, somebody watches already; ours dials, the gateway's session is warm"),
    ])
}

fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    Some(ours? / theirs?)
}

struct Times {
    cold: Vec<f64>,
    warm: Vec<f64>,
}

/// Each round with a fresh endpoint (cold), then once more on its session (warm), `pause` before each.
async fn times(known: &Known, rounds: usize, pause: Duration) -> Result<Times> {
    let mut times = Times {
        cold: Vec::new(),
        warm: Vec::new(),
    };
    for _ in 0..rounds {
        let peer = known.bind().await?;
        peer.session.keep_warm(false);
        tokio::time::sleep(pause).await;
        let (took, body) = peer.first_picture(Quality::High).await?;
        times.cold.push(ms(took));
        drop(body);
        tokio::time::sleep(pause).await;
        let (took, body) = peer.first_picture(Quality::High).await?;
        times.warm.push(ms(took));
        drop(body);
        peer.close().await;
    }
    Ok(times)
}

/// ffprobe to its first frame, and ffmpeg to its first decoded picture, on the gateway.
fn others(viewer: &Viewer) -> Result<(Vec<f64>, Vec<f64>)> {
    let gateway = viewer.gateway();
    // The gateway's session and the camera's encoder stay warm meanwhile: the comparison is in their favour.
    let mut keep = Command::new("ffmpeg");
    keep.args([
        "-v",
        "quiet",
        "-i",
        gateway.url(),
        "-c",
        "copy",
        "-f",
        "null",
        "-",
    ]);
    let _watching = crate::programs::Running::start(&mut keep);
    std::thread::sleep(Duration::from_secs(4));
    let tuned = [
        "-v",
        "error",
        "-probesize",
        "32",
        "-fflags",
        "nobuffer",
        "-analyzeduration",
        "0",
    ];
    let (mut probe, mut decoded) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut command = Command::new("ffprobe");
        command.args(tuned).args([
            "-select_streams",
            "v",
            "-show_entries",
            "frame=pts",
            "-read_intervals",
            "%+#1",
        ]);
        probe.push(ms(finish(command.args(["-i", gateway.url()]), PATIENCE)
            .succeeded()
            .took));
        let mut command = Command::new("ffmpeg");
        command.args(tuned).args([
            "-i",
            gateway.url(),
            "-an",
            "-frames:v",
            "1",
            "-f",
            "null",
            "-",
        ]);
        decoded.push(ms(finish(&mut command, PATIENCE).succeeded().took));
    }
    Ok((probe, decoded))
}
