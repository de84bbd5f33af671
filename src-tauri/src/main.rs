//! The app's shell: Tauri and nothing else. What is shown lives in `ui`, what happens in `app`.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod arguments;
mod call;
mod clipboard;
mod open;
mod store;

use anyhow::{Context as _, Result};
use app::App;
use app::api::{Event, Failure};
use app::texts::Lang;
use arguments::Arguments;
use clap::Parser as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tauri::{AppHandle, Emitter as _, Manager as _, RunEvent, WebviewUrl, WebviewWindowBuilder};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tokio::sync::broadcast::error::RecvError;
use tracing_subscriber::EnvFilter;

/// The only window, by its label in `tauri.conf.json`.
const WINDOW: &str = "main";
/// The event that carries every [`Event`] of the core to the page.
const EVENT: &str = "porthole";
/// Longest that closing sessions may hold up the end of the program.
const CLOSING: Duration = Duration::from_secs(2);
/// Longest that putting the machine's network back may, when a pairing was under way.
const NETWORK: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    app::install_crypto();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("porthole-desktop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let setup_arguments = arguments.clone();
    let single_instance = tauri_plugin_single_instance::Builder::new()
        .dbus_id(arguments.bus_name())
        .callback(|handle, _, _| show(handle))
        .build();
    let shell = tauri::Builder::default()
        .plugin(single_instance)
        .plugin(tauri_plugin_store::Builder::new().build())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        .invoke_handler(tauri::generate_handler![
            call::call,
            open::copy_file,
            open::open_file
        ])
        .setup(move |shell| Ok(start(shell.handle(), &setup_arguments)?))
        .build(tauri::generate_context!())
        .context("starting the window system")?;
    let code = shell.run_return(|handle, event| {
        if let RunEvent::Exit = event {
            close(handle);
        }
    });
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Starts the core and opens the window; a core that cannot start is told in a dialog, which then ends the app.
fn start(handle: &AppHandle, arguments: &Arguments) -> Result<()> {
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => handle
            .path()
            .app_data_dir()
            .context("finding the data folder")?,
    };
    let media = media_folder(handle, arguments, &folder);
    handle.manage(open::MediaFolder(media.clone()));
    end_when_asked(handle.clone());
    let starting = start_core(handle, folder, media, arguments.radio.clone());
    match tauri::async_runtime::block_on(starting) {
        Ok(core) => {
            forward_events(handle.clone(), &core, arguments.events);
            handle.manage(core);
            open_window(handle, arguments)
        }
        Err(failure) => {
            explain(handle, &failure);
            Ok(())
        }
    }
}

async fn start_core(
    handle: &AppHandle,
    folder: PathBuf,
    media: PathBuf,
    radio: Option<String>,
) -> Result<App, Failure> {
    let store = Box::new(store::PluginStore::open(handle, &folder)?);
    let options = app::Options {
        radio,
        viewer_name: app::viewer_on_this_machine("Porthole"),
        ..app::Options::new(folder, media, store)
    };
    App::start(options).await
}

/// Snapshots and recordings go where the system keeps videos; with a folder of one's own, into that.
fn media_folder(handle: &AppHandle, arguments: &Arguments, data: &Path) -> PathBuf {
    match (&arguments.data, handle.path().video_dir()) {
        (None, Ok(videos)) => videos.join("Porthole"),
        _ => data.join("media"),
    }
}

fn open_window(handle: &AppHandle, arguments: &Arguments) -> Result<()> {
    let windows = &handle.config().app.windows;
    let mut config = windows
        .iter()
        .find(|window| window.label == WINDOW)
        .cloned()
        .unwrap_or_default();
    config.url = WebviewUrl::App(arguments.page().into());
    WebviewWindowBuilder::from_config(handle, &config)
        .and_then(WebviewWindowBuilder::build)
        .context("opening the window")?;
    Ok(())
}

/// Sends the core's events to the page, and as lines to the standard output when asked for.
fn forward_events(handle: AppHandle, core: &App, mut is_printing: bool) {
    let mut events = core.events();
    tauri::async_runtime::spawn(async move {
        loop {
            let event = match events.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "the page was too slow for the core's events");
                    continue;
                }
                Err(RecvError::Closed) => return,
            };
            is_printing = is_printing && print(&event);
            if let Err(error) = handle.emit(EVENT, &event) {
                tracing::warn!("an event did not reach the page: {error}");
            }
        }
    });
}

/// False once nobody reads the output any more.
fn print(event: &Event) -> bool {
    let line = serde_json::to_string(event).unwrap_or_default();
    writeln!(std::io::stdout(), "{line}").is_ok()
}

/// A dialog in the user's language: what happened, why, what to do. Closing it ends the app.
fn explain(handle: &AppHandle, failure: &Failure) {
    let text = app::texts::text(failure, language());
    tracing::error!("the core did not start: {failure:?}");
    let handle = handle.clone();
    handle
        .clone()
        .dialog()
        .message(format!("{}\n\n{}", text.cause, text.next))
        .title(text.title)
        .kind(MessageDialogKind::Error)
        .show(move |_| handle.exit(1));
}

/// The language the system speaks, by the locale's usual variables.
fn language() -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok());
    Lang::of_locale(
        &locale
            .into_iter()
            .find(|value| !value.is_empty())
            .unwrap_or_default(),
    )
}

/// A second start: the window that is there comes to the front.
fn show(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(WINDOW) {
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
    }
}

/// Ends the app as closing its window would, at log-out or Ctrl-C.
fn end_when_asked(handle: AppHandle) {
    tauri::async_runtime::spawn(async move {
        ask_to_end().await;
        handle.exit(0);
    });
}

#[cfg(unix)]
async fn ask_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn ask_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Lets the core say goodbye to its cameras and finish its files.
fn close(handle: &AppHandle) {
    if let Some(core) = handle.try_state::<App>() {
        let closing = async {
            let _ = tokio::time::timeout(NETWORK, core.end_pairing()).await;
            tokio::time::timeout(CLOSING, core.shutdown()).await
        };
        if tauri::async_runtime::block_on(closing).is_err() {
            tracing::warn!("closing took longer than {CLOSING:?}");
        }
    }
}
