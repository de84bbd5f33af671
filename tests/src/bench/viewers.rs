//! Fifty viewers of one stream: what each costs the camera, and whether anybody misses a picture.

use super::peer::{Known, Peer, runtime};
use super::process::{resident_kib, tree_cpu_seconds};
use super::table::{Row, Target};
use crate::programs::Camera;
use anyhow::{Context, Result};
use flv::{Item, Reader, VideoKind};
use serde_json::{Value, json};
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};
use wire::stream::Quality;

const VIEWERS: usize = 50;
const WARM_UP: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(15);
/// A step of more than two pictures, ms: at least one was skipped.
const SKIPPED_MS: i64 = 60;

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let port = free_udp_port()?.to_string();
    let mut camera = Camera::start(&["--max-viewers", "60", "--port", &port]);
    let runtime = runtime()?;
    let known = runtime.block_on(Known::pair(&camera.link))?;
    // The camera slows down whoever tries many links: the other viewers are put on its list while it is off.
    camera.kill();
    let known = known.with_siblings(VIEWERS - 1)?;
    enlist(&camera.data().join("viewers.json"), &known)?;
    camera.restart();
    let id = camera.process().id();
    runtime.block_on(async {
        let first = Watching::start(known.first().context("a viewer")?).await?;
        tokio::time::sleep(WARM_UP).await;
        let alone = cost(id).await?;
        let mut all = vec![first];
        for one in &known[1..] {
            all.push(Watching::start(one).await?);
        }
        tokio::time::sleep(WARM_UP).await;
        let together = cost(id).await?;
        let mut skips = 0;
        let mut bytes = 0;
        for watching in all {
            let seen = watching.stop().await?;
            skips += seen.skips;
            bytes =
                bytes.max((seen.bytes as f64 * 8.0 / seen.took.as_secs_f64() / 1e4).round() as u64);
        }
        let others = (VIEWERS - 1) as f64;
        let memory = (together.kib - alone.kib) / others;
        let cpu = (together.cpu - alone.cpu) / others;
        Ok(vec![
            Row::new(
                "50 viewers, memory a viewer",
                Target::AtMost(256.0),
                Some(memory),
                "KiB",
            )
            .note(format!(
                "camera: {:.0} KiB with one, {:.0} with {VIEWERS}",
                alone.kib, together.kib
            )),
            Row::new(
                "50 viewers, CPU a viewer",
                Target::Beside,
                Some(cpu),
                "% of a core",
            )
            .note(format!(
                "{:.2} Mbit/s each; camera: {:.0} % with one, {:.0} % with {VIEWERS}",
                bytes as f64 / 100.0,
                alone.cpu,
                together.cpu
            )),
            Row::new(
                "50 viewers, pictures skipped",
                Target::AtMost(0.0),
                Some(f64::from(skips)),
                "steps",
            )
            .note("steps of more than 60 ms between pictures, all viewers together"),
        ])
    })
}

/// Adds viewers to a camera's list, as copies of its only entry.
fn enlist(file: &Path, known: &[Known]) -> Result<()> {
    let mut saved: Value =
        serde_json::from_slice(&std::fs::read(file)?).context("reading the list of viewers")?;
    let list = saved["viewers"]
        .as_array_mut()
        .context("a list of viewers")?;
    let entry = list.first().cloned().context("the paired viewer")?;
    for one in &known[1..] {
        let mut entry = entry.clone();
        entry["id"] = json!(one.id().to_string());
        list.push(entry);
    }
    Ok(std::fs::write(file, serde_json::to_vec(&saved)?)?)
}

fn free_udp_port() -> Result<u16> {
    Ok(UdpSocket::bind("0.0.0.0:0")?.local_addr()?.port())
}

struct Cost {
    kib: f64,
    cpu: f64,
}

async fn cost(id: u32) -> Result<Cost> {
    let (start, before) = (Instant::now(), tree_cpu_seconds(id));
    tokio::time::sleep(MEASURED).await;
    let cpu = (tree_cpu_seconds(id) - before) / start.elapsed().as_secs_f64() * 100.0;
    Ok(Cost {
        kib: resident_kib(id).context("the camera's memory")?,
        cpu,
    })
}

struct Seen {
    skips: u32,
    bytes: u64,
    took: Duration,
}

/// A viewer that reads and does not decode.
struct Watching {
    peer: Peer,
    reading: tokio::task::JoinHandle<Seen>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl Watching {
    async fn start(known: &Known) -> Result<Self> {
        let peer = known.bind().await?;
        let mut body = peer.live(Quality::High).await?;
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let reading = tokio::spawn(async move {
            let start = Instant::now();
            let mut seen = Seen {
                skips: 0,
                bytes: 0,
                took: Duration::ZERO,
            };
            let mut reader = Reader::default();
            let mut last = None;
            loop {
                let chunk = tokio::select! {
                    chunk = body.chunk() => chunk,
                    _ = &mut stopped => None,
                };
                let Some(Ok(chunk)) = chunk else { break };
                seen.bytes += chunk.len() as u64;
                reader.push(&chunk);
                while let Ok(Some(item)) = reader.next() {
                    if let Item::Video(tag) = item
                        && tag.kind == VideoKind::AccessUnit
                    {
                        seen.skips +=
                            u32::from(last.is_some_and(|last| tag.timestamp - last > SKIPPED_MS));
                        last = Some(tag.timestamp);
                    }
                }
            }
            seen.took = start.elapsed();
            seen
        });
        Ok(Self {
            peer,
            reading,
            stop,
        })
    }

    async fn stop(self) -> Result<Seen> {
        let _ = self.stop.send(());
        let seen = self.reading.await?;
        self.peer.close().await;
        Ok(seen)
    }
}
