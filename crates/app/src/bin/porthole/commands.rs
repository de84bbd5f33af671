//! Each command in its own file.

use crate::cli::{Cli, Command, Wifi};
use crate::out::Out;
use crate::times;
use app::api::{DownloadWhat, Failure, Relay};
use app::live::sound::Device;
use app::{App, FileStore, Options};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod add;
mod command;
mod discover;
mod download;
mod gateway;
mod list;
mod live;
mod nearby;
mod pair;
mod play;
mod ptz;
mod record;
mod recordings;
mod remove;
mod share;
mod snapshot;
mod talk;
mod thumbnail;
mod wifi;

/// Starts the core and does what was typed.
pub(crate) async fn run(cli: Cli, out: &Out) -> Result<(), Failure> {
    let data = cli.data.unwrap_or_else(default_data);
    let relay = cli.relay.map(|typed| match typed.as_str() {
        "public" => Relay::Public,
        _ => Relay::Own { url: typed },
    });
    let network = (cli.radio, relay, cli.relayed);
    let app = start(&data, network).await?;
    if let Some(notice) = app.core().book.notice() {
        let _ = out.failure(&notice);
    }
    let done = match cli.command {
        Command::Discover { seconds } => discover::run(&app, out, seconds).await,
        Command::Add { link, name, room } => add::run(&app, out, &link, name, room).await,
        Command::Pair(typed) => pair::run(&app, out, typed).await,
        Command::Wifi {
            command: Wifi::Scan,
        } => wifi::scan(&app, out).await,
        Command::List => list::run(&app, out),
        Command::Live {
            camera,
            quality,
            output,
            seconds,
            stats,
        } => {
            live::run(
                &app,
                out,
                live::Wanted {
                    camera,
                    quality: quality.into(),
                    output,
                    seconds,
                    stats,
                },
            )
            .await
        }
        Command::Snapshot {
            camera,
            file,
            quality,
        } => snapshot::run(&app, out, &camera, &file, quality.into()).await,
        Command::Record {
            camera,
            file,
            seconds,
            quality,
        } => record::run(&app, out, &camera, file, seconds, quality.into()).await,
        Command::Recordings { camera, day } => {
            recordings::recordings(&app, out, &camera, span(day)).await
        }
        Command::Files {
            camera,
            day,
            pictures,
        } => recordings::files(&app, out, &camera, span(day), pictures).await,
        Command::Play {
            camera,
            from,
            to,
            speed,
            output,
        } => play::run(&app, out, &camera, (from, to), speed, &output).await,
        Command::Download {
            camera,
            name,
            from,
            to,
            output,
        } => {
            let what = match name {
                Some(name) => DownloadWhat::File { name },
                None => DownloadWhat::Range {
                    from_ms: from.unwrap_or_default(),
                    to_ms: to.unwrap_or_default(),
                },
            };
            download::run(&app, out, &camera, what, &output).await
        }
        Command::Thumbnail {
            camera,
            at,
            file,
            width,
        } => thumbnail::run(&app, out, &camera, at, &file, width).await,
        Command::Gateway => gateway::run(&app, out).await,
        Command::Raw { camera, query } => command::run(&app, out, &camera, &query).await,
        Command::Ptz {
            camera,
            to,
            seconds,
        } => ptz::run(&app, out, &camera, to, seconds).await,
        Command::Talk(typed) => talk::run(&app, out, typed).await,
        Command::Share { camera } => share::run(&app, out, &camera).await,
        Command::Remove { camera } => remove::run(&app, out, &camera).await,
    };
    app.shutdown().await;
    done
}

/// A day, by default today.
fn span(day: Option<(i64, i64)>) -> (i64, i64) {
    day.or_else(|| times::day(&times::today()).ok())
        .unwrap_or_default()
}

async fn start(
    data: &Path,
    (radio, relay, relayed): (Option<String>, Option<Relay>, bool),
) -> Result<App, Failure> {
    let store = FileStore::open(data)?;
    let mut options = Options::new(data, data, Box::new(store));
    options.sound = Device::None;
    options.gateway = false;
    options.hub = false;
    options.downloads = false;
    options.radio = radio;
    options.relay = relay;
    options.relayed = relayed;
    options.viewer_name = app::viewer_on_this_machine("porthole");
    App::start(options).await
}

/// `$XDG_DATA_HOME/porthole`, or `~/.local/share/porthole`.
fn default_data() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_default()
        .join("porthole")
}

/// Resolves at Ctrl-C, SIGTERM, or after that many seconds.
async fn end(seconds: Option<f64>) {
    let time = async {
        match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time => {}
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
