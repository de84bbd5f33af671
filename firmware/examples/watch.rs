//! A viewer for measurements: pairs by a link, watches, prints what came and what the camera counts.
//!
//! `cargo run -p firmware --example watch -- LINK QUALITY SECONDS [FILE.flv]`

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;
use p2p::{Endpoint, Identity, Priority, Request, Role};
use wire::link::Link;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [link, quality, seconds, file @ ..] = &args[..] else {
        anyhow::bail!("LINK QUALITY SECONDS [FILE.flv]")
    };
    let (link, time): (Link, _) = (link.parse()?, Duration::from_secs(seconds.parse()?));
    let mut file = file.first().map(std::fs::File::create).transpose()?;

    let options = p2p::Options::new(Identity::ephemeral()?, Role::Viewer);
    let endpoint = Endpoint::bind(p2p::Options {
        lan: false,
        ..options
    })
    .await?;
    let session = endpoint.session(link.address);
    let secret = link.secret.context("this link invites nobody")?;
    session
        .pair(wire::pair::Request {
            secret,
            viewer_name: "watch".into(),
        })
        .await?;

    let target = format!("/ipc.p2p.com/ipc.flv?action=live&channel=0&quality={quality}");
    let asked = Instant::now();
    let mut response = session
        .request(Request::get(target).priority(Priority::Video))
        .await?;
    anyhow::ensure!(response.status == 200, "status {}", response.status);
    let (mut bytes, mut first) = (0, None);
    while asked.elapsed() < time {
        let Some(chunk) = response.body.chunk().await.transpose()? else {
            break;
        };
        first.get_or_insert(asked.elapsed());
        bytes += chunk.len();
        if let Some(file) = &mut file {
            file.write_all(&chunk)?;
        }
    }
    let kbit_s = bytes as f64 * 8.0 / 1000.0 / asked.elapsed().as_secs_f64();
    println!(
        "first byte after {:?}, {bytes} bytes, {kbit_s:.0} kbit/s",
        first.unwrap_or_default()
    );
    let stats = Request::get("/ipc.p2p.com/command?action=user_define&channel=0&cmd=stats");
    let stats = session
        .request(stats)
        .await?
        .body
        .read_to_end(100_000)
        .await?;
    println!("{}", String::from_utf8_lossy(&stats));
    drop(response);
    session.request(Request::get("/ipc.p2p.com/command?action=user_define&channel=0&cmd=%7B%22topic%22:%22forget_me%22%7D")).await?;
    endpoint.close().await;
    Ok(())
}
