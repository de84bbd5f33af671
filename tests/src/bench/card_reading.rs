//! From the wish to the picture of a moment on the card, over a warm session; small pictures; the camera's memory meanwhile.

use super::card_far;
use super::peer::{Known, Peer, runtime};
use super::process::resident_kib;
use super::table::{Row, Target};
use crate::figures::{ms, p50, p95};
use crate::programs::{Camera, Folder, Viewer};
use crate::screen;
use crate::watching::Decoding;
use anyhow::{Context, Result, ensure};
use media::marks;
use p2p::{Priority, Request};
use std::time::{Duration, Instant};
use wire::stream::{Playback, StreamRequest, Thumbnail};

/// How much is on the card, in seconds.
const RECORDED: u64 = 40;
/// Measurements of each kind.
pub(super) const ROUNDS: u64 = 100;
/// Pictures a second of the virtual camera.
const FPS: u32 = 30;
/// Longest wait for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let card = Folder::temporary();
    let mut camera = Camera::start(&["--card", &card.path().to_string_lossy()]);
    let viewer = Viewer::paired(&camera);
    let link = viewer.share("front");
    let from = screen::unix_us() / 1_000_000 + 3;
    std::thread::sleep(Duration::from_secs(RECORDED));
    let camera_id = camera.process().id();
    let (seeks, small, memory) = runtime()?.block_on(async {
        let peer = Known::pair(&link).await?.bind().await?;
        let (mut seeks, mut small) = (Vec::new(), Vec::new());
        for at_ms in moments(from) {
            seeks.push(ms(seek(&peer, at_ms).await?));
            small.push(ms(thumbnail(&peer, at_ms / 1000).await?));
        }
        let memory = resident_kib(camera_id);
        peer.close().await;
        anyhow::Ok((seeks, small, memory))
    })?;
    let note = format!(
        "{ROUNDS} moments, from the request to the decoded picture of the moment; 720p, GOP 2 s"
    );
    let mut rows = vec![
        Row::new(
            "seek to picture, loopback, p50",
            Target::Beside,
            p50(&seeks),
            "ms",
        )
        .note(&note),
        Row::new(
            "seek to picture, loopback, p95",
            Target::AtMost(300.0),
            p95(&seeks),
            "ms",
        )
        .note(&note),
        Row::new(
            "thumbnail 320 wide, p95",
            Target::AtMost(60.0),
            p95(&small),
            "ms",
        )
        .note("request to JPEG"),
        Row::new(
            "camera's memory while it serves",
            Target::Beside,
            memory.map(|kib| kib / 1024.0),
            "MiB",
        )
        .note("records 720p and has answered all of the above"),
    ];
    rows.extend(card_far::rows(&viewer.share("front"), from)?);
    Ok(rows)
}

/// Moments on a card that begins at `from`, unix seconds: each far from the one before, at any place within its second; unix
/// ms.
pub(super) fn moments(from: u64) -> impl Iterator<Item = u64> {
    (0..ROUNDS).map(move |round| from * 1000 + round * 7919 % ((RECORDED - 10) * 1000))
}

/// Plays from a moment on; how long until its picture is decoded.
pub(super) async fn seek(peer: &Peer, at_ms: u64) -> Result<Duration> {
    let wanted = marks::counter_at(at_ms * 1000, FPS);
    let start = Instant::now();
    let target = StreamRequest::Playback(Playback::new(at_ms / 1000, at_ms / 1000 + 10)).to_path();
    let request = Request::get(target).priority(Priority::Video);
    let response = tokio::time::timeout(PATIENCE, peer.session.request(request)).await??;
    ensure!(
        response.status == 200,
        "the camera answered {}",
        response.status
    );
    let (mut body, mut decoding, mut found) = (response.body, Decoding::default(), None);
    while found.is_none() {
        let chunk = tokio::time::timeout(PATIENCE, body.chunk()).await?;
        let chunk = chunk.context("the stream ended")??;
        decoding.push(&chunk, |frame, _| {
            // A picture that the camera left out is not waited for.
            if frame.counter.is_some_and(|counter| counter >= wanted) {
                found = found.or(Some(frame.at));
            }
        });
    }
    Ok(found.unwrap_or(start) - start)
}

/// How long a small picture takes.
async fn thumbnail(peer: &Peer, time: u64) -> Result<Duration> {
    let start = Instant::now();
    let wanted = Thumbnail {
        channel: 0,
        time,
        width: Some(320),
    };
    let request = Request::get(StreamRequest::Thumbnail(wanted).to_path());
    let response = tokio::time::timeout(PATIENCE, peer.session.request(request)).await??;
    ensure!(
        response.status == 200,
        "the camera answered {}",
        response.status
    );
    let jpeg = response.body.read_to_end(1 << 20).await?;
    ensure!(jpeg.starts_with(&[0xff, 0xd8]), "no JPEG");
    Ok(start.elapsed())
}
